// The class: opening it, how to join, the door, what students may do, a message, who is in it, closing it.

import { stoppable } from '../estop.js';
import { label, t } from '../i18n.js';
import { html, useEffect, useRef, useState } from '../lib.js';
import { devices } from '../state.js';
import {
  Check,
  changeClass,
  closeClass,
  cls,
  fields,
  granted,
  known,
  openClass,
  removeSeat,
  renameSeat,
  Said,
  Sure,
  useTask,
} from './kit.js';
import { names } from './model.js';
import { RulesForm } from './room.js';

/** @type {(keyof lab.May)[]} */
const MAY = ['drive', 'record', 'experiment', 'rehearse'];

export function ClassPage() {
  if (!known.value) return html`<p class="loading">${t('loading')}</p>`;
  return cls.value.open ? html`<${Open} />` : html`<${NewClass} />`;
}

function NewClass() {
  const task = useTask();
  const [roster, setRoster] = useState('');
  const list = names(roster);
  const submit = (/** @type {Event} */ e) => {
    const f = fields(e);
    const may = Object.fromEntries(MAY.map((m) => [m, `may-${m}` in f]));
    const hide_names = 'hide' in f;
    task.run(() =>
      openClass({
        title: f.title.trim(),
        alias: t('te.alias'),
        may,
        hide_names,
        ...(list.length ? { roster: list } : {}),
      }),
    );
  };
  return html`<form class="card narrow form" onSubmit=${submit} aria-labelledby="te-new">
    <h1 id="te-new">${t('te.new')}</h1>
    <p>${t('te.new.why')}</p>
    <label>${t('te.class.title')}<input name="title" maxlength="80" required /></label>
    <label>${t('te.roster')}<textarea name="roster" rows="4" aria-describedby="te-roster" value=${roster}
      onInput=${(/** @type {any} */ e) => setRoster(e.target.value)}></textarea></label>
    <p class="small" id="te-roster" role="status">${list.length ? t('te.roster.n', { n: list.length }) : t('te.roster.why')}</p>
    <fieldset><legend>${t('te.may')}</legend>
      ${MAY.map((m) => html`<label class="check"><input type="checkbox" name=${`may-${m}`} defaultChecked /><span>${t(`te.may.${m}`)}</span></label>`)}
      <p class="small">${t('te.may.stop')}</p></fieldset>
    <label class="check"><input type="checkbox" name="hide" /><span>${t('te.hide.names')} <span class="hint">${t('te.hide.why')}</span></span></label>
    <div class="row wrap"><button class="primary big" disabled=${task.busy}>${t('te.new.go')}</button><${Said} task=${task} /></div>
  </form>`;
}

function Open() {
  const c = cls.value;
  return html`<h1><bdi>${c.title || t('class')}</bdi></h1>
    <div class="halves"><div><${JoinCard} />
      <section class="card form"><h2>${t('te.rules.all')}</h2>
        <${RulesForm} id="all" rules=${c.rules} save=${(/** @type {edge.TurnRules} */ rules) => changeClass({ rules })} /></section></div>
      <${Settings} /></div>
    <${Seats} />
    <${Close} />`;
}

/** The code in two halves, as people read it out.  @param {string} code */
export const spaced = (code) => (code.length === 6 ? `${code.slice(0, 3)} ${code.slice(3)}` : code);

/** The picture changes with the code, not otherwise.  @param {{code: string}} p */
export const QR = ({ code }) =>
  html`<img class="qr" src=${`api/v1/class/qr.svg?${code}`} alt=${t('te.qr')} width="240" height="240" />`;

/** An address as people type it, broken where one may take a breath.  @param {{url: string}} p */
export function Address({ url }) {
  const [host, ...path] = url.replace(/^http:\/\//, '').split(/(?=\/)/);
  return html`<span>${host}<wbr />${path.join('')}</span>`;
}

/** Joined, and connected of them.  @param {lab.Class} c */
export const counted = (c) => ({
  n: c.seats.filter((s) => s.role === 'student' || s.role === 'observer').length,
  here: c.seats.filter((s) => s.connected && (s.role === 'student' || s.role === 'observer')).length,
});

function JoinCard() {
  const c = cls.value;
  const task = useTask();
  const lock = () => task.run(() => changeClass({ locked: !c.locked }));
  const fresh = () => task.run(() => changeClass({ new_code: true }), t('te.code.new.done'));
  return html`<section class="card form join" aria-labelledby="te-join"><h2 id="te-join">${t('te.join')}</h2>
    <div class="codes"><${QR} code=${c.code} />
      <div class="form"><p class="bigcode" aria-label=${[...c.code].join(' ')}>${spaced(c.code)}</p>
        <p>${t('te.join.how')} <strong class="url"><${Address} url=${c.url} /></strong></p>
        <p class="num count" role="status">${t('te.count', counted(c))}</p>
        <p><strong class=${c.locked ? 'flag' : 'flag good'}>${t(c.locked ? 'te.door.locked' : 'te.door.open')}</strong></p></div></div>
    <div class="row wrap">
      <button onClick=${lock} disabled=${task.busy} aria-pressed=${c.locked}>${t(c.locked ? 'te.unlock' : 'te.lock')}</button>
      <button onClick=${fresh} disabled=${task.busy}>${t('te.code.new')}</button>
      <a class="button" href="projector" target="_blank">${t('te.projector')}</a><${Said} task=${task} />
    </div>
  </section>`;
}

function Settings() {
  const c = cls.value;
  const task = useTask();
  const say = async (/** @type {Event} */ e) => {
    const { message } = fields(e);
    await task.run(() => changeClass({ message: message.trim() }));
  };
  const set = (/** @type {object} */ change) => task.run(() => changeClass(change));
  return html`<section class="card form" aria-labelledby="te-set"><h2 id="te-set">${t('te.set')}</h2>
    <form class="form" onSubmit=${say}>
      <label>${t('te.message')}<textarea name="message" rows="2" maxlength="500" defaultValue=${c.message ?? ''}></textarea></label>
      <div class="row wrap"><button disabled=${task.busy}>${t('te.say')}</button>
        ${c.message && html`<button type="button" onClick=${() => set({ message: '' })}>${t('te.unsay')}</button>`}</div>
    </form>
    <fieldset><legend>${t('te.may')}</legend>${MAY.map(
      (m) => html`<${Check} label=${t(`te.may.${m}`)} checked=${c.may[m]}
        set=${(/** @type {boolean} */ on) => set({ may: { ...c.may, [m]: on } })} />`,
    )}</fieldset>
    <${Check} label=${t('te.hide.names')} hint=${t('te.hide.why')} checked=${c.hide_names}
      set=${(/** @type {boolean} */ on) => set({ hide_names: on })} />
    <${Said} task=${task} />
  </section>`;
}

function Close() {
  const ref = useRef(/** @type {any} */ (null));
  const task = useTask();
  const [open, setOpen] = useState(false);
  useEffect(() => {
    if (open && !ref.current.open) ref.current.showModal();
    if (!open && ref.current.open) ref.current.close();
  }, [open]);
  const close = async (/** @type {Event} */ e) => {
    e.preventDefault();
    if (await task.run(closeClass, '')) setOpen(false);
  };
  return html`<section class="card form"><h2>${t('te.close')}</h2>
      <div class="row"><button class="danger" onClick=${() => setOpen(true)}>${t('te.close.ask')}</button></div></section>
    <dialog ref=${ref} class="ask" onClose=${() => setOpen(false)} aria-labelledby="te-sure"><form onSubmit=${close}>
      <h2 id="te-sure">${t('te.close.sure')}</h2>
      <p>${t('te.close.what', counted(cls.value))}</p>
      <${Said} task=${task} />
      <div class="row end wrap"><button type="button" autofocus onClick=${() => setOpen(false)}>${t('cancel')}</button>
        <button class="danger" disabled=${task.busy}>${t('te.close.go')}</button></div>
    </form></dialog>`;
}

/** @typedef {ReturnType<typeof useTask>} Task */

export function Seats() {
  const c = cls.value;
  const task = useTask();
  const [renaming, setRenaming] = useState('');
  const list = [...c.seats].sort((a, b) => a.name.localeCompare(b.name));
  return html`<section class="card form" aria-labelledby="te-seats"><div class="row wrap"><h2 id="te-seats">${t('te.seats')}</h2><${Said} task=${task} /></div>
    ${list.length === 0 && html`<p class="hint">${t('te.seats.none')}</p>`}
    <ul class="plain people">${list.map(
      (s) => html`<${Seat} key=${s.seat} s=${s} task=${task} renaming=${renaming === s.seat}
        rename=${(/** @type {boolean} */ on) => setRenaming(on ? s.seat : '')} />`,
    )}</ul>
  </section>`;
}

/** @param {{s: lab.Seat, task: Task, renaming: boolean, rename: (on: boolean) => void}} p */
function Seat({ s, task, renaming, rename }) {
  const student = s.role === 'student' || s.role === 'observer';
  const here = t(s.connected ? 'te.seat.here' : 'te.seat.gone');
  return html`<li class="row wrap"><span class=${s.connected ? 'here on' : 'here'} aria-hidden="true"></span>
    <div class="grow">${
      renaming
        ? html`<${Rename} s=${s} task=${task} done=${() => rename(false)} />`
        : html`<strong><bdi>${s.name}</bdi></strong>${cls.value.hide_names && s.alias && html` <span class="hint">(${t('te.seat.alias', { name: s.alias })})</span>`}`
    }<p class="small">${here}${!student && html` · ${t(`te.role.${s.role}`)}`}</p></div>
    ${student && html`<${Give} s=${s} task=${task} />`}
    ${
      student &&
      !renaming &&
      html`<button onClick=${() => rename(true)} aria-label=${`${t('te.rename')}: ${s.name}`}>${t('te.rename')}</button>`
    }
    ${
      student &&
      html`<${Sure} label=${t('te.remove')} sure=${t('te.remove.sure')} name=${s.name} disabled=${task.busy}
        run=${() => task.run(() => removeSeat(s.seat), t('te.removed', { name: s.name }))} />`
    }
  </li>`;
}

/** @param {{s: lab.Seat, task: Task, done: () => void}} p */
function Rename({ s, task, done }) {
  const submit = async (/** @type {any} */ e) => {
    e.preventDefault();
    const name = String(new FormData(e.target).get('name')).trim();
    if (name && (await task.run(() => renameSeat(s.seat, name)))) done();
  };
  return html`<form class="row wrap" onSubmit=${submit}>
    <input class="short" name="name" maxlength="40" required defaultValue=${s.name} aria-label=${`${t('te.rename')}: ${s.name}`} ref=${focus} />
    <button class="primary" disabled=${task.busy}>${t('te.save')}</button>
    <button type="button" onClick=${done}>${t('cancel')}</button></form>`;
}

/** When it appears.  @param {HTMLInputElement | null} el */
function focus(el) {
  el?.focus();
  el?.select();
}

/** @param {{s: lab.Seat, task: Task}} p */
function Give({ s, task }) {
  const list = stoppable(devices.value).filter((d) => !d.status.value.rehearsal);
  const give = (/** @type {any} */ e) => {
    const d = list.find((x) => x.id === e.target.value);
    e.target.value = '';
    if (d) task.run(() => granted(d, s.seat), t('te.given', { name: s.name, device: d.status.value.name || d.id }));
  };
  const title = t('te.give');
  return html`<label class="pick"><span class="sr">${`${title}: ${s.name}`}</span>
    <select onChange=${give} disabled=${task.busy}><option value="">${title}</option>
      ${list.map((d) => html`<option value=${d.id}>${d.status.value.name || label(d.contract.value?.label, d.id)}</option>`)}</select></label>`;
}
