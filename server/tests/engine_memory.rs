//! Limits of the memory held for clients. A separate test binary, because the memory is counted for the whole process.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use pesan_server::engineio::{Engine, EngineConfig, EngineLimits};
use pesan_server::http::serve::{ServeConfig, bind, serve};
use pesan_server::socketio::{AckSender, Args, Io, IoConfig, Socket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, MutexGuard};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Timeout of all operations in these tests.
const DEADLINE: Duration = Duration::from_secs(60);

/// Limit of the memory held for clients.
const MAX_HELD_BYTES: usize = 32 << 20;

/// Held by one test at a time, because the memory of the whole process is measured.
static ALONE: Mutex<()> = Mutex::const_new(());

type Client = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Echo server, alone in this process.
struct Server {
    io: Io,
    address: SocketAddr,
    _alone: MutexGuard<'static, ()>,
}

impl Server {
    async fn start(config: IoConfig) -> Self {
        let alone = ALONE.lock().await;
        let io = Io::new(config);
        io.on_connection(|socket: Socket| {
            socket.on("echo", |_: Socket, text: String, ack: AckSender| ack.send(text));
            socket.on("keep", |_: Socket, _: Args| {});
        });
        let engine = io.engine(EngineConfig {
            // The clients here do not answer pings while they wait for something else.
            ping_interval: Duration::from_secs(600),
            limits: EngineLimits {
                max_held_bytes: MAX_HELD_BYTES,
                ..EngineLimits::default()
            },
            ..EngineConfig::default()
        });
        let listener = bind(([127, 0, 0, 1], 0).into()).expect("a free port");
        let address = listener.local_addr().expect("just bound");
        let (router, config) = (engine.router(), ServeConfig::default());
        tokio::spawn(serve(listener, router, config, std::future::pending()));
        Self {
            io,
            address,
            _alone: alone,
        }
    }

    /// Opens a client without a namespace.
    async fn connect(&self) -> Client {
        let url = format!("ws://{}/socket.io/?EIO=4&transport=websocket", self.address);
        let (mut client, _) = tokio_tungstenite::connect_async(url)
            .await
            .expect("the server serves");
        client.next().await.expect("an open packet").expect("a message");
        client
    }

    /// Opens a client in the root namespace.
    async fn join(&self) -> Client {
        let mut client = self.connect().await;
        client.send(Message::text("40")).await.expect("connected");
        client.next().await.expect("an answer").expect("a message");
        client
    }
}

/// Well-behaved client beside an attack, and the memory held before it.
struct Bystander {
    client: Client,
    held_before: usize,
}

impl Bystander {
    async fn join(server: &Server) -> Self {
        Self {
            client: server.join().await,
            held_before: Engine::held_bytes(),
        }
    }

    /// Checks that the memory falls below the limit during the attack, that it is freed when the attackers have gone, and
    /// that this client is served at both times.
    async fn assert_recovers<T>(mut self, attackers: Vec<T>) {
        until("memory below the limit", || {
            Engine::held_bytes() <= MAX_HELD_BYTES
        })
        .await;
        self.assert_served().await;
        drop(attackers);
        let allowed = self.held_before + (64 << 10);
        until("freed memory", || Engine::held_bytes() <= allowed).await;
        self.assert_served().await;
    }

    async fn assert_served(&mut self) {
        for id in 0..20 {
            let sent = Instant::now();
            self.client
                .send(Message::text(format!(r#"42{id}["echo","hello"]"#)))
                .await
                .expect("connected");
            let ack = loop {
                let message = self.client.next().await.expect("connected").expect("a message");
                if message != Message::text("2") {
                    break message;
                }
                self.client.send(Message::text("3")).await.expect("connected");
            };
            assert_eq!(ack, Message::text(format!(r#"43{id}["hello"]"#)));
            assert!(sent.elapsed() < Duration::from_secs(2));
        }
    }
}

/// Waits until the server closes the connection.
async fn assert_closed(client: &mut Client) {
    let end = tokio::time::timeout(DEADLINE, async {
        while let Some(Ok(message)) = client.next().await {
            if message.is_close() {
                break;
            }
        }
    });
    end.await.expect("the connection is closed");
}

async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !condition() {
        assert!(begun.elapsed() < DEADLINE, "{what} did not happen in time");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachments_incomplete_stay_below_the_memory_limit() {
    let server = Server::start(IoConfig::default()).await;
    let bystander = Bystander::join(&server).await;
    let placeholders: Vec<String> = (0..10)
        .map(|num| format!(r#"{{"_placeholder":true,"num":{num}}}"#))
        .collect();
    let head = format!(r#"4510-["keep",{}]"#, placeholders.join(","));
    let mut attackers = Vec::new();
    let mut most = 0;
    for _ in 0..15 {
        let mut attacker = server.join().await;
        attacker.send(Message::text(&head)).await.expect("connected");
        for _ in 0..9 {
            // A closed connection cannot send.
            if attacker.send(Message::binary(vec![7; 990_000])).await.is_err() {
                break;
            }
            most = most.max(Engine::held_bytes());
        }
        attackers.push(attacker);
    }
    assert!(most < 64 << 20, "{most} bytes were held");
    bystander.assert_recovers(attackers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_and_bodies_incomplete_stay_below_the_memory_limit() {
    let server = Server::start(IoConfig::default()).await;
    let bystander = Bystander::join(&server).await;
    let mut frame = vec![0x82, 0xff];
    frame.extend(999_000_u64.to_be_bytes());
    frame.resize(980_000, 0);
    let mut attackers = Vec::new();
    for number in 0..100 {
        let mut attacker = TcpStream::connect(server.address)
            .await
            .expect("the server listens");
        if number % 2 == 0 {
            let request = "GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
                 Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
            attacker.write_all(request.as_bytes()).await.expect("connected");
            attacker.write_all(&frame).await.unwrap_or_default();
        } else {
            let request = "GET /socket.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
            attacker.write_all(request.as_bytes()).await.expect("connected");
            let mut answer = vec![0; 4096];
            let read = attacker.read(&mut answer).await.expect("an answer");
            let answer = String::from_utf8_lossy(answer.get(..read).expect("what was read"));
            let (_, sid) = answer.split_once("\"sid\":\"").expect("a sid");
            let (sid, _) = sid.split_once('"').expect("a sid");
            let request = format!(
                "POST /socket.io/?EIO=4&transport=polling&sid={sid} HTTP/1.1\r\nHost: x\r\nContent-Length: 999000\r\n\r\n"
            );
            attacker.write_all(request.as_bytes()).await.expect("connected");
            attacker.write_all(&frame).await.unwrap_or_default();
        }
        attackers.push(attacker);
        assert!(Engine::held_bytes() < 64 << 20, "{}", Engine::held_bytes());
    }
    bystander.assert_recovers(attackers).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_stay_below_the_memory_limit() {
    let server = Server::start(IoConfig::default()).await;
    let bystander = Bystander::join(&server).await;
    let mut slow = Vec::new();
    let good = server.io.sockets();
    for _ in 0..20 {
        slow.push(server.join().await);
    }
    let others: Vec<Socket> = server
        .io
        .sockets()
        .into_iter()
        .filter(|socket| !good.contains(socket))
        .collect();
    assert_eq!(others.len(), 20);
    let mut most = 0;
    for _ in 0..20 {
        for socket in &others {
            // Different messages, so that no buffer is shared.
            // A closed connection cannot be sent to.
            let result = socket.emit("fill", "x".repeat(1 << 20));
            assert!(result.is_ok() || !socket.connected(), "{result:?}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        most = most.max(Engine::held_bytes());
    }
    assert!(most < 96 << 20, "{most} bytes were held");
    bystander.assert_recovers(slow).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn event_with_attachments_before_joining_is_refused() {
    let server = Server::start(IoConfig::default()).await;
    let large = format!(r#"42["keep","{}"]"#, "x".repeat(100_000));
    for head in [r#"451-["keep",{"_placeholder":true,"num":0}]"#, &large] {
        let mut client = server.connect().await;
        client.send(Message::text(head)).await.expect("connected");
        assert_closed(&mut client).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attachment_missing_closes_the_connection() {
    let server = Server::start(IoConfig {
        attachment_timeout: Duration::from_millis(300),
        ..IoConfig::default()
    })
    .await;
    let mut client = server.join().await;
    let head = r#"452-["keep",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    client.send(Message::text(head)).await.expect("connected");
    client.send(Message::binary(vec![1])).await.expect("connected");
    assert_closed(&mut client).await;
    until("removal of the socket", || server.io.is_empty()).await;
}
