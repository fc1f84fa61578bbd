import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { boxTime, cameras, judge, showing } from '../cameras.js';
import moreEn from '../i18n/more/en.js';

/** @param {Partial<edge.Camera>} more @returns {edge.Camera} */
const camera = (more) => ({ id: 'a', name: 'A', source: 'usb', state: 'live', since_ms: 0, now_ms: 0, ...more });

test('a camera shows its devices, or all', () => {
  const list = [camera({}), camera({ id: 'b', devices: ['p1'] }), camera({ id: 'c', devices: [] })];
  const ids = (/** @type {string} */ d) => showing(d, list).map((c) => c.id);
  assert.deepEqual(ids('p1'), ['a', 'b', 'c']);
  assert.deepEqual(ids('p2'), ['a', 'c']);
  assert.deepEqual(showing('p1'), [], 'not known yet');
});

test('what is old is never called live, whatever the box says', () => {
  const at = (/** @type {Partial<edge.Camera>} */ c, /** @type {number} */ age, hz = 15, open = true) =>
    judge(camera(c), age, hz, open);
  assert.equal(at({}, 200), 'live');
  assert.equal(at({}, 3001), 'old');
  assert.equal(at({}, 3001, 0.5), 'live', 'one in two seconds');
  assert.equal(at({}, 6001, 0.5), 'old');
  assert.equal(at({}, 200, 15, false), 'old', 'the box is not there');
  assert.equal(at({}, Infinity), 'starting');
  assert.equal(at({ state: 'idle' }, Infinity), 'starting');
  assert.equal(at({ state: 'starting' }, 9000), 'old');
  assert.equal(at({ state: 'lost' }, 9000), 'lost');
  assert.equal(at({ state: 'lost' }, Infinity), 'lost');
  assert.equal(at({ state: 'lost' }, 100), 'live', 'the list is older than the picture');
  for (const age of [0, 9000, Infinity]) assert.equal(at({ state: 'covered' }, age), 'covered');
});

test('the box’s time goes on between two lists', () => {
  cameras.value = { list: [], at: 500 };
  assert.equal(boxTime(camera({ now_ms: 90_000 }), 1700), 91_200);
});

test('every state and every reason has words', () => {
  const root = new URL('../../../', import.meta.url);
  const go = readFileSync(new URL('devices/camera/source/source.go', root), 'utf8');
  const whys = [...go.matchAll(/Why\s+= "(\w+)"/g)].map((m) => m[1]).filter((w) => w !== 'starting');
  assert.ok(whys.length >= 10);
  for (const w of whys) assert.ok(`cam.why.${w}` in moreEn, w);
  for (const s of ['covered', 'lost', 'starting', 'old', 'live']) assert.ok(`cam.${s}` in moreEn, s);
});
