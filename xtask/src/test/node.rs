//! The suites that Node runs: the official packages, and the page in Chromium.

use std::time::Duration;

use anyhow::Result;
use fs_err as fs;

use super::tally::{Tally, of_node};
use crate::project::Project;
use crate::{browser, fingerprint, server};

/// Time limit of one suite.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

pub(super) fn interop(project: &Project) -> Result<Tally> {
    run(project, "interop", "tests/peers", ".test.mjs")
}

pub(super) fn e2e(project: &Project) -> Result<Tally> {
    run(project, "e2e", "tests/e2e", ".mjs")
}

/// Runs the files of a folder, not of those below it, whose names end with `ending`.
fn run(project: &Project, name: &str, folder: &str, ending: &str) -> Result<Tally> {
    let mut files = fingerprint::entries(&project.root.join(folder))?;
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    let screenshots = project.target.join("screenshots");
    fs::create_dir_all(&screenshots)?;
    let output = browser::node(project, format!("{name} tests"))?
        // one file at a time: two browsers with their servers disturb each other's timing on two processors
        .split_args("--test --test-reporter=spec --test-concurrency=1 --test-timeout=600000")
        .args(files)
        .env("PESAN_CONFORMANCE", server::example(project, "conformance")?)
        .env("PESAN_SCREENSHOTS", screenshots)
        .log(project.notes().join(format!("{name}.log")))
        .timeout(TIMEOUT)
        .output()?;
    Ok(Tally::tests(name, &output, of_node))
}
