// Runs with `node --test edge/frame/vectors/`: the JavaScript reader against the
// fixtures that the Go tests write.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { FrameError, parseFrames } from "../../../web/ui/frame.js";

const here = new URL(".", import.meta.url);
const load = (name) => new Uint8Array(readFileSync(new URL(name, here)));
const names = readdirSync(here).filter((f) => f.endsWith(".bin"));

const near = (got, want, what) => {
  assert.equal(got.length, want.length, what);
  want.forEach((x, i) => {
    if (x === null) assert.ok(Number.isNaN(got[i]), `${what}[${i}] is missing`);
    else assert.ok(Math.abs(got[i] - x) <= 1e-6, `${what}[${i}]: ${got[i]}, want ${x}`);
  });
};
const exact = (got, want, what) =>
  assert.deepEqual(Array.from(got), want.map((x) => x ?? Number.NaN), what);

test("there are fixtures", () => assert.ok(names.length >= 4));

for (const name of names) {
  test(name, () => {
    const want = JSON.parse(readFileSync(new URL(name.replace(".bin", ".json"), here), "utf8"));
    const bytes = load(name);
    const odd = new Uint8Array(bytes.length + 3);
    odd.set(bytes, 3);
    for (const message of [bytes.slice().buffer, odd.subarray(3)]) {
      const got = parseFrames(message);
      assert.equal(got.length, want.length);
      want.forEach((w, k) => {
        const g = got[k];
        for (const [a, b] of [[g.stream, w.Stream], [g.epoch, w.Epoch], [g.lost, w.Lost], [g.seq, w.Seq],
          [g.next, w.Next], [g.t0, w.T0ms], [g.n, w.N], [g.minmax, w.MinMax]]) assert.equal(a, b);
        near(g.times, w.Times, "times");
        assert.equal(g.boxTime(g.n - 1), g.times[g.n - 1]);
        if (w.DeviceTimes) near(g.deviceTimes, w.DeviceTimes, "deviceTimes");
        else assert.equal(g.deviceTimes, null);
        assert.equal(g.channels.length, w.Channels.length);
        w.Channels.forEach((c, i) => {
          assert.equal(g.channels[i].index, c.Index);
          assert.equal(g.channels[i].format, c.Format);
          exact(g.channels[i].values, c.Values, `channel ${i}`);
        });
      });
    }
  });
}

test("f32 and f64 are views, not copies", () => {
  const buffer = load("all_formats.bin").slice().buffer;
  const [f] = parseFrames(buffer);
  assert.equal(f.channels[0].values.buffer, buffer);
  assert.equal(f.channels[1].values.buffer, buffer);
});

test("hostile bytes throw FrameError and nothing else", () => {
  const good = load("all_formats.bin");
  for (let n = 1; n < good.length; n++) {
    assert.throws(() => parseFrames(good.slice(0, n)), FrameError);
  }
  let seed = 1;
  const random = (n) => {
    seed = (seed * 48271) % 2147483647;
    return seed % n;
  };
  for (let i = 0; i < 20000; i++) {
    const copy = good.slice();
    for (let k = 0; k <= random(3); k++) copy[random(128)] = random(256);
    try {
      parseFrames(copy);
    } catch (e) {
      assert.ok(e instanceof FrameError, e);
    }
  }
});
