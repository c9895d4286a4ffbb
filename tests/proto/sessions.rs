//! Simulates ten thousand clients with cuts, stalls, restarts, kicks and upgrades: no acknowledged event is lost or
//! duplicated.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::time::Duration;

use pesan::socketio::proto::{
    AckToken, CloseInfo, Config, Connection, Emit, EmitId, Event, Output, Reason, Status, TransportId,
    TransportKind,
};
use pesan::socketio::value::Number;
use pesan::socketio::{Frame, Timestamp, Value};

use crate::network::{Dice, Sends, Server, SimulatedTransport};
use crate::watch::Watch;

/// Scheduled event of the simulation.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Happening {
    Arrives(TransportId),
    ToClient(TransportId, String),
    ToServer(TransportId, String),
    Rested(TransportId),
    Gone(TransportId),
    Acknowledge(u64, String),
    Answer,
    Connect,
}

struct Life {
    dice: Dice,
    now: u64,
    agenda: BinaryHeap<Reverse<(u64, u64, Happening)>>,
    entries: u64,
    connection: Connection,
    watch: Watch,
    server: Server,
    transports: BTreeMap<TransportId, SimulatedTransport>,
    tokens: Vec<AckToken>,
    /// Whether the final phase has begun, without further faults.
    calm: bool,
    retried: bool,
    numbers: BTreeMap<EmitId, u64>,
    emitted: u64,
    acknowledged: BTreeSet<u64>,
    failed: u64,
    last_tick: Option<u64>,
    connects: u64,
    recoveries: u64,
}

/// Maximum duration of the faults for one client, in milliseconds.
const STORM: u64 = 12_000;

impl Life {
    fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let retried = dice.once_in(2);
        let mut config = Config::new("http://example.org".parse().expect("a legal address"));
        config.transports = match dice.below(3) {
            0 => vec![TransportKind::WebSocket],
            1 => vec![TransportKind::WebSocket, TransportKind::Polling],
            _ => vec![TransportKind::Polling, TransportKind::WebSocket],
        };
        config.timeout = Some(Duration::from_secs(2));
        config.connect_timeout = Some(Duration::from_secs(2));
        config.reconnection.delay = Duration::from_millis(50);
        config.reconnection.delay_max = Duration::from_millis(400);
        if retried {
            config.retries = 100_000;
            config.ack_timeout = Some(Duration::from_millis(300));
        }
        Self {
            connection: Connection::new(config, seed),
            dice,
            now: 0,
            agenda: BinaryHeap::new(),
            entries: 0,
            watch: Watch::default(),
            server: Server::default(),
            transports: BTreeMap::new(),
            tokens: Vec::new(),
            calm: false,
            retried,
            numbers: BTreeMap::new(),
            emitted: 0,
            acknowledged: BTreeSet::new(),
            failed: 0,
            last_tick: None,
            connects: 0,
            recoveries: 0,
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    fn plan(&mut self, at: u64, what: Happening) {
        self.entries += 1;
        self.agenda.push(Reverse((at, self.entries, what)));
    }

    fn paused(transports: &BTreeMap<TransportId, SimulatedTransport>, id: TransportId) -> bool {
        transports.get(&id).is_some_and(|transport| transport.paused)
    }

    /// Puts the server's frames on their transports.
    fn dispatch(&mut self, sends: Sends) {
        for (id, frame) in sends {
            let now = self.now;
            let Some(transport) = self.transports.get_mut(&id).filter(|transport| transport.alive) else {
                continue;
            };
            transport.last_to_client = transport.last_to_client.max(now + transport.latency);
            let due = transport.last_to_client;
            self.plan(due, Happening::ToClient(id, frame));
        }
    }

    /// Processes the outputs of the connection.
    fn drain(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            self.watch.output(&output);
            match output {
                Output::Open { id, kind, url } => {
                    let latency = 1 + self.dice.below(30);
                    let sid = url
                        .split("sid=")
                        .nth(1)
                        .and_then(|rest| rest.split('&').next()?.parse().ok());
                    let transport = SimulatedTransport {
                        kind,
                        sid,
                        alive: true,
                        paused: false,
                        latency,
                        last_to_client: 0,
                        last_to_server: 0,
                    };
                    self.transports.insert(id, transport);
                    self.plan(self.now + latency, Happening::Arrives(id));
                }
                Output::Send {
                    id,
                    frame: Frame::Text(text),
                } => {
                    let now = self.now;
                    let Some(transport) = self.transports.get_mut(&id).filter(|transport| transport.alive)
                    else {
                        continue;
                    };
                    transport.last_to_server = transport.last_to_server.max(now + transport.latency);
                    let due = transport.last_to_server;
                    self.plan(due, Happening::ToServer(id, text));
                }
                Output::Send { .. } => panic!("nothing here is binary"),
                Output::Pause { id } => {
                    if let Some(transport) = self.transports.get_mut(&id) {
                        transport.paused = true;
                        let due = transport
                            .last_to_client
                            .max(transport.last_to_server)
                            .max(self.now);
                        self.plan(due, Happening::Rested(id));
                    }
                }
                // Frames in transit still arrive.
                Output::Close { .. } => {}
                Output::Event(event) => self.on_event(event),
            }
        }
        self.watch.check_drained(&self.connection, self.now(), &["/"]);
    }

    fn on_event(&mut self, event: Event) {
        match event {
            Event::Connect { recovered, .. } => {
                self.connects += 1;
                self.recoveries += u64::from(recovered);
                if !recovered {
                    self.last_tick = None;
                }
            }
            Event::Disconnect {
                reason: Reason::IoServerDisconnect | Reason::IoClientDisconnect,
                ..
            } => {
                let later = self.now + 1 + self.dice.below(300);
                self.plan(later, Happening::Connect);
            }
            Event::Message { name, args, ack, .. } => {
                if let Some(token) = ack {
                    self.tokens.push(token);
                    let later = self.now + self.dice.below(60);
                    self.plan(later, Happening::Answer);
                }
                if name.as_str() == "tick" {
                    let tick = args.first().and_then(Value::as_number).and_then(Number::as_u64);
                    let tick = tick.expect("its number");
                    if let Some(last) = self.last_tick {
                        assert_eq!(tick, last + 1, "a broadcast event is missing or doubled");
                    }
                    self.last_tick = Some(tick);
                }
            }
            Event::Ack { id, result, .. } => {
                let number = self
                    .numbers
                    .remove(&id)
                    .expect("it was emitted and has not settled");
                match result {
                    Ok(args) => {
                        assert_eq!(args, [Value::from(number)], "the answer to another question");
                        assert!(
                            self.server.handled.contains(&number),
                            "{number} is acknowledged, but was lost"
                        );
                        self.acknowledged.insert(number);
                    }
                    Err(_) => self.failed += 1,
                }
            }
            _ => {}
        }
    }

    fn happens(&mut self, what: Happening) {
        let now = self.now();
        match what {
            Happening::Arrives(id) => {
                if !self.watch.open.contains_key(&id) {
                    return;
                }
                let blocked = !self.calm && self.dice.once_in(8);
                let Some(transport) = self.transports.get_mut(&id) else {
                    return;
                };
                if self.now < self.server.down_until || blocked {
                    transport.alive = false;
                    if self.dice.once_in(4) && !self.calm {
                        // Dropped silently.
                        return;
                    }
                    self.watch.transport_replaced(id);
                    self.connection
                        .handle_closed(now, id, CloseInfo::failed("refused"));
                    self.drain();
                    return;
                }
                self.connection.handle_opened(now, id);
                if transport.sid.is_none() {
                    let (sid, handshake) = self.server.open(self.now, id, transport.kind);
                    transport.sid = Some(sid);
                    self.dispatch(vec![(id, handshake)]);
                }
                self.drain();
            }
            Happening::ToClient(id, text) => {
                if self.transports.get(&id).is_some_and(|transport| transport.alive) {
                    if self.connection.transport().map(|(current, _)| current) == Some(id) {
                        self.watch.received(&text);
                    }
                    self.connection.handle_frame(now, id, Frame::Text(text));
                    self.drain();
                }
            }
            Happening::ToServer(id, text) => {
                let Some(transport) = self.transports.get(&id).filter(|transport| transport.alive) else {
                    return;
                };
                let Some(sid) = transport.sid else { return };
                let paused = transport.paused;
                let mut sends = Sends::new();
                let ack = self.server.receive(sid, id, paused, &text, &mut sends);
                self.dispatch(sends);
                if let Some(ack) = ack {
                    let later = self.now + self.dice.below(400);
                    self.plan(later, Happening::Acknowledge(sid, ack));
                }
            }
            Happening::Rested(id) => {
                self.connection.handle_paused(now, id);
                self.drain();
            }
            Happening::Gone(id) => {
                if self.watch.open.contains_key(&id) {
                    self.watch.transport_replaced(id);
                    self.connection
                        .handle_closed(now, id, CloseInfo::closed(1006, ""));
                    self.drain();
                }
            }
            Happening::Acknowledge(sid, ack) => {
                let mut sends = Sends::new();
                let transports = &self.transports;
                self.server
                    .acknowledge(sid, |id| Self::paused(transports, id), ack, &mut sends);
                self.dispatch(sends);
            }
            Happening::Answer => {
                if let Some(token) = self.tokens.pop() {
                    let _too_late_or_not = self.connection.send_ack(now, token, vec![]);
                    self.drain();
                }
            }
            Happening::Connect => {
                self.connection.connect(now, "/");
                self.drain();
            }
        }
    }

    /// Runs all scheduled events and timeouts up to `end`, in order.
    fn until(&mut self, end: u64) {
        loop {
            let next = self.agenda.peek().map(|Reverse((at, ..))| *at);
            let due = self.connection.poll_timeout().map(Timestamp::as_millis);
            let at = next.into_iter().chain(due).min().unwrap_or(u64::MAX);
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            if next == Some(at) {
                if let Some(Reverse((_, _, what))) = self.agenda.pop() {
                    self.happens(what);
                }
            } else {
                self.connection.handle_timeout(self.now());
                self.drain();
            }
        }
        self.now = end;
    }

    /// Cuts all open transports; reports it to the client if `reported`.
    fn lose_connection(&mut self, reported: bool) {
        let open: Vec<TransportId> = self.watch.open.keys().copied().collect();
        for id in open {
            let Some(transport) = self.transports.get_mut(&id) else {
                continue;
            };
            transport.alive = false;
            if let Some(sid) = transport.sid {
                self.server.lost(sid);
            }
            if reported {
                let later = self.now + self.dice.below(20);
                self.plan(later, Happening::Gone(id));
            }
        }
    }

    /// Random action of the program, the server or the network.
    fn disturb(&mut self) {
        let now = self.now();
        let mut sends = Sends::new();
        match self.dice.below(40) {
            0..=13 => self.save(),
            14..=21 => {
                let transports = &self.transports;
                self.server.tick(|id| Self::paused(transports, id), &mut sends);
            }
            22..=24 => {
                let transports = &self.transports;
                self.server.ask(|id| Self::paused(transports, id), &mut sends);
            }
            25..=26 => self.lose_connection(true),
            27 => self.lose_connection(false),
            28 => {
                self.lose_connection(true);
                let until = self.now + self.dice.below(900);
                self.server.restart(until);
            }
            29 => {
                let transports = &self.transports;
                self.server.kick(|id| Self::paused(transports, id), &mut sends);
            }
            30 => {
                self.connection.disconnect(now, "/");
                self.connection.connect(now, "/");
            }
            31 => self.connection.disconnect(now, "/"),
            32 => self.connection.network_offline(now),
            33 => self.connection.network_online(now),
            34 => self.connection.reconnect_now(now),
            35 => self.connection.became_visible(now),
            _ => self.connection.connect(now, "/"),
        }
        self.dispatch(sends);
        self.drain();
    }

    fn save(&mut self) {
        let number = self.emitted;
        let emit = Emit::new("save").arg(number).with_ack();
        if let Ok(emitted) = self.connection.emit(self.now(), emit) {
            self.emitted += 1;
            self.watch.emitted(emitted.id, true, &emitted.state);
            self.numbers.insert(emitted.id, number);
        }
    }

    /// Simulates one client: faults, a quiet phase, then the check.
    fn live(&mut self) {
        self.connection.connect(self.now(), "/");
        self.drain();
        let storm = self.dice.below(STORM);
        while self.now < storm {
            let next = self.now + 1 + self.dice.below(250);
            self.until(next);
            self.heartbeat();
            self.disturb();
        }
        self.calm = true;
        self.connection.connect(self.now(), "/");
        self.drain();
        let mut rounds = 0;
        while !self.numbers.is_empty() || !self.connection.is_connected("/") {
            let next = self.now + 200;
            self.until(next);
            self.heartbeat();
            rounds += 1;
            assert!(
                rounds < 2000,
                "no quiet: {:?}, {:?}",
                self.connection.status(),
                self.numbers
            );
        }
        self.account();
    }

    fn heartbeat(&mut self) {
        let mut sends = Sends::new();
        let transports = &self.transports;
        self.server
            .heartbeat(self.now, |id| Self::paused(transports, id), &mut sends);
        self.dispatch(sends);
    }

    fn account(&self) {
        assert!(self.watch.pending.is_empty());
        assert_eq!(self.connection.status(), Status::Open);
        assert_eq!(self.connection.pending_acks("/"), 0);
        let mut seen = BTreeSet::new();
        let first: Vec<u64> = self
            .server
            .handled
            .iter()
            .copied()
            .filter(|number| seen.insert(*number))
            .collect();
        assert!(first.is_sorted(), "handled out of order: {first:?}");
        if self.retried {
            assert_eq!(self.failed, 0, "failed despite unlimited retries");
            assert_eq!(
                first,
                (0..self.emitted).collect::<Vec<u64>>(),
                "not all of them arrived"
            );
        } else {
            assert_eq!(first.len(), self.server.handled.len(), "one arrived twice");
        }
        assert!(self.acknowledged.iter().all(|number| seen.contains(number)));
        assert_eq!(self.acknowledged.len() as u64 + self.failed, self.emitted);
    }
}

#[test]
fn ten_thousand_clients_lose_and_duplicate_no_acknowledged_event() {
    let threads: Vec<_> = (0..2u64)
        .map(|half| {
            std::thread::spawn(move || {
                let mut totals = [0u64; 5];
                for seed in (half * 5000)..(half * 5000 + 5000) {
                    let mut life = Life::new(seed);
                    life.live();
                    let counts = [
                        life.emitted,
                        life.acknowledged.len() as u64,
                        life.connects,
                        life.recoveries,
                        life.connection.stats().upgrades,
                    ];
                    for (total, count) in totals.iter_mut().zip(counts) {
                        *total += count;
                    }
                }
                totals
            })
        })
        .collect();
    let totals = threads.into_iter().map(|thread| thread.join().expect("no panic"));
    let [emitted, acknowledged, connects, recoveries, upgrades] = totals
        .fold([0; 5], |sum: [u64; 5], half| {
            std::array::from_fn(|place| sum[place] + half[place])
        });
    println!(
        "{emitted} emitted, {acknowledged} acknowledged, {connects} connects, {recoveries} recovered, {upgrades} upgrades"
    );
    assert!(
        connects > 20_000 && recoveries > 1000 && upgrades > 1000,
        "the storm was too calm to prove anything"
    );
}
