// What surrounds every page: the bar at the top, the banner of the connection, the question for a nickname.

import { errorText, LANGS, lang, t } from './i18n.js';
import { Icon } from './icons.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { signal } from './signals.js';
import { askName, beat, box, link, me, notice, reconnect, silent, takeSeat, useLang } from './state.js';

/** @param {string} key */
export function recall(key) {
  try {
    return localStorage.getItem(`labbox.${key}`);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string} value */
function remember(key, value) {
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

/** @param {{children?: any, where?: any}} p */
export function TopBar({ where, children }) {
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
      ${children}
    </div>
  </header>`;
}

export function Banner() {
  const l = link.value;
  const note = notice.value;
  const now = beat.value;
  if (l.phase === 'open' && !silent.value) {
    return (
      note && html`<p class="banner warn" role="status"><${Icon} name="warn" /><span>${errorText(note)}</span></p>`
    );
  }
  if (l.phase === 'connecting' && !l.ever) return html`<p class="banner wait" role="status">${t('link.first')}</p>`;
  const left = l.retryAt ? Math.max(0, Math.ceil((l.retryAt - now) / 1000)) : 0;
  const key = l.phase === 'open' ? 'link.silent' : l.phase === 'closed' ? `link.closed.${l.code}` : 'link.lost';
  return html`<div class="banner bad" role="alert">
    <${Icon} name="link" />
    <span><strong>${t(key)}</strong> <span class="wide">${t('link.frozen')}</span></span>
    <span class="num">${l.phase === 'waiting' && left > 0 ? t('link.retry', { s: left }) : ''}</span>
    ${l.phase !== 'open' && html`<button onClick=${reconnect}>${t('link.now')}</button>`}
  </div>`;
}

export function NameDialog() {
  const ref = useRef(/** @type {any} */ (null));
  const [bad, setBad] = useState('');
  const open = askName.value;
  useEffect(() => {
    if (open && !ref.current.open) ref.current.showModal();
    if (!open && ref.current.open) ref.current.close();
  }, [open]);
  const submit = async (/** @type {any} */ e) => {
    e.preventDefault();
    const name = new FormData(e.target).get('nickname');
    try {
      await takeSeat(String(name).trim());
      setBad('');
      askName.value = false;
    } catch (err) {
      setBad(errorText(/** @type {any} */ (err)));
    }
  };
  return html`<dialog ref=${ref} class="ask" onClose=${() => (askName.value = false)} aria-labelledby="ask-title">
    <form onSubmit=${submit}>
      <h2 id="ask-title">${t('name.title')}</h2>
      <p>${t('name.why')}</p>
      <label>${t('name.label')}
        <input name="nickname" autocomplete="nickname" required maxlength="40" value=${me.value?.name ?? ''}
          aria-invalid=${bad ? 'true' : 'false'} aria-describedby="ask-bad" />
      </label>
      <p id="ask-bad" class="refused" role="alert">${bad}</p>
      <div class="row end">
        <button type="button" onClick=${() => (askName.value = false)}>${t('cancel')}</button>
        <button class="primary">${t('name.go')}</button>
      </div>
    </form>
  </dialog>`;
}
