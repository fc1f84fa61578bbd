// Ring buffers of typed arrays for one device: a time and one value per channel and sample, no object per sample.
//
//   const ring = new Ring([false, true], 4096);   // an f32 and an f64 column
//   ring.push(1000, [0.5, 3]);
//   ring.gap(1010, 1500, 20, 'slow');             // a declared gap before the next sample
//
// Samples are numbered from 0 (absolute index); the newest `capacity` of them are kept. Times are ms and never go back.

/** A stretch without data. `before` is the absolute index of the first sample after it.
 * @typedef {{before: number, from: number, to: number, lost: number, why: string}} Gap */

const MAX_GAPS = 256;

export class Ring {
  /** @param {boolean[]} wide per column: does it need 64 bits?  @param {number} capacity rounded up to a power of 2 */
  constructor(wide, capacity) {
    this.wide = wide;
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

  /** Absolute index of the oldest sample kept. */
  get first() {
    return Math.max(0, this.count - this.capacity);
  }

  /** Time of the newest sample, NaN where there is none. */
  get last() {
    return this.count ? this.times[(this.count - 1) & this.mask] : Number.NaN;
  }

  /** Doubles the memory and keeps what is there. */
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
    for (let c = 0; c < this.columns.length; c++) this.columns[c][at] = values[c];
    this.count++;
  }

  /** Declares that nothing is known between two times.
   * @param {number} from ms  @param {number} to ms  @param {number} lost samples, -1 where unknown  @param {string} why */
  gap(from, to, lost, why) {
    this.gaps.push({ before: this.count, from, to, lost, why });
    const oldest = this.first ? this.times[this.first & this.mask] : Number.NEGATIVE_INFINITY;
    while (this.gaps.length > MAX_GAPS || (this.gaps.length && this.gaps[0].to < oldest)) this.gaps.shift();
  }

  /** The newest value of a column, NaN where there is none.  @param {number} c */
  value(c) {
    return this.count ? this.columns[c][(this.count - 1) & this.mask] : Number.NaN;
  }

  /** Absolute index of the first sample kept with a time >= t.  @param {number} t ms */
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
