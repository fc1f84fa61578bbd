// Ticks of an axis: steps of 1, 2 or 5 times a power of ten.

/** The step that gives about `count` ticks.  @param {number} span @param {number} count */
export function niceStep(span, count) {
  const raw = span / Math.max(1, count);
  const ten = 10 ** Math.floor(Math.log10(raw));
  const m = raw / ten;
  return (m <= 1 ? 1 : m <= 2 ? 2 : m <= 5 ? 5 : 10) * ten;
}

/** Multiples of step between lo and hi.  @param {number} lo @param {number} hi @param {number} step */
export function ticks(lo, hi, step) {
  const out = [];
  for (let i = Math.ceil(lo / step - 1e-6); i <= Math.floor(hi / step + 1e-6); i++) out.push(i * step || 0);
  return out;
}

/** Places after the point that a step needs, at most 6.  @param {number} step */
export const places = (step) => Math.min(6, Math.max(0, -Math.floor(Math.log10(step) + 1e-9)));

/** A vertical range that does not twitch: it grows at once and shrinks only when two thirds are empty; never so narrow
 * that it shows less than `least`.
 * @param {[number, number] | null} was @param {number} lo @param {number} hi @param {number} least
 * @returns {[number, number]} */
export function steadyRange(was, lo, hi, least) {
  if (!(hi >= lo)) return was ?? [-1, 1];
  const span = Math.max(hi - lo, least);
  const middle = (lo + hi) / 2;
  if (was && lo >= was[0] && hi <= was[1] && span > (was[1] - was[0]) / 3) return was;
  return [middle - span * 0.6, middle + span * 0.6];
}
