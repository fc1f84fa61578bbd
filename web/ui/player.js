// Shows one stream of pictures: the newest one, never a queue of them. While one is being decoded those that come are
// passed over; a device that cannot keep up asks for fewer.

import { get, pause } from './conn.js';
import { Parts } from './multipart.js';

const LOOK_MS = 4000;
const LEAST_HZ = 1;
const STUCK_MS = 10_000;
/** Passed over in LOOK_MS, as a part of all: more, and fewer are asked for. */
const BEHIND = 0.3;

export class Player {
  /** @param {PlayerOptions} o */
  constructor(o) {
    this.o = o;
    this.now = o.now ?? (() => performance.now());
    this.tries = 0;
    /** Asked for, 0: all. */
    this.hz = 0;
    /** Of the newest picture: when it was drawn, on this page's clock, and its box time. */
    this.drawnAt = Number.NaN;
    this.boxAt = Number.NaN;
    /** Usual time from one to the next, ms. */
    this.step = 0;
    this.cameAt = Number.NaN;
    /** @type {Part | null} */
    this.next = null;
    this.busy = false;
    this.seen = { at: 0, came: 0, drawn: 0 };
    /** @type {AbortController | null} */
    this.abort = null;
    /** @type {any} */
    this.timer = null;
  }

  start() {
    if (!this.abort) this.#run();
  }

  stop() {
    clearTimeout(this.timer);
    this.abort?.abort();
    this.abort = null;
    this.next = null;
  }

  /** @returns {Promise<void>} */
  async #run() {
    const abort = new AbortController();
    this.abort = abort;
    const over = () => this.abort !== abort;
    this.seen = { at: this.now(), came: 0, drawn: 0 };
    this.cameAt = Number.NaN;
    let slower = false;
    try {
      const res = await (this.o.get ?? get)(this.o.path(this.hz), { signal: abort.signal });
      const reader = /** @type {ReadableStream<Uint8Array>} */ (res.body).getReader();
      const parts = new Parts((p) => over() || this.#take(p));
      while (!parts.ended && !slower) {
        const { done, value } = await reader.read();
        if (done || over()) break;
        parts.push(value);
        slower = this.#behind();
      }
    } catch {
      // A refusal, a broken way, or bytes that are none of ours: the list of cameras tells more.
    }
    if (over()) return;
    abort.abort(); // what is left of the answer
    if (slower) return this.#run();
    // Not at once: by then it is known whether the camera was covered, or the class has ended.
    this.timer = setTimeout(
      async () => {
        const may = await this.o.may().catch(() => true);
        if (over()) return;
        if (may) this.#run();
        else this.stop();
      },
      pause(++this.tries, Math.random()),
    );
  }

  /** @param {Part} p */
  #take(p) {
    const now = this.now();
    this.tries = 0;
    this.seen.came++;
    const step = now - this.cameAt;
    if (step >= 0) this.step = this.step ? this.step * 0.9 + step * 0.1 : step;
    this.cameAt = now;
    this.next = p;
    if (!this.busy) this.#show();
  }

  async #show() {
    this.busy = true;
    for (let p = this.next; p; p = this.next) {
      this.next = null;
      const abort = this.abort;
      try {
        const picture = await this.o.decode(p);
        if (!abort || this.abort !== abort) continue; // nobody may see it, or wants to
        this.o.draw(picture, p);
        this.drawnAt = this.now();
        this.boxAt = p.at;
      } catch {
        // A damaged picture: the next one will do.
      }
      this.seen.drawn++;
    }
    this.busy = false;
  }

  /** Too many were passed over: from now on half of what could be shown, and a bit.  */
  #behind() {
    const { at, came, drawn } = this.seen;
    const took = this.now() - at;
    if (took < LOOK_MS) return false;
    this.seen = { at: this.now(), came: 0, drawn: 0 };
    if (came - drawn <= Math.max(2, came * BEHIND)) return false;
    const hz = Math.max(LEAST_HZ, (drawn * 800) / took);
    if (this.hz && hz >= this.hz) return false;
    this.hz = hz;
    return true;
  }

  /** Nothing came for so long that the way here is broken, where the box says that there are pictures.  */
  stuck() {
    return this.abort !== null && this.now() - Math.max(this.seen.at, this.cameAt || 0) > STUCK_MS;
  }

  /** Age of the picture that is shown, ms; Infinity: none yet.
   * @param {number} now of this page @param {number} box the box's monotonic time then, NaN: not known */
  age(now, box) {
    if (Number.isNaN(this.drawnAt)) return Infinity;
    const way = box - this.boxAt;
    return Math.max(now - this.drawnAt, Number.isNaN(way) ? 0 : way);
  }

  /** Nothing is shown any more.  */
  forget() {
    this.drawnAt = Number.NaN;
    this.boxAt = Number.NaN;
  }
}
