// The few things that go by HTTP: the seat, lists, and the emergency stop when the websocket does not answer.

import { Refusal } from './conn.js';

/** @param {string} path below api/v1/, relative to the page's base  @param {string} [method] @param {object} [body] */
async function call(path, method = 'GET', body) {
  let res;
  try {
    res = await fetch(`api/v1/${path}`, {
      method,
      headers: body ? { 'Content-Type': 'application/json' } : {},
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch {
    throw new Refusal({ code: 'offline' });
  }
  const text = await res.text();
  let json;
  try {
    json = text ? JSON.parse(text) : {};
  } catch {
    throw new Refusal({ code: 'internal' });
  }
  if (!res.ok) throw new Refusal(json.error ?? { code: 'internal' });
  return json;
}

const id = encodeURIComponent;

/** @param {string} nickname */
export const join = (nickname) => call('seats', 'POST', { nickname });

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

/** @param {string} run @param {string} lang */
export const csvPath = (run, lang) => `api/v1/runs/${id(run)}.csv?lang=${lang}`;
