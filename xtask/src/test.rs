//! `cargo xtask test`: all checks of the project, grouped in suites.
//!
//! After a suite fails, the next ones still run. The last line is `N passed, N failed`.

mod node;
mod official_server;
mod rust;
mod tally;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::page;
use crate::progress::seconds;
use crate::project::Project;
use crate::size_report::{MAX_GZIP_BYTES, SizeReport};
use crate::tools;
pub(crate) use rust::HOST_FEATURES;
use tally::Tally;

/// Named group of checks.
struct Suite {
    name: &'static str,
    about: &'static str,
    run: fn(&Project) -> Result<Tally>,
}

const fn suite(name: &'static str, about: &'static str, run: fn(&Project) -> Result<Tally>) -> Suite {
    Suite { name, about, run }
}

/// All suites, fast ones first.
const SUITES: [Suite; 10] = [
    suite("fmt", "formatting of the Rust code", rust::fmt),
    suite("clippy", "lints, for the host and for wasm32", rust::clippy),
    suite(
        "features",
        "each feature builds alone; dependencies without features",
        rust::features,
    ),
    suite("doc", "documentation builds without warnings", rust::doc),
    suite(
        "host",
        "tests of codecs, client, server and xtask on the host",
        rust::host,
    ),
    suite(
        "vectors",
        "tests of the codecs with recorded frames of the official packages",
        rust::vectors,
    ),
    suite(
        "wasm",
        "tests of the client and the page's components in Chromium",
        rust::wasm,
    ),
    suite(
        "page",
        "the page builds and its size is below the limit",
        page_size,
    ),
    suite(
        "interop",
        "tests of the official client with this server",
        node::interop,
    ),
    suite(
        "e2e",
        "tests of the built page in Chromium with real servers",
        node::e2e,
    ),
];

/// Runs the suites with these names, or all.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<ExitCode> {
    if names.iter().any(|name| name == "--list") {
        SUITES
            .iter()
            .for_each(|suite| println!("{:10} {}", suite.name, suite.about));
        return Ok(ExitCode::SUCCESS);
    }
    let suites = selected(names)?;
    let start = Instant::now();
    println!("── tools");
    if let Err(error) = install_tools(project) {
        // suites that need the tool fail with the same error; the others still run
        println!("error: {error:#}\n");
    }
    let mut results = Vec::new();
    for suite in suites {
        println!("\n── {}: {}", suite.name, suite.about);
        let start = Instant::now();
        let tally = (suite.run)(project).unwrap_or_else(|error| {
            println!("error: {error:#}");
            Tally::failure(error.to_string().lines().next().unwrap_or_default())
        });
        let tally = tally.or_fail_if_empty();
        println!("   {tally} · {}", seconds(start.elapsed()));
        results.push((suite.name, tally, start.elapsed()));
    }
    Ok(summary(&results, start))
}

fn install_tools(project: &Project) -> Result<()> {
    tools::component("rustfmt", "rustfmt")?;
    tools::component("cargo-clippy", "clippy")?;
    tools::wasm_target()?;
    tools::packages()?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    tools::install_locked(&project.root.join("tests/e2e"))
}

fn selected(names: &[String]) -> Result<Vec<&'static Suite>> {
    if names.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let find = |name: &String| {
        SUITES.iter().find(|suite| suite.name == name).with_context(|| {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            format!("unknown suite '{name}'; the suites are: {}", known.join(" "))
        })
    };
    names.iter().map(find).collect()
}

/// Builds the page and prints its size.
fn page_size(project: &Project) -> Result<Tally> {
    page::build(project)?;
    let report = SizeReport::of(&project.dist())?;
    print!("{report}");
    let gzip = report.gzip();
    let size = if gzip <= MAX_GZIP_BYTES {
        Tally::pass()
    } else {
        Tally::failure(format!(
            "the page is {gzip} bytes gzipped; the maximum in xtask/src/size_report.rs is {MAX_GZIP_BYTES}"
        ))
    };
    Ok(Tally::pass() + size)
}

fn summary(results: &[(&str, Tally, Duration)], start: Instant) -> ExitCode {
    println!("\n── summary");
    for (name, tally, time) in results {
        println!("   {name:10} {tally} · {}", seconds(*time));
    }
    println!("   total time {}", seconds(start.elapsed()));
    for (name, tally, _) in results {
        tally
            .failures()
            .for_each(|failure| println!("   FAILED {name}: {failure}"));
    }
    let total = results
        .iter()
        .fold(Tally::default(), |sum, (_, tally, _)| sum + tally.clone());
    println!("\n{} passed, {} failed", total.passed(), total.failed());
    if total.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
