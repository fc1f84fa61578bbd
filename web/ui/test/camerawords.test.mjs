// What is said of a camera to those who cannot see it: the status has no age, which would be said anew every second.

import assert from 'node:assert/strict';
import test from 'node:test';
import { fill } from '../i18n.js';

for (const lang of ['en', 'fr', 'es']) {
  test(`a camera's states are whole sentences without an age: ${lang}`, async () => {
    const { default: words } = await import(`../i18n/more/${lang}.js`);
    for (const key of ['cam.lost', 'cam.old']) {
      const said = fill(words[key], { age: '' });
      assert.doesNotMatch(said, /(\s| for| since| depuis| hace| de|:)$|\s\s/);
      assert.ok(fill(words[key], { age: '7 s' }).includes('7 s'), key);
    }
  });
}
