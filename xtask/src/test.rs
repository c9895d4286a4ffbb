//! `cargo xtask test`: every check of the project, suite by suite.
//!
//! A failing suite does not stop those after it. The last line is `N passed, N failed`.

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
use crate::size_report::{ALARM, SizeReport};
use crate::tools;
pub(crate) use rust::HOST_FEATURES;
use tally::Tally;

/// Tests that run together.
struct Suite {
    name: &'static str,
    about: &'static str,
    run: fn(&Project) -> Result<Tally>,
}

const fn suite(name: &'static str, about: &'static str, run: fn(&Project) -> Result<Tally>) -> Suite {
    Suite { name, about, run }
}

/// All suites, quick ones first.
const SUITES: [Suite; 10] = [
    suite("fmt", "formatting", rust::fmt),
    suite("clippy", "lints, for the host and for the browser", rust::clippy),
    suite(
        "features",
        "each feature builds alone; the core's dependencies",
        rust::features,
    ),
    suite("doc", "documentation without warnings", rust::doc),
    suite(
        "host",
        "codecs, client, server and xtask, on the host",
        rust::host,
    ),
    suite(
        "vectors",
        "the codecs against frames recorded from the official packages",
        rust::vectors,
    ),
    suite("wasm", "client and page components, in Chromium", rust::wasm),
    suite("page", "the page builds, and its size", page_size),
    suite(
        "interop",
        "the official packages against this server",
        node::interop,
    ),
    suite(
        "e2e",
        "the built page in Chromium against real servers",
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
        // the suites that need the tool fail with the same error; the others still run
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
        let tally = tally.not_empty();
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
            format!("unknown suite '{name}'; there are: {}", known.join(" "))
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
    let size = if gzip <= ALARM {
        Tally::pass()
    } else {
        Tally::failure(format!(
            "the page is {gzip} bytes gzipped; the alarm in xtask/src/size_report.rs is at {ALARM}"
        ))
    };
    Ok(Tally::pass() + size)
}

fn summary(results: &[(&str, Tally, Duration)], start: Instant) -> ExitCode {
    println!("\n── sum");
    for (name, tally, time) in results {
        println!("   {name:10} {tally} · {}", seconds(*time));
    }
    println!("   in all {}", seconds(start.elapsed()));
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
