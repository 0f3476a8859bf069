// Light or dark, and the language: chosen once, kept in this browser.
// Gradio runs this file as the body of a function, with `element` and `watch` given.

const DARK = 'sourcier-dark';
const A_YEAR = 365 * 24 * 3600;
const systemIsDark = window.matchMedia('(prefers-color-scheme: dark)');

// A browser may forbid storage; the choice then lasts as long as the page.
function kept(name) {
  try { return localStorage.getItem(name); } catch { return null; }
}

function keep(name, value) {
  try { localStorage.setItem(name, value); } catch { /* see above */ }
}

// An address may ask for a theme (`?__theme=dark`), as in every Gradio page.
const asked = new URL(location).searchParams.get('__theme');
let chosen = {dark: true, light: false}[asked] ?? {true: true, false: false}[kept(DARK)] ?? null;

const isDark = () => chosen ?? systemIsDark.matches;

function showTheme() {
  document.body.classList.toggle('dark', isDark());
  element.querySelector('.theme')?.setAttribute('aria-pressed', String(isDark()));
}

element.addEventListener('click', (event) => {
  if (!event.target.closest('.theme')) return;
  chosen = !isDark();
  keep(DARK, String(chosen));
  showTheme();
});

// The server draws the first page in the language that this cookie names. The switch may be drawn after this runs.
document.addEventListener('change', (event) => {
  if (!event.target.closest('#language')) return;
  document.cookie = `sourcier-language=${event.target.value}; path=/; max-age=${A_YEAR}; samesite=strict`;
});

// Gradio follows the system on its own; whichever of the two listens first, the choice wins.
systemIsDark.addEventListener('change', () => requestAnimationFrame(showTheme));
watch('value', showTheme);
showTheme();
