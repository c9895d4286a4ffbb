//! `cargo xtask …`: the project's commands. Each module is one concern; `USAGE` says what there is.

mod bench;
mod client_bench;
mod client_weight;
mod dev;
mod failure;
mod fingerprint;
mod job;
mod page;
mod page_bench;
mod progress;
mod project;
mod run;
mod server;
mod size;
mod soak;
mod test;
mod tools;

use std::env;
use std::process::ExitCode;

use failure::Failure;
use project::Project;

const USAGE: &str = "\
cargo xtask <command>

  run [ARGS…]      build page and server in release and serve them on http://localhost:5000;
                   ARGS go to the server (`cargo xtask run --help` is the server's help)
  test [SUITE…]    install what the tests need, then run every suite, or those named
  test --list      what the suites are
  dev [ARGS…]      page with live reload on http://localhost:8080 and the server behind it
  bench [OPTIONS]  the broadcast benchmark beside the official server
  client-bench     the client beside socket.io-client, in one browser
  page-bench       the page beside a React page: connecting, and 10,000 messages at once
  soak [NAME…]     long runs; without a name, what there is
  build            what `run` does, without starting the server";

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let command = args.next().unwrap_or_default();
    let rest: Vec<String> = args.collect();
    job::stop_all_on_signals();
    let project = Project::find();
    let result = match command.as_str() {
        "run" => run::run(&project, &rest),
        "build" => run::build(&project).map(|()| ExitCode::SUCCESS),
        "test" => test::run(&project, &rest),
        "soak" => soak::run(&project, &rest),
        "client-bench" => client_bench::run(&project, &rest),
        "page-bench" => page_bench::run(&project, &rest),
        "bench" => bench::run(&project, &rest),
        "dev" => dev::run(&project, &rest),
        "" | "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => Err(Failure::new(format!("no command is called '{unknown}'")).by_hand(USAGE)),
    };
    result.unwrap_or_else(|failure| {
        println!("{failure}");
        ExitCode::FAILURE
    })
}
