// The types the panel is checked with have the fields that the Go sources have.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

const root = new URL('../../../', import.meta.url);
const types = readFileSync(new URL('.tools/ui/types/edge.d.ts', root), 'utf8');
const go = readdirSync(new URL('edge/', root))
  .filter((f) => f.endsWith('.go') && !f.endsWith('_test.go'))
  .map((f) => readFileSync(new URL(`edge/${f}`, root), 'utf8'))
  .join('\n');

/** @param {string} text @param {RegExp} head @param {RegExp} field */
function fields(text, head, field) {
  const start = text.search(head);
  if (start < 0) return null;
  const body = text.slice(
    start,
    text.indexOf('\n}', start) < 0 ? undefined : text.slice(start).search(/\n\s*\}/) + start,
  );
  return [...body.matchAll(field)].map((m) => m[1] + (m[2] ?? ''));
}

const names = [...types.matchAll(/interface (\w+) \{/g)].map((m) => m[1]).filter((n) => n !== 'You');

for (const name of names) {
  test(`edge.${name}`, () => {
    const want = fields(go, new RegExp(`^type ${name} struct`, 'm'), /`json:"(\w+)(?:(,omitempty)|[^"])*"`/g);
    assert.ok(want, `no Go struct ${name}`);
    const have = fields(types, new RegExp(`interface ${name} \\{`), /^\s+(\w+)(\??):/gm);
    const plain = (/** @type {string[] | null} */ l) => (l ?? []).map((f) => f.replace(/\?|,omitempty/, '')).sort();
    assert.deepEqual(plain(have), plain(want));
    const optional = (want ?? []).filter((f) => f.endsWith(',omitempty')).map((f) => f.replace(',omitempty', '?'));
    for (const o of optional) assert.ok(have?.includes(o), `${o} must be optional`);
  });
}
