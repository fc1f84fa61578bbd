// Present values as numbers with units or as words, with their age, and inputs for values to be set. What is live is
// written straight into the page, ten times a second.

import { places } from './chart.js';
import { age, errorText, label, num, t } from './i18n.js';
import { html, useRef } from './lib.js';
import { check, parseNumber, readoutsOf, stepOf } from './model.js';
import { useLive } from './paint.js';
import { link } from './state.js';

/** @param {edge.Channel} ch @param {number} v */
export function valueText(ch, v) {
  if (!ch.choices?.length) return num(v, ch.decimals);
  const choice = ch.choices.find((c) => c.value === v);
  return choice ? label(choice.label, choice.id) : num(v);
}

/** @param {{d: Device, ch: edge.Channel, index: number}} p */
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

/** The value of a parameter's text, null where it is not allowed.  @param {edge.Param} p @param {string} text */
export function paramValue(p, text) {
  if (p.type === 'choice') return text;
  const v = parseNumber(text);
  return check(p, v) ? null : v;
}

/** @param {edge.Param} p */
export function startText(p) {
  if (p.type === 'choice') return String(p.default ?? p.choices?.[0]?.id ?? '');
  return Number(p.default ?? 0).toFixed(places(stepOf(p)));
}

/** @param {ParamProps} props */
export function ParamInput(props) {
  return props.p.type === 'choice' ? Choice(props) : Numeric(props);
}

/** What the device shows now, beside what is to be set.  @param {ParamProps} props */
function Now({ d, contract, p }) {
  const index = contract.channels.findIndex((c) => c.id === p.channel);
  if (index < 0) return null;
  const ch = contract.channels[index];
  return html`<span class="now">${t('param.now')} <${Live} d=${d} ch=${ch} index=${index} /> ${ch.unit}</span>`;
}

/** @param {ParamProps} props */
function Choice(props) {
  const { p, id, text, disabled, set } = props;
  const choices = p.choices ?? [];
  return html`<div class="param">
    <div class="row"><label id=${`${id}-l`} for=${id}>${label(p.label, p.id)}</label><${Now} ...${props} /></div>
    ${
      choices.length <= 4
        ? html`<div class="seg" role="group" aria-labelledby=${`${id}-l`}>
          ${choices.map(
            (c) => html`<button type="button" disabled=${disabled} aria-pressed=${text === c.id}
              onClick=${() => set(c.id)}>${label(c.label, c.id)}</button>`,
          )}
        </div>`
        : html`<select id=${id} disabled=${disabled} value=${text} onChange=${(/** @type {any} */ e) => set(e.target.value)}>
          ${choices.map((c) => html`<option value=${c.id}>${label(c.label, c.id)}</option>`)}
        </select>`
    }
  </div>`;
}

/** @param {ParamProps} props */
function Numeric(props) {
  const { p, id, text, disabled, set, title, send } = props;
  const step = stepOf(p);
  const n = places(step);
  const v = parseNumber(text);
  const wrong = check(p, v);
  const limits = { min: num(p.min, n), max: num(p.max, n), unit: p.unit ?? '' };
  const nudge = (/** @type {KeyboardEvent} */ e) => {
    const by = { ArrowUp: step, ArrowDown: -step, PageUp: 10 * step, PageDown: -10 * step }[e.key];
    if (!by) return;
    e.preventDefault();
    set(Math.min(p.max, Math.max(p.min, (Number.isNaN(v) ? 0 : v) + by)).toFixed(n));
  };
  return html`<div class="param">
    <div class="row"><label for=${id}>${title && html`<strong>${title}</strong> · `}${label(p.label, p.id)}</label><${Now} ...${props} /></div>
    <div class="number">
      <input type="range" aria-label=${label(p.label, p.id)} min=${p.min} max=${p.max} step=${step} disabled=${disabled}
        value=${Number.isNaN(v) ? p.min : v} onInput=${(/** @type {any} */ e) => set(Number(e.target.value).toFixed(n))} />
      <span class="field"><input id=${id} type="text" inputmode="decimal" autocomplete="off" disabled=${disabled} value=${text}
        aria-invalid=${wrong ? 'true' : 'false'} aria-describedby=${`${id}-d`} onKeyDown=${nudge}
        onInput=${(/** @type {any} */ e) => set(e.target.value)} /><span class="unit">${p.unit}</span></span>
      ${send}
    </div>
    <p id=${`${id}-d`} class=${wrong ? 'limits refused' : 'limits'}>
      ${wrong ? errorText({ code: wrong, args: limits }) : t('param.limits', limits)}${p.slew_per_s ? html`, ${t('param.slew', { v: num(p.slew_per_s), unit: p.unit ?? '' })}` : ''}
    </p>
  </div>`;
}
