// Parts of a page that are loaded when they are first shown, with the words that only they need.

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

/** A component of a module that is loaded when it is first shown; until then there is `meanwhile`.
 * @param {() => Promise<any>} load @param {string} name @param {() => any} [meanwhile] */
export function later(load, name, meanwhile) {
  const got = signal(/** @type {any} */ (null));
  let asked = false;
  return (/** @type {any} */ props) => {
    const up = link.value.phase; // after a failure: the box may be back
    if (!asked && up) {
      asked = true;
      Promise.all([load(), moreWords()]).then(
        ([m]) => {
          got.value = m[name];
        },
        () => {
          asked = false;
        },
      );
    }
    const Part = got.value;
    return Part ? html`<${Part} ...${props} />` : (meanwhile?.() ?? null);
  };
}
