// The page of a run: its plots, what happened, and the picture of the moment that is looked at; one time for all of them,
// moved by the bar, on a plot, by an event or by playing. Loaded on demand.

import { call, csvPath, get, Refusal } from './conn.js';
import { parseFrames } from './frame.js';
import { comings, eventText } from './history.js';
import { bytes, clock, dayAndTime, errorText, label, lang, num, t } from './i18n.js';
import { Icon } from './icons.js';
import { sheet } from './later.js';
import { html, useEffect, useMemo, useRef, useState } from './lib.js';
import { plotsOf, readoutsOf, told } from './model.js';
import { dirty } from './paint.js';
import { Plot, valueText } from './plots.js';
import { happened, moved, Newest, nearQuery, sampleQuery, spanOf, streamOf, valueAt } from './replay.js';
import { title } from './route.js';
import { TopBar, theme } from './shell.js';
import { Shots } from './shots.js';
import { signal } from './signals.js';
import { askName, Device, device, link, me, tidy } from './state.js';

await sheet('camera.css');

const FRAME_MS = 50;
const SPEEDS = [1, 4];
const MARKS = 100;
/** A picture that comes so soon after the start is the first that is shown. */
const SOON_MS = 1000;

/** @param {string} id @returns {Promise<Loaded>} */
async function load(id) {
  const path = `runs/${encodeURIComponent(id)}`;
  /** @type {edge.RunDetail} */
  const detail = await call(`${path}/detail`);
  detail.annotations ??= [];
  detail.events ??= [];
  detail.pictures ??= [];
  const { run } = detail;
  const contract = /** @type {edge.Contract} */ (detail.contract ?? { channels: [], commands: [], panel: {} });
  tidy(contract);
  let samples = new ArrayBuffer(0);
  if (contract.channels.length) {
    samples = await (await get(`${path}/frames${sampleQuery(detail)}`)).arrayBuffer();
  }
  const d = new Device(/** @type {any} */ ({ device: run.device, name: run.device, state: 'live' }));
  d.contract.value = contract;
  const stream = streamOf(detail, contract, parseFrames(samples));
  d.stream.value = stream.ring.count ? stream : null;
  return { detail, d, stream };
}

/** @param {{id: string}} p */
export function RunPage({ id }) {
  const [got, set] = useState(/** @type {Loaded | null} */ (null));
  const [bad, setBad] = useState(/** @type {any} */ (null));
  const [again, reload] = useState(0);
  const open = link.value.phase === 'open';
  const seat = me.value?.seat;
  useEffect(() => {
    if (!open || !seat) return;
    let over = false;
    load(id).then(
      (x) => {
        if (over) return;
        setBad(null);
        set(x);
        title.value = x.detail.run.name || t('run.unnamed');
      },
      (e) => over || setBad(e instanceof Refusal ? e : { code: 'internal' }),
    );
    return () => {
      over = true;
    };
  }, [id, open, seat, again]);
  useEffect(
    () => () => {
      title.value = '';
    },
    [],
  );
  const of = got?.detail.run.device ?? '';
  const real = device(of);
  const name = real?.status.value.name || of || t('devices');
  const where = html`<a class="crumb" href=${of ? `d/${of}` : './'} data-nav aria-label=${name}><${Icon} name="back" /><span>${name}</span></a>`;
  return html`<${TopBar} list=${real ? [real] : []} where=${where} />
    ${bad || !seat ? html`<${Not} why=${bad ?? { code: 'no_seat' }} wait=${!open && !bad} />` : got ? html`<${RunView} key=${again} ...${got} reload=${() => reload(again + 1)} />` : html`<main class="empty" id="main"><p>${t('loading')}</p></main>`}`;
}

/** @param {{why: Trouble, wait: boolean}} p */
function Not({ why, wait }) {
  if (wait) return html`<main class="empty" id="main"><p>${t('loading')}</p></main>`;
  return html`<main id="main"><section class="callout warn" role="alert"><${Icon} name="warn" />
    <div><h1>${t('run.not')}</h1><p>${errorText(why)}</p></div>
    ${why.code === 'no_seat' && html`<button class="primary" onClick=${() => (askName.value = true)}>${t('name.pick')}</button>`}
    <a class="button" href="./" data-nav>${t('devices')}</a></section></main>`;
}

/** @param {Loaded & {reload: () => void}} p */
export function RunView({ detail, d, stream, reload }) {
  const { run, pictures } = detail;
  const contract = /** @type {edge.Contract} */ (d.contract.value);
  const span = useMemo(() => spanOf(detail, stream), [detail]);
  const [from, to] = span;
  const first = pictures[0]?.times_ms[0] ?? 0;
  const { current: at } = useRef(signal(Math.max(0, from, first < SOON_MS ? first : 0)));
  const [cam, setCam] = useState(0);
  const [playing, play] = useState(false);
  const [speed, setSpeed] = useState(SPEEDS[0]);
  const plots = useRef(/** @type {any} */ (null));
  const times = pictures[cam]?.times_ms ?? [];
  const list = useMemo(() => happened(detail, told), [detail]);

  // What is thinned out for the plots has no value of a moment: a bucket's least or greatest is another.
  const [near, setNear] = useState({ q: '', s: /** @type {Stream | null} */ (stream) });
  const { current: nearest } = useRef(
    new Newest(
      async (q) => {
        const part = await (await get(`runs/${encodeURIComponent(run.id)}/frames${q}`)).arrayBuffer();
        return streamOf(detail, contract, parseFrames(part), stream.zero);
      },
      (q, s) => setNear({ q, s }),
    ),
  );
  const q = nearQuery(detail, at.value);
  useEffect(() => {
    nearest.want(q);
  }, [q]);
  useEffect(dirty, [near]);
  const value = (/** @type {number} */ i, /** @type {number} */ ms) =>
    near.s && near.q === nearQuery(detail, ms) && !Number.isNaN(valueAt(stream, i, ms))
      ? valueAt(near.s, i, ms)
      : Number.NaN;
  stream.exact = (i, t) => value(i, t - (stream.zero ?? 0));

  const words = (/** @type {number} */ ms) => `${num(ms / 1000, to - from < 600_000 ? 2 : 1)} s`;
  const values = (/** @type {number} */ ms) =>
    readoutsOf(contract).map((id) => {
      const i = contract.channels.findIndex((c) => c.id === id);
      const ch = contract.channels[i];
      return {
        id,
        name: label(ch.label, id),
        text: `${valueText(ch, value(i, ms))} ${ch.unit ?? ''}`.trim(),
      };
    });
  const seek = (/** @type {number} */ ms) => {
    at.value = Math.min(to, Math.max(from, ms));
    for (const c of plots.current?.querySelectorAll('canvas[role=slider]') ?? [])
      c.setAttribute('aria-valuetext', words(at.peek()));
    dirty();
  };
  const jump = (/** @type {number} */ ms) => {
    play(false);
    seek(ms);
  };
  useEffect(() => {
    if (!playing) return;
    let last = performance.now();
    const timer = setInterval(() => {
      const now = performance.now();
      seek(at.peek() + (now - last) * speed);
      last = now;
      if (at.peek() >= to) play(false);
    }, FRAME_MS);
    return () => clearInterval(timer);
  }, [playing, speed]);
  const key = (/** @type {KeyboardEvent} */ e) => {
    const next = moved(e.key, at.peek(), span, times);
    if (next === null) return;
    e.preventDefault();
    jump(next);
  };

  const now = at.value;
  const shown = run.samples > 0 ? values(now) : [];
  return html`<main class="run" id="main">
    <div class="hero"><div class="grow"><h1><bdi>${run.name || t('run.unnamed')}</bdi></h1>
      <p class="small">${dayAndTime(run.start_ms)} · <span class="num">${clock(run.length_ms)}</span> · <bdi>${run.by?.name}</bdi> · ${bytes(run.bytes ?? 0)}
        ${run.gaps > 0 && html` · <span class="flag">${t('run.gaps', { n: run.gaps })}</span>`}
        ${run.state === 'interrupted' && html` · <span class="flag">${t('run.interrupted')}</span>`}</p>
      ${run.notes && html`<p>${run.notes}</p>`}</div>
      <a class="button" href=${csvPath(run.id, lang.value)} download aria-label=${t('run.csv', { name: run.name || run.id })}><${Icon} name="down" />CSV</a></div>
    ${run.state === 'recording' && html`<p class="callout wait"><span class="grow">${t('run.still')}</span><button onClick=${reload}>${t('run.reload')}</button></p>`}
    <section class="card scrub" aria-label=${t('run.at')}>
      <div class="row"><button class="primary" aria-label=${t(playing ? 'run.pause' : 'run.play')} onClick=${() => {
        if (!playing && at.peek() >= to) seek(from);
        play(!playing);
      }}><${Icon} name=${playing ? 'pause' : 'play'} /></button>
      <div class="seg fit" role="group" aria-label=${t('run.speed')}>${SPEEDS.map((s) => html`<button aria-pressed=${speed === s} onClick=${() => setSpeed(s)}>${s}×</button>`)}</div>
      <strong class="num time">${words(now)}</strong><span class="small num of">/ ${words(to)}</span></div>
      <input type="range" aria-label=${t('run.at')} min=${from} max=${to} step="1" value=${Math.round(now)}
        aria-valuetext=${[words(now), ...shown.map((v) => `${v.name} ${v.text}`)].join(', ')}
        onInput=${(/** @type {any} */ e) => jump(Number(e.target.value))} onKeyDown=${key} />
      ${shown.length > 0 && html`<ul class="plain values small">${shown.map((v) => html`<li key=${v.id}><span>${v.name}</span> <strong class="num">${v.text}</strong></li>`)}</ul>`}
    </section>
    <div class="grid">
      ${pictures.length > 0 && html`<${Shots} run=${run.id} list=${pictures} cam=${cam} pick=${setCam} at=${now} words=${words} />`}
      <div class="col live" ref=${plots}>${d.stream.value && html`<${RunPlots} d=${d} contract=${contract} span=${span} at=${at} seek=${jump} list=${list} />`}</div>
      <${Happened} list=${list} contract=${contract} now=${now} jump=${jump} words=${words} cut=${detail.events_cut} />
    </div>
  </main>`;
}

/** @param {{d: Device, contract: edge.Contract, span: [number, number], at: Signal<number>, seek: (ms: number) => void,
 * list: Happened[]}} p */
function RunPlots({ d, contract, span: [from, to], at, seek, list }) {
  const zero = d.stream.value?.zero ?? 0;
  const cursor = useMemo(
    () => ({
      peek: () => at.peek() - to,
      /** A plot's own word: null when the pointer leaves, and then the moment stays. @param {number | null} v */
      set value(v) {
        if (v !== null) seek(to + v);
      },
    }),
    [at, to],
  );
  d.marks = useMemo(() => {
    const marks = marksOf(list, zero);
    return () => marks;
  }, [list]);
  const plots = plotsOf(contract);
  const many = plots.filter((p) => p.channels.length > 1).flatMap((p) => p.channels);
  const room = contract.channels.filter((ch) => many.includes(ch.id)).map((ch) => label(ch.label, ch.id));
  // Only a pointer that is pressed moves it: who just passes by changes nothing.
  const press = (/** @type {PointerEvent} */ e) => e.buttons === 0 && e.stopPropagation();
  return html`<section class="plots" onPointerMoveCapture=${press}><h2 class="sr">${t('run.title')}</h2>
    ${plots.map(
      (
        p,
      ) => html`<${Plot} key=${p.channels.join() + theme.value + lang.value} d=${d} contract=${contract} channels=${p.channels} title=${label(p.label)}
        windowMS=${to - from} frozen=${zero + to} auto=${true} cursor=${cursor} room=${room} />`,
    )}</section>`;
}

/** What is marked on the plots: when the device came and went, notes, stops.
 * @param {Happened[]} list @param {number} zero @returns {Mark[]} */
export function marksOf(list, zero) {
  const newest = list.flatMap((x) => x.event ?? []).reverse();
  const when = new Map(list.map((x) => [x.event, x.t]));
  const went = comings(newest).map(({ e, up }) => ({ t: zero + (when.get(e) ?? 0), up }));
  const others = list.flatMap((x) => {
    if (x.note) return { t: zero + x.t, up: true, sign: '\u2691', tone: '--accent' };
    if (x.event?.code === 'estop') return { t: zero + x.t, up: true, sign: '\u25a0', tone: '--stop' };
    if (x.event?.code === 'command') return { t: zero + x.t, up: true, sign: '\u25be', tone: '--ink-2' };
    return [];
  });
  return [...went, ...others].slice(0, MARKS);
}

/** @param {{list: Happened[], contract: edge.Contract, now: number, jump: (ms: number) => void,
 * words: (ms: number) => string, cut?: boolean}} p */
function Happened({ list, contract, now, jump, words, cut }) {
  let current = -1;
  list.forEach((x, i) => {
    if (x.t <= now) current = i;
  });
  return html`<section class="card happened"><h2>${t('log.title')}</h2>
    ${!list.length && html`<p class="small hint">${t('log.none')}</p>`}
    <ol class="plain">${list.map(
      (
        x,
        i,
      ) => html`<li key=${i} class=${['estop', 'refused'].includes(x.event?.code ?? '') ? 'refused' : ''}><button class="quiet" aria-current=${i === current} onClick=${() => jump(x.t)}>
        <time class="num">${words(x.t)}</time><span>${x.note ? html`<${Icon} name="flag" /> <bdi>${x.note.text}</bdi> <span class="small">(<bdi>${x.note.by?.name}</bdi>)</span>` : x.event && eventText(x.event, contract)}</span></button></li>`,
    )}</ol>
    ${cut && html`<p class="small hint">${t('run.cut')}</p>`}
  </section>`;
}
