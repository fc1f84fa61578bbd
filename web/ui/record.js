// Recording: start with a name and some seconds from before, stop, note, and take the data home.

import * as api from './api.js';
import { bytes, clock, dayAndTime, errorText, lang, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useState } from './lib.js';
import { ask, beat, link, me, wallShift } from './state.js';

/** @typedef {import('./state.js').Device} Device */

const BEFORE = [0, 5, 10, 30];

/** @param {{d: Device, fixture?: edge.Run[]}} p */
export function Record({ d, fixture }) {
  const running = d.status.value.run;
  const [runs, setRuns] = useState(/** @type {edge.Run[]} */ (fixture ?? []));
  const [bad, setBad] = useState('');
  const [before, setBefore] = useState(5);
  const load = async () => {
    try {
      setRuns(await api.runs(d.id));
      setBad('');
    } catch (e) {
      setBad(errorText(/** @type {any} */ (e)));
    }
  };
  const open = link.value.phase === 'open';
  useEffect(() => {
    if (!fixture && open) load();
  }, [d, running, open]);
  const off = !open || !me.value;
  const start = (/** @type {any} */ e) => {
    e.preventDefault();
    const name = String(new FormData(e.target).get('name') || '').trim();
    ask(d, 'run.start', { name: name || t('run.unnamed'), pre_trigger_ms: before * 1000 });
  };
  const note = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = e.target;
    const text = String(new FormData(form).get('text') || '').trim();
    if (text && (await ask(d, 'run.annotate', { run: running, text }))) form.reset();
  };
  const current = runs.find((r) => r.id === running);
  return html`<section class="card record" aria-label=${t('run.title')}>
    <h2>${t('run.title')}</h2>
    ${
      running
        ? html`<div class="row running"><span class="dot" aria-hidden="true"></span>
            <span class="grow"><strong><bdi>${current?.name ?? t('run.now')}</bdi></strong>
            <span class="num clock">${current ? clock((beat.value || Date.now()) + wallShift.value - current.start_ms) : ''}</span></span>
            <button onClick=${() => ask(d, 'run.stop', { run: running })} disabled=${off}>${t('run.stop')}</button></div>
          <form class="row" onSubmit=${note}><label class="grow"><span class="sr">${t('run.note')}</span>
            <input name="text" maxlength="200" placeholder=${t('run.note')} disabled=${off} /></label>
            <button disabled=${off} aria-label=${t('run.annotate')}><${Icon} name="flag" /></button></form>`
        : html`<form onSubmit=${start}><div class="row">
            <label class="grow"><span class="sr">${t('run.name')}</span><input name="name" maxlength="80" placeholder=${t('run.name')} disabled=${off} /></label>
            <button class="record" disabled=${off}><${Icon} name="record" fill />${t('run.start')}</button></div>
          <div class="row small"><span id="before">${t('run.before')}</span><div class="seg" role="group" aria-labelledby="before">
            ${BEFORE.map((s) => html`<button type="button" aria-pressed=${s === before} onClick=${() => setBefore(s)}>${s} s</button>`)}</div></div></form>`
    }
    ${bad && html`<p class="refused small">${bad}</p>`}
    ${
      runs.length > 0
        ? html`<ul class="runs plain">${runs.slice(0, 20).map(
            (r) => html`<li key=${r.id}>
          <div class="grow"><bdi class="title">${r.name || r.id}</bdi>
            <p class="small">${dayAndTime(r.start_ms)} · <span class="num">${clock(r.length_ms)}</span> · <bdi>${r.by?.name}</bdi> · ${bytes(r.bytes ?? 0)}
            ${r.gaps > 0 && html` · <span class="flag">${t('run.gaps', { n: r.gaps })}</span>`}
            ${r.state !== 'done' && html` · <span class="flag">${t(`run.${r.state}`)}</span>`}</p></div>
          <a class="button" href=${api.csvPath(r.id, lang.value)} download aria-label=${t('run.csv', { name: r.name || r.id })}><${Icon} name="down" />CSV</a>
        </li>`,
          )}</ul>${runs.length > 20 && html`<p class="small">${t('run.more', { n: num(runs.length - 20) })}</p>`}`
        : html`<p class="small hint">${t('run.none')}</p>`
    }
  </section>`;
}
