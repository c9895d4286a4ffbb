//! Suites that run cargo. Warnings are errors.

use std::collections::BTreeSet;
use std::path::PathBuf;
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

/// Package of the pages in `examples/leptos`. Built alone: it enables `leptos/csr`, which must be off where the hooks
/// are tested with `leptos/ssr`.
const EXAMPLES: &str = "pesan-leptos-examples";

/// Feature sets that are checked alone, each for the target that uses it. The suite `clippy` builds `leptos` alone, with
/// the pages of `examples/leptos`; the suite `page` builds `app`.
const ALONE: [&str; 7] = [
    "--package pesan --features=",
    "--package pesan --features=msgpack",
    "--package pesan --features=native",
    "--package pesan --features=web --target wasm32-unknown-unknown",
    "--package pesan --features=native,web --target wasm32-unknown-unknown",
    "--package pesan-server --no-default-features",
    "--package pesan-server --no-default-features --features=axum,deflate,metrics,redis,tls",
];

/// Maximum number of crates in the dependency tree of the server without features.
const MAX_SERVER_CRATES: usize = 90;

/// All dependencies of the root package without features.
const CORE: [&str; 5] = ["base64", "percent_encoding", "serde", "serde_json", "thiserror"];

/// Time limit of one run of `cargo test`, including the build.
const TIMEOUT: Duration = Duration::from_secs(25 * 60);

/// Packages and features of the suites on the host, as arguments of cargo.
fn host_selection() -> String {
    format!("--workspace --exclude {EXAMPLES} {HOST_FEATURES}")
}

pub(super) fn fmt(project: &Project) -> Result<Tally> {
    check(project, "cargo fmt --all --check")
}

pub(super) fn clippy(project: &Project) -> Result<Tally> {
    let host = check(
        project,
        &format!("cargo clippy {} --all-targets -- -D warnings", host_selection()),
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
    let mut tally = core_dependencies(project)? + server_dependencies(project)? + packages(project)?;
    for selection in ALONE {
        let line = format!("cargo clippy --lib {selection} -- -D warnings");
        tally = tally + check(project, &line)?;
    }
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

/// Checks that both libraries can be packaged, without a warning and without files that a user does not need.
fn packages(project: &Project) -> Result<Tally> {
    let line = "package --package pesan --package pesan-server --no-verify --allow-dirty";
    let output = Cmd::cargo("packages", &project.root, line).output()?;
    if output.text.contains("warning") {
        println!("{}", output.text);
        return Ok(Tally::failure("cargo package warns"));
    }
    let mut tally = Tally::check("cargo package", &output);
    for name in ["pesan", "pesan-server"] {
        let label = format!("files of the package {name}");
        let line = format!("package --package {name} --list --allow-dirty");
        let files = Cmd::cargo(&label, &project.root, &line).run()?;
        let stray: Vec<&str> = files.lines().filter(|file| !is_packaged(file)).collect();
        tally = tally
            + if stray.is_empty() {
                Tally::pass()
            } else {
                println!("not for users: {stray:?}");
                Tally::failure(&label)
            };
    }
    Ok(tally)
}

/// Whether a file belongs in a package.
fn is_packaged(file: &str) -> bool {
    let (folder, _) = file.split_once('/').unwrap_or(("", file));
    match folder {
        "src" | "benches" | "examples" | "tests" => true,
        "" => ["Cargo.", ".cargo_vcs_info", "CHANGELOG", "LICENSE", "README"]
            .iter()
            .any(|name| file.starts_with(name)),
        _ => false,
    }
}

/// Checks that the server without features stays small.
fn server_dependencies(project: &Project) -> Result<Tally> {
    let label = "crates of the server without features";
    let line =
        "tree --package pesan-server --no-default-features --edges normal,build --prefix none --format {p}";
    let output = Cmd::cargo(label, &project.root, line).run()?;
    let crates: BTreeSet<&str> = output
        .lines()
        .filter_map(|line| line.split(" (").next())
        .filter(|name| !name.is_empty())
        .collect();
    if crates.len() <= MAX_SERVER_CRATES {
        return Ok(Tally::pass());
    }
    println!("{} crates; the maximum is {MAX_SERVER_CRATES}", crates.len());
    Ok(Tally::failure(label))
}

pub(super) fn doc(project: &Project) -> Result<Tally> {
    let host = format!("doc {} --exclude xtask --no-deps --lib", host_selection());
    let browser = format!("doc --package pesan --features app --no-deps --lib --target {WASM}");
    let mut tally = Tally::default();
    for line in [host, browser] {
        let label = format!("cargo {line}");
        let cmd = Cmd::cargo(&label, &project.root, &line).env("RUSTDOCFLAGS", "-D warnings");
        tally = tally + Tally::check(&label, &cmd.output()?);
    }
    Ok(tally)
}

/// Runs the tests of all packages on the host in one call of cargo, so that dependencies are built once.
pub(super) fn host(project: &Project) -> Result<Tally> {
    let line = format!("test {} --no-fail-fast", host_selection());
    let cmd = Cmd::cargo("host tests", &project.root, &line)
        .log(project.notes().join("host.log"))
        .timeout(TIMEOUT);
    Ok(Tally::tests("host", &cmd.output()?, of_cargo))
}

/// Builds the binaries and examples with the features of the tests, so that nothing is compiled twice; returns the folder
/// of the binaries. `--examples` includes the dev-dependencies: without it, cargo would resolve other features.
pub(super) fn programs(project: &Project) -> Result<PathBuf> {
    let line = format!("build {} --bins --examples", host_selection());
    Cmd::cargo("build the server and the examples", &project.root, &line).run()?;
    Ok(project.target.join("debug"))
}

/// Runs the example `vectors` on every JSON file in `tests/fixtures`.
pub(super) fn vectors(project: &Project) -> Result<Tally> {
    let program = programs(project)?.join("examples/vectors");
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
        let output = Cmd::new(&label, &program).arg(&file).output()?;
        tally = tally + Tally::tests(&label, &output, of_closing_line);
    }
    Ok(tally)
}

/// Runs the tests of the library, the client and the page's components in Chromium, with wasm-bindgen-test.
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

/// Runs one command of cargo and counts it as one check.
fn check(project: &Project, line: &str) -> Result<Tally> {
    let words = line
        .strip_prefix("cargo ")
        .expect("every caller passes a command of cargo");
    Ok(Tally::check(
        line,
        &Cmd::cargo(line, &project.root, words).output()?,
    ))
}
