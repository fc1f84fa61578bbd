// Present values as numbers with units, or as words, with their age; written straight into the page ten times a second.

import { age, label, num, t } from './i18n.js';
import { html, useRef } from './lib.js';
import { readoutsOf } from './model.js';
import { useLive } from './paint.js';
import { link } from './state.js';

/** @typedef {import('./state.js').Device} Device */

/** The words or digits for a value.  @param {edge.Channel} ch @param {number} v */
export function valueText(ch, v) {
  if (!ch.choices?.length) return num(v, ch.decimals);
  const choice = ch.choices.find((c) => c.value === v);
  return choice ? label(choice.label, choice.id) : num(v);
}

/** The present value of a channel as live text.  @param {{d: Device, ch: edge.Channel, index: number}} p */
export function Live({ d, ch, index }) {
  const ref = useRef(/** @type {any} */ (null));
  useLive(() => {
    const s = d.stream.value;
    const text = s ? valueText(ch, s.ring.value(s.channels.indexOf(index))) : '–';
    if (ref.current && ref.current.textContent !== text) ref.current.textContent = text;
  });
  return html`<span ref=${ref} class="num">–</span>`;
}

/** @param {{d: Device}} p */
export function Age({ d }) {
  const ref = useRef(/** @type {any} */ (null));
  useLive((now) => {
    const s = d.stream.value;
    const text = s?.ring.count ? t('age', { age: age(s.age(now)) }) : t('age.none');
    if (ref.current.textContent !== text) ref.current.textContent = text;
  }, 250);
  return html`<span ref=${ref} class="num"></span>`;
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
      return html`<div class=${ch.choices?.length ? 'tile word' : 'tile'} key=${id}>
        <span class="name">${label(ch.label, id)}</span>
        <span class="value"><${Live} d=${d} ch=${ch} index=${index} />${ch.unit && html` <span class="unit">${ch.unit}</span>`}</span>
      </div>`;
    })}</div>
    <p class="age">${old && html`<span class="flag">${t('stale')}</span> `}<${Age} d=${d} /></p>
  </section>`;
}
