// Every state of the pages without a box, one at a time: the address `gallery`, or gallery?s=NAME for one of them.
// Loaded only there.

import { cameras } from './cameras.js';
import { frame, madeUp, pendulum, status, thermometer } from './fixtures.js';
import { html, useEffect, useState } from './lib.js';
import { DeviceView, StartView } from './pages.js';
import { dirty } from './paint.js';
import { RunPage } from './run.js';
import { answer, camera, lost, runDetail } from './scenes.js';
import { NameDialog, TopBar } from './shell.js';
import { askName, beat, box, calls, devices, ended, klass, link, me, notice, push, silent } from './state.js';

/** @typedef {{list: Device[], one?: Device, runs?: edge.Run[], moving?: boolean} & import('./scenes.js').Answers} Scene */

const ana = { seat: 'ana', name: 'Ana', role: 'student' };
const mine = { holder: { id: 'ana', name: 'Ana' }, fence: 7, since_ms: 0 };
const theirs = { holder: { id: 'bo', name: 'Bō \u05d3\u05e0\u05d4' }, fence: 8, since_ms: 0 };
const by = { ...ana, via: 'panel' };
const wall = Date.UTC(2026, 2, 3, 10, 15);

/** @param {Partial<edge.Status>} s @param {object} [o] @returns {Scene} */
function one(s, o) {
  const d = madeUp(pendulum, status(s), o);
  return { list: [d], one: d, moving: (s.state ?? 'live') === 'live' };
}

const lesson = {
  open: true,
  title: 'Physics 2b <script>alert(1)</script>',
  may: { drive: true, record: true, experiment: true, rehearse: true },
};

const NAMES = [
  'Zoë',
  '\u0645\u0631\u064a\u0645',
  'Łukasz',
  '\u{1f680}\u{1f680}',
  'Bé Lan',
  '<b>Max</b>',
  'Ingeborg-Annelise',
  'Noor',
  'Tim',
];

/** A queue of n with this seat at a place, -1: not in it.  @param {number} n @param {number} at @returns {edge.Waiting[]} */
const waiting = (n, at) =>
  Array.from({ length: n }, (_, i) => ({
    seat: i === at ? mine.holder : { id: `w${i}`, name: NAMES[i % NAMES.length] },
    expect_ms: 95_000 + i * 300_000,
    away: i === 1 && at !== 1,
  }));

/** @param {edge.Event['code']} code @param {number} i @param {Record<string, unknown>} args @returns {edge.Event} */
const event = (code, i, args) => ({
  box: '',
  device: 'pendulum',
  seq: i,
  mono_us: i,
  wall_ms: wall + i * 1000,
  code,
  actor: code === 'safe' || code === 'state' ? undefined : by,
  args,
});

/** @type {Record<string, () => Scene>} */
const SCENES = {
  start: () => ({
    list: [
      madeUp(pendulum, status({ lease: theirs })),
      madeUp(pendulum, status({ device: 'p2', name: 'Pendulum 2', state: 'booting' }), { seconds: 0 }),
      madeUp(pendulum, status({ device: 'p3', name: '\u0628\u0646\u062f\u0648\u0644 3', state: 'quarantined' })),
      madeUp(thermometer, status({ device: 'kettle', name: 'Kettle', type: 'arduino-plotter' })),
      madeUp(pendulum, status({ device: 'p4', name: 'Aeropendulum by the window', lease: mine }), { gap: true }),
      madeUp(null, status({ device: 'p5', name: 'Pendulum 5', state: 'absent' })),
    ],
    moving: true,
  }),
  nobody: () => {
    me.value = null;
    return SCENES.start();
  },
  empty: () => ({ list: [] }),
  name: () => {
    me.value = null;
    askName.value = true;
    return SCENES.start();
  },
  watching: () => one({ lease: theirs }),
  free: () => one({}),
  driving: () => {
    const s = one({ lease: mine, run: 'r2' });
    const d = /** @type {Device} */ (s.one);
    d.outcomes.value = {
      drive: { command: 'drive', phase: 'confirmed', at: 0, reply: '{"result":"ok"}', tookMS: 4.2 },
      calibrate: { command: 'calibrate', phase: 'refused', at: 0, code: 'device_refused', reply: 'busy' },
      brake: { command: 'brake', phase: 'pending', at: 0 },
      mode: { command: 'mode', phase: 'unknown', at: 0, code: 'no_answer' },
    };
    d.events.value = [
      event('note', 9, { text: 'pushed it by hand' }),
      event('refused', 8, { command: 'drive', code: 'slew' }),
      event('command', 7, { command: 'drive', outcome: 'confirmed' }),
      event('run', 6, { what: 'start', run: 'r2', name: 'free swing' }),
      event('lease', 5, { what: 'taken' }),
      event('safe', 4, { outcome: 'confirmed' }),
      event('state', 3, { state: 'live' }),
    ];
    const run = { device: 'pendulum', by: mine.holder, contract: '', type: 'pendulum', samples: 9000, lost: 0 };
    s.runs = [
      {
        ...run,
        id: 'r2',
        name: 'free swing',
        state: 'recording',
        start_ms: Date.now() - 83e3,
        length_ms: 83e3,
        gaps: 0,
        bytes: 21e4,
      },
      { ...run, id: 'r1', name: 'with motor', state: 'done', start_ms: wall, length_ms: 61e3, gaps: 1, bytes: 154e3 },
      {
        ...run,
        id: 'r0',
        name: 'first try',
        state: 'interrupted',
        start_ms: wall - 9e5,
        length_ms: 12e3,
        gaps: 0,
        bytes: 31e3,
      },
    ];
    return s;
  },
  away: () => one({ lease: { ...theirs, away: true, left_ms: 24000 } }),
  gap: () => one({ lease: theirs, counts: { ...status({}).counts, lost: 200 } }, { gap: true, seconds: 12 }),
  replugged: () => {
    const s = one({ counts: { ...status({}).counts, lost: 120 } }, { gap: true, seconds: 12 });
    const d = /** @type {Device} */ (s.one);
    const at = (/** @type {string} */ state, /** @type {number} */ ms) => ({
      ...event('state', ms, { state }),
      mono_us: ms * 1000,
      wall_ms: Date.now() - (12_000 - ms),
    });
    d.events.value = [
      at('live', 9600),
      at('safing', 9500),
      at('opening', 9000),
      at('absent', 8400),
      at('live', 500),
      at('absent', 0),
    ];
    return s;
  },
  measuring: () => {
    const d = madeUp(thermometer, status({ device: 'kettle', name: 'Kettle', type: 'arduino-plotter' }), {
      seconds: 60,
    });
    return { list: [d], one: d, moving: true };
  },
  absent: () => one({ state: 'absent', reason: { code: 'port_missing', message: '' } }, { seconds: 0 }),
  forbidden: () => one({ state: 'absent', reason: { code: 'port_forbidden', message: '' } }, { seconds: 0 }),
  opening: () => one({ state: 'opening' }, { seconds: 0 }),
  booting: () => one({ state: 'booting' }, { seconds: 0 }),
  identifying: () => one({ state: 'identifying' }, { seconds: 0 }),
  safing: () => one({ state: 'safing', safe: 'pending' }),
  stale: () => {
    const s = one({ state: 'stale', lease: mine }, { now: performance.now() - 7000 });
    /** @type {Device} */ (s.one).stale.value = true;
    return s;
  },
  fault: () => one({ state: 'fault', reason: { code: 'garbage', message: '' } }),
  quarantined: () => one({ state: 'quarantined', safe: 'unconfirmed', reason: { code: 'no_answer', message: '' } }),
  stopped: () => one({ stopped: { by, wall_ms: wall } }),
  frozen: () => one({ hold: { by: { ...by, seat: 'teacher', name: 'Ms Roy' }, wall_ms: wall }, lease: mine }),
  queued: () => {
    const s = one({ lease: { ...theirs, left_ms: 95_000, why: 'turn' }, queue: waiting(9, 2) });
    const d = /** @type {Device} */ (s.one);
    d.staged.value = [
      { id: 'drive', args: { power: 45 } },
      { id: 'mode', args: { to: 'running' } },
    ];
    klass.value = {
      ...lesson,
      message: 'Find the power that keeps it swinging at 30°. Then write down three values each.',
    };
    return s;
  },
  next: () => one({ lease: { ...theirs, left_ms: 20_000, why: 'idle', warn: true }, queue: waiting(1, 0) }),
  called: () => {
    const s = one({ lease: mine });
    calls.value = ['pendulum'];
    const d = /** @type {Device} */ (s.one);
    d.staged.value = [
      { id: 'drive', args: { power: 45 }, phase: 'confirmed' },
      { id: 'mode', args: { to: 'running' }, phase: 'refused' },
      { id: 'brake', args: {}, phase: 'skipped' },
    ];
    d.outcomes.value = { mode: { command: 'mode', phase: 'refused', at: 0, code: 'rate' } };
    return s;
  },
  warned: () => one({ lease: { ...mine, left_ms: 24_000, why: 'turn', warn: true }, queue: waiting(2, -1) }),
  pair: () => one({ lease: { ...theirs, partner: mine.holder } }),
  observer: () => {
    klass.value = { ...lesson, may: { drive: false, record: false, experiment: false, rehearse: true } };
    return one({ lease: theirs });
  },
  twin: () => {
    const d = madeUp(
      pendulum,
      status({
        device: 'twin',
        rehearsal: { of: 'pendulum', seat: 'ana' },
        lease: mine,
        port: 'rehearsal of pendulum',
      }),
    );
    const real = madeUp(pendulum, status({ lease: theirs, queue: waiting(3, 1) }));
    return { list: [d, real], one: d, moving: true };
  },
  ended: () => {
    me.value = null;
    ended.value = true;
    klass.value = { open: true, locked: false, title: lesson.title };
    return SCENES.start();
  },
  visitor: () => {
    me.value = null;
    const s = one({ lease: theirs });
    /** @type {Device} */ (s.one).stopping.value = { phase: 'failed', confirmed: false, code: 'no_seat' };
    return s;
  },
  teaching: () => {
    me.value = { ...ana, role: 'teacher' };
    return one({ lease: theirs, stopped: { by, wall_ms: wall } });
  },
  unconfirmed: () => {
    const s = one({ stopped: { by, wall_ms: wall }, state: 'safing', safe: 'unconfirmed' });
    /** @type {Device} */ (s.one).stopping.value = { phase: 'done', confirmed: false };
    return s;
  },
  offline: () => {
    link.value = { phase: 'waiting', ever: true, code: 1006, retryAt: Date.now() + 4000 };
    return { ...one({ lease: mine }, { now: performance.now() - 3000 }), moving: false };
  },
  degraded: () => {
    silent.value = true;
    push({
      op: 'notice',
      code: 'degraded',
      args: {
        parts: [
          { part: 'broker', for_ms: 42e3 },
          { part: 'store', for_ms: 3e3 },
        ],
      },
    });
    return { ...one({ lease: mine }), moving: false };
  },
  storeless: () => {
    push({ op: 'notice', code: 'degraded', args: { part: 'store', for_ms: 3e3 } });
    return SCENES.start();
  },
  camera: () => ({
    ...one({ lease: mine, run: 'r2' }),
    cameras: [camera({ runs: ['r2'], masked: true }), camera({ id: 'side', name: 'From the side' })],
  }),
  cameraStarting: () => ({ ...one({}), cameras: [camera({ state: 'starting', viewers: [mine.holder] })] }),
  cameraLost: () => ({
    ...one({ lease: theirs }),
    cameras: [camera({ state: 'lost', reason: lost('busy') })],
    ago: 12_000,
    stalls: true,
  }),
  cameraOld: () => ({ ...one({ lease: theirs }), cameras: [camera()], ago: 7000, stalls: true }),
  cameraCovered: () => ({
    ...one({ lease: theirs }),
    cameras: [
      camera({ state: 'covered', viewers: [], covered: { by: { ...by, seat: 't', name: 'Ms Roy' }, wall_ms: wall } }),
    ],
  }),
  cameraTeacher: () => {
    me.value = { ...ana, role: 'teacher' };
    return { ...one({ lease: theirs }), cameras: [camera(), camera({ id: 'side', name: 'From the side' })] };
  },
  cameraJoin: () => ({ ...one({ lease: theirs }), why: { code: 'forbidden', args: { why: 'not_in_class' } } }),
  cameraClosed: () => ({ ...one({ lease: theirs }), why: { code: 'forbidden', args: { why: 'no_class' } } }),
  cameraVisitor: () => {
    me.value = null;
    return { ...one({ lease: theirs }), why: { code: 'no_seat' } };
  },
  run: () => ({ ...one({ lease: theirs }), run: runDetail() }),
  runPlain: () => ({ ...one({}), run: runDetail({ pictures: false, state: 'recording' }) }),
  runRefused: () => ({ ...one({}), run: runDetail(), refused: { code: 'forbidden' } }),
  loading: () => {
    const d = madeUp(null, status({}));
    return { list: [d], one: d };
  },
};

export function Gallery() {
  const asked = new URLSearchParams(location.search).get('s') ?? '';
  const [name, setName] = useState(asked in SCENES ? asked : 'start');
  const [scene, setScene] = useState(/** @type {Scene | null} */ (null));
  useEffect(() => {
    box.value = 'bench 3';
    link.value = { phase: 'open', ever: true };
    me.value = ana;
    askName.value = false;
    notice.value = null;
    silent.value = false;
    ended.value = false;
    klass.value = null;
    calls.value = [];
    beat.value = Date.now();
    const s = SCENES[name]();
    cameras.value = null;
    globalThis.fetch = async (url) =>
      (await answer(s, String(url))) ?? Response.json({ runs: s.runs ?? [], events: [] });
    devices.value = s.list;
    setScene(s);
    document.title = `${name} – labbox`;
    dirty();
    if (!s.moving) return;
    const timer = setInterval(() => {
      for (const d of s.list) {
        const stream = d.stream.value;
        if (!stream?.next || d.status.value.state !== 'live') continue;
        const rate = stream.contract.rate_hz ?? 10;
        stream.take(frame(stream.contract, stream.next, stream.next + Math.ceil(rate / 10)), performance.now());
      }
      dirty();
    }, 100);
    return () => clearInterval(timer);
  }, [name]);
  if (!scene) return null;
  const choose = (/** @type {any} */ e) => {
    setScene(null);
    setName(e.target.value);
  };
  return html`${!scene.run && html`<${TopBar} list=${scene.one ? [scene.one] : scene.list} all=${!scene.one} />`}
    <nav class="row" aria-label="Gallery"><label class="row">State
      <select value=${name} onChange=${choose}>${Object.keys(SCENES).map((n) => html`<option value=${n}>${n}</option>`)}</select>
    </label></nav>
    ${scene.run ? html`<${RunPage} key=${name} id="r1" />` : scene.one ? html`<${DeviceView} key=${name} d=${scene.one} />` : html`<${StartView} key=${name} list=${scene.list} />`}
    <${NameDialog} />`;
}
