// What the teacher's pages decide from what the box says; pure functions, tested without a browser.

const MAX_ROSTER = 400;
const MAX_NAME = 40;

/** The class while there is none.  @type {lab.Class} */
export const NONE = {
  open: false,
  title: '',
  code: '',
  url: '',
  locked: false,
  joined: 0,
  hide_names: false,
  may: { drive: true, record: true, experiment: true, rehearse: true },
  seats: [],
};

/** The name of a seat for the teacher: the real one, also where others see an alias.
 * @param {edge.SeatRef | undefined} ref @param {lab.Class} cls */
export function realName(ref, cls) {
  if (!ref) return '';
  return cls.seats.find((s) => s.seat === ref.id)?.name || ref.name || ref.id;
}

/** The name of a seat for everybody in the room.
 * @param {edge.SeatRef | undefined} ref @param {lab.Class} cls */
export function shownName(ref, cls) {
  if (!ref) return '';
  const seat = cls.seats.find((s) => s.seat === ref.id);
  return (cls.hide_names && seat?.alias) || ref.name || ref.id;
}

/** Names from pasted text: one a line or separated by commas, semicolons or tabs; each once, at most 400.
 * @param {string} text */
export function names(text) {
  const list = text
    .split(/[\n\r\t,;]+/)
    .map((s) => s.trim().replace(/\s+/g, ' ').slice(0, MAX_NAME).trim())
    .filter(Boolean);
  return [...new Set(list)].slice(0, MAX_ROSTER);
}

/** Needs somebody to look at it.  @param {{tone: string, key: string}} l */
export const troubled = ({ tone, key }) => tone === 'bad' || tone === 'warn' || key === 'absent';

/** What came of asking a device: yes, its safe state is confirmed; not, it is NOT CONFIRMED; no, it refused.
 * @typedef {{how: 'yes' | 'done' | 'sending' | 'not' | 'no', code?: string}} How */

/** How an emergency stop stands: confirmed only while the device itself says so.
 * @param {Stopping | null} asked @param {edge.Status} s @returns {How} */
export function stopped(asked, s) {
  const safe = s.stopped ? s.safe : '';
  if (safe !== 'unconfirmed' && (asked?.confirmed || safe === 'confirmed')) return { how: 'yes' };
  if (asked?.phase === 'pending' || safe === 'pending') return { how: 'sending' };
  return { how: 'not', code: asked?.code };
}

/** How one row of freeze or runs on all stands.  @param {lab.Row} r @returns {How & {id: string}} */
export function answeredAs({ device: id, ok, confirmed, error }) {
  if (confirmed === false) return { id, how: 'not', code: error?.code };
  if (!ok) return { id, how: 'no', code: error?.code };
  return { id, how: confirmed ? 'yes' : 'done' };
}

/** One number that may be narrowed live.
 * @typedef {{key: string, label: edge.Text, of?: edge.Text, unit?: string, min: number, max: number,
 *   bench?: edge.Limit, narrowed: boolean}} LimitRow */

/** The numbers of a device that may be narrowed: parameters of commands, and channels with a range.
 * @param {edge.Contract} c as it is now @param {Record<string, edge.Limit>} limits narrowed now
 * @param {Record<string, edge.Limit>} bench ranges of the bench, as far as they are known @returns {LimitRow[]} */
export function limitRows(c, limits, bench) {
  const narrowed = (/** @type {string} */ key) => key in limits;
  const params = c.commands.flatMap((k) =>
    k.params
      .filter((p) => p.type !== 'choice')
      .map((p) => {
        const key = `${k.id}.${p.id}`;
        const [label, unit, min, max] = [p.label, p.unit, p.min, p.max];
        return { key, label, of: k.label, unit, min, max, bench: bench[key], narrowed: narrowed(key) };
      }),
  );
  const channels = c.channels.flatMap(({ id, label, unit, min, max }) =>
    min === undefined || max === undefined
      ? []
      : [{ key: id, label, unit, min, max, bench: bench[id], narrowed: narrowed(id) }],
  );
  return [...params, ...channels];
}

/** The ranges of the bench as far as they were seen.  @param {Record<string, edge.Limit>} was @param {LimitRow[]} rows */
export const widest = (was, rows) => ({
  ...was,
  ...Object.fromEntries(
    rows
      .filter((r) => !r.narrowed)
      .map(({ key, min, max }) => [
        key,
        { min: Math.min(min, was[key]?.min ?? min), max: Math.max(max, was[key]?.max ?? max) },
      ]),
  ),
});

/** All limits of a device with one more, or without it where it is null.
 * @param {Record<string, edge.Limit> | undefined} limits @param {string} key @param {edge.Limit | null} l */
export function withLimit(limits, key, l) {
  const { [key]: _, ...rest } = limits ?? {};
  return l ? { ...rest, [key]: l } : rest;
}

/** How far the box's wall clock is ahead of ours, ms, when its answer took from `sent` to `came`.
 * @param {number} wall @param {number} sent @param {number} came our clock, Unix ms */
export const ahead = (wall, sent, came) => Math.round(wall - (sent + came) / 2);

/** What the projector lists: who drives, who is next; devices that nobody wants come last.
 * @template {{driver: string, next: string}} T @param {T[]} rows @returns {T[]} */
export const busyFirst = (rows) => {
  const busy = (/** @type {T} */ r) => Boolean(r.driver || r.next);
  return [...rows.filter(busy), ...rows.filter((r) => !busy(r))];
};

/** Page number n, counted round, of a list with `size` on each.
 * @template T @param {T[]} list @param {number} size @param {number} n */
export function page(list, size, n) {
  const pages = Math.max(1, Math.ceil(list.length / size));
  const at = n % pages;
  return { rows: list.slice(at * size, (at + 1) * size), at, pages };
}
