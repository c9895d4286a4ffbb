//! `cargo xtask client-bench`: this client beside socket.io-client, in one Chromium and against one server.

use std::process::ExitCode;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;
use crate::{page, server, tools};

/// Program of the bench's page.
const EXAMPLE: &str = "browser_bench";

/// `args` is the number of rounds.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode, Failure> {
    tools::install_locked(&project.root.join("tests/e2e"))?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    let out = project.target.join("client-bench");
    page::example(project, EXAMPLE, "web", &out)?;
    let program = server::example(project, "client_bench")?;
    let browser = tools::browser()?;
    let job = Job::new("compare the clients", "node")
        .arg(project.root.join("tests/e2e/bench/client.mjs"))
        .args(args)
        .env("PESAN_BENCH_SERVER", program)
        .env("PESAN_BENCH_CLIENT", out)
        .env("CHROME", browser.browser)
        .folder(&project.root);
    print!("{}", job.run()?);
    Ok(ExitCode::SUCCESS)
}
