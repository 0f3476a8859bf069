// Behaviour of the source panel, and of the links and buttons in messages that belong to it.
// Gradio runs this file as the body of a function, with `element`, `trigger` and `watch` given.
// The component may be mounted again: what outlives it is kept in `page`, and bound to the document once.

const page = (window.sourcier ??= {sequence: 0, wanted: false, byKeyboard: false, opener: null, bound: false});
page.element = element;
page.trigger = trigger;

const root = document.documentElement;
const phone = window.matchMedia('(max-width: 860px)');
const calm = window.matchMedia('(prefers-reduced-motion: reduce)');

const panel = () => page.element.querySelector('.panel');
const word = (name) => panel()?.dataset[name] ?? '';
const linkTo = (turn, number) => `a.cite[href="#cite-${turn}-${number}"]`;

// With a part, its document is opened there instead of the passage.
function openSource(turn, number, part = null) {
  page.wanted = true;
  page.opener = linkTo(turn, number);
  page.last = {turn, number, part, sequence: ++page.sequence};
  page.trigger('cite', page.last);
}

// Of several clicks in a row Gradio may drop the last: then what is shown is of an earlier one.
function askAgainIfOvertaken() {
  const isOvertaken = () => Number(panel()?.dataset.sequence) > 0 && Number(panel().dataset.sequence) < page.sequence;
  clearTimeout(page.late);
  if (isOvertaken()) page.late = setTimeout(() => { if (isOvertaken()) page.trigger('cite', page.last); }, 200);
}

const openTurn = () => Number(panel().dataset.turn);
const openNumber = () => Number(panel().dataset.active);

// --- The sheet: on a phone the panel slides over the conversation ---

function openSheet() {
  root.dataset.sheet = 'open';
  for (const id of ['top', 'left']) document.getElementById(id).inert = true;
}

function closeSheet() {
  if (!root.dataset.sheet) return;
  delete root.dataset.sheet;
  for (const id of ['top', 'left']) document.getElementById(id).inert = false;
  if (page.opener) document.querySelector(page.opener)?.focus({preventScroll: true});
}

// A sheet that is sliding in can still be hidden for some frames, and a hidden button takes no focus.
function focusSoon(target, attempts = 40) {
  target.focus({preventScroll: true});
  if (document.activeElement !== target && attempts) requestAnimationFrame(() => focusSoon(target, attempts - 1));
}

// --- After each new content of the panel ---

function showActive() {
  const current = panel();
  if (!current) return;
  root.lang = current.dataset.language;
  tidyMessages();
  if (page.wanted) {
    if (phone.matches) openSheet();
    const target = current.querySelector('.card.open .toggle, .back');
    if (target && (page.byKeyboard || phone.matches)) focusSoon(target);
  }
  scrollToSentence(current, page.wanted);
  page.wanted = false;
  askAgainIfOvertaken();
}

function scrollToSentence(current, flash) {
  const box = page.element.closest('#panel') ?? page.element;
  const target = current.querySelector('.card.open mark, .whole mark') ?? current.querySelector('.card.open');
  if (!target) {
    box.scrollTo({top: 0});
    return;
  }
  const {top, height} = target.getBoundingClientRect();
  const offset = top - box.getBoundingClientRect().top + box.scrollTop;
  const fits = offset + Math.min(height, box.clientHeight / 3) < box.clientHeight * 0.8;
  box.scrollTo({top: fits ? 0 : offset - box.clientHeight / 4, behavior: calm.matches ? 'auto' : 'smooth'});
  if (flash && target.matches('mark')) {
    target.classList.remove('flash');
    void target.offsetWidth; // restarts the animation
    target.classList.add('flash');
  }
}

// Messages are drawn by Gradio, sometimes after the panel: this runs again after every change of the page.
function tidyMessages() {
  labelGradio();
  const {turn, active} = panel()?.dataset ?? {};
  const current = turn ? document.querySelector(linkTo(turn, active)) : null;
  for (const link of document.querySelectorAll('a.cite[aria-current]')) {
    if (link !== current) link.removeAttribute('aria-current');
  }
  label(current, 'aria-current', 'true');
}

// --- Copy: the text is the button's value ---

async function copy(button) {
  if (navigator.clipboard) await navigator.clipboard.writeText(button.value);
  else copyWithoutClipboard(button.value); // plain http on a local network
  button.dataset.label ??= button.textContent;
  button.textContent = word('copied');
  setTimeout(() => { button.textContent = button.dataset.label; }, 1500);
}

function copyWithoutClipboard(text) {
  const area = document.createElement('textarea');
  area.value = text;
  document.body.append(area);
  area.select();
  document.execCommand('copy');
  area.remove();
}

// --- Names and roles that Gradio gives no way to set from Python ---

function label(target, name, value) {
  if (target && value && target.getAttribute(name) !== value) target.setAttribute(name, value);
}

function labelGradio() {
  const examples = document.querySelector('#chat .examples');
  label(examples, 'role', 'group'); // a list whose items are buttons is announced wrongly
  label(examples, 'aria-label', word('examples'));
  label(document.querySelector('#chat [role=log]'), 'aria-label', word('conversation'));
  label(document.querySelector('#box .submit-button'), 'aria-label', word('send'));
  label(document.querySelector('#box textarea'), 'aria-label', word('question')); // its <label> holds the button too
  label(document.querySelector('#box textarea'), 'enterkeyhint', 'send');
  // Gradio names each message by its HTML source.
  for (const message of document.querySelectorAll('#chat [data-testid=bot][aria-label], #chat [data-testid=user][aria-label]')) {
    message.removeAttribute('aria-label');
  }
}

// --- Clicks and keys ---

function onClick(event) {
  const link = event.target.closest?.('a.cite');
  const alone = event.target.closest?.('a.alone');
  const button = event.target.closest?.('button');
  if (link) followCitation(event, link);
  else if (alone) askAlone(event, alone);
  else if (button?.matches('.copy')) copy(button);
  else if (button?.matches('.panel .close')) closeSheet();
  else if (button?.matches('.panel .toggle')) openSource(openTurn(), Number(button.dataset.number));
  else if (button?.matches('.panel .step')) openSource(openTurn(), Number(button.value));
  else if (button?.matches('.panel .back')) openSource(openTurn(), openNumber());
  else if (button?.matches('.panel .part')) openSource(openTurn(), openNumber(), Number(button.value));
  else if (!event.target.closest?.('#panel')) closeSheet();
}

function followCitation(event, link) {
  const found = /^#cite-(\d+)-(\d+)$/.exec(link.getAttribute('href'));
  event.preventDefault(); // the page has a <base>: followed, the link would load another page
  event.stopPropagation();
  if (found) openSource(Number(found[1]), Number(found[2]));
}

function askAlone(event, link) {
  const found = /^#alone-(\d+)$/.exec(link.getAttribute('href'));
  event.preventDefault();
  event.stopPropagation();
  if (found) page.trigger('alone', {turn: Number(found[1])});
}

function onKey(event) {
  page.byKeyboard = true;
  if (event.key === 'Escape') closeSheet();
  const step = event.altKey && {ArrowUp: 0, ArrowDown: 1}[event.key];
  if (step === 0 || step === 1) {
    const button = panel()?.querySelectorAll('.step')[step];
    if (button && !button.disabled) openSource(openTurn(), Number(button.value));
    event.preventDefault();
  }
}

function bindOnce() {
  if (page.bound) return;
  page.bound = true;
  document.addEventListener('click', onClick, true);
  document.addEventListener('keydown', onKey, true);
  document.addEventListener('pointerdown', () => { page.byKeyboard = false; }, true);
  phone.addEventListener('change', closeSheet);
  new MutationObserver(tidyMessages).observe(document.body, {
    childList: true, subtree: true, attributes: true, attributeFilter: ['aria-label', 'role'],
  });
}

bindOnce();
watch('value', showActive);
showActive();
