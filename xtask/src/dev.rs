//! `cargo xtask dev`: `trunk serve`, and the server that it proxies to.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use anyhow::{Result, bail};
use fs_err as fs;

use crate::cmd::Cmd;
use crate::project::Project;
use crate::{server, tools};

/// Address of the server; `Trunk.toml` proxies to it.
const SERVER: &str = "127.0.0.1:5000";

/// Page of the server: a link to the page that Trunk serves.
const STUB: &str = "<!doctype html><meta charset=utf-8><title>pesan</title>\
                    <p>The page is at <a href=http://localhost:8080>localhost:8080</a>.</p>";

/// Runs both until one ends, or until Ctrl-C.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode> {
    let path = tools::for_page(project)?;
    let program = server::debug(project)?;
    let folder = project.target.join("dev");
    let stub = folder.join("stub");
    fs::create_dir_all(&stub)?;
    fs::write(stub.join("index.html"), STUB)?;
    let mut server = Cmd::new("the server", program)
        .env("PESAN_LISTEN", SERVER)
        .env("PESAN_ASSETS", stub)
        .env("PESAN_DATA", project.root.join("data"))
        .current_dir(&project.root)
        .args(args)
        .spawn()?;
    // another folder than `dist`, which has the release build
    let mut trunk = Cmd::new("trunk serve", "trunk")
        .split_args("serve --skip-version-check --dist")
        .arg(folder.join("page"))
        .env("PATH", path)
        .env_remove("NO_COLOR")
        .current_dir(&project.root)
        .spawn()?;
    println!("\nThe page, rebuilt on every change: http://localhost:8080 (Ctrl-C stops both)\n");
    loop {
        for program in [&mut server, &mut trunk] {
            if let Some(how) = program.ended()? {
                bail!("{how}");
            }
        }
        thread::sleep(Duration::from_millis(200));
    }
}
