// What the page of a run makes of what the box sends: samples in time with events and pictures. Times are ms since the run
// was started, as in edge.RunDetail; those of a Stream are its own.

import { Ring } from './ring.js';
import { Stream } from './stream.js';

/** Above this many samples the extremes of so many buckets will do. */
const RAW = 20_000;
const BUCKETS = 2000;
/** So much of such a run is asked for as it was recorded, for the values of a moment; and this before it, for slow devices. */
const NEAR_MS = 5000;
const LEAD_MS = 2000;

/** The query for a run's samples.  @param {edge.RunDetail} detail */
export function sampleQuery({ run, pre_trigger_ms: before }) {
  if (run.samples <= RAW) return '';
  const seconds = Math.max(1, (run.length_ms + before) / 1000);
  return `?max_hz=${Math.min(1000, Math.max(0.1, BUCKETS / seconds)).toFixed(3)}`;
}

/** The query for the samples about a moment, '': the run's own are not thinned out.  @param {edge.RunDetail} detail @param {number} at */
export const nearQuery = (detail, at) =>
  sampleQuery(detail) && `?zero=start&t=${Math.floor(at / NEAR_MS) * NEAR_MS - LEAD_MS}&len=${NEAR_MS + LEAD_MS}`;

/** A run's samples as one stream that forgets none; its `zero` is when the run was started.
 * @param {edge.RunDetail} detail @param {edge.Contract} contract @param {Frame[]} frames @param {number} [start] `zero`, of a part */
export function streamOf(detail, contract, frames, start) {
  const s = new Stream(contract, [...contract.channels.keys()]);
  const n = frames.reduce((sum, f) => sum + f.n, 0);
  s.ring = new Ring(
    contract.channels.map((c) => c.format === 'f64'),
    n,
    contract.channels.map((c) => c.spread),
  );
  for (const f of frames) s.take(f, 0);
  const zero = start ?? (s.ring.count ? s.ring.times[0] - detail.first_ms : 0);
  s.zero = zero;
  s.exact = (channel, t) => valueAt(s, channel, t - zero);
  return s;
}

/** From when to when there is something to see.  @param {edge.RunDetail} detail @param {Stream} s @returns {[number, number]} */
export function spanOf({ run, first_ms, pictures }, s) {
  const last = s.ring.count ? s.ring.last - (s.zero ?? 0) : 0;
  const shots = pictures.map((p) => p.times_ms.at(-1) ?? 0);
  const from = s.ring.count ? Math.min(0, first_ms) : 0;
  return [from, Math.max(from + 1, run.length_ms, last, ...shots)];
}

/** Index of the newest of growing times at or before t, -1: all are later.  @param {number[]} times @param {number} t */
export function newestAt(times, t) {
  let lo = 0;
  let hi = times.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if (times[mid] <= t) lo = mid + 1;
    else hi = mid;
  }
  return lo - 1;
}

/** The value of a channel at a time, NaN in a gap and where there is none.
 * @param {Stream} s @param {number} channel @param {number} at ms since the run was started */
export function valueAt(s, channel, at) {
  const { ring } = s;
  const t = at + (s.zero ?? 0);
  if (ring.gaps.some((g) => t > g.from && t < g.to)) return Number.NaN;
  // A time in whole ms may lie a little before its sample.
  let i = ring.find(t + 0.5) - 1;
  const column = ring.columns[channel];
  if (ring.spread[channel]) while (i >= ring.first && Number.isNaN(column[i & ring.mask])) i--;
  return i < ring.first ? Number.NaN : column[i & ring.mask];
}

/** Where a key moves the moment to, null: it is none of ours.
 * @param {string} key @param {number} at @param {[number, number]} span @param {number[]} times of pictures, none: none */
export function moved(key, at, [from, to], times) {
  const step = (to - from) / 200;
  const i = newestAt(times, at);
  const by = (/** @type {number} */ ms) => Math.min(to, Math.max(from, at + ms));
  switch (key) {
    case 'ArrowRight':
    case 'ArrowUp':
      return times[i + 1] ?? by(step);
    case 'ArrowLeft':
    case 'ArrowDown':
      // First to the picture that is shown, then to the one before.
      return i < 0 ? by(-step) : times[i] < at ? times[i] : (times[i - 1] ?? by(-step));
    case 'PageUp':
      return by(10_000);
    case 'PageDown':
      return by(-10_000);
    case 'Home':
      return from;
    case 'End':
      return to;
  }
  return null;
}

/** Notes and events in one list, oldest first. A note that the log has, too, stands once; so do the steps on a device's
 * way to a state (told).
 * @param {edge.RunDetail} detail @param {(list: edge.Event[]) => edge.Event[]} told newest first @returns {Happened[]} */
export function happened({ annotations, events }, told) {
  const newest = [...events].sort((a, b) => b.time_ms - a.time_ms);
  const kept = new Set(told(newest.map((e) => e.event)));
  const out = [
    ...annotations.map((note) => ({ t: note.time_ms, note })),
    ...newest
      .filter(({ event }) => kept.has(event) && event.code !== 'note')
      .map((e) => ({ t: e.time_ms, event: e.event })),
  ];
  return out.sort((a, b) => a.t - b.t);
}

/** Loads one thing at a time; what was wanted meanwhile and is not any more is passed over.  @template T */
export class Newest {
  /** @param {(key: string) => Promise<T>} get @param {(key: string, got: T | null, bad?: any) => void} show */
  constructor(get, show) {
    this.get = get;
    this.show = show;
    this.wanted = '';
    this.shown = '';
    this.busy = false;
  }

  /** @param {string} key */
  async want(key) {
    this.wanted = key;
    if (this.busy) return;
    this.busy = true;
    while (this.wanted && this.wanted !== this.shown) {
      const now = this.wanted;
      try {
        const got = await this.get(now);
        this.show(now, got);
      } catch (e) {
        this.show(now, null, e);
      }
      this.shown = now;
    }
    this.busy = false;
  }
}
