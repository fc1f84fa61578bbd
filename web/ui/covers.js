// The cameras of the box on the teacher's page: how each is, who watches, and one tap to cover it. Loaded on demand.

import { CAMERA, cameras, cover, follow, Glyph } from './cameras.js';
import { errorText, has, t } from './i18n.js';
import { sheet } from './later.js';
import { html, useEffect, useState } from './lib.js';
import { link } from './state.js';

await sheet('camera.css');

export function Covers() {
  const [bad, setBad] = useState('');
  useEffect(follow, []);
  const list = cameras.value?.list ?? [];
  if (!list.length) return null;
  const flip = (/** @type {edge.Camera} */ c) =>
    cover(c.id, c.state !== 'covered').then(
      () => setBad(''),
      (e) => setBad(errorText(e)),
    );
  return html`<section class="card covers"><h2 class="row"><${Glyph} d=${CAMERA} />${t('cam.all')}</h2>
    <ul class="plain">${list.map(
      (c) => html`<li key=${c.id} class="row wrap"><div class="grow"><bdi class="title">${c.name || c.id}</bdi>
        <p class="small">${how(c)}${c.runs?.length && c.state !== 'covered' ? html` · <strong class="flag">${t('cam.rec')}</strong>` : ''}</p></div>
        <button aria-pressed=${c.state === 'covered'} disabled=${link.value.phase !== 'open'} onClick=${() => flip(c)}>${t(c.state === 'covered' ? 'cam.show' : 'cam.cover')}<span class="sr">: <bdi>${c.name || c.id}</bdi></span></button></li>`,
    )}</ul>
    ${bad && html`<p class="refused small" role="alert">${bad}</p>`}</section>`;
}

/** @param {edge.Camera} c */
function how(c) {
  const why = `cam.why.${c.reason?.args?.why}`;
  if (c.state === 'covered') return t('cam.covered');
  if (c.state === 'lost') return has(why) ? t(why) : c.reason ? errorText(c.reason) : '';
  const n = c.viewers?.length ?? 0;
  return n ? t(n === 1 ? 'cam.watch.one' : 'cam.watch', { n }) : t('cam.watch.none');
}
