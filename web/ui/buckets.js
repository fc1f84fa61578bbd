// Min/max decimation to one bucket per pixel, done once per sample as it comes: drawing costs as much as the plot is
// wide, not as much data as it shows. Buckets stand at fixed times, so a moving trace does not shimmer.
//
//   const b = new Buckets(2);
//   b.reset(30000 / 800, 800);       // a 30 s window on 800 pixels
//   b.update(ring);                  // takes in what is new
//   b.fill(ring.last, 30000);        // b.n points: b.xs, b.ys[0], b.ys[1]

/** @typedef {import('./ring.js').Ring} Ring */

export class Buckets {
  /** @param {number[]} columns which of the ring's columns */
  constructor(columns) {
    this.columns = columns;
    this.width = 1;
    this.size = 0;
    /** Points written by fill. */
    this.n = 0;
    this.xs = new Float64Array(0);
    /** @type {Float64Array[]} */
    this.ys = [];
    /** Absolute index of the next sample to take in. */
    this.next = 0;
    /** Number of the bucket that stands in a slot, -1 for none. */
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
    this.key.fill(-1);
    this.next = 0;
  }

  /** @param {Ring} ring */
  update(ring) {
    const horizon = ring.last - this.width * (this.size - 1);
    let i = this.next;
    if (i === 0 || i < ring.first) i = Math.max(i, ring.find(horizon));
    let g = ring.gaps.length;
    while (g > 0 && ring.gaps[g - 1].before >= i) g--;
    for (; i < ring.count; i++) {
      const at = i & ring.mask;
      const t = ring.times[at];
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
    this.next = ring.count;
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

  /** Writes what is visible between edge - span and edge into xs (ms before the edge) and ys; NaN is a break.
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
        ys[c][n] = up ? this.min[c][s] : this.max[c][s];
        if (pair) ys[c][n + 1] = up ? this.max[c][s] : this.min[c][s];
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
      if (this.key[s] < 0 || this.end[s] < edge - span || this.start[s] > edge) continue;
      if (Number.isNaN(this.min[c][s])) continue;
      if (!(this.min[c][s] >= lo)) lo = this.min[c][s];
      if (!(this.max[c][s] <= hi)) hi = this.max[c][s];
    }
    return [lo, hi];
  }
}
