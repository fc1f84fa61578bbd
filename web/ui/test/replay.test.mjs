import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, pendulum } from '../fixtures.js';
import { parseFrames } from '../frame.js';
import { told } from '../model.js';
import { happened, moved, Newest, nearQuery, newestAt, sampleQuery, spanOf, streamOf, valueAt } from '../replay.js';
import { encode, runDetail } from '../scenes.js';

const detail = runDetail();
const frames = () =>
  [frame(pendulum, 0, 2000), frame(pendulum, 2300, 4000, 300)].flatMap((f) => parseFrames(encode(f, 10)));
const stream = () => streamOf(detail, pendulum, frames());

test('samples lie in the run’s time, and every value is that of its moment', () => {
  const s = stream();
  assert.equal(s.ring.count, 3700, 'nothing is forgotten');
  assert.deepEqual(spanOf(detail, s), [-5000, 35_000]);
  for (const i of [0, 1, 777, 1999, 2300, 3999]) {
    const want = frame(pendulum, i, i + 1).channels[0].values[0];
    const got = valueAt(s, 0, -5000 + i * 10);
    assert.ok(Math.abs(got - want) < 0.02, `${i}: ${got}, want ${want}`);
    const exact = Number(s.exact?.(0, Number(s.zero) - 5000 + i * 10));
    assert.ok(Math.abs(exact - want) < 0.02);
  }
  assert.ok(Number.isNaN(valueAt(s, 0, 16_500)), 'a gap has no value');
  assert.ok(Number.isNaN(valueAt(s, 0, -6000)), 'before the first');
  assert.ok(Number.isFinite(valueAt(s, 0, 99_000)), 'the last one stands');
});

test('a channel with values in some samples only keeps the last one', () => {
  const contract = structuredClone(pendulum);
  contract.channels[1].spread = true;
  const f = frame(contract, 0, 10);
  f.channels[1].values.fill(Number.NaN, 3);
  const s = streamOf({ ...detail, first_ms: 0 }, contract, [f]);
  assert.equal(valueAt(s, 1, 90), f.channels[1].values[2]);
});

test('a run of any length comes at a size that a phone can hold', () => {
  const of = (/** @type {number} */ samples, /** @type {number} */ seconds) =>
    sampleQuery({ ...detail, run: { ...detail.run, samples, length_ms: seconds * 1000 }, pre_trigger_ms: 0 });
  assert.equal(of(20_000, 200), '');
  assert.equal(of(360_000, 3600), '?max_hz=0.556');
  assert.equal(of(9e9, 90_000_000), '?max_hz=0.100');
  assert.equal(of(50_000, 0), '?max_hz=1000.000');
  const empty = streamOf(detail, pendulum, []);
  assert.deepEqual(spanOf({ ...detail, pictures: [] }, empty), [0, 35_000]);
  assert.ok(Number.isNaN(valueAt(empty, 0, 0)));
});

test('a part of a long run has the values as recorded, in the time of the whole', () => {
  assert.equal(nearQuery(detail, 8000), '', 'a short one has them');
  const long = { ...detail, run: { ...detail.run, samples: 360_000 } };
  assert.equal(nearQuery(long, 8000), '?zero=start&t=3000&len=7000');
  assert.equal(nearQuery(long, -1), '?zero=start&t=-7000&len=7000');
  const part = streamOf(long, pendulum, parseFrames(encode(frame(pendulum, 800, 1500), 10)), stream().zero);
  const want = frame(pendulum, 1300, 1301).channels[0].values[0];
  assert.ok(Math.abs(valueAt(part, 0, 8000) - want) < 0.02);
});

test('the newest picture at or before a moment', () => {
  const times = [3000, 3500, 9000];
  for (const [t, want] of [
    [2999, -1],
    [3000, 0],
    [3499, 0],
    [3500, 1],
    [8999, 1],
    [9e9, 2],
  ])
    assert.equal(newestAt(times, t), want, `${t}`);
  assert.equal(newestAt([], 5), -1);
});

test('keys: one picture or a part of the length, ten seconds, the ends', () => {
  const times = [3000, 3500, 9000];
  /** @type {[number, number]} */
  const span = [-5000, 35_000];
  const to = (/** @type {string} */ k, /** @type {number} */ at, list = times) => moved(k, at, span, list);
  assert.equal(to('ArrowRight', 0), 3000);
  assert.equal(to('ArrowRight', 3000), 3500);
  assert.equal(to('ArrowUp', 9000), 9200, 'after the last: a part of the length');
  assert.equal(to('ArrowLeft', 9100), 9000);
  assert.equal(to('ArrowLeft', 9000), 3500);
  assert.equal(to('ArrowDown', 3000), 2800);
  assert.equal(to('ArrowRight', 100, []), 300);
  assert.equal(to('ArrowRight', 34_900, []), 35_000);
  assert.equal(to('PageUp', 1000), 11_000);
  assert.equal(to('PageDown', 1000), -5000);
  assert.equal(to('Home', 1000), -5000);
  assert.equal(to('End', 1000), 35_000);
  assert.equal(to('Tab', 1000), null);
});

test('notes and events stand in one list, each once', () => {
  const e = (/** @type {number} */ time_ms, /** @type {string} */ code, /** @type {any} */ args = {}) => ({
    time_ms,
    event: { box: '', device: 'p', seq: time_ms, mono_us: time_ms, wall_ms: time_ms, code, args },
  });
  const list = happened(
    {
      ...detail,
      annotations: [{ time_ms: 20, text: 'here', by: { id: 'a', name: 'A' } }],
      events: [
        e(10, 'run'),
        e(20, 'note', { text: 'here' }),
        e(30, 'state', { state: 'booting' }),
        e(40, 'state', { state: 'live' }),
      ],
    },
    told,
  );
  assert.deepEqual(
    list.map((x) => [x.t, x.note?.text ?? x.event?.code]),
    [
      [10, 'run'],
      [20, 'here'],
      [40, 'state'],
    ],
  );
});

test('pictures: one request at a time, and the newest wish is the next', async () => {
  /** @type {{key: string, ok: (v: string) => void, no: (e: Error) => void}[]} */
  const asked = [];
  /** @type {string[]} */
  const shown = [];
  const turns = async () => {
    for (let i = 0; i < 5; i++) await new Promise((ok) => setImmediate(ok));
  };
  const n = new Newest(
    (key) => new Promise((ok, no) => asked.push({ key, ok, no })),
    (key, got, bad) => shown.push(`${key} ${got} ${bad?.message ?? ''}`.trim()),
  );
  for (const k of ['a', 'b', 'c']) n.want(k);
  assert.deepEqual(
    asked.map((a) => a.key),
    ['a'],
  );
  asked[0].ok('A');
  await turns();
  assert.deepEqual(
    asked.map((a) => a.key),
    ['a', 'c'],
  );
  asked[1].no(new Error('gone'));
  await turns();
  assert.deepEqual(shown, ['a A', 'c null gone']);
  n.want('c');
  await turns();
  assert.equal(asked.length, 2, 'the same one is not asked for again');
  n.want('');
  n.want('a');
  await turns();
  assert.equal(asked.length, 3);
});
