// Jobs of the bench with the official client, the same as in `examples/browser_bench.rs`.

import { io } from "./socket.io.esm.min.js";

const params = new URLSearchParams(location.search);
const [count, batch] = ["count", "batch"].map((name) => Number(params.get(name) ?? 0));
const socket = io(params.get("server"), { transports: ["websocket"] });

socket.once("connect", () => {
  const job = params.get("job");
  if (job === "connect") globalThis.result = [performance.now()];
  else if (job === "echo") echo();
  else receive(job);
});

async function echo() {
  const text = "x".repeat(64);
  const times = [];
  for (let i = 0; i < count; i += 1) {
    const sent = performance.now();
    await socket.emitWithAck("echo", text);
    times.push(performance.now() - sent);
  }
  globalThis.result = times;
}

function receive(kind) {
  const request = () => socket.emit("more", kind, batch);
  request();
  request();
  let events = 0;
  let bytes = 0;
  let began;
  socket.on("event", (value) => {
    events += 1;
    bytes += value.byteLength ?? value.length;
    if (events === 1) began = performance.now();
    if (events === count) globalThis.result = [performance.now() - began, bytes];
    else if (events % batch === 0) request();
  });
}
