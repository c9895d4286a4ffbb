//! Load generator for a broadcast server: many WebSocket clients on one thread, one poll, one read buffer.
//!
//! Every client joins one namespace; senders emit `["pesan", <text>]` and expect each text back at every client, as from
//! `socket.on("pesan", msg => io.emit("pesan", msg))`. A text holds its number and its sending time, so that
//! deliveries are counted and timed without a table lookup by content.
//!
//! ```text
//! load --addr 127.0.0.1:5000 --clients 1000 --senders 10 --window 4 --secs 3 [--pid <server>]
//! ```
//!
//! `--senders 0` only keeps the connections open: memory of an idle connection. Pin server and generator to
//! processors of their own; `busy` near 100 means that the generator was measured, not the server.

mod client;
mod histogram;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use clap::Parser;
use client::{Client, Incoming};
use histogram::Histogram;
use mio::{Events, Interest, Poll, Token};

/// Emits `pesan` from some clients and counts what reaches all of them.
#[derive(Debug, Parser)]
struct Options {
    /// Server, on this machine.
    #[arg(long)]
    addr: SocketAddr,
    /// Connections.
    #[arg(long, default_value_t = 100)]
    clients: usize,
    /// How many of them emit; 0 measures idle connections.
    #[arg(long, default_value_t = 1)]
    senders: usize,
    /// Messages in flight of each sender.
    #[arg(long, default_value_t = 1)]
    window: usize,
    /// Length of a text, in bytes.
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u32).range(32..=60_000))]
    size: u32,
    /// Seconds that are measured, after one that is not.
    #[arg(long, default_value_t = 3.0)]
    secs: f64,
    /// Namespace that the clients join.
    #[arg(long, default_value = "/")]
    namespace: String,
    /// Server process, for its processor time and memory.
    #[arg(long)]
    pid: Option<u32>,
}

/// Concurrent handshakes.
const PARALLEL_HANDSHAKES: usize = 128;
/// When a message counts as lost.
const LOST_AFTER: Duration = Duration::from_secs(10);

/// Message in flight.
struct Flight {
    sender: usize,
    missing: usize,
}

/// State of one run.
struct Run {
    options: Options,
    began: Instant,
    clients: Vec<Client>,
    joined: usize,
    /// Messages in flight, the oldest first; `oldest` is its number.
    flights: VecDeque<Flight>,
    oldest: u64,
    next: u64,
    measuring: bool,
    deliveries: u64,
    latency: Histogram,
    filler: String,
    prefix: Rc<str>,
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    anyhow::ensure!(
        options.addr.ip().is_loopback(),
        "only a server on this machine is a target"
    );
    anyhow::ensure!(options.senders <= options.clients, "more senders than clients");
    let mut run = Run::new(options);
    let report = run.execute()?;
    println!("{report}");
    Ok(())
}

impl Run {
    fn new(options: Options) -> Self {
        let prefix = match options.namespace.as_str() {
            "/" => String::new(),
            name => format!("{name},"),
        };
        let filler = "abcdefghijklmnopqrstuvwxyz".repeat(options.size as usize / 26 + 1);
        Self {
            options,
            began: Instant::now(),
            clients: Vec::new(),
            joined: 0,
            flights: VecDeque::new(),
            oldest: 0,
            next: 0,
            measuring: false,
            deliveries: 0,
            latency: Histogram::default(),
            filler,
            prefix: prefix.into(),
        }
    }

    fn execute(&mut self) -> anyhow::Result<serde_json::Value> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(1024);
        let mut buffer = vec![0; 256 << 10];
        let memory_before = self.memory();
        self.connect_all(&mut poll, &mut events, &mut buffer)?;
        let settled = Instant::now() + Duration::from_secs(1);
        while Instant::now() < settled {
            self.turn(&mut poll, &mut events, &mut buffer, Duration::from_millis(50))?;
        }
        let memory_idle = self.memory();

        for sender in 0..self.options.senders {
            for _ in 0..self.options.window {
                self.emit(sender)?;
            }
        }
        let start = Instant::now();
        let measure_from = start + Duration::from_secs(1);
        let end = measure_from + Duration::from_secs_f64(self.options.secs);
        let (mut cpu_start, mut own_start) = (None, None);
        while Instant::now() < end {
            if !self.measuring && Instant::now() >= measure_from {
                self.measuring = true;
                cpu_start = self.options.pid.and_then(cpu_seconds);
                own_start = cpu_seconds(std::process::id());
            }
            self.turn(&mut poll, &mut events, &mut buffer, Duration::from_millis(20))?;
        }
        self.measuring = false;
        let cpu = self
            .options
            .pid
            .and_then(cpu_seconds)
            .zip(cpu_start)
            .map(|(end, start)| end - start);
        let own = cpu_seconds(std::process::id())
            .zip(own_start)
            .map(|(end, start)| end - start);

        // Messages in flight must still arrive.
        let patience = Instant::now() + LOST_AFTER;
        self.options.window = 0;
        while self.flights.iter().any(|flight| flight.missing > 0) && Instant::now() < patience {
            self.turn(&mut poll, &mut events, &mut buffer, Duration::from_millis(20))?;
        }
        let missing: usize = self.flights.iter().map(|flight| flight.missing).sum();
        let per_client = |kib: u64| kib as f64 / self.options.clients as f64;
        Ok(serde_json::json!({
            "clients": self.options.clients,
            "deliveries_per_s": self.deliveries as f64 / self.options.secs,
            "p50_us": self.latency.quantile(0.5),
            "p99_us": self.latency.quantile(0.99),
            "cpu_us_per_delivery": cpu.map(|cpu| cpu * 1e6 / self.deliveries.max(1) as f64),
            "kib_per_connection": memory_idle.zip(memory_before).map(|(idle, before)| per_client(idle.saturating_sub(before))),
            "missing": missing,
            "busy": own.map(|own| own / self.options.secs * 100.0),
        }))
    }

    fn connect_all(&mut self, poll: &mut Poll, events: &mut Events, buffer: &mut [u8]) -> anyhow::Result<()> {
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.joined < self.options.clients {
            while self.clients.len() < self.options.clients
                && self.clients.len() - self.joined < PARALLEL_HANDSHAKES
            {
                let mut client = Client::dial(self.options.addr, &self.prefix)?;
                let token = Token(self.clients.len());
                poll.registry()
                    .register(client.stream(), token, Interest::READABLE | Interest::WRITABLE)?;
                self.clients.push(client);
            }
            self.turn(poll, events, buffer, Duration::from_millis(50))?;
            anyhow::ensure!(
                Instant::now() < deadline,
                "{} of {} clients joined",
                self.joined,
                self.options.clients
            );
        }
        Ok(())
    }

    /// Polls once and handles the events.
    fn turn(
        &mut self,
        poll: &mut Poll,
        events: &mut Events,
        buffer: &mut [u8],
        timeout: Duration,
    ) -> anyhow::Result<()> {
        match poll.poll(events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            other => other?,
        }
        let mut completed = Vec::new();
        for event in events.iter() {
            let place = event.token().0;
            let Some(client) = self.clients.get_mut(place) else {
                continue;
            };
            if event.is_writable() {
                client.flush()?;
            }
            if !event.is_readable() && !event.is_read_closed() {
                continue;
            }
            let now = self.began.elapsed().as_nanos() as u64;
            let (flights, oldest) = (&mut self.flights, self.oldest);
            let (measuring, deliveries, latency) = (self.measuring, &mut self.deliveries, &mut self.latency);
            let mut joined = 0;
            client.read(buffer, |incoming| match incoming {
                Incoming::Joined => joined += 1,
                Incoming::Message { number, sent_at } => {
                    if measuring {
                        *deliveries += 1;
                        latency.record(now.saturating_sub(sent_at) / 1000);
                    }
                    let flight = number
                        .checked_sub(oldest)
                        .and_then(|place| flights.get_mut(place as usize));
                    if let Some(flight) = flight.filter(|flight| flight.missing > 0) {
                        flight.missing -= 1;
                        if flight.missing == 0 {
                            completed.push(flight.sender);
                        }
                    }
                }
            })?;
            self.joined += joined;
        }
        while self.flights.front().is_some_and(|flight| flight.missing == 0) {
            self.flights.pop_front();
            self.oldest += 1;
        }
        if self.options.window > 0 {
            for sender in completed {
                self.emit(sender)?;
            }
        }
        Ok(())
    }

    fn emit(&mut self, sender: usize) -> anyhow::Result<()> {
        let now = self.began.elapsed().as_nanos() as u64;
        let mut text = format!("42{}[\"pesan\",\"{:08x}{now:016x}", self.prefix, self.next);
        text.push_str(
            self.filler
                .get(..self.options.size as usize - 24)
                .unwrap_or_default(),
        );
        text.push_str("\"]");
        self.next += 1;
        self.flights.push_back(Flight {
            sender,
            missing: self.clients.len(),
        });
        let client = self
            .clients
            .get_mut(sender)
            .expect("senders are among the clients");
        client.send(&text)?;
        Ok(())
    }

    fn memory(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.options.pid?)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse().ok()
    }
}

/// Processor time of a process so far; the clock of `/proc` ticks at 100 Hz.
fn cpu_seconds(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let (user, system): (f64, f64) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    Some((user + system) / 100.0)
}
