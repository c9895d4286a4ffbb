// Cleanup for a whole `describe`.

import { after } from "node:test";

/** Context for helpers that are called in `before`: runs their cleanup in reverse order when the `describe` ends. */
export function suite() {
  const ends = [];
  after(async () => {
    for (const end of ends.reverse()) await end();
  });
  return { after: (end) => { ends.push(end); } };
}
