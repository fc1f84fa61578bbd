// The teacher's pages: all devices, the class, the box, what is projected. Loaded on demand, with their own words and
// style, by the paths teacher, teacher/class, teacher/box, teacher/d/<device>, teacher/sign-in and projector.

import { addWords, t } from '../i18n.js';
import { moreWords } from '../later.js';
import { html, useEffect, useState } from '../lib.js';
import { isTeacher } from '../model.js';
import { go } from '../route.js';
import { NameDialog, TopBar } from '../shell.js';
import { beat, box, device, klass, link, me, reconnect } from '../state.js';
import { BoxPage, SignIn } from './box.js';
import { Address, ClassPage, counted, QR, spaced } from './class.js';
import { cls, useClass } from './kit.js';
import { busyFirst, page, shownName } from './model.js';
import { Overview, real, useStreams } from './room.js';

await Promise.all([
  style(),
  moreWords(),
  addWords({
    en: () => import('./i18n/en.js'),
    fr: () => import('./i18n/fr.js'),
    es: () => import('./i18n/es.js'),
  }),
]);

/** Its style, before anything is drawn. */
function style() {
  const sheet = document.createElement('link');
  sheet.rel = 'stylesheet';
  sheet.href = new URL('./teacher.css', import.meta.url).href;
  return new Promise((ok, no) => {
    sheet.onload = ok;
    sheet.onerror = no;
    document.head.append(sheet);
  });
}

const PAGES = [
  ['teacher', 'devices'],
  ['teacher/class', 'class'],
  ['teacher/box', 'te.box'],
];

/** @param {{path: string}} p */
export function Teacher({ path }) {
  const may = isTeacher(me.value);
  const { phase } = link.value;
  useClass(may, klass.value, phase);
  const at = path === 'class' ? 'teacher/class' : path;
  const open = at.startsWith('teacher/d/') ? at.slice('teacher/d/'.length) : '';
  const here = open || at === 'teacher/devices' ? 'teacher' : at;
  const beamer = at === 'projector';
  const word = PAGES.find(([p]) => p === here)?.[1] ?? (beamer ? 'te.projector' : 'te.in.title');
  useEffect(() => {
    const name = open ? device(open)?.status.value.name || open : t(word);
    document.title = `${name} – labbox`;
  });
  if (beamer && may) return html`<${Projector} />`;
  const waits = !me.value && phase !== 'open' && phase !== 'closed';
  const signs = at === 'teacher/sign-in';
  return html`<a class="skip" href="#main" onClick=${skip}>${t('skip')}</a>
    <${TopBar} list=${may ? real() : []} all />
    ${
      may &&
      html`<nav class="tabs" aria-label=${t('te.nav')}>${PAGES.map(
        ([p, key]) => html`<a href=${p} data-nav aria-current=${p === here ? 'page' : undefined}>${t(key)}</a>`,
      )}<a href="projector" target="_blank">${t('te.projector')}</a>
        ${cls.value.open && html`<span class="code" title=${t('te.in.code')}>${cls.value.code}</span>`}</nav>`
    }
    <main class="teach" id="main">${
      waits
        ? html`<p class="loading">${t('loading')}</p>`
        : !may || signs
          ? html`<${SignIn} done=${() => signed(at)} />`
          : here === 'teacher/class'
            ? html`<${ClassPage} />`
            : here === 'teacher/box'
              ? html`<${BoxPage} />`
              : html`<${Overview} open=${open} />`
    }</main><${NameDialog} />`;
}

/** The new seat counts from the next connection on; the page for signing in has done its work.  @param {string} at */
function signed(at) {
  reconnect();
  if (at === 'teacher/sign-in') go('teacher', true);
}

/** Fragments would be resolved against the base and leave the page.  @param {Event} e */
function skip(e) {
  e.preventDefault();
  const main = document.getElementById('main');
  main?.setAttribute('tabindex', '-1');
  main?.focus();
}

const TURN_MS = 10_000;

/** How many rows fit; where the page scrolls anyway, all.  @param {Element | null} el */
function fitting(el) {
  const row = el?.querySelector('tbody tr')?.getBoundingClientRect();
  if (!row || innerWidth < 1000) return 400;
  const foot = 1.6 * Number.parseFloat(getComputedStyle(/** @type {Element} */ (el?.parentElement)).fontSize);
  return Math.max(4, Math.floor((innerHeight - row.top - scrollY - foot) / row.height));
}

/** For the room: no controls, names as everybody may see them. Where not all devices fit, pages change by themselves; the space
 * bar holds them. */
function Projector() {
  const c = cls.value;
  const [held, setHeld] = useState(0);
  const [size, setSize] = useState(8);
  const n = held || Math.floor(beat.value / TURN_MS);
  useEffect(() => setSize(fitting(document.querySelector('.beamer table'))));
  useEffect(() => {
    const key = (/** @type {KeyboardEvent} */ e) => {
      if (e.key !== ' ') return;
      e.preventDefault();
      setHeld(held ? 0 : n);
    };
    addEventListener('keydown', key);
    return () => removeEventListener('keydown', key);
  }, [n, held]);
  const list = real();
  useStreams(list, { mode: 'minmax', max_hz: 1 });
  const rows = list
    .filter((d) => d.contract.value?.drivable !== false || d.status.value.lease)
    .map((d) => {
      const s = d.status.value;
      const next = s.queue?.find((w) => !w.away) ?? s.queue?.[0];
      const driver = [s.lease?.holder, s.lease?.partner].flatMap((r) => (r ? [shownName(r, c)] : [])).join(' + ');
      return { id: d.id, name: s.name || d.id, driver, next: next ? shownName(next.seat, c) : '', s };
    });
  const shown = page(busyFirst(rows), size, n);
  const word = (/** @type {edge.Status} */ s) =>
    s.stopped
      ? t('state.stopped')
      : s.hold
        ? t('state.held')
        : s.state === 'live'
          ? t('turn.nobody')
          : t(`state.${s.state}`);
  return html`<main class="beamer" id="main">
    <h1><bdi>${c.title || box.value}</bdi></h1>
    ${
      c.open
        ? html`<section class="in" aria-label=${t('te.join')}>
          ${c.locked ? html`<p class="shut">${t('te.door.locked')}</p>` : html`<${QR} code=${c.code} /><p class="bigcode" aria-label=${[...c.code].join(' ')}>${spaced(c.code)}</p><p class="url"><${Address} url=${c.url} /></p>`}
          <p class="num">${t('te.count', counted(c))}</p></section>`
        : html`<section class="in"><p class="shut">${t('te.class.none')}</p></section>`
    }
    <section class="list" aria-label=${t('te.turns')}>
      ${c.message && html`<p class="word"><bdi>${c.message}</bdi></p>`}
      <table><thead><tr><th>${t('te.device')}</th><th>${t('te.drives')}</th><th>${t('te.next')}</th></tr></thead>
        <tbody>${shown.rows.map(
          (r) => html`<tr key=${r.id}><th scope="row"><bdi>${r.name}</bdi></th>
            <td class=${r.driver ? 'by' : 'idle'}><bdi>${r.driver || word(r.s)}</bdi></td><td><bdi>${r.next}</bdi></td></tr>`,
        )}</tbody></table>
      <p class="pages num">${shown.pages > 1 ? `${shown.at + 1} / ${shown.pages}` : ''}</p>
    </section>
  </main>`;
}
