// Parts of a page that are loaded when they are first shown, with the words and the style that only they need.

import { addWords } from './i18n.js';
import { html } from './lib.js';
import { signal } from './signals.js';
import { link } from './state.js';

const WORDS = {
  en: () => import('./i18n/more/en.js'),
  fr: () => import('./i18n/more/fr.js'),
  es: () => import('./i18n/more/es.js'),
};

export const moreWords = () => addWords(WORDS);

/** @type {Record<string, Promise<unknown>>} */
const sheets = {};

/** Resolves once a style sheet is there; asked for again after a failure.  @param {string} href */
export const sheet = (href) =>
  (sheets[href] ??= new Promise((onload, onerror) => {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href, onload, onerror }));
  }).catch((e) => {
    delete sheets[href];
    throw e;
  }));

/** A component of a module that is loaded when it is first shown, or when `load` is called; until then there is
 * `meanwhile`.  @param {() => Promise<any>} from @param {string} name @param {() => any} [meanwhile] */
export function later(from, name, meanwhile) {
  const got = signal(/** @type {any} */ (null));
  let asked = false;
  const load = () => {
    if (asked) return;
    asked = true;
    Promise.all([from(), moreWords(), sheet('more.css')]).then(
      ([m]) => {
        got.value = m[name];
      },
      () => {
        asked = false;
      },
    );
  };
  const Later = (/** @type {any} */ props) => {
    if (link.value.phase) load(); // again after a failure, once the box is back
    const Part = got.value;
    return Part ? html`<${Part} ...${props} />` : (meanwhile?.() ?? null);
  };
  return Object.assign(Later, { load });
}
