// Device time on the box's axis: jittered arrival, drift, wraps, restarts, pauses.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DeviceClock } from '../clock.js';
import { frame, thermometer } from '../fixtures.js';
import { Stream } from '../stream.js';

/** A frame with the given times.  @param {number} seq @param {number[]} box @param {number[] | null} device */
const made = (seq, box, device) => ({
  ...frame(thermometer, seq, seq + box.length),
  boxTime: (/** @type {number} */ i) => box[i],
  deviceTimes: device && Float64Array.from(device),
});

/** Random numbers from 0 to 1, the same ones each time. */
function dice(seed = 1) {
  return () => {
    seed = (seed * 16807) % 2147483647;
    return seed / 2147483647;
  };
}

/** A starved PC: samples every 10 ms, read in bursts up to 300 ms late. Calls `take` with box times, device times and
 * the true ones.  @param {number} seconds @param {(ms: number) => number} device @param {(b: number[], d: number[], t: number[]) => void} take */
function starved(seconds, device, take) {
  const random = dice();
  for (let from = 0; from < seconds * 100; ) {
    const n = 1 + Math.floor(random() * 30);
    const truth = Array.from({ length: n }, (_, i) => (from + i) * 10);
    const read = truth[n - 1] + random() * 5;
    take(
      truth.map((_, i) => read + i * 0.05),
      truth.map(device),
      truth,
    );
    from += n;
  }
}

/** Greatest error and greatest step between samples that are 10 ms apart, after 10 s of settling.
 * @param {number} seconds @param {(ms: number) => number} device */
function worst(seconds, device) {
  const clock = new DeviceClock();
  let [error, step, last] = [0, 0, Number.NaN];
  starved(seconds, device, (b, d, truth) => {
    clock.times(made(0, b, d), 0, 1000).forEach((t, i) => {
      if (truth[i] < 10_000) return;
      error = Math.max(error, Math.abs(t - truth[i]));
      step = Math.max(step, Math.abs(t - last - 10) || 0);
      last = t;
    });
  });
  return { error, step };
}

test('the steps of a starved PC are gone', () => {
  const { error, step } = worst(60, (t) => t + 123_456);
  assert.ok(error < 2, `${error} ms beside the truth`);
  assert.ok(step <= 2.01, `steps of ${step} ms`);
  let [late, before] = [0, 0];
  starved(
    60,
    () => 0,
    (b, _, truth) => {
      late = Math.max(late, b[0] - truth[0]);
      before = Math.max(before, b[0]);
    },
  );
  assert.ok(late > 250, 'the box\u2019s own times are off');
});

for (const ppm of [200, -200]) {
  test(`a clock that drifts by ${ppm} ppm is followed`, () => {
    const { error, step } = worst(600, (t) => t * (1 + ppm / 1e6) + 5);
    assert.ok(error < 4.5, `${error} ms`);
    assert.ok(step <= 2.01, `steps of ${step} ms`);
  });
}

test('a wrap and a restart of the device\u2019s clock go on where the box is', () => {
  for (const at of [30_000, 30_050]) {
    const { error } = worst(60, (t) => (t < at ? 4_294_937_295 + t : t - at));
    assert.ok(error < 310, `${error} ms`); // as late as one burst, until the next that is on time
  }
});

test('a clock that is set forward or stood still is found at once', () => {
  const clock = new DeviceClock();
  const run = (/** @type {number} */ from, /** @type {number} */ off) => {
    const t = Array.from({ length: 10 }, (_, i) => from + i * 10);
    return clock.times(
      made(
        0,
        t,
        t.map((x) => x + off),
      ),
      0,
      1000,
    );
  };
  for (let i = 0; i < 100; i++) run(i * 100, 0);
  assert.deepEqual([...run(10_000, 5000)], [...run(10_000, 0)]);
  assert.equal(run(20_000, -5000)[9], 20_090);
});

test('times that the device does not know are the box\u2019s', () => {
  const clock = new DeviceClock();
  assert.deepEqual([...clock.times(made(0, [1, 2, 3, 4], [Number.NaN, 100, Number.NaN, 102]), 1, 1000)], [2, 3, 4]);
  assert.deepEqual([...clock.times(made(0, [7, 8], null), 0, 1000)], [7, 8]);
  assert.deepEqual([...clock.times(made(0, [9], [Number.NaN]), 0, 1000)], [9]);
});

test('a silence stays a gap although the device\u2019s clock stood still', () => {
  const s = new Stream(thermometer, [0, 1]);
  const t = Array.from({ length: 10 }, (_, i) => i * 100);
  s.take(made(0, t, t), 0);
  s.take(
    made(
      10,
      t.map((x) => x + 8000),
      t.map((x) => x + 1000),
    ),
    8000,
  );
  assert.equal(s.ring.gaps[0].why, 'silence');
  assert.equal(s.ring.last, 8900);
});

test('a burst that comes late is no gap', () => {
  const s = new Stream(thermometer, [0, 1]);
  const t = Array.from({ length: 100 }, (_, i) => i * 100);
  s.take(made(0, t.slice(0, 10), t.slice(0, 10)), 0);
  s.take(
    made(
      10,
      t.slice(10).map((_, i) => 9900 + i * 0.1),
      t.slice(10),
    ),
    9900,
  );
  assert.deepEqual(s.ring.gaps, []);
  for (let i = 1; i < 100; i++) assert.ok(s.ring.times[i] - s.ring.times[i - 1] > 79);
});

test('a new epoch forgets the clock', () => {
  const s = new Stream(thermometer, [0, 1]);
  const t = Array.from({ length: 10 }, (_, i) => i * 100);
  s.take(
    made(
      0,
      t,
      t.map((x) => x + 200),
    ),
    0,
  );
  s.take(
    {
      ...made(
        0,
        t.map((x) => x + 1000),
        t.map((x) => x + 1700),
      ),
      epoch: 2,
    },
    1000,
  );
  assert.equal(s.ring.last, 1900);
});
