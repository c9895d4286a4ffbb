//! `cargo xtask …`: the commands of the project. `USAGE` lists them; one module per command.

mod advice;
mod bench;
mod browser;
mod cmd;
mod dev;
mod fingerprint;
mod page;
mod progress;
mod project;
mod run;
mod server;
mod size_report;
mod soak;
mod test;
mod tools;

use std::env;
use std::process::ExitCode;

use anyhow::anyhow;
use project::Project;

const USAGE: &str = "\
cargo xtask <command>

  run [ARGS…]      build the page and the server in release mode and serve them on http://localhost:5000;
                   ARGS are passed to the server (`cargo xtask run --help` prints its options)
  build            build the page and the server in release mode, without starting the server
  dev [ARGS…]      serve the page with live reload on http://localhost:8080, with a debug build of the server;
                   ARGS are passed to the server
  test [SUITE…]    install the tools of the tests, then run the named suites; without a name, all
  test --list      list the suites
  bench [OPTIONS]  benchmark broadcasts of the server, compared with the official server
  client-bench [ROUNDS]
                   benchmark the client, compared with socket.io-client, both in one Chromium
  page-bench [ROUNDS [MESSAGES [PER_SECOND]]]
                   benchmark the page, compared with a React page: connection time, and 10,000 messages at once
  soak [NAME…]     run long tests; without a name, list them";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    cmd::stop_all_on_signals();
    let project = Project::find();
    let result = match command.as_str() {
        "run" => run::run(&project, &rest),
        "build" => run::build(&project),
        "test" => test::run(&project, &rest),
        "soak" => soak::run(&project, &rest),
        "client-bench" => browser::client_bench(&project, &rest),
        "page-bench" => browser::page_bench(&project, &rest),
        "bench" => bench::run(&project, &rest),
        "dev" => dev::run(&project, &rest),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(anyhow!("unknown command '{unknown}'\n\n{USAGE}")),
    };
    result.unwrap_or_else(|error| {
        println!("error: {error:#}");
        ExitCode::FAILURE
    })
}
