//! One machine: a process of the binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::redis_server::RedisServer;

const SERVER: &str = env!("CARGO_BIN_EXE_pesan-server");
/// Longer than anything here takes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Node {
    child: Child,
    folder: TempDir,
    pub(crate) address: SocketAddr,
}

impl Node {
    /// A node on a free port; `--redis` is all that makes it one of several.
    pub(crate) fn start(redis: &RedisServer) -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0)), redis)
    }

    /// Takes the place of one that was killed.
    pub(crate) fn start_again(&mut self, redis: &RedisServer) {
        *self = Self::start_at(self.address, redis);
    }

    fn start_at(address: SocketAddr, redis: &RedisServer) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join("dist")).expect("writable");
        std::fs::write(folder.path().join("dist/index.html"), "<title>pesan</title>").expect("writable");
        let mut child = Command::new(SERVER)
            .current_dir(folder.path())
            .env_clear()
            .env("PESAN_REDIS", redis.url())
            .args(["--listen", &address.to_string(), "--page-messages", "500"])
            .args(["--rate", "1000000", "--burst", "1000000"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut log = BufReader::new(child.stderr.take().expect("piped"));
        let mut line = String::new();
        let address = loop {
            line.clear();
            assert!(
                log.read_line(&mut line).expect("text") > 0,
                "ended before it listened"
            );
            if let Some((_, address)) = line.trim().rsplit_once("listening on http://") {
                break address.parse().expect("an address");
            }
        };
        // a full pipe would stop it
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            child,
            folder,
            address,
        }
    }

    /// Kills it without a word.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }

    /// Waits for it to end by itself.
    pub(crate) fn ended(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("it is ours") {
                return status.success();
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        false
    }

    /// What `pesan-server admin` says on this machine.
    pub(crate) fn admin(&self, args: &[&str]) -> String {
        let Output { stdout, stderr, .. } = Command::new(SERVER)
            .current_dir(self.folder.path())
            .env_clear()
            .arg("admin")
            .args(args)
            .output()
            .expect("runs");
        String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr)
    }

    /// Status and body of a page.
    pub(crate) async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.expect("it listens");
        let request = format!(
            "GET {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n",
            self.address
        );
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("text");
        let status = answer.get(9..12).expect("a status").to_owned();
        let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
        format!("{status} {}", body.trim())
    }

    /// Waits until a page says this.
    pub(crate) async fn says(&self, path: &str, words: &str) {
        let begun = Instant::now();
        loop {
            let said = self.get(path).await;
            if said.contains(words) {
                return;
            }
            assert!(
                begun.elapsed() < PATIENCE,
                "{path} says {said:?}, and not {words:?}"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // it may have ended by itself
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
    }
}

/// Nodes that know of each other.
pub(crate) async fn start<const N: usize>(redis: &RedisServer) -> [Node; N] {
    let nodes = std::array::from_fn(|_| Node::start(redis));
    meet(&nodes).await;
    nodes
}

/// Waits until each node knows of all others.
pub(crate) async fn meet(nodes: &[Node]) {
    for node in nodes {
        let others = format!("pesan_other_nodes {}\n", nodes.len() - 1);
        node.says("/metrics", &others).await;
    }
}
