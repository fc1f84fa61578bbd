import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frame, thermometer } from '../fixtures.js';
import { LOST_UNKNOWN } from '../frame.js';
import { Stream } from '../stream.js';

const fresh = () => new Stream(thermometer, [0, 1]);

test('frames in order make no gap', () => {
  const s = fresh();
  for (let i = 0; i < 10; i++) s.take(frame(thermometer, i * 10, i * 10 + 10), i * 1000);
  assert.equal(s.ring.count, 100);
  assert.deepEqual(s.ring.gaps, []);
  assert.deepEqual(s.since, { epoch: 1, seq: 99 });
});

test('a jump of numbers is a gap with its size', () => {
  const s = fresh();
  s.take(frame(thermometer, 0, 10), 0);
  s.take(frame(thermometer, 25, 30), 1);
  assert.equal(s.ring.gaps.length, 1);
  assert.equal(s.ring.gaps[0].lost, 15);
  assert.equal(s.ring.gaps[0].from, 900);
  assert.equal(s.ring.gaps[0].to, 2500);
});

test('what came twice after a resume is taken once', () => {
  const s = fresh();
  s.take(frame(thermometer, 0, 10), 0);
  s.take(frame(thermometer, 0, 10), 1);
  s.take(frame(thermometer, 5, 20), 2);
  assert.equal(s.ring.count, 20);
  assert.deepEqual(s.ring.gaps, []);
});

test('a declared loss of unknown size stays unknown', () => {
  const s = fresh();
  s.take(frame(thermometer, 0, 10), 0);
  s.take(frame(thermometer, 10, 20, LOST_UNKNOWN), 0);
  assert.equal(s.ring.gaps[0].lost, -1);
});

test('a gap push marks what the box will not send', () => {
  const s = fresh();
  s.take(frame(thermometer, 0, 10), 0);
  s.expectGap(10, 19, 'slow');
  s.take(frame(thermometer, 20, 30), 1);
  assert.deepEqual(
    s.ring.gaps.map(({ lost, why }) => ({ lost, why })),
    [{ lost: 10, why: 'slow' }],
  );
});

test('silence longer than declared is a gap', () => {
  const s = fresh();
  s.take(frame(thermometer, 0, 10), 0);
  const late = frame(thermometer, 10, 20);
  const at = late.boxTime;
  s.take({ ...late, boxTime: (i) => at(i) + 20000 }, 20000);
  assert.equal(s.ring.gaps[0].why, 'silence');
});

test('a restart of the box goes on to the right of what was', () => {
  const s = fresh();
  const old = frame(thermometer, 0, 10);
  const at = old.boxTime;
  s.take({ ...old, boxTime: (i) => at(i) + 500_000 }, 0);
  s.take({ ...frame(thermometer, 0, 10), epoch: 2 }, 3000);
  assert.equal(s.ring.count, 20);
  assert.equal(s.ring.gaps[0].why, 'restart');
  for (let i = 1; i < 20; i++) assert.ok(s.ring.times[i] >= s.ring.times[i - 1]);
  assert.equal(s.ring.gaps[0].to - s.ring.gaps[0].from, 3000);
});

test('values are calibrated', () => {
  const c = structuredClone(thermometer);
  c.channels[0].scale = 2;
  c.channels[0].offset = -1;
  const s = new Stream(c, [0, 1]);
  const f = frame(c, 0, 1);
  s.take(f, 0);
  assert.ok(Math.abs(s.ring.value(0) - (f.channels[0].values[0] * 2 - 1)) < 1e-4);
});

test('memory is bounded at any rate', () => {
  const c = { ...thermometer, rate_hz: 1e6 };
  const s = new Stream(c, [0, 1]);
  assert.ok(s.ring.capacity <= 1 << 18);
});

test('goes stale by the clock of this page', () => {
  const s = fresh();
  assert.equal(s.age(5), Number.POSITIVE_INFINITY);
  s.take(frame(thermometer, 0, 10), 100);
  assert.equal(s.stale(3000), false);
  assert.equal(s.stale(3200), true);
});
