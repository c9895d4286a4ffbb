//! Node programs that drive the page in Chromium: tests, benches and soak runs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use crate::cmd::Cmd;
use crate::project::Project;
use crate::{page, server, tools};

/// Node with the built page and this server in its environment, and the packages of `tests/e2e` and `tests/peers` installed.
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

/// `cargo xtask page-bench`: this page and the same chat in React, in turn.
pub(crate) fn page_bench(project: &Project, args: &[String]) -> Result<ExitCode> {
    let node = node(project, "flood both pages", &server::release(project)?)?;
    print!("{}", node.arg("tests/e2e/bench/flood.mjs").args(args).run()?);
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask client-bench`: this client and socket.io-client, in turn and against one server.
pub(crate) fn client_bench(project: &Project, args: &[String]) -> Result<ExitCode> {
    let out = project.target.join("client-bench");
    Cmd::new("build the client's bench", "trunk")
        .split_args("build --release --example browser_bench --filehash false --skip-version-check --color never --dist")
        .arg(&out)
        .arg(project.root.join("tests/e2e/bench/client/index.html"))
        .env("PATH", tools::for_page(project)?)
        .env_remove("NO_COLOR")
        .current_dir(&project.root)
        .run()?;
    let node = node(project, "compare the clients", &server::release(project)?)?
        .env("PESAN_BENCH_SERVER", server::example(project, "client_bench")?)
        .env("PESAN_BENCH_CLIENT", out);
    print!("{}", node.arg("tests/e2e/bench/client.mjs").args(args).run()?);
    Ok(ExitCode::SUCCESS)
}
