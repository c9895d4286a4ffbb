// The plain chat in React with the official client: an input, a button, a list.

import { useEffect, useState } from "react";
import io from "socket.io-client";

const server = new URLSearchParams(location.search).get("server") ?? location.origin;

export default function Chat() {
  const [socket, setSocket] = useState(null);
  const [text, setText] = useState("");
  const [messages, setMessages] = useState([]);

  useEffect(() => {
    const opened = io(server);
    opened.on("pesan", (message) => setMessages((earlier) => [...earlier, message]));
    setSocket(opened);
    return () => { opened.disconnect(); };
  }, []);

  const send = () => {
    socket?.emit("pesan", text);
    setText("");
  };

  return (
    <div>
      <input type="text" value={text} onChange={(event) => setText(event.target.value)} />
      <button onClick={send}>Kirim</button>
      <div className="messages">
        {messages.map((message, index) => <div key={index}><p>{message}</p></div>)}
      </div>
    </div>
  );
}
