//! The suites that Node runs: the official packages, and the page in a browser.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::tally::{Tally, of_node};
use crate::failure::{Doing, Failure};
use crate::job::Job;
use crate::project::Project;
use crate::{page, server, tools};

/// Longest time of one suite.
const LIMIT: Duration = Duration::from_secs(20 * 60);

pub(super) fn interop(project: &Project) -> Result<Tally, Failure> {
    run(project, "interop", "tests/peers", |name| {
        name.ends_with(".test.mjs")
    })
}

pub(super) fn e2e(project: &Project) -> Result<Tally, Failure> {
    run(project, "e2e", "tests/e2e", |name| name.ends_with(".mjs"))
}

/// Runs the test files that lie in a folder, not below it.
fn run(project: &Project, name: &str, folder: &str, is_spec: fn(&str) -> bool) -> Result<Tally, Failure> {
    page::build(project)?;
    let program = server::release(project)?;
    let conformance = server::example(project, "conformance")?;
    let browser = tools::browser()?;
    let screenshots = project.target.join("screenshots");
    fs::create_dir_all(&screenshots).doing(format_args!("make {}", screenshots.display()))?;
    let folder = project.root.join(folder);
    let job = Job::new(format!("{name} tests"), "node")
        // a file has ten minutes; one at a time: two browsers and their servers on two cores disturb each other's timing
        .words("--test --test-reporter=spec --test-concurrency=1 --test-timeout=600000")
        .args(specs(&folder, is_spec)?)
        .env("PESAN_SERVER", program)
        .env("PESAN_CONFORMANCE", conformance)
        .env("PESAN_DIST", project.dist())
        .env("PESAN_SCREENSHOTS", screenshots)
        .env("CHROME", browser.browser)
        .folder(&folder)
        .log(project.notes().join(format!("{name}.log")))
        .limit(LIMIT);
    Ok(Tally::tests(name, &job.outcome()?, of_node))
}

/// Test files of a folder, in the order of their names.
pub(crate) fn specs(folder: &Path, is_spec: fn(&str) -> bool) -> Result<Vec<PathBuf>, Failure> {
    let doing = format!("list {}", folder.display());
    let mut specs = Vec::new();
    for entry in fs::read_dir(folder).doing(&doing)? {
        let entry = entry.doing(&doing)?;
        if is_spec(&entry.file_name().to_string_lossy()) {
            specs.push(entry.path());
        }
    }
    specs.sort();
    Ok(specs)
}
