// One graph fed from a Stream: a line per channel, decimated, every gap hatched, axes, and a cursor that several graphs
// share. It draws itself on a canvas; nothing is allocated per sample.

import { num, t } from './i18n.js';
import { Buckets } from './ring.js';

/** @param {string} name */
export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The name of a trace's colour; the ninth is the first again.  @param {number} i */
export const traceColor = (i) => `--trace-${(i % 8) + 1}`;

const LEFT = 58;
const BOTTOM = 26;
const TOP = 8;
const RIGHT = 16;
const FONT = '12px system-ui, sans-serif';
/** Names at the ends take at most this part of the width. */
const NAMES = 0.2;

/** Strokes one channel: x = x0 + ms * kx, y = y0 - value * ky. A point between two breaks becomes a dot.
 * @param {CanvasRenderingContext2D} c @param {Buckets} b @param {number} channel
 * @param {number} x0 @param {number} kx @param {number} y0 @param {number} ky */
export function strokeTrace(c, b, channel, x0, kx, y0, ky) {
  const { xs, n } = b;
  const ys = b.ys[channel];
  let length = 0;
  let last = 0;
  c.beginPath();
  for (let i = 0; i <= n; i++) {
    const y = i < n ? ys[i] : Number.NaN;
    if (y === Infinity) continue;
    if (Number.isNaN(y)) {
      if (length === 1) c.lineTo(x0 + xs[last] * kx + 2, y0 - ys[last] * ky);
      length = 0;
    } else {
      if (length++) c.lineTo(x0 + xs[i] * kx, y0 - y * ky);
      else c.moveTo(x0 + xs[i] * kx, y0 - y * ky);
      last = i;
    }
  }
  c.stroke();
}

/** 1, 2 or 5 times a power of ten, for about `count` ticks.  @param {number} span @param {number} count */
export function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const ten = 10 ** Math.floor(Math.log10(raw));
  const m = raw / ten;
  return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * ten;
}

/** Multiples of step between lo and hi.  @param {number} lo @param {number} hi @param {number} step */
export function ticks(lo, hi, step) {
  const out = [];
  for (let i = Math.ceil(lo / step - 1e-6); i <= Math.floor(hi / step + 1e-6); i++) out.push(i * step || 0);
  return out;
}

/** Places after the point that a step needs, at most 6.  @param {number} step */
export const places = (step) => Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));

/** A vertical range that does not twitch: it grows at once, shrinks when two thirds are empty, never below `least`.
 * @param {[number, number] | null} was @param {number} lo @param {number} hi @param {number} least
 * @returns {[number, number]} */
export function steadyRange(was, lo, hi, least) {
  if (!(hi >= lo)) return was ?? [-1, 1];
  const span = Math.max(hi - lo, least);
  const middle = (lo + hi) / 2;
  if (was && lo >= was[0] && hi <= was[1] && span > (was[1] - was[0]) / 3) return was;
  return [middle - span * 0.6, middle + span * 0.6];
}

/** @param {string} ink @param {string} paper @param {number} ratio */
function hatch(ink, paper, ratio) {
  const size = Math.round(8 * ratio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const c = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
  c.fillStyle = paper;
  c.fillRect(0, 0, size, size);
  c.strokeStyle = ink;
  c.lineWidth = 1.5 * ratio;
  for (const x of [-size, 0, size]) {
    c.moveTo(x, size);
    c.lineTo(x + size, 0);
  }
  c.stroke();
  return tile;
}

export class Chart {
  /** @param {HTMLCanvasElement} el @param {number[]} channels indices into the contract's @param {number} windowMS
   * @param {(v: number) => number} least smallest span worth showing around a value
   * @param {string[]} names at the ends of the traces, none where one trace needs no name
   * @param {string[]} room the names that all plots of the page leave room for, so that their times stand in line */
  constructor(el, channels, windowMS, least, names, room) {
    this.least = least;
    this.names = names;
    this.room = room;
    this.right = RIGHT;
    this.el = el;
    this.c = /** @type {CanvasRenderingContext2D} */ (el.getContext('2d'));
    this.windowMS = windowMS;
    this.buckets = new Buckets(channels);
    /** @type {Stream | null} */
    this.stream = null;
    this.edge = Number.NaN;
    /** @type {[number, number] | null} */
    this.range = null;
    /** @type {Set<number>} */
    this.hidden = new Set();
    /** @type {number | null} where the pointer is, ms before the right edge */
    this.cursor = null;
    this.seen = '';
    /** Is the right edge now? */
    this.fresh = true;
    /** Does the vertical range follow the values? */
    this.auto = true;
    /** When the device came and went. @type {Mark[]} */
    this.marks = [];
    this.colors = channels.map((_, i) => cssColor(traceColor(i)));
    this.ink = cssColor('--ink-2');
    this.grid = cssColor('--grid');
    this.paper = cssColor('--card');
    this.ratio = 1;
    this.width = 0;
    this.height = 0;
    /** @type {CanvasPattern | null} */
    this.pattern = null;
    this.resize();
  }

  resize() {
    const ratio = devicePixelRatio || 1;
    this.ratio = ratio;
    this.width = Math.max(120, this.el.clientWidth);
    this.height = Math.max(80, this.el.clientHeight);
    this.el.width = Math.round(this.width * ratio);
    this.el.height = Math.round(this.height * ratio);
    this.c.font = `600 ${FONT}`;
    const longest = Math.max(0, ...this.room.map((n) => this.c.measureText(n).width + 6));
    this.right = Math.max(RIGHT, Math.ceil(Math.min(longest, this.width * NAMES)));
    this.pattern = this.c.createPattern(hatch(cssColor('--gap'), cssColor('--gap-paper'), ratio), 'repeat');
    this.setWindow(this.windowMS);
  }

  /** @param {number} ms */
  setWindow(ms) {
    const pixels = this.width - LEFT - this.right;
    this.windowMS = ms;
    if (this.auto) this.range = null;
    this.seen = '';
    this.buckets.reset(ms / pixels, pixels);
  }

  /** Draws where there is something new; `edge` is the time at the right.
   * @param {Stream} s @param {number} edge @param {boolean} fresh @param {boolean} frozen */
  draw(s, edge, fresh, frozen) {
    this.fresh = fresh;
    if (s !== this.stream || (frozen && edge !== this.edge)) {
      this.stream = s;
      this.setWindow(this.windowMS);
    }
    const state = `${frozen || s.ring.count} ${edge} ${this.cursor} ${[...this.hidden]} ${fresh} ${this.marks.length} ${this.auto}`;
    if (state === this.seen) return;
    this.seen = state;
    this.edge = edge;
    // What has been frozen stays, also when the ring has forgotten it.
    if (!frozen || !this.buckets.next) this.buckets.update(s.ring, edge);
    this.buckets.fill(edge, this.windowMS);
    const { c, ratio, width, height } = this;
    c.setTransform(1, 0, 0, 1, 0, 0);
    c.clearRect(0, 0, width * ratio, height * ratio);
    c.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.#plot(width - LEFT - this.right, height - TOP - BOTTOM);
  }

  /** @param {number} w @param {number} h of the inner rectangle */
  #plot(w, h) {
    const { c, buckets, windowMS, edge } = this;
    let lo = Number.NaN;
    let hi = Number.NaN;
    for (let i = 0; i < this.colors.length; i++) {
      if (this.hidden.has(i)) continue;
      const [a, b] = buckets.extent(i, edge, windowMS);
      if (!(a >= lo)) lo = Number.isNaN(a) ? lo : a;
      if (!(b <= hi)) hi = Number.isNaN(b) ? hi : b;
    }
    if (this.auto || !this.range) this.range = steadyRange(this.range, lo, hi, this.least(hi));
    const [bottom, top] = this.range;
    const kx = w / windowMS;
    const ky = h / (top - bottom);
    const x0 = LEFT + w;
    const y0 = TOP + top * ky;
    this.#axes(w, h, kx, ky, y0);
    c.save();
    c.beginPath();
    c.rect(LEFT, TOP, w, h);
    c.clip();
    c.fillStyle = /** @type {CanvasPattern} */ (this.pattern);
    for (const g of this.gaps()) {
      const x = Math.max(LEFT, x0 + (g.from - edge) * kx);
      c.fillRect(x, TOP, Math.max(3, x0 + (g.to - edge) * kx - x), h);
    }
    // A dense trace is fastest, and clear enough, at one pixel.
    c.lineWidth = buckets.n > w ? 1 : 1.6;
    c.lineJoin = 'round';
    this.colors.forEach((color, i) => {
      if (this.hidden.has(i)) return;
      c.strokeStyle = color;
      strokeTrace(c, buckets, i, x0, kx, y0, ky);
    });
    this.#marks(x0, kx, h);
    if (this.cursor !== null) {
      c.fillStyle = this.ink;
      c.fillRect(x0 + this.cursor * kx, TOP, 1, h);
      this.#text(
        `${num(this.cursor / 1000 + this.end, 2)} s`,
        x0 + this.cursor * kx,
        TOP + 8,
        this.ink,
        this.cursor * kx < -w / 2,
      );
    }
    c.restore();
    this.#names(x0, y0, ky, h);
  }

  /** A word on the plot that can be read on any trace.
   * @param {string} text @param {number} x @param {number} y @param {string} color @param {boolean} right of x? */
  #text(text, x, y, color, right) {
    const { c } = this;
    c.font = `600 ${FONT}`;
    c.textAlign = right ? 'left' : 'right';
    c.textBaseline = 'middle';
    c.lineWidth = 4;
    c.strokeStyle = this.paper;
    c.strokeText(text, x + (right ? 5 : -5), y);
    c.fillStyle = color;
    c.fillText(text, x + (right ? 5 : -5), y);
  }

  /** @param {number} x0 @param {number} kx @param {number} h */
  #marks(x0, kx, h) {
    for (const { t: at, up, sign, tone } of this.marks) {
      const x = Math.min(x0 - 1, x0 + (at - this.edge) * kx);
      if (x < LEFT) continue;
      const color = cssColor(tone ?? (up ? '--ok' : '--bad'));
      this.c.fillStyle = color;
      this.c.fillRect(x - 1, TOP, 2, h);
      const word = this.width < 480 ? '' : ` ${t(up ? 'plot.on' : 'plot.off')}`;
      const text = sign ?? (up ? '\u25b2' : '\u25bc') + word;
      this.#text(text, x, TOP + (sign ? 8 : h - (up ? 22 : 8)), color, up || x < LEFT + 100);
    }
  }

  /** The traces' names at their ends, none on another.
   * @param {number} x0 @param {number} y0 @param {number} ky @param {number} h */
  #names(x0, y0, ky, h) {
    const { c } = this;
    const { n, ys } = this.buckets;
    const ends = this.names.flatMap((name, i) => {
      if (this.hidden.has(i)) return [];
      let k = n - 1;
      while (k >= 0 && !Number.isFinite(ys[i][k])) k--;
      return k < 0 ? [] : [{ name, i, y: y0 - ys[i][k] * ky }];
    });
    ends.sort((a, b) => a.y - b.y);
    c.font = `600 ${FONT}`;
    c.textAlign = 'left';
    c.textBaseline = 'middle';
    let lowest = TOP + h - 8 - 14 * (ends.length - 1);
    let above = TOP - 6;
    for (const { name, i, y } of ends) {
      above = Math.max(Math.min(y, lowest), above + 14);
      lowest += 14;
      let text = name;
      while (text.length > 2 && c.measureText(text).width > this.right - 4)
        text = `${text.slice(0, -2).trimEnd()}\u2026`;
      c.fillStyle = this.colors[i];
      c.fillText(text, x0 + 4, above);
    }
  }

  /** @param {number} w @param {number} h @param {number} kx @param {number} ky @param {number} y0 */
  #axes(w, h, kx, ky, y0) {
    const { c } = this;
    const [bottom, top] = /** @type {[number, number]} */ (this.range);
    c.font = FONT;
    let step = niceStep(top - bottom, h / 44);
    // One tick alone shows no scale.
    if (ticks(bottom, top, step).length < 2) step = niceStep(top - bottom, h / 20);
    c.textAlign = 'right';
    c.textBaseline = 'middle';
    for (const v of ticks(bottom, top, step)) {
      c.fillStyle = this.grid;
      c.fillRect(LEFT, Math.round(y0 - v * ky), w, 1);
      c.fillStyle = this.ink;
      const text = num(v, places(step));
      c.fillText(text.length > 7 ? v.toPrecision(3) : text, LEFT - 8, y0 - v * ky);
    }
    const every = niceStep(this.windowMS / 1000, w / 80);
    c.textBaseline = 'top';
    const { end } = this;
    for (const s of ticks(end - this.windowMS / 1000, end, every)) {
      const x = LEFT + w + (s - end) * 1000 * kx;
      c.fillStyle = this.grid;
      c.fillRect(Math.round(x), TOP, 1, h);
      c.fillStyle = this.ink;
      // The last one would be cut off in the middle.
      c.textAlign = s ? 'center' : 'right';
      c.fillText(
        s || !this.fresh ? `${num(s, places(every))} s` : t('plot.now'),
        s ? x : x + Math.min(RIGHT, this.right),
        TOP + h + 8,
      );
    }
  }

  /** What the axis says at the right edge, s. */
  get end() {
    return (this.edge - (this.stream?.zero ?? this.edge)) / 1000;
  }

  gaps() {
    return this.stream?.ring.gaps.filter((g) => g.to >= this.edge - this.windowMS && g.from <= this.edge) ?? [];
  }

  /** Time under the pointer, ms before the edge, null outside.  @param {number} offsetX in the canvas */
  timeAt(offsetX) {
    const ms = ((offsetX - LEFT) / (this.width - LEFT - this.right) - 1) * this.windowMS;
    return ms <= 0 && ms >= -this.windowMS ? ms : null;
  }

  /** The value of trace i at a time, ms before the right edge.  @param {number} i @param {number} ms */
  valueAt(i, ms) {
    if (this.stream?.exact) return this.stream.exact(this.buckets.columns[i], this.edge + ms);
    const { xs, n, ys } = this.buckets;
    let at = -1;
    for (let k = 0; k < n && xs[k] <= ms; k++) if (ys[i][k] !== Infinity) at = k;
    return at < 0 ? Number.NaN : ys[i][at];
  }
}
