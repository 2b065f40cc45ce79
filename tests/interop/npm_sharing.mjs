// SPDX-License-Identifier: MIT OR Apache-2.0
// Shares of the npm package shamir-secret-sharing combine here, and ours combine there: any quorum, in
// any order.

import { strict as assert } from 'node:assert';
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';

const root = new URL('../../', import.meta.url).pathname;
const probe = `${root}target/release/probe`;
const { split, combine } = createRequire(`${root}target/tools/npm-shamir/`)('shamir-secret-sharing');

const run = (words, input) => execFileSync(probe, words.map(String), { input });
const hex = (bytes) => Buffer.from(bytes).toString('hex');

// A rotation of the shares, cut to a quorum: each share is used, in an order that is not sorted.
const quorums = (shares, threshold) =>
  shares.map((_, at) => [...shares.slice(at), ...shares.slice(0, at)].reverse().slice(0, threshold));

let combined = 0;
for (const [threshold, count] of [[2, 2], [2, 3], [3, 5], [5, 10], [20, 40], [255, 255]]) {
  for (const length of [1, 32, 1000]) {
    const secret = randomBytes(length);
    const theirs = await split(new Uint8Array(secret), count, threshold);
    const ours = run(['split', threshold, count], secret).toString().trim().split('\n');
    assert.equal(ours.length, count);
    for (const some of quorums(theirs, threshold).slice(0, 4)) {
      const again = run(['combine', threshold], some.map(hex).join('\n'));
      assert.ok(secret.equals(again), `theirs, ${threshold} of ${count}, ${length} bytes`);
      combined += 1;
    }
    for (const some of quorums(ours, threshold).slice(0, 4)) {
      const again = await combine(some.map((line) => new Uint8Array(Buffer.from(line, 'hex'))));
      assert.ok(secret.equals(again), `ours, ${threshold} of ${count}, ${length} bytes`);
      combined += 1;
    }
  }
}
console.log(`figure: ${combined} quorums of shares combined, half of them the npm package's`);
