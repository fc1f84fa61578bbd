// What was and what happened: recordings (start with some seconds from before, note, take the data home) and the log.

import { CAMERA, Glyph, showing } from './cameras.js';
import * as api from './conn.js';
import { bytes, clock, dayAndTime, errorText, has, label, lang, num, t, timeOfDay } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { addEvent, drives, important, isTeacher, told } from './model.js';
import { ask, beat, link, me, wallShift } from './state.js';

const BEFORE = [0, 5, 10, 30];
/** An event's box time and wall time may differ so much in age before it is another start of the box. */
const SAME_START_MS = 3000;

/** @param {{d: Device}} p */
export function Record({ d }) {
  const running = d.status.value.run;
  const [runs, setRuns] = useState(/** @type {edge.Run[]} */ ([]));
  const [bad, setBad] = useState('');
  const [before, setBefore] = useState(5);
  const [doomed, setDoomed] = useState('');
  // Off until somebody wants them: nothing is kept unasked.
  const [pictures, setPictures] = useState(false);
  const seen = showing(d.id).length > 0;
  const load = async (gone = '') => {
    try {
      if (gone) await api.remove(gone);
      setDoomed('');
      setRuns(await api.runs(d.id));
      setBad('');
    } catch (e) {
      setBad(errorText(/** @type {any} */ (e)));
    }
  };
  const off = link.value.phase !== 'open' || !me.value;
  useEffect(() => {
    if (!off) load();
  }, [d, running, off]);
  const start = (/** @type {any} */ e) => {
    e.preventDefault();
    const name = String(new FormData(e.target).get('name') || '').trim();
    ask(d, 'run.start', {
      name: name || t('run.unnamed'),
      pre_trigger_ms: before * 1000,
      ...(pictures && seen ? { pictures: {} } : {}),
    });
  };
  const note = async (/** @type {any} */ e) => {
    e.preventDefault();
    const form = e.target;
    const text = String(new FormData(form).get('text') || '').trim();
    if (text && (await ask(d, 'run.annotate', { run: running, text }))) form.reset();
  };
  const current = runs.find((r) => r.id === running);
  const mine = current?.by?.id === me.value?.seat || drives(d.status.value, me.value) || isTeacher(me.value);
  return html`<section class="card record">
    <h2>${t('run.title')}</h2>
    ${
      running
        ? html`<div class="row running"><span class="dot" aria-hidden="true"></span>
            <span class="grow"><strong><bdi>${current?.name ?? t('run.now')}</bdi></strong>
            <span class="num clock">${current ? clock((beat.value || Date.now()) + wallShift.value - current.start_ms) : ''}</span></span>
            ${mine && html`<button onClick=${() => ask(d, 'run.stop', { run: running })} disabled=${off}>${t('run.stop')}</button>`}</div>
          ${
            mine &&
            html`<form class="row" onSubmit=${note}><label class="grow"><span class="sr">${t('run.note')}</span>
            <input name="text" maxlength="200" placeholder=${t('run.note')} disabled=${off} /></label>
            <button disabled=${off} aria-label=${t('run.annotate')}><${Icon} name="flag" /></button></form>`
          }`
        : html`<form onSubmit=${start}><div class="row">
            <label class="grow"><span class="sr">${t('run.name')}</span><input name="name" maxlength="80" placeholder=${t('run.name')} disabled=${off} /></label>
            <button class="record" disabled=${off}><${Icon} name="record" fill />${t('run.start')}</button></div>
          <div class="row small"><span id="before">${t('run.before')}</span><div class="seg" role="group" aria-labelledby="before">
            ${BEFORE.map((s) => html`<button type="button" aria-pressed=${s === before} onClick=${() => setBefore(s)}>${s} s</button>`)}</div></div>
          ${seen && html`<label class="check small"><input type="checkbox" checked=${pictures} disabled=${off} onChange=${() => setPictures(!pictures)} /><${Glyph} d=${CAMERA} /><span>${t('run.pictures')}</span></label>`}</form>`
    }
    ${bad && html`<p class="refused small">${bad}</p>`}
    ${
      runs.length > 0
        ? html`<ul class="runs plain">${runs.slice(0, 20).map(
            (r) => html`<li key=${r.id}>
          <div class="grow"><bdi class="title">${r.name || t('run.unnamed')}</bdi>
            <p class="small">${dayAndTime(r.start_ms)} · <span class="num">${clock(r.length_ms)}</span> · <bdi>${r.by?.name}</bdi> · ${bytes(r.bytes ?? 0)}
            ${r.cameras?.length && html` · <span title=${t('run.cameras')}><${Glyph} d=${CAMERA} /><span class="sr">${t('run.cameras')}</span></span>`}
            ${r.gaps > 0 && html` · <span class="flag">${t('run.gaps', { n: r.gaps })}</span>`}
            ${r.state !== 'done' && html` · <span class="flag">${t(`run.${r.state}`)}</span>`}</p></div>
          ${
            doomed === r.id
              ? html`<strong>${t('run.sure')}</strong><button class="refused" onClick=${() => load(r.id)} disabled=${off}>${t('run.delete')}</button>
                <button onClick=${() => setDoomed('')}>${t('cancel')}</button>`
              : html`<a class="button" href=${`run/${encodeURIComponent(r.id)}`} data-nav aria-label=${`${t('run.open')} ${r.name || r.id}`}>${t('run.open')}</a>
                <a class="button" href=${api.csvPath(r.id, lang.value)} download aria-label=${t('run.csv', { name: r.name || r.id })}><${Icon} name="down" />CSV</a>
                ${r.id !== running && (r.by?.id === me.value?.seat || isTeacher(me.value)) && html`<button class="quiet" disabled=${off} aria-label=${`${t('run.delete')} ${r.name || r.id}`} onClick=${() => setDoomed(r.id)}><${Icon} name="bin" /></button>`}`
          }
        </li>`,
          )}</ul>${runs.length > 20 && html`<p class="small">${t('run.more', { n: num(runs.length - 20) })}</p>`}`
        : html`<p class="small hint">${t(me.value ? 'run.none' : 'err.no_seat')}</p>`
    }
  </section>`;
}

/** The words for an event.  @param {edge.Event} e @param {edge.Contract | null} contract */
export function eventText(e, contract) {
  const a = /** @type {Record<string, any>} */ (e.args ?? {});
  const spec = contract?.commands.find((c) => c.id === a.command);
  const code = a.code ?? a.outcome;
  const words = {
    ...a,
    name: e.actor?.name,
    run: a.name || t('run.unnamed'),
    command: label(spec?.label, a.command),
    state: t(`state.${a.state}`),
    why: code && has(`err.${code}`) ? errorText({ code, args: a }) : a.message,
  };
  const kind = `event.${e.code}.${a.what ?? a.outcome}`;
  const key = [`${kind}.${a.why}`, kind, `event.${e.code}`].find(has);
  return key ? t(key, words) : `${e.code} ${JSON.stringify(a)}`;
}

/** @param {{d: Device}} p */
export function Log({ d }) {
  const [all, setAll] = useState(false);
  const open = link.value.phase === 'open';
  useEffect(() => {
    d.marks = (now) => marksOf(d, now);
    // A rehearsal is recorded nowhere.
    if (open && !d.status.value.rehearsal) {
      api.events(d.id).then(
        (list) => {
          d.events.value = list.reduce(addEvent, d.events.value);
        },
        () => {}, // the log is then what comes from now on
      );
    }
  }, [d, open]);
  const events = told(d.events.value);
  const shown = all ? events : events.slice(0, 8);
  return html`<section class="card">
    <h2>${t('log.title')}</h2>
    <${Spoken} d=${d} />
    ${events.length === 0 && html`<p class="small hint">${t('log.none')}</p>`}
    <ol class="plain">${shown.map(
      (e) => html`<li key=${`${e.mono_us}-${e.seq}-${e.code}`} class=${`event ${e.code}`}>
      <time class="num">${timeOfDay(e.wall_ms)}</time><span title=${e.args && JSON.stringify(e.args)}><bdi>${eventText(e, d.contract.value)}</bdi></span></li>`,
    )}</ol>
    ${events.length > 8 && html`<button class="small" aria-expanded=${all} onClick=${() => setAll(!all)}>${t(all ? 'log.less' : 'log.more')}</button>`}
  </section>`;
}

/** When the device went and came back, oldest first; being made safe between two turns is neither.
 * @param {edge.Event[]} list newest first */
export function comings(list) {
  /** @type {{e: edge.Event, up: boolean}[]} */
  const out = [];
  let here = true;
  for (const e of [...list].reverse()) {
    const state = e.code === 'state' ? String(e.args?.state) : '';
    if (here && ['absent', 'opening', 'fault'].includes(state)) here = false;
    else if (!here && state === 'live') here = true;
    else continue;
    out.push({ e, up: here });
  }
  return out;
}

/** When the device came and went, by the ring's time.  @param {Device} d @param {number} now @returns {Mark[]} */
function marksOf(d, now) {
  const s = d.stream.value;
  if (!s) return [];
  const present = s.ring.last + s.age(now);
  const wall = Date.now() + wallShift.value;
  return comings(d.events.value)
    .map(({ e, up }) => ({ t: e.mono_us / 1000 + s.shift, up, age: wall - e.wall_ms }))
    .filter((m) => Math.abs(present - m.t - m.age) < SAME_START_MS);
}

/** Reads important news aloud, and only those that came while the page was open.  @param {{d: Device}} p */
function Spoken({ d }) {
  const since = useRef(Date.now());
  const e = d.events.value.find(important);
  return html`<p class="sr" role="log" aria-live="polite">${e && e.wall_ms > since.current - 1000 ? eventText(e, d.contract.value) : ''}</p>`;
}
