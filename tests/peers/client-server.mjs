// The official server, with something to try for every feature of a client.
// Usage: node client-server.mjs [JSON], where the JSON holds `port` and any option of the official server.
// Prints `listening PORT` once it listens; ends when its standard input does.

import { createServer } from "node:http";
import { Server } from "socket.io";

const { port = 0, msgpack = false, ...options } = JSON.parse(process.argv[2] ?? "{}");
if (msgpack) options.parser = await import("socket.io-msgpack-parser");

const http = createServer();
const io = new Server(http, { cors: { origin: true, credentials: true }, ...options });
const tries = new Map();

function common(socket) {
  // Gives everything back: as the answer when one is wanted, else as an event.
  socket.on("echo", (...args) => {
    const answer = args.at(-1);
    if (typeof answer === "function") answer(...args.slice(0, -1));
    else socket.emit("echo", ...args);
  });
  socket.on("pesan", (text) => socket.nsp.emit("pesan", text));
  // Asks the client and tells what it answered.
  socket.on("ask", (name, ...args) => {
    socket.timeout(2000).emit(name, ...args, (error, ...answer) => {
      if (error) socket.emit("unanswered", name);
      else socket.emit("answered", ...answer);
    });
  });
  socket.on("silent", () => {});
  // Answers a key's `count`th try.
  socket.on("flaky", (key, count, answer) => {
    const n = (tries.get(key) ?? 0) + 1;
    tries.set(key, n);
    if (n >= count) answer(n);
  });
  // Says what the handshake was.
  socket.on("handshake", (answer) => {
    const { auth, query, headers } = socket.handshake;
    answer({ auth, query, headers, transport: socket.conn.transport.name, recovered: socket.recovered });
  });
  socket.on("sizes", (...args) => {
    const answer = args.pop();
    answer(args.map((value) => (Buffer.isBuffer(value) ? value.length : typeof value)));
  });
  socket.on("flood", (count, size, binary) => {
    const payload = binary ? Buffer.alloc(size, 7) : "x".repeat(size);
    for (let n = 0; n < count; n++) socket.emit("tick", n, payload);
    socket.emit("flooded", count);
  });
  socket.on("kick", (close) => socket.disconnect(close === true));
  socket.on("hang up", () => socket.conn.close());
  socket.on("cut", () => socket.conn.transport.socket?.terminate());
  // Reads nothing any more.
  socket.on("deaf", () => socket.conn.transport.socket?._socket.pause());
  socket.on("numbers", () => socket.emit(7, "seven"));
  socket.on("join", (room, answer) => {
    socket.join(room);
    answer();
  });
  socket.on("to room", (room, text) => io.to(room).emit("pesan", text));
  socket.on("transport", (answer) => answer(socket.conn.transport.name));
  socket.on("late", (delay, text) => setTimeout(() => socket.emit("pesan", text), delay));
}

io.on("connection", (socket) => {
  socket.emit("welcome_message", "Welcome to the WebSocket server!");
  common(socket);
  const { name } = socket.handshake.auth;
  if (name) socket.on("disconnect", (reason) => io.emit("left", name, reason));
});

io.of("/chat").on("connection", common);

// Only those who know the secret come in; the others hear why not.
const admin = io.of("/admin");
admin.use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  const error = new Error("not authorized");
  error.data = { code: 401, wanted: "token" };
  next(error);
});
admin.on("connection", common);

// Never answers a CONNECT.
io.of("/silent").use(() => {});

http.listen(port, "127.0.0.1", () => console.log(`listening ${http.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
