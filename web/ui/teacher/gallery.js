// Every state of the teacher's pages without a box: the address teacher/gallery?s=NAME. Loaded only there.

import { frame, madeUp, pendulum, status, thermometer } from '../fixtures.js';
import { html, useEffect, useState } from '../lib.js';
import { dirty } from '../paint.js';
import { askName, beat, box, devices, link, me, notice, silent } from '../state.js';
import { took } from './kit.js';
import { Teacher } from './main.js';

const wall = Date.UTC(2026, 2, 3, 10, 15);
const rules = { turn_ms: 300_000, warn_ms: 30_000, idle_ms: 60_000 };
const NAMES = ['Ana', 'Bō דנה', 'Chloé', 'Dmitri', 'Élodie Vandenbroucke', 'Fatima', 'Gül', 'Hugo 🚀', 'Inés', 'Jonas'];

const seat = (/** @type {string} */ name, /** @type {number} */ i) => ({
  seat: `s${i}`,
  name,
  alias: `Student ${i + 1}`,
  role: 'student',
  connected: i % 4 !== 3,
  joined_ms: wall + i * 7000,
});
const ref = (/** @type {number} */ i) => ({ id: `s${i % NAMES.length}`, name: NAMES[i % NAMES.length] });
const by = { seat: 't', name: 'Ms Rivera', role: 'teacher', via: 'panel' };

/** @type {lab.Class} */
const open = {
  open: true,
  title: 'Physics 11b, Tuesday',
  code: 'K7RM4X',
  url: 'http://192.168.4.17:8080/join/K7RM4X',
  locked: false,
  joined: NAMES.length,
  hide_names: false,
  may: { drive: true, record: true, experiment: false, rehearse: true },
  message: 'Write down the largest angle before you hand over.',
  rules,
  seats: [...NAMES.map(seat), { ...seat('Ms Rivera', 99), seat: 't', role: 'teacher', connected: true }],
};

/** The n-th device of a full bench, each a little different.  @param {number} i */
function nth(i) {
  const id = `p${String(i + 1).padStart(2, '0')}`;
  const name = i === 4 ? 'Aeropendulum by the window' : i % 7 === 6 ? `Kettle ${i + 1}` : `Pendulum ${i + 1}`;
  const lease = {
    holder: ref(i),
    fence: i,
    since_ms: 0,
    left_ms: 1000 * (14 + 37 * (i % 7)),
    why: 'turn',
    warn: i % 7 === 0,
  };
  /** @type {Partial<edge.Status>} */
  const s = { device: id, name, rules };
  if (i % 7 === 6) return madeUp(thermometer, status({ ...s, type: 'arduino-plotter' }), { seconds: 40 });
  if (i % 3 !== 2) s.lease = lease;
  if (i === 2) s.lease = { ...lease, partner: ref(8) };
  if (i % 4 === 0)
    s.queue = [ref(i + 3), ref(i + 5)].map((r, k) => ({ seat: r, expect_ms: 90_000 * (k + 1), away: k === 1 }));
  if (i === 1) s.hold = { by, wall_ms: wall };
  if (i === 3) s.run = 'r1';
  if (i === 9)
    Object.assign(s, {
      state: 'quarantined',
      safe: 'unconfirmed',
      reason: { code: 'no_answer', message: '' },
      lease: undefined,
    });
  if (i === 14) s.stopped = { by, wall_ms: wall };
  if (i === 17) Object.assign(s, { state: 'absent', reason: { code: 'port_missing', message: '' }, lease: undefined });
  if (i === 21) s.state = 'stale';
  if (i === 4) s.limits = { 'drive.power': { min: -40, max: 40 } };
  const c = i === 4 ? narrow(pendulum) : pendulum;
  return madeUp(c, status(s), { seconds: i === 17 ? 0 : 20 });
}

/** The contract with the motor's power narrowed.  @param {edge.Contract} c @returns {edge.Contract} */
const narrow = (c) => ({
  ...c,
  commands: c.commands.map((k) => ({
    ...k,
    params: k.params.map((p) => (p.id === 'power' ? { ...p, min: -40, max: 40 } : p)),
  })),
});

const bench = (n = 30) => Array.from({ length: n }, (_, i) => nth(i));

/** @typedef {{path: string, list?: Device[], cls?: Partial<lab.Class>, nobody?: boolean, set?: boolean, moving?: boolean, off?: number,
 *   press?: string}} Scene */
/** @type {Record<string, () => Scene>} */
const SCENES = {
  signin: () => ({ path: 'teacher', nobody: true, set: true }),
  first: () => ({ path: 'teacher', nobody: true }),
  overview: () => ({ path: 'teacher', list: bench(), cls: open, moving: true }),
  device: () => ({ path: 'teacher/d/p05', list: bench(), cls: open, press: 'details' }),
  quarantine: () => ({ path: 'teacher/d/p10', list: bench(12), cls: open }),
  stopped: () => {
    const list = bench();
    list.forEach((d, i) => {
      const bad = i === 5 || i === 17;
      d.stopping.value = {
        phase: i === 20 ? 'pending' : bad ? 'failed' : 'done',
        confirmed: !bad && i !== 20,
        code: bad ? 'no_answer' : undefined,
      };
    });
    return { path: 'teacher', list, cls: open };
  },
  rows: () => ({ path: 'teacher', list: bench(8), cls: open, press: '.allbar button' }),
  newclass: () => ({ path: 'teacher/class', cls: { open: false } }),
  class: () => ({ path: 'teacher/class', list: bench(), cls: open }),
  locked: () => ({ path: 'teacher/class', list: bench(), cls: { ...open, locked: true, hide_names: true } }),
  close: () => ({ path: 'teacher/class', list: bench(), cls: open, press: 'section > .row > button.danger' }),
  box: () => ({ path: 'teacher/box', cls: open, set: true, off: 3_700_000 }),
  noaccount: () => ({ path: 'teacher/box', cls: open }),
  projector: () => ({ path: 'projector', list: bench(), cls: open }),
  hidden: () => ({ path: 'projector', list: bench(8), cls: { ...open, hide_names: true, locked: true } }),
  noclass: () => ({ path: 'projector', list: bench(4), cls: { open: false } }),
};

/** What the box would answer.  @param {Scene} s @param {Record<string, any>} cls @param {string} path */
function answer(s, cls, path) {
  if (path.includes('class/freeze')) {
    const rows = devices.peek().map((d, i) => ({
      device: d.id,
      ok: i !== 3,
      confirmed: i !== 3,
      ...(i === 3 ? { error: { code: 'no_answer' } } : {}),
    }));
    return { devices: rows };
  }
  if (path.endsWith('class')) return cls;
  if (path.endsWith('teachers'))
    return [
      { name: 'Ms Rivera', role: 'operator' },
      { name: 'Mr Okafor', role: 'teacher' },
    ];
  if (path.endsWith('teacher')) return { set: Boolean(s.set), open_bench: !s.set, open: false };
  if (path.endsWith('box'))
    return {
      box: 'bench 3',
      version: 'v0.5.0',
      addresses: ['http://192.168.4.17:8080', 'http://[fd12:3456::17]:8080'],
      name: 'labbox.local',
      fingerprint:
        'SHA256:3f:9a:11:5c:77:e0:b2:4d:98:aa:01:fe:63:c5:0d:8b:3f:9a:11:5c:77:e0:b2:4d:98:aa:01:fe:63:c5:0d:8b',
      clock_offset_ms: 0,
      wall_ms: Date.now() - (s.off ?? 0),
    };
  return { runs: [], events: [] };
}

export function Gallery() {
  const [name] = useState(new URLSearchParams(location.search).get('s') ?? 'overview');
  const [scene, setScene] = useState(/** @type {Scene | null} */ (null));
  useEffect(() => {
    const s = SCENES[name]();
    box.value = 'bench 3';
    link.value = { phase: 'open', ever: true };
    me.value = s.nobody ? null : { seat: 't', name: 'Ms Rivera', role: 'teacher' };
    askName.value = false;
    notice.value = null;
    silent.value = false;
    beat.value = Date.now();
    devices.value = s.list ?? [];
    took(s.cls ?? {});
    globalThis.fetch = async (/** @type {any} */ at) => Response.json(answer(s, s.cls ?? {}, String(at)));
    const kept = devices.peek().map((d) => d.stream.value);
    setScene(s);
    const restore = () => {
      devices.peek().forEach((d, i) => {
        d.stream.value = kept[i]; // the pages have asked for another
      });
      dirty();
    };
    setTimeout(() => {
      restore();
      for (const el of s.press ? document.querySelectorAll(s.press) : []) {
        if (el instanceof HTMLDetailsElement) el.open = true;
        else {
          /** @type {HTMLElement} */ (el).click();
          break;
        }
      }
      setTimeout(() => {
        restore();
        setTimeout(() => Object.assign(globalThis, { teacherScene: name }), 150);
      }, 200);
    }, 100);
    if (!s.moving) return;
    const timer = setInterval(() => {
      for (const d of devices.peek()) {
        const stream = d.stream.value;
        if (!stream?.next || d.status.value.state !== 'live') continue;
        const rate = stream.contract.rate_hz ?? 10;
        stream.take(frame(stream.contract, stream.next, stream.next + Math.ceil(rate / 4)), performance.now());
      }
      dirty();
    }, 250);
    return () => clearInterval(timer);
  }, [name]);
  return scene && html`<${Teacher} path=${scene.path} />`;
}
