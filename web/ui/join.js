// How somebody gets a seat: the code of the class and a nickname, or a name from the teacher's list. Where nobody guards
// the door a nickname is enough. Loaded on demand.

import * as api from './conn.js';
import { errorText, hintText, t } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { askName, invitation, klass, leaveSeat, me, takeSeat } from './state.js';

const LENGTH = 6;

/** A code as it is meant: in capitals, without what people put between.  @param {string} text */
export const cleanCode = (text) => text.toUpperCase().replace(/[^A-Z0-9]/g, '');

/** @param {any} e */
const words = (e) => `${errorText(e)} ${hintText(e)}`.trim();

export function Join() {
  const ref = useRef(/** @type {any} */ (null));
  const [bad, setBad] = useState('');
  const [guarded, setGuarded] = useState(false);
  const [code, setCode] = useState(() => cleanCode(invitation.code));
  const [names, setNames] = useState(/** @type {{name: string, taken: boolean}[]} */ ([]));
  const open = askName.value;
  const seat = me.value;
  useEffect(() => {
    if (open && !ref.current.open) ref.current.showModal();
    if (!open && ref.current.open) ref.current.close();
    if (!open) return;
    setBad('');
    api.door().then(
      (d) => setGuarded(!d.open && !d.open_bench),
      () => setGuarded(false), // joining will say what is wrong
    );
  }, [open]);
  const asks = (guarded || invitation.code !== '') && !seat;
  useEffect(() => {
    setNames([]);
    if (!asks || !open || code.length !== LENGTH) return;
    let old = false;
    api.names(code).then(
      (r) => {
        if (old) return;
        setBad('');
        setNames(r.names ?? []);
      },
      (e) => !old && setBad(words(e)),
    );
    return () => {
      old = true;
    };
  }, [asks, open, code]);
  const submit = async (/** @type {any} */ e) => {
    e.preventDefault();
    const nickname = String(new FormData(e.target).get('nickname') ?? '').trim();
    try {
      await takeSeat(asks ? { nickname, code } : { nickname });
      invitation.code = '';
      setBad('');
      askName.value = false;
    } catch (err) {
      setBad(words(err));
    }
  };
  const leave = async () => {
    try {
      await leaveSeat();
      askName.value = false;
    } catch (err) {
      setBad(words(err));
    }
  };
  const title = asks ? (klass.value?.title ?? '') : '';
  return html`<dialog ref=${ref} class="ask" onClose=${() => (askName.value = false)} aria-labelledby="ask-title">
    <form onSubmit=${submit}>
      <h2 id="ask-title">${t(asks ? 'join.title' : 'name.title')}${title && html` <bdi>${title}</bdi>`}</h2>
      <p>${t(asks ? 'join.why' : 'name.why')}</p>
      ${
        asks &&
        html`<label>${t('join.code')}
        <input name="code" class="code" autocomplete="off" autocapitalize="characters" spellcheck=${false} required maxlength="12" value=${code}
          aria-invalid=${bad ? 'true' : 'false'} aria-describedby="ask-bad"
          onInput=${(/** @type {any} */ e) => setCode(cleanCode(e.target.value))} /></label>`
      }
      <label>${t(names.length ? 'join.pick' : 'name.label')}
        ${
          names.length
            ? html`<select name="nickname" required><option value="">${t('join.choose')}</option>
              ${names.map((n) => html`<option key=${n.name} value=${n.name} disabled=${n.taken}>${n.taken ? t('join.taken', { name: n.name }) : n.name}</option>`)}</select>`
            : html`<input name="nickname" autocomplete="nickname" required maxlength="40" defaultValue=${seat?.name ?? ''} dir="auto"
              autofocus=${Boolean(invitation.code)}
              aria-invalid=${bad ? 'true' : 'false'} aria-describedby="ask-bad" />`
        }
      </label>
      <p id="ask-bad" class="refused" role="alert">${bad}</p>
      <div class="row end wrap">
        ${seat && html`<button type="button" class="quiet" onClick=${leave}>${t('join.leave')}</button>`}
        <button type="button" onClick=${() => (askName.value = false)}>${t('cancel')}</button>
        <button class="primary">${t('name.go')}</button>
      </div>
    </form>
  </dialog>`;
}
