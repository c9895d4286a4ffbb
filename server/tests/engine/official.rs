//! The official client in Node.js: with its defaults (polling, then an upgrade) and with each transport alone.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use pesan_server::engineio::EngineConfig;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use super::harness::{Server, quick, soon};

const SCRIPT: &str = r#"
import { Socket } from "engine.io-client";
import assert from "node:assert";

const url = process.env.URL;
for (const transports of [["polling", "websocket"], ["polling"], ["websocket"]]) {
  const socket = new Socket(url, { path: "/engine.io/", transports });
  const sent = [];
  const received = [];
  let pings = 0;
  let upgraded = transports.length === 1;
  socket.binaryType = "arraybuffer";
  const done = new Promise((resolve, reject) => {
    socket.on("open", () => {
      for (let i = 0; i < 300; i++) {
        const message = i % 10 === 9 ? new Uint8Array([i & 255, 2, 3]).buffer : `pesan ${i} \u20ac \u{1f600}`;
        sent.push(message);
        setTimeout(() => socket.send(message), i * 3);
      }
    });
    socket.on("ping", () => pings++);
    socket.on("upgrade", () => (upgraded = true));
    socket.on("message", (message) => {
      received.push(message);
    });
    socket.on("close", (reason) => (reason === "forced close" ? resolve() : reject(new Error(reason))));
    const timer = setInterval(() => {
      if (sent.length === 300 && received.length === 300 && pings >= 4 && upgraded) {
        clearInterval(timer);
        socket.close();
      }
    }, 20);
  });
  await done;
  const plain = (message) => (typeof message === "string" ? message : [...new Uint8Array(message)].join());
  assert.deepStrictEqual(received.map(plain), sent.map(plain));
}
console.log("all is well");
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn official_client_with_any_transports_is_served() {
    let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/peers");
    assert!(
        peers.join("node_modules/engine.io-client").exists(),
        "run `npm ci` in tests/peers, or `cargo xtask test`"
    );
    // Pings are frequent; a busy machine may answer late.
    let server = Server::start(EngineConfig {
        ping_timeout: Duration::from_secs(10),
        ..quick()
    });
    let mut node = Command::new("node")
        .arg("--input-type=module")
        .current_dir(peers)
        .env("URL", format!("http://{}", server.address))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .expect("Node is installed");
    let mut stdin = node.stdin.take().expect("a pipe");
    stdin.write_all(SCRIPT.as_bytes()).await.expect("Node reads");
    drop(stdin);
    let output = soon("the end of the script", node.wait_with_output())
        .await
        .expect("Node ran");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(String::from_utf8_lossy(&output.stdout).contains("all is well"));
}
