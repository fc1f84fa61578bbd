import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PartError, Parts } from '../multipart.js';

const latin = (/** @type {string} */ s) => Uint8Array.from(s, (c) => c.charCodeAt(0));

/** As edge/picture.AppendPart writes it.  @param {string} jpeg @param {number} seq */
const part = (jpeg, seq) =>
  `--labbox-picture\r\nContent-Type: image/jpeg\r\nContent-Length: ${jpeg.length}\r\nLab-Time-Us: ${seq * 1000}\r\nLab-Wall-Ms: 1700000000000\r\nLab-Seq: ${seq}\r\n\r\n${jpeg}\r\n`;

/** @param {Uint8Array} bytes @param {(i: number) => number} step bytes of chunk i */
function read(bytes, step) {
  /** @type {string[]} */
  const got = [];
  const parts = new Parts((p) => got.push(`${p.seq} ${p.at} ${String.fromCharCode(...p.jpeg)}`));
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const n = step(i);
    parts.push(bytes.subarray(at, at + n));
    at += n;
  }
  return { got, parts };
}

// Pictures that look like the stream itself, and one without bytes.
const STREAM = latin(
  `\r\n${part('\xff\xd8one\xff\xd9', 1)}${part('--labbox-picture\r\n\r\n', 2)}${part('', 3)}${part('\r\n\r\n--', 4)}`,
);
const WANT = ['1 1 \xff\xd8one\xff\xd9', '2 2 --labbox-picture\r\n\r\n', '4 4 \r\n\r\n--'];

test('pictures come whole however the stream is cut', () => {
  assert.deepEqual(read(STREAM, () => STREAM.length).got, WANT);
  for (let n = 1; n < 80; n++) assert.deepEqual(read(STREAM, () => n).got, WANT, `chunks of ${n}`);
  for (let cut = 0; cut <= STREAM.length; cut++)
    assert.deepEqual(read(STREAM, (i) => (i ? STREAM.length : cut)).got, WANT, `cut at ${cut}`);
  let seed = 7;
  for (let k = 0; k < 300; k++) {
    const random = () => {
      seed = (seed * 48271) % 2147483647;
      return seed % 61;
    };
    assert.deepEqual(read(STREAM, random).got, WANT);
  }
});

test('a picture is given when its last byte is there, not later', () => {
  const one = latin(part('abc', 9));
  const { got } = read(one.subarray(0, one.length - 2), () => 5);
  assert.deepEqual(got, ['9 9 abc']);
});

test('the end, and what comes after it', () => {
  const { got, parts } = read(latin(`${part('a', 1)}--labbox-picture--\r\nrubbish`), () => 3);
  assert.deepEqual(got, ['1 1 a']);
  assert.ok(parts.ended);
});

test('what is no such stream is refused, and its size is bounded', () => {
  for (const [text, why] of [
    ['<html>', /not a part/],
    ['--b\r\nContent-Type: image/jpeg\r\n\r\n', /without its length/],
    ['--b\r\nContent-Length: -1\r\n\r\n', /without its length/],
    ['--b\r\nContent-Length: 1e3\r\n\r\n', /without its length/],
    ['--b\r\nContent-Length: 99999999999\r\n\r\n', /without its length/],
    ['--b\r\nContent-Length: 1001\r\n\r\n', /too large/],
    [`--b\r\n${'x'.repeat(9000)}`, /no end/],
  ]) {
    const parts = new Parts(() => assert.fail('no picture'), 1000);
    assert.throws(
      () => parts.push(latin(/** @type {string} */ (text))),
      (e) => e instanceof PartError && /** @type {RegExp} */ (why).test(e.message),
      String(text).slice(0, 60),
    );
  }
});

test('any bytes end in pictures or in a refusal', () => {
  let seed = 11;
  const random = (/** @type {number} */ n) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  for (let k = 0; k < 2000; k++) {
    const bytes = STREAM.slice();
    for (let i = 0; i < 1 + (k % 4); i++) bytes[random(bytes.length)] = random(256);
    try {
      read(bytes, () => 1 + random(50));
    } catch (e) {
      assert.ok(e instanceof PartError, String(e));
    }
  }
});
