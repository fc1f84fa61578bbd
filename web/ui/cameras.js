// What the box says of its cameras, asked again and again while a page shows one; and what this page makes of it.

import { call } from './conn.js';
import { html } from './lib.js';
import { Reader, signal } from './signals.js';
import { klass, link, me } from './state.js';

export const CAMERA = 'M3 7h11v10H3zM14 11l7-4v10l-7-4';
/** An icon that few pages need.  @param {{d: string}} p */
export const Glyph = ({ d }) =>
  html`<svg class="icon" viewBox="0 0 24 24" aria-hidden="true" focusable="false"><path d=${d} /></svg>`;

const EVERY_MS = 2000;
/** Where there is none to see. */
const SELDOM_MS = 20_000;
/** A picture that is older, and older than three from one to the next, is shown as old. */
const OLD_MS = 3000;

/** `null`: not known yet. */
export const cameras = signal(/** @type {Cameras | null} */ (null));

let users = 0;
/** @type {any} */
let timer = null;
let asked = 0;

/** Who has just got a seat, or whose class begins or ends, sees others.  @type {Reader} */
const reader = new Reader(() => {
  reader.run(() => [me.value?.seat, klass.value?.open, link.value.phase]);
  queueMicrotask(refresh); // a welcome changes all of them, one by one
});

/** Those that show a device.  @param {string} device @param {edge.Camera[]} [list] */
export const showing = (device, list = cameras.value?.list ?? []) =>
  list.filter((c) => !c.devices?.length || c.devices.includes(device));

/** Asks now; resolves with the answer, null without one.  @returns {Promise<any>} */
export async function refresh() {
  const mine = ++asked;
  let r = null;
  clearTimeout(timer);
  if (me.peek() || link.peek().phase === 'open') {
    try {
      r = await call('cameras');
      if (mine === asked) cameras.value = { list: r.cameras ?? [], why: r.why, at: performance.now() };
    } catch {
      // What is known stands; the banner says what is wrong.
      if (mine === asked) cameras.value ??= { list: [], at: performance.now() };
    }
  }
  if (mine === asked && users > 0 && !document.hidden) {
    timer = setTimeout(refresh, cameras.peek()?.list.length ? EVERY_MS : SELDOM_MS);
  }
  return r;
}

/** Keeps the list fresh until the returned function is called.  */
export function follow() {
  if (users++ === 0) {
    document.addEventListener('visibilitychange', seen);
    reader.again();
  }
  return () => {
    if (--users) return;
    reader.stop();
    clearTimeout(timer);
    document.removeEventListener('visibilitychange', seen);
  };
}

function seen() {
  if (document.hidden) clearTimeout(timer);
  else refresh();
}

/** @param {string} id @param {boolean} covered */
export async function cover(id, covered) {
  await call(`cameras/${encodeURIComponent(id)}/cover`, 'PUT', { covered });
  await refresh();
}

/** The box's monotonic time at a time of this page, ms.  @param {edge.Camera} c @param {number} at performance.now() */
export const boxTime = (c, at) => c.now_ms + at - (cameras.peek()?.at ?? at);

/** What to say of a camera whose newest picture here is `age` ms old (Infinity: none yet); `hz`: pictures a second, as
 * far as known; `open`: the box answers.
 * @param {edge.Camera} c @param {number} age @param {number} hz @param {boolean} open
 * @returns {'covered' | 'lost' | 'starting' | 'old' | 'live'} */
export function judge(c, age, hz, open) {
  if (c.state === 'covered') return 'covered';
  const old = age > Math.max(OLD_MS, hz > 0 ? 3000 / hz : 0);
  if (c.state === 'lost' && old) return 'lost';
  if (age === Infinity) return 'starting';
  return old || !open ? 'old' : 'live';
}
