// Runs with `node --test firmware-protocols/framing/vectors/framing_test.mjs`: the
// vectors that the Go codec passes against a second codec.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { ReferenceDecoder, wrap } from "./framing_reference.mjs";

const here = new URL(".", import.meta.url);
const files = readdirSync(here).filter((f) => f.endsWith(".json"));

test("there are vectors", () => assert.ok(files.length >= 8));

for (const file of files) {
  for (const c of JSON.parse(readFileSync(new URL(file, here), "utf8")).cases) {
    test(`${file}: ${c.name}`, () => {
      const dec = new ReferenceDecoder(c.options);
      for (const { text, times = 1, do: act } of c.input ?? []) {
        if (act) dec[act]();
        else dec.feed(text.repeat(times));
      }
      assert.deepEqual(dec.messages, c.messages ?? []);
      if (c.stats) assert.deepEqual(dec.stats, c.stats);
      for (const { body, frame } of c.send ?? []) if (frame) assert.equal(wrap(c.options, body), frame);
    });
  }
}
