'use strict';
const find = (id) => document.getElementById(id);
const csrf = document.querySelector('meta[name=csrf]').content;

// The token: exchanged for a cookie, and gone from the address at once.
async function signIn(token) {
  const answer = await fetch('/api/v1/session', token ? { headers: { Authorization: 'Bearer ' + token } } : {});
  if (answer.ok) location.replace('/');
  return answer.ok;
}
const form = find('sign-in');
const inAddress = decodeURIComponent(location.hash.slice(1));
if (location.hash) history.replaceState(null, '', '/');
if (form) {
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (!await signIn(find('token').value.trim())) find('sign-in-says').textContent = 'This is not the token.';
  });
  if (inAddress) signIn(inAddress).then((well) => {
    if (!well) find('sign-in-says').textContent = 'The token in the address is not the right one.';
  });
}

// A look has come: replace what has changed, keep what is open or in use.
function elementOf(html) {
  const template = document.createElement('template');
  template.innerHTML = html;
  return template.content.firstElementChild;
}
function keep(old, fresh) {
  const was = old.querySelector('details'), is = fresh.querySelector('details');
  if (!was || !is) return;
  is.open = was.open;
  const forms = [old.querySelector('form'), fresh.querySelector('form')];
  if (forms[0] && forms[1]) forms[1].replaceWith(forms[0]);
  const panes = [old.querySelector('.pane'), fresh.querySelector('.pane')];
  if (panes[0] && panes[1]) panes[1].replaceWith(panes[0]);
  if (was.querySelector('.phase').textContent !== is.querySelector('.phase').textContent) fresh.classList.add('fresh');
}
function replace(old, fresh) {
  const had = old.contains(document.activeElement) && document.activeElement;
  keep(old, fresh);
  old.replaceWith(fresh);
  if (!had) return;
  if (fresh.contains(had)) had.focus(); else if (had.matches('summary')) fresh.querySelector('summary')?.focus();
}
function take(message) {
  const places = Object.entries(message.order), parts = {};
  for (const [, ids] of places) for (const id of ids) {
    const old = find(id), html = message.parts[id];
    if (html === undefined) { parts[id] = old; continue; }
    parts[id] = elementOf(html);
    if (old) replace(old, parts[id]);
  }
  for (const [place, ids] of places) {
    const box = find(place);
    ids.forEach((id, at) => {
      if (parts[id] && box.children[at] !== parts[id]) box.insertBefore(parts[id], box.children[at] || null);
    });
    while (box.children.length > ids.length) box.lastElementChild.remove();
  }
}

function listen() {
  const link = find('link');
  const stream = new EventSource('/api/v1/stream?of=page');
  stream.addEventListener('page', (event) => {
    if (link.textContent !== 'live') link.textContent = 'live';
    link.classList.remove('lost');
    take(JSON.parse(event.data));
    document.querySelectorAll('details[open] .pane').forEach(showPane);
  });
  stream.onerror = () => {
    link.textContent = 'not connected';
    link.classList.add('lost');
    if (stream.readyState === EventSource.CLOSED) setTimeout(listen, 3000);
  };
}

// A screen: text, and nothing else.
async function showPane(pane) {
  if (pane.dataset.asked) return;
  pane.dataset.asked = 'yes';
  const answer = await fetch('/api/v1/panes/' + encodeURIComponent(pane.dataset.pane));
  const atEnd = pane.scrollTop + pane.clientHeight >= pane.scrollHeight - 4;
  pane.textContent = await answer.text();
  delete pane.dataset.asked;
  if (atEnd) pane.scrollTop = pane.scrollHeight;
}

// An action: what takes something away is asked for twice.
async function act(form, button) {
  const says = form.querySelector('output'), verb = button.dataset.verb;
  const asks = verb === 'stop' || verb === 'restart';
  if (asks && !button.classList.contains('sure')) {
    const word = button.textContent;
    button.classList.add('sure');
    button.textContent = word + ' ' + form.dataset.session + '?';
    setTimeout(() => { button.classList.remove('sure'); button.textContent = word; }, 4000);
    return;
  }
  const input = form.elements.text;
  if (verb === 'nudge' && !input.value.trim()) return;
  says.textContent = verb + ' …';
  const body = JSON.stringify({ verb, session: form.dataset.session, text: verb === 'nudge' ? input.value : undefined });
  const answer = await fetch('/api/v1/actions', { method: 'POST', body, headers: { 'X-Gtctl-Csrf': csrf } });
  const told = await answer.json();
  says.textContent = told.message;
  if (told.done && verb === 'nudge') input.value = '';
}

if (!form) {
  listen();
  document.addEventListener('toggle', (event) => {
    const pane = event.target.open && event.target.querySelector('.pane');
    if (pane) showPane(pane);
  }, true);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('button[type=button][data-verb]');
    if (button) act(button.form, button);
  });
  document.addEventListener('submit', (event) => {
    event.preventDefault();
    act(event.target, event.target.querySelector('button[type=submit]'));
  });
}
