// A second implementation of SPEC.md, bit by bit, for the vectors. Its table is the
// one in SPEC.md. Bytes are strings of the characters U+0000 to U+00FF.
import { readFileSync } from "node:fs";

const plain = (name) => name.toLowerCase().replace(/[-_/ .]/g, "");

const table = new Map();
for (const row of readFileSync(new URL("../SPEC.md", import.meta.url), "utf8").matchAll(
  /^\| ([a-z0-9-]+) \| (\d) \| (.*?) \| ([0-9A-F]+) \|(.*)\|$/gm,
)) {
  const [, name, size, rule, check, aliases] = row;
  const algorithm = { name, size: Number(size), rule, check: Number.parseInt(check, 16) };
  for (const key of [name, ...aliases.split(",").filter((a) => a.trim())]) table.set(plain(key.trim()), algorithm);
}

export const algorithms = () => new Set(table.values());

export function lookup(name) {
  const a = table.get(plain(name));
  if (!a) throw new Error(`no checksum ${name}`);
  return a;
}

const reverse = (x, width) => {
  let y = 0n;
  for (let i = 0n; i < width; i++) y = (y << 1n) | ((x >> i) & 1n);
  return y;
};

export function sum(a, bytes) {
  const width = BigInt(8 * a.size);
  const mask = (1n << width) - 1n;
  const codes = [...bytes].map((c) => BigInt(c.charCodeAt(0)));
  const crc = /^CRC (\w+), init (\w+), (reflected|plain), out (\w+)$/.exec(a.rule);
  if (crc) {
    const [poly, init, out] = [crc[1], crc[2], crc[4]].map((h) => BigInt(`0x${h}`));
    let x = init;
    for (const c of codes) {
      x ^= (crc[3] === "reflected" ? reverse(c, 8n) : c) << (width - 8n);
      for (let i = 0; i < 8; i++) x = (x >> (width - 1n) ? (x << 1n) ^ poly : x << 1n) & mask;
    }
    if (crc[3] === "reflected") x = reverse(x, width);
    return Number(x ^ out);
  }
  if (/Adler|Fletcher/.test(a.rule)) {
    const [m, shift] = /Adler/.test(a.rule) ? [65521n, 16n] : [255n, 8n];
    let lo = shift === 16n ? 1n : 0n;
    let hi = 0n;
    for (const c of codes) {
      lo = (lo + c) % m;
      hi = (hi + lo) % m;
    }
    return Number((hi << shift) | lo);
  }
  if (/xored/.test(a.rule)) {
    const x = codes.reduce((x, c) => x ^ c, 0n);
    return Number(/inverted/.test(a.rule) ? x ^ 0xffn : x);
  }
  const x = codes.reduce((x, c) => x + c, 0n);
  if (/two's/.test(a.rule)) return Number(-x & mask);
  return Number((/one's/.test(a.rule) ? ~x : x) & mask);
}

export const width = (a, as = "binary") => (as === "hex" ? 2 * a.size : as === "decimal" ? [0, 3, 5, 8, 10][a.size] : a.size);

export function write(a, x, { as = "binary", order = "big", upper = false } = {}) {
  if (as === "decimal") return String(x).padStart(width(a, as), "0");
  let pairs = x.toString(16).padStart(2 * a.size, "0").match(/../g);
  if (order === "little") pairs = pairs.reverse();
  if (as === "hex") return upper ? pairs.join("").toUpperCase() : pairs.join("");
  return String.fromCharCode(...pairs.map((p) => Number.parseInt(p, 16)));
}

// read returns undefined for what is no checksum.
export function read(a, text, { as = "binary", order = "big" } = {}) {
  if (as === "decimal") {
    const x = /^ *\d+$/.test(text) ? Number(text) : Number.NaN;
    return x < 256 ** a.size ? x : undefined;
  }
  const digits = as === "hex" ? text : [...text].map((c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join("");
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== 2 * a.size) return undefined;
  const pairs = digits.match(/../g);
  return Number.parseInt((order === "little" ? pairs.reverse() : pairs).join(""), 16);
}
