//! Random operations in random order keep the invariants.

use std::time::Duration;

use pesan::socketio::proto::{
    AckToken, Auth, AuthRequest, CloseInfo, Config, Connection, Emit, EmitId, Event, Flush, Output,
    TransportId, TransportKind, WhenFull,
};
use pesan::socketio::{Frame, Timestamp, Value};
use proptest::prelude::*;

use crate::watch::Watch;

const NAMESPACES: [&str; 3] = ["/", "/a", "/b"];

#[derive(Debug, Clone)]
enum Op {
    Connect(usize),
    Disconnect(usize),
    Emit {
        namespace: usize,
        ack: bool,
        volatile: bool,
        timeout: Option<u64>,
        size: usize,
    },
    Cancel(usize),
    CancelAck(usize),
    Clear(usize),
    Answer,
    Authenticate(bool),
    Wait(u64),
    Sleep(u64),
    EarlyTimeout,
    Opened,
    Frame(String),
    ProbeFrame(String),
    Binary(Vec<u8>),
    Stale(String),
    Paused,
    Gone(bool),
    Offline,
    Online,
    Now,
    Visible,
    Reconnection(bool),
}

fn frame() -> impl Strategy<Value = String> {
    let open = |upgrades: &str| {
        format!(
            r#"0{{"sid":"e","upgrades":[{upgrades}],"pingInterval":300,"pingTimeout":200,"maxPayload":300}}"#
        )
    };
    prop_oneof![
        4 => Just(open("")),
        4 => Just(open("\"websocket\"")),
        6 => Just(r#"40{"sid":"s","pid":"p"}"#.to_owned()),
        4 => Just(r#"40/a,{"sid":"a"}"#.to_owned()),
        4 => Just(r#"40/b,{"sid":"b"}"#.to_owned()),
        1 => Just("40{}".to_owned()),
        1 => Just(r#"44{"message":"no"}"#.to_owned()),
        1 => Just("44/a,".to_owned()),
        1 => Just("41".to_owned()),
        1 => Just("41/b,".to_owned()),
        3 => Just(r#"42["x","offset"]"#.to_owned()),
        3 => Just(r#"427/a,["ask"]"#.to_owned()),
        1 => Just(r#"425["ask"]"#.to_owned()),
        4 => (0u64..6).prop_map(|id| format!("43{id}[1]")),
        3 => (0u64..6).prop_map(|id| format!("43/a,{id}[]")),
        1 => Just(r#"451-["bin",{"_placeholder":true,"num":0}]"#.to_owned()),
        4 => Just("2".to_owned()),
        1 => Just("1".to_owned()),
        2 => Just("6".to_owned()),
        1 => "[0-7]{0,2}[\\[\\]{}\"a,/0-9-]{0,12}",
        1 => ".{0,6}",
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let namespace = 0..NAMESPACES.len();
    prop_oneof![
        4 => namespace.clone().prop_map(Op::Connect),
        2 => namespace.clone().prop_map(Op::Disconnect),
        8 => (namespace.clone(), any::<bool>(), any::<bool>(), prop::option::of(1u64..600), 0usize..320).prop_map(
            |(namespace, ack, volatile, timeout, size)| Op::Emit {
                namespace,
                ack,
                volatile: volatile && size % 4 == 0,
                timeout,
                size: if size % 8 == 0 { size } else { size % 20 },
            }
        ),
        1 => (0usize..20).prop_map(Op::Cancel),
        1 => (0usize..20).prop_map(Op::CancelAck),
        1 => namespace.prop_map(Op::Clear),
        2 => Just(Op::Answer),
        3 => any::<bool>().prop_map(Op::Authenticate),
        5 => (0u64..700).prop_map(Op::Wait),
        1 => (0u64..3000).prop_map(Op::Sleep),
        1 => Just(Op::EarlyTimeout),
        4 => Just(Op::Opened),
        24 => frame().prop_map(Op::Frame),
        3 => prop_oneof![3 => Just("3probe".to_owned()), 1 => frame()].prop_map(Op::ProbeFrame),
        1 => prop::collection::vec(any::<u8>(), 0..4).prop_map(Op::Binary),
        2 => frame().prop_map(Op::Stale),
        3 => Just(Op::Paused),
        2 => any::<bool>().prop_map(Op::Gone),
        1 => Just(Op::Offline),
        1 => Just(Op::Online),
        1 => Just(Op::Now),
        1 => Just(Op::Visible),
        1 => any::<bool>().prop_map(Op::Reconnection),
    ]
}

fn config() -> impl Strategy<Value = Config> {
    let transports = prop_oneof![
        Just(vec![TransportKind::WebSocket]),
        Just(vec![TransportKind::WebSocket, TransportKind::Polling]),
        Just(vec![TransportKind::Polling, TransportKind::WebSocket]),
        Just(vec![TransportKind::Polling]),
        Just(vec![]),
    ];
    (transports, 0u32..3, any::<[bool; 6]>(), prop::option::of(0u32..3)).prop_map(
        |(transports, retries, [ask, after, drop, remember, base64, age], attempts)| {
            let mut config = Config::new("http://example.org".parse().expect("a legal address"));
            config.transports = transports;
            config.retries = retries;
            config.ack_timeout = age.then_some(Duration::from_millis(250));
            config.auth = if ask { Auth::Ask } else { Auth::None };
            config.remember_upgrade = remember;
            config.force_base64 = base64;
            config.timeout = Some(Duration::from_millis(400));
            config.connect_timeout = Some(Duration::from_millis(350));
            config.receive_buffer_events = 2;
            config.reconnection.delay = Duration::from_millis(100);
            config.reconnection.delay_max = Duration::from_millis(300);
            config.reconnection.attempts = attempts;
            config.send_buffer.messages = 4;
            config.send_buffer.bytes = 500;
            config.send_buffer.max_age = age.then_some(Duration::from_millis(900));
            config.send_buffer.flush = if after {
                Flush::AfterConnect
            } else {
                Flush::BeforeConnect
            };
            config.send_buffer.when_full = if drop {
                WhenFull::DropOldest
            } else {
                WhenFull::RefuseNew
            };
            config
        },
    )
}

/// Connection driven by random operations.
struct Play {
    connection: Connection,
    watch: Watch,
    now: u64,
    /// Latest time passed to the connection.
    latest: Timestamp,
    tokens: Vec<AckToken>,
    requests: Vec<AuthRequest>,
    emitted: Vec<EmitId>,
    /// Whether outputs are recorded, for comparison.
    noted: bool,
    transcript: Vec<String>,
}

impl Play {
    fn new(config: Config, seed: u64, noted: bool) -> Self {
        Self {
            connection: Connection::new(config, seed),
            watch: Watch::default(),
            now: 0,
            latest: Timestamp::default(),
            tokens: Vec::new(),
            requests: Vec::new(),
            emitted: Vec::new(),
            noted,
            transcript: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.now)
    }

    /// Drains, and keeps what the program was given.
    fn step(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            self.watch.output(&output);
            if self.noted {
                self.transcript.push(format!("{output:?}"));
            }
            match output {
                Output::Event(Event::Message { ack, .. }) => self.tokens.extend(ack),
                Output::Event(Event::AuthNeeded(request)) => self.requests.push(request),
                _ => {}
            }
        }
        self.watch
            .check_drained(&self.connection, self.latest, &NAMESPACES);
    }

    /// Transport that carries the session, and the one that probes.
    fn transports(&self) -> (Option<TransportId>, Option<TransportId>) {
        let current = self.connection.transport().map(|(id, _)| id);
        let probe = self.watch.open.keys().copied().find(|id| Some(*id) != current);
        (current, probe)
    }

    fn wait(&mut self, millis: u64) {
        let end = self.now + millis;
        let mut rounds = 0;
        while let Some(due) = self
            .connection
            .poll_timeout()
            .map(Timestamp::as_millis)
            .filter(|due| *due <= end)
        {
            self.now = due;
            self.latest = self.now();
            self.connection.handle_timeout(self.latest);
            self.step();
            rounds += 1;
            assert!(rounds < 1000, "the connection requests timeouts without end");
        }
        self.now = end;
    }

    /// Performs an operation that must not change anything.
    fn unchanged(&mut self, act: impl FnOnce(&mut Connection, Timestamp)) {
        let before = (self.connection.status(), self.connection.poll_timeout());
        let now = self.now();
        act(&mut self.connection, now);
        assert_eq!(self.connection.poll_output(), None, "something came of it");
        let after = (
            self.connection.status(),
            self.connection.poll_timeout().map(|due| due.max(now)),
        );
        assert_eq!((before.0, before.1.map(|due| due.max(now))), after);
    }

    fn play(&mut self, op: Op) {
        let now = self.now();
        let (current, probe) = self.transports();
        // Other operations may not call the connection at all.
        if matches!(
            op,
            Op::Connect(_) | Op::Emit { .. } | Op::Offline | Op::Online | Op::Now | Op::Visible
        ) {
            self.latest = now;
        }
        let name = |namespace: usize| NAMESPACES.get(namespace).copied().unwrap_or("/");
        match op {
            Op::Connect(namespace) => self.connection.connect(now, name(namespace)),
            Op::Disconnect(namespace) => self.connection.disconnect(now, name(namespace)),
            Op::Emit {
                namespace,
                ack,
                volatile,
                timeout,
                size,
            } => {
                let mut emit = Emit::new("e").to(name(namespace)).arg("x".repeat(size));
                emit = if ack { emit.with_ack() } else { emit };
                emit = if volatile { emit.volatile() } else { emit };
                emit = match timeout {
                    Some(timeout) => emit.timeout(Duration::from_millis(timeout)),
                    None => emit,
                };
                if let Ok(emitted) = self.connection.emit(now, emit) {
                    self.watch.emitted(emitted.id, ack, &emitted.state);
                    self.emitted.push(emitted.id);
                }
            }
            Op::Cancel(place) => {
                if let Some(id) = self.emitted.get(place).copied() {
                    self.connection.cancel(now, id);
                }
            }
            Op::CancelAck(place) => {
                if let Some(id) = self.emitted.get(place).copied() {
                    self.connection.cancel_ack(id);
                }
            }
            Op::Clear(namespace) => self.connection.clear_queue(name(namespace)),
            Op::Answer => {
                if let Some(token) = self.tokens.pop() {
                    let _stale_or_not = self.connection.send_ack(now, token, vec![Value::from(1)]);
                }
            }
            Op::Authenticate(well) => {
                if let Some(request) = self.requests.pop() {
                    let auth = if well { Ok(None) } else { Err("no".to_owned()) };
                    self.connection.provide_auth(now, request, auth);
                }
            }
            Op::Wait(millis) => self.wait(millis),
            Op::Sleep(millis) => self.now += millis,
            Op::EarlyTimeout => {
                if self.connection.poll_timeout().is_none_or(|due| due > now) {
                    self.unchanged(Connection::handle_timeout);
                }
            }
            Op::Opened => {
                if let Some(id) = probe.or(current) {
                    self.connection.handle_opened(now, id);
                }
            }
            Op::Frame(text) => {
                if let Some(id) = current {
                    self.watch.received(&text);
                    self.connection.handle_frame(now, id, Frame::Text(text));
                }
            }
            Op::ProbeFrame(text) => {
                if let Some(id) = probe {
                    self.connection.handle_frame(now, id, Frame::Text(text));
                }
            }
            Op::Binary(bytes) => {
                if let Some(id) = current {
                    self.connection.handle_frame(now, id, Frame::Binary(bytes));
                }
            }
            Op::Stale(text) => {
                if let Some(id) = self.watch.closed.last().copied() {
                    self.unchanged(|connection, now| {
                        connection.handle_frame(now, id, Frame::Text(text));
                        connection.handle_opened(now, id);
                        connection.handle_paused(now, id);
                        connection.handle_closed(now, id, CloseInfo::failed("late"));
                    });
                }
            }
            Op::Paused => {
                if let Some(id) = current {
                    self.connection.handle_paused(now, id);
                }
            }
            Op::Gone(of_probe) => {
                if let Some(id) = if of_probe { probe } else { current } {
                    self.watch.transport_replaced(id);
                    self.connection
                        .handle_closed(now, id, CloseInfo::closed(1006, ""));
                }
            }
            Op::Offline => self.connection.network_offline(now),
            Op::Online => self.connection.network_online(now),
            Op::Now => self.connection.reconnect_now(now),
            Op::Visible => self.connection.became_visible(now),
            Op::Reconnection(on) => self.connection.set_reconnection(on),
        }
        self.step();
    }

    /// Disconnects all namespaces and checks that nothing is left.
    fn end(&mut self) {
        for name in NAMESPACES {
            self.connection.disconnect(self.now(), name);
            self.step();
            self.connection.clear_queue(name);
            self.step();
        }
        self.wait(5000);
        assert!(
            self.watch.pending.is_empty(),
            "never settled: {:?}",
            self.watch.pending
        );
        assert!(self.watch.open.is_empty(), "still open: {:?}", self.watch.open);
        assert_eq!(
            self.connection.poll_timeout(),
            None,
            "there is nothing left to wait for"
        );
        assert!(
            NAMESPACES
                .iter()
                .all(|name| self.connection.pending_acks(name) == 0)
        );
        assert!(NAMESPACES.iter().all(|name| self.connection.queue_len(name) == 0));
    }
}

/// Runs all operations; returns the outputs if they are recorded.
fn played(config: Config, seed: u64, ops: &[Op], noted: bool) -> Vec<String> {
    let mut play = Play::new(config, seed, noted);
    for op in ops {
        play.play(op.clone());
    }
    play.end();
    play.transcript
}

/// Number of cases: `PROPTEST_CASES`, 256 by default.
fn cases() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn random_operations_keep_invariants(
        config in config(),
        seed in any::<u64>(),
        ops in prop::collection::vec(op(), 0..120),
    ) {
        played(config, seed, &ops, false);
    }

    #[test]
    fn same_seed_and_inputs_give_same_outputs(
        config in config(),
        seed in any::<u64>(),
        ops in prop::collection::vec(op(), 0..60),
    ) {
        prop_assert_eq!(played(config.clone(), seed, &ops, true), played(config, seed, &ops, true));
    }
}
