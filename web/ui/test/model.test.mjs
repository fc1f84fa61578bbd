import assert from 'node:assert/strict';
import { test } from 'node:test';
import { niceStep, places, steadyRange, ticks } from '../chart.js';
import { pendulum, status, thermometer } from '../fixtures.js';
import {
  addEvent,
  answered,
  blocked,
  check,
  failed,
  leastSpan,
  look,
  noticed,
  parseNumber,
  plotsOf,
  readoutsOf,
  stepOf,
  told,
} from '../model.js';

const me = { seat: 'ana', name: 'Ana', role: 'student' };
const lease = { holder: { id: 'ana', name: 'Ana' }, fence: 1, since_ms: 0 };
const by = { seat: 'x', name: 'X', role: 'student', via: 'panel' };
/** @param {object} [s] @param {object} [o] */
const why = (s, o) =>
  blocked({
    link: { phase: 'open', ever: true },
    me,
    status: status({ lease, ...s }),
    stale: false,
    silent: false,
    may: true,
    ...o,
  });

test('only the holder of a live, fresh, connected device may drive', () => {
  assert.equal(why(), '');
  assert.equal(why({}, { link: { phase: 'waiting', ever: true } }), 'offline');
  assert.equal(why({}, { silent: true }), 'offline');
  assert.equal(why({}, { me: null }), 'no_seat');
  assert.equal(why({}, { stale: true }), 'stale');
  assert.equal(why({ lease: undefined }), 'free');
  assert.equal(why({ lease: { ...lease, holder: { id: 'bo', name: 'Bo' } } }), 'taken');
  assert.equal(why({ stopped: { by, wall_ms: 0 } }), 'stopped');
  assert.equal(why({ hold: { by, wall_ms: 0 } }), 'held');
  assert.equal(why({ reason: { code: 'too_long', message: '' } }), 'too_long');
  assert.equal(why({}, { me: { ...me, role: 'observer' } }), 'observer');
  assert.equal(why({}, { may: false }), 'observer');
  const bo = { id: 'bo', name: 'Bo' };
  assert.equal(why({ lease: { ...lease, holder: bo, partner: lease.holder } }), '');
  const queue = [{ seat: bo, expect_ms: 0 }];
  assert.equal(why({ lease: undefined, queue }), 'taken');
  assert.equal(
    why({ lease: { ...lease, holder: bo }, queue: [...queue, { seat: lease.holder, expect_ms: -1 }] }),
    'queued',
  );
  for (const state of ['absent', 'opening', 'booting', 'identifying', 'safing', 'stale', 'fault', 'quarantined']) {
    assert.equal(why({ state }), 'state');
  }
});

test('a state looks as bad as it is', () => {
  const open = { phase: /** @type {const} */ ('open'), ever: true };
  assert.equal(look(status({}), open, false).tone, 'ok');
  assert.equal(look(status({}), open, true).key, 'stale');
  assert.equal(look(status({ stopped: { by, wall_ms: 0 } }), open, false).key, 'stopped');
  assert.equal(look(status({ state: 'quarantined' }), open, false).tone, 'bad');
  assert.equal(look(status({}), { phase: 'waiting', ever: true }, false).key, 'unknown');
});

test('events: newest first, each once, bounded', () => {
  /** @type {edge.Event[]} */
  let list = [];
  for (let i = 0; i < 300; i++) {
    const e = { box: '', device: '', seq: i, mono_us: i, wall_ms: i, code: 'text' };
    list = addEvent(addEvent(list, e), { ...e });
  }
  assert.equal(list.length, 200);
  assert.equal(list[0].seq, 299);
  const late = { box: '', device: '', seq: 1e4, mono_us: 0, wall_ms: 250.5, code: 'text' };
  assert.equal(addEvent(list, late).indexOf(late), 49);
});

test('an outcome is confirmed, refused or unknown, never guessed', () => {
  const o = { command: 'x', phase: /** @type {const} */ ('pending'), at: 0 };
  const r = { command: 'x', key: '', outcome: 'confirmed', reply: 'ok', sent_us: 0, took_us: 4200 };
  assert.deepEqual([answered(o, r).phase, answered(o, r).tookMS], ['confirmed', 4.2]);
  assert.equal(answered(o, { ...r, outcome: 'sent' }).phase, 'sent');
  for (const code of ['lost', 'timeout', 'no_answer', 'unknown_outcome', 'write_stuck']) {
    assert.equal(failed(o, { code }).phase, 'unknown', code);
  }
  assert.equal(failed(o, { code: 'out_of_range' }).phase, 'refused');
  assert.equal(failed(o, { code: 'device_refused', args: { reply: 'no' } }).reply, 'no');
});

test('numbers as people type them', () => {
  assert.equal(parseNumber(' 1,5 '), 1.5);
  assert.equal(parseNumber('\u22123.25'), -3.25);
  assert.equal(parseNumber('.5'), 0.5);
  for (const bad of ['', '1e9', '0x10', '1.2.3', 'NaN', '--1', '1 000']) assert.ok(Number.isNaN(parseNumber(bad)), bad);
});

test('limits are inclusive, integers are whole', () => {
  const p = { id: 'p', label: {}, type: 'float', min: -1, max: 1, default: 0 };
  assert.equal(check(p, 1), '');
  assert.equal(check(p, 1.0001), 'out_of_range');
  assert.equal(check(p, Number.NaN), 'bad_value');
  assert.equal(check({ ...p, type: 'int' }, 0.5), 'bad_value');
  assert.equal(stepOf({ ...p, max: 99 }), 1);
  assert.equal(stepOf({ ...p, type: 'int' }), 1);
});

test('plots and readouts follow the hints, else the channels', () => {
  assert.deepEqual(
    plotsOf(pendulum).map((p) => p.channels),
    [['angle'], ['speed', 'drive']],
  );
  const bare = { ...pendulum, panel: { plots: [{ channels: ['nothing'] }] } };
  assert.deepEqual(
    plotsOf(bare).map((p) => p.channels),
    [['angle'], ['speed'], ['drive']],
  );
  assert.deepEqual(plotsOf(thermometer)[0].channels, ['inside', 'outside']);
  assert.deepEqual(readoutsOf(thermometer), ['inside', 'outside']);
});

test('axis steps, ticks and ranges', () => {
  assert.equal(niceStep(60, 5), 20);
  assert.equal(niceStep(0.7, 5), 0.2);
  assert.deepEqual(
    ticks(-0.1, 0.25, 0.1).map((x) => +x.toFixed(3)),
    [-0.1, 0, 0.1, 0.2],
  );
  assert.deepEqual([places(0.05), places(20), places(1)], [2, 0, 0]);
  const first = steadyRange(null, 0, 10, 1);
  assert.deepEqual(first, [-1, 11]);
  assert.equal(steadyRange(first, 2, 8, 1), first);
  assert.notEqual(steadyRange(first, 2, 12, 1), first);
  assert.notEqual(steadyRange(first, 5, 6, 1), first);
  assert.deepEqual(steadyRange(null, 5, 5, 1), [4.4, 5.6]);
  assert.deepEqual(steadyRange(null, Number.NaN, Number.NaN, 1), [-1, 1]);
});

test('the log tells where a device got to, not each step on the way', () => {
  const e = (/** @type {string} */ state) => ({
    box: '',
    device: '',
    seq: 0,
    mono_us: 0,
    wall_ms: 0,
    code: 'state',
    args: { state },
  });
  const safe = { ...e(''), code: 'safe' };
  const words = (/** @type {edge.Event[]} */ l) => l.map((x) => x.args?.state || x.code);
  const boot = [e('live'), safe, e('safing'), e('identifying'), e('booting'), e('opening'), e('absent')];
  assert.deepEqual(words(told(boot)), ['live', 'safe', 'absent']);
  assert.deepEqual(words(told([e('booting'), e('opening'), ...boot])), ['booting', 'live', 'safe', 'absent']);
});

test('a notice names its parts, one or several, each since when', () => {
  const one = noticed(null, { op: 'notice', code: 'degraded', args: { part: 'owner', for_ms: 3000 } }, 10_000);
  assert.deepEqual(one?.parts, [{ part: 'owner', since: 7000 }]);
  const parts = [
    { part: 'store', for_ms: 500 },
    { part: 'owner', for_ms: 4100 },
  ];
  const two = noticed(one, { op: 'notice', code: 'degraded', args: { ...parts[0], parts } }, 11_000);
  assert.deepEqual(two?.parts, [
    { part: 'store', since: 10_500 },
    { part: 'owner', since: 7000 },
  ]);
  assert.equal(noticed(two, { op: 'notice', code: '' }, 12_000), null);
  assert.deepEqual(noticed(null, { op: 'notice', code: 'internal' }, 0)?.parts, []);
});

test('noise is not blown up to the whole height', () => {
  const ch = { ...thermometer.channels[0], decimals: 2 };
  assert.equal(leastSpan({ ...ch, min: -180, max: 180 }, 5), 3.6);
  assert.equal(leastSpan({ ...ch, min: -1e12, max: 1e12 }, 5), 10);
  assert.equal(leastSpan(ch, 80), 0.8);
  assert.equal(leastSpan(ch, -1), 0.1);
  assert.equal(leastSpan(ch, Number.NaN), 0.1);
});
