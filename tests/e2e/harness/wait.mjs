// Waits for conditions and events, with a timeout.

/** Resolves with the first truthy value of `probe`. Fails with `what` after the timeout, and at once if `probe` throws an
 *  error with `final: true`. */
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

/** Resolves with the first argument of the next `event`; fails after the timeout. */
export function once(emitter, event, within = 15_000) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no '${event}' within ${within} ms`)), within);
    emitter.once(event, (...args) => {
      clearTimeout(timer);
      resolve(args[0]);
    });
  });
}
