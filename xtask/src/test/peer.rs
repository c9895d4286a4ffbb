//! The official server that the client's tests in a browser talk to.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::failure::{Doing, Failure};
use crate::project::Project;

/// Server of `tests/peers/client-server.mjs` on a free port; ends when dropped.
pub(super) struct Peer {
    child: Child,
    pub(super) address: String,
}

impl Peer {
    pub(super) fn start(project: &Project) -> Result<Self, Failure> {
        let mut child = Command::new("node")
            .arg("client-server.mjs")
            .current_dir(project.root.join("tests/peers"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .doing("start tests/peers/client-server.mjs")?;
        let mut line = String::new();
        if let Some(output) = child.stdout.take() {
            BufReader::new(output)
                .read_line(&mut line)
                .doing("read what the official server says")?;
        }
        let mut peer = Self {
            child,
            address: String::new(),
        };
        let Some(port) = line.trim().strip_prefix("listening ") else {
            return Err(Failure::new(format!(
                "the official server did not start, it said {line:?}"
            )));
        };
        peer.address = format!("http://127.0.0.1:{port}");
        Ok(peer)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
