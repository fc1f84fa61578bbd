// The one door to the vendored libraries; everything else imports from here.

import * as hooks from './vendor/hooks.js';
import htm from './vendor/htm.js';
import * as preact from './vendor/preact.js';
import * as signals from './vendor/signals.js';

/** Tagged template to elements: html`<p class=${c}>${text}</p>`.
 * @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(preact.h);
/** @type {typeof import('preact').render} */
export const render = preact.render;

/** @type {typeof import('preact/hooks').useEffect} */
export const useEffect = hooks.useEffect;
/** @type {typeof import('preact/hooks').useLayoutEffect} */
export const useLayoutEffect = hooks.useLayoutEffect;
/** @type {typeof import('preact/hooks').useMemo} */
export const useMemo = hooks.useMemo;
/** @type {typeof import('preact/hooks').useRef} */
export const useRef = hooks.useRef;
/** @type {typeof import('preact/hooks').useState} */
export const useState = hooks.useState;

/** @type {typeof import('@preact/signals').signal} */
export const signal = signals.signal;
/** @type {typeof import('@preact/signals').computed} */
export const computed = signals.computed;
/** @type {typeof import('@preact/signals').effect} */
export const effect = signals.effect;
/** @type {typeof import('@preact/signals').batch} */
export const batch = signals.batch;
