// What the panel decides from what the box says; pure functions, so that they can be tested without a browser.

import { niceStep } from './chart.js';

const MAX_EVENTS = 200;

/** Why controls are blocked, as a key of the catalogue (block.*), or '' where they are not.
 * @param {Situation} s */
export function blocked({ link, me, may, status, stale, silent }) {
  if (link.phase !== 'open' || silent) return 'offline';
  if (!me) return 'no_seat';
  if (me.role === 'observer' || !may) return 'observer';
  if (status.stopped) return 'stopped';
  if (status.hold) return 'held';
  if (status.state !== 'live') return 'state';
  if (!drives(status, me))
    return placeOf(status, me) ? 'queued' : status.lease || status.queue?.length ? 'taken' : 'free';
  if (stale) return 'stale';
  return status.reason?.code === 'too_long' ? 'too_long' : '';
}

/** Is it this seat's turn, alone or in a pair?  @param {edge.Status} status @param {edge.You | null} me */
export const drives = ({ lease }, me) =>
  Boolean(me && lease && (lease.holder.id === me.seat || lease.partner?.id === me.seat));

/** Place of this seat in the queue, 1 is next, 0: not in it.  @param {edge.Status} status @param {edge.You | null} me */
export const placeOf = (status, me) => (me ? (status.queue ?? []).findIndex((w) => w.seat.id === me.seat) + 1 : 0);

/** What is left of the turn now, ms, 0 where no end is known.  @param {Device} d */
export const leftOf = (d, now = Date.now()) => {
  const ms = d.status.value.lease?.left_ms;
  return ms ? Math.max(1, ms - (now - d.heard)) : 0;
};

/** @param {edge.You | null} me */
export const isTeacher = (me) => me?.role === 'teacher' || me?.role === 'operator';

/** How a state looks: a class and the key of its words (state.*).
 * @param {edge.Status} status @param {Link} link @param {boolean} stale */
export function look(status, link, stale) {
  if (link.phase !== 'open') return { tone: 'off', key: 'unknown' };
  if (status.stopped) return { tone: 'bad', key: 'stopped' };
  if (status.state === 'live' && stale) return { tone: 'warn', key: 'stale' };
  if (status.state === 'live' && status.hold) return { tone: 'wait', key: 'held' };
  const tone = {
    live: 'ok',
    stale: 'warn',
    absent: 'off',
    opening: 'wait',
    booting: 'wait',
    identifying: 'wait',
    safing: 'wait',
    fault: 'bad',
    quarantined: 'bad',
  }[status.state];
  return { tone: tone ?? 'off', key: tone ? status.state : 'unknown' };
}

/** What a notice says; a part that was away already keeps its time, so that the words stand still.
 * @param {Notice | null} was @param {Message} m @param {number} now @returns {Notice | null} */
export function noticed(was, { code, args }, now) {
  if (!code) return null;
  /** @type {{part: string, for_ms: number}[]} */
  const list = code === 'degraded' ? (args.parts ?? [args]) : [];
  const parts = list.map(({ part, for_ms }) => ({
    part,
    since: was?.parts.find((p) => p.part === part)?.since ?? now - for_ms,
  }));
  return { code, args, parts };
}

/** Adds an event, newest first, each once, at most 200.
 * @param {edge.Event[]} list @param {edge.Event} e */
export function addEvent(list, e) {
  if (list.some((x) => x.seq === e.seq && x.mono_us === e.mono_us && x.code === e.code)) return list;
  const at = list.findIndex((x) => x.wall_ms <= e.wall_ms);
  const next = at < 0 ? [...list, e] : [...list.slice(0, at), e, ...list.slice(at)];
  return next.slice(0, MAX_EVENTS);
}

/** The log without the steps on a device's way to the state that it reached.  @param {edge.Event[]} list newest first */
export function told(list) {
  const newest = list.find((e) => e.code === 'state');
  const steps = ['opening', 'booting', 'identifying', 'safing'];
  return list.filter((e) => e.code !== 'state' || e === newest || !steps.includes(String(e.args?.state)));
}

/** The groups of the channels that are shown.  @param {edge.Channel[]} channels */
export const groupsOf = (channels) => [...new Set(channels.flatMap((c) => (c.hidden || !c.group ? [] : c.group)))];

/** Events a screen reader should hear.  @param {edge.Event} e */
export const important = (e) => ['estop', 'safe', 'state', 'lease', 'run', 'refused'].includes(e.code);

/** Codes after which nobody can say whether the device did it. */
const OPEN = new Set(['lost', 'timeout', 'no_answer', 'unknown_outcome', 'write_stuck', 'bus_down']);

/** @param {Outcome} o @param {edge.CommandResult} r @returns {Outcome} */
export function answered(o, r) {
  const phase = r.outcome === 'confirmed' ? 'confirmed' : 'sent';
  return { ...o, phase, reply: r.reply, tookMS: r.took_us / 1000 };
}

/** @param {Outcome} o @param {Trouble} e @returns {Outcome} */
export function failed(o, e) {
  const phase = OPEN.has(e.code) ? 'unknown' : 'refused';
  const reply = typeof e.args?.reply === 'string' ? e.args.reply : undefined;
  return { ...o, phase, code: e.code, args: e.args, hint: e.hint, reply };
}

/** The number a person typed, with a point or a comma; NaN where it is none.  @param {string} text */
export function parseNumber(text) {
  const t = text.trim().replace(',', '.').replace('\u2212', '-');
  return /^[+-]?(\d+\.?\d*|\.\d+)$/.test(t) ? Number(t) : Number.NaN;
}

/** What is wrong with a typed value: '', bad_value or out_of_range.
 * @param {edge.Param} p @param {number} v */
export function check(p, v) {
  if (Number.isNaN(v) || (p.type === 'int' && !Number.isInteger(v))) return 'bad_value';
  return v < p.min || v > p.max ? 'out_of_range' : '';
}

/** The step of a parameter's field: as declared, else about a hundredth of the range.  @param {edge.Param} p */
export const stepOf = (p) => p.step || (p.type === 'int' ? 1 : niceStep(p.max - p.min || 100, 150));

/** Places that show the step, the limits and the default of a parameter as they are, at most 9.  @param {edge.Param} p */
export const placesOf = (p) =>
  Math.max(
    ...[stepOf(p), p.min, p.max, Number(p.default ?? 0)].map(
      (x) => (x.toFixed(9).replace(/0+$/, '').split('.')[1] ?? '').length,
    ),
  );

/** The most characters that a channel's values take, by its range and places; noise about 0 has a sign.
 * @param {edge.Channel} ch */
export const charsOf = (ch) =>
  Math.max(...[(ch.min ?? 0) || -1e-12, ch.max ?? 999].map((x) => x.toFixed(ch.decimals).length));

/** The smallest span of a channel's values worth a scale: a hundredth of its range (at most a thousand of its last
 * digits: some ranges are declared far too wide), else of the value.
 * @param {edge.Channel} ch @param {number} value */
export const leastSpan = (ch, value) =>
  ch.min !== undefined && ch.max !== undefined
    ? Math.min((ch.max - ch.min) / 100, 10 ** (3 - ch.decimals))
    : Math.max(10 ** (1 - ch.decimals), Math.abs(value) / 100 || 0);

/** Where the plots of a device come from: the type's hints, else its channels by group and unit.
 * @param {edge.Contract} c @returns {edge.Plot[]} */
export function plotsOf(c) {
  const known = (c.panel.plots ?? [])
    .map((p) => ({ ...p, channels: p.channels.filter((id) => c.channels.some((ch) => ch.id === id)) }))
    .filter((p) => p.channels.length);
  if (known.length) return known;
  /** @type {Map<string, edge.Plot>} */
  const groups = new Map();
  for (const ch of c.channels) {
    if (ch.hidden || ch.format === 'enum') continue;
    const key = ch.group || ch.unit || '';
    const plot = groups.get(key) ?? { channels: [] };
    plot.channels.push(ch.id);
    groups.set(key, plot);
  }
  return [...groups.values()];
}

/** Ids of the channels shown as numbers or words.  @param {edge.Contract} c */
export function readoutsOf(c) {
  const hint = (c.panel.readouts ?? []).filter((id) => c.channels.some((ch) => ch.id === id));
  return hint.length ? hint : c.channels.filter((ch) => !ch.hidden).map((ch) => ch.id);
}
