// Ring buffers of typed arrays for one device: a time and one value per channel and sample, no object per sample.
// Samples are numbered from 0 (absolute index); the newest `capacity` of them are kept. Times are ms and never go back.

const MAX_GAPS = 256;

export class Ring {
  /** @param {boolean[]} wide per column: does it need 64 bits?  @param {number} capacity rounded up to a power of 2
   * @param {(boolean | undefined)[]} spread per column: has it values in some samples only? */
  constructor(wide, capacity, spread = []) {
    this.wide = wide;
    this.spread = spread;
    /** Newest values of columns that are spread. */
    this.held = wide.map(() => Number.NaN);
    /** Samples ever pushed. */
    this.count = 0;
    /** @type {Gap[]} */
    this.gaps = [];
    this.capacity = 0;
    this.mask = 0;
    this.times = new Float64Array(0);
    /** @type {(Float32Array | Float64Array)[]} */
    this.columns = [];
    this.#allocate(capacity);
  }

  /** @param {number} capacity */
  #allocate(capacity) {
    let size = 16;
    while (size < capacity) size *= 2;
    this.capacity = size;
    this.mask = size - 1;
    this.times = new Float64Array(size);
    this.columns = this.wide.map((w) => (w ? new Float64Array(size) : new Float32Array(size)));
  }

  /** Index of the oldest sample kept. */
  get first() {
    return Math.max(0, this.count - this.capacity);
  }

  /** Time of the newest sample, NaN for none. */
  get last() {
    return this.count ? this.times[(this.count - 1) & this.mask] : Number.NaN;
  }

  grow() {
    const { times, columns, mask } = this;
    const from = this.first;
    this.#allocate(this.capacity * 2);
    for (let i = from; i < this.count; i++) {
      this.times[i & this.mask] = times[i & mask];
      for (let c = 0; c < columns.length; c++) this.columns[c][i & this.mask] = columns[c][i & mask];
    }
  }

  /** @param {number} t ms  @param {ArrayLike<number>} values one per column */
  push(t, values) {
    const at = this.count & this.mask;
    this.times[at] = t;
    for (let c = 0; c < this.columns.length; c++) {
      this.columns[c][at] = values[c];
      if (!Number.isNaN(values[c])) this.held[c] = values[c];
    }
    this.count++;
  }

  /** A gap before the next sample; see the type Gap.
   * @param {number} from @param {number} to @param {number} lost @param {string} why */
  gap(from, to, lost, why) {
    this.gaps.push({ before: this.count, from, to, lost, why });
    const oldest = this.first ? this.times[this.first & this.mask] : Number.NEGATIVE_INFINITY;
    while (this.gaps.length > MAX_GAPS || (this.gaps.length && this.gaps[0].to < oldest)) this.gaps.shift();
  }

  /** Newest value, NaN for none.  @param {number} c */
  value(c) {
    if (this.spread[c]) return this.held[c];
    return this.count ? this.columns[c][(this.count - 1) & this.mask] : Number.NaN;
  }

  /** Index of the first sample with a time >= t.  @param {number} t */
  find(t) {
    let lo = this.first;
    let hi = this.count;
    while (lo < hi) {
      const mid = Math.floor((lo + hi) / 2);
      if (this.times[mid & this.mask] < t) lo = mid + 1;
      else hi = mid;
    }
    return lo;
  }
}

/** Min/max decimation to one bucket per pixel, done once per sample as it comes: drawing costs as much as the plot is
 * wide, not as what it shows. Buckets stand at fixed times, so a moving trace does not shimmer. */
export class Buckets {
  /** @param {number[]} columns which of the ring's columns */
  constructor(columns) {
    this.columns = columns;
    this.width = 1;
    this.size = 0;
    this.n = 0;
    this.xs = new Float64Array(0);
    /** @type {Float64Array[]} */
    this.ys = [];
    /** Index of the next sample to take in. */
    this.next = 0;
    /** @type {Ring['spread']} */
    this.spread = [];
    /** Number of the bucket that stands in a slot, NaN for none. */
    this.key = new Float64Array(0);
    this.start = new Float64Array(0);
    this.end = new Float64Array(0);
    /** 1 where a gap comes before the bucket. */
    this.cut = new Uint8Array(0);
    /** @type {Float64Array[]} */
    this.min = [];
    /** @type {Float64Array[]} */
    this.max = [];
    /** @type {Uint8Array[]} 1 where the minimum came before the maximum */
    this.up = [];
    this.reset(1000, 16);
  }

  /** Forgets everything; the next update reads the ring again.
   * @param {number} width of a bucket, ms  @param {number} visible how many are visible at once */
  reset(width, visible) {
    this.width = width;
    const size = Math.ceil(visible) + 2;
    if (size !== this.size) {
      this.size = size;
      this.key = new Float64Array(size);
      this.start = new Float64Array(size);
      this.end = new Float64Array(size);
      this.cut = new Uint8Array(size);
      this.xs = new Float64Array(3 * size);
      this.ys = this.columns.map(() => new Float64Array(3 * size));
      this.min = this.columns.map(() => new Float64Array(size));
      this.max = this.columns.map(() => new Float64Array(size));
      this.up = this.columns.map(() => new Uint8Array(size));
    }
    this.key.fill(Number.NaN);
    this.next = 0;
  }

  /** @param {Ring} ring @param {number} [until] ms: what came later is left out */
  update(ring, until = ring.last) {
    this.spread = ring.spread;
    const horizon = until - this.width * (this.size - 1);
    let i = this.next;
    if (i === 0 || i < ring.first) i = Math.max(i, ring.find(horizon));
    let g = ring.gaps.length;
    while (g > 0 && ring.gaps[g - 1].before >= i) g--;
    for (; i < ring.count; i++) {
      const at = i & ring.mask;
      const t = ring.times[at];
      if (t > until) break;
      const k = Math.floor(t / this.width);
      const s = k % this.size;
      if (this.key[s] !== k) this.#open(s, k, t);
      while (g < ring.gaps.length && ring.gaps[g].before <= i) {
        if (ring.gaps[g].before === i) this.cut[s] = 1;
        g++;
      }
      this.end[s] = t;
      for (let c = 0; c < this.columns.length; c++) {
        const v = ring.columns[this.columns[c]][at];
        if (Number.isNaN(v)) continue;
        // Written so that the first value (against NaN) sets both.
        if (!(v >= this.min[c][s])) {
          this.min[c][s] = v;
          this.up[c][s] = 0;
        }
        if (!(v <= this.max[c][s])) {
          this.max[c][s] = v;
          this.up[c][s] = 1;
        }
      }
    }
    this.next = i;
  }

  /** @param {number} s @param {number} k @param {number} t */
  #open(s, k, t) {
    this.key[s] = k;
    this.start[s] = t;
    this.cut[s] = 0;
    for (let c = 0; c < this.columns.length; c++) {
      this.min[c][s] = Number.NaN;
      this.max[c][s] = Number.NaN;
    }
  }

  /** Writes what is visible between edge - span and edge into xs (ms before the edge) and ys; NaN is a break,
   * Infinity a place that a spread column passes over.
   * @param {number} edge ms, time at the right @param {number} span ms */
  fill(edge, span) {
    const { xs, ys } = this;
    let n = 0;
    for (let k = Math.floor((edge - span) / this.width); k <= Math.floor(edge / this.width); k++) {
      const s = ((k % this.size) + this.size) % this.size;
      if (this.key[s] !== k) continue;
      if (this.cut[s]) {
        xs[n] = this.start[s] - edge;
        for (const y of ys) y[n] = Number.NaN;
        n++;
      }
      xs[n] = this.start[s] - edge;
      xs[n + 1] = this.end[s] - edge;
      const pair = xs[n + 1] > xs[n];
      for (let c = 0; c < ys.length; c++) {
        const up = this.up[c][s];
        const none = this.spread[this.columns[c]] && Number.isNaN(this.min[c][s]);
        ys[c][n] = none ? Infinity : up ? this.min[c][s] : this.max[c][s];
        if (pair) ys[c][n + 1] = none ? Infinity : up ? this.max[c][s] : this.min[c][s];
      }
      n += pair ? 2 : 1;
    }
    this.n = n;
  }

  /** Least and greatest value in the last span ms, [NaN, NaN] where there is none.
   * @param {number} c index into columns @param {number} edge ms @param {number} span ms @returns {[number, number]} */
  extent(c, edge, span) {
    let lo = Number.NaN;
    let hi = Number.NaN;
    for (let s = 0; s < this.size; s++) {
      if (Number.isNaN(this.key[s]) || this.end[s] < edge - span || this.start[s] > edge) continue;
      if (Number.isNaN(this.min[c][s])) continue;
      if (!(this.min[c][s] >= lo)) lo = this.min[c][s];
      if (!(this.max[c][s] <= hi)) hi = this.max[c][s];
    }
    return [lo, hi];
  }
}
