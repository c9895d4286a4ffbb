//! `cargo xtask test`: every check of the project, one suite after the other, and a sum at the end.
//!
//! A suite that fails does not stop those after it. The last line is `N passed, N failed`.

mod node;
mod page;
mod peer;
mod rust;
mod tally;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::progress::seconds;
use crate::project::Project;
use crate::tools;
pub(crate) use node::specs as specs_of;
pub(crate) use rust::HOST_FEATURES as FEATURES;
use tally::Tally;

/// Tests that belong together.
struct Suite {
    name: &'static str,
    about: &'static str,
    run: fn(&Project) -> Result<Tally, Failure>,
}

/// All suites, the quickest answers first.
const SUITES: [Suite; 11] = [
    Suite {
        name: "fmt",
        about: "formatting",
        run: rust::fmt,
    },
    Suite {
        name: "clippy",
        about: "lints on the host and for the browser",
        run: rust::clippy,
    },
    Suite {
        name: "features",
        about: "each feature alone, and all together; the core's dependencies",
        run: rust::features,
    },
    Suite {
        name: "doc",
        about: "documentation without warnings",
        run: rust::doc,
    },
    Suite {
        name: "host",
        about: "client, codecs and tooling on the host",
        run: rust::host,
    },
    Suite {
        name: "server",
        about: "the server",
        run: rust::server,
    },
    Suite {
        name: "vectors",
        about: "the codecs against frames of the official packages",
        run: rust::vectors,
    },
    Suite {
        name: "wasm",
        about: "the client and the page in Chromium",
        run: rust::wasm,
    },
    Suite {
        name: "page",
        about: "the built page and its size",
        run: page::size,
    },
    Suite {
        name: "interop",
        about: "the official packages against this server",
        run: node::interop,
    },
    Suite {
        name: "e2e",
        about: "the page in Chromium against real servers",
        run: node::e2e,
    },
];

/// Runs the suites of these names, all when there are none.
pub(crate) fn run(project: &Project, names: &[String]) -> Result<ExitCode, Failure> {
    if names.iter().any(|name| name == "--list") {
        SUITES
            .iter()
            .for_each(|suite| println!("{:10} {}", suite.name, suite.about));
        return Ok(ExitCode::SUCCESS);
    }
    let suites = chosen(names)?;
    let start = Instant::now();
    if let Err(failure) = prepare(project) {
        // the suites that need it will fail and say so; the others still tell something
        println!("{failure}\n");
    }
    let mut results = Vec::new();
    for suite in suites {
        println!("\n── {}: {}", suite.name, suite.about);
        let start = Instant::now();
        let tally = (suite.run)(project).unwrap_or_else(|failure| {
            println!("{failure}");
            Tally::failure(failure.what())
        });
        let tally = tally.not_empty();
        println!("   {} · {}", tally, seconds(start.elapsed()));
        results.push((suite.name, tally, start.elapsed()));
    }
    Ok(sum_up(&results, start))
}

/// Installs what the tests need.
fn prepare(project: &Project) -> Result<(), Failure> {
    println!("── tools");
    tools::component("rustfmt", "rustfmt")?;
    tools::component("cargo-clippy", "clippy")?;
    tools::wasm_target()?;
    tools::packages()?;
    tools::install_locked(&project.root.join("tests/peers"))?;
    tools::install_locked(&project.root.join("tests/e2e"))
}

fn chosen(names: &[String]) -> Result<Vec<&'static Suite>, Failure> {
    if names.is_empty() {
        return Ok(SUITES.iter().collect());
    }
    let find = |name: &String| {
        SUITES.iter().find(|suite| suite.name == name).ok_or_else(|| {
            let known: Vec<&str> = SUITES.iter().map(|suite| suite.name).collect();
            Failure::new(format!("no suite is called '{name}'"))
                .by_hand(format!("  suites: {}", known.join(" ")))
        })
    };
    names.iter().map(find).collect()
}

fn sum_up(results: &[(&str, Tally, Duration)], start: Instant) -> ExitCode {
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
