// All devices at a glance, thirty on a screen of 1280 px, a list on a phone; and one device in its panel, with everything
// that a teacher may do about it.

import { StopButton, StopState, stoppable } from '../estop.js';
import { clock, errorText, hintText, label, num, t, timeOfDay } from '../i18n.js';
import { Icon } from '../icons.js';
import { later } from '../later.js';
import { html, useEffect, useRef, useState } from '../lib.js';
import { drives, look, parseNumber, plotsOf } from '../model.js';
import { Spark } from '../pages.js';
import { Live } from '../plots.js';
import { theme } from '../shell.js';
import { device, devices, link, me, watch } from '../state.js';
import { asked, cls, fields, granted, nameOf, onAll, Report, Said, useTask } from './kit.js';
import { answeredAs, limitRows, realName, stopped, troubled, widest, withLimit } from './model.js';

const Covers = later(() => import('../covers.js'), 'Covers');
const SPARK_MS = 20_000;
const HZ = 4;

/** What belongs to the class: not a student's simulated twin. */
export const real = () => devices.value.filter((d) => !d.status.value.rehearsal);

/** Subscribes to every device while a page is shown; with a stream comes its contract.  @param {Device[]} list @param {Want} want */
export function useStreams(list, want) {
  const { current: stops } = useRef(/** @type {Map<Device, () => void>} */ (new Map()));
  useEffect(() => {
    for (const d of list) if (!stops.has(d)) stops.set(d, watch(d, { ...want }));
  }, [list.map((d) => d.id).join()]);
  useEffect(() => () => stops.forEach((stop) => void stop()), []);
}

/** @param {{open: string}} p open: id of the device whose panel is shown */
export function Overview({ open }) {
  const list = real();
  useStreams(list, { mode: 'minmax', max_hz: HZ, back_ms: SPARK_MS });
  useEffect(() => {
    // Back from the panel: to where one was.
    if (open) return () => void setTimeout(() => document.getElementById(`te-${open}`)?.focus({ preventScroll: true }));
  }, [open]);
  const d = open ? device(open) : undefined;
  return html`<div class=${d ? 'over with' : 'over'}><h1 class="sr">${t('devices')}</h1><${StopRows} list=${list} /><${AllBar} list=${list} />
    ${list.length === 0 && html`<p class="loading">${t(link.value.phase === 'open' ? 'start.none' : 'loading')}</p>`}
    <div class="board">
      <ul class="plain dash">${list.map((x) => html`<${Card} key=${x.id} d=${x} on=${x === d} />`)}</ul>
      ${d && html`<${DevicePanel} key=${d.id} d=${d} />`}
    </div><${Covers} /></div>`;
}

/** What is done on all devices at once, and how they are.  @param {{list: Device[]}} p */
function AllBar({ list }) {
  const task = useTask();
  const [rows, setRows] = useState(/** @type {any} */ (null));
  const all = (/** @type {'freeze' | 'runs'} */ what, /** @type {boolean} */ on, /** @type {string} */ title) =>
    task.run(async () => setRows({ title, rows: (await onAll(what, { on })).map(answeredAs) }), '');
  const states = list.map((d) => ({ d, l: look(d.status.value, link.value, d.stale.value) }));
  const bad = states.filter(({ l }) => troubled(l));
  const held = list.filter((d) => d.status.value.hold).length;
  const runs = list.filter((d) => d.status.value.run).length;
  const n = list.length;
  const buttons = /** @type {const} */ ([
    ['te.freeze', 'pause', 'freeze', true, held < n],
    ['te.unfreeze', 'play', 'freeze', false, held],
    ['te.runs.start', 'record', 'runs', true, runs < n],
    ['te.runs.stop', 'off', 'runs', false, runs],
  ]);
  return html`<div class="allbar row wrap">${buttons.map(
    ([key, icon, what, on, can]) =>
      html`<button onClick=${() => all(what, on, t(key))} disabled=${task.busy || !can}><${Icon} name=${icon} />${t(key)}</button>`,
  )}
    </div>
    <div class="row wrap trouble"><p class="sum" role="status">${t('te.sum', { all: n, held, runs, bad: bad.length })}</p>
      <ul class="plain row wrap" aria-label=${t('te.trouble')}>${bad
        .slice(0, 6)
        .map(
          ({ d, l }) =>
            html`<li key=${d.id}><a class=${`button ${l.tone}`} href=${`teacher/d/${d.id}`} data-nav><${Icon} name=${l.tone} /><bdi>${nameOf(d.id)}</bdi><span class="sr">${t(`state.${l.key}`)}</span></a></li>`,
        )}${bad.length > 6 && html`<li>${t('run.more', { n: bad.length - 6 })}</li>`}</ul></div>
    ${task.bad && html`<${Said} task=${task} />`}
    ${rows && html`<${Report} title=${rows.title} rows=${rows.rows} close=${() => setRows(null)} />`}`;
}

/** @param {{d: Device, on: boolean}} p */
function Card({ d, on }) {
  const s = d.status.value;
  const c = d.contract.value;
  const l = look(s, link.value, d.stale.value);
  const first = c ? plotsOf(c)[0]?.channels[0] : undefined;
  const index = c?.channels.findIndex((ch) => ch.id === first) ?? -1;
  const ch = c?.channels[index];
  const queue = s.queue ?? [];
  const who = driveText(s, cls.value);
  const state = t(`state.${l.key}`);
  return html`<li class=${`dcard ${l.tone}${on ? ' on' : ''}`}>
    <a class="cover" id=${`te-${d.id}`} href=${`teacher/d/${d.id}`} data-nav aria-labelledby=${`tn-${d.id}`}
      aria-describedby=${`td-${d.id}`} aria-current=${on ? 'true' : undefined}></a>
    <div class="line"><h2 id=${`tn-${d.id}`}><bdi>${s.name || d.id}</bdi></h2>
      ${s.run && html`<span class="rec" title=${t('run.now')}><${Icon} name="record" fill /><span class="sr">${t('run.now')}</span></span>`}
      <span class="tone"><${Icon} name=${l.tone} /></span></div>
    <div id=${`td-${d.id}`}>
      <p class=${s.lease?.warn ? 'line ending' : 'line'}>${
        c?.drivable || s.lease
          ? html`<${Icon} name="wheel" /><span class="cut"><bdi>${who || t('turn.nobody')}</bdi></span><span class="num">${
              s.lease?.away ? t('queue.away') : s.lease?.left_ms ? clock(s.lease.left_ms) : ''
            }</span>`
          : ''
      }</p>
      <p class="line hint">${
        queue.length > 0 &&
        html`<${Icon} name="user" /><span class="cut">${t('te.waiting', { n: queue.length })} ${queue.map((w, i) => html`${i ? ', ' : ''}<bdi>${realName(w.seat, cls.value)}</bdi>`)}</span>`
      }</p>
    </div>
    <div class="line low"><${Spark} key=${theme.value} d=${d} index=${index} />
      ${
        l.tone === 'ok'
          ? html`<span class="sr">${state}</span><span class="value">${ch && html`<${Live} d=${d} ch=${ch} index=${index} /> <span class="unit">${ch.unit}</span>`}</span>`
          : html`<strong class="tone">${state}</strong>`
      }</div>
  </li>`;
}

/** @param {{list: Device[]}} p */
export function StopRows({ list }) {
  const [hidden, setHidden] = useState(false);
  const asked = list.filter((d) => d.stopping.value);
  const pressed = asked.some((d) => d.stopping.value?.phase === 'pending');
  useEffect(() => void (pressed && setHidden(false)), [pressed]);
  if (!asked.length || hidden) return null;
  const rows = asked.map((d) => ({ id: d.id, ...stopped(d.stopping.value, d.status.value) }));
  return html`<${Report} title=${t('stop.report')} rows=${rows} close=${() => setHidden(true)} />`;
}

/** Who drives and for how long, in words.  @param {edge.Status} s @param {lab.Class} c */
export function driveText(s, c) {
  const l = s.lease;
  if (!l) return '';
  return [l.holder, l.partner].flatMap((r) => (r ? [realName(r, c)] : [])).join(' + ');
}

/** Why and when a turn ends.  @param {edge.LeaseInfo | undefined} l */
export const leftText = (l) =>
  l?.left_ms ? t(`left.${l.why || (l.away ? 'away' : 'turn')}`, { time: clock(l.left_ms) }) : '';

/** @type {Record<string, string>} */
const DO = { take: 'share.over', release: 'release', revoke: 'te.revoke', hold: 'share.hold', unhold: 'share.unhold' };

/** @param {{d: Device}} p */
export function DevicePanel({ d }) {
  const s = d.status.value;
  const c = cls.value;
  const task = useTask();
  const head = useRef(/** @type {any} */ (null));
  useEffect(() => head.current?.focus({ preventScroll: true }), [d]);
  const l = look(s, link.value, d.stale.value);
  const name = s.name || d.id;
  const doIt = (/** @type {string} */ op, /** @type {object} */ more = {}, /** @type {string} */ good = t('te.done')) =>
    task.run(() => asked(d, op, more), good);
  const mine = drives(s, me.value);
  const act = (/** @type {string} */ op, /** @type {string} */ icon, more = {}, good = t('te.done'), kind = '') =>
    html`<button class=${kind} onClick=${() => doIt(op, more, good)} disabled=${task.busy}><${Icon} name=${icon} />${t(DO[op])}</button>`;
  return html`<section class="card form panel" aria-labelledby="te-dev">
    <div class="row wrap"><h2 id="te-dev" class="grow" tabindex="-1" ref=${head}><bdi>${name}</bdi></h2>
      <a class="button" href="teacher" data-nav>${t('te.hide')}</a></div>
    <p><span class=${`chip ${l.tone}`}><${Icon} name=${l.tone} />${t(`state.${l.key}`)}</span></p>
    <${StopState} d=${d} />
    ${s.reason && html`<p class="refused">${errorText(s.reason)} ${hintText(s.reason)}</p>`}
    ${s.hold && html`<p>${t('te.frozen.by', { name: s.hold.by.name || s.hold.by.seat, time: timeOfDay(s.hold.wall_ms) })}</p>`}
    <${Turn} d=${d} give=${(/** @type {string} */ to) => task.run(() => granted(d, to))} busy=${task.busy} />
    <div class="row wrap acts">
      ${
        s.state === 'quarantined' &&
        html`<button class="primary" onClick=${() => doIt('clear', {}, t('te.cleared'))} disabled=${task.busy}><${Icon} name="ok" />${t('clear')}</button>`
      }
      ${d.contract.value?.drivable && !mine && act('take', 'wheel', { over: true }, t('te.took'))}
      ${mine && act('release', 'wheel', { fence: s.lease?.fence })}
      ${s.lease && !mine && act('revoke', 'off')}
      ${s.hold ? act('unhold', 'play', {}, t('te.done'), 'primary') : act('hold', 'pause')}
      <a class="button" href=${`d/${d.id}`} data-nav><${Icon} name="chart" />${t('te.open')}</a>
    </div>
    <${Said} task=${task} />
    ${stoppable([d]).length > 0 && html`<${StopButton} list=${[d]} />`}
    <details><summary>${t('te.limits')}</summary><${Limits} d=${d} /></details>
    <details><summary>${t('te.rules')}</summary>
      <${RulesForm} id="one" rules=${s.rules} save=${(/** @type {edge.TurnRules} */ rules) => asked(d, 'rules', { rules })} /></details>
    <p class="sr" role="status">${`${name}: ${t(`state.${l.key}`)}. ${driveText(s, c)}`}</p>
  </section>`;
}

/** Who drives, who waits, whom to give it to.  @param {{d: Device, give: (to: string) => void, busy: boolean}} p */
function Turn({ d, give, busy }) {
  const s = d.status.value;
  const c = cls.value;
  if (!d.contract.value?.drivable) return html`<p class="hint">${t('drive.none')}</p>`;
  const queue = s.queue ?? [];
  const others = c.seats.filter(
    (x) => x.role === 'student' && x.seat !== s.lease?.holder.id && !queue.some((w) => w.seat.id === x.seat),
  );
  const pick = (/** @type {any} */ e) => {
    const to = e.target.value;
    e.target.value = '';
    if (to) give(to);
  };
  return html`<div class="form">
    <p class="drives"><span class="hint">${t('te.drives')}</span> <strong><bdi>${driveText(s, c) || t('turn.nobody')}</bdi></strong> <span class=${s.lease?.warn ? 'num flag' : 'num'}>${leftText(s.lease)}</span></p>
    <h3>${t('te.queue', { n: queue.length })}</h3>
    <ol class="waits">${queue.map((w) => {
      const who = realName(w.seat, c);
      return html`<li key=${w.seat.id}><span class="row"><span class="grow"><bdi>${who}</bdi> <span class="small hint num">${w.away ? t('queue.away') : w.expect_ms >= 0 ? t('te.expect', { time: clock(w.expect_ms) }) : ''}</span></span>
        <button onClick=${() => give(w.seat.id)} disabled=${busy} aria-label=${`${t('share.grant')}: ${who}`}>${t('share.grant')}</button></span></li>`;
    })}</ol>
    ${
      others.length > 0 &&
      html`<label>${t('te.give.to')}<select onChange=${pick} disabled=${busy}><option value="">–</option>
        ${others.map((x) => html`<option value=${x.seat}>${x.name}</option>`)}</select></label>`
    }
  </div>`;
}

/** @param {{d: Device}} p */
export function Limits({ d }) {
  const c = d.contract.value;
  const s = d.status.value;
  const task = useTask();
  const [bench, setBench] = useState(/** @type {Record<string, edge.Limit>} */ ({}));
  const limits = s.limits ?? {};
  // What the bench allows is the widest that was seen while nothing was narrowed: status and contract come apart.
  useEffect(() => {
    if (c) setBench((b) => widest(b, limitRows(c, limits, {})));
  }, [c, s.limits]);
  if (!c) return html`<p class="loading">${t('loading')}</p>`;
  const rows = limitRows(c, limits, bench);
  const set = (/** @type {string} */ key, /** @type {edge.Limit | null} */ l) =>
    task.run(() => asked(d, 'narrow', { limits: withLimit(d.status.peek().limits, key, l) }), t('te.limit.set'));
  return html`<p class="small">${t('te.limits.why')}</p>
    <${Said} task=${task} />
    <ul class="plain limits">${rows.map((r) => html`<${Row} key=${r.key} r=${r} set=${set} busy=${task.busy} />`)}</ul>`;
}

/** A number as it is typed, not grouped.  @param {number} v */
const plain = (v) => String(Number(v.toPrecision(12)));
/** @param {number} v */
const shown = (v) => num(v, Math.min(6, plain(v).split('.')[1]?.length ?? 0));

/** @param {{r: import('./model.js').LimitRow, set: (key: string, l: edge.Limit | null) => void, busy: boolean}} p */
function Row({ r, set, busy }) {
  const [bad, setBad] = useState('');
  const id = `lim-${r.key}`;
  const name = r.of ? `${label(r.of)} · ${label(r.label)}` : label(r.label, r.key);
  const submit = (/** @type {any} */ e) => {
    e.preventDefault();
    const f = new FormData(e.target);
    const [min, max] = ['min', 'max'].map((k) => parseNumber(String(f.get(k))));
    const wide = r.bench ?? {};
    let wrong = '';
    if (Number.isNaN(min) || Number.isNaN(max) || min > max) wrong = t('err.bad_value');
    else if (min < (wide.min ?? min) || max > (wide.max ?? max)) wrong = t('te.limit.wider');
    setBad(wrong);
    if (!wrong) set(r.key, { min, max });
  };
  const unit = r.unit ?? '';
  const field = (
    /** @type {string} */ k,
    /** @type {number} */ v,
  ) => html`<label><span class="small">${t(`table.${k}`)}</span>
    <input name=${k} inputmode="text" autocomplete="off" key=${v} defaultValue=${plain(v)} aria-invalid=${bad ? 'true' : 'false'}
      aria-label=${`${name}: ${t(`table.${k}`)}`} aria-describedby=${`${id}-bad ${id}`} /></label>`;
  return html`<li><form onSubmit=${submit} aria-label=${name}>
    <p><strong>${name}</strong> ${r.narrowed && html`<span class="flag">${t('te.limit.narrowed')}</span>`}</p>
    <p class="small num" id=${id}>${t('te.limit.now', { min: shown(r.min), max: shown(r.max), unit })}${
      r.narrowed && r.bench?.min !== undefined && r.bench.max !== undefined
        ? ` ${t('te.limit.bench', { min: shown(r.bench.min), max: shown(r.bench.max), unit })}`
        : ''
    }</p>
    <div class="minmax">${field('min', r.min)}${field('max', r.max)}<button disabled=${busy}>${t('te.limit.go')}</button>
      ${r.narrowed && html`<button type="button" disabled=${busy} onClick=${() => set(r.key, null)}>${t('te.limit.undo')}</button>`}</div>
    <p class="refused" id=${`${id}-bad`} role="status">${bad}</p>
  </form></li>`;
}

/** @type {edge.TurnRules} */
const USUAL = { turn_ms: 300_000, warn_ms: 30_000, idle_ms: 60_000 };

/** @param {{id: string, rules?: edge.TurnRules, save: (r: edge.TurnRules) => Promise<any>}} p */
export function RulesForm({ id, rules, save }) {
  const task = useTask();
  const now = rules ?? USUAL;
  const submit = (/** @type {Event} */ e) => {
    const f = fields(e);
    const [turn, warn, idle] = [f.turn, f.warn, f.idle].map((s) => Number(s));
    task.run(() =>
      save({ turn_ms: Math.round(turn * 60_000), warn_ms: Math.round(warn * 1000), idle_ms: Math.round(idle * 1000) }),
    );
  };
  const field = (/** @type {string} */ name, /** @type {number} */ v, /** @type {number} */ max, step = '1') =>
    html`<label for=${`${id}-${name}`}>${t(`te.rules.${name}`)}
      <input id=${`${id}-${name}`} name=${name} type="number" inputmode="decimal" min="0" max=${max} step=${step} required
        key=${v} defaultValue=${String(v)} aria-describedby=${`${id}-why`} /></label>`;
  return html`<form class="form" onSubmit=${submit}>
    <div class="three">${field('turn', now.turn_ms / 60_000, 240, 'any')}${field('warn', now.warn_ms / 1000, 600)}${field('idle', now.idle_ms / 1000, 3600)}</div>
    <p class="small" id=${`${id}-why`}>${t('te.rules.why')}</p>
    <div class="row wrap"><button disabled=${task.busy}>${t('te.save')}</button><${Said} task=${task} /></div>
  </form>`;
}
