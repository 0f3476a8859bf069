// Conversations that this browser keeps: their list, their addresses, and what is done about a turn.
// Gradio runs this file as the body of a function, with `element`, `trigger` and `watch` given.
// The component may be mounted again: what outlives it is kept in `here`, and bound to the page once.
// Whatever was asked or quoted is put into the page as text, never as HTML.

const here = (window.sourcierHistory ??= {
  bound: false,
  sequence: 0, // of the last news from the server
  current: null, // the open conversation: {id, title, created, changed, numbers, turns}
  wanted: new Map(), // conversations that the server was asked to open, by id
  deleted: new Map(), // those that can still be brought back, by id
  canKeep: true,
  isFull: false,
});
here.element = element;
here.trigger = trigger;

const MOST_CONVERSATIONS = 50;
const MOST_TURNS = 100; // as the server takes them back
const MOST_CHARACTERS = 4_000_000;
const RESEND_MS = 2500; // no answer by then: it got lost
const PREFIX = 'sourcier-conversation-';
const PROBE = 'sourcier-probe';
const ADDRESS = /^#c=([0-9a-f]{16})$/;

const root = document.documentElement;
const touch = window.matchMedia('(hover: none)');
const news = () => here.element.querySelector('.history')?.dataset ?? {};
const read = (name) => JSON.parse(news()[name] ?? 'null');
const word = (name) => read('words')?.[name] ?? '';

// Elements of our own: texts are appended, and text is all that they can be.
function make(tag, attributes = {}, ...content) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith('on')) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, '');
    else if (value !== false && value != null) made.setAttribute(name, value);
  }
  made.append(...content);
  return made;
}

const button = (label, onclick, attributes = {}) => make('button', {type: 'button', onclick, ...attributes}, label);

// --- What is kept: each conversation under a key of its own, so that two tabs never write over each other's ---

// What may be missing, forbidden or full: then conversations live as long as the page.
function attempt(action, otherwise) {
  try {
    return action(window.localStorage);
  } catch {
    return otherwise;
  }
}

function keysKept(storage) {
  return Object.keys(storage).filter((key) => key.startsWith(PREFIX));
}

function readKept(id) {
  return attempt(() => checked(JSON.parse(textAt(PREFIX + id)), id), null);
}

const isTime = (value) => typeof value === 'number' && !Number.isNaN(new Date(value).getTime());

// Another program at this address may have written anything there.
function checked(record, id) {
  const sound = record?.id === id && Array.isArray(record.turns) && record.turns.length
    && record.turns.every((turn) => typeof turn?.question === 'string')
    && isTime(record.created) && isTime(record.changed);
  return sound ? {...record, title: typeof record.title === 'string' ? record.title : ''} : null;
}

function allKept() {
  const ids = attempt(keysKept, []).map((key) => key.slice(PREFIX.length));
  return ids.map(readKept).filter(Boolean).sort((one, other) => other.changed - one.changed);
}

// The oldest conversations make room; where even that does not help, nothing of them is lost.
function keep(record) {
  const {id, title, created, changed, turns} = record;
  const text = JSON.stringify({id, title, created, changed, turns: turns.slice(-MOST_TURNS)});
  const others = allKept().filter((other) => other.id !== id).map((other) => [PREFIX + other.id, textAt(PREFIX + other.id)]);
  const dropped = [];
  const dropOldest = () => {
    dropped.push(others.pop());
    attempt((storage) => storage.removeItem(dropped.at(-1)[0]));
  };
  const size = () => others.reduce((sum, [, other]) => sum + other.length, text.length);
  while (others.length >= MOST_CONVERSATIONS || (others.length && size() > MOST_CHARACTERS)) dropOldest();
  while (!put(PREFIX + id, text) && others.length) dropOldest();
  const wasFull = here.isFull;
  here.isFull = textAt(PREFIX + id) !== text;
  if (here.isFull) dropped.forEach(([key, other]) => put(key, other));
  if (here.isFull && !wasFull) say(word('history_full'));
}

const textAt = (key) => attempt((storage) => storage.getItem(key), null);
const put = (key, text) => attempt((storage) => { storage.setItem(key, text); return true; }, false);

function forget(id) {
  attempt((storage) => storage.removeItem(PREFIX + id));
}

function canKeep() {
  const isAble = put(PROBE, '');
  attempt((storage) => storage.removeItem(PROBE));
  return isAble;
}

function titleOf(record) {
  return record.title || record.turns[0].question;
}

// --- News from the server ---

function receive() {
  const state = read('state');
  drawList();
  if (!state) return;
  const isFirst = !here.sequence;
  if (state.sequence > here.sequence) {
    const isLost = !isFirst && state.sequence > here.sequence + 1;
    here.sequence = state.sequence;
    if (!take(state, isFirst) || isLost) here.trigger('resend');
    act(state.notice);
  }
  if (isFirst) openAddressed(null, isFirst);
  tidy();
}

// Take over what has changed; false where something is missing, since it got lost on the way.
function take(state, isFirst) {
  const opened = here.wanted.get(state.conversation);
  const isRefused = !opened && here.wanted.size > 0;
  const isOther = state.conversation !== here.current?.id;
  if (isOther) {
    here.wanted.clear();
    here.current = opened?.record.turns.length === state.numbers.length
      ? {...opened.record, numbers: state.numbers}
      : {id: state.conversation, title: '', created: Date.now(), changed: 0, numbers: [], turns: []};
  }
  const {current} = here;
  const before = new Map(current.numbers.map((number, place) => [number, current.turns[place]]));
  const changed = new Map(state.turns.map((turn) => [turn.number, turn]));
  if (!state.numbers.every((number) => before.has(number) || changed.has(number))) return false;
  const isChanged = changed.size > 0 || (!isOther && state.numbers.length !== current.numbers.length);
  current.turns = state.numbers.map((number) => turnToKeep(before.get(number), changed.get(number)));
  current.numbers = state.numbers;
  if (isChanged && current.turns.length) {
    current.title = readKept(current.id)?.title ?? current.title; // it may have been renamed elsewhere
    current.changed = Date.now();
    keep(current);
  }
  if (!isFirst) showAddress(isOther && !isRefused && (opened?.push ?? true));
  drawList();
  return true;
}

// An answer that the documents no longer hold stays kept as it was: they may come back.
function turnToKeep(before, after) {
  if (!after) return before;
  if (after.stale) return before ?? {question: after.question, alone: after.alone};
  const {question, alone, answer, problem, feedback} = after;
  return {question, alone, answer, problem, feedback};
}

function act(notice) {
  if (!notice) return;
  if (notice.text) say(notice.text);
  if (notice.file) saveAs(notice.file, 'text/markdown', 'md', readKept(notice.conversation) ?? here.current);
}

// --- Addresses: each conversation has one, and the browser's history leads through them ---

function showAddress(isPushed) {
  const {current} = here;
  // The page has a <base>, against which a bare #… would be resolved.
  const place = location.pathname + location.search + (current.turns.length ? `#c=${current.id}` : '');
  if (place !== location.pathname + location.search + location.hash) {
    window.history[isPushed ? 'pushState' : 'replaceState'](null, '', place);
  }
  document.title = current.turns.length ? `${titleOf(current)} – sourcier` : 'sourcier';
}

function openAddressed(event, isFirst = false) {
  const id = ADDRESS.exec(location.hash)?.[1];
  if (!here.current || id === here.current.id) return;
  const record = id && readKept(id);
  if (record) openKept(record, false);
  else if (here.current.turns.length && !isFirst) here.trigger('fresh');
  else showAddress(false);
}

// Gradio may lose an event, above all one of a page that it is still setting up: it is sent again.
function openKept(record, push, tries = 4) {
  const wish = {record, push};
  here.wanted.set(record.id, wish);
  here.trigger('restore', {...record, turns: record.turns.slice(-MOST_TURNS)});
  setTimeout(() => {
    if (here.wanted.get(record.id) === wish && tries > 1) openKept(record, push, tries - 1);
  }, RESEND_MS);
}

// --- The list ---

const drawer = () => document.getElementById('history-list');
const rows = () => drawer()?.querySelector('ul');

function openList() {
  if (!drawer()) {
    document.querySelector('.gradio-container').append(
      make('dialog', {id: 'history-list', 'aria-labelledby': 'history-title', onclick: closeFromBeside, oncancel: keepOpenWhileEditing}),
    );
  }
  here.deleted.clear();
  here.canKeep = canKeep();
  drawList(true);
  drawer().showModal(); // keeps the focus inside, closes on Escape and gives the focus back
}

function closeList() {
  drawer()?.close();
}

function closeFromBeside(event) {
  if (event.target === drawer()) closeList();
}

function keepOpenWhileEditing(event) {
  if (rows()?.querySelector('form')) event.preventDefault();
}

// Drawn anew only while it is open, and not under somebody's hands.
function drawList(isOpening = false) {
  const list = drawer();
  if (!list || (!isOpening && (!list.open || list.querySelector('form, .sure')))) return;
  const focused = list.contains(document.activeElement) ? document.activeElement.dataset.key : null;
  const kept = allKept();
  const present = [...kept, ...here.deleted.values()].sort((one, other) => other.changed - one.changed);
  list.lang = word('language');
  list.replaceChildren(
    make('header', {}, make('h2', {id: 'history-title'}, word('history')),
      button('✕', closeList, {class: 'close', 'aria-label': word('close_history')})),
    make('p', {class: 'hint'}, word(!here.canKeep ? 'history_off' : here.isFull ? 'history_full' : 'history_hint')),
    make('p', {class: 'said', role: 'status'}),
    present.length ? make('ul', {}, ...present.map(rowOf)) : make('p', {class: 'none'}, word('history_none')),
    ...(kept.length > 1 ? [make('footer', {}, button(word('delete_all'), askDeleteAll, {'data-key': 'all'}))] : []),
  );
  if (focused) list.querySelector(`[data-key="${CSS.escape(focused)}"]`)?.focus();
}

function rowOf(record) {
  if (here.deleted.has(record.id)) return deletedRow(record);
  const isCurrent = record.id === here.current?.id;
  const date = new Date(record.changed);
  const tool = (name, label, action) => button(label, action, {'data-key': `${name}-${record.id}`});
  return make('li', {'data-id': record.id},
    button(make('bdi', {class: 'name'}, titleOf(record)), () => choose(record.id),
      {class: 'open', 'data-key': `open-${record.id}`, 'aria-current': isCurrent && 'true'}),
    make('time', {datetime: date.toISOString()}, date.toLocaleString(word('language'), {dateStyle: 'medium', timeStyle: 'short'})),
    make('div', {class: 'row', role: 'group', 'aria-label': titleOf(record)},
      tool('rename', word('rename'), () => rename(record.id)),
      button('Markdown', () => here.trigger('save_file', readKept(record.id)), {'aria-label': word('export_markdown'), 'data-key': `md-${record.id}`}),
      button('JSON', () => saveJson(record.id), {'aria-label': word('export_json'), 'data-key': `json-${record.id}`}),
      tool('delete', word('delete'), () => remove(record.id))));
}

function deletedRow(record) {
  return make('li', {class: 'deleted', 'data-id': record.id},
    make('bdi', {}, word('deleted').replace('{title}', () => titleOf(record))), ' ',
    button(word('undo'), () => bringBack(record.id), {'data-key': `undo-${record.id}`}));
}

function choose(id) {
  closeList();
  const record = readKept(id);
  if (record && id !== here.current?.id) openKept(record, true);
  if (!touch.matches) document.querySelector('#box textarea')?.focus(); // it would bring up a phone's keyboard
}

function rename(id) {
  const record = readKept(id);
  const row = rows()?.querySelector(`[data-id="${id}"]`);
  if (!record || !row) return;
  const field = make('input', {type: 'text', value: titleOf(record), maxlength: read('longest').title, 'aria-label': word('new_title')});
  const done = (title) => {
    if (title) {
      keep({...readKept(id) ?? record, title});
      if (here.current?.id === id) {
        here.current.title = title;
        showAddress(false);
      }
    }
    form.remove();
    drawList();
    drawer().querySelector(`[data-key="rename-${id}"]`)?.focus();
  };
  const form = make('form', {
    onsubmit: (event) => { event.preventDefault(); done(field.value.trim()); },
    onkeydown: (event) => { if (event.key === 'Escape') { event.preventDefault(); done(''); } },
  }, field, make('div', {class: 'row'}, make('button', {type: 'submit'}, word('save')), button(word('cancel'), () => done(''))));
  row.replaceChildren(form);
  field.select();
}

function remove(id) {
  const record = readKept(id);
  if (!record) return drawList();
  here.deleted.set(id, record);
  forget(id);
  if (here.current?.id === id) here.trigger('fresh');
  drawList();
  drawer().querySelector(`[data-key="undo-${id}"]`)?.focus();
}

function bringBack(id) {
  keep(here.deleted.get(id));
  here.deleted.delete(id);
  drawList();
  drawer().querySelector(`[data-key="open-${id}"]`)?.focus();
}

function askDeleteAll() {
  const footer = drawer().querySelector('footer');
  const no = button(word('cancel'), () => { footer.remove(); drawList(); drawer().querySelector('[data-key=all]')?.focus(); });
  footer.className = 'sure';
  footer.replaceChildren(make('span', {}, word('delete_all_sure')), button(word('delete'), removeAll, {class: 'strong'}), no);
  no.focus();
}

function removeAll() {
  attempt((storage) => keysKept(storage).forEach((key) => storage.removeItem(key)));
  here.deleted.clear();
  if (here.current?.turns.length) here.trigger('fresh');
  drawer().querySelector('.sure').remove();
  drawList();
  drawer().querySelector('.close').focus();
}

// --- Files ---

function saveJson(id) {
  const record = readKept(id);
  if (!record) return;
  const time = (milliseconds) => new Date(milliseconds).toISOString();
  const whole = {...record, title: titleOf(record), created: time(record.created), changed: time(record.changed)};
  saveAs(JSON.stringify(whole, null, 2), 'application/json', 'json', record);
}

function saveAs(text, type, extension, record) {
  const words = titleOf(record).normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? ['conversation'];
  const address = URL.createObjectURL(new Blob([text], {type}));
  make('a', {href: address, download: `${words.join('-').slice(0, 60).toLowerCase()}.${extension}`}).click();
  setTimeout(() => URL.revokeObjectURL(address), 60_000);
}

// --- Said in passing: shown for a while, and spoken by a screen reader ---

const said = () => document.getElementById('history-said');

function say(text) {
  // While the list is open, what lies behind it is not spoken.
  const spoken = drawer()?.open ? drawer().querySelector('[role=status]') : said();
  spoken.textContent = text;
  clearTimeout(here.saying);
  here.saying = setTimeout(() => { spoken.textContent = ''; }, 6000);
}

// --- Questions: edited in their place ---

function edit(opener) {
  const place = opener.closest('.asking');
  if (place.querySelector('form')) return;
  const question = place.querySelector('.question').textContent;
  const area = make('textarea', {rows: Math.min(8, Math.ceil(question.length / 60)), maxlength: document.querySelector('#box textarea').maxLength, 'aria-label': word('edit_question')});
  area.value = question;
  const close = () => {
    form.remove();
    opener.focus();
  };
  const send = () => {
    if (!area.value.trim()) return;
    close();
    here.trigger('edited', {turn: Number(opener.value), question: area.value});
    if (!touch.matches) document.querySelector('#box textarea')?.focus();
  };
  const form = make('form', {
    class: 'editor',
    onsubmit: (event) => { event.preventDefault(); send(); },
    onkeydown: (event) => {
      if (event.key === 'Escape') close();
      else if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) {
        event.preventDefault();
        send();
      }
    },
  }, area, make('div', {class: 'row'}, make('button', {type: 'submit', class: 'strong'}, word('send')), button(word('cancel'), close)));
  place.append(form);
  area.focus();
}

// --- Answers: thumbs, and why one is down ---

function feedbackOn(number) {
  const place = here.current?.numbers.indexOf(number) ?? -1;
  return place < 0 ? null : here.current.turns[place].feedback;
}

function rate(thumb) {
  const turn = Number(thumb.value);
  const verdict = thumb.matches('.up') ? 'up' : 'down';
  const isTakenBack = feedbackOn(turn)?.verdict === verdict;
  here.trigger('rated', {turn, verdict: isTakenBack ? 'none' : verdict});
  const tools = thumb.closest('.tools');
  tools.querySelector('form')?.remove();
  if (verdict === 'down' && !isTakenBack) {
    const form = whyForm(turn, thumb);
    tools.append(form);
    form.scrollIntoView({block: 'nearest'});
  }
}

function whyForm(turn, thumb) {
  let reason = '';
  const choices = Object.entries(read('reasons') ?? {}).map(([name, label]) => button(label, () => {
    reason = reason === name ? '' : name;
    for (const choice of choices) choice.setAttribute('aria-pressed', String(choice.value === reason));
  }, {value: name, class: 'choice', 'aria-pressed': 'false'}));
  const comment = make('textarea', {rows: 2, maxlength: read('longest').comment, placeholder: word('comment'), 'aria-label': word('comment')});
  const close = () => {
    form.remove();
    thumb.focus();
  };
  const form = make('form', {
    class: 'why',
    onsubmit: (event) => {
      event.preventDefault();
      here.trigger('rated', {turn, verdict: 'down', reason, comment: comment.value});
      close();
    },
    onkeydown: (event) => { if (event.key === 'Escape') close(); },
  },
  make('div', {class: 'choices', role: 'group', 'aria-label': word('why')}, make('span', {}, word('why')), ...choices),
  comment,
  make('div', {class: 'row'}, make('button', {type: 'submit', class: 'strong'}, word('send_feedback')), button(word('cancel'), close),
    make('span', {class: 'hint'}, word('feedback_hint'))));
  return form;
}

// Messages are drawn by Gradio, which takes states away: they are put back after every change of the page.
function tidy() {
  root.dataset.feedback = read('reasons') ? 'on' : 'off';
  for (const thumb of document.querySelectorAll('#chat .thumb')) {
    const feedback = feedbackOn(Number(thumb.value));
    const pressed = String(feedback?.verdict === (thumb.matches('.up') ? 'up' : 'down'));
    if (thumb.getAttribute('aria-pressed') !== pressed) thumb.setAttribute('aria-pressed', pressed);
  }
}

// --- Once for the page ---

function onClick(event) {
  const pressed = event.target.closest?.('button');
  if (!pressed) return;
  if (pressed.id === 'history-open') openList();
  else if (pressed.matches('#chat .edit')) edit(pressed);
  else if (pressed.matches('#chat .thumb')) rate(pressed);
  else if (pressed.matches('#chat .again')) here.trigger('again', {turn: Number(pressed.value)});
  else if (pressed.matches('#chat .more')) here.trigger('more', {turn: Number(pressed.value)});
}

function bindOnce() {
  if (here.bound) return;
  here.bound = true;
  document.body.append(make('p', {id: 'history-said', class: 'said', role: 'status'}));
  document.addEventListener('click', onClick);
  window.addEventListener('popstate', openAddressed);
  window.addEventListener('storage', (event) => { if (event.key?.startsWith(PREFIX) ?? true) drawList(); }); // another tab
  new MutationObserver(tidy).observe(document.body, {childList: true, subtree: true});
}

bindOnce();
watch('value', receive);
receive();
