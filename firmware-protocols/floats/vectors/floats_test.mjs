// Runs with `node --test firmware-protocols/floats/vectors/floats_test.mjs`: the
// vectors that the Go codec passes, read with JavaScript's own DataView and JSON.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

const read = (name) => JSON.parse(readFileSync(new URL(name, import.meta.url), "utf8")).cases;
const special = { nan: Number.NaN, inf: Infinity, "-inf": -Infinity };

function decode(msg, n) {
  if (msg.length % 4 !== 0) {
    throw new Error(
      `device sends ${msg.length} bytes, which is no whole number of floats, the type file declares ${n} floats (${4 * n} bytes)`,
    );
  }
  if (msg.length !== 4 * n) throw new Error(`device sends ${msg.length / 4} floats, the type file declares ${n}`);
  const view = new DataView(msg.buffer, msg.byteOffset, msg.length);
  return Array.from({ length: n }, (_, i) => view.getFloat32(4 * i, true));
}

for (const c of read("decode.json")) {
  test(`decode: ${c.name}`, () => {
    const msg = c.hex === undefined ? new Uint8Array(c.zeros) : Uint8Array.from(Buffer.from(c.hex, "hex"));
    if (c.error) assert.throws(() => decode(msg, c.n), { message: c.error });
    else assert.deepEqual(decode(msg, c.n).map((x) => x + 0), c.want.map((x) => special[x] ?? x));
  });
}

function parse(text) {
  if (text.length > 128 || text.includes("\\")) throw new Error("length or escape");
  const pairs = Object.entries(JSON.parse(text));
  if (pairs.length !== 1) throw new Error("one key");
  const [[key, value]] = pairs;
  if (!/^[A-Za-z_][A-Za-z0-9_]{0,31}$/.test(key)) throw new Error("key");
  if (typeof value !== "string" || !/^[+-]?(\d+\.?\d*|\.\d+)$/.test(value)) throw new Error("value");
  return [key, Number(value)];
}

for (const c of read("command.json")) {
  test(`command: ${c.name}`, () => {
    if (c.error) assert.throws(() => parse(c.text));
    else assert.deepEqual(parse(c.text), [c.key, c.value]);
  });
}
