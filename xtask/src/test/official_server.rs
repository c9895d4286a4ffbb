//! The official server, for the tests of the client in the browser.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

use crate::project::Project;

/// `tests/peers/client-server.mjs` on a free port; killed on drop.
pub(super) struct OfficialServer {
    child: Child,
    pub(super) address: String,
}

impl OfficialServer {
    pub(super) fn start(project: &Project) -> Result<Self> {
        let child = Command::new("node")
            .arg("client-server.mjs")
            .current_dir(project.root.join("tests/peers"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start tests/peers/client-server.mjs; is Node installed?")?;
        let mut server = Self {
            child,
            address: String::new(),
        };
        let mut line = String::new();
        if let Some(output) = server.child.stdout.take() {
            BufReader::new(output).read_line(&mut line)?;
        }
        let port = line.trim().strip_prefix("listening ");
        let port = port.with_context(|| {
            format!("tests/peers/client-server.mjs printed {line:?} instead of its port; run it with node to see the error")
        })?;
        server.address = format!("http://127.0.0.1:{port}");
        Ok(server)
    }
}

impl Drop for OfficialServer {
    fn drop(&mut self) {
        if self.child.kill().is_ok() {
            drop(self.child.wait());
        }
    }
}
