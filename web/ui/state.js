// The state of this tab and everything it can ask of the box.

import * as api from './conn.js';
import { Conn } from './conn.js';
import { parseFrames } from './frame.js';
import { lang, setLang } from './i18n.js';
import { addEvent, answered, drives, failed, noticed } from './model.js';
import { afterPaint, dirty } from './paint.js';
import { go, path } from './route.js';
import { signal } from './signals.js';
import { Stream } from './stream.js';

const ACK_MS = 500;
const SILENT_MS = 2500;
/** A turn that comes so soon after this tab asked for it is no surprise. */
const TOOK_MS = 3000;

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
    /** What is kept for this seat's turn, in order. */
    this.staged = signal(/** @type {Staged[]} */ ([]));
    /** What stands in the fields, by command. @type {Record<string, Signal<Record<string, string>>>} */
    this.texts = {};
    /** When it came and went, as the log tells (history.js). @type {(now: number) => Mark[]} */
    this.marks = () => [];
    /** Date.now() when the status came, and when the turn was asked for. */
    this.heard = Date.now();
    this.took = 0;
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
/** The class, as far as this seat may know it. */
export const klass = signal(/** @type {Klass | null} */ (null));
/** The box has ended this browser's seat. */
export const ended = signal(false);
/** Devices whose turn has come and that nobody has looked at yet. */
export const calls = signal(/** @type {string[]} */ ([]));
/** The code of a class that the address brought, and whether to ask for a name because of it. */
export const invitation = { code: '', ask: false };

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

/** What the class lets this seat do.  @param {'drive' | 'record' | 'rehearse'} what */
export const may = (what) => me.value?.role !== 'student' || klass.value?.may?.[what] !== false;

/** @param {Device} d @returns {Situation} */
export const situation = (d) => ({
  link: link.value,
  me: me.value,
  may: may('drive'),
  status: d.status.value,
  stale: d.stale.value,
  silent: silent.value,
});

/** The device that d rehearses, else d.  @param {Device} d */
export const realOf = (d) => device(d.status.value.rehearsal?.of ?? '') ?? d;

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
      if (l.code === 4401 && me.value) {
        me.value = null;
        ended.value = true;
      }
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
    case 'class':
      klass.value = m.class ?? null;
      return;
    case 'you':
      me.value = m.you ?? null;
      return;
    case 'notice':
      notice.value = noticed(notice.value, m, Date.now());
  }
}

/** @param {Record<string, any>} m */
function welcome(m) {
  me.value = m.you ?? null;
  klass.value = m.class ?? null;
  if (m.you) ended.value = false;
  else if (invitation.ask) askName.value = true;
  invitation.ask = false;
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
  if (s.rehearsal?.over) {
    devices.value = devices.value.filter((x) => x !== d);
    if (path.peek() === `d/${s.device}`) go(`d/${s.rehearsal.of}`, true);
    return;
  }
  if (!d) {
    devices.value = [...devices.value, new Device(s)].sort((a, b) => (a.id < b.id ? -1 : 1));
    return;
  }
  const was = d.status.value;
  const mine = drives(s, me.value);
  d.heard = Date.now();
  d.status.value = s;
  if (was.stopped && !s.stopped) d.stopping.value = null;
  if (!mine) answerCall(d);
  else if (!drives(was, me.value) && d.heard - d.took > TOOK_MS) calls.value = [...calls.value, d.id];
}

/** This seat knows that its turn has come.  @param {Device} d */
export function answerCall(d) {
  if (calls.value.includes(d.id)) calls.value = calls.value.filter((id) => id !== d.id);
}

/** UCUM as people write it.  @type {Record<string, string>} */
const UNITS = { Cel: '°C', deg: '°' };

/** Fills in what a contract may leave out.  @param {edge.Contract} c */
export function tidy(c) {
  c.channels ??= [];
  c.commands ??= [];
  c.panel ??= {};
  for (const x of [c.channels, ...c.commands.map((k) => k.params)].flat()) x.unit = UNITS[x.unit ?? ''] ?? x.unit;
}

/** @param {string} id @param {edge.Contract} c */
function contract(id, c) {
  const d = device(id);
  if (!d || !c) return;
  tidy(c);
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
    return o;
  };
  answerCall(d);
  /** @type {Outcome} */
  const o = { command: spec.id, phase: 'pending', at: Date.now() };
  set(o);
  const fence = d.status.value.lease?.fence;
  const m = { op: 'cmd', device: d.id, name: spec.id, args, key: randomKey(), fence, tick: heart.tick };
  try {
    const r = await conn?.request(m, (spec.timeout_ms || 2000) + 4000);
    return set(answered(o, r.result));
  } catch (e) {
    return set(failed(o, /** @type {Refusal} */ (e)));
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

/** Asks for the turn, or for a place in the queue.  @param {Device} d @param {boolean} [over] a teacher's: put off who drives */
export async function take(d, over) {
  d.took = Date.now();
  const r = await ask(d, 'take', over ? { over } : { wait: true });
  if (!r?.lease) d.took = 0;
}

/** Keeps a command for this seat's turn, without args no more.
 * @param {Device} d @param {string} id @param {Record<string, edge.Value>} [args] */
export function stage(d, id, args) {
  const list = d.staged.value;
  if (!args) d.staged.value = list.filter((x) => x.id !== id);
  else if (list.some((x) => x.id === id)) d.staged.value = list.map((x) => (x.id === id ? { id, args } : x));
  else d.staged.value = [...list, { id, args }];
}

/** By the websocket and, where that does not answer at once, by HTTP too. Who has no seat yet gets one, where
 * nobody guards the door.  @param {Device} d @param {string} guest */
export async function estop(d, guest) {
  d.stopping.value = { phase: 'pending', confirmed: false };
  const enter = () =>
    api.join({ nickname: guest }).catch((e) => {
      throw ['no_class', 'class_locked', 'name_used'].includes(e.code) ? new api.Refusal({ code: 'no_seat' }) : e;
    });
  const byHTTP = async () => {
    if (link.value.phase === 'open' && !me.value) await enter();
    try {
      return await api.estop(d.id);
    } catch (e) {
      if (/** @type {Refusal} */ (e).code !== 'no_seat') throw e;
      await enter();
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
  let seated = true;
  try {
    const r = /** @type {edge.StopResult} */ (await Promise.any([first, later]));
    d.stopping.value = { phase: 'done', confirmed: r.confirmed, code: r.reason?.code };
  } catch (e) {
    const code = /** @type {AggregateError} */ (e).errors?.[0]?.code ?? 'internal';
    d.stopping.value = { phase: 'failed', confirmed: false, code };
    seated = code !== 'no_seat';
  }
  if (!me.value && seated) conn?.restart();
}

/** @param {{nickname: string, code?: string}} who */
export async function takeSeat(who) {
  await api.join(who);
  ended.value = false;
  conn?.restart();
}

export async function leaveSeat() {
  await api.leave();
  me.value = null; // so that the close of the connection is no news
  conn?.restart();
}

/** @param {Lang} l */
export async function useLang(l) {
  await setLang(l);
  document.documentElement.lang = l;
}
