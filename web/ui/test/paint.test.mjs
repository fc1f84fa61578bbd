// What is written beside a plot: soon what is drawn in it, also where nothing else moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

test('the last drawing is written, too', async () => {
  Object.assign(globalThis, {
    document: { hidden: false },
    requestAnimationFrame: (/** @type {(now: number) => void} */ fn) => setTimeout(fn, 1),
  });
  const { dirty, onPaint } = await import('../paint.js');
  let is = 0;
  let written = -1;
  const stop = onPaint((_, words) => {
    if (words) written = is;
  });
  for (is = 1; is <= 5; is++) {
    dirty();
    await new Promise((ok) => setTimeout(ok, 5));
  }
  is = 6;
  dirty();
  const end = Date.now() + 5000;
  while (written !== 6 && Date.now() < end) await new Promise((ok) => setTimeout(ok, 10));
  stop();
  assert.equal(written, 6);
});
