// The official server, with an event for every feature of a client.
// Usage: node client-server.mjs [JSON], where the JSON holds `port` and any option of the official server.
// Prints `listening PORT` when it listens; exits when its standard input is closed.

import { createServer } from "node:http";
import { Server } from "socket.io";

const { port = 0, msgpack = false, ...options } = JSON.parse(process.argv[2] ?? "{}");
if (msgpack) options.parser = await import("socket.io-msgpack-parser");

const http = createServer();
const io = new Server(http, { cors: { origin: true, credentials: true }, ...options });
const tries = new Map();

function common(socket) {
  // Echoes the arguments: in the ack if one is requested, else as an event.
  socket.on("echo", (...args) => {
    const answer = args.at(-1);
    if (typeof answer === "function") answer(...args.slice(0, -1));
    else socket.emit("echo", ...args);
  });
  socket.on("pesan", (text) => socket.nsp.emit("pesan", text));
  // Requests an ack from the client and emits what the client acknowledged.
  socket.on("ask", (name, ...args) => {
    socket.timeout(2000).emit(name, ...args, (error, ...answer) => {
      if (error) socket.emit("unanswered", name);
      else socket.emit("answered", ...answer);
    });
  });
  socket.on("silent", () => {});
  // Acknowledges the `count`th try for a key.
  socket.on("flaky", (key, count, answer) => {
    const n = (tries.get(key) ?? 0) + 1;
    tries.set(key, n);
    if (n >= count) answer(n);
  });
  // Acknowledges with the handshake.
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
  // Stops reading.
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

// Accepts clients with the token `secret`; refuses others with data.
const admin = io.of("/admin");
admin.use((socket, next) => {
  if (socket.handshake.auth.token === "secret") return next();
  const error = new Error("not authorized");
  error.data = { code: 401, wanted: "token" };
  next(error);
});
admin.on("connection", common);

// Never replies to a CONNECT.
io.of("/silent").use(() => {});

http.listen(port, "127.0.0.1", () => console.log(`listening ${http.address().port}`));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
