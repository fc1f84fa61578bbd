// Cameras and runs for the gallery: what the box would answer, with pictures that are drawn here. No box needed.

import { frame, pendulum } from './fixtures.js';

const SIZE = [640, 480];
const EVERY_MS = 100;
const text = (/** @type {string} */ en, fr = en, es = en) => ({ en, fr, es });

/** @typedef {{cameras?: edge.Camera[], why?: Trouble, ago?: number, stalls?: boolean, run?: edge.RunDetail, refused?: Trouble}} Answers */

/** @param {Partial<edge.Camera>} [more] @returns {edge.Camera} */
export const camera = (more) => ({
  id: 'bench',
  name: 'Bench camera',
  description: text(
    'The pendulum from the front, with a scale of degrees behind it.',
    'Le pendule vu de face, devant une échelle en degrés.',
    'El péndulo de frente, delante de una escala en grados.',
  ),
  source: 'sim',
  state: 'live',
  since_ms: 0,
  width: SIZE[0],
  height: SIZE[1],
  rate_hz: 10,
  last_ms: 1,
  now_ms: 1,
  viewers: [
    { id: 'ana', name: 'Ana' },
    { id: 'bo', name: 'Bō \u05d3\u05e0\u05d4' },
    { id: 'w2', name: '<b>Ingeborg-Annelise</b>' },
  ],
  ...more,
});

/** Why a camera is lost.  @param {string} why @returns {edge.Error} */
export const lost = (why) => ({ code: 'no_picture', message: why, args: { why } });

/** A drawing of a pendulum at a time of its motion.  @param {number} ms @returns {Promise<Blob>} */
function drawing(ms) {
  const el = document.createElement('canvas');
  [el.width, el.height] = SIZE;
  const c = /** @type {CanvasRenderingContext2D} */ (el.getContext('2d'));
  const a = (38 * Math.exp(-((ms / 1000) % 25) / 12) * Math.cos(ms / 200) * Math.PI) / 180;
  c.fillStyle = '#e9edf1';
  c.fillRect(0, 0, 640, 480);
  c.fillStyle = '#c9b79c';
  c.fillRect(0, 430, 640, 50);
  c.strokeStyle = '#5b6673';
  for (let d = -60; d <= 60; d += 10) {
    const r = (d * Math.PI) / 180;
    c.beginPath();
    c.moveTo(320 + 330 * Math.sin(r), 50 + 330 * Math.cos(r));
    c.lineTo(320 + 345 * Math.sin(r), 50 + 345 * Math.cos(r));
    c.stroke();
  }
  c.lineWidth = 6;
  c.beginPath();
  c.moveTo(320, 50);
  c.lineTo(320 + 290 * Math.sin(a), 50 + 290 * Math.cos(a));
  c.stroke();
  c.fillStyle = '#0072b2';
  c.beginPath();
  c.arc(320 + 290 * Math.sin(a), 50 + 290 * Math.cos(a), 34, 0, 7);
  c.fill();
  return new Promise((ok) => el.toBlob((b) => ok(/** @type {Blob} */ (b)), 'image/jpeg', 0.8));
}

/** @param {number} at box's time of the first picture, ms @param {boolean} [stalls] one picture, then none */
function stream(at, stalls) {
  let n = 0;
  return new ReadableStream({
    async pull(out) {
      if (n && stalls) return new Promise(() => {});
      if (n) await new Promise((ok) => setTimeout(ok, EVERY_MS));
      const jpeg = await drawing(at + n * EVERY_MS);
      out.enqueue(
        new TextEncoder().encode(
          `--labbox-picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.size}\r\nLab-Time-Us: ${Math.round((at + n * EVERY_MS) * 1000)}\r\nLab-Seq: ${++n}\r\n\r\n`,
        ),
      );
      out.enqueue(new Uint8Array(await jpeg.arrayBuffer()));
      out.enqueue(new Uint8Array([13, 10]));
    },
  });
}

/** Sample frames as edge/frame writes them: f32 channels, times by a constant step.  @param {Frame} f @param {number} stepMS */
export function encode(f, stepMS) {
  const pad8 = (/** @type {number} */ n) => Math.ceil(n / 8) * 8;
  const size = 48 + 16 * f.channels.length + 8 + f.channels.length * pad8(4 * f.n);
  const d = new DataView(new ArrayBuffer(size));
  d.setUint8(0, 0x4c);
  d.setUint8(1, 1);
  d.setUint16(2, 1, true);
  d.setUint16(4, f.channels.length, true);
  d.setUint32(8, f.n, true);
  d.setUint32(12, size, true);
  d.setBigUint64(16, 1n, true);
  d.setUint32(24, f.epoch, true);
  d.setUint32(28, f.lost, true);
  d.setBigUint64(32, BigInt(f.seq), true);
  d.setBigInt64(40, BigInt(Math.round(f.t0 * 1e6)), true);
  f.channels.forEach((c, i) => {
    d.setUint8(48 + 16 * i, 1);
    d.setUint16(50 + 16 * i, c.index, true);
  });
  let at = 48 + 16 * f.channels.length;
  d.setFloat64(at, stepMS * 1000, true);
  at += 8;
  for (const c of f.channels) {
    c.values.forEach((v, i) => {
      d.setFloat32(at + 4 * i, v, true);
    });
    at += pad8(4 * f.n);
  }
  return new Uint8Array(d.buffer);
}

/** Forty seconds of a pendulum, five of them from before the start, a gap, and a picture every half second from 3 s on.
 * @param {{pictures?: boolean, state?: string}} [o] @returns {edge.RunDetail} */
export function runDetail({ pictures = true, state = 'done' } = {}) {
  const ana = { id: 'ana', name: 'Ana' };
  const by = { seat: 'ana', name: 'Ana', role: 'student', via: 'panel' };
  const event = (
    /** @type {number} */ time_ms,
    /** @type {string} */ code,
    /** @type {Record<string, unknown>} */ args,
    /** @type {edge.Actor | undefined} */ actor = by,
  ) => ({
    time_ms,
    event: { box: '', device: 'pendulum', seq: time_ms, mono_us: time_ms * 1000, wall_ms: time_ms, code, args, actor },
  });
  const shot = (/** @type {string} */ id, /** @type {string} */ name, /** @type {number} */ from) => ({
    camera: id,
    name,
    description: camera().description,
    times_ms: Array.from({ length: 60 }, (_, i) => from + i * 500),
    bytes: 2e6,
    ended: id === 'side' ? 'full' : undefined,
  });
  return {
    run: {
      id: 'r1',
      device: 'pendulum',
      name: 'with motor <i>2</i>',
      by: ana,
      state,
      contract: 'fixture-pendulum',
      type: 'pendulum',
      start_ms: Date.UTC(2026, 2, 3, 10, 15),
      length_ms: 35_000,
      samples: 3700,
      lost: 300,
      gaps: 1,
      bytes: 154e3,
      cameras: pictures ? ['bench', 'side'] : undefined,
    },
    pre_trigger_ms: 5000,
    first_ms: -5000,
    contract: structuredClone(pendulum),
    annotations: [{ time_ms: 20_400, text: 'pushed it by hand', by: ana }],
    events: [
      event(0, 'run', { what: 'start', name: 'with motor' }),
      event(4000, 'command', { command: 'drive', outcome: 'confirmed' }),
      event(9000, 'refused', { command: 'drive', code: 'slew' }),
      event(15_000, 'state', { state: 'absent' }, undefined),
      event(18_000, 'state', { state: 'live' }, undefined),
      event(30_000, 'estop', {}),
      event(30_300, 'safe', { outcome: 'confirmed' }, undefined),
    ],
    pictures: pictures ? [shot('bench', 'Bench camera', 3000), shot('side', 'From the side', 3200)] : [],
  };
}

/** @param {Trouble} e */
const refusal = (e) => Response.json({ error: e }, { status: 403 });

/** What the box answers in a scene; `null`: nothing of ours.  @param {Answers} s @param {string} url */
export async function answer(s, url) {
  const box = performance.now();
  if (/\/cameras$/.test(url)) {
    const list = s.why ? [] : (s.cameras ?? []);
    return Response.json({
      why: s.why,
      cameras: list.map((c) => ({ ...c, now_ms: box, last_ms: box - (s.ago ?? 0) })),
    });
  }
  if (url.includes('/stream')) {
    const head = { headers: { 'Content-Type': 'multipart/x-mixed-replace; boundary=labbox-picture' } };
    return s.cameras?.[0].state === 'starting'
      ? new Response(new ReadableStream({ pull: () => new Promise(() => {}) }), head)
      : new Response(stream(box - (s.ago ?? 0), s.stalls), head);
  }
  if (s.refused && url.includes('/runs/')) return refusal(s.refused);
  if (/\/detail$/.test(url)) return Response.json(s.run);
  if (/\/frames\?camera=.*&t=(\d+)/.test(url)) {
    return new Response(await drawing(Number(/t=(\d+)/.exec(url)?.[1]) + 5000));
  }
  if (/\/frames/.test(url)) {
    const parts = [frame(pendulum, 0, 2000), frame(pendulum, 2300, 4000, 300)].map((f) => encode(f, 10));
    return new Response(new Blob(parts));
  }
  return null;
}
