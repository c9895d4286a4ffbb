//! Builds the server.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;

/// Builds the server's program in release; returns its path.
pub(crate) fn release(project: &Project) -> Result<PathBuf, Failure> {
    build(project, "the server", "--release --bin pesan-server")?;
    Ok(project.target.join("release/pesan-server"))
}

/// Builds the server's program for development; returns its path.
pub(crate) fn debug(project: &Project) -> Result<PathBuf, Failure> {
    build(project, "the server for development", "--bin pesan-server")?;
    Ok(project.target.join("debug/pesan-server"))
}

/// Builds one of the server's examples in release; returns its path.
pub(crate) fn example(project: &Project, name: &str) -> Result<PathBuf, Failure> {
    build(
        project,
        &format!("the example {name}"),
        &format!("--release --example {name}"),
    )?;
    Ok(project.target.join("release/examples").join(name))
}

fn build(project: &Project, what: &str, which: &str) -> Result<(), Failure> {
    let line = format!("build --package pesan-server {which}");
    Job::cargo(format!("build {what}"), &project.root, &line)
        .run()
        .map(drop)
        .map_err(|failure| failure.by_hand(format!("  cargo {line}")))
}
