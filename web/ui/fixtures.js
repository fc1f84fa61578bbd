// Devices, statuses and samples for the gallery and the tests; no box needed.

import { Device } from './state.js';
import { Stream } from './stream.js';

const text = (/** @type {string} */ en, fr = en, es = en) => ({ en, fr, es });
const channel = (
  /** @type {string} */ id,
  /** @type {edge.Text} */ label,
  /** @type {Partial<edge.Channel>} */ more = {},
) => ({ id, label, decimals: 1, scale: 1, offset: 0, format: 'f32', ...more });

const MODES = [
  { id: 'standby', value: 0, label: text('Standby', 'Veille', 'En espera') },
  { id: 'running', value: 1, label: text('Running', 'En marche', 'En marcha') },
  { id: 'alarm', value: 2, label: text('Alarm', 'Alarme', 'Alarma') },
];

/** @type {edge.Contract} */
export const pendulum = {
  type: 'pendulum',
  hash: 'fixture-pendulum',
  label: text('Driven pendulum', 'Pendule entretenu', 'Péndulo forzado'),
  channels: [
    channel('angle', text('Angle', 'Angle', 'Ángulo'), { unit: '°', min: -180, max: 180 }),
    channel('speed', text('Angular speed', 'Vitesse angulaire', 'Velocidad angular'), { unit: '°/s' }),
    channel('drive', text('Motor power', 'Puissance moteur', 'Potencia del motor'), { unit: '%', decimals: 0 }),
    channel('mode', text('Mode', 'Mode', 'Modo'), { format: 'enum', decimals: 0, choices: MODES }),
  ],
  commands: [
    {
      id: 'drive',
      label: text('Drive the motor', 'Entraîner le moteur', 'Accionar el motor'),
      help: text('Positive turns clockwise.', 'Positif : sens horaire.', 'Positivo: sentido horario.'),
      params: [
        {
          id: 'power',
          label: text('Power', 'Puissance', 'Potencia'),
          type: 'float',
          unit: '%',
          min: -100,
          max: 100,
          step: 1,
          default: 20,
          slew_per_s: 200,
          channel: 'drive',
        },
      ],
      confirm: 'reply',
      timeout_ms: 1000,
    },
    {
      id: 'mode',
      label: text('Mode', 'Mode', 'Modo'),
      params: [
        {
          id: 'to',
          label: text('Mode', 'Mode', 'Modo'),
          type: 'choice',
          min: 0,
          max: 0,
          default: 'standby',
          channel: 'mode',
          choices: MODES.slice(0, 2),
        },
      ],
      confirm: 'telemetry',
      timeout_ms: 1000,
    },
    {
      id: 'brake',
      label: text('Brake', 'Freiner', 'Frenar'),
      params: [],
      confirm: 'reply',
      timeout_ms: 1000,
      calming: true,
    },
    {
      id: 'calibrate',
      label: text('Set zero', 'Fixer le zéro', 'Poner a cero'),
      params: [],
      confirm: 'reply',
      timeout_ms: 3000,
    },
  ],
  panel: {
    plots: [
      { label: text('Angle', 'Angle', 'Ángulo'), channels: ['angle'] },
      {
        label: text('Speed and power', 'Vitesse et puissance', 'Velocidad y potencia'),
        channels: ['speed', 'drive'],
      },
    ],
    readouts: ['angle', 'speed', 'drive', 'mode'],
    window_s: 10,
    icon: 'pendulum',
  },
  rate_hz: 100,
  stale_ms: 500,
  drivable: true,
  safe: text('motor off, brake on', 'moteur coupé, frein serré', 'motor apagado, freno puesto'),
  grace_ms: 2000,
  keep_ms: 30000,
};

/** @type {edge.Contract} */
export const thermometer = {
  type: 'arduino-plotter',
  hash: 'fixture-plotter',
  label: text('Arduino plotter sketch', 'Croquis traceur Arduino', 'Programa Arduino Plotter'),
  channels: [
    channel('inside', text('Inside', 'Intérieur', 'Interior'), { unit: '°C', decimals: 2 }),
    channel('outside', text('Outside', 'Extérieur', 'Exterior'), { unit: '°C', decimals: 2 }),
  ],
  commands: [],
  panel: { icon: 'heat', window_s: 30 },
  rate_hz: 10,
  stale_ms: 3000,
  drivable: false,
  grace_ms: 2000,
  keep_ms: 30000,
};

/** @param {Partial<edge.Status>} more @returns {edge.Status} */
export const status = (more) => ({
  box: 'bench 3',
  device: 'pendulum',
  name: 'Pendulum 1',
  type: 'pendulum',
  port: '/dev/ttyUSB0',
  contract: '',
  state: 'live',
  since_ms: 0,
  safe: 'confirmed',
  rules: { turn_ms: 300_000, warn_ms: 30_000, idle_ms: 60_000 },
  stream: { id: 1, epoch: 1, seq: 0, rate_hz: 100 },
  tick: { owner: 1, n: 1, mono_ms: 1 },
  counts: { samples: 0, lost: 0, garbage: 0, reconnects: 0, commands: 0, refused: 0 },
  ...more,
});

/** A pendulum that swings and a kettle that warms up, by time in s.
 * @type {Record<string, (t: number) => number[]>} */
const MOTION = {
  pendulum: (t) => {
    const a = 38 * Math.exp(-((t % 25) / 12));
    return [a * Math.cos(5 * t), -a * 5 * Math.sin(5 * t), t % 25 < 2 ? 40 : 0, 1];
  },
  'arduino-plotter': (t) => [22 + 60 * (1 - Math.exp(-t / 40)) + 0.1 * Math.sin(t * 9), 21.4 + 0.2 * Math.sin(t / 7)],
};

/** One frame with the samples from s0 to s1 of a contract's motion.
 * @param {edge.Contract} c @param {number} s0 @param {number} s1 @param {number} [lost] @returns {Frame} */
export function frame(c, s0, s1, lost = 0) {
  const n = s1 - s0;
  const step = 1000 / (c.rate_hz ?? 10);
  const rows = Array.from({ length: n }, (_, i) => MOTION[c.type](((s0 + i) * step) / 1000));
  const boxTime = (/** @type {number} */ i) => (s0 + i) * step;
  return {
    stream: 1,
    epoch: 1,
    lost,
    seq: s0,
    next: s1,
    t0: boxTime(0),
    n,
    minmax: false,
    channels: c.channels.map((_, index) => ({ index, format: 1, values: Float32Array.from(rows, (r) => r[index]) })),
    boxTime,
    times: Float64Array.from(rows, (_, i) => boxTime(i)),
    deviceTimes: null,
  };
}

/** A device with its contract and `seconds` of samples, with a gap where asked for.
 * @param {edge.Contract | null} c @param {edge.Status} s @param {{seconds?: number, gap?: boolean, now?: number}} [o] */
export function madeUp(c, s, { seconds = 20, gap = false, now = performance.now() } = {}) {
  const d = new Device(s);
  d.contract.value = c;
  if (!c) return d;
  const stream = new Stream(c, [...c.channels.keys()]);
  const rate = c.rate_hz ?? 10;
  const total = seconds * rate;
  if (gap) {
    stream.take(frame(c, 0, Math.round(total * 0.7)), now);
    stream.take(frame(c, Math.round(total * 0.8), total, Math.round(total * 0.1)), now);
  } else if (total) stream.take(frame(c, 0, total), now);
  d.stream.value = stream;
  return d;
}
