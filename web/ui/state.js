// The state of this tab and everything it can ask of the box.

import * as api from './conn.js';
import { Conn } from './conn.js';
import { parseFrames } from './frame.js';
import { lang, setLang } from './i18n.js';
import { addEvent, answered, failed, noticed } from './model.js';
import { afterPaint, dirty } from './paint.js';
import { signal } from './signals.js';
import { Stream } from './stream.js';

const ACK_MS = 500;
const SILENT_MS = 2500;

export class Device {
  /** @param {edge.Status} status */
  constructor(status) {
    this.id = status.device;
    this.status = signal(status);
    this.contract = signal(/** @type {edge.Contract | null} */ (null));
    this.stream = signal(/** @type {Stream | null} */ (null));
    this.events = signal(/** @type {edge.Event[]} */ ([]));
    this.outcomes = signal(/** @type {Record<string, Outcome>} */ ({}));
    this.stopping = signal(/** @type {Stopping | null} */ (null));
    this.refusal = signal(/** @type {Trouble | null} */ (null));
    this.stale = signal(false);
    /** @type {Want | null} */
    this.want = null;
    /** Number of the stream in frames. */
    this.streamID = status.stream?.id;
    this.drawn = 0;
  }
}

export const link = signal(/** @type {Link} */ ({ phase: 'connecting', ever: false }));
export const me = signal(/** @type {edge.You | null} */ (null));
export const box = signal('');
export const devices = signal(/** @type {Device[]} */ ([]));
/** What the box says of itself, with the parts that are away and since when, Unix ms by our clock. */
export const notice = signal(/** @type {Notice | null} */ (null));
/** Changes twice a second: for ages, clocks and what counts as stale. */
export const beat = signal(0);
/** The owner's heartbeat is not heard. */
export const silent = signal(false);
/** Box's wall clock minus ours, ms. */
export const wallShift = signal(0);
export const askName = signal(false);

/** @type {{tick: edge.Tick | null, at: number}} */
const heart = { tick: null, at: 0 };
/** @type {Map<number, Device>} */
const byStream = new Map();
const tab = randomKey();
/** @type {Conn | null} */
let conn = null;
let ackedAt = 0;

function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(12)), (b) => b.toString(16).padStart(2, '0')).join('');
}

/** @param {string} id */
export const device = (id) => devices.value.find((d) => d.id === id);

export function connect() {
  const url = new URL('ws', document.baseURI);
  url.protocol = url.protocol.replace('http', 'ws');
  conn = new Conn({
    url: url.href,
    hello: () => ({ lang: lang.value, tab, features: [] }),
    onPush: push,
    onFrames: frames,
    onPhase: (l) => {
      link.value = l;
    },
  });
  conn.start();
  addEventListener('online', () => conn?.hurry());
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) conn?.hurry();
    dirty();
  });
  setInterval(pulse, 500);
  afterPaint(() => {
    for (const d of devices.value) d.drawn = d.stream.value?.next ?? 0;
  });
}

export const reconnect = () => conn?.restart();

function pulse() {
  const now = performance.now();
  silent.value = link.value.phase === 'open' && now - heart.at > SILENT_MS;
  for (const d of devices.value) d.stale.value = d.stream.value?.stale(now) ?? false;
  beat.value = Date.now();
  ack(now);
  dirty();
}

/** @param {Message} m */
export function push(m) {
  switch (m.op) {
    case 'welcome':
      return welcome(m);
    case 'state':
      return state(m.status);
    case 'tick':
      heart.tick = m.tick;
      heart.at = performance.now();
      return;
    case 'contract':
      return contract(m.device, m.contract);
    case 'event': {
      const d = device(m.event.device);
      if (d) d.events.value = addEvent(d.events.value, m.event);
      return;
    }
    case 'gap': {
      const s = device(m.device)?.stream.value;
      if (s && s.epoch === m.epoch) s.expectGap(m.from, m.to, m.why);
      return;
    }
    case 'notice':
      notice.value = noticed(notice.value, m, Date.now());
  }
}

/** @param {Record<string, any>} m */
function welcome(m) {
  me.value = m.you ?? null;
  box.value = m.box ?? '';
  notice.value = null;
  wallShift.value = (m.server_time ?? Date.now()) - Date.now();
  heart.at = performance.now();
  for (const s of m.devices ?? []) state(s);
  const ids = new Set((m.devices ?? []).map((/** @type {edge.Status} */ s) => s.device));
  if (m.devices && devices.value.some((d) => !ids.has(d.id))) {
    devices.value = devices.value.filter((d) => ids.has(d.id));
  }
  for (const d of devices.value) if (d.want) subscribe(d);
}

/** @param {edge.Status} s */
function state(s) {
  const d = device(s.device);
  if (!d) {
    devices.value = [...devices.value, new Device(s)].sort((a, b) => (a.id < b.id ? -1 : 1));
    return;
  }
  const resumed = d.status.value.stopped && !s.stopped;
  d.status.value = s;
  if (resumed) d.stopping.value = null;
}

/** UCUM as people write it.  @type {Record<string, string>} */
const UNITS = { Cel: '°C', deg: '°' };

/** @param {string} id @param {edge.Contract} c */
function contract(id, c) {
  const d = device(id);
  if (!d || !c) return;
  c.channels ??= [];
  c.commands ??= [];
  c.panel ??= {};
  for (const x of [c.channels, ...c.commands.map((k) => k.params)].flat()) x.unit = UNITS[x.unit ?? ''] ?? x.unit;
  const same = d.contract.value?.hash === c.hash;
  if (same && d.stream.value) return;
  if (!same) d.contract.value = c;
  d.stream.value = new Stream(c, [...c.channels.keys()]);
}

/** @param {Device} d @param {Want} want */
export function watch(d, want) {
  d.want = want;
  d.stream.value = null;
  subscribe(d);
  return () => {
    if (d.want !== want) return;
    d.want = null;
    conn?.send({ op: 'unsubscribe', device: d.id });
  };
}

/** @param {Device} d */
async function subscribe(d) {
  const want = d.want;
  try {
    const since = d.stream.value?.since;
    const r = await conn?.request({ op: 'subscribe', device: d.id, ...want, ...(since ? { since } : {}) });
    if (!r || d.want !== want) return;
    d.streamID = r.stream;
    byStream.set(r.stream, d);
    contract(d.id, r.contract);
  } catch {
    // Either the link is gone, and the next welcome asks again, or the device's state says what is wrong.
  }
}

/** @param {ArrayBuffer} message */
function frames(message) {
  const now = performance.now();
  for (const f of parseFrames(message)) byStream.get(f.stream)?.stream.value?.take(f, now);
  if (now - ackedAt > ACK_MS) ack(now);
  dirty();
}

/** Tells the box how far this tab has come, so that it can see who is slow.  @param {number} now */
function ack(now) {
  if (now - ackedAt < ACK_MS) return;
  ackedAt = now;
  /** @type {Record<string, [number, number]>} */
  const streams = {};
  for (const d of devices.value) {
    const s = d.stream.value;
    const next = document.hidden ? s?.next : d.drawn;
    if (s && next && s.epoch >= 0 && d.want) streams[String(d.streamID)] = [s.epoch, next - 1];
  }
  if (Object.keys(streams).length) conn?.send({ op: 'ack', streams });
}

/** Gives one command; its outcome appears in d.outcomes. Never sent twice.
 * @param {Device} d @param {edge.CommandSpec} spec @param {Record<string, edge.Value>} args */
export async function command(d, spec, args) {
  const set = (/** @type {Outcome} */ o) => {
    d.outcomes.value = { ...d.outcomes.value, [spec.id]: o };
  };
  /** @type {Outcome} */
  const o = { command: spec.id, phase: 'pending', at: Date.now() };
  set(o);
  const fence = d.status.value.lease?.fence;
  const m = { op: 'cmd', device: d.id, name: spec.id, args, key: randomKey(), fence, tick: heart.tick };
  try {
    const r = await conn?.request(m, (spec.timeout_ms || 2000) + 4000);
    set(answered(o, r.result));
  } catch (e) {
    set(failed(o, /** @type {Refusal} */ (e)));
  }
}

/** A request whose refusal is shown beside the device.
 * @param {Device} d @param {string} op @param {Record<string, any>} [fields] */
export async function ask(d, op, fields) {
  d.refusal.value = null;
  try {
    return await conn?.request({ op, device: d.id, ...fields });
  } catch (e) {
    const { code, args } = /** @type {Refusal} */ (e);
    if (code === 'no_seat') askName.value = true;
    d.refusal.value = { code, args };
    return null;
  }
}

/** By the websocket and, where that does not answer at once, by HTTP too. Who has no seat yet gets one.  @param {Device} d @param {string} guest */
export async function estop(d, guest) {
  d.stopping.value = { phase: 'pending', confirmed: false };
  const byHTTP = async () => {
    if (link.value.phase === 'open' && !me.value) await api.join(guest);
    try {
      return await api.estop(d.id);
    } catch (e) {
      if (/** @type {Refusal} */ (e).code !== 'no_seat') throw e;
      await api.join(guest);
      return api.estop(d.id);
    }
  };
  let done = false; // a second stop after the answer would undo a quick Resume
  const later = new Promise((ok) => setTimeout(ok, me.value ? 700 : 0)).then(() => (done ? null : byHTTP()));
  const first = me.value ? conn?.request({ op: 'estop', device: d.id }).then((r) => r.stop) : later;
  first?.then(
    () => {
      done = true;
    },
    () => {},
  );
  try {
    const r = /** @type {edge.StopResult} */ (await Promise.any([first, later]));
    d.stopping.value = { phase: 'done', confirmed: r.confirmed, code: r.reason?.code };
  } catch (e) {
    const code = /** @type {AggregateError} */ (e).errors?.[0]?.code ?? 'internal';
    d.stopping.value = { phase: 'failed', confirmed: false, code };
  }
  if (!me.value) conn?.restart();
}

/** @param {string} nickname */
export async function takeSeat(nickname) {
  await api.join(nickname);
  conn?.restart();
}

/** @param {Lang} l */
export async function useLang(l) {
  await setLang(l);
  document.documentElement.lang = l;
}
