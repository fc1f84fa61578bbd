// Runs with `node --test firmware-protocols/modbus/vectors/modbus_test.mjs`: a second
// codec, written from SPEC.md alone, held to the vectors that the Go one passes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const load = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8"));
const frames = load("frames.json");
const values = load("values.json");

function crc(bytes) {
  let c = 0xffff;
  for (const b of bytes) {
    c ^= b;
    for (let i = 0; i < 8; i++) c = c & 1 ? (c >> 1) ^ 0xa001 : c >> 1;
  }
  return [c & 0xff, c >> 8];
}

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const unhex = (s) => [...Buffer.from(s, "hex")];
const u16 = (n) => [n >> 8, n & 0xff];
const rtu = (unit, pdu) => [unit, ...pdu, ...crc([unit, ...pdu])];
const tcp = (txid, unit, pdu) => [...u16(txid), 0, 0, ...u16(pdu.length + 1), unit, ...pdu];

function request(c) {
  const data = unhex(c.values);
  const head = [c.function, ...u16(c.address)];
  if (c.function <= 4) return [...head, ...u16(c.count)];
  if (c.function <= 6) return [...head, ...data];
  return [...head, ...u16(c.count), data.length, ...data];
}

function reply(c) {
  if (c.exception) return [c.function | 0x80, c.exception];
  const data = unhex(c.data);
  return c.function <= 4 ? [c.function, data.length, ...data] : [c.function, ...data];
}

for (const c of frames.crc) test(`crc: ${c.name}`, () => assert.equal(hex(crc(unhex(c.hex))), c.crc));

for (const c of frames.cases) {
  test(`frames: ${c.name}`, () => {
    assert.equal(hex(rtu(c.unit, request(c))), c.rtuRequest);
    assert.equal(hex(tcp(c.txid, c.unit, request(c))), c.tcpRequest);
    assert.equal(hex(rtu(c.unit, reply(c))), c.rtuReply);
    assert.equal(hex(tcp(c.txid, c.unit, reply(c))), c.tcpReply);
  });
}

// ordered brings registers into the order A B C D, or back.
function ordered(c, bytes) {
  const words = [];
  for (let i = 0; i < bytes.length; i += 2) words.push([bytes[i], bytes[i + 1]]);
  if (c.word_order === "little") words.reverse();
  if (c.byte_order === "little") for (const w of words) w.reverse();
  return words.flat();
}

const types = {
  u16: ["Uint16", 2],
  i16: ["Int16", 2],
  u32: ["Uint32", 4],
  i32: ["Int32", 4],
  u64: ["BigUint64", 8],
  i64: ["BigInt64", 8],
  f32: ["Float32", 4],
  f64: ["Float64", 8],
};

function decode(c) {
  const bytes = ordered(c, unhex(c.hex));
  let raw;
  if (c.as === "bcd") {
    const digits = hex(bytes);
    if (/[a-f]/.test(digits)) return null;
    raw = Number(digits);
  } else if (c.as === "bit") {
    return (((bytes[0] << 8) | bytes[1]) >> (c.bit ?? 0)) & 1;
  } else {
    raw = Number(new DataView(Uint8Array.from(bytes).buffer)[`get${types[c.as][0]}`](0));
  }
  if (Number.isNaN(raw) || raw === c.missing) return null;
  const inverse = Math.round(1 / (c.scale ?? 1));
  return (inverse > 1 ? raw / inverse : raw * (c.scale ?? 1)) + (c.offset ?? 0);
}

function encode(c) {
  let raw = (c.value - (c.offset ?? 0)) / (c.scale ?? 1);
  if (!c.as.startsWith("f")) raw = Math.round(raw);
  if (c.as === "bcd") return hex(ordered(c, unhex(String(raw).padStart(4 * (c.length ?? 1), "0"))));
  const [name, size] = types[c.as];
  const view = new DataView(new ArrayBuffer(size));
  view[`set${name}`](0, size === 8 && name.startsWith("Big") ? BigInt(raw) : raw);
  return hex(ordered(c, [...new Uint8Array(view.buffer)]));
}

for (const c of values.cases) {
  test(`values: ${c.as} ${c.name}`, () => {
    assert.equal(decode(c), c.value);
    if (c.value !== null && c.as !== "bit") assert.equal(encode(c), c.hex);
  });
}
