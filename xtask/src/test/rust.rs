//! The suites that cargo runs. Warnings are errors here.

use std::time::Duration;

use super::peer::Peer;
use super::tally::{Tally, of_cargo, of_closing_line};
use crate::failure::Failure;
use crate::fingerprint;
use crate::job::Job;
use crate::project::Project;
use crate::tools::{self, WASM};

/// Features of the root package that build on the host, beside the core without any.
pub(crate) const HOST_FEATURES: &str =
    "--no-default-features --features pesan/leptos,pesan/native,pesan/msgpack";

/// Features that are checked one at a time: on the host, in the browser.
const ALONE: [(&str, bool, bool); 8] = [
    ("", true, true),
    ("polling", true, true),
    ("websocket", false, true),
    ("msgpack", true, true),
    ("native", true, false),
    ("web", false, true),
    ("leptos", true, true),
    ("app", false, true),
];

/// What the core may depend on.
const CORE: [&str; 2] = ["serde", "serde_json"];

/// Longest time of the tests of one package, with what has to be built for them.
const LIMIT: Duration = Duration::from_secs(25 * 60);

pub(super) fn fmt(project: &Project) -> Result<Tally, Failure> {
    check(project, "cargo fmt --all --check")
}

pub(super) fn clippy(project: &Project) -> Result<Tally, Failure> {
    let host = check(
        project,
        &format!("cargo clippy --workspace --all-targets {HOST_FEATURES} -- -D warnings"),
    )?;
    let browser = check(
        project,
        &format!("cargo clippy --package pesan --lib --bins --tests --target {WASM} -- -D warnings"),
    )?;
    Ok(host + browser)
}

pub(super) fn features(project: &Project) -> Result<Tally, Failure> {
    let mut tally = core_dependencies(project)?;
    for (feature, host, browser) in ALONE {
        let features = format!("--no-default-features --features {feature}");
        let features = if feature.is_empty() {
            "--no-default-features"
        } else {
            &features
        };
        for (there, target) in [(host, String::new()), (browser, format!("--target {WASM}"))] {
            if there {
                tally = tally
                    + check(
                        project,
                        &format!("cargo clippy --package pesan --lib {features} {target} -- -D warnings"),
                    )?;
            }
        }
    }
    let together = "cargo clippy --package pesan --lib --bins --all-features -- -D warnings";
    Ok(tally + check(project, together)?)
}

/// The core has exactly two dependencies.
fn core_dependencies(project: &Project) -> Result<Tally, Failure> {
    let label = "dependencies of the core";
    let line =
        "tree --package pesan --no-default-features --edges normal --depth 1 --prefix none --format {lib}";
    let output = Job::cargo(label, &project.root, line).run()?;
    let mut names: Vec<&str> = output
        .lines()
        .skip(1)
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    names.sort_unstable();
    if names == CORE {
        return Ok(Tally::pass());
    }
    println!("the core depends on {names:?}, and may only on {CORE:?}");
    Ok(Tally::failure(label))
}

pub(super) fn doc(project: &Project) -> Result<Tally, Failure> {
    let host = format!("doc --workspace --exclude xtask --no-deps --lib {HOST_FEATURES}");
    let browser = format!("doc --package pesan --no-deps --lib --target {WASM}");
    let mut tally = Tally::default();
    for line in [host, browser] {
        let label = format!("cargo {line}");
        let job = Job::cargo(&label, &project.root, &line).env("RUSTDOCFLAGS", "-D warnings");
        tally = tally + Tally::check(&label, &job.outcome()?);
    }
    Ok(tally)
}

pub(super) fn host(project: &Project) -> Result<Tally, Failure> {
    tests(
        project,
        "host",
        &format!("test --workspace --exclude pesan-server --no-fail-fast {HOST_FEATURES}"),
    )
}

pub(super) fn server(project: &Project) -> Result<Tally, Failure> {
    tests(project, "server", "test --package pesan-server --no-fail-fast")
}

/// The example `vectors` on every file of fixtures.
pub(super) fn vectors(project: &Project) -> Result<Tally, Failure> {
    let folder = project.root.join("tests/fixtures");
    let mut files = fingerprint::files_below(&folder)?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    let mut tally = Tally::default();
    for file in files {
        let label = file
            .strip_prefix(&project.root)
            .unwrap_or(&file)
            .display()
            .to_string();
        let line = "run --quiet --no-default-features --features msgpack --example vectors --";
        let outcome = Job::cargo(&label, &project.root, line).arg(&file).outcome()?;
        tally = tally + Tally::tests(&label, &outcome, of_closing_line);
    }
    Ok(tally)
}

pub(super) fn wasm(project: &Project) -> Result<Tally, Failure> {
    let runner = tools::wasm_test_runner(project)?;
    let browser = tools::browser()?;
    let peer = Peer::start(project)?;
    let suite = |name: &str, what: &str| {
        let line = format!("test --package pesan {what} --no-fail-fast --target {WASM}");
        let job = Job::cargo(format!("{name} tests in Chromium"), &project.root, &line)
            .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER", &runner)
            .env("CHROMEDRIVER", &browser.driver)
            .env("PESAN_TEST_SERVER", &peer.address)
            .env("WASM_BINDGEN_TEST_TIMEOUT", "300")
            .log(project.notes().join(format!("{name}.log")))
            .limit(LIMIT);
        job.outcome()
            .map(|outcome| Tally::tests(name, &outcome, of_cargo))
    };
    let all = suite("wasm", "--lib --tests")?;
    let alone = "--no-default-features --features websocket --test web_client";
    Ok(all + suite("wasm by WebSocket alone", alone)?)
}

fn tests(project: &Project, name: &str, line: &str) -> Result<Tally, Failure> {
    let job = Job::cargo(format!("{name} tests"), &project.root, line)
        .log(project.notes().join(format!("{name}.log")))
        .limit(LIMIT);
    Ok(Tally::tests(name, &job.outcome()?, of_cargo))
}

fn check(project: &Project, line: &str) -> Result<Tally, Failure> {
    let words = line.strip_prefix("cargo ").expect("written so above");
    Ok(Tally::check(
        line,
        &Job::cargo(line, &project.root, words).outcome()?,
    ))
}
