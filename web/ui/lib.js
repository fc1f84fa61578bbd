// The one door to the vendored libraries; everything else imports from here.

import { Reader } from './signals.js';
import * as hooks from './vendor/hooks.js';
import htm from './vendor/htm.js';
import * as preact from './vendor/preact.js';

/** @type {typeof import('preact').render} */
export const render = preact.render;

/** @type {typeof import('preact').Component} */
const Component = /** @type {any} */ (preact.Component);

/** @type {typeof import('preact/hooks').useEffect} */
export const useEffect = hooks.useEffect;
/** @type {typeof import('preact/hooks').useMemo} */
export const useMemo = hooks.useMemo;
/** @type {typeof import('preact/hooks').useRef} */
export const useRef = hooks.useRef;
/** @type {typeof import('preact/hooks').useState} */
export const useState = hooks.useState;

/** @type {WeakMap<Function, Function>} */
const tracked = new WeakMap();

/** A component that is drawn again when its properties or a signal that it read have changed.  @param {Function} fn */
const track = (fn) =>
  class extends Component {
    news = false;
    reader = new Reader(() => {
      this.news = true;
      this.setState({});
    });

    /** @param {Record<string, any>} next */
    shouldComponentUpdate(next) {
      /** @type {Record<string, any>} */
      const was = this.props;
      return this.news || [was, next].some((props) => Object.keys(props).some((k) => was[k] !== next[k]));
    }

    /** @param {object} props */
    render(props) {
      this.news = false;
      return this.reader.run(() => fn(props));
    }

    componentWillUnmount() {
      this.reader.stop();
    }
  };

/** @param {any} type @param {any[]} rest */
function h(type, ...rest) {
  if (typeof type !== 'function') return preact.h(type, ...rest);
  if (!tracked.has(type)) tracked.set(type, track(type));
  return preact.h(tracked.get(type), ...rest);
}

/** Tagged template to elements: html`<p class=${c}>${text}</p>`.
 * @type {(strings: TemplateStringsArray, ...values: any[]) => any} */
export const html = htm.bind(h);
