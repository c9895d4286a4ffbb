//! `cargo xtask dev`: the page with live reload, and the server behind it.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::failure::{Doing, Failure};
use crate::job::Job;
use crate::project::Project;
use crate::{server, tools};

/// Where the server listens; `Trunk.toml` has the proxy to it.
const SERVER: &str = "127.0.0.1:5000";

const STUB: &str = "<!doctype html><meta charset=utf-8><title>pesan</title>\
                    <p>The page is at <a href=http://localhost:8080>localhost:8080</a>.</p>";

/// Runs both until one ends or Ctrl-C comes.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode, Failure> {
    let path = tools::for_page(project)?;
    let program = server::debug(project)?;
    let dist = project.target.join("dev/page");
    let stub = stub_page(project)?;
    let mut server = Job::new("the server", program)
        .env("PESAN_LISTEN", SERVER)
        .env("PESAN_ASSETS", stub)
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

/// Page that the server itself serves meanwhile: the way to the one that Trunk serves.
fn stub_page(project: &Project) -> Result<PathBuf, Failure> {
    let folder = project.target.join("dev/stub");
    let page = folder.join("index.html");
    fs::create_dir_all(&folder).doing(format_args!("make {}", folder.display()))?;
    fs::write(&page, STUB).doing(format_args!("write {}", page.display()))?;
    Ok(folder)
}
