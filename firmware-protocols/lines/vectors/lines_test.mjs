// Runs with `node --test firmware-protocols/lines/vectors/lines_test.mjs`: the
// vectors that the Go decoder passes against a second decoder.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ReferenceDecoder, readable } from "./lines_reference.mjs";

const here = new URL(".", import.meta.url);
const files = readdirSync(here).filter((f) => /^decode_.*\.json$/.test(f));
const read = (name) => JSON.parse(readFileSync(new URL(name, here), "utf8"));

const bytesOf = ({ text = "", hex = "", repeat = "", times = 0 }) =>
  Buffer.concat([Buffer.from(text), Buffer.from(hex, "hex"), Buffer.from(repeat.repeat(times))]).toString("latin1");

test("there are vectors", () => assert.ok(files.length >= 5));

for (const file of files) {
  for (const c of read(file).cases) {
    test(`${file}: ${c.name}`, () => {
      const dec = new ReferenceDecoder(c.options);
      for (const input of c.input) {
        if (input.do === "reset") dec.reset();
        else if (input.do === "flush") dec.flush();
        else dec.feed(bytesOf(input));
      }
      assert.deepEqual(dec.records.map(readable), c.records ?? []);
      assert.deepEqual(dec.stats, c.stats);
    });
  }
}

// Commands: JavaScript's own JSON reads what the encoder of labbox writes.
for (const c of read("encode.json").cases) {
  test(`encode.json: ${c.name}`, () => {
    if (c.error) return;
    const term = c.terminator ?? "\n";
    assert.ok(c.out.endsWith(term));
    const body = c.out.slice(0, -term.length);
    assert.ok(!body.includes(term), "the terminator comes once");
    if (!c.pairs || c.format === "relaxed") return;
    const want = c.pairs.map((p) => [p.key, p.str ?? p.int ?? p.flag ?? (p.float ?? Number(p.fixed.toFixed(p.decimals))) + 0]);
    assert.deepEqual(Object.entries(JSON.parse(body)), want);
  });
}
