// The teacher's pages: their size, their words, that they fit the content security policy, and what they decide.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import panelEn from '../i18n/en.js';
import moreEn from '../i18n/more/en.js';
import { look } from '../model.js';
import en from '../teacher/i18n/en.js';
import es from '../teacher/i18n/es.js';
import fr from '../teacher/i18n/fr.js';
import {
  ahead,
  answeredAs,
  busyFirst,
  limitRows,
  NONE,
  names,
  page,
  realName,
  shownName,
  stopped,
  troubled,
  widest,
  withLimit,
} from '../teacher/model.js';

const dir = new URL('../teacher/', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, dir), 'utf8');
const scripts = readdirSync(dir).filter((f) => f.endsWith('.js'));
const loaded = [...scripts.filter((f) => f !== 'gallery.js'), 'teacher.css'];
/** @type {Record<string, Record<string, string>>} */
const all = { en, fr, es };
const LIMIT = 25_000;

test('the teacher\u2019s pages are at most 25 kB gzip', () => {
  const size = (/** @type {string} */ f) => gzipSync(read(f), { level: 9 }).length;
  const sizes = loaded.map((f) => ({ f, n: size(f) }));
  const words = Math.max(...Object.keys(all).map((l) => size(`i18n/${l}.js`)));
  const total = sizes.reduce((sum, { n }) => sum + n, words);
  console.log(`teacher: ${total} bytes gzip in ${loaded.length + 1} files`);
  assert.ok(total <= LIMIT, `${total} > ${LIMIT}\n${sizes.map(({ f, n }) => `${n} ${f}`).join('\n')}`);
});

test('every language has every text, with the same arguments', () => {
  const holes = (/** @type {string} */ s) => (s.match(/\{\w+\}/g) ?? []).sort().join();
  for (const [name, words] of Object.entries(all)) {
    assert.deepEqual(Object.keys(words).sort(), Object.keys(en).sort(), name);
    for (const [key, text] of Object.entries(words)) {
      assert.ok(text.trim(), `${name} ${key}`);
      assert.equal(holes(text), holes(/** @type {any} */ (en)[key]), `${name} ${key}`);
    }
    const same = Object.keys(en).filter((k) => words[k] === /** @type {any} */ (en)[k]);
    if (name !== 'en') assert.ok(same.length < 6, `${name}: ${same}`);
  }
});

test('every word is used, and every word that is used exists', () => {
  const text = scripts.map(read).join('\n');
  const panel = { ...panelEn, ...moreEn };
  const known = { ...panel, ...en };
  for (const [, key] of text.matchAll(/\bt\(\s*'([\w.]+)'/g)) assert.ok(key in known, key);
  for (const [, key] of text.matchAll(/'(te\.[\w.]+)'/g)) assert.ok(key in en, key);
  const made = [...text.matchAll(/`(te\.[\w.]+\.)\$\{/g)].map((m) => m[1]);
  for (const key of Object.keys(en)) {
    assert.ok(!(key in panel), `${key} is the panel\u2019s own`);
    assert.ok(text.includes(`'${key}'`) || made.some((m) => key.startsWith(m)), `${key} is used nowhere`);
  }
});

test('fits the content security policy, stays on this host and below the base', () => {
  for (const f of scripts) {
    const text = read(f);
    assert.doesNotMatch(
      text,
      /\sstyle=|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bcssText\b|\beval\(/,
      f,
    );
    assert.doesNotMatch(text, /(href|src)=\\?["'`]\/|fetch\(["'`]\//, f);
    assert.doesNotMatch(text, /crypto\.subtle|randomUUID|serviceWorker|navigator\.clipboard/, f);
    if (f !== 'gallery.js') assert.doesNotMatch(text, /https?:\/\/[a-z0-9]/i, f);
    assert.ok(text.split('\n').length <= 400, f);
  }
  assert.doesNotMatch(read('teacher.css'), /@import|url\(/);
});

test('pasted names: any separator, each once, bounded', () => {
  assert.deepEqual(names(' Ana\nBō,  Chloé ;Ana\t\r\n\n'), ['Ana', 'Bō', 'Chloé']);
  assert.deepEqual(names('  Zo\u00eb   de  la Cruz '), ['Zo\u00eb de la Cruz']);
  assert.equal(names(Array.from({ length: 500 }, (_, i) => `n${i}`).join('\n')).length, 400);
  assert.equal(names('x'.repeat(90))[0].length, 40);
  assert.deepEqual(names(' ,;\n'), []);
});

test('names: the teacher sees the real one, the room the alias while names are hidden', () => {
  const seat = { seat: 's1', name: 'Ana', alias: 'Student 1', role: 'student', connected: true, joined_ms: 0 };
  const hidden = { ...NONE, open: true, hide_names: true, seats: [seat] };
  const ref = { id: 's1', name: 'Student 1' };
  assert.equal(realName(ref, hidden), 'Ana');
  assert.equal(shownName(ref, hidden), 'Student 1');
  // A lease that was taken before names were hidden still says the name.
  assert.equal(shownName({ id: 's1', name: 'Ana' }, hidden), 'Student 1');
  assert.equal(shownName({ id: 's1', name: 'Ana' }, { ...hidden, hide_names: false }), 'Ana');
  assert.equal(realName({ id: 'gone', name: 'Bo' }, hidden), 'Bo');
  assert.equal(realName(undefined, hidden), '');
});

/** @param {Partial<edge.Status>} more */
const status = (more) => /** @type {edge.Status} */ ({ device: 'd', state: 'live', safe: 'confirmed', ...more });
const open = { phase: /** @type {const} */ ('open'), ever: true };
const by = { by: { seat: 't', name: 'T', role: 'teacher', via: 'panel' }, wall_ms: 0 };

test('a stop counts as confirmed only while the device says so', () => {
  const asked = (/** @type {Partial<Stopping>} */ more) =>
    /** @type {Stopping} */ ({ phase: 'done', confirmed: false, ...more });
  const latched = (/** @type {string} */ safe) => status({ stopped: by, safe });
  assert.equal(stopped(asked({ phase: 'pending' }), status({})).how, 'sending');
  assert.equal(stopped(asked({ confirmed: true }), latched('confirmed')).how, 'yes');
  assert.equal(stopped(asked({ confirmed: true }), latched('unconfirmed')).how, 'not');
  assert.equal(stopped(asked({}), latched('pending')).how, 'sending');
  assert.equal(stopped(asked({}), latched('none')).how, 'not');
  // The safe state of before the stop says nothing.
  assert.deepEqual(stopped(asked({ phase: 'failed', code: 'no_answer' }), status({})), {
    how: 'not',
    code: 'no_answer',
  });
});

test('a row of all: NOT CONFIRMED is never taken for done', () => {
  const row = { device: 'd', ok: true };
  assert.equal(answeredAs(row).how, 'done');
  assert.equal(answeredAs({ ...row, confirmed: true }).how, 'yes');
  assert.equal(answeredAs({ ...row, confirmed: false }).how, 'not');
  assert.deepEqual(answeredAs({ ...row, ok: false, error: { code: 'too_many' } }), {
    id: 'd',
    how: 'no',
    code: 'too_many',
  });
});

test('who needs a look', () => {
  const of = (/** @type {edge.State} */ state) => troubled(look(status({ state }), open, false));
  assert.deepEqual(
    ['live', 'booting', 'absent', 'stale', 'fault', 'quarantined'].map((s) => of(/** @type {any} */ (s))),
    [false, false, true, true, true, true],
  );
  assert.ok(!troubled(look(status({ hold: by }), open, false)));
});

test('limits: what may be narrowed, and one change leaves the others', () => {
  const label = { en: 'x' };
  const param = { id: 'power', label, type: 'float', min: -40, max: 40, default: 0 };
  const channel = { id: 'angle', label, decimals: 1, scale: 1, offset: 0, format: 'f32' };
  const c = /** @type {edge.Contract} */ (
    /** @type {unknown} */ ({
      channels: [
        { ...channel, min: -180, max: 180 },
        { ...channel, id: 'free' },
      ],
      commands: [{ id: 'drive', label, params: [param, { ...param, id: 'mode', type: 'choice' }] }],
    })
  );
  const rows = limitRows(c, { 'drive.power': { min: -40, max: 40 } }, { 'drive.power': { min: -100, max: 100 } });
  assert.deepEqual(
    rows.map((r) => [r.key, r.min, r.max, r.narrowed, r.bench?.max]),
    [
      ['drive.power', -40, 40, true, 100],
      ['angle', -180, 180, false, undefined],
    ],
  );
  // The narrow contract may come before the status that says why.
  const seen = widest({ 'drive.power': { min: -100, max: 100 } }, limitRows(c, {}, {}));
  assert.deepEqual(seen['drive.power'], { min: -100, max: 100 });
  assert.deepEqual(widest({}, rows), { angle: { min: -180, max: 180 } });
  const was = { a: { min: 1 }, b: { max: 2 } };
  assert.deepEqual(withLimit(was, 'c', { min: 0, max: 1 }), { ...was, c: { min: 0, max: 1 } });
  assert.deepEqual(withLimit(was, 'a', null), { b: { max: 2 } });
  assert.deepEqual(withLimit(undefined, 'a', null), {});
});

test('the box\u2019s clock is judged at the middle of the question', () => {
  assert.equal(ahead(10_000, 4000, 5000), 5500);
  assert.equal(ahead(1000, 4000, 5000), -3500);
});

test('the projector: who waits or drives first, pages go round', () => {
  const rows = ['', 'Ana', '', 'Bo'].map((driver, i) => ({ driver, next: i === 2 ? 'Cy' : '', i }));
  assert.deepEqual(
    busyFirst(rows).map((r) => r.i),
    [1, 2, 3, 0],
  );
  assert.deepEqual(page([1, 2, 3, 4, 5], 2, 0), { rows: [1, 2], at: 0, pages: 3 });
  assert.deepEqual(page([1, 2, 3, 4, 5], 2, 5), { rows: [5], at: 2, pages: 3 });
  assert.deepEqual(page([], 2, 3), { rows: [], at: 0, pages: 1 });
});
