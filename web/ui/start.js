// The start page: every device of the box as a card.

import { cssColor, strokeTrace } from './chart.js';
import { StateChip } from './device.js';
import { StopButton, StopKeys, StopReport } from './estop.js';
import { label, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useRef } from './lib.js';
import { drives, plotsOf } from './model.js';
import { useLive } from './paint.js';
import { Buckets } from './ring.js';
import { TopBar, theme } from './shell.js';
import { askName, box, devices, link, me, watch } from './state.js';
import { Live } from './values.js';

const SPARK_MS = 20_000;

export function StartPage() {
  const list = devices.value;
  useEffect(() => {
    const stops = list.map((d) => watch(d, { mode: 'minmax', max_hz: 10, back_ms: SPARK_MS }));
    return () => {
      for (const stop of stops) stop();
    };
  }, [list]);
  return html`<${TopBar}>${list.length > 0 && html`<${StopButton} list=${list} all />`}<//><${StartView} list=${list} />
    ${list.length > 0 && html`<div class="bar"><${StopButton} list=${list} all /><${StopKeys} list=${list} /></div>`}`;
}

/** @param {{list: Device[]}} p */
export function StartView({ list }) {
  return html`<main class="start" id="main">
    <${StopReport} />
    <div class="welcome">
      <div class="grow"><h1>${me.value ? html`${t('hello')} <bdi>${me.value.name}</bdi>` : t('hello.nobody')}</h1>
      <p>${t('start.lead', { box: box.value })}</p></div>
      ${!me.value && html`<button class="primary big" onClick=${() => (askName.value = true)}><${Icon} name="user" />${t('name.pick')}</button>`}
    </div>
    ${list.length === 0 && html`<p class="loading">${t(link.value.phase === 'open' ? 'start.none' : 'loading')}</p>`}
    <ul class="cards plain">${list.map((d) => html`<${Card} key=${d.id} d=${d} />`)}</ul>
  </main>`;
}

/** @param {{d: Device}} p */
export function Card({ d }) {
  const s = d.status.value;
  const c = d.contract.value;
  const first = c ? plotsOf(c)[0]?.channels[0] : undefined;
  const index = c?.channels.findIndex((ch) => ch.id === first) ?? -1;
  const ch = c?.channels[index];
  const name = s.name || d.id;
  const kind = c ? label(c.label, c.type) : s.type;
  const mine = drives(s, me.value);
  return html`<li class="card device"><a class="cover" href=${`d/${d.id}`} data-nav aria-labelledby=${`n-${d.id}`}></a>
    <div class="row">
      <span class="badge"><${Icon} name=${c?.panel.icon ?? 'chip'} /></span>
      <div class="grow"><h2 id=${`n-${d.id}`}><bdi>${name}</bdi></h2><p class="small">${kind === name ? s.port : kind}</p></div>
      <${StateChip} d=${d} />
    </div>
    <${Spark} key=${theme.value} d=${d} index=${index} />
    <div class="row foot">
      <span class="small">${ch ? label(ch.label, ch.id) : ''}</span>
      <span class="value grow">${ch && html`<${Live} d=${d} ch=${ch} index=${index} /> <span class="unit">${ch.unit}</span>`}</span>
      ${
        c?.drivable &&
        html`<span class=${mine ? 'small driver mine' : 'small driver'}><${Icon} name="wheel" />${mine ? t('turn.you') : s.lease ? html`<bdi>${s.lease.holder.name}</bdi>` : t('turn.nobody')}</span>`
      }
    </div>
  </li>`;
}

/** @param {{d: Device, index: number}} p */
function Spark({ d, index }) {
  const ref = useRef(/** @type {any} */ (null));
  const kept = useRef(/** @type {any} */ (null));
  useLive(() => {
    const s = d.stream.value;
    const el = ref.current;
    if (!el || !s || index < 0 || !el.clientWidth) return;
    const ratio = devicePixelRatio || 1;
    const [w, h] = [el.clientWidth, el.clientHeight];
    if (el.width !== Math.round(w * ratio)) {
      el.width = Math.round(w * ratio);
      el.height = Math.round(h * ratio);
      kept.current = null;
    }
    if (kept.current?.stream !== s || kept.current?.index !== index) {
      const buckets = new Buckets([index]);
      buckets.reset(SPARK_MS / w, w);
      kept.current = { stream: s, index, buckets, color: cssColor('--trace-1') };
    }
    const { buckets, color } = kept.current;
    const edge = s.ring.last;
    buckets.update(s.ring);
    buckets.fill(edge, SPARK_MS);
    const [lo, hi] = buckets.extent(0, edge, SPARK_MS);
    const c = el.getContext('2d');
    c.clearRect(0, 0, el.width, el.height);
    c.strokeStyle = color;
    c.lineWidth = 1.5 * ratio;
    const pad = (hi - lo || 1) * 0.15;
    const scale = el.height / (hi - lo + 2 * pad);
    strokeTrace(c, buckets, 0, el.width, el.width / SPARK_MS, (hi + pad) * scale, scale);
  }, 60);
  return html`<canvas class="spark" ref=${ref} aria-hidden="true"></canvas>`;
}
