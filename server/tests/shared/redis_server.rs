//! Redis server for a test.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Longest time for Redis to start.
const PATIENCE: Duration = Duration::from_secs(20);

/// Redis on a free port that writes to its file before it responds; killed on drop.
pub(crate) struct RedisServer {
    child: Child,
    port: u16,
    directory: TempDir,
}

impl RedisServer {
    pub(crate) fn start() -> Self {
        let free = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = free.expect("a free port").port();
        let directory = tempfile::tempdir().expect("a directory");
        let child = spawn(port, &directory);
        Self {
            child,
            port,
            directory,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.port))
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address())
    }

    /// Kills Redis; everything it had acknowledged is in its file.
    pub(crate) fn stop(&mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it was killed");
    }

    /// Removes the files of a stopped server.
    pub(crate) fn forget(&self) {
        std::fs::remove_dir_all(self.files()).expect("it had files");
    }

    /// Truncates the newest file of a stopped server, so that the last write is lost.
    pub(crate) fn forget_the_last_bytes(&self) {
        let files = std::fs::read_dir(self.files()).expect("it had files");
        let newest = files
            .map(|file| file.expect("can be read").path())
            .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
            .expect("it wrote something");
        let file = std::fs::File::options()
            .write(true)
            .open(newest)
            .expect("is ours");
        let length = file.metadata().expect("is a file").len();
        file.set_len(length - 10).expect("can be cut");
    }

    fn files(&self) -> PathBuf {
        self.directory.path().join("appendonlydir")
    }

    pub(crate) fn start_again(&mut self) {
        self.child = spawn(self.port, &self.directory);
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().expect("a killed child can be waited for");
        }
    }
}

fn spawn(port: u16, directory: &TempDir) -> Child {
    let child = Command::new("redis-server")
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"])
        .current_dir(directory.path())
        .stdout(Stdio::null())
        .spawn()
        .expect("`redis-server` is installed");
    let begun = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begun.elapsed() < PATIENCE, "redis does not start");
        std::thread::sleep(Duration::from_millis(5));
    }
    child
}
