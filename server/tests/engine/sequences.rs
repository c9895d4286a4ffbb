//! Random sequences of operations of client and server on one session: no message is lost, duplicated or out of order, and the
//! close is always noticed.

use pesan_server::engineio::{CloseReason, Connection, EncodedMessage, Engine, Group, Transport};

use super::harness::{Server, Socket, config, soon};

/// Number of sequences, and of operations in each.
const SEQUENCES: u64 = 40;
const OPERATIONS: usize = 30;

/// Random numbers from a fixed seed, so that failures are reproducible.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) % bound
    }
}

/// Client of one session, and the messages that it must get.
struct Client<'s> {
    server: &'s Server,
    connection: Connection,
    polling: String,
    /// WebSocket whose probe was answered.
    probed: Option<Socket>,
    /// WebSocket after the upgrade.
    socket: Option<Socket>,
    /// Messages of the server and echoes: sent and received.
    out: (u64, u64),
    echoes: (u64, u64),
    log: Vec<String>,
}

impl Client<'_> {
    async fn send(&mut self, count: u64) {
        let texts: Vec<String> = (0..count)
            .map(|number| format!("4in {}", self.echoes.0 + number))
            .collect();
        match &mut self.socket {
            Some(socket) => {
                for text in &texts {
                    socket.send(text).await;
                }
            }
            None => {
                let answer = self.server.post(&self.polling, &texts.join("\u{1e}")).await;
                assert_eq!(answer.body, "ok", "{:?}", self.log);
            }
        }
        self.echoes.0 += count;
    }

    fn take(&mut self, packet: &str) {
        if packet == "6" {
            return;
        }
        let (source, number) = packet
            .strip_prefix('4')
            .and_then(|message| message.split_once(' '))
            .unwrap_or_else(|| panic!("'{packet}' was not expected after {:?}", self.log));
        let counts = if source == "out" {
            &mut self.out
        } else {
            &mut self.echoes
        };
        assert_eq!(number, counts.1.to_string(), "{source} after {:?}", self.log);
        counts.1 += 1;
    }

    /// Receives everything that was sent.
    async fn receive(&mut self) {
        while self.out.0 > self.out.1 || self.echoes.0 > self.echoes.1 {
            match &mut self.socket {
                Some(socket) => {
                    let packet = socket.text().await;
                    self.take(&packet);
                }
                None => {
                    let body = self.server.get(&self.polling).await.body;
                    body.split('\u{1e}').for_each(|packet| self.take(packet));
                }
            }
        }
    }

    async fn probe(&self) -> Socket {
        let query = self.polling.replace("polling", "websocket");
        let mut socket = self.server.websocket(&query).await;
        socket.send("2probe").await;
        assert_eq!(socket.text().await, "3probe", "{:?}", self.log);
        socket
    }

    async fn operate(&mut self, chance: &mut Chance) {
        let (operation, count) = (chance.below(8), 1 + chance.below(5));
        self.log.push(format!("{operation} x {count}"));
        match operation {
            0 => {
                for number in self.out.0..self.out.0 + count {
                    self.connection
                        .try_send(&EncodedMessage::from_frame(&format!("out {number}").into()))
                        .expect("there is room");
                }
                self.out.0 += count;
            }
            1 => {
                let group = Group::new([self.connection.clone()]);
                for number in self.out.0..self.out.0 + count {
                    group.send(&EncodedMessage::from_frame(&format!("out {number}").into()));
                }
                self.out.0 += count;
            }
            2 | 3 => self.send(count).await,
            4 => self.receive().await,
            5 if self.socket.is_none() && self.probed.is_none() => self.probed = Some(self.probe().await),
            6 if self.probed.is_some() => {
                let mut socket = self.probed.take().expect("checked");
                socket.send("5").await;
                self.socket = Some(socket);
            }
            7 if self.probed.is_some() => {
                // Aborted: the session stays on polling, and may try again.
                drop(self.probed.take());
                let noticed = soon("the end of an attempt", async {
                    loop {
                        let query = self.polling.replace("polling", "websocket");
                        let mut socket = self.server.websocket(&query).await;
                        socket.send("2probe").await;
                        if let Some(message) = socket.next().await
                            && message.is_text()
                        {
                            return socket;
                        }
                    }
                });
                self.probed = Some(noticed.await);
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn operations_in_any_sequence_lose_no_message() {
    let mut server = Server::start(config());
    let mut upgraded = 0;
    for seed in 1..=SEQUENCES {
        let mut chance = Chance(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let polling = server.open_polling().await;
        let connection = server.opened().await;
        let mut client = Client {
            server: &server,
            connection: connection.clone(),
            polling,
            probed: None,
            socket: None,
            out: (0, 0),
            echoes: (0, 0),
            log: vec![format!("seed {seed}")],
        };
        for _ in 0..OPERATIONS {
            client.operate(&mut chance).await;
        }
        client.receive().await;
        assert!(!connection.is_closed(), "{:?}", client.log);
        upgraded += usize::from(connection.transport() == Transport::WebSocket);
        let Client { polling, socket, .. } = client;
        let reason = match (chance.below(2), socket) {
            (0, socket) => {
                connection.close(CloseReason::ForcedClose);
                match socket {
                    Some(mut socket) => assert_eq!(socket.close_code().await, Some(1000)),
                    None => {
                        let mut body = server.get(&polling).await.body;
                        // During an upgrade polls return at once.
                        while body == "6" {
                            body = server.get(&polling).await.body;
                        }
                        assert_eq!(body, "1", "seed {seed}");
                    }
                }
                CloseReason::ForcedClose
            }
            (_, Some(socket)) => {
                drop(socket);
                CloseReason::TransportClose
            }
            (_, None) => {
                assert_eq!(server.post(&polling, "1").await.body, "ok");
                CloseReason::TransportClose
            }
        };
        assert_eq!(server.closed().await, reason, "seed {seed}");
    }
    assert!(upgraded > 0, "no sequence changed its transport");
    soon("the last session to go", async {
        while server.engine.sessions() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert!(Engine::held_bytes() < 64 << 20);
}
