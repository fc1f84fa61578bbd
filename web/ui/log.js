// What happened, newest first, in words.

import * as api from './api.js';
import { errorText, has, label, t, timeOfDay } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { addEvent, important } from './model.js';
import { link } from './state.js';

/** @typedef {import('./state.js').Device} Device */

/** The words for an event.  @param {edge.Event} e @param {edge.Contract | null} contract */
export function eventText(e, contract) {
  const a = /** @type {Record<string, any>} */ (e.args ?? {});
  const spec = contract?.commands.find((c) => c.id === a.command);
  const code = a.code ?? a.outcome;
  const words = {
    ...a,
    name: e.actor?.name,
    run: a.name ?? a.run,
    command: label(spec?.label, a.command),
    state: t(`state.${a.state}`),
    why: code && has(`err.${code}`) ? errorText({ code, args: a }) : a.message,
  };
  const key = [`event.${e.code}.${a.what ?? a.outcome}`, `event.${e.code}`].find(has);
  return key ? t(key, words) : `${e.code} ${JSON.stringify(a)}`;
}

/** @param {{d: Device, still?: boolean}} p still: ask nobody */
export function Log({ d, still }) {
  const [all, setAll] = useState(false);
  const open = link.value.phase === 'open';
  useEffect(() => {
    if (open && !still) {
      api.events(d.id).then(
        (list) => {
          d.events.value = list.reduce(addEvent, d.events.value);
        },
        () => {}, // the log is then what comes from now on
      );
    }
  }, [d, open]);
  const events = d.events.value;
  const shown = all ? events : events.slice(0, 8);
  return html`<section class="card log" aria-label=${t('log.title')}>
    <h2>${t('log.title')}</h2>
    <${Spoken} d=${d} />
    ${events.length === 0 && html`<p class="small hint">${t('log.none')}</p>`}
    <ol class="plain">${shown.map(
      (e) => html`<li key=${`${e.mono_us}-${e.seq}-${e.code}`} class=${`event ${e.code}`}>
      <time class="num">${timeOfDay(e.wall_ms)}</time><span><bdi>${eventText(e, d.contract.value)}</bdi></span></li>`,
    )}</ol>
    ${events.length > 8 && html`<button class="small" aria-expanded=${all} onClick=${() => setAll(!all)}>${t(all ? 'log.less' : 'log.more')}</button>`}
  </section>`;
}

/** Reads important news aloud, and only those that came while the page was open.  @param {{d: Device}} p */
function Spoken({ d }) {
  const since = useRef(Date.now());
  const e = d.events.value.find(important);
  return html`<p class="sr" role="log" aria-live="polite">${e && e.wall_ms > since.current - 1000 ? eventText(e, d.contract.value) : ''}</p>`;
}
