// @ts-check
// The reader of binary sample frames; edge/frame/SPEC.md says what the bytes mean.
//
//   for (const f of parseFrames(event.data)) plot.push(f.times, f.channels[0].values);
//
// f32 and f64 arrays are views of the message's own memory.

/** @typedef {{index: number, format: number, values: Float32Array | Float64Array}} FrameChannel */

/**
 * @typedef {object} Frame
 * @property {number} stream names the device's stream
 * @property {number} epoch changes with a restart, a new contract or calibration
 * @property {number} lost samples missing right before this frame, or LOST_UNKNOWN
 * @property {number} seq number of the first sample in this epoch
 * @property {number} next seq of the sample after the last one this frame covers
 * @property {number} t0 box's monotonic time of the first sample, ms
 * @property {number} n samples; in a min/max view two per bucket
 * @property {boolean} minmax whether this is a min/max view
 * @property {FrameChannel[]} channels
 * @property {(i: number) => number} boxTime box's monotonic time of sample i, ms
 * @property {Float64Array} times the same of all samples, computed when first asked for
 * @property {Float64Array | null} deviceTimes the device's own times, ms, NaN where unknown
 */

export const F32 = 1;
export const F64 = 2;
export const I16 = 3;
export const ENUM = 4;

/** Value of `lost` where nobody knows how many samples are missing. */
export const LOST_UNKNOWN = 0xffffffff;

const MAGIC = 0x4c;
const VERSION = 1;
const BOX_STEP = 1;
const DEVICE = 2;
const DEVICE_STEP = 4;
const MINMAX = 8;
const HEADER = 48;
const COLUMN = 16;
const MAX_SIZE = 2 ** 24;
const MAX_CHANNELS = 1024;
const MISSING_I16 = -32768;
const MISSING_ENUM = 255;
/** @type {Record<number, number>} */
const WIDTH = { [F32]: 4, [F64]: 8, [I16]: 2, [ENUM]: 1 };

/** @param {number} n */
const pad8 = (n) => Math.ceil(n / 8) * 8;

/** Thrown for bytes that are no frame. */
export class FrameError extends Error {}

/**
 * Reads all frames of one message.
 * @param {ArrayBuffer | Uint8Array} message
 * @returns {Frame[]}
 */
export function parseFrames(message) {
  let bytes = message instanceof Uint8Array ? message : new Uint8Array(message);
  if (bytes.byteOffset % 8 !== 0) bytes = bytes.slice();
  const frames = [];
  for (let at = 0; at < bytes.length; ) {
    const left = new DataView(bytes.buffer, bytes.byteOffset + at, bytes.length - at);
    const size = frameSize(left);
    frames.push(parseFrame(new DataView(bytes.buffer, bytes.byteOffset + at, size)));
    at += size;
  }
  return frames;
}

/** @param {DataView} d */
function frameSize(d) {
  if (d.byteLength < HEADER) throw new FrameError("bytes end early");
  if (d.getUint8(0) !== MAGIC) throw new FrameError("not a sample frame");
  if (d.getUint8(1) !== VERSION || d.getUint16(2, true) > 15) {
    throw new FrameError("unknown version or flags");
  }
  const size = d.getUint32(12, true);
  if (size < HEADER || size % 8 !== 0 || size > MAX_SIZE || size > d.byteLength) {
    throw new FrameError("lengths do not agree");
  }
  return size;
}

/**
 * @param {DataView} d exactly one frame
 * @returns {Frame}
 */
function parseFrame(d) {
  const flags = d.getUint16(2, true);
  const count = d.getUint16(4, true);
  const n = d.getUint32(8, true);
  const seq = Number(d.getBigUint64(32, true));
  const minmax = (flags & MINMAX) !== 0;
  if (count === 0 || count > MAX_CHANNELS || (flags & (DEVICE | DEVICE_STEP)) === DEVICE_STEP) {
    throw new FrameError("header value out of bounds");
  }
  let at = HEADER + COLUMN * count;
  const covered = at;
  if (minmax) at += 8;
  const box = at;
  at += flags & BOX_STEP ? 8 : pad8(4 * n);
  const dev = at;
  if (flags & DEVICE) at += flags & DEVICE_STEP ? 16 : 8 * n;
  if (at > d.byteLength) throw new FrameError("lengths do not agree");

  const arrays = [];
  for (let i = 0; i < count; i++) {
    const width = WIDTH[d.getUint8(HEADER + COLUMN * i)];
    if (width === undefined) throw new FrameError("unknown format");
    arrays.push(at);
    at += pad8(width * n);
  }
  if (at !== d.byteLength) throw new FrameError("lengths do not agree");

  const t0 = Number(d.getBigInt64(40, true)) / 1e6;
  const step = flags & BOX_STEP ? d.getFloat64(box, true) / 1e3 : 0;
  const offsets = flags & BOX_STEP ? null : new Uint32Array(d.buffer, d.byteOffset + box, n);
  const boxTime = (/** @type {number} */ i) => t0 + (offsets ? offsets[i] / 1e3 : step * i);
  /** @type {Float64Array | undefined} */
  let times;
  return {
    stream: Number(d.getBigUint64(16, true)),
    epoch: d.getUint32(24, true),
    lost: d.getUint32(28, true),
    seq,
    next: seq + (minmax ? Number(d.getBigUint64(covered, true)) : n),
    t0,
    n,
    minmax,
    channels: arrays.map((array, i) => channel(d, HEADER + COLUMN * i, array, n)),
    boxTime,
    get times() {
      times ??= Float64Array.from({ length: n }, (_, i) => boxTime(i));
      return times;
    },
    deviceTimes: deviceTimes(d, flags, dev, n),
  };
}

/**
 * @param {DataView} d
 * @param {number} flags
 * @param {number} at
 * @param {number} n
 */
function deviceTimes(d, flags, at, n) {
  if (!(flags & DEVICE)) return null;
  if (flags & DEVICE_STEP) {
    const first = d.getFloat64(at, true);
    const step = d.getFloat64(at + 8, true);
    return Float64Array.from({ length: n }, (_, i) => (first + step * i) / 1e3);
  }
  return new Float64Array(d.buffer, d.byteOffset + at, n).map((us) => us / 1e3);
}

/**
 * @param {DataView} d
 * @param {number} column where its description stands
 * @param {number} at where its array stands
 * @param {number} n
 * @returns {FrameChannel}
 */
function channel(d, column, at, n) {
  const format = d.getUint8(column);
  const index = d.getUint16(column + 2, true);
  const start = d.byteOffset + at;
  switch (format) {
    case F32:
      return { index, format, values: new Float32Array(d.buffer, start, n) };
    case F64:
      return { index, format, values: new Float64Array(d.buffer, start, n) };
    case I16: {
      const scale = d.getFloat32(column + 8, true);
      const offset = d.getFloat32(column + 12, true);
      const raw = new Int16Array(d.buffer, start, n);
      const values = Float64Array.from(raw, (x) =>
        x === MISSING_I16 ? Number.NaN : x * scale + offset,
      );
      return { index, format, values };
    }
    default: {
      const raw = new Uint8Array(d.buffer, start, n);
      const values = Float32Array.from(raw, (x) => (x === MISSING_ENUM ? Number.NaN : x));
      return { index, format, values };
    }
  }
}
