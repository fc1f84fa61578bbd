// Which page the address names, and how to go to another one.

import { signal } from './signals.js';

const base = () => new URL(document.baseURI).pathname;
const place = () => decodeURI(location.pathname).slice(base().length).replace(/\/$/, '');

export const path = signal(globalThis.location ? place() : '');

/** What a page that knows it better is called. */
export const title = signal('');

/** @param {string} to relative to the base @param {boolean} [instead] of the present entry of the history */
export function go(to, instead) {
  const url = new URL(to, document.baseURI);
  if (instead) history.replaceState(null, '', url);
  else history.pushState(null, '', url);
  path.value = place();
  scrollTo(0, 0);
}

export function listen() {
  addEventListener('popstate', () => {
    path.value = place();
  });
  document.addEventListener('click', (e) => {
    const a = /** @type {Element} */ (e.target).closest?.('a[data-nav]');
    if (!a || e.metaKey || e.ctrlKey || e.shiftKey || e.button) return;
    e.preventDefault();
    go(/** @type {HTMLAnchorElement} */ (a).href);
  });
}
