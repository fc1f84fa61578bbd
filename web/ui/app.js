// Shows the page that the address names: the start page, d/<id> one device, teacher and
// projector the teacher's, gallery every state from fixtures.

import { clock, pickLang, t } from './i18n.js';
import { moreWords } from './later.js';
import { html, render, useEffect } from './lib.js';
import { drives, leftOf } from './model.js';
import { DevicePage, StartPage } from './pages.js';
import { go, listen, path } from './route.js';
import { NameDialog, recall, theme } from './shell.js';
import { effect, signal } from './signals.js';
import { calls, connect, device, devices, invitation, link, me, useLang } from './state.js';

/** @type {any} */
let Gallery = null;
/** @type {Signal<any>} */
const teacher = signal(null);
const TEACHER = /^(teacher(\/|$)|class$|projector$)/;

/** The teacher's pages, loaded when they are first asked for.  @param {{path: string}} p */
function TeacherPage({ path }) {
  const again = link.value.phase; // after a failure: the box may be back
  useEffect(() => {
    if (!teacher.peek())
      import('./teacher/main.js').then(
        (m) => {
          teacher.value = m.Teacher;
        },
        () => {},
      );
  }, [again]);
  const Page = teacher.value;
  return Page ? html`<${Page} path=${path} />` : html`<main class="empty" id="main"><p>${t('loading')}</p></main>`;
}

function App() {
  if (Gallery) return html`<${Gallery} />`;
  const id = path.value.startsWith('d/') ? path.value.slice(2) : '';
  const title = id ? device(id)?.status.value.name || id : t('devices');
  document.title = `${urgent()}${title} – labbox`;
  if (TEACHER.test(path.value)) return html`<${TeacherPage} path=${path.value} />`;
  return html`<a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    ${id ? html`<${DevicePage} key=${id} id=${id} />` : html`<${StartPage} />`}<${NameDialog} />`;
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
