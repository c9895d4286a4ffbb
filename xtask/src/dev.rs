//! `cargo xtask dev`: the page with live reload, and the server behind it.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::{server, tools};

/// Where the server listens; `Trunk.toml` has the proxy to it.
const SERVER: &str = "127.0.0.1:5000";

/// Runs both until one ends or Ctrl-C comes.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode, Failure> {
    let path = tools::for_page(project)?;
    let program = server::debug(project)?;
    let dist = project.target.join("dev-dist");
    std::fs::create_dir_all(&dist)
        .map_err(|error| Failure::new(format!("cannot make {}: {error}", dist.display())))?;
    let mut server = Job::new("the server", program)
        .env("PESAN_LISTEN", SERVER)
        .env("PESAN_ASSETS", &dist)
        .env("PESAN_DATA", project.root.join("data"))
        .folder(&project.root)
        .args(args)
        .beside()?;
    let mut page = Job::new("trunk serve", "trunk")
        .words("serve --offline --skip-version-check --address 127.0.0.1 --port 8080 --dist")
        .arg(&dist)
        .env("PATH", path)
        .without_env("NO_COLOR")
        .folder(&project.root)
        .beside()?;
    println!("\nThe page, rebuilt at every change: http://localhost:8080 (Ctrl-C stops both)\n");
    loop {
        for beside in [&mut server, &mut page] {
            if let Some(how) = beside.ended()? {
                return Err(Failure::new(how));
            }
        }
        thread::sleep(Duration::from_millis(200));
    }
}
