// The box: where it is found, its clock, who may teach here; signing in.

import { num, t } from '../i18n.js';
import { html, useEffect, useState } from '../lib.js';
import { signal } from '../signals.js';
import { beat, leaveSeat, link, me, reconnect } from '../state.js';
import {
  aboutBox,
  changePassword,
  colleagues,
  dismiss,
  fields,
  invite,
  Said,
  Sure,
  setClock,
  signIn,
  standing,
  useTask,
} from './kit.js';

/** A new password, twice; the browser itself says where they differ.  @param {{label: string}} p */
function NewPassword({ label }) {
  const check = (/** @type {any} */ e) => {
    const { password, again } = e.target.form;
    again.setCustomValidity(password.value === again.value ? '' : t('te.in.differ'));
  };
  const field = (/** @type {string} */ name, /** @type {string} */ text) =>
    html`<label>${text}<input name=${name} type="password" required minlength="8" maxlength="200" onInput=${check}
      autocomplete="new-password" aria-describedby="te-long" /></label>`;
  return html`${field('password', label)}${field('again', t('te.in.again'))}<p class="small" id="te-long">${t('te.in.long')}</p>`;
}

/** @param {{done: () => void}} p */
export function SignIn({ done }) {
  const [has, setHas] = useState(/** @type {{set: boolean, open_bench: boolean} | null} */ (null));
  const [coded, setCoded] = useState(false);
  const [until, setUntil] = useState(0);
  const task = useTask();
  const left = Math.max(0, Math.ceil((until - beat.value) / 1000)); // until the box listens again
  useEffect(() => {
    standing().then(
      (s) => {
        setHas(s);
        if (!s.set) setCoded(true);
      },
      () => setHas({ set: true, open_bench: false }),
    );
  }, []);
  const submit = async (/** @type {Event} */ e) => {
    const { code, name, password } = fields(e);
    if (left) return;
    const who = { name: name.trim(), password, ...(coded ? { code: code.replace(/\s/g, '') } : {}) };
    await task.run(async () => {
      try {
        await signIn(who);
      } catch (err) {
        const wait = Number(/** @type {any} */ (err).args?.wait_s);
        if (wait > 0) setUntil(Date.now() + wait * 1000);
        throw err;
      }
      done();
    });
  };
  if (!has) return html`<p class="loading">${t('loading')}</p>`;
  return html`<form class="card narrow form" onSubmit=${submit} aria-labelledby="te-in">
    <h1 id="te-in">${t(coded && !has.set ? 'te.in.first' : 'te.in.title')}</h1>
    <p>${t(!coded ? 'te.in.why' : has.set ? 'te.in.invited' : 'te.in.console')}</p>
    ${
      coded &&
      html`<label>${t('te.in.code')}<input name="code" required autocomplete="one-time-code" autocapitalize="characters"
        spellcheck="false" class="code" maxlength="40" /></label>`
    }
    <label>${t('te.in.name')}<input name="name" required autocomplete="username" maxlength="40" /></label>
    ${
      coded
        ? html`<${NewPassword} label=${t('te.in.password')} />`
        : html`<label>${t('te.in.password')}<input name="password" type="password" required maxlength="200" autocomplete="current-password" /></label>`
    }
    <${Said} task=${{ ...task, good: '' }} />
    <p class="small num" aria-hidden="true">${left ? t('te.in.wait', { s: left }) : ''}</p>
    <div class="row wrap">
      <button class="primary big" disabled=${task.busy || left > 0}>${t(coded ? 'te.in.make' : 'te.in.go')}</button>
      ${
        has.set &&
        html`<button type="button" class="quiet" onClick=${() => setCoded(!coded)}>${t(coded ? 'te.in.known' : 'te.in.have')}</button>`
      }
    </div>
    ${has.open_bench && html`<p class="small">${t('te.in.bench')}</p>`}
  </form>`;
}

/** A clock that is this far off may be set. */
const OFF_MS = 2000;

export function BoxPage() {
  const [has, setHas] = useState(/** @type {{set: boolean} | null} */ (null));
  const open = link.value.phase === 'open';
  useEffect(() => void (open && standing().then(setHas, () => {})), [open]);
  return html`<h1>${t('te.box')}</h1>
    <div class="halves"><${About} />${has && (has.set ? html`<${Account} /><${Colleagues} />` : html`<${NoAccount} />`)}</div>`;
}

function About() {
  const [b, setB] = useState(/** @type {(lab.Box & {ahead: number}) | null} */ (null));
  const task = useTask();
  const load = async () => setB(await aboutBox());
  useEffect(() => void task.run(load, ''), [link.value.phase]);
  const set = () =>
    task.run(async () => {
      await setClock();
      await load();
    }, t('te.clock.set'));
  const off = b ? Math.abs(b.ahead) : 0;
  return html`<section class="card form" aria-labelledby="te-about"><h2 id="te-about">${t('te.box.about')}</h2>
    <dl class="facts">
      <dt>${t('te.box.name')}</dt><dd><bdi>${b?.box ?? '–'}</bdi></dd>
      <dt>${t('te.box.at')}</dt><dd>${[...(b?.name ? [location.origin.replace(location.hostname, b.name)] : []), ...(b?.addresses ?? [])].map((a) => html`<code>${breath(a)}</code>`)}</dd>
      <dt>${t('te.box.version')}</dt><dd>${b?.version ?? '–'}</dd>
      ${b?.fingerprint && html`<dt>${t('te.box.print')}</dt><dd><code class="print">${breath(b.fingerprint)}</code><p class="small">${t('te.box.print.why')}</p></dd>`}
      <dt>${t('te.clock')}</dt>
      <dd class=${off > OFF_MS ? 'refused' : ''}>${b && t(off <= OFF_MS ? 'te.clock.right' : b.ahead > 0 ? 'te.clock.ahead' : 'te.clock.behind', { s: far(off) })}</dd>
    </dl>
    <div class="row wrap">${off > OFF_MS && html`<button class="primary" onClick=${set} disabled=${task.busy}>${t('te.clock.go')}</button>`}<${Said} task=${task} /></div>
  </section>`;
}

/** May be broken after a colon.  @param {string} s */
const breath = (s) => s.split(/(?<=:)/).map((x) => html`${x}<wbr />`);

/** @param {number} ms */
function far(ms) {
  const s = Math.round(ms / 1000);
  if (s < 120) return `${num(s)} s`;
  if (s < 7200) return `${num(s / 60)} min`;
  return `${num(s / 3600)} h`;
}

const NoAccount = () => html`<section class="card form"><h2>${t('te.account')}</h2><p>${t('te.account.none')}</p>
  <p><a class="button" href="teacher/sign-in" data-nav>${t('te.account.make')}</a></p></section>`;

/** Outlives the connection, which ends with the old password. */
const told = signal('');

function Account() {
  const task = useTask();
  const submit = async (/** @type {Event} */ e) => {
    const form = /** @type {HTMLFormElement} */ (e.target);
    const { old, password } = fields(e);
    told.value = '';
    if (!(await task.run(() => changePassword(old, password), ''))) return;
    told.value = t('te.password.done');
    form.reset();
    reconnect();
  };
  const out = () => task.run(leaveSeat, '');
  return html`<form class="card form" onSubmit=${submit}><h2>${t('te.account')}</h2>
    <div class="row wrap"><strong class="grow"><bdi>${me.value?.name}</bdi></strong>
      <button type="button" onClick=${out}>${t('te.out')}</button></div>
    <input hidden autocomplete="username" readonly value=${me.value?.name ?? ''} />
    <label>${t('te.password.old')}<input name="old" type="password" required autocomplete="current-password" maxlength="200" /></label>
    <${NewPassword} label=${t('te.password.new')} />
    <div class="row wrap"><button disabled=${task.busy}>${t('te.password.go')}</button><${Said} task=${{ ...task, good: told.value }} /></div>
  </form>`;
}

function Colleagues() {
  const task = useTask();
  const [list, setList] = useState(/** @type {lab.Colleague[]} */ ([]));
  const [code, setCode] = useState(/** @type {{code: string, expires_ms: number} | null} */ (null));
  const load = async () => setList(await colleagues());
  useEffect(() => void load().catch(() => {}), []);
  const make = () => task.run(async () => setCode(await invite('teacher')), '');
  const remove = (/** @type {string} */ name) =>
    task.run(async () => {
      await dismiss(name);
      await load();
    });
  return html`<section class="card form" aria-labelledby="te-who"><h2 id="te-who">${t('te.who')}</h2>
    <ul class="plain people">${list.map(
      (
        c,
      ) => html`<li class="row"><span class="grow"><bdi>${c.name}</bdi> <span class="hint small">${t(`te.role.${c.role}`)}</span></span>
        ${c.name !== me.value?.name && html`<${Sure} label=${t('te.remove')} sure=${t('te.remove.sure')} name=${c.name} run=${() => remove(c.name)} disabled=${task.busy} />`}</li>`,
    )}</ul>
    <p class="small">${t('te.who.why')}</p>
    <div class="row wrap"><button onClick=${make} disabled=${task.busy}>${t('te.who.code')}</button><${Said} task=${task} /></div>
    <p role="status">${code && html`${t('te.who.give')} <strong class="code">${code.code}</strong>`}</p>
  </section>`;
}
