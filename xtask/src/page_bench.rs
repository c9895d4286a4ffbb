//! `cargo xtask page-bench`: this page beside the same chat in React, in one Chromium and in turn.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::{page, server, tools};

/// `args` are rounds, messages, and messages a second (0: all at once).
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode, Failure> {
    tools::install_locked(&project.root.join("tests/e2e"))?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    page::build(project)?;
    let program = server::release(project)?;
    let browser = tools::browser()?;
    let job = Job::new("flood two pages", "node")
        .arg(project.root.join("tests/e2e/bench/flood.mjs"))
        .args(args)
        .env("PESAN_SERVER", program)
        .env("PESAN_DIST", project.dist())
        .env("CHROME", browser.browser)
        .folder(&project.root);
    print!("{}", job.run()?);
    Ok(ExitCode::SUCCESS)
}
