import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Buckets, Ring } from '../ring.js';

test('keeps the newest samples and finds them by time', () => {
  const r = new Ring([false, true], 16);
  for (let i = 0; i < 40; i++) r.push(i * 10, [i, -i]);
  assert.equal(r.count, 40);
  assert.equal(r.first, 24);
  assert.equal(r.last, 390);
  assert.equal(r.value(1), -39);
  assert.equal(r.find(0), 24);
  assert.equal(r.find(301), 31);
  assert.equal(r.find(1e9), 40);
});

test('grows and keeps what is there', () => {
  const r = new Ring([false], 16);
  for (let i = 0; i < 20; i++) r.push(i, [i]);
  r.grow();
  assert.equal(r.capacity, 32);
  r.push(20, [20]);
  for (let i = 5; i <= 20; i++) assert.equal(r.columns[0][i & r.mask], i);
});

test('forgets gaps with their samples', () => {
  const r = new Ring([false], 16);
  r.push(0, [0]);
  r.gap(0, 10, 5, 'lost');
  for (let i = 0; i < 30; i++) r.push(10 + i, [0]);
  r.gap(39, 60, -1, 'slow');
  assert.deepEqual(
    r.gaps.map((g) => g.why),
    ['slow'],
  );
});

test('an empty ring has no value', () => {
  const r = new Ring([false], 16);
  assert.ok(Number.isNaN(r.value(0)));
  assert.ok(Number.isNaN(r.last));
});

/** The least and greatest of everything that fill has written for a channel. @param {Buckets} b @param {number} c */
function drawn(b, c) {
  const ys = [...b.ys[c].subarray(0, b.n)].filter((y) => !Number.isNaN(y));
  return [Math.min(...ys), Math.max(...ys)];
}

test('no extreme is lost, however it is split over updates', () => {
  const r = new Ring([false, false], 1 << 14);
  const b = new Buckets([0, 1]);
  b.reset(10000 / 100, 100);
  let seed = 1;
  for (let i = 0; i < 10000; i++) {
    seed = (seed * 16807) % 2147483647;
    const v = seed / 2147483647;
    r.push(i, [i === 5003 ? 9 : i === 7777 ? -9 : v, i]);
    if (seed % 97 === 0) b.update(r);
  }
  b.update(r);
  b.fill(r.last, 9000);
  assert.deepEqual(drawn(b, 0), [-9, 9]);
  assert.ok(b.n <= 2 * 102, `${b.n} points`);
  assert.deepEqual(b.extent(0, r.last, 9000), [-9, 9]);
});

test('minimum and maximum stand in the order they came', () => {
  const r = new Ring([false], 64);
  const b = new Buckets([0]);
  b.reset(100, 10);
  for (const [t, v] of [
    [0, 5],
    [10, 1],
    [20, 3],
    [100, 1],
    [110, 7],
    [120, 4],
  ]) {
    r.push(t, [v]);
  }
  b.update(r);
  b.fill(120, 1000);
  assert.deepEqual([...b.ys[0].subarray(0, b.n)], [5, 1, 1, 7]);
});

test('sparse samples are drawn as they are', () => {
  const r = new Ring([false], 64);
  const b = new Buckets([0]);
  b.reset(1, 1000);
  for (let i = 0; i < 5; i++) r.push(i * 100, [i]);
  b.update(r);
  b.fill(400, 1000);
  assert.deepEqual([...b.xs.subarray(0, b.n)], [-400, -300, -200, -100, 0]);
  assert.deepEqual([...b.ys[0].subarray(0, b.n)], [0, 1, 2, 3, 4]);
});

test('a gap and a missing value break the line', () => {
  const r = new Ring([false], 64);
  const b = new Buckets([0]);
  b.reset(10, 100);
  r.push(0, [1]);
  r.push(10, [2]);
  r.gap(10, 200, 18, 'lost');
  r.push(200, [3]);
  r.push(210, [Number.NaN]);
  r.push(220, [4]);
  b.update(r);
  b.fill(220, 900);
  assert.deepEqual([...b.ys[0].subarray(0, b.n)], [1, 2, Number.NaN, 3, Number.NaN, 4]);
});

test('old buckets are not drawn again after the window moved on', () => {
  const r = new Ring([false], 64);
  const b = new Buckets([0]);
  b.reset(10, 10);
  r.push(0, [100]);
  b.update(r);
  for (let i = 0; i < 12; i++) r.push(1000 + i * 10, [i]);
  b.update(r);
  b.fill(r.last, 100);
  assert.ok(drawn(b, 0)[1] < 100);
});

test('a column that is spread is drawn over samples without it, and broken by gaps', () => {
  const r = new Ring([false, false], 64, [true, true]);
  const b = new Buckets([0, 1]);
  b.reset(10, 100);
  r.push(0, [1, Number.NaN]);
  r.push(10, [Number.NaN, 7]);
  r.push(20, [2, Number.NaN]);
  r.gap(20, 100, 3, 'lost');
  r.push(100, [3, Number.NaN]);
  b.update(r);
  b.fill(100, 900);
  assert.deepEqual([...b.ys[0].subarray(0, b.n)], [1, Infinity, 2, Number.NaN, 3]);
  assert.deepEqual([r.value(0), r.value(1)], [3, 7]);
});
