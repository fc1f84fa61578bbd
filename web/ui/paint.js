// One place that asks for animation frames: only when there is something new, never while the tab is hidden.

import { useEffect, useRef } from './lib.js';

const WORDS_MS = 100;
/** @type {Set<(now: number, words: boolean) => void>} */
const jobs = new Set();
/** @type {Set<() => void>} */
const after = new Set();
let asked = false;
let written = 0;
let late = false;

function run() {
  asked = false;
  const now = performance.now();
  const words = now - written >= WORDS_MS;
  if (words) written = now;
  else if (!late) {
    // What is written is soon what is drawn, also where nothing else comes.
    late = true;
    setTimeout(() => {
      late = false;
      dirty();
    }, WORDS_MS);
  }
  for (const job of jobs) job(now, words);
  for (const job of after) job();
}

/** Something changed: draw soon. */
export function dirty() {
  if (asked || document.hidden) return;
  asked = true;
  requestAnimationFrame(run);
}

/** Calls fn at every drawing until the returned function is called; `words`: texts are due, all at the same time.
 * @param {(now: number, words: boolean) => void} fn */
export function onPaint(fn) {
  jobs.add(fn);
  dirty();
  return () => void jobs.delete(fn);
}

/** Calls fn once everything has been drawn.  @param {() => void} fn */
export const afterPaint = (fn) => void after.add(fn);

/** Hook: calls fn whenever texts are due and there is something new, and after every render.
 * @param {(now: number) => void} fn */
export function useLive(fn) {
  const latest = useRef(fn);
  latest.current = fn;
  useEffect(() => onPaint((now, words) => words && latest.current(now)), []);
  useEffect(() => fn(performance.now()));
}
