// What a plot shows as a table: present, lowest and highest value of each trace, and the values at some times. Loaded on
// demand.

import { label, num, t } from './i18n.js';
import { html, useEffect, useState } from './lib.js';
import { onPaint } from './paint.js';
import { extents } from './plots.js';

const EVERY_MS = 5000;
const ROWS = 10;

/** @param {{d: Device, chart: () => Chart | null, channels: number[], specs: edge.Channel[]}} p */
export function DataTable({ d, chart, channels, specs }) {
  const [, again] = useState(0);
  useEffect(() => {
    let last = 0;
    return onPaint((now) => {
      if (now - last < EVERY_MS) return;
      last = now;
      again(now);
    });
  }, []);
  const c = chart();
  if (!c?.stream) return null;
  const names = specs.map((ch) => `${label(ch.label, ch.id)}${ch.unit ? ` (${ch.unit})` : ''}`);
  const times = Array.from({ length: ROWS + 1 }, (_, i) => (i / ROWS - 1) * c.windowMS);
  return html`<div class="scroll" tabindex="0" role="region" aria-label=${t('plot.table')}>
    <table><thead><tr>${['channel', c.stream.zero === undefined ? 'last' : 'end', 'min', 'max', 'unit'].map((k) => html`<th scope="col">${t(`table.${k}`)}</th>`)}</tr></thead>
      <tbody>${extents(c, d, channels, specs).map((x) => html`<tr><th scope="row">${x.name}</th><td>${x.last}</td><td>${x.lo}</td><td>${x.hi}</td><td>${x.unit}</td></tr>`)}</tbody></table>
    <table><thead><tr><th scope="col">${t('table.time')}</th>${names.map((n) => html`<th scope="col">${n}</th>`)}</tr></thead>
      <tbody>${times.map((at) => html`<tr><th scope="row">${num(at / 1000 + c.end, 1)}</th>${specs.map((ch, i) => html`<td>${num(c.valueAt(i, at), ch.decimals)}</td>`)}</tr>`)}</tbody></table>
  </div>`;
}
