// What a device measures: present values as numbers with units or as words, with their age; plots with a width of time,
// freeze and scroll back, legend with values and switches, a cursor for mouse, finger and keys; a table and an X-Y plot
// on demand. What is live is written straight into the page.

import { Chart, traceColor } from './chart.js';
import { age, label, lang, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { later } from './later.js';
import { html, useEffect, useMemo, useRef, useState } from './lib.js';
import { charsOf, leastSpan, plotsOf, readoutsOf } from './model.js';
import { dirty, onPaint, useLive } from './paint.js';
import { theme } from './shell.js';
import { signal } from './signals.js';
import { link } from './state.js';

const WINDOWS = [5, 10, 30, 60, 120];
const SUMMARY_MS = 5000;

const DataTable = later(() => import('./table.js'), 'DataTable');
const XY = later(() => import('./xy.js'), 'XY');

/** @param {edge.Channel} ch @param {number} v */
export function valueText(ch, v) {
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

/** @param {{d: Device, contract: edge.Contract, group: string}} p group: '' shows all */
export function Readouts({ d, contract, group }) {
  const ids = readoutsOf(contract).filter((id) => within(contract, id, group));
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

/** Of a group, or of none.  @param {edge.Contract} c @param {string} id @param {string} group */
const within = (c, id, group) => !group || (c.channels.find((ch) => ch.id === id)?.group ?? group) === group;

/** @param {{d: Device, contract: edge.Contract, group: string}} p */
export function Plots({ d, contract, group }) {
  const hint = contract.panel.window_s ?? 30;
  const [seconds, setSeconds] = useState(WINDOWS.reduce((a, b) => (Math.abs(b - hint) < Math.abs(a - hint) ? b : a)));
  const [frozen, setFrozen] = useState(/** @type {{at: number, edge: number} | null} */ (null));
  const [auto, setAuto] = useState(true);
  const [xy, setXY] = useState(false);
  const cursor = useMemo(() => signal(/** @type {number | null} */ (null)), []);
  const plots = plotsOf(contract)
    .map((p) => ({ ...p, channels: p.channels.filter((id) => within(contract, id, group)) }))
    .filter((p) => p.channels.length);
  if (!plots.length) return null;
  const many = plots.filter((p) => p.channels.length > 1).flatMap((p) => p.channels);
  const room = contract.channels.filter((ch) => many.includes(ch.id)).map((ch) => label(ch.label, ch.id));
  const ring = d.stream.value?.ring;
  const freeze = () => setFrozen(frozen || !ring?.count ? null : { at: ring.last, edge: ring.last });
  // The oldest that can still be shown: what the window needs behind it is there, or nothing is.
  const oldest = frozen && ring ? Math.min(frozen.at, ring.times[ring.first & ring.mask] + seconds * 1000) : 0;
  const back = (/** @type {any} */ e) =>
    frozen && setFrozen({ ...frozen, edge: frozen.at + Number(e.target.value) * 1000 });
  const live = t(frozen ? 'plot.live' : 'plot.freeze');
  return html`<section class="plots"><h2 class="sr">${t('plot.title')}</h2>
    <div class="row tools">
      <div class="seg" role="group" aria-label=${t('plot.window')}>
        ${WINDOWS.map((s) => html`<button aria-pressed=${s === seconds} onClick=${() => setSeconds(s)}>${s} s</button>`)}
      </div>
      <div class="row">
        <button aria-label=${t('plot.auto')} title=${t('plot.auto')} aria-pressed=${auto} onClick=${() => setAuto(!auto)}><${Icon} name="scale" /></button>
        <button aria-label=${t('plot.xy')} title=${t('plot.xy')} aria-pressed=${xy} onClick=${() => setXY(!xy)}>X-Y</button>
        <button class="freeze" aria-label=${live} aria-pressed=${frozen !== null} onClick=${freeze}>
          <${Icon} name=${frozen ? 'play' : 'pause'} /><span class="wide">${live}</span>
        </button>
      </div>
      ${
        frozen &&
        html`<label class="back"><span>${t('plot.back')}</span><input type="range" min=${((oldest - frozen.at) / 1000).toFixed(1)} max="0" step="0.1"
          value=${((frozen.edge - frozen.at) / 1000).toFixed(1)} aria-valuetext=${`${num((frozen.edge - frozen.at) / 1000, 1)} s`} onInput=${back} /></label>`
      }
    </div>
    ${plots.map(
      (
        p,
      ) => html`<${Plot} key=${p.channels.join() + theme.value + lang.value + group} d=${d} contract=${contract} channels=${p.channels} title=${label(p.label)}
      windowMS=${seconds * 1000} frozen=${frozen?.edge ?? null} auto=${auto} cursor=${cursor} room=${room} />`,
    )}
    ${xy && html`<${XY} key=${theme.value} d=${d} contract=${contract} windowMS=${seconds * 1000} frozen=${frozen?.edge ?? null} />`}
  </section>`;
}

/** @param {{d: Device, contract: edge.Contract, channels: string[], title: string, windowMS: number,
 * frozen: number | null, auto: boolean, cursor: Signal<number | null>, room: string[]}} p */
export function Plot({ d, contract, channels: ids, title: given, windowMS, frozen, auto, cursor, room }) {
  const channels = ids.map((id) => contract.channels.findIndex((c) => c.id === id));
  const specs = channels.map((i) => contract.channels[i]);
  const names = specs.map((c) => label(c.label, c.id));
  const units = [...new Set(specs.map((c) => c.unit ?? ''))].filter(Boolean);
  const title = given || names.join(', ');
  const box = useRef(/** @type {any} */ (null));
  const chart = useRef(/** @type {Chart | null} */ (null));
  const values = useRef(/** @type {any[]} */ ([]));
  const gapText = useRef(/** @type {any} */ (null));
  const summary = useRef(/** @type {any} */ (null));
  const spoken = useRef(/** @type {any} */ (null));
  const edge = useRef(frozen);
  edge.current = frozen;
  const [hidden, setHidden] = useState(/** @type {number[]} */ ([]));
  const [table, setTable] = useState(false);
  const id = `plot-${ids[0]}`;

  useEffect(() => {
    const least = (/** @type {number} */ v) => Math.max(...specs.map((ch) => leastSpan(ch, v)));
    const c = new Chart(box.current, channels, windowMS, least, names.length > 1 ? names : [], room);
    chart.current = c;
    const ro = new ResizeObserver(() => {
      c.resize();
      dirty();
    });
    ro.observe(box.current);
    let told = 0;
    const stop = onPaint((now, words) => {
      const s = d.stream.value;
      if (!s?.ring.count || !gapText.current) return;
      c.cursor = cursor.peek();
      if (words) c.marks = d.marks(now);
      c.draw(s, edge.current ?? s.ring.last, edge.current === null && !s.stale(now), edge.current !== null);
      if (!words) return;
      specs.forEach((ch, i) => {
        const v =
          c.cursor !== null
            ? c.valueAt(i, c.cursor)
            : edge.current === null
              ? s.ring.value(channels[i])
              : c.valueAt(i, 0);
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
      if (now - told < SUMMARY_MS) return;
      told = now;
      summary.current.textContent = extents(c, d, channels, specs)
        .map((x) => t(s.zero === undefined ? 'plot.summary' : 'run.summary', { ...x, s: c.windowMS / 1000 }))
        .join(' ');
    });
    return () => {
      stop();
      ro.disconnect();
      chart.current = null;
    };
  }, [contract]);
  useEffect(() => {
    if (chart.current) chart.current.auto = auto;
    chart.current?.setWindow(windowMS);
    dirty();
  }, [windowMS, frozen === null, auto]);
  useEffect(dirty, [frozen]);

  const toggle = (/** @type {number} */ i) => {
    const off = hidden.includes(i);
    setHidden(off ? hidden.filter((x) => x !== i) : [...hidden, i]);
    if (off) chart.current?.hidden.delete(i);
    else chart.current?.hidden.add(i);
    dirty();
  };
  const put = (/** @type {number | null} */ to) => {
    cursor.value = to;
    const at = cursor.peek(); // a run's cursor stays
    const now = String(Math.round(at ?? 0) / 1000);
    const end = chart.current?.end ?? 0;
    box.current.setAttribute('aria-valuenow', now);
    box.current.setAttribute('aria-valuetext', at === null ? t('plot.now') : `${num(at / 1000 + end, 2)} s`);
    dirty();
  };
  const point = (/** @type {PointerEvent} */ e) =>
    put(e.type === 'pointerleave' ? null : (chart.current?.timeAt(e.offsetX) ?? null));
  const key = (/** @type {KeyboardEvent} */ e) => {
    const at = cursor.peek();
    const step = windowMS / 100;
    const by = {
      ArrowLeft: -step,
      ArrowDown: -step,
      ArrowRight: step,
      ArrowUp: step,
      PageDown: -10 * step,
      PageUp: 10 * step,
      Home: -windowMS,
      End: windowMS,
    }[e.key];
    if (e.key === 'Escape' && !e.shiftKey) put(null);
    if (!by) return;
    e.preventDefault();
    const to = Math.min(0, Math.max(-windowMS, (at ?? 0) + by));
    put(to);
    const c = /** @type {Chart} */ (chart.current);
    spoken.current.textContent = specs
      .map((ch, i) => `${names[i]} ${num(c.valueAt(i, to), ch.decimals)} ${ch.unit ?? ''}`)
      .join(', ');
  };

  return html`<figure class="plot">
    <figcaption class="row">
      <h3>${title}${units.length === 1 && html` <span class="unit">${units[0]}</span>`}</h3>
      <button class="quiet small" aria-label=${t('plot.table')} aria-expanded=${table} onClick=${() => setTable(!table)}>
        <${Icon} name="table" /><span class="wide">${t('plot.table')}</span></button>
    </figcaption>
    <canvas class="canvas" ref=${box} tabindex="0" role="slider" aria-label=${t('plot.cursor', { title })} aria-describedby=${id}
      aria-valuemin=${-windowMS / 1000} aria-valuemax="0" aria-valuenow="0" aria-valuetext=${t('plot.now')} onKeyDown=${key} onBlur=${() => put(null)}
      onPointerMove=${point} onPointerDown=${point} onPointerLeave=${point}></canvas>
    <p class="sr" id=${id} ref=${summary}></p><p class="sr" aria-live="polite" ref=${spoken}></p>
    <div class="legend">
      ${specs.map(
        (ch, i) => html`<button key=${ch.id} class="entry" aria-pressed=${!hidden.includes(i)}
          onClick=${() => toggle(i)}>
        <i class="swatch" style=${{ background: `var(${traceColor(i)})` }}></i><span>${names[i]}</span>
        <span class="num" ref=${(/** @type {any} */ el) => (values.current[i] = el)}>–</span>
        <span class="unit">${ch.unit}</span>
      </button>`,
      )}
      <span class="entry gapnote" hidden><i class="swatch hatch"></i><span ref=${gapText}></span></span>
    </div>
    ${table && html`<${DataTable} d=${d} chart=${() => chart.current} channels=${channels} specs=${specs} />`}
  </figure>`;
}

/** Present, lowest and highest value of each trace as words.
 * @param {Chart} c @param {Device} d @param {number[]} channels @param {edge.Channel[]} specs */
export const extents = (c, d, channels, specs) =>
  specs.map((ch, i) => {
    const [lo, hi] = c.buckets.extent(i, c.edge, c.windowMS);
    const last = d.stream.value?.ring.value(channels[i]) ?? Number.NaN;
    const [l, a, b] = [last, lo, hi].map((v) => num(v, ch.decimals));
    return { name: label(ch.label, ch.id), unit: ch.unit ?? '', last: l, lo: a, hi: b };
  });
