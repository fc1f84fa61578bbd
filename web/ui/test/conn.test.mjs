import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mock, test } from 'node:test';
import { Conn, pause } from '../conn.js';

class FakeSocket {
  readyState = 0;
  /** @type {any[]} */
  sent = [];
  /** @type {any} */
  onopen;
  /** @type {any} */
  onmessage;
  /** @type {any} */
  onclose;
  send(/** @type {string} */ s) {
    this.sent.push(JSON.parse(s));
  }
  close() {
    this.readyState = 3;
  }
  opened() {
    this.readyState = 1;
    this.onopen();
  }
  says(/** @type {object} */ m) {
    this.onmessage({ data: JSON.stringify(m) });
  }
  welcome() {
    this.opened();
    this.says({ op: 'welcome', v: 1 });
  }
}

function setup() {
  /** @type {FakeSocket[]} */
  const sockets = [];
  /** @type {any[]} */
  const phases = [];
  /** @type {any[]} */
  const pushes = [];
  const conn = new Conn({
    url: 'ws://box/ws',
    hello: () => ({ lang: 'en' }),
    onPush: (m) => pushes.push(m),
    onFrames: () => {},
    onPhase: (l) => phases.push(l),
    open: () => {
      const s = new FakeSocket();
      sockets.push(s);
      return /** @type {any} */ (s);
    },
  });
  return { conn, sockets, phases, pushes, phase: () => phases.at(-1).phase };
}

test('says hello, is open after welcome, matches replies', async () => {
  const { conn, sockets, phase } = setup();
  conn.start();
  sockets[0].welcome();
  assert.deepEqual(sockets[0].sent[0], { op: 'hello', v: 1, lang: 'en' });
  assert.equal(phase(), 'open');
  const a = conn.request({ op: 'take', device: 'p' });
  const b = conn.request({ op: 'cmd', device: 'p' });
  sockets[0].says({ re: sockets[0].sent[2].id, op: 'error', code: 'slew', args: { allowed: 3 } });
  sockets[0].says({ re: sockets[0].sent[1].id, op: 'ok', args: { lease: 1 } });
  assert.deepEqual(await a, { lease: 1 });
  await assert.rejects(b, (/** @type {any} */ e) => e.code === 'slew' && e.args.allowed === 3);
  conn.stop();
});

test('a broken link rejects what was on the way and never sends it again', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { conn, sockets, phase } = setup();
  conn.start();
  sockets[0].welcome();
  const r = conn.request({ op: 'cmd', device: 'p' });
  sockets[0].onclose({ code: 1006 });
  await assert.rejects(r, (/** @type {any} */ e) => e.code === 'lost');
  assert.equal(phase(), 'waiting');
  await assert.rejects(conn.request({ op: 'cmd' }), (/** @type {any} */ e) => e.code === 'offline');
  mock.timers.tick(9000);
  assert.equal(sockets.length, 2);
  sockets[1].welcome();
  assert.deepEqual(
    sockets[1].sent.map((m) => m.op),
    ['hello'],
  );
  conn.stop();
  mock.timers.reset();
});

test('close codes as docs/ref/websocket.md says', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const table = readFileSync(new URL('../../../docs/ref/websocket.md', import.meta.url), 'utf8');
  const rows = [...table.matchAll(/^\| (\d{4}) \|.*\| (no|yes|after)\b/gm)];
  assert.ok(rows.length >= 6);
  for (const [, code, again] of rows) {
    const { conn, sockets, phase } = setup();
    conn.start();
    sockets[0].welcome();
    sockets[0].onclose({ code: Number(code) });
    assert.equal(phase(), again === 'no' ? 'closed' : 'waiting', code);
    conn.stop();
  }
  mock.timers.reset();
});

test('final close codes end it; hurry and restart do not wait', () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { conn, sockets, phase } = setup();
  conn.start();
  sockets[0].onclose({ code: 1006 });
  conn.hurry();
  assert.equal(sockets.length, 2);
  sockets[1].welcome();
  sockets[1].onclose({ code: 4409 });
  assert.equal(phase(), 'closed');
  mock.timers.tick(60000);
  assert.equal(sockets.length, 2);
  conn.restart();
  assert.equal(sockets.length, 3);
  conn.stop();
  mock.timers.reset();
});

test('a reply that never comes is a timeout', async () => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  const { conn, sockets } = setup();
  conn.start();
  sockets[0].welcome();
  const r = conn.request({ op: 'cmd' }, 500);
  mock.timers.tick(501);
  await assert.rejects(r, (/** @type {any} */ e) => e.code === 'timeout');
  conn.stop();
  mock.timers.reset();
});

test('pauses double up to a bound and differ', () => {
  assert.ok(pause(1, 0) >= 200 && pause(1, 1) <= 400);
  assert.ok(pause(50, 1) <= 8000 && pause(50, 0) >= 4000);
  assert.notEqual(pause(3, 0.1), pause(3, 0.9));
});
