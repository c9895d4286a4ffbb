// Waiting for a condition instead of a while.

/** Resolves with the first truthy value of `probe`; fails with `what` when there is none in time,
 *  and at once on an error that says it is `final`. */
export async function until(what, probe, within = 15_000) {
  const deadline = Date.now() + within;
  let last;
  for (;;) {
    try {
      const value = await probe();
      if (value) return value;
      last = value;
    } catch (error) {
      if (error.final) throw error;
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`not within ${within} ms: ${what} (last: ${last instanceof Error ? last.message : JSON.stringify(last)})`);
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

/** Resolves with the first argument of `event`, once `emitter` says it; fails after a while. */
export function once(emitter, event, within = 15_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no '${event}' within ${within} ms`)), within);
    emitter.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args[0]);
    });
  });
}
