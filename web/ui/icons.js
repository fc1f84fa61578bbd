// Line icons on a 24 grid, drawn for this panel; they take the colour of the text and are hidden from readers.

import { html } from './lib.js';

/** @type {Record<string, string>} */
const PATHS = {
  pendulum: 'M5 3h14M12 3l5.2 12.2M12 3v3M15 18a2.8 2.8 0 1 0 5.6 0a2.8 2.8 0 1 0-5.6 0M4 15c1.2 2.6 3 4.3 5.5 5.2',
  rotor:
    'M10 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0M12 10C9 7 9.5 3 12 3s3 4 0 7M13.7 13c4.2-1 7.4 1.5 6.2 3.700s-5 .9-6.2-3.700M10.3 13c-1.2 4.6-5 5.9-6.2 3.700s2-4.7 6.2-3.7',
  heat: 'M14 14.500V5a2 2 0 0 0-4 0v9.500a4 4 0 1 0 4 0M12 9v8M17 5h3M17 9h2M17 13h3',
  chart: 'M4 4v16h16M7 15l3.5-4 3 2.500L19 7',
  chip: 'M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4',
  stop: 'M8 3h8l5 5v8l-5 5H8l-5-5V8zM8.5 12h7',
  user: 'M8 8a4 4 0 1 0 8 0a4 4 0 1 0-8 0M4 21c.500-4.5 3.5-7 8-7s7.5 2.5 8 7',
  wheel:
    'M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M9.5 12a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0-5 0M3.5 10.500l6 .5M20.5 10.500l-6 .5M12 14.500V21',
  record: 'M6 12a6 6 0 1 0 12 0a6 6 0 1 0-12 0',
  pause: 'M8 5v14M16 5v14',
  play: 'M7 4.500v15l12-7.500z',
  table: 'M4 5h16v14H4zM4 10h16M4 14.500h16M10 10v9',
  down: 'M12 4v11M7 10.500l5 5 5-5M5 20h14',
  sun: 'M8 12a4 4 0 1 0 8 0a4 4 0 1 0-8 0M12 2v3M12 19v3M2 12h3M19 12h3M5 5l2 2M17 17l2 2M19 5l-2 2M7 17l-2 2',
  moon: 'M20 14.500A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.500z',
  ok: 'M4.5 12.500l5 5 10-11',
  warn: 'M12 4L2.8 20h18.400zM12 10v5M12 17.300v.2',
  wait: 'M12 3a9 9 0 1 0 9 9M12 7v5l3.5 2',
  bad: 'M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M8.5 8.500l7 7M15.5 8.500l-7 7',
  off: 'M3 12a9 9 0 1 0 18 0a9 9 0 1 0-18 0M7.5 12h9',
  link: 'M2 9c6-6 14-6 20 0M5.5 12.700c4-4 9-4 13 0M9 16.300c2-2 4-2 6 0M12 20v.2',
  back: 'M14 5l-7 7 7 7',
  flag: 'M6 21V4M6 5h12l-3 4 3 4H6',
  bin: 'M4 7h16M9 7V4h6v3M6.5 7l1 13h9l1-13M10 11v5M14 11v5',
  scale: 'M12 3v18M8.5 6.5L12 3l3.5 3.5M8.5 17.5L12 21l3.5-3.5M4 12h16',
  send: 'M4 12h15M13 6l6 6-6 6',
};

/** @param {{name: string, fill?: boolean}} p */
export function Icon({ name, fill }) {
  return html`<svg class=${fill ? 'icon fill' : 'icon'} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
    <path d=${PATHS[name] ?? PATHS.chip} />
  </svg>`;
}
