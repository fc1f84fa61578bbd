// The plots of a device: width of time, freeze, legend with values and switches, table on demand.

import { Chart, traceColor } from './chart.js';
import { label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useMemo, useRef, useState } from './lib.js';
import { plotsOf } from './model.js';
import { dirty, onPaint } from './paint.js';
import { theme } from './shell.js';
import { signal } from './signals.js';

const WINDOWS = [5, 10, 30, 60, 120];
const SUMMARY_MS = 5000;

/** @param {{d: Device, contract: edge.Contract}} p */
export function Plots({ d, contract }) {
  const hint = contract.panel.window_s ?? 30;
  const [seconds, setSeconds] = useState(WINDOWS.reduce((a, b) => (Math.abs(b - hint) < Math.abs(a - hint) ? b : a)));
  const [frozen, setFrozen] = useState(/** @type {number | null} */ (null));
  const freeze = () => setFrozen(frozen === null ? (d.stream.value?.ring.last ?? null) : null);
  const plots = plotsOf(contract);
  const cursor = useMemo(() => signal(/** @type {number | null} */ (null)), []);
  if (!plots.length) return null;
  return html`<section class="card plots"><h2 class="sr">${t('plot.title')}</h2>
    <div class="row tools">
      <div class="seg" role="group" aria-label=${t('plot.window')}>
        ${WINDOWS.map((s) => html`<button aria-pressed=${s === seconds} onClick=${() => setSeconds(s)}>${s} s</button>`)}
      </div>
      <button class="freeze" aria-label=${t(frozen === null ? 'plot.freeze' : 'plot.live')} aria-pressed=${frozen !== null} onClick=${freeze}>
        <${Icon} name=${frozen === null ? 'pause' : 'play'} /><span class="wide">${t(frozen === null ? 'plot.freeze' : 'plot.live')}</span>
      </button>
    </div>
    ${plots.map(
      (p) => html`<${Plot} key=${p.channels.join() + theme.value} d=${d} contract=${contract} plot=${p}
      windowMS=${seconds * 1000} frozen=${frozen} cursor=${cursor} />`,
    )}
  </section>`;
}

/** @param {{d: Device, contract: edge.Contract, plot: edge.Plot, windowMS: number, frozen: number | null,
 * cursor: Signal<number | null>}} p */
function Plot({ d, contract, plot, windowMS, frozen, cursor }) {
  const channels = plot.channels.map((id) => contract.channels.findIndex((c) => c.id === id)).filter((i) => i >= 0);
  const specs = channels.map((i) => contract.channels[i]);
  const units = [...new Set(specs.map((c) => c.unit ?? ''))].filter(Boolean);
  const title = label(plot.label) || specs.map((c) => label(c.label, c.id)).join(', ');
  const box = useRef(/** @type {any} */ (null));
  const chart = useRef(/** @type {Chart | null} */ (null));
  const values = useRef(/** @type {any[]} */ ([]));
  const gapText = useRef(/** @type {any} */ (null));
  const edge = useRef(frozen);
  edge.current = frozen;
  const [hidden, setHidden] = useState(/** @type {number[]} */ ([]));
  const [rows, setRows] = useState(/** @type {string[][] | null} */ (null));

  useEffect(() => {
    const c = new Chart(box.current, channels, windowMS, 10 * Math.min(...specs.map((ch) => 10 ** -ch.decimals)));
    chart.current = c;
    const ro = new ResizeObserver(() => {
      c.resize();
      dirty();
    });
    ro.observe(box.current);
    let words = 0;
    let summary = 0;
    const stop = onPaint((now) => {
      const s = d.stream.value;
      if (!s?.ring.count || !gapText.current) return;
      c.cursor = cursor.peek();
      c.draw(s, edge.current ?? s.ring.last, edge.current === null && !s.stale(now));
      if (now - words < 150) return;
      words = now;
      specs.forEach((ch, i) => {
        const v = c.cursor === null ? s.ring.value(channels[i]) : c.atCursor(i);
        if (values.current[i]) values.current[i].textContent = num(v, ch.decimals);
      });
      const gaps = c.gaps();
      gapText.current.parentNode.hidden = !gaps.length;
      const known = gaps.every((g) => g.lost >= 0);
      gapText.current.textContent = gaps.length
        ? t(known ? 'plot.gaps' : 'plot.gaps.unknown', {
            n: gaps.length,
            lost: gaps.reduce((a, g) => a + Math.max(0, g.lost), 0),
          })
        : '';
      if (now - summary < SUMMARY_MS) return;
      summary = now;
      box.current.setAttribute('aria-label', summarize());
      setRows((was) => was && table());
    });
    return () => {
      stop();
      ro.disconnect();
      chart.current = null;
    };
  }, [contract]);
  useEffect(() => {
    chart.current?.setWindow(windowMS);
    dirty();
  }, [windowMS, frozen]);

  const extents = () => {
    const c = /** @type {Chart} */ (chart.current);
    return specs.map((ch, i) => {
      const [lo, hi] = c.buckets.extent(i, c.edge, c.windowMS);
      const last = d.stream.value?.ring.value(channels[i]) ?? Number.NaN;
      return { ch, cells: [last, lo, hi].map((v) => num(v, ch.decimals)) };
    });
  };
  const summarize = () =>
    `${title}. ${extents()
      .map(({ ch, cells: [last, lo, hi] }) =>
        t('plot.summary', {
          name: label(ch.label, ch.id),
          last,
          lo,
          hi,
          unit: ch.unit ?? '',
          s: (chart.current?.windowMS ?? 0) / 1000,
        }),
      )
      .join(' ')}`;
  const toggle = (/** @type {number} */ i) => {
    const off = hidden.includes(i);
    setHidden(off ? hidden.filter((x) => x !== i) : [...hidden, i]);
    if (off) chart.current?.hidden.delete(i);
    else chart.current?.hidden.add(i);
    dirty();
  };
  const point = (/** @type {PointerEvent} */ e) => {
    cursor.value = e.type === 'pointerleave' ? null : (chart.current?.timeAt(e.offsetX) ?? null);
    dirty();
  };
  const table = () => extents().map(({ ch, cells }) => [label(ch.label, ch.id), ...cells, ch.unit ?? '']);

  return html`<figure class="plot">
    <figcaption class="row">
      <h3>${title}${units.length === 1 && html` <span class="unit">${units[0]}</span>`}</h3>
      <button class="quiet small" aria-label=${t('plot.table')} aria-expanded=${rows !== null} onClick=${() => setRows(rows ? null : table())}>
        <${Icon} name="table" /><span class="wide">${t('plot.table')}</span></button>
    </figcaption>
    <canvas class="canvas" ref=${box} role="img" aria-label=${title} onPointerMove=${point} onPointerDown=${point}
      onPointerLeave=${point}></canvas>
    <div class="legend">
      ${specs.map(
        (ch, i) => html`<button key=${ch.id} class="entry" aria-pressed=${!hidden.includes(i)}
          onClick=${() => toggle(i)} title=${t('plot.toggle')}>
        <i class="swatch" style=${{ background: `var(${traceColor(i)})` }}></i><span>${label(ch.label, ch.id)}</span>
        <span class="num" ref=${(/** @type {any} */ el) => (values.current[i] = el)}>–</span>
        <span class="unit">${ch.unit}</span>
      </button>`,
      )}
      <span class="entry gapnote" hidden><i class="swatch hatch"></i><span ref=${gapText}></span></span>
    </div>
    ${
      rows &&
      html`<div class="scroll" tabindex="0" role="region" aria-label=${t('plot.table')}><table>
      <thead><tr>${['channel', 'last', 'min', 'max', 'unit'].map((k) => html`<th scope="col">${t(`table.${k}`)}</th>`)}</tr></thead>
      <tbody>${rows.map(([name, ...cells]) => html`<tr><th scope="row">${name}</th>${cells.map((c) => html`<td>${c}</td>`)}</tr>`)}</tbody>
    </table></div>`
    }
  </figure>`;
}
