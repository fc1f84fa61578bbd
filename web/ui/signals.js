// Values that say when they change. Who reads `.value` inside Reader.run is called again once it is another value;
// every component reads so (lib.js), and is drawn again by its signals alone.

/** @type {Reader | null} who reads now */
let reading = null;

export class Reader {
  /** @param {() => void} again */
  constructor(again) {
    this.again = again;
    /** @type {Set<Signal<any>>} */
    this.from = new Set();
  }

  /** Notes what fn reads, and nothing of before.
   * @template T @param {() => T} fn @returns {T} */
  run(fn) {
    this.stop();
    const outer = reading;
    reading = this;
    try {
      return fn();
    } finally {
      reading = outer;
    }
  }

  stop() {
    for (const s of this.from) s.readers.delete(this);
    this.from.clear();
  }
}

/** @template T */
export class Signal {
  /** @param {T} value */
  constructor(value) {
    this.now = value;
    /** @type {Set<Reader>} */
    this.readers = new Set();
  }

  get value() {
    if (reading) {
      this.readers.add(reading);
      reading.from.add(this);
    }
    return this.now;
  }

  set value(v) {
    if (v === this.now) return;
    this.now = v;
    for (const r of [...this.readers]) r.again();
  }

  peek() {
    return this.now;
  }
}

/** @template T @param {T} value */
export const signal = (value) => new Signal(value);

/** Runs fn now and whenever what it read has changed.  @param {() => void} fn */
export function effect(fn) {
  const r = new Reader(() => r.run(fn));
  r.run(fn);
}
