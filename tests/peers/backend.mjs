// Backend of the plain chat on Node: express, cors and socket.io. The event `pesan` is broadcast to all clients, including
// the sender. Listens on `PORT`; 0 means a free port.

import { createServer } from "node:http";
import cors from "cors";
import express from "express";
import { Server } from "socket.io";

const app = express();
app.use(cors());
const http = createServer(app);
const io = new Server(http, { cors: { origin: "*" } });

io.on("connection", (socket) => {
  console.log("A user connected");
  socket.on("pesan", (text) => {
    console.log("message:", text);
    io.emit("pesan", text);
  });
  socket.on("disconnect", (reason) => console.log("User disconnected:", reason));
});

http.listen(Number(process.env.PORT ?? 5000), "127.0.0.1", () => console.log("listening on", http.address().port));
