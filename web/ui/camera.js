// The picture beside the graph: of one of the cameras that show a device, as it is now or with how old it is; who watches,
// whether a run keeps pictures, and the teacher's cover. Loaded on demand.

import { boxTime, CAMERA, cameras, cover, follow, Glyph, judge, refresh, showing } from './cameras.js';
import { StopButton, stoppable } from './estop.js';
import { age, errorText, has, label, t, timeOfDay } from './i18n.js';
import { Icon } from './icons.js';
import { sheet } from './later.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { isTeacher } from './model.js';
import { Player } from './player.js';
import { recall, remember } from './shell.js';
import { askName, link, me } from './state.js';

await sheet('camera.css');

const FULL = 'M4 9V4h5M15 4h5v5M20 15v5h-5M9 20H4v-5';
const COVERED = 'M3 3l18 18M9 7h5v4l7-4v10M14 14v3H3V7h2';

/** @param {{d: Device}} p */
export function Camera({ d }) {
  const known = cameras.value;
  const [id, choose] = useState(() => recall(`camera.${d.id}`));
  useEffect(follow, []);
  useEffect(() => {
    if (known) refresh();
  }, [d.status.value.run]);
  if (!known) return html`<p class="cam soon"></p>`;
  if (known.why) return html`<${Kept} why=${known.why} />`;
  const list = showing(d.id);
  const c = list.find((x) => x.id === id) ?? list[0];
  const pick = (/** @type {any} */ e) => {
    choose(e.target.value);
    remember(`camera.${d.id}`, e.target.value);
  };
  return c ? html`<${View} key=${c.id} d=${d} c=${c} list=${list} pick=${pick} />` : null;
}

/** There are cameras, and this seat sees none of them.  @param {{why: Trouble}} p */
function Kept({ why }) {
  const seat = why.code === 'no_seat';
  const join = why.args?.why === 'not_in_class';
  return html`<section class="card cam kept-back"><h2><${Glyph} d=${CAMERA} />${t('cam')}</h2>
    <div class="frame"><div class="say"><${Glyph} d=${COVERED} /><p>${t(seat ? 'cam.seat' : join ? 'cam.join' : 'cam.no_class')}</p>
      ${(seat || join) && html`<button class="primary" onClick=${() => (askName.value = true)}>${t(seat ? 'name.pick' : 'join.title')}</button>`}</div></div>
  </section>`;
}

/** @param {{d: Device, c: edge.Camera, list: edge.Camera[], pick: (e: any) => void}} p */
function View({ d, c, list, pick }) {
  const box = useRef(/** @type {any} */ (null));
  const canvas = useRef(/** @type {any} */ (null));
  const player = useRef(/** @type {Player | null} */ (null));
  const [near, setNear] = useState(false);
  const [away, setAway] = useState(document.hidden);
  const [full, setFull] = useState(false);
  const [now, tick] = useState(performance.now());
  const [bad, setBad] = useState('');
  // The frame keeps its shape while the page is open, so that nothing jumps.
  const [shape] = useState(
    () => (c.width && c.height ? `${c.width} / ${c.height}` : recall(`shape.${c.id}`)) || '4 / 3',
  );
  const covered = c.state === 'covered';
  const open = link.value.phase === 'open';
  const on = (near || full) && !away && !covered;

  player.current ??= new Player({
    path: (hz) => `cameras/${encodeURIComponent(c.id)}/stream${hz ? `?hz=${hz.toFixed(2)}` : ''}`,
    decode: (p) => createImageBitmap(new Blob([p.jpeg], { type: 'image/jpeg' })),
    draw: (picture) => {
      const el = canvas.current;
      const { width, height } = picture;
      if (el && (el.width !== width || el.height !== height)) {
        Object.assign(el, { width, height });
        remember(`shape.${c.id}`, `${width} / ${height}`);
      }
      el?.getContext('2d').drawImage(picture, 0, 0);
      picture.close();
    },
    // The list says why, without another refusal.
    may: async () => {
      // A seat that is gone, or a box: once there is a link, the list knows.
      while (link.peek().phase !== 'open') await new Promise((ok) => setTimeout(ok, 300));
      const is = await refresh();
      return !is?.why && is?.cameras?.find((/** @type {edge.Camera} */ x) => x.id === c.id)?.state !== 'covered';
    },
  });
  const p = player.current;
  const old = p.age(now, boxTime(c, now));
  const hz = p.step > 0 ? 1000 / p.step : (c.rate_hz ?? 0);
  const state = judge(c, old, hz, open);

  useEffect(() => {
    const hide = () => setAway(document.hidden);
    const whole = () => setFull(document.fullscreenElement === box.current);
    const io = new IntersectionObserver(([e]) => setNear(e.isIntersecting), { rootMargin: '100px' });
    const timer = setInterval(() => document.hidden || tick(performance.now()), 250);
    io.observe(box.current);
    document.addEventListener('visibilitychange', hide);
    document.addEventListener('fullscreenchange', whole);
    return () => {
      io.disconnect();
      clearInterval(timer);
      document.removeEventListener('visibilitychange', hide);
      document.removeEventListener('fullscreenchange', whole);
      p.stop();
    };
  }, []);
  useEffect(() => {
    if (!on) p.stop();
    else if (open) p.start();
  }, [on, open]);
  useEffect(() => {
    if (!covered) return;
    p.forget();
    canvas.current.width = 1; // nothing of it stays
  }, [covered]);
  useEffect(() => {
    if (on && open && c.state === 'live' && p.stuck()) {
      p.stop();
      p.start();
    }
  });
  useEffect(() => {
    if (!full || document.fullscreenElement) return;
    const leave = (/** @type {KeyboardEvent} */ e) => e.key === 'Escape' && !e.shiftKey && setFull(false);
    addEventListener('keydown', leave);
    return () => removeEventListener('keydown', leave);
  }, [full]);

  const flip = () => {
    if (document.fullscreenElement) document.exitFullscreen();
    else if (full) setFull(false);
    else if (box.current.requestFullscreen) box.current.requestFullscreen().catch(() => setFull(true));
    else setFull(true); // iPhones have it for films only
  };
  const toggle = () =>
    cover(c.id, !covered).then(
      () => setBad(''),
      (e) => setBad(errorText(e)),
    );
  const words = label(c.description);
  return html`<section class=${`card cam ${state}${full ? ' full' : ''}`} ref=${box} aria-label=${`${t('cam')}: ${c.name}`}>
    <div class="row head"><h2 class="grow"><${Glyph} d=${CAMERA} />${
      list.length > 1
        ? html`<label class="grow"><span class="sr">${t('cam')}</span><select value=${c.id} onChange=${pick}>${list.map((x) => html`<option value=${x.id}>${x.name || x.id}</option>`)}</select></label>`
        : html`<bdi>${c.name || c.id}</bdi>`
    }</h2>
      <button class="quiet" aria-label=${t('cam.full')} title=${t('cam.full')} aria-pressed=${full} onClick=${flip}><${Glyph} d=${FULL} /></button></div>
    <div class="frame" style=${{ aspectRatio: shape }}>
      <canvas ref=${canvas} width="1" height="1" role="img" aria-label=${`${c.name || c.id}. ${words}`}></canvas>
      ${state !== 'live' && html`<div class="say"><${Say} c=${c} state=${state} age=${old} now=${now} /></div>`}
      <p class="sr" role="status">${state === 'live' || state === 'starting' ? '' : t(`cam.${state}`, { age: '' })}</p>
    </div>
    <p class="small lights">${c.runs?.length && !covered ? html`<strong class="light rec"><i class="dot"></i>${t('cam.rec')}</strong>` : t('cam.rec.no')}</p>
    <div class="row foot"><span class=${`light now small ${state}`}><i class="dot"></i>${t('cam.live')}</span><${Watchers} list=${c.viewers ?? []} />
      ${(words || c.masked) && html`<details class="small"><summary>${t('cam.what')}</summary><p>${words} ${c.masked && t('cam.masked')}</p></details>`}
      ${isTeacher(me.value) && html`<button aria-pressed=${covered} onClick=${toggle} disabled=${!open}><${Glyph} d=${covered ? CAMERA : COVERED} />${t(covered ? 'cam.show' : 'cam.cover')}</button>`}
      ${full && html`<${StopButton} list=${stoppable([d])} />`}</div>
    ${bad && html`<p class="refused small" role="alert">${bad}</p>`}
  </section>`;
}

/** Why there is no picture, or how old it is.
 * @param {{c: edge.Camera, state: string, age: number, now: number}} p */
function Say({ c, state, age: old, now }) {
  if (state === 'covered') {
    const by = c.covered;
    return html`<${Glyph} d=${COVERED} /><strong>${t('cam.covered')}</strong>
      ${by?.by?.name && html`<span class="small">${html`<bdi>${by.by.name}</bdi>, ${timeOfDay(by.wall_ms)}`}</span>`}`;
  }
  if (state === 'starting') return html`<strong>${t('cam.starting')}</strong>`;
  if (state === 'old') return html`<${Icon} name="wait" /><strong>${t('cam.old', { age: age(old) })}</strong>`;
  const since = boxTime(c, now) - (c.last_ms || c.since_ms);
  const why = String(c.reason?.args?.why ?? '');
  return html`<${Icon} name="off" /><strong>${t('cam.lost', { age: age(since) })}</strong>
    <span>${has(`cam.why.${why}`) ? t(`cam.why.${why}`) : c.reason ? errorText(c.reason) : ''} ${t('cam.again')}</span>
    ${old < Infinity && html`<span class="small">${t('cam.old', { age: age(old) })}</span>`}`;
}

/** Who sees it now is seen by all.  @param {{list: edge.SeatRef[]}} p */
function Watchers({ list }) {
  const only = list.length === 1 && list[0].id === me.value?.seat;
  if (!list.length || only) return html`<p class="small watch">${t(only ? 'cam.watch.you' : 'cam.watch.none')}</p>`;
  return html`<details class="small watch"><summary>${t(list.length === 1 ? 'cam.watch.one' : 'cam.watch', { n: list.length })}</summary>
    <ul class="plain">${list.map((s) => html`<li key=${s.id}><bdi>${s.name}</bdi>${s.id === me.value?.seat && ` (${t('turn.you')})`}</li>`)}</ul></details>`;
}
