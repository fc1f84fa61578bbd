// One channel against another, over the time that the plots show; gaps are breaks, the newest point is a dot. Loaded on
// demand.

import { cssColor, niceStep, places, steadyRange, ticks } from './chart.js';
import { label, num, t } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { leastSpan } from './model.js';
import { dirty, onPaint } from './paint.js';

const MOST = 4000;
const [LEFT, BOTTOM, EDGE] = [58, 44, 12];

/** Points of two columns between two times, at most about MOST of them; a break comes before a gap's end.
 * @param {Ring} ring @param {number} x @param {number} y columns @param {number} from @param {number} to ms
 * @param {(x: number, y: number, cut: boolean) => void} put */
export function points(ring, x, y, from, to, put) {
  const first = ring.find(from);
  const end = Math.min(ring.count, ring.find(to + 1e-6));
  const step = Math.max(1, Math.ceil((end - first) / MOST));
  let g = ring.gaps.findIndex((gap) => gap.before > first);
  let cut = true;
  for (let i = first; i < end; i += step) {
    const at = i & ring.mask;
    const [a, b] = [ring.columns[x][at], ring.columns[y][at]];
    while (g >= 0 && g < ring.gaps.length && ring.gaps[g].before <= i) {
      cut = true;
      g++;
    }
    if (Number.isNaN(a) || Number.isNaN(b)) continue;
    put(a, b, cut);
    cut = false;
  }
}

/** @param {{d: Device, contract: edge.Contract, windowMS: number, frozen: number | null}} p */
export function XY({ d, contract, windowMS, frozen }) {
  const usable = contract.channels
    .map((ch, index) => ({ ch, index }))
    .filter(({ ch }) => ch.format !== 'enum' && !ch.hidden);
  const [pair, setPair] = useState(() => [usable[0]?.index ?? 0, usable[1]?.index ?? usable[0]?.index ?? 0]);
  const canvas = useRef(/** @type {any} */ (null));
  const now = useRef({ pair, windowMS, frozen });
  now.current = { pair, windowMS, frozen };
  const names = pair.map(
    (i) =>
      `${label(contract.channels[i]?.label, contract.channels[i]?.id)}${contract.channels[i]?.unit ? ` (${contract.channels[i].unit})` : ''}`,
  );
  useEffect(dirty, [pair, windowMS, frozen]);
  useEffect(() => {
    /** @type {([number, number] | null)[]} */
    let ranges = [null, null];
    let seen = '';
    return onPaint(() => {
      const s = d.stream.value;
      const el = canvas.current;
      if (!s?.ring.count || !el) return;
      const { pair: p, windowMS: span, frozen: edge } = now.current;
      const to = edge ?? s.ring.last;
      const key = `${p} ${span} ${to} ${el.clientWidth}`;
      if (key === seen) return;
      if (!seen.startsWith(`${p} `)) ranges = [null, null];
      seen = key;
      ranges = draw(el, s.ring, p, to - span, to, ranges, contract);
    });
  }, [d, contract]);
  const choose = (/** @type {number} */ axis) => (/** @type {any} */ e) =>
    setPair(pair.map((v, i) => (i === axis ? Number(e.target.value) : v)));
  const select = (/** @type {number} */ axis) => html`<label class="grow">${'XY'[axis]}
    <select value=${pair[axis]} onChange=${choose(axis)}>${usable.map(({ ch, index }) => html`<option value=${index}>${label(ch.label, ch.id)}</option>`)}</select></label>`;
  return html`<figure class="plot xy"><figcaption class="row"><h3>${t('plot.xy')}</h3></figcaption>
    <div class="row">${select(0)}${select(1)}</div>
    <canvas class="canvas" ref=${canvas} role="img" aria-label=${t('plot.xy.of', { x: names[0], y: names[1], s: windowMS / 1000 })}></canvas>
  </figure>`;
}

/** @param {HTMLCanvasElement} el @param {Ring} ring @param {number[]} pair @param {number} from @param {number} to
 * @param {([number, number] | null)[]} was @param {edge.Contract} contract @returns {[number, number][]} */
function draw(el, ring, pair, from, to, was, contract) {
  const ratio = devicePixelRatio || 1;
  const [width, height] = [el.clientWidth, el.clientHeight];
  if (el.width !== Math.round(width * ratio)) el.width = Math.round(width * ratio);
  if (el.height !== Math.round(height * ratio)) el.height = Math.round(height * ratio);
  const c = /** @type {CanvasRenderingContext2D} */ (el.getContext('2d'));
  c.setTransform(ratio, 0, 0, ratio, 0, 0);
  c.clearRect(0, 0, width, height);
  const seen = [Infinity, -Infinity, Infinity, -Infinity];
  points(ring, pair[0], pair[1], from, to, (x, y) => {
    seen[0] = Math.min(seen[0], x);
    seen[1] = Math.max(seen[1], x);
    seen[2] = Math.min(seen[2], y);
    seen[3] = Math.max(seen[3], y);
  });
  const least = pair.map((i, k) => leastSpan(contract.channels[i], seen[2 * k + 1]));
  const rx = steadyRange(was[0], seen[0], seen[1], least[0]);
  const ry = steadyRange(was[1], seen[2], seen[3], least[1]);
  const [w, h] = [width - LEFT - EDGE, height - BOTTOM - EDGE];
  const px = (/** @type {number} */ v) => LEFT + ((v - rx[0]) / (rx[1] - rx[0])) * w;
  const py = (/** @type {number} */ v) => EDGE + h - ((v - ry[0]) / (ry[1] - ry[0])) * h;
  const [ink, grid, color] = ['--ink-2', '--grid', '--trace-1'].map(cssColor);
  c.font = '12px system-ui, sans-serif';
  c.textBaseline = 'middle';
  c.textAlign = 'right';
  const sy = niceStep(ry[1] - ry[0], h / 44);
  for (const v of ticks(ry[0], ry[1], sy)) {
    c.fillStyle = grid;
    c.fillRect(LEFT, Math.round(py(v)), w, 1);
    c.fillStyle = ink;
    c.fillText(num(v, places(sy)), LEFT - 8, py(v));
  }
  c.textAlign = 'center';
  const sx = niceStep(rx[1] - rx[0], w / 80);
  for (const v of ticks(rx[0], rx[1], sx)) {
    c.fillStyle = grid;
    c.fillRect(Math.round(px(v)), EDGE, 1, h);
    c.fillStyle = ink;
    c.fillText(num(v, places(sx)), px(v), EDGE + h + 12);
  }
  const named = pair.map((i) => label(contract.channels[i].label, contract.channels[i].id));
  c.fillText(named[0], LEFT + w / 2, height - 10);
  c.strokeStyle = color;
  c.lineWidth = 1.2;
  c.lineJoin = 'round';
  c.beginPath();
  let [lx, ly] = [Number.NaN, Number.NaN];
  points(ring, pair[0], pair[1], from, to, (x, y, cut) => {
    [lx, ly] = [px(x), py(y)];
    if (cut) c.moveTo(lx, ly);
    else c.lineTo(lx, ly);
  });
  c.stroke();
  if (!Number.isNaN(lx)) {
    c.fillStyle = color;
    c.beginPath();
    c.arc(lx, ly, 5, 0, 7);
    c.fill();
  }
  return [rx, ry];
}
