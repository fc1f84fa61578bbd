// The live samples of one device in this tab: takes frames, marks every gap, keeps them in a Ring.
// A gap is declared by a frame (lost), by the box (gap push) or seen here: numbers that jump, a new epoch, or silence
// much longer than between samples. Times are the box's monotonic ms, by the device's clock where it has one (clock.js),
// moved so that they also go on after the box's restart.

import { DeviceClock } from './clock.js';
import { LOST_UNKNOWN } from './frame.js';
import { Ring } from './ring.js';

const KEEP_MS = 120_000;
const MAX_SAMPLES = 1 << 18;
const START_SAMPLES = 1 << 12;

export class Stream {
  /** @param {edge.Contract} contract @param {number[]} channels indices into contract.channels */
  constructor(contract, channels) {
    this.contract = contract;
    this.channels = channels;
    const specs = channels.map((i) => contract.channels[i]);
    this.scale = specs.map((c) => c.scale);
    this.offset = specs.map((c) => c.offset);
    const rate = Math.min(contract.rate_hz ?? 0, MAX_SAMPLES / 120);
    this.ring = new Ring(
      specs.map((c) => c.format === 'f64'),
      Math.max(START_SAMPLES, (rate * KEEP_MS) / 1000),
      specs.map((c) => c.spread),
    );
    this.epoch = -1;
    this.next = 0;
    /** performance.now() when the newest frame came, NaN before the first. */
    this.arrived = Number.NaN;
    this.shift = 0;
    /** Box time, moved, of the newest sample. */
    this.box = Number.NaN;
    this.clock = new DeviceClock();
    /** Usual time between samples, ms. */
    this.period = Number.NaN;
    /** @type {{lost: number, why: string} | null} a gap that the next frame closes */
    this.pending = null;
    this.row = new Float64Array(channels.length);
    /** Of a run: its start, and a channel's value at a time; plots count from the one and show the other.
     * @type {number | undefined} */
    this.zero = undefined;
    /** @type {((channel: number, t: number) => number) | undefined} */
    this.exact = undefined;
  }

  /** @param {Frame} f @param {number} now */
  take(f, now) {
    const ring = this.ring;
    let lost = f.lost === LOST_UNKNOWN ? -1 : f.lost;
    let why = lost ? 'lost' : '';
    let skip = 0;
    if (f.epoch !== this.epoch) {
      if (this.epoch >= 0) [lost, why] = [lost || -1, 'restart'];
      this.epoch = f.epoch;
      this.period = Number.NaN;
      this.clock.reset();
    } else if (f.seq > this.next && !f.minmax) {
      [lost, why] = [lost || f.seq - this.next, why || 'lost'];
    } else if (f.next <= this.next) {
      return; // had it already
    } else if (f.seq < this.next && !f.minmax) {
      skip = this.next - f.seq;
      [lost, why] = [0, ''];
    }
    this.next = f.next;
    if (this.pending) {
      [lost, why] = [this.pending.lost || lost, this.pending.why];
      this.pending = null;
    }
    if (f.n > skip) {
      const back = this.box - (f.boxTime(skip) + this.shift);
      // A later start of the box begins near zero again; less than a second back is only jitter, see #append.
      if (back > 1000) this.shift += back + Math.max(1, now - this.arrived);
      this.box = f.boxTime(f.n - 1) + this.shift;
      const times = this.clock.times(f, skip, this.#silence());
      const t = times[0] + this.shift;
      if (!why && this.period > 0 && t - ring.last > this.#silence()) [lost, why] = [-1, 'silence'];
      if (why && ring.count) ring.gap(ring.last, t, lost, why);
      this.#append(f, skip, times);
      this.arrived = now;
    }
  }

  /** @param {Frame} f @param {number} skip @param {Float64Array} times of the samples from skip on */
  #append(f, skip, times) {
    const ring = this.ring;
    /** @type {(ArrayLike<number> | null)[]} */
    const from = this.channels.map((index) => f.channels.find((c) => c.index === index)?.values ?? null);
    let last = ring.last;
    for (let i = skip; i < f.n; i++) {
      for (let c = 0; c < from.length; c++) {
        const values = from[c];
        this.row[c] = values ? values[i] * this.scale[c] + this.offset[c] : Number.NaN;
      }
      let t = times[i - skip] + this.shift;
      if (t < last) t = last; // a clock correction never runs backwards on the plot
      last = t;
      if (ring.count >= ring.capacity && ring.capacity < MAX_SAMPLES) {
        if (t - ring.times[ring.first & ring.mask] < KEEP_MS) ring.grow();
      }
      ring.push(t, this.row);
    }
    const n = f.n - skip;
    const step = n > 1 ? (times[n - 1] - times[0]) / (n - 1) : Number.NaN;
    if (step > 0) this.period = this.period > 0 ? this.period * 0.9 + step * 0.1 : step;
    else if (n === 1 && ring.count > 1) {
      const d = last - ring.times[(ring.count - 2) & ring.mask];
      if (d > 0) this.period = this.period > 0 ? Math.min(this.period * 0.9 + d * 0.1, d * 4) : d;
    }
  }

  /** How long without a sample counts as a gap by itself. */
  #silence() {
    return Math.max(this.contract.stale_ms || 1000, this.period * 8 || 0);
  }

  /** The box says that some samples will not come; `to` is undefined where it does not know how many.
   * @param {number} from @param {number | undefined} to @param {string} why */
  expectGap(from, to, why) {
    this.pending = { lost: to === undefined ? -1 : to - from + 1, why };
    if (to !== undefined) this.next = Math.max(this.next, to + 1);
  }

  get since() {
    return this.epoch < 0 || !this.next ? undefined : { epoch: this.epoch, seq: this.next - 1 };
  }

  /** Age of the newest sample, ms; Infinity before the first.  @param {number} now performance.now() */
  age(now) {
    return Number.isNaN(this.arrived) ? Number.POSITIVE_INFINITY : now - this.arrived;
  }

  /** @param {number} now */
  stale(now) {
    return this.age(now) > Math.max(this.contract.stale_ms || 1000, 1000);
  }
}
