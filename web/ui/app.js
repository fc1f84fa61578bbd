// Shows the page that the address names: the start page, d/<id> one device, run/<id> a recording, teacher and projector
// the teacher's, gallery every state from fixtures.

import { clock, pickLang, t } from './i18n.js';
import { later, moreWords } from './later.js';
import { html, render } from './lib.js';
import { drives, leftOf } from './model.js';
import { DevicePage, StartPage } from './pages.js';
import { go, listen, path, title } from './route.js';
import { NameDialog, recall, theme } from './shell.js';
import { effect } from './signals.js';
import { calls, connect, device, devices, invitation, me, useLang } from './state.js';

/** @type {any} */
let Gallery = null;
const soon = () => html`<main class="empty" id="main"><p>${t('loading')}</p></main>`;
const Teacher = later(() => import('./teacher/main.js'), 'Teacher', soon);
const RunPage = later(() => import('./run.js'), 'RunPage', soon);
const TEACHER = /^(teacher(\/|$)|class$|projector$)/;

function App() {
  if (Gallery) return html`<${Gallery} />`;
  const [, kind, id] = /^(d|run)\/(.+)/.exec(path.value) ?? [];
  const name = kind ? title.value || device(id)?.status.value.name || id : t('devices');
  document.title = `${urgent()}${name} – labbox`;
  if (TEACHER.test(path.value)) return html`<${Teacher} path=${path.value} />`;
  const Page = kind ? (kind === 'd' ? DevicePage : RunPage) : StartPage;
  return html`<a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    <${Page} key=${id} id=${id} /><${NameDialog} />`;
}

/** What must be seen in another tab, too. */
function urgent() {
  const [called] = calls.value;
  if (called) return `\u25b6 ${t('call.turn', { name: device(called)?.status.value.name })} – `;
  const d = devices.value.find(({ status: { value: s } }) => s.lease?.warn && drives(s, me.value));
  return d ? `${clock(leftOf(d))} – ` : '';
}

/** The address in the teacher's QR code: its code is asked for once, unless this browser has a seat. */
function invited() {
  const code = /^join\/(.+)$/.exec(path.peek())?.[1] ?? new URLSearchParams(location.search).get('code');
  if (!code) return;
  Object.assign(invitation, { code, ask: true });
  go('./', true);
}

/** Fragments would be resolved against the base and leave the page.  @param {Event} e */
function skip(e) {
  e.preventDefault();
  const main = document.getElementById('main');
  main?.setAttribute('tabindex', '-1');
  main?.focus();
}

const stored = recall('lang');
await useLang(pickLang(stored ? [stored] : navigator.languages));
effect(() => {
  document.documentElement.dataset.theme = theme.value;
});
listen();
if (path.value === 'gallery') Gallery = (await import('./gallery.js')).Gallery;
else if (path.value === 'teacher/gallery') Gallery = (await import('./teacher/gallery.js')).Gallery;
else {
  invited();
  connect();
}
render(html`<${App} />`, /** @type {Element} */ (document.getElementById('app')));
moreWords().catch(() => {}); // asked for again by whatever needs them
