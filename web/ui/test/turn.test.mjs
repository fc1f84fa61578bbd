import assert from 'node:assert/strict';
import { test } from 'node:test';
import { madeUp, pendulum, status } from '../fixtures.js';
import { comings } from '../history.js';
import { cleanCode } from '../join.js';
import { leftOf, placeOf } from '../model.js';
import { Buckets, Ring } from '../ring.js';
import { calls, devices, link, me, push, stage } from '../state.js';
import { apply, keptText } from '../wait.js';
import { points } from '../xy.js';

const ana = { id: 'ana', name: 'Ana' };
const bo = { id: 'bo', name: 'Bo' };
const wait = (/** @type {edge.SeatRef} */ seat) => ({ seat, expect_ms: -1 });
const lease = (/** @type {edge.SeatRef} */ holder) => ({ holder, fence: 1, since_ms: 0 });

test('a turn that comes to who waited is told, one that was taken is not', () => {
  me.value = { seat: 'ana', name: 'Ana', role: 'student' };
  const d = madeUp(pendulum, status({}), { seconds: 0 });
  devices.value = [d];
  const says = (/** @type {Partial<edge.Status>} */ s) => push({ op: 'state', status: status(s) });
  says({ lease: lease(bo), queue: [wait(ana)] });
  assert.equal(placeOf(d.status.value, me.value), 1);
  says({ lease: lease(ana) });
  assert.deepEqual(calls.value, ['pendulum']);
  says({ lease: lease(ana), run: 'r' });
  assert.deepEqual(calls.value, ['pendulum'], 'once');
  says({ lease: lease(bo) });
  assert.deepEqual(calls.value, [], 'it is over');
  d.took = Date.now();
  says({ lease: lease(ana) });
  assert.deepEqual(calls.value, []);
});

test('a partner drives too, a seat that is not in the queue has no place', () => {
  const you = { seat: 'ana', name: 'Ana', role: 'student' };
  assert.equal(placeOf(status({ queue: [wait(bo)] }), you), 0);
  assert.equal(placeOf(status({ queue: [wait(bo), wait(ana)] }), you), 2);
  assert.equal(placeOf(status({ queue: [wait(bo)] }), null), 0);
});

test('what is left of a turn runs on between two words of the owner, never below nothing', () => {
  const d = madeUp(null, status({ lease: { ...lease(bo), left_ms: 5000 } }));
  assert.equal(leftOf(d, d.heard + 2000), 3000);
  assert.equal(leftOf(d, d.heard + 60_000), 1);
  d.status.value = status({ lease: lease(bo) });
  assert.equal(leftOf(d), 0);
});

test('a rehearsal that is over leaves the list', () => {
  const d = madeUp(pendulum, status({}), { seconds: 0 });
  const of = { of: 'pendulum', seat: 'ana' };
  devices.value = [d];
  push({ op: 'state', status: status({ device: 'twin', rehearsal: of }) });
  assert.deepEqual(
    devices.value.map((x) => x.id),
    ['pendulum', 'twin'],
  );
  push({ op: 'state', status: status({ device: 'twin', rehearsal: { ...of, over: true } }) });
  assert.deepEqual(devices.value, [d]);
});

test('values are kept in the order in which they were first kept', () => {
  const d = madeUp(pendulum, status({}), { seconds: 0 });
  stage(d, 'drive', { power: 1 });
  stage(d, 'mode', { to: 'running' });
  stage(d, 'drive', { power: -2.5 });
  assert.deepEqual(
    d.staged.value.map((x) =>
      keptText(
        pendulum.commands.find((c) => c.id === x.id),
        x,
      ),
    ),
    ['Drive the motor \u22122.5 %', 'Mode Running'],
  );
  stage(d, 'drive');
  assert.deepEqual(
    d.staged.value.map((x) => x.id),
    ['mode'],
  );
});

test('nothing of what is kept is sent where nothing may be sent', async () => {
  link.value = { phase: 'open', ever: true };
  const d = madeUp(pendulum, status({ lease: lease(bo) }), { seconds: 0 });
  stage(d, 'drive', { power: 1 });
  stage(d, 'mode', { to: 'running' });
  await apply(d);
  assert.deepEqual(
    d.staged.value.map((x) => x.phase),
    ['skipped', 'skipped'],
  );
  assert.deepEqual(d.outcomes.value, {});
});

test('after the first that is not known to be done nothing more is sent', async () => {
  link.value = { phase: 'open', ever: true };
  me.value = { seat: 'ana', name: 'Ana', role: 'student' };
  const d = madeUp(pendulum, status({ lease: lease(ana) }), { seconds: 1 });
  stage(d, 'drive', { power: 1 });
  stage(d, 'mode', { to: 'running' });
  await apply(d); // there is no connection: the first one fails
  assert.notEqual(d.staged.value[0].phase, 'confirmed');
  assert.equal(d.staged.value[1].phase, 'skipped');
  assert.equal(d.outcomes.value.mode, undefined);
});

test('a code is read as it is meant', () => {
  assert.equal(cleanCode(' b7k-2 mz'), 'B7K2MZ');
  assert.equal(cleanCode('<b>'), 'B');
});

test('coming and going; a safe sequence between two turns is neither', () => {
  const list = ['opening', 'booting', 'live', 'safing', 'live', 'absent', 'opening', 'live'].map((state, i) => ({
    box: '',
    device: '',
    seq: i,
    mono_us: i,
    wall_ms: i,
    code: 'state',
    args: { state },
  }));
  assert.deepEqual(
    comings(list.reverse()).map(({ e, up }) => `${e.seq} ${up}`),
    ['0 false', '2 true', '5 false', '7 true'],
  );
});

test('an earlier stretch can be shown, and what is frozen is not written over', () => {
  const ring = new Ring([false], 1024);
  for (let i = 0; i < 200; i++) ring.push(i * 10, [i]);
  const b = new Buckets([0]);
  b.reset(10, 50);
  b.update(ring, 1000);
  assert.deepEqual(b.extent(0, 1000, 500), [50, 100]);
  b.fill(1000, 500);
  assert.equal(b.xs[b.n - 1], 0);
  assert.equal(b.ys[0][b.n - 1], 100);
});

test('X-Y: every point of the time, a break at a gap', () => {
  const ring = new Ring([false, false], 64);
  for (let i = 0; i < 20; i++) {
    if (i === 10) ring.gap(90, 200, 3, 'lost');
    ring.push(i < 10 ? i * 10 : 100 + i * 10, [i, -i]);
  }
  /** @type {string[]} */
  const got = [];
  points(ring, 0, 1, 70, 220, (x, y, cut) => got.push(`${x},${y}${cut ? ' cut' : ''}`));
  assert.deepEqual(got, ['7,-7 cut', '8,-8', '9,-9', '10,-10 cut', '11,-11', '12,-12']);
});
