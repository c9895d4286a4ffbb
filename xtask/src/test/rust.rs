//! The suites that cargo runs. Warnings are errors here.

use std::time::Duration;

use anyhow::Result;

use super::official_server::OfficialServer;
use super::tally::{Tally, of_cargo, of_closing_line};
use crate::cmd::Cmd;
use crate::fingerprint;
use crate::project::Project;
use crate::tools::{self, WASM};

/// Features of the root package that build on the host.
pub(crate) const HOST_FEATURES: &str = "--features pesan/leptos,pesan/native,pesan/msgpack";

/// Pages that ask for `leptos/csr`, which must not be on where the hooks are tested under `ssr`.
const EXAMPLES: &str = "pesan-leptos-examples";

/// Features that are checked alone, and whether on the host and for the browser.
const ALONE: [(&str, bool, bool); 6] = [
    ("", true, true),
    ("msgpack", true, true),
    ("native", true, false),
    ("web", true, true),
    ("leptos", true, true),
    ("app", false, true),
];

/// All dependencies of the package without features.
const CORE: [&str; 3] = ["serde", "serde_json", "thiserror"];

/// Time limit of the tests of one package, building included.
const TIMEOUT: Duration = Duration::from_secs(25 * 60);

pub(super) fn fmt(project: &Project) -> Result<Tally> {
    check(project, "cargo fmt --all --check")
}

pub(super) fn clippy(project: &Project) -> Result<Tally> {
    let host = check(
        project,
        &format!(
            "cargo clippy --workspace --exclude {EXAMPLES} --all-targets {HOST_FEATURES} -- -D warnings"
        ),
    )?;
    let browser = check(
        project,
        &format!(
            "cargo clippy --package pesan --features app --lib --bins --tests --target {WASM} -- -D warnings"
        ),
    )?;
    let examples = check(
        project,
        &format!("cargo clippy --package {EXAMPLES} --target {WASM} -- -D warnings"),
    )?;
    Ok(host + browser + examples)
}

pub(super) fn features(project: &Project) -> Result<Tally> {
    let mut tally = core_dependencies(project)?;
    let mut clippy = |what: String| -> Result<()> {
        let line = format!("cargo clippy --package pesan --lib {what} -- -D warnings");
        tally = tally.clone() + check(project, &line)?;
        Ok(())
    };
    for (feature, host, browser) in ALONE {
        let alone = format!("--features={feature}");
        if host {
            clippy(alone.clone())?;
        }
        if browser {
            clippy(format!("{alone} --target {WASM}"))?;
        }
    }
    clippy("--bins --all-features".to_owned())?;
    Ok(tally)
}

/// Checks that the core has exactly the dependencies of `CORE`.
fn core_dependencies(project: &Project) -> Result<Tally> {
    let label = "dependencies of the core";
    let line = "tree --package pesan --edges normal --depth 1 --prefix none --format {lib}";
    let output = Cmd::cargo(label, &project.root, line).run()?;
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
    println!("the core depends on {names:?}; expected {CORE:?}");
    Ok(Tally::failure(label))
}

pub(super) fn doc(project: &Project) -> Result<Tally> {
    let host =
        format!("doc --workspace --exclude xtask --exclude {EXAMPLES} --no-deps --lib {HOST_FEATURES}");
    let browser = format!("doc --package pesan --features app --no-deps --lib --target {WASM}");
    let mut tally = Tally::default();
    for line in [host, browser] {
        let label = format!("cargo {line}");
        let cmd = Cmd::cargo(&label, &project.root, &line).env("RUSTDOCFLAGS", "-D warnings");
        tally = tally + Tally::check(&label, &cmd.output()?);
    }
    Ok(tally)
}

pub(super) fn host(project: &Project) -> Result<Tally> {
    tests(
        project,
        "host",
        &format!(
            "test --workspace --exclude pesan-server --exclude {EXAMPLES} --no-fail-fast {HOST_FEATURES}"
        ),
    )
}

pub(super) fn server(project: &Project) -> Result<Tally> {
    tests(project, "server", "test --package pesan-server --no-fail-fast")
}

/// Runs the example `vectors` on every file of fixtures.
pub(super) fn vectors(project: &Project) -> Result<Tally> {
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
        let line = "run --quiet --features msgpack --example vectors --";
        let output = Cmd::cargo(&label, &project.root, line).arg(&file).output()?;
        tally = tally + Tally::tests(&label, &output, of_closing_line);
    }
    Ok(tally)
}

/// Tests of the library, the client and the page's components, by wasm-bindgen-test.
pub(super) fn wasm(project: &Project) -> Result<Tally> {
    let browser = tools::browser()?;
    let server = OfficialServer::start(project)?;
    let line =
        format!("test --package pesan --features app --lib --bins --tests --no-fail-fast --target {WASM}");
    let output = Cmd::cargo("wasm tests in Chromium", &project.root, &line)
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER",
            tools::wasm_test_runner(project)?,
        )
        .env("CHROMEDRIVER", browser.driver)
        .env("PESAN_TEST_SERVER", &server.address)
        .env("WASM_BINDGEN_TEST_TIMEOUT", "300")
        .log(project.notes().join("wasm.log"))
        .timeout(TIMEOUT)
        .output()?;
    Ok(Tally::tests("wasm", &output, of_cargo))
}

fn tests(project: &Project, name: &str, line: &str) -> Result<Tally> {
    let cmd = Cmd::cargo(format!("{name} tests"), &project.root, line)
        .log(project.notes().join(format!("{name}.log")))
        .timeout(TIMEOUT);
    Ok(Tally::tests(name, &cmd.output()?, of_cargo))
}

fn check(project: &Project, line: &str) -> Result<Tally> {
    let words = line.strip_prefix("cargo ").expect("every caller begins with it");
    Ok(Tally::check(
        line,
        &Cmd::cargo(line, &project.root, words).output()?,
    ))
}
