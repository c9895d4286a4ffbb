//! Node programs that control the page in Chromium: tests, benches and soak tests.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::cmd::Cmd;
use crate::project::Project;
use crate::{page, server, tools};

/// Builds the page, installs the packages of `tests/e2e` and `tests/peers`, and returns Node with the paths of the page, the
/// server and Chromium in its environment.
pub(crate) fn node(project: &Project, label: impl Into<String>, server: &Path) -> Result<Cmd> {
    tools::install_locked(&project.root.join("tests/e2e"))?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    page::build(project)?;
    Ok(Cmd::new(label, "node")
        .env("PESAN_SERVER", server)
        .env("PESAN_DIST", project.dist())
        .env("CHROME", tools::browser()?.browser)
        .current_dir(&project.root))
}

/// `cargo xtask page-bench`: compares this page with the same chat in React.
pub(crate) fn page_bench(project: &Project, args: &[String]) -> Result<ExitCode> {
    let node = node(project, "benchmark both pages", &server::release(project)?)?;
    print!("{}", node.arg("tests/e2e/bench/flood.mjs").args(args).run()?);
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask client-bench`: compares this client with socket.io-client.
pub(crate) fn client_bench(project: &Project, args: &[String]) -> Result<ExitCode> {
    let out = project.target.join("client-bench");
    Cmd::new("build the page of the client bench", "trunk")
        .split_args("build --release --example browser_bench --filehash false --skip-version-check --color never --dist")
        .arg(&out)
        .arg(project.root.join("tests/e2e/bench/client/index.html"))
        .env("PATH", tools::for_page(project)?)
        .env_remove("NO_COLOR")
        .current_dir(&project.root)
        .run()?;
    let node = node(project, "benchmark both clients", &server::release(project)?)?
        .env("PESAN_BENCH_SERVER", server::example(project, "client_bench")?)
        .env("PESAN_BENCH_CLIENT", out);
    print!("{}", node.arg("tests/e2e/bench/client.mjs").args(args).run()?);
    Ok(ExitCode::SUCCESS)
}
