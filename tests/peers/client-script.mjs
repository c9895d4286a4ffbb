// Uses each feature of the official client once, in a fixed order. Usage: node client-script.mjs URL

import { io } from "socket.io-client";

const auth = { token: "t" };
const root = io(process.argv[2], { transports: ["websocket"], auth, query: { room: "a b" }, reconnection: false });
const next = (socket, name) => new Promise((resolve) => socket.once(name, (...args) => resolve(args)));

root.on("add", (left, right, answer) => answer(left + right));
root.on("bytes", (answer) => answer(Buffer.from([9, 8]), "two"));
await next(root, "connect");

root.emit("pesan", "halo é 😀");
await next(root, "pesan");
await root.emitWithAck("echo", "a", 1, null, true, { k: [1, 2.5], '"': "\n" });
await root.emitWithAck("echo", { b: Buffer.from([1, 2, 3]), c: [Buffer.from([4]), { d: Buffer.alloc(0) }] });
root.emit("ask", "add", 20, 22);
await next(root, "answered");
root.emit("ask", "bytes");
await next(root, "answered");
root.volatile.emit("silent", -1);
root.send("message");
await root.timeout(5000).emitWithAck("echo");

const chat = root.io.socket("/chat", { auth });
await next(chat, "connect");
await chat.emitWithAck("echo", Buffer.from([7]));
chat.disconnect();
await root.emitWithAck("echo", "last");
root.disconnect();
