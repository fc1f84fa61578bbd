// What the browser loads: its size, that nothing comes from elsewhere, that it fits the content security policy.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const ui = new URL('../', import.meta.url);
const read = (/** @type {string} */ path) => readFileSync(new URL(path, ui), 'utf8');
const APART = ['gallery.js', 'fixtures.js', 'scenes.js'];
/** Loaded when they are first shown. */
const LATER = [
  'controls.js',
  'turn.js',
  'wait.js',
  'history.js',
  'join.js',
  'table.js',
  'xy.js',
  'camera.js',
  'cameras.js',
  'covers.js',
  'player.js',
  'multipart.js',
  'run.js',
  'replay.js',
  'shots.js',
];
const SHEETS = ['more.css', 'camera.css'];
const ON_DEMAND = [...APART, ...LATER];
const LIMIT = 60_000;
const LATER_LIMIT = 44_000;

/** Every module that one module leads to, on demand ones left out.  @param {string} from @param {Set<string>} seen */
function modules(from, seen = new Set()) {
  // The teacher's pages have a test and a limit of their own.
  if (seen.has(from) || ON_DEMAND.includes(from) || from.startsWith('teacher/')) return seen;
  seen.add(from);
  for (const [, to] of read(from).matchAll(/(?:\bfrom|\bimport\(?)\s*["'](\.[^"']+)["']/g)) {
    modules(new URL(to, new URL(from, ui)).href.slice(ui.href.length), seen);
  }
  return seen;
}

const page = read('index.html');
const linked = [...page.matchAll(/(?:href|src)="([^"]+\.\w+)"/g)].map((m) => m[1]);
const langs = ['i18n/en.js', 'i18n/fr.js', 'i18n/es.js'];
const moreLangs = langs.map((l) => l.replace('/', '/more/'));
const scripts = [...modules('app.js')];
const loaded = [...new Set(['index.html', ...linked, ...scripts])].filter((f) => ![...langs, ...moreLangs].includes(f));

const size = (/** @type {string} */ f) => gzipSync(read(f), { level: 9 }).length;

test('the first load is at most 60 kB gzip', () => {
  const sizes = loaded.map((f) => ({ f, n: size(f) })).sort((a, b) => b.n - a.n);
  const words = Math.max(...langs.map(size));
  const total = sizes.reduce((sum, { n }) => sum + n, words);
  console.log(`panel: ${total} bytes gzip in ${loaded.length + 1} files`);
  assert.ok(total <= LIMIT, `${total} > ${LIMIT}\n${sizes.map(({ f, n }) => `${n} ${f}`).join('\n')}`);
});

test('what is loaded on demand is at most 44 kB gzip', () => {
  const sizes = [...LATER, ...SHEETS].map((f) => ({ f, n: size(f) }));
  const words = Math.max(...moreLangs.map(size));
  const total = sizes.reduce((sum, { n }) => sum + n, words);
  console.log(`on demand: ${total} bytes gzip: ${words} words, ${sizes.map(({ f, n }) => `${n} ${f}`).join(', ')}`);
  assert.ok(total <= LATER_LIMIT);
  for (const f of SHEETS)
    assert.ok(
      [...scripts, ...LATER].some((from) => read(from).includes(`sheet('${f}')`)),
      f,
    );
  // Each is reached by a dynamic import, and by nothing that is loaded first.
  for (const f of LATER) {
    const name = f.split('/').at(-1);
    assert.ok(
      [...scripts, ...LATER, 'teacher/room.js'].some((from) =>
        new RegExp(`(from |import\\()'\\.\\.?/${name}'`).test(read(from)),
      ),
      f,
    );
    for (const from of scripts) assert.doesNotMatch(read(from), new RegExp(`from '\\./${name}'`), from);
  }
});

test('every module is announced in the page, none twice, none in vain', () => {
  const announced = [...page.matchAll(/modulepreload" href="([^"]+)"/g)].map((m) => m[1]);
  assert.deepEqual(
    [...announced].sort(),
    scripts.filter((f) => f !== 'app.js' && ![...langs, ...moreLangs].includes(f)).sort(),
  );
});

test('nothing comes from another host', () => {
  for (const f of [...loaded, ...langs, ...moreLangs, ...ON_DEMAND, ...SHEETS]) {
    const text = read(f).replaceAll('http://www.w3.org/', ''); // names of XML namespaces
    assert.equal(/(https?|wss?):\/\/[a-z0-9][^"'`]*/i.exec(text)?.[0], undefined, f);
    assert.doesNotMatch(text, /(href|src|url\(|from|import\()\s*=?\s*["']?\/\//, f);
    assert.doesNotMatch(text, /@import/, f);
  }
});

test('addresses are relative to the base', () => {
  assert.match(page, /<base href="\/">/);
  for (const l of linked) assert.doesNotMatch(l, /^\//, l);
  for (const f of [...scripts, ...LATER]) assert.doesNotMatch(read(f), /(href|src)=\\?["'`]\/|fetch\(["'`]\//, f);
});

test('fits script-src and style-src self', () => {
  assert.doesNotMatch(page, /<style|<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=/);
  for (const f of [...scripts, ...LATER]) {
    const text = read(f);
    assert.doesNotMatch(text, /\beval\(|new Function\(|setTimeout\(\s*["'`]/, f);
    if (f.startsWith('vendor/')) continue;
    assert.doesNotMatch(text, /\sstyle="|innerHTML|outerHTML|insertAdjacentHTML|document\.write|\bcssText\b/, f);
  }
});

test('works over plain http', () => {
  for (const f of [...scripts, ...LATER].filter((s) => !s.startsWith('vendor/'))) {
    assert.doesNotMatch(read(f), /crypto\.subtle|randomUUID|serviceWorker|navigator\.clipboard|navigator\.serial/, f);
  }
});

test('files are short', () => {
  for (const f of [...loaded, ...ON_DEMAND, ...SHEETS].filter((s) => !s.startsWith('vendor/'))) {
    assert.ok(read(f).split('\n').length <= 400, f);
  }
});

test('vendored files are as VENDOR.txt says', () => {
  execFileSync(process.execPath, [fileURLToPath(new URL('../../.tools/ui/vendor.mjs', ui)), '--check']);
});
