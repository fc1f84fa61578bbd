// What surrounds every page: the bar at the top, the banner of the connection, the question for a nickname.

import { StopButton, StopKeys, stoppable } from './estop.js';
import { errorText, has, LANGS, lang, t, timeOfDay } from './i18n.js';
import { Icon } from './icons.js';
import { later } from './later.js';
import { html, useEffect, useState } from './lib.js';
import { isTeacher } from './model.js';
import { signal } from './signals.js';
import { askName, beat, box, klass, link, me, notice, reconnect, silent, useLang } from './state.js';

/** @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(`labbox.${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
export function remember(key, value) {
  try {
    localStorage.setItem(`labbox.${key}`, value);
  } catch {
    // Private windows may refuse; then the choice lasts as long as the page.
  }
}

const darkSystem = matchMedia('(prefers-color-scheme: dark)');
export const theme = signal(recall('theme') ?? (darkSystem.matches ? 'dark' : 'light'));
darkSystem.addEventListener('change', () => {
  if (!recall('theme')) theme.value = darkSystem.matches ? 'dark' : 'light';
});

/** On a phone the stop stays under the thumb.
 * @param {{list: Device[], all?: boolean, where?: any}} p list: what the stop of this page stops */
export function TopBar({ list, all, where }) {
  const stops = stoppable(list);
  const dark = theme.value === 'dark';
  const flip = () => {
    theme.value = dark ? 'light' : 'dark';
    remember('theme', theme.value);
  };
  const choose = async (/** @type {any} */ e) => {
    const l = e.target.value;
    await useLang(l);
    remember('lang', l);
  };
  return html`<header class="top">
    <a class="brand" href="./" data-nav aria-label=${t('home')}>
      <svg class="logo" viewBox="0 0 32 32" aria-hidden="true"><rect x="2" y="2" width="28" height="28" rx="8" />
        <path d="M7 20c3 0 3-9 6-9s3 10 6 10 3-6 6-6" /></svg>
      <span class="wordmark">labbox</span>
    </a>
    <div class="where">${where ?? html`<bdi>${box.value}</bdi>`}</div>
    <div class="tools">
      ${isTeacher(me.value) && html`<a class="button wide" href="teacher" data-nav>${t('teacher')}</a>`}
      <button class="quiet who" onClick=${() => (askName.value = true)} title=${t('name.change')}>
        <${Icon} name="user" /><bdi>${me.value ? me.value.name : t('name.none')}</bdi>
      </button>
      <label class="lang"><span class="sr">${t('language')}</span>
        <select value=${lang.value} onChange=${choose}>
          ${Object.entries(LANGS).map(([l, name]) => html`<option value=${l} lang=${l}>${name}</option>`)}
        </select>
      </label>
      <button class="quiet" onClick=${flip} aria-label=${t(dark ? 'theme.light' : 'theme.dark')}>
        <${Icon} name=${dark ? 'sun' : 'moon'} />
      </button>
      <${StopButton} list=${stops} all=${all} />
    </div>
  </header><${Banner} /><${ClassLine} />${me.value && html`<${Calls} />`}
  ${stops.length > 0 && html`<div class="bar"><${StopButton} list=${stops} all=${all} /><${StopKeys} list=${stops} /></div>`}`;
}

/** One line that is always there in a class, so that a new message moves nothing.  */
function ClassLine() {
  const k = klass.value;
  if (!me.value || !k?.open) return null;
  return html`<details class="class"><summary><strong><bdi>${k.title || t('class')}</bdi></strong> <bdi class="grow">${k.message}</bdi></summary>
    <p><bdi>${k.message || t('class.quiet')}</bdi></p></details>
    <p class="sr" role="status">${k.message && html`${t('class.says')} <bdi>${k.message}</bdi>`}</p>`;
}

/** What keeps everything, or a part of the box, from working.  */
function Banner() {
  const l = link.value;
  const note = notice.value;
  if (l.phase === 'connecting' && !l.ever) return html`<p class="banner wait" role="status">${t('link.first')}</p>`;
  const bad = note?.parts.some(({ part }) => part !== 'store');
  if (l.phase === 'open' && note && (bad || !silent.value)) {
    return html`<div class=${bad ? 'banner bad' : 'banner warn'} role=${bad ? 'alert' : 'status'}><${Icon} name="warn" />
      <div class="grow">${
        note.parts.length && has('part.owner')
          ? note.parts.map(
              ({ part, since }) =>
                html`<p><strong>${t(`part.${part}`, { time: timeOfDay(since) })}</strong> ${t(`works.${part}`)}</p>`,
            )
          : errorText(note)
      }</div></div>`;
  }
  if (l.phase === 'open' && !silent.value) return null;
  const left = l.retryAt ? Math.max(0, Math.ceil((l.retryAt - beat.value) / 1000)) : 0;
  const closed = `link.closed.${l.code === 1002 ? 4400 : l.code}`;
  return html`<div class="banner bad" role="alert">
    <${Icon} name="link" />
    <span class="grow"><strong>${t(l.phase === 'open' ? 'link.silent' : l.phase === 'closed' ? closed : 'link.lost')}</strong> ${t('link.frozen')} <span class="num">${l.phase === 'waiting' && left > 0 ? t('link.retry', { s: left }) : ''}</span></span>
    ${l.phase !== 'open' && html`<button onClick=${reconnect}>${t('link.now')}</button>`}
  </div>`;
}

const Calls = later(() => import('./turn.js'), 'Calls');
const Dialog = later(() => import('./join.js'), 'Join');

/** Loaded when it is first needed. */
export function NameDialog() {
  const [needed, need] = useState(false);
  const open = askName.value;
  useEffect(() => {
    if (open) need(true);
  }, [open]);
  return needed && html`<${Dialog} />`;
}
