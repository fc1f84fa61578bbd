// Shows the page that the address names: the start page, d/<id> one device, teacher and
// projector the teacher's, gallery every state from fixtures.

import { pickLang, t } from './i18n.js';
import { html, render, useEffect } from './lib.js';
import { DevicePage, StartPage } from './pages.js';
import { NameDialog, recall, theme } from './shell.js';
import { effect, signal } from './signals.js';
import { connect, device, link, useLang } from './state.js';

const base = new URL(document.baseURI).pathname;
const path = signal(place());

function place() {
  return decodeURI(location.pathname).slice(base.length).replace(/\/$/, '');
}

addEventListener('popstate', () => {
  path.value = place();
});
document.addEventListener('click', (e) => {
  const a = /** @type {Element} */ (e.target).closest?.('a[data-nav]');
  if (!a || e.metaKey || e.ctrlKey || e.shiftKey || e.button) return;
  e.preventDefault();
  history.pushState(null, '', /** @type {HTMLAnchorElement} */ (a).href);
  path.value = place();
  scrollTo(0, 0);
});

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
  document.title = `${title} – labbox`;
  if (TEACHER.test(path.value)) return html`<${TeacherPage} path=${path.value} />`;
  return html`<a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    ${id ? html`<${DevicePage} key=${id} id=${id} />` : html`<${StartPage} />`}<${NameDialog} />`;
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
if (path.value === 'gallery') Gallery = (await import('./gallery.js')).Gallery;
else connect();
render(html`<${App} />`, /** @type {Element} */ (document.getElementById('app')));
