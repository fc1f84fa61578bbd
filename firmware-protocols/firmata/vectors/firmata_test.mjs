// Runs with `node --test firmware-protocols/firmata/vectors/firmata_test.mjs`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode } from "./firmata_reference.mjs";

const { cases } = JSON.parse(readFileSync(new URL("decode.json", import.meta.url), "utf8"));

for (const c of cases) {
  test(c.name, () => {
    const bytes = c.bytes.split(" ").flatMap((word) => {
      const [digits, times] = word.split("*");
      return Array(Number(times ?? 1)).fill(Number.parseInt(digits, 16));
    });
    const { out, stats } = decode(bytes, c.from === "computer");
    assert.deepEqual(out, c.want);
    assert.equal(stats, c.stats);
  });
}
