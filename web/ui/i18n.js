// Words and numbers in the reader's language. A catalogue (i18n/en.js, fr.js, es.js) is a flat table of texts; all have
// the same keys (test/i18n.test.mjs). In a text {name} stands for an argument, and a part in [brackets] is left out
// when one of its arguments is missing.

import { signal } from './signals.js';

export const LANGS = { en: 'English', fr: 'Français', es: 'Español' };

/** @type {Record<Lang, () => Promise<{default: Catalogue}>>} */
const LOAD = {
  en: () => import('./i18n/en.js'),
  fr: () => import('./i18n/fr.js'),
  es: () => import('./i18n/es.js'),
};

export const lang = signal(/** @type {Lang} */ ('en'));
const catalogue = signal(/** @type {Catalogue} */ ({}));
/** The panel's own, and those of parts that were loaded on demand. */
const sources = [LOAD];

/** The best of ours for what the browser asks.  @param {readonly string[]} wanted @returns {Lang} */
export function pickLang(wanted) {
  for (const w of wanted) {
    const two = w.slice(0, 2).toLowerCase();
    if (two in LANGS) return /** @type {Lang} */ (two);
  }
  return 'en';
}

let wanted = /** @type {Lang} */ ('en');
/** @type {Promise<void>} */
let newest = Promise.resolve();

/** @param {Lang} l */
export function setLang(l) {
  wanted = l;
  /** @type {Promise<void>} */
  const mine = Promise.all(sources.map((s) => s[l]())).then((words) => {
    if (newest !== mine) return newest; // asked again while this was on its way
    numbers.clear();
    lang.value = l;
    catalogue.value = Object.assign({}, ...words.map((w) => w.default));
  });
  newest = mine;
  return mine;
}

/** The words of a part that is loaded on demand, found by `t` from then on, in every language.
 * @param {typeof LOAD} source */
export function addWords(source) {
  if (sources.includes(source)) return newest;
  sources.push(source);
  return setLang(wanted).catch((e) => {
    sources.splice(sources.indexOf(source), 1);
    throw e;
  });
}

/** A name written from right to left leaves the sentence around it as it is.  @param {string} s */
const isolate = (s) => (/[\u0590-\u08ff\ufb1d-\ufefc]/.test(s) ? `\u2068${s}\u2069` : s);

/** @param {string} text @param {Record<string, unknown>} args */
export function fill(text, args) {
  const put = (/** @type {string} */ part) => {
    let whole = true;
    const s = part.replace(/\{(\w+)\}/g, (_, name) => {
      const v = args[name];
      if (v === undefined || v === null || v === '') whole = false;
      return typeof v === 'number' ? num(v, Math.min(3, `${v}`.split('.')[1]?.length ?? 0)) : isolate(String(v ?? ''));
    });
    return { s, whole };
  };
  const optional = text.replace(/\[([^\]]*)\]/g, (_, part) => {
    const { s, whole } = put(part);
    return whole ? s : '';
  });
  return put(optional).s;
}

/** @param {string} key @param {Record<string, unknown>} [args] */
export function t(key, args) {
  const text = catalogue.value[key];
  return text === undefined ? key : args || text.includes('[') ? fill(text, args ?? {}) : text;
}

/** @param {string} key */
export const has = (key) => key in catalogue.value;

/** @param {edge.Text | undefined} text @param {string} [other] */
export function label(text, other = '') {
  return text?.[lang.value] ?? text?.en ?? Object.values(text ?? {})[0] ?? other;
}

/** @param {Trouble} e */
export function errorText(e) {
  const key = `err.${e.code}`;
  return has(key) ? t(key, e.args ?? {}) : e.message || e.code;
}

/** What to do about it: ours where we have one, else the box's own (English).
 * @param {Trouble} e */
export function hintText(e) {
  const key = `hint.${e.code === 'timeout' ? 'lost' : e.code}`;
  return has(key) ? t(key, e.args ?? {}) : (e.hint ?? '');
}

/** @type {Map<number, Intl.NumberFormat>} */
const numbers = new Map();

/** A number with a fixed count of places; a real minus sign; an en dash for none.
 * @param {number} v @param {number} places */
export function num(v, places = 0) {
  if (!Number.isFinite(v)) return '–';
  let f = numbers.get(places);
  if (!f) {
    f = new Intl.NumberFormat(lang.value, { minimumFractionDigits: places, maximumFractionDigits: places });
    numbers.set(places, f);
  }
  return f.format(Math.abs(v) < 0.5 * 10 ** -places ? 0 : v).replace('-', '\u2212');
}

/** 0:07, 12:30 or 1:02:03.  @param {number} ms */
export function clock(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, '0');
  const [h, m] = [Math.floor(s / 3600), Math.floor(s / 60) % 60];
  return h ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

/** 0.2 s, 12 s, 3 min.  @param {number} ms */
export function age(ms) {
  if (!Number.isFinite(ms)) return '–';
  if (ms < 9950) return `${num(Math.max(0, ms) / 1000, 1)} s`;
  return ms < 120_000 ? `${num(ms / 1000)} s` : `${num(ms / 60_000)} min`;
}

/** @param {number} ms */
export const timeOfDay = (ms) =>
  new Date(ms).toLocaleTimeString(lang.value, { hour: '2-digit', minute: '2-digit', second: '2-digit' });

/** @param {number} ms */
export const dayAndTime = (ms) =>
  new Date(ms).toLocaleString(lang.value, { day: 'numeric', month: 'short', hour: '2-digit', minute: '2-digit' });

/** @param {number} n */
export function bytes(n) {
  return n < 1e3 ? `${n} B` : n < 1e6 ? `${num(n / 1e3)} kB` : `${num(n / 1e6, 1)} MB`;
}
