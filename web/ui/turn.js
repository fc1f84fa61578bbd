// Whose turn it is: take it, wait for it, leave the queue, release it; what is left of it and why; and the word to who
// looks elsewhere when the turn comes or ends.

import { clock, errorText, t } from './i18n.js';
import { Icon } from './icons.js';
import { later } from './later.js';
import { html, useEffect, useRef } from './lib.js';
import { blocked, drives, leftOf, placeOf } from './model.js';
import { path } from './route.js';
import { answerCall, ask, askName, beat, calls, device, devices, ended, link, me, situation, take } from './state.js';

const SHOWN = 5;
const Wait = later(
  () => import('./wait.js'),
  'Wait',
  () => html`<div class="extras"></div>`,
);

/** @param {{d: Device}} p */
export function Turn({ d }) {
  const status = d.status.value;
  const { lease, queue = [] } = status;
  const you = me.value;
  const mine = drives(status, you);
  const why = blocked(situation(d));
  const refused = d.refusal.value;
  const open = link.value.phase === 'open' && why !== 'observer';
  const free = status.state === 'live' && !status.stopped && !status.hold;
  const claim = () => {
    if (you) take(d);
    else askName.value = true;
  };
  let button = html`<button class="primary" onClick=${claim} disabled=${!open || !(lease || queue.length || free)}>${t(lease || queue.length ? 'queue.join' : 'take')}</button>`;
  if (mine)
    button = html`<button onClick=${() => ask(d, 'release', { fence: lease?.fence })} disabled=${!open}>${t('release')}</button>`;
  else if (placeOf(status, you))
    button = html`<button onClick=${() => ask(d, 'leave')} disabled=${!open}>${t('queue.leave')}</button>`;
  return html`<div class=${mine ? 'turn mine' : 'turn'}>
    <${Icon} name="wheel" />
    <div class="grow">
      <p class="who"><${Who} status=${status} mine=${mine} /></p>
      <p class="small"><span id=${`why-${d.id}`} aria-live="polite">${line(d, why, mine)}</span> <${Left} d=${d} /></p>
      ${refused && html`<p class="small refused" role="alert">${errorText(refused)}</p>`}
    </div>
    ${button}
    <${Queue} list=${queue} />
    ${you && html`<${Wait} d=${d} />`}
  </div>`;
}

/** @param {{status: edge.Status, mine: boolean}} p */
function Who({ status: { lease, queue }, mine }) {
  if (!lease) return queue?.length ? html`${t('turn.next')} <bdi>${queue[0].seat.name}</bdi>` : t('turn.free');
  const { holder, partner } = lease;
  if (!mine) return html`${t('turn.other')} <bdi>${holder.name}</bdi>${partner && html` + <bdi>${partner.name}</bdi>`}`;
  if (!partner) return t('turn.mine');
  return html`${t('turn.pair')} <bdi>${(holder.id === me.value?.seat ? partner : holder).name}</bdi>`;
}

/** What is the matter now, and what to do.  @param {Device} d @param {string} why @param {boolean} mine */
function line(d, why, mine) {
  const { lease, queue = [], state } = d.status.value;
  if (why === 'queued') {
    const n = placeOf(d.status.value, me.value);
    const ms = queue[n - 1].expect_ms;
    const min = ms < 0 ? undefined : Math.max(1, Math.round(ms / 60_000));
    return t(n === 1 ? 'queue.next' : 'queue.place', { n, of: queue.length, min });
  }
  if (why === 'no_seat' && ended.value) return t('ended.how');
  if (lease?.away) return t('turn.away');
  if (mine && !why) return t(queue.length ? 'turn.ready' : 'turn.on');
  return t(`block.${why || 'free'}`, { state: t(`state.${state}`) });
}

/** Counts down, and says why; not read aloud every second.  @param {{d: Device}} p */
function Left({ d }) {
  const { lease } = d.status.value;
  const ms = leftOf(d, beat.value || undefined);
  if (!lease || !ms) return null;
  const key = ['away', 'turn', 'idle'].includes(lease.why ?? '') ? `left.${lease.why}` : 'turn.left';
  return html`<span role="timer" class=${lease.warn ? 'num warned' : 'num'}>${t(key, { time: clock(ms) })}</span>`;
}

/** @param {{list: edge.Waiting[]}} p */
function Queue({ list }) {
  if (!list.length) return null;
  const row = (/** @type {edge.Waiting} */ w) => {
    const mine = w.seat.id === me.value?.seat;
    return html`<li key=${w.seat.id} class=${mine ? 'mine' : ''}><bdi>${w.seat.name}</bdi>${mine && ` (${t('turn.you')})`}${w.away && html` <span class="flag">${t('queue.away')}</span>`}</li>`;
  };
  return html`<div class="queue small"><span id="queue">${t('queue.title')}</span>
    <ol aria-labelledby="queue">${list.slice(0, SHOWN).map(row)}</ol>
    ${list.length > SHOWN && html`<details><summary>${t('queue.more', { n: list.length - SHOWN })}</summary><ol start=${SHOWN + 1}>${list.slice(SHOWN).map(row)}</ol></details>`}
  </div>`;
}

/** On every page: a turn has come, or ends soon.  */
export function Calls() {
  const ending = devices.value.filter((d) => d.status.value.lease?.warn && drives(d.status.value, me.value));
  return html`<div class="calls" role="alert">
    ${calls.value.map((id) => device(id)).map((d) => d && html`<${Call} key=${d.id} d=${d} />`)}
    ${ending.map(
      (
        d,
      ) => html`<div class="call warned" key=${`${d.id}-end`}><${Icon} name="wait" /><span class="grow"><strong>${t('call.end', { name: d.status.value.name })}</strong>
      ${t(d.status.value.lease?.why === 'idle' ? 'call.idle' : 'call.why')}</span></div>`,
    )}
  </div>`;
}

/** @param {{d: Device}} p */
function Call({ d }) {
  const ref = useRef(/** @type {any} */ (null));
  const here = path.value === `d/${d.id}`;
  useEffect(() => {
    // Who is typing goes on typing.
    if (document.activeElement === document.body) ref.current.focus({ preventScroll: true });
  }, []);
  const look = () => {
    answerCall(d);
    if (here) document.querySelector('.turn')?.scrollIntoView({ block: 'center' });
  };
  return html`<div class="call" ref=${ref} tabindex="-1"><${Icon} name="wheel" />
    <span class="grow"><strong>${t('call.turn', { name: d.status.value.name })}</strong> ${t('call.drive')}</span>
    ${here ? html`<button onClick=${look}>${t('call.ok')}</button>` : html`<a class="button" href=${`d/${d.id}`} data-nav onClick=${look}>${t('call.go')}</a>`}
  </div>`;
}
