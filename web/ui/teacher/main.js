// The teacher's pages: the class, all devices at a glance, the box, and what is projected. Loaded on demand.

import { html } from '../lib.js';

/** @param {{path: string}} p */
export function Teacher({ path }) {
  return html`<main id="main">${path}</main>`;
}
