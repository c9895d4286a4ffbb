// What a whole `describe` starts, ends with it.

import { after } from "node:test";

/** Stands for the test in helpers that are called in `before`; last started, first ended. */
export function suite() {
  const ends = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (end) => { ends.push(end); } };
}
