// What a device measures: present values as numbers with units or as words, with their age; plots with a width of time,
// freeze, legend with values and switches, table on demand. What is live is written straight into the page.

import { Chart, traceColor } from './chart.js';
import { age, label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useMemo, useRef, useState } from './lib.js';
import { charsOf, leastSpan, plotsOf, readoutsOf } from './model.js';
import { dirty, onPaint, useLive } from './paint.js';
import { theme } from './shell.js';
import { signal } from './signals.js';
import { link } from './state.js';

const WINDOWS = [5, 10, 30, 60, 120];
const SUMMARY_MS = 5000;

/** @param {edge.Channel} ch @param {number} v */
function valueText(ch, v) {
  if (!ch.choices?.length) return num(v, ch.decimals);
  const choice = ch.choices.find((c) => c.value === v);
  return choice ? label(choice.label, choice.id) : num(v);
}

/** @param {{text: (now: number) => string}} p */
function LiveText({ text }) {
  const ref = useRef(/** @type {any} */ (null));
  useLive((now) => {
    const words = text(now);
    if (ref.current && ref.current.textContent !== words) ref.current.textContent = words;
  });
  return html`<span ref=${ref} class="num">–</span>`;
}

/** @param {{d: Device, ch: edge.Channel, index: number}} p */
export function Live({ d, ch, index }) {
  const text = () => {
    const s = d.stream.value;
    return s ? valueText(ch, s.ring.value(s.channels.indexOf(index))) : '–';
  };
  return html`<${LiveText} text=${text} />`;
}

/** @param {{d: Device}} p */
function Age({ d }) {
  const text = (/** @type {number} */ now) => {
    const s = d.stream.value;
    return s?.ring.count ? t('age', { age: age(s.age(now)) }) : t('age.none');
  };
  return html`<${LiveText} text=${text} />`;
}

/** @param {{d: Device, contract: edge.Contract}} p */
export function Readouts({ d, contract }) {
  const ids = readoutsOf(contract);
  const old = d.stale.value || link.value.phase !== 'open' || d.status.value.state === 'stale';
  const late = d.status.value.state !== 'live' && !old;
  return html`<section class=${old || late ? 'readouts old' : 'readouts'} aria-label=${t('readouts')}>
    <div class="tiles">${ids.map((id) => {
      const index = contract.channels.findIndex((c) => c.id === id);
      const ch = contract.channels[index];
      return html`<div class=${ch.choices?.length ? 'tile word' : charsOf(ch) > 6 ? 'tile wide' : 'tile'} key=${id}>
        <span class="name">${label(ch.label, id)}</span>
        <span class="value"><${Live} d=${d} ch=${ch} index=${index} />${ch.unit && html` <span class="unit">${ch.unit}</span>`}</span>
      </div>`;
    })}</div>
    <p class="age">${old && html`<span class="flag">${t('stale')}</span> `}<${Age} d=${d} /></p>
  </section>`;
}

/** @param {{d: Device, contract: edge.Contract}} p */
export function Plots({ d, contract }) {
  const hint = contract.panel.window_s ?? 30;
  const [seconds, setSeconds] = useState(WINDOWS.reduce((a, b) => (Math.abs(b - hint) < Math.abs(a - hint) ? b : a)));
  const [frozen, setFrozen] = useState(/** @type {number | null} */ (null));
  const freeze = () => setFrozen(frozen === null ? (d.stream.value?.ring.last ?? null) : null);
  const plots = plotsOf(contract);
  const cursor = useMemo(() => signal(/** @type {number | null} */ (null)), []);
  if (!plots.length) return null;
  return html`<section class="plots"><h2 class="sr">${t('plot.title')}</h2>
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
    const c = new Chart(box.current, channels, windowMS, (v) => Math.max(...specs.map((ch) => leastSpan(ch, v))));
    chart.current = c;
    const ro = new ResizeObserver(() => {
      c.resize();
      dirty();
    });
    ro.observe(box.current);
    let summary = 0;
    const stop = onPaint((now, words) => {
      const s = d.stream.value;
      if (!s?.ring.count || !gapText.current) return;
      c.cursor = cursor.peek();
      c.draw(s, edge.current ?? s.ring.last, edge.current === null && !s.stale(now));
      if (!words) return;
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
