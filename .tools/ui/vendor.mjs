// Fetches the libraries of the panel into web/ui/vendor, as they are in their packages except for bare imports,
// which become relative ones, and source map links, which are dropped. Run: node .tools/ui/vendor.mjs
//
// LICENSES.txt holds the licences' texts. VENDOR.txt names every file with its sha256 before (in the package) and after (as served). With --check nothing is
// fetched: the files are compared with VENDOR.txt and the exit code is 1 where they differ.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OUT = join(dirname(fileURLToPath(import.meta.url)), '../../web/ui/vendor');
const LIST = join(OUT, 'VENDOR.txt');

/** Package, version, licence, file in the package, name here. */
const FILES = [
  ['preact', '11.2.0', 'MIT', 'dist/preact.mjs', 'preact.js'],
  ['preact', '11.2.0', 'MIT', 'hooks/dist/hooks.mjs', 'hooks.js'],
  ['htm', '3.1.1', 'Apache-2.0', 'dist/htm.mjs', 'htm.js'],
];

/** Bare import -> file here. */
const IMPORTS = {
  preact: './preact.js',
};

/** @param {string | Buffer} b */
const sha256 = (b) => createHash('sha256').update(b).digest('hex');

/** @param {string} text @param {string} name */
function rewrite(text, name) {
  let out = text.replace(/\n?\/[/*]# sourceMappingURL=.*?(\*\/)?\s*$/, '\n');
  out = out.replace(/(from|import)\s*(["'])([@a-z][^"']*)\2/g, (_, word, q, bare) => {
    const to = IMPORTS[/** @type {keyof typeof IMPORTS} */ (bare)];
    if (!to) throw new Error(`${name}: no file for import ${bare}`);
    return `${word}${q}${to}${q}`;
  });
  return `// @ts-nocheck\n${out}`;
}

function fetchAll() {
  const tmp = mkdtempSync(join(tmpdir(), 'vendor-'));
  mkdirSync(OUT, { recursive: true });
  const lines = ['# file package version licence path-in-package sha256-before sha256-after'];
  try {
    const dirs = new Map();
    for (const [pkg, version, licence, path, name] of FILES) {
      const spec = `${pkg}@${version}`;
      if (!dirs.has(spec)) {
        const dir = mkdtempSync(join(tmp, 'p-'));
        const [{ filename }] = JSON.parse(
          execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', dir, spec], { encoding: 'utf8' }),
        );
        execFileSync('tar', ['xzf', join(dir, filename.replace('@', '').replace('/', '-')), '-C', dir]);
        dirs.set(spec, join(dir, 'package'));
      }
      const before = readFileSync(join(dirs.get(spec), path));
      const after = rewrite(before.toString('utf8'), name);
      writeFileSync(join(OUT, name), after);
      lines.push([name, pkg, version, licence, path, sha256(before), sha256(after)].join(' '));
    }
    const texts = [...dirs].map(([spec, dir]) => {
      const name = readdirSync(dir).find((f) => /^licen[cs]e/i.test(f));
      if (!name) throw new Error(`${spec}: no licence text in the package`);
      return `==== ${spec}\n\n${readFileSync(join(dir, name), 'utf8').trim()}\n`;
    });
    writeFileSync(join(OUT, 'LICENSES.txt'), texts.join('\n'));
    writeFileSync(LIST, `${lines.join('\n')}\n`);
  } finally {
    rmSync(tmp, { recursive: true, force: true });
  }
}

function check() {
  let bad = 0;
  const rows = readFileSync(LIST, 'utf8').trim().split('\n').slice(1);
  for (const row of rows) {
    const [name, , , , , , want] = row.split(' ');
    if (sha256(readFileSync(join(OUT, name))) !== want) {
      console.error(`${name}: not as VENDOR.txt says; run node .tools/ui/vendor.mjs`);
      bad = 1;
    }
  }
  process.exit(bad || (rows.length === FILES.length ? 0 : 1));
}

if (process.argv.includes('--check')) check();
else fetchAll();
