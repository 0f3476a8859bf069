// Behaviour of the documents: opening them, finding and filtering, sending files, removing.
// Gradio runs this file as the body of a function, with `element` and `trigger` given.
// The component may be mounted again: what outlives it is kept in `view`, and bound to the document once.

const view = (window.sourcierDocuments ??= {bound: false, only: '', timer: 0, sequence: 0});
view.element = element;
view.trigger = trigger;

const root = document.documentElement;
const phone = window.matchMedia('(max-width: 860px)');
const AT_ONCE = 3;

const box = () => document.getElementById('documents');
const finder = () => view.element.querySelector('.finder');
const form = () => view.element.querySelector('form');
const word = (name) => finder()?.dataset[name] ?? '';
const isOpen = () => root.dataset.documents === 'open';

// --- Open and shut; on a phone they are a sheet over the conversation ---

function open() {
  root.dataset.documents = 'open';
  if (phone.matches) for (const id of ['top', 'left']) document.getElementById(id).inert = true;
  showState();
  focusSoon(document.getElementById('documents-title'));
}

function shut(focus = true) {
  if (!isOpen()) return;
  delete root.dataset.documents;
  if (phone.matches && !root.dataset.sheet) for (const id of ['top', 'left']) document.getElementById(id).inert = false;
  showState();
  if (focus) document.getElementById('documents-open')?.focus();
}

function showState() {
  const button = document.getElementById('documents-open');
  if (button && button.getAttribute('aria-expanded') !== String(isOpen())) button.setAttribute('aria-expanded', String(isOpen()));
}

// A sheet that is sliding in can still be hidden for some frames, and what is hidden takes no focus.
function focusSoon(target, attempts = 40) {
  target?.focus({preventScroll: true});
  if (target && document.activeElement !== target && attempts) requestAnimationFrame(() => focusSoon(target, attempts - 1));
}

// --- Finding and filtering ---

function seek() {
  clearTimeout(view.timer);
  view.trigger('seek', {...Object.fromEntries(new FormData(form())), only: view.only, sequence: ++view.sequence});
}

function seekSoon() {
  clearTimeout(view.timer);
  view.timer = setTimeout(seek, 250);
}

function setOnly(id) {
  view.only = id;
  if (id) form().elements.source.value = '';
  seek();
}

function dropFilter(name) {
  const before = document.activeElement?.closest('#filters');
  if (name === 'source') view.only = '';
  form().elements[name].value = '';
  seek();
  if (before) document.querySelector('#box textarea')?.focus();
}

function clearFilters() {
  view.only = '';
  for (const name of ['after', 'before', 'language', 'source']) form().elements[name].value = '';
  seek();
  document.querySelector('#box textarea')?.focus();
}

// --- Sending files ---

function reasonAgainst(file) {
  const suffix = /\.[^.]+$/.exec(file.name)?.[0].toLowerCase() ?? '';
  if (!word('kinds').split(' ').includes(suffix)) return 'kind';
  return file.size > Number(word('limit')) * 2 ** 20 ? 'large' : '';
}

// Resolves with a ticket, or with the reason why there is none.
function send(file, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    const reasons = {413: 'large', 415: 'kind', 507: 'full'};
    request.open('PUT', `upload?name=${encodeURIComponent(file.name.toWellFormed?.() ?? file.name)}`);
    request.setRequestHeader('x-upload-key', word('key'));
    request.upload.onprogress = (event) => onProgress(event.loaded);
    request.onerror = () => resolve({reason: 'failed'});
    request.onload = () => {
      if (request.status === 200) resolve(JSON.parse(request.responseText));
      else resolve({reason: reasons[request.status] ?? 'failed'});
    };
    request.send(file);
  });
}

async function sendAll(files) {
  if (!files.length || !word('key')) return;
  const refused = [];
  const wanted = [];
  for (const file of files) {
    const reason = reasonAgainst(file) || (wanted.length >= Number(word('most')) ? 'many' : '');
    if (reason) refused.push({name: file.name, reason});
    else wanted.push(file);
  }
  const all = wanted.reduce((sum, file) => sum + file.size, 0);
  const sent = wanted.map(() => 0);
  const tickets = [];
  let next = 0;
  let done = 0;
  showSending(done, wanted.length, 0);
  const sendNext = async () => {
    while (next < wanted.length) {
      const mine = next++;
      const result = await send(wanted[mine], (loaded) => {
        sent[mine] = loaded;
        showSending(done, wanted.length, sent.reduce((sum, part) => sum + part, 0) / (all || 1));
      });
      done += 1;
      if (result.ticket) tickets.push(result.ticket);
      else refused.push({name: wanted[mine].name, reason: result.reason});
    }
  };
  await Promise.all(Array.from({length: AT_ONCE}, sendNext));
  showSending(0, 0, 0);
  view.trigger('take', {tickets, refused});
}

function showSending(done, total, share) {
  const place = view.element.querySelector('.sending');
  if (!place) return;
  place.hidden = !total;
  place.querySelector('p').textContent = total ? word('sending').replace('{done}', done).replace('{total}', total) : '';
  place.querySelector('progress').value = share;
}

// --- Dropping files, anywhere on the page ---

const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes('Files');

function onDrag(event) {
  if (!carriesFiles(event)) return;
  event.preventDefault(); // or the browser would open the file in place of the chat
  event.stopPropagation();
  if (!word('key')) return;
  if (event.type === 'dragenter' && !isOpen()) open();
  const leaves = event.type === 'drop' || (event.type === 'dragleave' && !event.relatedTarget);
  box().classList.toggle('dropping', !leaves);
  if (event.type === 'drop') sendAll([...event.dataTransfer.files]);
}

// --- Clicks, keys, fields ---

function onClick(event) {
  const button = event.target.closest?.('button');
  if (event.target.closest?.('a.cite')) shut(false);
  else if (!button) { if (isOpen() && phone.matches && !event.target.closest?.('#documents')) shut(); }
  else if (button.id === 'documents-open') { if (isOpen()) shut(); else open(); }
  else if (button.matches('#documents .shut')) shut();
  else if (button.matches('#documents .add')) view.element.querySelector('input[type=file]').click();
  else if (button.matches('#documents .only')) setOnly(button.value);
  else if (button.matches('#documents .remove')) confirmRow(button, true);
  else if (button.matches('#documents .spare')) confirmRow(button, false);
  else if (button.matches('#documents .sure')) discard(button);
  else if (button.matches('#filters .chip')) dropFilter(button.value);
  else if (button.matches('#filters .clear')) clearFilters();
}

function confirmRow(button, asking) {
  const row = button.closest('li');
  row.querySelector('.confirm').hidden = !asking;
  row.querySelector('.row-actions').hidden = asking;
  row.querySelector(asking ? '.spare' : '.remove').focus();
}

function discard(button) {
  confirmRow(button, false); // the row's place is another's when the list is drawn again
  document.getElementById('documents-title')?.focus({preventScroll: true});
  view.trigger('discard', {document: button.value});
}

function onKey(event) {
  if (event.key === 'Escape' && isOpen() && !event.defaultPrevented) shut();
}

function onInput(event) {
  if (event.target.matches?.('#documents input[name=search]')) seekSoon();
}

function onChange(event) {
  const field = event.target;
  if (field.matches?.('#documents input[type=file]')) {
    const files = [...field.files];
    field.value = '';
    sendAll(files);
  } else if (field.matches?.('#documents form :is(input, select)')) {
    if (field.name === 'source') view.only = '';
    seek();
  }
}

function onSubmit(event) {
  if (!event.target.matches?.('#documents form')) return;
  event.preventDefault();
  seek();
}

function bindOnce() {
  if (view.bound) return;
  view.bound = true;
  document.addEventListener('click', onClick, true);
  document.addEventListener('keydown', onKey);
  document.addEventListener('input', onInput, true);
  document.addEventListener('change', onChange, true);
  document.addEventListener('submit', onSubmit, true);
  for (const kind of ['dragenter', 'dragover', 'dragleave', 'drop']) document.addEventListener(kind, onDrag, true);
  phone.addEventListener('change', () => shut(false));
}

bindOnce();
watch('value', showState);
showState();
