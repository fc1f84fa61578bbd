// Brings a device's own times to the box's time axis. The box stamps a sample when it reads it: on a busy PC that is late
// and uneven, while the device's clock runs evenly. A sample is never read before it is taken, so the least of (box
// time - device time) over the last seconds tells how the clocks stand; it follows a drift, and it is followed gently.

/** Half of the sliding window of the least difference, ms. */
const HALF_MS = 5000;
/** At most so much of the time that passes is used to correct the axis. */
const GENTLE = 0.2;

export class DeviceClock {
  /** Least difference in this half of the window and in the one before. */
  least = Number.POSITIVE_INFINITY;
  before = Number.POSITIVE_INFINITY;
  /** Box time when this half ends. */
  end = Number.NEGATIVE_INFINITY;
  /** What is added to a device time now. */
  offset = Number.NaN;
  /** Newest device time. */
  last = Number.NEGATIVE_INFINITY;

  /** Forgets how the clocks stand, such as after a restart. */
  reset() {
    Object.assign(this, new DeviceClock());
  }

  /** The times of a frame's samples from number `skip` on: by the device's clock, where that says nothing by the box's.
   * @param {Frame} f @param {number} skip @param {number} most difference in ms that cannot be lateness: the device's
   * clock stood still or was set */
  times(f, skip, most) {
    const out = Float64Array.from({ length: f.n - skip }, (_, i) => f.boxTime(skip + i));
    const device = f.deviceTimes?.subarray(skip);
    if (!device) return out;
    for (let from = 0; from < out.length; ) {
      if (device[from] < this.last) this.reset();
      let to = from;
      let least = Number.POSITIVE_INFINITY;
      for (let last = this.last; to < out.length && !(device[to] < last); to++) {
        if (Number.isNaN(device[to])) continue;
        last = device[to];
        least = Math.min(least, out[to] - last);
      }
      this.#note(least, out[to - 1], most);
      for (; from < to; from++) {
        if (!Number.isNaN(device[from])) out[from] = this.#map(device[from], most);
      }
    }
    return out;
  }

  /** @param {number} least @param {number} now box time @param {number} most */
  #note(least, now, most) {
    if (Math.abs(least - this.offset) > most && least < Number.POSITIVE_INFINITY) this.reset();
    if (now > this.end) {
      this.before = now > this.end + HALF_MS ? Number.POSITIVE_INFINITY : this.least;
      this.least = Number.POSITIVE_INFINITY;
      this.end = now + HALF_MS;
    }
    this.least = Math.min(this.least, least);
  }

  /** @param {number} device @param {number} most */
  #map(device, most) {
    const off = Math.min(this.least, this.before) - this.offset;
    const can = GENTLE * (device - this.last);
    if (Math.abs(off) < most) this.offset += Math.max(-can, Math.min(can, off));
    else this.offset = Math.min(this.least, this.before);
    this.last = device;
    return device + this.offset;
  }
}
