//! `cargo xtask bench`: broadcasts per second of this server, the official one and the attainable minimum.
//!
//! The servers take turns within a round, so that changes in the speed of the machine affect all of them. Server and load
//! generator run on one processor each. Compare ratios, not absolute figures.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde_json::Value;

use crate::cmd::Cmd;
use crate::project::Project;

const DEFAULT_SCENARIOS: &str = "lat100,lat1000,lat5000,sat100,sat1000,sat5000,idle1000";
const USAGE: &str = "\
cargo xtask bench [--rounds N] [--scenarios A,B,…]

  latN   N clients, one message in flight at a time
  satN   N clients, ten senders with several messages in flight each
  idleN  N idle clients: memory

With the prefix `ways` (wayslat1000) only this server runs, with broadcasts to all clients, to a namespace, and to a room
with all clients.";

/// Server to measure.
struct Peer {
    name: &'static str,
    program: String,
    args: Vec<String>,
    /// Namespace that the clients join.
    namespace: &'static str,
}

/// Clients, senders, and messages that each sender keeps in flight.
struct Scenario {
    name: String,
    /// Compares the ways of this server to reach all clients, instead of servers.
    ways: bool,
    clients: u32,
    senders: u32,
    window: u32,
}

/// Builds the servers and the load generator, runs the scenarios and prints the medians.
pub(crate) fn run(project: &Project, args: &[String]) -> Result<ExitCode> {
    let mut rounds = 3;
    let mut scenarios = DEFAULT_SCENARIOS.to_owned();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let value = args
            .next()
            .with_context(|| format!("{arg} needs a value\n\n{USAGE}"))?;
        match arg.as_str() {
            "--rounds" => {
                rounds = value
                    .parse()
                    .with_context(|| format!("--rounds needs a number, not '{value}'"))?;
            }
            "--scenarios" => scenarios.clone_from(value),
            _ => bail!("unknown option '{arg}'\n\n{USAGE}"),
        }
    }
    let scenarios = scenarios
        .split(',')
        .map(Scenario::parse)
        .collect::<Result<Vec<_>>>()?;
    let line = "build --release --package pesan-server --example load --example attainable --example bench";
    Cmd::cargo("build the servers and the generator", &project.root, line).run()?;
    let examples = project.target.join("release/examples");
    let example = |name: &'static str| Peer {
        name,
        program: examples.join(name).display().to_string(),
        args: Vec::new(),
        namespace: "/",
    };
    let official = project
        .root
        .join("tests/peers/broadcast-server.mjs")
        .display()
        .to_string();
    let peers = [
        example("attainable"),
        Peer {
            name: "pesan",
            ..example("bench")
        },
        Peer {
            name: "socket.io",
            program: "node".to_owned(),
            args: vec![official],
            namespace: "/",
        },
    ];
    let way = |name, namespace| Peer {
        name,
        namespace,
        ..example("bench")
    };
    let ways = [
        way("everyone", "/"),
        way("namespace", "/other"),
        way("room", "/room"),
    ];
    for scenario in &scenarios {
        let peers = if scenario.ways { &ways } else { &peers };
        let mut reports: Vec<Vec<Option<Value>>> = peers.iter().map(|_| Vec::new()).collect();
        for _ in 0..rounds {
            for (peer, reports) in peers.iter().zip(&mut reports) {
                // a server that fails under the load is shown as a dash
                let report = measure(peer, scenario, &examples.join("load"));
                if let Err(error) = &report {
                    eprintln!("{error:#}");
                }
                reports.push(report.ok());
            }
        }
        print(&scenario.name, peers, &reports);
    }
    Ok(ExitCode::SUCCESS)
}

impl Scenario {
    fn parse(name: &str) -> Result<Self> {
        let unknown = || anyhow!("unknown scenario '{name}'\n\n{USAGE}");
        let (ways, load) = match name.strip_prefix("ways") {
            Some(load) => (true, load),
            None => (false, name),
        };
        let digits = load.trim_start_matches(|letter: char| letter.is_ascii_lowercase());
        let clients: u32 = digits.parse().map_err(|_| unknown())?;
        let (senders, window) = match load.strip_suffix(digits).unwrap_or_default() {
            "lat" => (1, 1),
            "sat" if clients < 1000 => (10, 8),
            "sat" if clients < 5000 => (10, 4),
            "sat" => (10, 2),
            "idle" => (0, 0),
            _ => return Err(unknown()),
        };
        Ok(Self {
            name: name.to_owned(),
            ways,
            clients,
            senders,
            window,
        })
    }
}

/// Process of a server; killed on drop.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // fails if the server has ended by itself
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn measure(peer: &Peer, scenario: &Scenario, load: &Path) -> Result<Value> {
    let port = free_port()?;
    let server = pinned("0", &peer.program)
        .args(&peer.args)
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    let server = Running(server.with_context(|| {
        format!(
            "cannot start {}; taskset (of util-linux) and {} are needed",
            peer.name, peer.program
        )
    })?);
    let deadline = Instant::now() + Duration::from_secs(15);
    while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
        ensure!(
            Instant::now() < deadline,
            "{} does not listen on port {port} after 15 s",
            peer.name
        );
        thread::sleep(Duration::from_millis(20));
    }
    let options = [
        ("--addr", format!("127.0.0.1:{port}")),
        ("--clients", scenario.clients.to_string()),
        ("--senders", scenario.senders.to_string()),
        ("--window", scenario.window.to_string()),
        ("--namespace", peer.namespace.to_owned()),
        ("--pid", server.0.id().to_string()),
    ];
    let output = pinned("1", load)
        .args(options.iter().flat_map(|(name, value)| [*name, value]))
        .output();
    let output = output.context("cannot start the load generator; taskset (of util-linux) is needed")?;
    serde_json::from_slice(&output.stdout).map_err(|_| {
        let errors = String::from_utf8_lossy(&output.stderr);
        anyhow!(
            "{}: {}: the load generator failed\n{errors}",
            scenario.name,
            peer.name
        )
    })
}

/// Program pinned to one processor.
fn pinned(processor: &str, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", processor]).arg(program);
    command
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("cannot bind a free port")?;
    Ok(listener.local_addr()?.port())
}

fn print(scenario: &str, peers: &[Peer], reports: &[Vec<Option<Value>>]) {
    println!(
        "\n{scenario:<11}{:>14}{:>9}{:>10}{:>10}{:>12}{:>10}{:>9}",
        "deliveries/s", "share", "p50 us", "p99 us", "cpu us each", "KiB each", "missing"
    );
    let figure = |report: &Option<Value>, name: &str| report.as_ref()?.get(name)?.as_f64();
    let attainable = reports.first().map_or(&[][..], Vec::as_slice);
    for (peer, reports) in peers.iter().zip(reports) {
        let column = |name: &str, width: usize, decimals: usize| {
            cell(reports.iter().map(|report| figure(report, name)), width, decimals)
        };
        let shares = reports.iter().zip(attainable).map(|(report, best)| {
            let best = figure(best, "deliveries_per_s").filter(|best| *best > 0.0)?;
            Some(figure(report, "deliveries_per_s")? / best)
        });
        // the sum, not the median: no message may be lost
        let missing = reports
            .iter()
            .map(|report| figure(report, "missing"))
            .sum::<Option<f64>>();
        println!(
            "{:<11}{}{}{}{}{}{}{}",
            peer.name,
            column("deliveries_per_s", 14, 0),
            cell(shares, 9, 2),
            column("p50_us", 10, 0),
            column("p99_us", 10, 0),
            column("cpu_us_per_delivery", 12, 2),
            column("kib_per_connection", 10, 1),
            cell(std::iter::once(missing), 9, 0),
        );
    }
}

/// Median of the rounds that have a figure, else a dash.
fn cell(figures: impl Iterator<Item = Option<f64>>, width: usize, decimals: usize) -> String {
    match median(figures.flatten().collect()) {
        Some(median) => format!("{median:>width$.decimals$}"),
        None => format!("{:>width$}", "-"),
    }
}

fn median(mut figures: Vec<f64>) -> Option<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenario_name_sets_clients_and_senders() {
        let saturated = Scenario::parse("sat1000").expect("a scenario");
        assert_eq!(
            (saturated.clients, saturated.senders, saturated.window),
            (1000, 10, 4)
        );
        let idle = Scenario::parse("idle50").expect("a scenario");
        assert_eq!((idle.clients, idle.senders), (50, 0));
        let ways = Scenario::parse("wayslat100").expect("a scenario");
        assert_eq!((ways.ways, ways.clients, ways.senders), (true, 100, 1));
        assert!(Scenario::parse("fast100").is_err());
        assert!(Scenario::parse("lat").is_err());
    }

    #[test]
    fn figure_missing_in_all_rounds_is_a_dash() {
        let rounds = [Some(3.0), None, Some(1.0), Some(2.0)];
        assert_eq!(cell(rounds.into_iter(), 6, 1), "   2.0");
        assert_eq!(cell([None, None].into_iter(), 3, 0), "  -");
    }
}
