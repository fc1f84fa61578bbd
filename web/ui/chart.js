// One uPlot graph fed from a Stream: decimated, with every gap hatched, colours that colour-blind people can tell apart.

import { Buckets, newView } from './buckets.js';
import { num, t } from './i18n.js';
import { steadyRange } from './model.js';
import * as vendored from './vendor/uplot.js';

/** @type {any} */
const uPlot = vendored.default;

/** @typedef {import('./stream.js').Stream} Stream */

/** @param {string} name */
export const cssColor = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** The colours of the first, second... trace; more than eight start again. */
export const traceColor = (/** @type {number} */ i) => `--trace-${(i % 8) + 1}`;

const FONT = '12px system-ui, sans-serif';
const AXIS_WIDTH = 58;

/** @param {string} color @param {string} paper @param {number} ratio */
function hatch(color, paper, ratio) {
  const size = Math.round(8 * ratio);
  const tile = document.createElement('canvas');
  tile.width = size;
  tile.height = size;
  const c = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
  c.fillStyle = paper;
  c.fillRect(0, 0, size, size);
  c.strokeStyle = color;
  c.lineWidth = 1.5 * ratio;
  for (const x of [-size, 0, size]) {
    c.moveTo(x, size);
    c.lineTo(x + size, 0);
  }
  c.stroke();
  return tile;
}

/** @typedef {object} Options
 * @property {edge.Contract} contract
 * @property {number[]} channels indices into contract.channels
 * @property {number} windowMS
 * @property {(index: number | null) => void} onCursor */

export class Chart {
  /** @param {HTMLElement} el @param {Options} o */
  constructor(el, o) {
    this.el = el;
    this.o = o;
    this.windowMS = o.windowMS;
    this.buckets = new Buckets(o.channels);
    this.view = newView(o.channels.length);
    /** @type {Stream | null} */
    this.stream = null;
    this.edge = Number.NaN;
    /** @type {[number, number] | null} */
    this.range = null;
    this.seen = -1;
    /** @type {HTMLCanvasElement | null} */
    this.tile = null;
    this.u = this.#make(Math.max(200, el.clientWidth), Math.max(120, el.clientHeight));
  }

  /** @param {number} width @param {number} height */
  #make(width, height) {
    const ink = cssColor('--ink-2');
    const grid = { stroke: cssColor('--grid'), width: 1 };
    const axis = { stroke: ink, grid, ticks: { ...grid, size: 4 }, font: FONT };
    const series = this.o.channels.map((_, i) => ({
      stroke: cssColor(traceColor(i)),
      width: 1,
      points: { show: false },
    }));
    const opts = {
      width,
      height,
      pxAlign: 0,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 7 }, sync: { key: 'time' } },
      scales: {
        x: { time: false, range: () => [-this.windowMS / 1000, 0] },
        y: { range: (/** @type {any} */ _, /** @type {number} */ lo, /** @type {number} */ hi) => this.#range(lo, hi) },
      },
      axes: [
        {
          ...axis,
          size: 30,
          values: (/** @type {any} */ _, /** @type {number[]} */ v) =>
            v.map((x) => (x === 0 ? t('plot.now') : `${num(x, Number.isInteger(x) ? 0 : 1)} s`)),
        },
        {
          ...axis,
          size: AXIS_WIDTH,
          values: (
            /** @type {any} */ _,
            /** @type {number[]} */ v,
            /** @type {any} */ __,
            /** @type {any} */ ___,
            /** @type {number} */ step,
          ) => v.map((x) => num(x, Math.max(0, Math.min(6, -Math.floor(Math.log10(step || 1)))))),
        },
      ],
      series: [{}, ...series],
      hooks: {
        drawClear: [() => this.#gaps()],
        setCursor: [(/** @type {any} */ u) => this.o.onCursor(u.cursor.idx ?? null)],
      },
    };
    return new uPlot(opts, [this.view.xs, ...this.view.ys], this.el);
  }

  /** @param {number} lo @param {number} hi @returns {[number, number]} */
  #range(lo, hi) {
    this.range = steadyRange(this.range, lo ?? Number.NaN, hi ?? Number.NaN);
    return this.range;
  }

  /** Hatches what is not known, behind the traces. */
  #gaps() {
    const gaps = this.stream?.ring.gaps;
    if (!gaps?.length || !this.u) return;
    const { ctx, bbox } = this.u;
    const ratio = devicePixelRatio || 1;
    ctx.save();
    for (const g of gaps) {
      const from = (g.from - this.edge) / 1000;
      const to = (g.to - this.edge) / 1000;
      if (to < -this.windowMS / 1000 || from > 0) continue;
      const left = Math.max(bbox.left, this.u.valToPos(from, 'x', true));
      const right = Math.min(bbox.left + bbox.width, Math.max(this.u.valToPos(to, 'x', true), left + 3 * ratio));
      this.tile ??= hatch(cssColor('--gap'), cssColor('--gap-paper'), ratio);
      ctx.fillStyle = /** @type {CanvasPattern} */ (ctx.createPattern(this.tile, 'repeat'));
      ctx.fillRect(left, bbox.top, right - left, bbox.height);
    }
    ctx.restore();
  }

  /** @param {number} ms */
  setWindow(ms) {
    this.windowMS = ms;
    this.range = null;
    this.#restart();
  }

  #restart() {
    const pixels = Math.max(100, (this.u?.bbox.width ?? 800) / (devicePixelRatio || 1));
    this.buckets.reset(this.windowMS / pixels, pixels);
    this.seen = -1;
  }

  resize() {
    const width = this.el.clientWidth;
    const height = this.el.clientHeight;
    if (!width || !height || (width === this.u.width && height === this.u.height)) return;
    this.u.setSize({ width, height });
    this.#restart();
    if (this.stream) this.draw(this.stream, this.edge);
  }

  /** Draws what is new; `edge` is the time at the right.  @param {Stream} s @param {number} edge */
  draw(s, edge) {
    if (s !== this.stream) {
      this.stream = s;
      this.#restart();
    }
    if (s.ring.count === this.seen && edge === this.edge) return;
    this.seen = s.ring.count;
    this.edge = edge;
    this.buckets.update(s.ring);
    this.buckets.fill(this.view, edge, this.windowMS);
    this.u.setData([this.view.xs, ...this.view.ys]);
  }

  /** Gaps in sight.  */
  gaps() {
    return this.stream?.ring.gaps.filter((g) => g.to >= this.edge - this.windowMS && g.from <= this.edge) ?? [];
  }

  /** @param {number} i @param {boolean} on */
  show(i, on) {
    this.u.setSeries(i + 1, { show: on });
  }

  destroy() {
    this.u.destroy();
  }
}
