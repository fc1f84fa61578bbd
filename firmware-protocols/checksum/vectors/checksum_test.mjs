// Runs with `node --test firmware-protocols/checksum/vectors/checksum_test.mjs`: the
// vectors that the Go code passes, against a second implementation.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { algorithms, lookup, read, sum, width, write } from "./checksum_reference.mjs";

test("check values", () => {
  assert.ok(algorithms().size > 50);
  for (const a of algorithms()) assert.equal(sum(a, "123456789"), a.check, a.name);
});

for (const c of JSON.parse(readFileSync(new URL("checksum.json", import.meta.url), "utf8")).cases) {
  test(c.name, () => {
    const a = lookup(c.kind);
    const x = sum(a, Buffer.from(c.hex ?? "", "hex").toString("latin1") + (c.text ?? ""));
    const form = { as: c.as || "binary", order: c.order || "big", upper: c.upper };
    const out = write(a, x, form);
    assert.equal(out.length, width(a, form.as));
    assert.equal(form.as === "binary" ? Buffer.from(out, "latin1").toString("hex") : out, c.want);
    assert.equal(read(a, out, form), x);
  });
}
