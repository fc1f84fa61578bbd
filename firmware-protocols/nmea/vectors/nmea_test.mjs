// Runs with `node --test firmware-protocols/nmea/vectors/nmea_test.mjs`.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { decode } from "./nmea_reference.mjs";

const { cases } = JSON.parse(readFileSync(new URL("decode.json", import.meta.url), "utf8"));

for (const c of cases) {
  test(c.name, () => {
    const bytes = [...Buffer.from(c.text ?? "", "utf8"), ...Buffer.from(c.hex ?? "", "hex")];
    const { out, malformed, stats } = decode(bytes, c);
    assert.deepEqual(out, c.want ?? []);
    assert.equal(malformed, c.malformed ?? 0);
    assert.equal(stats, c.stats);
  });
}
