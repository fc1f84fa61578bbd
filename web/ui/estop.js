// The emergency stop: one tap or Shift+Esc, never a question; its outcome is shown until it is known and confirmed.

import { errorText, label, t, timeOfDay } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect } from './lib.js';
import { isTeacher } from './model.js';
import { ask, askName, devices, estop, me } from './state.js';

/** Those with something to stop; what is not known yet may have.  @param {Device[]} list */
export const stoppable = (list) =>
  list.filter(({ contract: { value: c } }) => !c || c.drivable || c.commands.length > 0);

/** @param {Device[]} list */
const stopThem = (list) => {
  for (const d of list) estop(d, t('name.guest'));
};

/** Hidden where there is nothing to stop; its place stays.  @param {{list: Device[], all?: boolean}} p */
export function StopButton({ list, all }) {
  const toy = list[0]?.status.value.rehearsal;
  return html`<button class=${list.length ? (toy ? 'estop toy' : 'estop') : 'estop none'} onClick=${() => stopThem(list)} title=${t(toy ? 'stop.sim' : 'stop.keys')} aria-keyshortcuts="Shift+Escape">
    <${Icon} name="stop" /><span>${t(all ? 'stop.all' : toy ? 'stop.sim' : 'stop.one')}</span>
  </button>`;
}

/** Shift+Esc stops these.  @param {{list: Device[]}} p */
export function StopKeys({ list }) {
  useEffect(() => {
    const onKey = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== 'Escape' || !e.shiftKey) return;
      e.preventDefault();
      stopThem(list);
    };
    addEventListener('keydown', onKey, true);
    return () => removeEventListener('keydown', onKey, true);
  }, [list]);
  return null;
}

/** @param {{d: Device}} p */
export function StopState({ d }) {
  const s = d.stopping.value;
  const status = d.status.value;
  const latch = status.stopped;
  if (!s && !latch) return null;
  const safe = latch && status.safe === 'confirmed';
  const confirmed = safe || s?.confirmed;
  let line = t('stop.sending');
  if (s?.code === 'no_seat') line = t('stop.visitor');
  else if (s?.phase === 'failed') line = t('stop.failed', { why: errorText({ code: s.code ?? 'internal' }) });
  else if (confirmed) line = t('stop.confirmed', { safe: label(d.contract.value?.safe) });
  else if (status.safe === 'none' && latch) line = t('stop.nosafe');
  else if (s?.phase === 'done' || latch) line = t(status.safe === 'pending' ? 'stop.pending' : 'stop.unconfirmed');
  return html`<section class="callout bad" role="alert">
    <${Icon} name="stop" />
    <div>
      <h2>${t('stop.title')}${!confirmed && s?.phase !== 'pending' && html` <span class="flag">${t('stop.not')}</span>`}</h2>
      <p>${line}</p>
      ${latch && html`<p class="small">${t('stop.by', { name: latch.by.name || latch.by.seat, time: timeOfDay(latch.wall_ms) })}</p>`}
    </div>
    ${s?.code === 'no_seat' && html`<button onClick=${() => (askName.value = true)}>${t('name.pick')}</button>`}
    ${latch && html`<${TeachersOwn} d=${d} op="resume" words=${t('resume')} />`}
  </section>`;
}

/** A teacher's button; who is none reads whose it is. A simulated twin is everybody's own.
 * @param {{d: Device, op: string, words: string}} p */
export function TeachersOwn({ d, op, words }) {
  if (!isTeacher(me.value) && !d.status.value.rehearsal)
    return html`<p class="small">${t('teacher.only', { what: words })}</p>`;
  return html`<button onClick=${() => ask(d, op)}><${Icon} name="play" />${words}</button>`;
}

/** Answer per device after "Stop everything". */
export function StopReport() {
  const asked = devices.value.filter((d) => d.stopping.value);
  if (!asked.length) return null;
  return html`<section class="callout bad" role="alert"><${Icon} name="stop" /><div><h2>${t('stop.report')}</h2>
    <ul class="plain">${asked.map((d) => {
      const s = d.stopping.value;
      const safe = s?.confirmed || (d.status.value.stopped && d.status.value.safe === 'confirmed');
      const key = s?.phase === 'pending' ? 'stop.sending' : safe ? 'stop.yes' : 'stop.not';
      return html`<li><bdi>${d.status.value.name || d.id}</bdi>: <strong>${t(key)}</strong></li>`;
    })}</ul></div></section>`;
}
