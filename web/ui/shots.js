// The picture that a run keeps of a moment: asked for only when it is another one, one at a time, and what is wanted by
// then next.

import { get } from './conn.js';
import { errorText, label, t } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { Newest, newestAt } from './replay.js';
import { recall, remember } from './shell.js';

/** @param {string} run @param {edge.RunPictures} of @param {number} ms */
export const shotPath = (run, of, ms) =>
  `runs/${encodeURIComponent(run)}/frames?camera=${encodeURIComponent(of.camera)}&t=${ms}`;

/** @param {{run: string, list: edge.RunPictures[], cam: number, pick: (i: number) => void, at: number,
 * words: (ms: number) => string}} p */
export function Shots({ run, list, cam, pick, at, words }) {
  const of = list[cam];
  const i = newestAt(of.times_ms, at);
  const [got, set] = useState(/** @type {{path: string, url: string, bad?: Trouble}} */ ({ path: '', url: '' }));
  const urls = useRef('');
  const [shape] = useState(() => recall(`shape.${of.camera}`) || '4 / 3');
  const { current: newest } = useRef(
    new Newest(fetchShot, (path, url, e) => {
      if (urls.current) URL.revokeObjectURL(urls.current);
      urls.current = url ?? '';
      set({ path, url: url ?? '', bad: e });
    }),
  );
  const path = i < 0 ? '' : shotPath(run, of, of.times_ms[i]);
  useEffect(() => {
    newest.want(path);
  }, [path]);
  useEffect(
    () => () => {
      newest.want('');
      URL.revokeObjectURL(urls.current);
    },
    [],
  );
  const words2 = label(of.description);
  // Of the one that is shown: the next may still be on its way.
  const when = t('run.shot', { time: words(Number(/-?\d+$/.exec(got.path))) });
  return html`<section class="card cam shots" aria-label=${`${t('cam')}: ${of.name || of.camera}`}>
    <h2>${
      list.length > 1
        ? html`<label class="grow"><span class="sr">${t('cam')}</span><select value=${cam} onChange=${(/** @type {any} */ e) => pick(Number(e.target.value))}>${list.map((x, k) => html`<option value=${k}>${x.name || x.camera}</option>`)}</select></label>`
        : html`<bdi>${of.name || of.camera}</bdi>`
    }</h2>
    <div class="frame" style=${{ aspectRatio: shape }}>
      ${i >= 0 && got.url && html`<img class="shot" src=${got.url} alt=${`${of.name || of.camera}. ${when}. ${words2}`} onLoad=${(/** @type {any} */ e) => remember(`shape.${of.camera}`, `${e.target.naturalWidth} / ${e.target.naturalHeight}`)} />`}
      ${i < 0 && of.times_ms.length > 0 && html`<p class="say">${t('run.first', { time: words(of.times_ms[0]) })}</p>`}
      ${i >= 0 && got.bad && got.path === path && html`<p class="say" role="alert">${t('run.shot.bad')} ${errorText(got.bad)}</p>`}
    </div>
    <p class="small">${i >= 0 && got.url && when}${of.ended && html` <span class="flag">${t('run.full')}</span>`}</p>
    ${words2 && html`<details class="small"><summary>${t('cam.what')}</summary><p>${words2}</p></details>`}
  </section>`;
}

/** @param {string} path */
async function fetchShot(path) {
  const res = await get(path, { headers: { Accept: 'image/jpeg' } });
  return URL.createObjectURL(await res.blob());
}
