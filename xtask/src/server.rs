//! Builds the server.

use std::path::PathBuf;

use anyhow::Result;

use crate::advice::ByHand;
use crate::cmd::Cmd;
use crate::project::Project;

/// Builds the server in release; returns the program.
pub(crate) fn release(project: &Project) -> Result<PathBuf> {
    build(project, "the server", "--release --bin pesan-server")?;
    Ok(project.target.join("release/pesan-server"))
}

/// Builds the server for development; returns the program.
pub(crate) fn debug(project: &Project) -> Result<PathBuf> {
    build(project, "the server for development", "--bin pesan-server")?;
    Ok(project.target.join("debug/pesan-server"))
}

/// Builds an example of the server in release; returns the program.
pub(crate) fn example(project: &Project, name: &str) -> Result<PathBuf> {
    build(
        project,
        &format!("the example {name}"),
        &format!("--release --example {name}"),
    )?;
    Ok(project.target.join("release/examples").join(name))
}

fn build(project: &Project, what: &str, which: &str) -> Result<()> {
    let line = format!("build --package pesan-server {which}");
    Cmd::cargo(format!("build {what}"), &project.root, &line)
        .run()
        .map(drop)
        .by_hand(format!("  cargo {line}"))
}
