//! Builds the server.

use std::path::PathBuf;

use crate::failure::Failure;
use crate::job::Job;
use crate::project::Project;

/// Builds the server's program in release; returns its path.
pub(crate) fn release(project: &Project) -> Result<PathBuf, Failure> {
    build(project, "release", "--release")
}

/// Builds the server's program for development; returns its path.
pub(crate) fn debug(project: &Project) -> Result<PathBuf, Failure> {
    build(project, "debug", "")
}

fn build(project: &Project, folder: &str, profile: &str) -> Result<PathBuf, Failure> {
    let line = format!("build --package pesan-server --bin pesan-server {profile}");
    Job::cargo(format!("build the server ({folder})"), &project.root, &line)
        .run()
        .map_err(|failure| failure.by_hand(format!("  cargo {line}")))?;
    Ok(project.target.join(folder).join("pesan-server"))
}
