//! Suites that run Node: the official packages, and the page in Chromium.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use fs_err as fs;

use super::rust;
use super::tally::{Tally, of_node};
use crate::cmd::Cmd;
use crate::project::Project;
use crate::{browser, fingerprint, tools};

/// Time limit of one suite.
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

pub(super) fn interop(project: &Project) -> Result<Tally> {
    run(project, "interop", "tests/peers", ".test.mjs", &[])
}

pub(super) fn e2e(project: &Project) -> Result<Tally> {
    let pages = leptos_examples(project)?;
    let env = [("PESAN_LEPTOS_EXAMPLES", pages)];
    run(project, "e2e", "tests/e2e", ".mjs", &env)
}

/// Builds the pages of `examples/leptos` as described in its README; returns the folder with one subfolder per page.
fn leptos_examples(project: &Project) -> Result<PathBuf> {
    let out = project.target.join("leptos-examples");
    let path = tools::for_page(project)?;
    for (page, name) in [
        ("index.html", "app"),
        ("message.html", "message"),
        ("welcome.html", "welcome"),
    ] {
        Cmd::new(format!("build examples/leptos/{page}"), "trunk")
            .split_args("build --skip-version-check --color never --dist")
            .arg(out.join(name))
            .arg(page)
            .env("PATH", &path)
            .env_remove("NO_COLOR")
            .current_dir(&project.root.join("examples/leptos"))
            .run()?;
    }
    Ok(out)
}

/// Runs the files in a folder whose names end with `ending`, without subfolders.
fn run(project: &Project, name: &str, folder: &str, ending: &str, env: &[(&str, PathBuf)]) -> Result<Tally> {
    let mut files = fingerprint::entries(&project.root.join(folder))?;
    files.retain(|file| file.to_string_lossy().ends_with(ending));
    let screenshots = project.target.join("screenshots");
    fs::create_dir_all(&screenshots)?;
    let programs = rust::programs(project)?;
    let mut node = browser::node(project, format!("{name} tests"), &programs.join("pesan-server"))?;
    for (variable, value) in env {
        node = node.env(variable, value);
    }
    let output = node
        // one file at a time: on two processors, two browsers with their servers slow each other down
        .split_args("--test --test-reporter=spec --test-concurrency=1 --test-timeout=600000")
        .args(files)
        .env("PESAN_SERVER_EXAMPLES", programs.join("examples"))
        .env("PESAN_SCREENSHOTS", screenshots)
        .log(project.notes().join(format!("{name}.log")))
        .timeout(TIMEOUT)
        .output()?;
    Ok(Tally::tests(name, &output, of_node))
}
