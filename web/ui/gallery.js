// Every state of the pages without a box; loaded only at the address `gallery`.

import { html } from './lib.js';

export const Gallery = () => html`<main></main>`;
