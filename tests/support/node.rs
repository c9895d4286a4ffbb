//! The official server as a child process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Node server of `tests/peers/client-server.mjs`; killed when dropped.
pub(crate) struct Node {
    child: Child,
    port: u16,
}

impl Node {
    /// Server on a free port with these official options, as JSON.
    pub(crate) fn start(options: &str) -> Self {
        let peers = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers");
        assert!(
            peers.join("node_modules/socket.io").is_dir(),
            "the official packages are missing: run `npm ci` in {}",
            peers.display()
        );
        let mut child = Command::new("node")
            .args(["client-server.mjs", options])
            .current_dir(&peers)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("`node` does not start ({error}): install Node 20 or later"));
        let output = child.stdout.take().expect("standard output is piped");
        let mut line = String::new();
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the server writes a line");
        let port = line
            .trim()
            .strip_prefix("listening ")
            .and_then(|port| port.parse().ok());
        let port = port.unwrap_or_else(|| panic!("the official server did not start: it said {line:?}"));
        Self { child, port }
    }

    /// Port on the loopback.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Where clients connect to.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            self.child.wait().expect("a killed child can be waited for");
        }
    }
}
