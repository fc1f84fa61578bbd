// What shortens the wait and shares the turn: rehearse on a simulated twin, values that are kept and then sent in one
// tap, hand over and drive in a pair. Loaded on demand.

import { errorText, label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { blocked, drives, isTeacher, placeOf } from './model.js';
import { go } from './route.js';
import { ask, command, klass, link, may, me, realOf, situation, take } from './state.js';

/** @param {{d: Device}} p */
export function Wait({ d }) {
  const [sharing, setSharing] = useState(false);
  const s = d.status.value;
  const mine = drives(s, me.value);
  const twin = Boolean(s.rehearsal);
  const open = link.value.phase === 'open';
  const rehearse = async () => {
    const r = await ask(d, 'rehearse');
    if (r?.device) go(`d/${r.device}`);
  };
  const holds = s.lease?.holder.id === me.value?.seat;
  const share = holds || isTeacher(me.value);
  return html`<div class="extras">
    ${!twin && !mine && may('rehearse') && may('drive') && me.value?.role !== 'observer' && html`<button onClick=${rehearse} disabled=${!open}><${Icon} name="chip" />${t('rehearse')}</button>`}
    ${!twin && share && html`<button aria-expanded=${sharing} onClick=${() => setSharing(!sharing)}><${Icon} name="user" />${t(mine ? 'share' : 'share.teacher')}</button>`}
    ${sharing && share && html`<${Share} d=${d} holds=${holds} done=${() => setSharing(false)} />`}
    <${Kept} d=${realOf(d)} here=${!twin} />
  </div>`;
}

/** Whom to give the turn to, or to share it with: who waits, and who is known of the class.
 * @param {{d: Device, holds: boolean, done: () => void}} p */
function Share({ d, holds, done }) {
  const { lease, queue = [], hold } = d.status.value;
  const teacher = isTeacher(me.value);
  const seen = new Set([me.value?.seat, lease?.holder.id, lease?.partner?.id]);
  const people = [
    ...queue.map((w) => w.seat),
    ...(klass.value?.seats ?? []).map((x) => ({ id: x.seat, name: x.name })),
  ].filter(({ id }) => !seen.has(id) && seen.add(id));
  const give = async (/** @type {string} */ op, /** @type {string} */ to) => {
    if (await ask(d, op, { to })) done();
  };
  return html`<div class="share">
    <p class="small">${t('share.how')}</p>
    ${lease?.partner && (holds || teacher) && html`<button onClick=${() => ask(d, 'pair')}>${t('share.end', { name: lease.partner.name })}</button>`}
    ${!people.length && html`<p class="small hint">${t('share.nobody')}</p>`}
    <ul class="plain">${people.map(
      (p) => html`<li class="row" key=${p.id}><bdi class="grow title">${p.name}</bdi>
        ${(holds || teacher) && html`<button class="small" aria-label=${`${t('share.grant')}: ${p.name}`} onClick=${() => give('grant', p.id)}>${t('share.grant')}</button>`}
        ${lease && (holds || teacher) && html`<button class="small" aria-label=${`${t('share.pair')}: ${p.name}`} onClick=${() => give('pair', p.id)}>${t('share.pair')}</button>`}</li>`,
    )}</ul>
    ${
      teacher &&
      html`<div class="row wrap">
      ${!holds && lease && html`<button class="small" onClick=${() => take(d, true)}>${t('share.over')}</button>`}
      <button class="small" onClick=${() => ask(d, hold ? 'unhold' : 'hold')}>${t(hold ? 'share.unhold' : 'share.hold')}</button></div>`
    }
  </div>`;
}

/** The values of a kept command as people read them.  @param {edge.CommandSpec | undefined} spec @param {Staged} item */
export function keptText(spec, { id, args }) {
  const values = Object.entries(args).map(([name, v]) => {
    const p = spec?.params.find((x) => x.id === name);
    const choice = p?.choices?.find((c) => c.id === v);
    if (choice) return label(choice.label, choice.id);
    const places = `${v}`.split('.')[1]?.length ?? 0;
    return `${typeof v === 'number' ? num(v, places) : v} ${p?.unit ?? ''}`.trim();
  });
  return `${label(spec?.label, id)} ${values.join(', ')}`.trim();
}

/** Sends what is kept, in order; after the first that is not known to be done nothing more is sent.  @param {Device} d */
export async function apply(d) {
  /** @param {Staged} item @param {Staged['phase']} phase */
  const mark = (item, phase) => {
    d.staged.value = d.staged.value.map((x) => (x.id === item.id ? { ...x, phase } : x));
  };
  let go = true;
  for (const item of d.staged.value) {
    const spec = d.contract.value?.commands.find((c) => c.id === item.id);
    go &&= Boolean(spec) && !blocked(situation(d));
    if (!go || !spec) {
      mark(item, 'skipped');
      continue;
    }
    mark(item, 'pending');
    const { phase } = await command(d, spec, item.args);
    mark(item, phase);
    go = phase === 'confirmed' || phase === 'sent';
  }
}

/** @param {{d: Device, here: boolean}} p */
function Kept({ d, here }) {
  const list = d.staged.value;
  const [busy, setBusy] = useState(false);
  if (!list.length) return null;
  const ready = !blocked(situation(d));
  const run = async () => {
    setBusy(true);
    await apply(d);
    setBusy(false);
  };
  const place = placeOf(d.status.value, me.value);
  return html`<section class="kept" aria-label=${t('kept')}><h3>${t('kept')}</h3>
    <ol aria-live="polite">${list.map((item) => {
      const spec = d.contract.value?.commands.find((c) => c.id === item.id);
      const o = d.outcomes.value[item.id];
      return html`<li key=${item.id}>${keptText(spec, item)}${
        item.phase &&
        html`: <strong class=${`phase ${item.phase}`}>${t(`outcome.${item.phase}`)}</strong>${' '}
          ${item.phase === 'refused' && o?.code && errorText({ code: o.code, args: o.args })}`
      }</li>`;
    })}</ol>
    <div class="row wrap">
      ${here && html`<button class="primary" onClick=${run} disabled=${!ready || busy}><${Icon} name="send" />${t('kept.apply')}</button>`}
      <button disabled=${busy} onClick=${() => (d.staged.value = [])}>${t('kept.clear')}</button>
    </div>
    ${!ready && html`<p class="small">${t(place || !here ? 'kept.later' : 'kept.blocked')}</p>`}
  </section>`;
}

/** On a twin's page: what this is, and how the wait goes on.  @param {{d: Device}} p */
export function Simulator({ d }) {
  const s = realOf(d).status.value;
  const n = placeOf(s, me.value);
  const free = d.status.value.state === 'live' && !d.status.value.lease;
  const tried = useRef(false);
  useEffect(() => {
    if (!free || tried.current) return;
    tried.current = true;
    take(d);
  }, [free]);
  const place = n ? t(n === 1 ? 'queue.next' : 'queue.place', { n, of: s.queue?.length }) : '';
  return html`<p class="simnote">${t('sim.not', { name: s.name })}${' '}
    <span aria-live="polite">${drives(s, me.value) ? t('call.turn', { name: s.name }) : place}</span></p>`;
}
