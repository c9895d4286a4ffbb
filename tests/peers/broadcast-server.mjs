// The official server of the broadcast bench: broadcasts each `pesan` to all clients. Listens on PORT.
import http from "node:http";
import { Server } from "socket.io";

const server = http.createServer();
const io = new Server(server);
io.on("connection", (socket) => socket.on("pesan", (text) => io.emit("pesan", text)));
server.listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });
