// What the teacher's pages ask of the box, the class as told last, the parts they are made of.

import { call } from '../conn.js';
import { errorText, hintText, t } from '../i18n.js';
import { Icon } from '../icons.js';
import { html, useEffect, useRef, useState } from '../lib.js';
import { signal } from '../signals.js';
import { ask, device } from '../state.js';
import { ahead, NONE } from './model.js';

const EVERY_MS = 2500;
const id = encodeURIComponent;

export const cls = signal(NONE);
/** The class has been heard of at all. */
export const known = signal(false);

/** @param {Partial<lab.Class>} c */
export function took(c) {
  cls.value = { ...NONE, ...c, seats: c.seats ?? [] };
  known.value = true;
}

let turn = 0;

export async function refresh() {
  const n = ++turn;
  const c = await call('class');
  if (n === turn) took(c);
}

/** Keeps the class fresh while a page is shown.  @param {boolean} on @param {unknown[]} news asks at once when one changes */
export function useClass(on, ...news) {
  useEffect(() => {
    if (!on) return;
    const again = () => void (document.hidden || refresh().catch(() => {}));
    again();
    const timer = setInterval(again, EVERY_MS);
    return () => clearInterval(timer);
  }, [on, ...news]);
}

/** @param {string} method @param {object} [body] */
async function klass(method, body) {
  turn++; // what was asked before this is old
  const c = await call('class', method, body);
  if (method === 'DELETE') took({});
  else await refresh();
  return c;
}

/** @param {object} c */
export const openClass = (c) => klass('POST', c);
/** @param {object} c */
export const changeClass = (c) => klass('PATCH', c);
export const closeClass = () => klass('DELETE');

/** @param {string} seat @param {string} name */
export async function renameSeat(seat, name) {
  await call(`class/seats/${id(seat)}`, 'PATCH', { name });
  await refresh();
}

/** @param {string} seat */
export async function removeSeat(seat) {
  await call(`class/seats/${id(seat)}`, 'DELETE');
  await refresh();
}

/** Something on every device.  @param {'freeze' | 'stop' | 'runs'} what @param {object} body
 * @returns {Promise<lab.Row[]>} */
export const onAll = async (what, body) => (await call(`class/${what}`, 'POST', body)).devices ?? [];

/** @returns {Promise<{set: boolean, open_bench: boolean, open: boolean}>} */
export const standing = () => call('teacher');
/** @param {object} who */
export const signIn = (who) => call('teacher', 'POST', who);
/** @param {string} old @param {string} next */
export const changePassword = (old, next) => call('teacher/password', 'POST', { old, new: next });

/** @returns {Promise<lab.Colleague[]>} */
export async function colleagues() {
  const r = await call('teachers');
  return Array.isArray(r) ? r : (r.teachers ?? []);
}
/** @param {string} role @returns {Promise<{code: string, expires_ms: number}>} */
export const invite = (role) => call('teachers', 'POST', { role });
/** @param {string} name */
export const dismiss = (name) => call(`teachers/${id(name)}`, 'DELETE');

/** What the box says of itself, and how far its clock is ahead of ours, ms.
 * @returns {Promise<lab.Box & {ahead: number}>} */
export async function aboutBox() {
  const sent = Date.now();
  const b = await call('box');
  return { ...b, ahead: ahead(b.wall_ms, sent, Date.now()) };
}
export const setClock = () => call('clock', 'POST', { wall_ms: Date.now() });

/** @param {Device} d @param {string} to a seat */
export const granted = (d, to) => asked(d, 'grant', { to });

/** A request to a device's owner that throws where it is refused.
 * @param {Device} d @param {string} op @param {object} [more] */
export async function asked(d, op, more) {
  if (op === 'take') d.took = Date.now();
  const r = await ask(d, op, more);
  const no = d.refusal.peek();
  if (r === null && no) {
    d.refusal.value = null;
    throw no;
  }
  if (!r) throw { code: 'offline' };
  return r;
}

/** One thing at a time that may fail: what is shown meanwhile and after.
 * @returns {{busy: boolean, bad: string, good: string, run: (fn: () => Promise<any>, good?: string) => Promise<boolean>}} */
export function useTask() {
  const [s, set] = useState({ busy: false, bad: '', good: '' });
  const { current: now } = useRef({ busy: false });
  const run = async (/** @type {() => Promise<any>} */ fn, good = t('te.done')) => {
    if (now.busy) return false;
    now.busy = true;
    set({ busy: true, bad: '', good: '' });
    try {
      await fn();
      set({ busy: false, bad: '', good });
      return true;
    } catch (err) {
      const e = /** @type {Refusal} */ (err);
      set({ busy: false, bad: `${errorText(e)} ${hintText(e)}`, good: '' });
      return false;
    } finally {
      now.busy = false;
    }
  };
  return { ...s, run };
}

/** How a task went; its place is kept.  @param {{task: {busy: boolean, bad: string, good: string}}} p */
export function Said({ task }) {
  const text = task.bad || task.good;
  return html`<p class=${task.bad ? 'said refused' : 'said'} role="status">
    ${text && html`<${Icon} name=${task.bad ? 'bad' : 'ok'} />`}<span>${task.busy ? t('te.busy') : text}</span></p>`;
}

/** The fields of a form.  @param {Event} e @returns {Record<string, string>} */
export function fields(e) {
  e.preventDefault();
  const form = /** @type {HTMLFormElement} */ (e.target);
  return Object.fromEntries([...new FormData(form)].map(([k, v]) => [k, String(v)]));
}

/** Asks a second time before it does what cannot be undone.
 * @param {{label: string, sure: string, run: () => any, disabled?: boolean, name?: string}} p */
export function Sure({ label, sure, run, disabled, name }) {
  const [asking, setAsking] = useState(false);
  const press = () => {
    setAsking(!asking);
    if (asking) run();
  };
  const off = () => setAsking(false);
  return html`<button type="button" class=${asking ? 'danger' : ''} disabled=${disabled} onClick=${press} onBlur=${off}
    aria-label=${name && `${asking ? sure : label}: ${name}`}>${asking ? sure : label}</button>`;
}

/** @param {{label: string, checked: boolean, set: (on: boolean) => void, hint?: string}} p */
export function Check({ label, checked, set, hint }) {
  const change = (/** @type {any} */ e) => set(e.target.checked);
  return html`<label class="check">
    <input type="checkbox" checked=${checked} onChange=${change} />
    <span>${label}${hint && html` <span class="hint">${hint}</span>`}</span></label>`;
}

/** Every device of a list with what came of it, the bad ones first and loud.
 * @param {{title: string, rows: (import('./model.js').How & {id: string})[], close: () => void}} p */
export function Report({ title, rows, close }) {
  const bad = rows.filter((r) => r.how === 'not' || r.how === 'no');
  const n = rows.filter((r) => r.how === 'yes' || r.how === 'done').length;
  return html`<section class=${n === rows.length ? 'callout ok report' : 'callout bad report'}>
    <div><h2 role="alert">${title} ${t('te.rows', { n, all: rows.length })}</h2>
      <ul class="plain rows">${[...bad, ...rows.filter((r) => !bad.includes(r))].map(
        ({
          id,
          how,
          code,
        }) => html`<li key=${id} class=${bad.some((r) => r.id === id) ? 'loud' : ''}><${Icon} name=${ICON[how]} />
          <bdi>${nameOf(id)}</bdi> ${WORD[how] && html`<strong class=${how}>${t(WORD[how])}</strong>`} ${code && html`<span>${errorText({ code })}</span>`}</li>`,
      )}</ul></div>
    <button onClick=${close}>${t('te.hide')}</button>
  </section>`;
}

const ICON = { yes: 'ok', done: 'ok', sending: 'wait', not: 'bad', no: 'bad' };
const WORD = { yes: 'te.safe', done: '', sending: 'stop.sending', not: 'stop.not', no: '' };

/** @param {string} id */
export const nameOf = (id) => device(id)?.status.value.name || id;
