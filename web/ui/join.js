// How somebody gets a seat: a nickname.

import { errorText, t } from './i18n.js';
import { html, useEffect, useRef, useState } from './lib.js';
import { askName, me, takeSeat } from './state.js';

export function Join() {
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
