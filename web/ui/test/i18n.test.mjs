import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import firstEn from '../i18n/en.js';
import firstEs from '../i18n/es.js';
import firstFr from '../i18n/fr.js';
import moreEn from '../i18n/more/en.js';
import moreEs from '../i18n/more/es.js';
import moreFr from '../i18n/more/fr.js';
import { age, bytes, clock, errorText, fill, hintText, label, num, pickLang, setLang, t } from '../i18n.js';
import { moreWords } from '../later.js';

/** @type {Catalogue} */
const en = { ...firstEn, ...moreEn };
/** @type {Record<string, Catalogue>} */
const all = { en, fr: { ...firstFr, ...moreFr }, es: { ...firstEs, ...moreEs } };
const ui = new URL('../', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, ui), 'utf8');
const holes = (/** @type {string} */ s) => (s.match(/\{\w+\}/g) ?? []).sort().join();

test('every language has every text, with the same arguments', () => {
  for (const [name, words] of Object.entries(all)) {
    assert.deepEqual(Object.keys(words).sort(), Object.keys(en).sort(), name);
    assert.equal(Object.keys(words).length, Object.keys(firstEn).length + Object.keys(moreEn).length, 'none twice');
    for (const [key, text] of Object.entries(words)) {
      assert.ok(text.trim(), `${name} ${key}`);
      assert.equal(holes(text), holes(en[key]), `${name} ${key}`);
    }
  }
});

test('translations are translations', () => {
  for (const name of ['fr', 'es']) {
    const same = Object.keys(en).filter((k) => all[name][k] === en[k] && k !== 'plot.now');
    assert.ok(same.length < 10, `${name}: ${same}`);
  }
});

test('every key that the panel uses exists', () => {
  const files = readdirSync(ui).filter((f) => f.endsWith('.js') && f !== 'gallery.js');
  const page = read('index.html');
  let found = 0;
  for (const f of files) {
    // What is loaded first finds its words in what is loaded first.
    const words = f === 'app.js' || page.includes(`"${f}"`) ? firstEn : en;
    for (const [, key] of read(f).matchAll(/\bt\(\s*'([\w.]+)'/g)) {
      assert.ok(key in words, `${f}: ${key}`);
      found++;
    }
  }
  assert.ok(found > 60);
});

test('what happens to a turn has words of its own', () => {
  const go = ['control.go', 'turns.go', 'turns_verbs.go'].map((f) => read(`../../devices/${f}`)).join('');
  const whats = [...go.matchAll(/(?:endedLocked\(|grantedLocked\(a, &info, |"lease", .*"what": )"([^"]+)"/g)].map(
    (m) => m[1],
  );
  assert.ok(whats.length > 8);
  for (const w of [...whats, 'paired', 'unpaired', 'expired.turn', 'expired.idle'])
    assert.ok(`event.lease.${w}` in en, w);
});

test('every error code and state of the box has words', () => {
  const codes = [...read('../../edge/errors.go').matchAll(/^\s+Code\w+\s+Code = "(\w+)"/gm)].map((m) => m[1]);
  assert.ok(codes.length > 30);
  // These end labbox before it listens, or mean that this very panel is wrong: English will do.
  const never = ['bad_config', 'data_locked', 'unknown_op', 'unknown_channel'];
  for (const c of [...codes.filter((x) => !never.includes(x)), 'lost', 'timeout', 'offline'])
    assert.ok(`err.${c}` in en, c);
  const states = [...read('../../edge/status.go').matchAll(/State = "(\w+)"/g)].map((m) => m[1]);
  assert.equal(states.length, 9);
  for (const s of states) {
    assert.ok(`state.${s}` in en, s);
    if (s !== 'live') assert.ok(`about.${s}` in en, s);
  }
  for (const b of ['offline', 'no_seat', 'stopped', 'state', 'stale', 'free', 'taken'])
    assert.ok(`block.${b}` in en, b);
  for (const p of ['owner', 'broker', 'store']) assert.ok(`part.${p}` in en && `works.${p}` in en, p);
  for (const o of ['pending', 'confirmed', 'sent', 'refused', 'unknown']) assert.ok(`outcome.${o}` in en, o);
});

test('arguments, optional parts, hints', async () => {
  await setLang('en');
  assert.equal(errorText({ code: 'lease_taken', message: 'as the box says' }), 'as the box says', 'not loaded yet');
  await moreWords();
  assert.equal(fill('Outside[ {min} to {max}][ {unit}].', { min: -1.5, max: 2 }), 'Outside \u22121.5 to 2.');
  assert.equal(fill('Outside[ {min} to {max}][ {unit}].', {}), 'Outside.');
  assert.equal(t('err.lease_taken', { holder: 'Bo' }), 'Somebody else is driving: Bo.');
  assert.equal(
    t('err.lease_taken', { holder: '\u05d3\u05e0\u05d4' }),
    'Somebody else is driving: \u2068\u05d3\u05e0\u05d4\u2069.',
  );
  assert.equal(errorText({ code: 'never_heard', message: 'as the box says' }), 'as the box says');
  assert.equal(hintText({ code: 'never_heard', hint: 'try it' }), 'try it');
});

test('numbers, ages and clocks in the language', async () => {
  await setLang('fr');
  assert.equal(num(-1.25, 1), '\u22121,3');
  assert.equal(age(3210), '3,2 s');
  assert.equal(label({ en: 'Angle', fr: 'Angle (fr)' }), 'Angle (fr)');
  await setLang('en');
  assert.equal(num(-0.001, 1), '0.0');
  assert.equal(num(Number.NaN, 2), '–');
  assert.equal(num(0.1 + 0.2, 2), '0.30');
  assert.equal(age(Number.POSITIVE_INFINITY), '–');
  assert.equal(age(75_000), '75 s');
  assert.equal(clock(3_723_000), '1:02:03');
  assert.equal(clock(7_900), '0:07');
  assert.equal(bytes(1_234_567), '1.2 MB');
  assert.equal(label({ xx: 'only' }), 'only');
  assert.equal(label(undefined, 'id'), 'id');
});

test('the browser\u2019s wish is followed where we can', () => {
  assert.equal(pickLang(['de-DE', 'es-MX', 'en']), 'es');
  assert.equal(pickLang(['de']), 'en');
});
