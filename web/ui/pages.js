// The pages: at the start every device of the box as a card; each device with all that its contract names.

import { cssColor, strokeTrace } from './chart.js';
import { StopReport, StopState, TeachersOwn } from './estop.js';
import { errorText, hintText, label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { later } from './later.js';
import { html, useEffect, useMemo, useRef, useState } from './lib.js';
import { drives, groupsOf, isTeacher, leastSpan, look, plotsOf } from './model.js';
import { useLive } from './paint.js';
import { Live, Plots, Readouts } from './plots.js';
import { Buckets } from './ring.js';
import { TopBar, theme } from './shell.js';
import { askName, device, devices, ended, klass, link, me, watch } from './state.js';

const soon = () => html`<section class="card soon"></section>`;
const Controls = later(
  () => import('./controls.js'),
  'Controls',
  () => html`<section class="card controls soon"></section>`,
);
const Camera = later(
  () => import('./camera.js'),
  'Camera',
  () => html`<p class="cam soon"></p>`,
);
const Simulator = later(() => import('./wait.js'), 'Simulator');
const Record = later(() => import('./history.js'), 'Record', soon);
const Log = later(() => import('./history.js'), 'Log', soon);

const SPARK_MS = 20_000;
const HISTORY_MS = 60_000;
/** Above this many samples a second a browser gets the extremes only. */
const RAW_HZ = 5000;

export function StartPage() {
  const all = devices.value;
  const list = useMemo(() => all.filter((d) => !d.status.value.rehearsal), [all]);
  const { current: stops } = useRef(/** @type {Map<Device, () => void>} */ (new Map()));
  useEffect(() => {
    for (const d of list) if (!stops.has(d)) stops.set(d, watch(d, { mode: 'minmax', max_hz: 10, back_ms: SPARK_MS }));
  }, [list]);
  useEffect(() => () => stops.forEach((stop) => void stop()), []);
  return html`<${TopBar} list=${list} all /><${StartView} list=${list} />`;
}

const lead = () => {
  const k = klass.value;
  return me.value || !k?.open ? 'start.lead' : k.locked ? 'start.locked' : 'start.class';
};

/** @param {{list: Device[]}} p */
export function StartView({ list }) {
  return html`<main class="start" id="main">
    <${StopReport} />
    ${ended.value && html`<section class="callout warn" role="alert"><${Icon} name="warn" /><div><h2>${t('ended')}</h2><p>${t('ended.how')}</p></div></section>`}
    <div class="welcome">
      <div class="grow"><h1>${me.value ? html`${t('hello')} <bdi>${me.value.name}</bdi>` : t('hello.nobody')}</h1>
      <p>${t(lead())}</p></div>
      ${!me.value && html`<button class="primary big" onClick=${() => (askName.value = true)}><${Icon} name="user" />${t('name.pick')}</button>`}
    </div>
    ${list.length === 0 && html`<p class="loading">${t(link.value.phase === 'open' ? 'start.none' : 'loading')}</p>`}
    <ul class="cards plain">${list.map((d) => html`<${Card} key=${d.id} d=${d} />`)}</ul>
    <p class="others"><a class="button" href="teacher" data-nav>${t(isTeacher(me.value) ? 'teacher.page' : 'teacher.sign')}</a></p>
  </main>`;
}

/** @param {{d: Device}} p */
function Card({ d }) {
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
export function Spark({ d, index }) {
  const ref = useRef(/** @type {any} */ (null));
  const kept = useRef(/** @type {any} */ (null));
  useLive(() => {
    const s = d.stream.value;
    const ch = d.contract.value?.channels[index];
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
    const span = 1.3 * Math.max(hi - lo, ch ? leastSpan(ch, hi) : 0);
    const scale = el.height / span;
    strokeTrace(c, buckets, 0, el.width, el.width / SPARK_MS, ((hi + lo + span) / 2) * scale, scale);
  });
  return html`<canvas class="spark" ref=${ref} aria-hidden="true"></canvas>`;
}

/** @param {{d: Device}} p */
function StateChip({ d }) {
  const { tone, key } = look(d.status.value, link.value, d.stale.value);
  return html`<span class=${`chip ${tone}`}><${Icon} name=${tone} />${t(`state.${key}`)}</span>`;
}

/** What is wrong and what to do, while something is.  @param {{d: Device}} p */
function Trouble({ d }) {
  const s = d.status.value;
  const { tone, key } = look(s, link.value, d.stale.value);
  if (tone === 'ok' || key === 'stopped' || key === 'unknown') return null;
  const reason = s.reason;
  const hint = reason ? hintText(reason) : '';
  return html`<section class=${`callout ${tone}`} role=${tone === 'bad' ? 'alert' : 'status'}>
    <${Icon} name=${tone} />
    <div class="grow"><h2>${t(`state.${key}`)}</h2>
      <p>${t(`about.${key}`)} ${reason && html`<strong>${errorText(reason)}</strong>`}</p>
      ${hint && html`<p class="small">${hint}</p>`}</div>
    ${s.state === 'quarantined' && html`<${TeachersOwn} d=${d} op="clear" words=${t('clear')} />`}
  </section>`;
}

/** @param {{d: Device}} p */
export function DeviceView({ d }) {
  const s = d.status.value;
  const c = d.contract.value;
  const name = s.name || d.id;
  const kind = c ? label(c.label, c.type) : s.type;
  const lost = s.counts?.lost ?? 0;
  const [group, setGroup] = useState('');
  const groups = groupsOf(c?.channels ?? []);
  return html`<main class=${s.rehearsal ? 'device twin' : 'device'} id="main">
    ${s.rehearsal && html`<div class="sim"><strong class="mark">${t('sim')}</strong><a class="button" href=${`d/${s.rehearsal.of}`} data-nav><${Icon} name="back" />${t('sim.back')}</a></div><${Simulator} d=${d} />`}
    <div class="hero">
      <span class="badge"><${Icon} name=${c?.panel.icon ?? 'chip'} /></span>
      <div class="grow"><h1><bdi>${name}</bdi></h1>
        <p class="small">${kind !== name && html`${kind} · `}${s.port}
          ${s.stream?.rate_hz > 0 && html` · <span class="num">${num(s.stream.rate_hz, s.stream.rate_hz < 20 ? 1 : 0)} Hz</span>`}
          ${lost > 0 && html` · <span class="num">${t('lost', { n: lost })}</span>`}</p></div>
      <${StateChip} d=${d} />
    </div>
    <${StopState} d=${d} /><${Trouble} d=${d} />
    ${
      c
        ? html`<div class="grid">${!s.rehearsal && html`<${Camera} d=${d} />`}
          <div class="col live">${
            groups.length > 1 &&
            html`<div class="seg fit" role="group" aria-label=${t('groups')}>${['', ...groups].map(
              (g) =>
                html`<button key=${g} aria-pressed=${g === group} onClick=${() => setGroup(g)}>${g.replace(/[_-]/g, ' ') || t('groups.all')}</button>`,
            )}</div>`
          }<${Readouts} d=${d} contract=${c} group=${group} /><${Plots} d=${d} contract=${c} group=${group} /></div>
          <div class="col side"><${Controls} d=${d} contract=${c} /></div>
          <div class="col more">${!s.rehearsal && html`<${Record} d=${d} />`}<${Log} d=${d} /></div>
        </div>`
        : html`<p class="loading">${t('loading')}</p>`
    }
  </main>`;
}

/** @param {{id: string}} p */
export function DevicePage({ id }) {
  const d = device(id);
  useEffect(() => {
    Camera.load();
    Controls.load();
  }, []);
  useEffect(() => {
    if (!d) return;
    const fast = d.status.value.stream?.rate_hz > RAW_HZ;
    return watch(d, { back_ms: HISTORY_MS, ...(fast ? { mode: 'minmax', max_hz: 1000 } : {}) });
  }, [d]);
  const where = html`<a class="crumb" href="./" data-nav aria-label=${t('devices')}><${Icon} name="back" /><span>${t('devices')}</span></a>`;
  if (!d) {
    const known = devices.value.length > 0;
    return html`<${TopBar} list=${[]} where=${where} /><main class="empty" id="main"><p>${t(known ? 'err.unknown_device' : 'loading')}</p></main>`;
  }
  return html`<${TopBar} list=${[d]} where=${where} /><${DeviceView} d=${d} />`;
}
