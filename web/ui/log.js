// What happened, newest first, in words.

import * as api from './api.js';
import { errorText, has, t, timeOfDay } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { addEvent, important } from './model.js';
import { link } from './state.js';

/** @typedef {import('./state.js').Device} Device */

/** The words for an event.  @param {edge.Event} e */
export function eventText(e) {
  const args = { ...e.args };
  if (typeof args.state === 'string' && has(`state.${args.state}`)) args.state = t(`state.${args.state}`);
  const reason = /** @type {any} */ (args.reason ?? args.error);
  const code = typeof reason === 'string' ? reason : (reason?.code ?? args.code);
  if (typeof code === 'string') args.why = errorText({ code, args: reason?.args ?? e.args, message: reason?.message });
  args.name = e.actor?.name;
  const sub = [args.what, args.outcome, args.op].find((x) => typeof x === 'string' && has(`event.${e.code}.${x}`));
  const key = sub ? `event.${e.code}.${sub}` : `event.${e.code}`;
  return has(key) ? t(key, args) : `${e.code} ${e.args ? JSON.stringify(e.args) : ''}`;
}

/** @param {{d: Device}} p */
export function Log({ d }) {
  const [all, setAll] = useState(false);
  const open = link.value.phase === 'open';
  useEffect(() => {
    if (open) {
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
    <${Spoken} events=${events} />
    ${events.length === 0 && html`<p class="small hint">${t('log.none')}</p>`}
    <ol class="plain">${shown.map(
      (e) => html`<li key=${`${e.mono_us}-${e.seq}-${e.code}`} class=${`event ${e.code}`}>
      <time class="num">${timeOfDay(e.wall_ms)}</time><span><bdi>${eventText(e)}</bdi></span></li>`,
    )}</ol>
    ${events.length > 8 && html`<button class="small" aria-expanded=${all} onClick=${() => setAll(!all)}>${t(all ? 'log.less' : 'log.more')}</button>`}
  </section>`;
}

/** Reads important news aloud, and only those that came while the page was open.  @param {{events: edge.Event[]}} p */
function Spoken({ events }) {
  const since = useRef(Date.now());
  const e = events.find(important);
  return html`<p class="sr" role="log" aria-live="polite">${e && e.wall_ms > since.current - 1000 ? eventText(e) : ''}</p>`;
}
