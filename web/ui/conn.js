// How the panel talks to the box. By websocket (docs/ref/websocket.md): one connection, requests with replies, reconnect
// with growing, jittered pauses. By HTTP: the seat, lists, and the emergency stop. It never sends a request a second time: what was on the way when the link broke is rejected with
// the code `lost`, and its outcome is unknown.

const VERSION = 1;
const SUBPROTOCOL = 'lab.v1';
const FIRST_PAUSE_MS = 400;
const LONGEST_PAUSE_MS = 8000;
const SILENCE_MS = 4000; // the box ticks four times a second
const REQUEST_MS = 8000;
/** Close codes after which connecting again would only repeat the fault. */
const FINAL = new Set([1002, 4400, 4409]);

/** An answer that says no. */
export class Refusal extends Error {
  /** @param {Trouble} e */
  constructor(e) {
    super(e.message || e.code);
    this.code = e.code;
    this.hint = e.hint;
    this.args = e.args ?? {};
  }
}

/** How long to wait before try number n (from 1): doubling, half of it random.
 * @param {number} n @param {number} random 0..1 */
export function pause(n, random) {
  const full = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (n - 1));
  return full / 2 + (full / 2) * random;
}

export class Conn {
  /** @param {ConnOptions} o */
  constructor(o) {
    this.o = o;
    this.open = o.open ?? ((url, protocol) => new WebSocket(url, protocol));
    /** @type {Map<number, {resolve: (args: any) => void, reject: (e: Refusal) => void, timer: any}>} */
    this.waiting = new Map();
    this.id = 0;
    this.tries = 0;
    this.ever = false;
    this.stopped = false;
    this.heard = 0;
    /** @type {WebSocket | null} */
    this.ws = null;
    /** @type {any} */
    this.timer = null;
  }

  start() {
    this.stopped = false;
    clearTimeout(this.timer);
    if (this.ws) return;
    this.o.onPhase({ phase: 'connecting', ever: this.ever });
    const ws = this.open(this.o.url, SUBPROTOCOL);
    ws.binaryType = 'arraybuffer';
    this.ws = ws;
    this.heard = performance.now();
    ws.onopen = () => this.send({ op: 'hello', v: VERSION, ...this.o.hello() });
    ws.onmessage = (e) => {
      if (this.ws === ws) this.#message(e.data);
    };
    ws.onclose = (e) => {
      if (this.ws === ws) this.#gone(e.code);
    };
    this.#watch(ws);
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.#gone(1000);
  }

  restart() {
    const ws = this.ws;
    this.ws = null;
    ws?.close();
    this.#rejectAll();
    this.tries = 0;
    this.start();
  }

  /** Does not wait out the pause. */
  hurry() {
    if (!this.ws && !this.stopped) this.start();
  }

  /** @param {Message} m */
  send(m) {
    if (this.ws?.readyState !== 1) return false;
    this.ws.send(JSON.stringify(m));
    return true;
  }

  /** Resolves with the reply's args.
   * @param {Message} m @param {number} [timeoutMS] @returns {Promise<any>} */
  request(m, timeoutMS = REQUEST_MS) {
    return new Promise((resolve, reject) => {
      const id = ++this.id;
      if (!this.send({ ...m, id })) return reject(new Refusal({ code: 'offline' }));
      const timer = setTimeout(() => {
        this.waiting.delete(id);
        reject(new Refusal({ code: 'timeout' }));
      }, timeoutMS);
      this.waiting.set(id, { resolve, reject, timer });
    });
  }

  /** @param {string | ArrayBuffer} data */
  #message(data) {
    this.heard = performance.now();
    if (typeof data !== 'string') return this.o.onFrames(data);
    const m = JSON.parse(data);
    if (m.re !== undefined) return this.#reply(m);
    if (m.op === 'welcome') {
      this.tries = 0;
      this.ever = true;
      this.o.onPhase({ phase: 'open', ever: true });
    }
    this.o.onPush(m);
  }

  /** @param {Message} m */
  #reply(m) {
    const r = this.waiting.get(m.re);
    if (!r) return;
    this.waiting.delete(m.re);
    clearTimeout(r.timer);
    if (m.op === 'ok') r.resolve(m.args ?? {});
    else r.reject(new Refusal({ code: m.code ?? 'internal', message: m.message, hint: m.hint, args: m.args }));
  }

  /** A link that says nothing is as bad as none.  @param {WebSocket} ws */
  #watch(ws) {
    this.timer = setTimeout(() => {
      if (this.ws !== ws) return;
      if (performance.now() - this.heard < SILENCE_MS) return this.#watch(ws);
      ws.close();
      this.#gone(1006);
    }, 1000);
  }

  #rejectAll() {
    for (const r of this.waiting.values()) {
      clearTimeout(r.timer);
      r.reject(new Refusal({ code: 'lost' }));
    }
    this.waiting.clear();
  }

  /** @param {number} code */
  #gone(code) {
    this.ws?.close();
    this.ws = null;
    clearTimeout(this.timer);
    this.#rejectAll();
    if (this.stopped || FINAL.has(code)) return this.o.onPhase({ phase: 'closed', code, ever: this.ever });
    const ms = pause(++this.tries, Math.random());
    this.o.onPhase({ phase: 'waiting', code, retryAt: Date.now() + ms, ever: this.ever });
    this.timer = setTimeout(() => this.start(), ms);
  }
}

/** @param {string} path below api/v1/, relative to the page's base  @param {string} [method] @param {object} [body] */
export async function call(path, method = 'GET', body) {
  const res = await get(path, {
    method,
    headers: body ? { 'Content-Type': 'application/json' } : {},
    body: body ? JSON.stringify(body) : undefined,
  });
  return parse(await res.text());
}

/** @param {string} path as in call @param {RequestInit} [o] @returns {Promise<Response>} */
export async function get(path, o) {
  let res;
  try {
    res = await fetch(`api/v1/${path}`, o);
  } catch {
    throw new Refusal({ code: 'offline' });
  }
  if (!res.ok) throw new Refusal(parse(await res.text()).error ?? { code: 'internal' });
  return res;
}

/** @param {string} text */
function parse(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    throw new Refusal({ code: 'internal' });
  }
}

const id = encodeURIComponent;

/** @param {{nickname: string, code?: string}} who */
export const join = (who) => call('seats', 'POST', who);

export const leave = () => call('seats', 'DELETE');

/** Who may come in, and how.  @returns {Promise<{set: boolean, open: boolean, open_bench: boolean}>} */
export const door = () => call('teacher');

/** The teacher's list of names.  @param {string} code @returns {Promise<{names?: {name: string, taken: boolean}[]}>} */
export const names = (code) => call('class/names', 'POST', { code });

/** @param {string} device @returns {Promise<edge.StopResult>} */
export const estop = async (device) => {
  const r = await call(`devices/${id(device)}/estop`, 'POST', {});
  return r.stop ?? r;
};

/** @param {string} device @returns {Promise<edge.Run[]>} newest first */
export const runs = async (device) => {
  const r = await call(`runs?device=${id(device)}`);
  return [...(Array.isArray(r) ? r : (r.runs ?? []))].sort((a, b) => b.start_ms - a.start_ms);
};

/** @param {string} device @returns {Promise<edge.Event[]>} */
export const events = async (device) => {
  const r = await call(`devices/${id(device)}/events`);
  return Array.isArray(r) ? r : (r.events ?? []);
};

/** @param {string} run */
export const remove = (run) => call(`runs/${id(run)}`, 'DELETE');

/** @param {string} run @param {string} lang */
export const csvPath = (run, lang) => `api/v1/runs/${id(run)}.csv?lang=${lang}`;
