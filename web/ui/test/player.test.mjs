import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Refusal } from '../conn.js';
import { Player } from '../player.js';

const turn = () => new Promise((ok) => setImmediate(ok));
const turns = async (n = 10) => {
  for (let i = 0; i < n; i++) await turn();
};

/** A stream that the test feeds, one for each request.  @param {Partial<PlayerOptions>} [more] */
function stage(more) {
  const s = {
    now: 0,
    /** @type {{path: string, send: (n: number) => void, end: () => void, signal: AbortSignal}[]} */
    asked: [],
    /** @type {((ok?: boolean) => void)[]} decodings that are on their way */
    decoding: [],
    /** @type {number[]} */
    drawn: [],
    tries: 0,
    may: true,
    instant: true,
  };
  const player = new Player({
    path: (hz) => `cameras/a/stream${hz ? `?hz=${hz.toFixed(1)}` : ''}`,
    get: async (path, o) => {
      /** @type {any} */
      let out;
      const body = new ReadableStream({
        start: (c) => {
          out = c;
        },
      });
      const signal = /** @type {AbortSignal} */ (o?.signal);
      signal.addEventListener('abort', () => {
        try {
          out.error(new Error('aborted'));
        } catch {}
      });
      const send = (/** @type {number} */ n) =>
        out.enqueue(
          new TextEncoder().encode(
            `--b\r\nContent-Length: 3\r\nLab-Time-Us: ${s.now * 1000}\r\nLab-Seq: ${n}\r\n\r\nabc\r\n`,
          ),
        );
      s.asked.push({ path, send, end: () => out.close(), signal });
      return new Response(body);
    },
    now: () => s.now,
    decode: (p) =>
      s.instant
        ? Promise.resolve(p.seq)
        : new Promise((ok, no) => s.decoding.push((good = true) => (good ? ok(p.seq) : no(new Error('damaged'))))),
    draw: (seq) => s.drawn.push(seq),
    may: async () => {
      s.tries++;
      return s.may;
    },
    ...more,
  });
  return { s, player };
}

test('the newest is drawn next; what came meanwhile is passed over', async () => {
  const { s, player } = stage();
  s.instant = false;
  player.start();
  await turns();
  for (const n of [1, 2, 3, 4]) s.asked[0].send(n);
  await turns();
  assert.equal(s.decoding.length, 1, 'one at a time');
  s.decoding[0]();
  await turns();
  assert.deepEqual(s.drawn, [1]);
  s.decoding[1](false);
  s.asked[0].send(5);
  await turns();
  s.decoding[2]();
  await turns();
  assert.deepEqual(s.drawn, [1, 5], 'a damaged one is passed over');
  player.stop();
});

test('what was on its way when it was stopped is not drawn', async () => {
  const { s, player } = stage();
  s.instant = false;
  player.start();
  await turns();
  s.asked[0].send(1);
  await turns();
  player.stop();
  assert.ok(s.asked[0].signal.aborted);
  s.decoding[0]();
  await turns();
  assert.deepEqual(s.drawn, []);
  assert.equal(s.tries, 0);
  assert.equal(player.age(5, Number.NaN), Infinity);
});

test('a stream that ended is asked for again after a pause, where that makes sense', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { s, player } = stage();
  player.start();
  await turns();
  s.asked[0].end();
  await turns();
  assert.deepEqual([s.asked.length, s.tries], [1, 0]);
  t.mock.timers.tick(400);
  await turns();
  assert.equal(s.asked.length, 2);
  s.asked[1].end();
  await turns();
  t.mock.timers.tick(390);
  await turns();
  assert.equal(s.asked.length, 2, 'the pause grows');
  t.mock.timers.tick(500);
  await turns();
  assert.equal(s.asked.length, 3);
  s.may = false; // covered, or not allowed
  s.asked[2].end();
  await turns();
  t.mock.timers.tick(60_000);
  await turns();
  assert.equal(s.asked.length, 3);
  player.start(); // shown again
  await turns();
  assert.equal(s.asked.length, 4);
  player.stop();
});

test('a refusal and bytes that are no stream end like a broken way', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  for (const get of [
    async () => {
      throw new Refusal({ code: 'covered' });
    },
    async () => new Response('<html>'),
  ]) {
    const { s, player } = stage({ get });
    s.may = false;
    player.start();
    await turns();
    t.mock.timers.tick(400);
    await turns();
    assert.equal(s.tries, 1);
    assert.equal(player.abort, null);
  }
});

test('who cannot keep up asks for fewer', async () => {
  const { s, player } = stage();
  s.instant = false;
  player.start();
  await turns();
  // 15 a second come, 5 a second can be shown.
  for (let n = 1; n <= 70; n++) {
    s.now = n * 66;
    s.asked[0].send(n);
    await turns(3);
    if (n % 3 === 0) s.decoding.at(-1)?.();
    await turns(3);
    if (s.asked.length > 1) break;
  }
  await turns();
  assert.equal(s.asked.length, 2, 'asked again, at once');
  assert.ok(s.asked[0].signal.aborted);
  const hz = Number(s.asked[1].path.split('hz=')[1]);
  assert.ok(hz > 3 && hz < 5, s.asked[1].path);
  assert.equal(s.tries, 0);
  player.stop();
});

test('who keeps up asks for all', async () => {
  const { s, player } = stage();
  player.start();
  await turns();
  for (let n = 1; n <= 100; n++) {
    s.now = n * 66;
    s.asked[0].send(n);
    await turns(3);
  }
  assert.equal(s.asked.length, 1);
  assert.equal(s.drawn.length, 100);
  assert.ok(Math.abs(player.step - 66) < 1);
  player.stop();
});

test('the age is by this page’s clock and by the box’s, whichever is worse', async () => {
  const { s, player } = stage();
  player.start();
  await turns();
  s.now = 1000;
  s.asked[0].send(1);
  await turns();
  assert.equal(player.age(1500, Number.NaN), 500);
  assert.equal(player.age(1500, 5000), 4000, 'it was long on its way');
  assert.equal(player.age(9000, 1100), 8000, 'the box does not answer');
  assert.ok(!player.stuck());
  s.now = 12_000;
  assert.ok(player.stuck());
  player.forget();
  assert.equal(player.age(1500, 1500), Infinity);
  player.stop();
});
