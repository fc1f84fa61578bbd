import assert from 'node:assert/strict';
import { test } from 'node:test';
import { effect, Reader, signal } from '../signals.js';

test('an effect runs again for what it read last, and only for another value', () => {
  const [which, a, b] = [signal('a'), signal(1), signal(2)];
  /** @type {number[]} */
  const seen = [];
  effect(() => {
    seen.push(which.value === 'a' ? a.value : b.value);
  });
  b.value = 3;
  a.value = 1;
  assert.deepEqual(seen, [1]);
  a.value = 5;
  which.value = 'b';
  a.value = 6;
  b.value = 7;
  assert.deepEqual(seen, [1, 5, 3, 7]);
});

test('peek is not read, a reader within a reader reads for itself, a stopped one is forgotten', () => {
  const [a, b] = [signal(0), signal(0)];
  let [outer, inner] = [0, 0];
  const two = new Reader(() => inner++);
  const one = new Reader(() => outer++);
  one.run(() => {
    two.run(() => b.value);
    return a.value + b.peek();
  });
  b.value = 1;
  a.value = 1;
  assert.deepEqual([outer, inner], [1, 1]);
  one.stop();
  two.stop();
  a.value = 2;
  b.value = 2;
  assert.deepEqual([outer, inner, a.readers.size], [1, 1, 0]);
});

test('what throws leaves nobody reading', () => {
  const a = signal(0);
  const r = new Reader(() => {});
  assert.throws(() =>
    r.run(() => {
      throw new Error('x');
    }),
  );
  assert.equal(a.value, 0);
  assert.equal(a.readers.size, 0);
});
