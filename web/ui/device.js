// The page of one device, drawn from its contract alone.

import { Controls } from './controls.js';
import { StopButton, StopKeys, StopState } from './estop.js';
import { Log, Record } from './history.js';
import { errorText, hintText, label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect } from './lib.js';
import { look } from './model.js';
import { Plots } from './plots.js';
import { TopBar } from './shell.js';
import { ask, device, devices, link, me, watch } from './state.js';
import { Readouts } from './values.js';

const HISTORY_MS = 60_000;
/** Above this many samples a second a browser gets the extremes only. */
const RAW_HZ = 5000;

/** @param {{d: Device}} p */
export function StateChip({ d }) {
  const { tone, key } = look(d.status.value, link.value, d.stale.value);
  return html`<span class=${`chip ${tone}`}><${Icon} name=${tone} />${t(`state.${key}`)}</span>`;
}

/** What is wrong and what to do, while something is.  @param {{d: Device}} p */
export function Trouble({ d }) {
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
    ${s.state === 'quarantined' && html`<button onClick=${() => ask(d, 'clear')} disabled=${!me.value}>${t('clear')}</button>`}
  </section>`;
}

/** @param {{d: Device, runs?: edge.Run[]}} p runs: from fixtures */
export function DeviceView({ d, runs }) {
  const s = d.status.value;
  const c = d.contract.value;
  const name = s.name || d.id;
  const kind = c ? label(c.label, c.type) : s.type;
  const lost = s.counts?.lost ?? 0;
  return html`<main class="device" id="main">
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
        ? html`<div class="grid">
          <div class="col live"><${Readouts} d=${d} contract=${c} /><${Plots} d=${d} contract=${c} /></div>
          <div class="col side"><${Controls} d=${d} contract=${c} /></div>
          <div class="col more"><${Record} d=${d} fixture=${runs} /><${Log} d=${d} still=${Boolean(runs)} /></div>
        </div>`
        : html`<p class="loading">${t('loading')}</p>`
    }
  </main>`;
}

/** @param {{id: string}} p */
export function DevicePage({ id }) {
  const d = device(id);
  useEffect(() => {
    if (!d) return;
    const fast = d.status.value.stream?.rate_hz > RAW_HZ;
    return watch(d, { back_ms: HISTORY_MS, ...(fast ? { mode: 'minmax', max_hz: 1000 } : {}) });
  }, [d]);
  const where = html`<a class="crumb" href="./" data-nav aria-label=${t('devices')}><${Icon} name="back" /><span>${t('devices')}</span></a>`;
  if (!d) {
    const known = devices.value.length > 0;
    return html`<${TopBar} where=${where} /><main class="empty" id="main"><p>${t(known ? 'err.unknown_device' : 'loading')}</p></main>`;
  }
  return html`<${TopBar} where=${where}><${StopButton} list=${[d]} /><//><${DeviceView} d=${d} /><${Bar} d=${d} />`;
}

/** On a phone the stop stays under the thumb.  @param {{d: Device}} p */
export function Bar({ d }) {
  return html`<div class="bar"><${StopButton} list=${[d]} /><${StopKeys} list=${[d]} /></div>`;
}
