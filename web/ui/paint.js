// One place that asks for animation frames: only when there is something new, never while the tab is hidden.

import { useEffect, useRef } from './lib.js';

/** @type {Set<(now: number) => void>} */
const jobs = new Set();
/** @type {Set<() => void>} */
const after = new Set();
let asked = false;

function run() {
  asked = false;
  const now = performance.now();
  for (const job of jobs) job(now);
  for (const job of after) job();
}

/** Something changed: draw soon. */
export function dirty() {
  if (asked || document.hidden) return;
  asked = true;
  requestAnimationFrame(run);
}

/** Calls fn at every drawing until the returned function is called.  @param {(now: number) => void} fn */
export function onPaint(fn) {
  jobs.add(fn);
  dirty();
  return () => void jobs.delete(fn);
}

/** Calls fn once everything has been drawn.  @param {() => void} fn */
export const afterPaint = (fn) => void after.add(fn);

/** Hook: calls fn at most every `ms` while there is something new, and after every render.
 * @param {(now: number) => void} fn @param {number} [ms] */
export function useLive(fn, ms = 100) {
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => {
    let last = 0;
    return onPaint((now) => {
      if (now - last < ms) return;
      last = now;
      latest.current(now);
    });
  }, []);
  useEffect(() => fn(performance.now()));
}
