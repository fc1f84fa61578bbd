// Driving a device: one form per command of its contract, and inputs for the values to be set.

import { errorText, hintText, label, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useRef } from './lib.js';
import { blocked, check, drives, parseNumber, placeOf, placesOf, stepOf } from './model.js';
import { useLive } from './paint.js';
import { Live } from './plots.js';
import { signal } from './signals.js';
import { command, me, realOf, situation, stage } from './state.js';
import { Turn } from './turn.js';

/** @param {{d: Device, contract: edge.Contract}} p */
export function Controls({ d, contract }) {
  if (!contract.drivable && !contract.commands.length)
    return html`<section class="card"><h2>${t('drive')}</h2><p>${t('drive.none')}</p></section>`;
  const why = blocked(situation(d));
  return html`<section class="card controls"><h2 class="sr">${t('drive')}</h2>
    <${Turn} d=${d} />
    <div class=${why ? 'commands blocked' : 'commands'} role="group" aria-label=${t('drive')} aria-describedby=${why ? `why-${d.id}` : undefined}>
      ${contract.commands.map((spec) => html`<${Command} key=${spec.id} d=${d} contract=${contract} spec=${spec} why=${why} />`)}
    </div>
  </section>`;
}

/** @param {{d: Device, contract: edge.Contract, spec: edge.CommandSpec, why: string}} p */
function Command({ d, contract, spec, why }) {
  const params = spec.params ?? [];
  const real = realOf(d);
  const start = () => signal(Object.fromEntries(params.map((p) => [p.id, startText(p)])));
  // What is typed while waiting or rehearsing still stands when the turn comes.
  real.texts[spec.id] ??= start();
  const store = real.texts[spec.id];
  const texts = store.value;
  const outcome = d.outcomes.value[spec.id];
  const busy = outcome?.phase === 'pending';
  const name = label(spec.label, spec.id);
  const help = label(spec.help);
  /** @type {Record<string, edge.Value>} */
  const args = {};
  let complete = true;
  for (const p of params) {
    const v = paramValue(p, texts[p.id]);
    if (v === null) complete = false;
    else args[p.id] = v;
  }
  const off = Boolean(why) || busy;
  // While waiting, also where nothing could be sent just now.
  const queued = placeOf(d.status.value, me.value) > 0 && !drives(d.status.value, me.value);
  const open = queued || drives(d.status.value, me.value);
  const kept = real.staged.value.find((x) => x.id === spec.id);
  const same = JSON.stringify(kept?.args) === JSON.stringify(args);
  const submit = (/** @type {Event} */ e) => {
    e.preventDefault();
    if (queued && complete) stage(real, spec.id, same ? undefined : args);
    else if (!off && complete) command(d, spec, args);
  };
  const only =
    params.length === 1 && params[0].type === 'choice' && (params[0].choices?.length ?? 0) <= 6 ? params[0] : null;
  const named = params.length ? '' : name;
  const keep = html`<button type=${queued ? 'submit' : 'button'} class="keep" aria-pressed=${same} title=${t('keep.why')} disabled=${!complete}
    onClick=${queued ? undefined : () => stage(real, spec.id, same ? undefined : args)}>
<${Icon} name=${same ? 'ok' : 'wait'} />${t(same ? 'keep.kept' : 'keep')}${named && `: ${named}`}</button>`;
  const send = queued
    ? keep
    : html`<button class=${spec.calming ? 'calming' : 'primary'} disabled=${off || !complete} aria-busy=${busy}>
    ${named || t('send')}</button>${real !== d && keep}`;
  // A single value has its title and its button in its own rows.
  const lone = params.length === 1 && !only;
  return html`<form class=${params.length ? 'command' : 'command bare'} onSubmit=${submit} aria-label=${name}>
    ${params.length > 0 && !lone && html`<h3>${name}</h3>`}
    ${only && html`<${Buttons} d=${d} contract=${contract} spec=${spec} p=${only} off=${off && !queued} queued=${queued} kept=${kept?.args[only.id]} />`}
    ${
      !only &&
      params.map(
        (p) => html`<${ParamInput} key=${p.id} d=${d} contract=${contract} p=${p} id=${`${d.id}-${spec.id}-${p.id}`}
        title=${lone ? name : ''} send=${lone && send} text=${texts[p.id]} disabled=${!open}
        set=${(/** @type {string} */ s) => (store.value = { ...store.peek(), [p.id]: s })} />`,
      )
    }
    ${!only && !lone && send}
    ${help && html`<p class="small">${help}</p>`}
    <${Result} o=${outcome} />
  </form>`;
}

/** A command with one choice: each is a button, the present one pressed; while waiting the one that is kept.
 * @param {{d: Device, contract: edge.Contract, spec: edge.CommandSpec, p: edge.Param, off: boolean, queued: boolean,
 * kept: edge.Value | undefined}} props */
function Buttons({ d, contract, spec, p, off, queued, kept }) {
  const ref = useRef(/** @type {any} */ (null));
  const index = contract.channels.findIndex((c) => c.id === p.channel);
  const give = (/** @type {string} */ id) => {
    if (queued) stage(d, spec.id, kept === id ? undefined : { [p.id]: id });
    else command(d, spec, { [p.id]: id });
  };
  useLive(() => {
    const s = d.stream.value;
    if (!s || index < 0 || !ref.current || queued) return;
    const v = s.ring.value(index);
    const buttons = ref.current.children;
    for (let i = 0; i < buttons.length; i++)
      buttons[i].setAttribute('aria-pressed', String(p.choices?.[i]?.value === v));
  });
  return html`<div class="seg fit" role="group" aria-label=${label(p.label, p.id)} ref=${ref}>
    ${p.choices?.map((c) => html`<button type="button" disabled=${off} aria-pressed=${queued ? kept === c.id : undefined} onClick=${() => give(c.id)}>${label(c.label, c.id)}</button>`)}
  </div>${queued && html`<p class="small">${t('keep.choose')}</p>`}`;
}

/** What came of a command, in words and with the device's own.  @param {{o: Outcome | undefined}} p */
function Result({ o }) {
  const tone = { pending: 'wait', confirmed: 'ok', sent: 'ok', refused: 'bad', unknown: 'warn' }[o?.phase ?? 'pending'];
  const hint = o?.code ? hintText({ code: o.code, hint: o.hint, args: o.args }) : '';
  return html`<p class=${`result ${tone}`} aria-live="polite" title=${o?.reply}>${
    o &&
    html`<${Icon} name=${tone} />
    <span><strong>${t(`outcome.${o.phase}`)}</strong>${o.tookMS !== undefined && html` <span class="num">${num(o.tookMS, o.tookMS < 10 ? 1 : 0)} ms</span>`}
    ${o.code && html` ${errorText({ code: o.code, args: o.args })}`} ${hint}
    ${o.reply && o.phase !== 'confirmed' && html` <code>${o.reply}</code>`}</span>`
  }</p>`;
}

/** The value of a parameter's text, null where it is not allowed.  @param {edge.Param} p @param {string} text */
function paramValue(p, text) {
  if (p.type === 'choice') return text;
  const v = parseNumber(text);
  return check(p, v) ? null : v;
}

/** @param {edge.Param} p */
function startText(p) {
  if (p.type === 'choice') return String(p.default ?? p.choices?.[0]?.id ?? '');
  return Number(p.default ?? 0).toFixed(placesOf(p));
}

/** @param {ParamProps} props */
function ParamInput(props) {
  return props.p.type === 'choice' ? Choice(props) : Numeric(props);
}

/** What the device shows now, beside what is to be set.  @param {ParamProps} props */
function Now({ d, contract, p }) {
  const index = contract.channels.findIndex((c) => c.id === p.channel);
  if (index < 0) return null;
  const ch = contract.channels[index];
  return html`<span class="now">${t('param.now')} <${Live} d=${d} ch=${ch} index=${index} /> ${ch.unit}</span>`;
}

/** What is to be set, said once: a command's only parameter has its title too.  @param {ParamProps} props */
function Caption(props) {
  const { p, id, title } = props;
  const name = label(p.label, p.id);
  const same = title?.toLowerCase().includes(name.toLowerCase());
  return html`<div class="row"><label id=${`${id}-l`} for=${id}>${title && html`<strong>${title}</strong>`}${!same && `${title ? ' · ' : ''}${name}`}</label>
    <${Now} ...${props} /></div>`;
}

/** @param {ParamProps} props */
function Choice(props) {
  const { p, id, text, disabled, set, send } = props;
  const choices = p.choices ?? [];
  return html`<div class="param">
    <${Caption} ...${props} />
    ${
      choices.length <= 4
        ? html`<div class="seg fit" role="group" aria-labelledby=${`${id}-l`}>
          ${choices.map(
            (c) => html`<button type="button" disabled=${disabled} aria-pressed=${text === c.id}
              onClick=${() => set(c.id)}>${label(c.label, c.id)}</button>`,
          )}
        </div>`
        : html`<select id=${id} disabled=${disabled} value=${text} onChange=${(/** @type {any} */ e) => set(e.target.value)}>
          ${choices.map((c) => html`<option value=${c.id}>${label(c.label, c.id)}</option>`)}
        </select>`
    }${send}
  </div>`;
}

/** @param {ParamProps} props */
function Numeric(props) {
  const { p, id, text, disabled, set, send } = props;
  const step = stepOf(p);
  const n = placesOf(p);
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
    <${Caption} ...${props} />
    <div class="number">
      <input type="range" aria-labelledby=${`${id}-l`} min=${p.min} max=${p.max} step=${step} disabled=${disabled}
        value=${Number.isNaN(v) ? p.min : v} onInput=${(/** @type {any} */ e) => set(Number(e.target.value).toFixed(n))} />
      <span class="field"><input id=${id} type="text" inputmode="decimal" autocomplete="off" disabled=${disabled} value=${text}
        aria-invalid=${wrong ? 'true' : 'false'} aria-describedby=${`${id}-d`} onKeyDown=${nudge}
        onInput=${(/** @type {any} */ e) => set(e.target.value)} /><span class="unit">${p.unit}</span></span>
      ${send}
    </div>
    <p id=${`${id}-d`} class=${wrong ? 'limits refused' : 'limits'}>
      ${wrong ? errorText({ code: wrong, args: limits }) : t('param.limits', limits)}${!wrong && p.slew_per_s ? html`, ${t('param.slew', { v: num(p.slew_per_s), unit: p.unit ?? '' })}` : ''}
    </p>
  </div>`;
}
