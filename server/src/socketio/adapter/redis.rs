//! Adapter for Redis and Valkey: pub/sub for messages, a stream for the log, keys for sessions.
//!
//! Three tasks, each with a connection of its own that is reopened when it fails: one writes queued commands in pipelines,
//! one subscribes to the channels, and one reads the stream from its last position.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ::redis::aio::MultiplexedConnection;
use ::redis::streams::{StreamReadOptions, StreamReadReply};
use ::redis::{AsyncCommands, Client, Pipeline, Value};
use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::{Adapter, AdapterEvent, AdapterSink, Health};
use crate::log_limit::LogLimit;

/// Settings of the Redis adapter.
///
/// ```
/// use pesan_server::socketio::{IoConfig, Io, Redis, RedisConfig};
///
/// let redis = Redis::new(RedisConfig { url: "redis://127.0.0.1:6379".into(), ..RedisConfig::default() })?;
/// # drop(redis);
/// # Ok::<(), pesan_server::socketio::RedisError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisConfig {
    /// Address. Defaults to `redis://127.0.0.1:6379`; `rediss:` is TLS.
    pub url: String,
    /// Prefix of all channels and keys; nodes with the same prefix form one service. Defaults to `pesan`.
    pub prefix: String,
    /// Most messages that wait to be written. Beyond it messages are refused, as if Redis were unreachable. Defaults to
    /// 10,000.
    pub max_queued: usize,
    /// Approximate number of entries that the stream keeps. Defaults to 10,000.
    pub max_stream: usize,
    /// Age of the oldest stream entries that a node reads when it starts. Defaults to 2 min.
    pub history: Duration,
    /// Pause before a failed connection is reopened. Defaults to 500 ms.
    pub retry: Duration,
}

impl Default for RedisConfig {
    fn default() -> Self {
        Self {
            url: "redis://127.0.0.1:6379".to_owned(),
            prefix: "pesan".to_owned(),
            max_queued: 10_000,
            max_stream: 10_000,
            history: Duration::from_secs(120),
            retry: Duration::from_millis(500),
        }
    }
}

/// Invalid address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedisError(String);

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "redis: {}", self.0)
    }
}

impl std::error::Error for RedisError {}

/// Adapter for Redis 6.2 or later, or Valkey.
pub struct Redis(Arc<Shared>);

struct Shared {
    config: RedisConfig,
    client: Client,
    commands: mpsc::Sender<Command>,
    /// Receiving end of `commands`, until the writer starts.
    queue: Mutex<Option<mpsc::Receiver<Command>>>,
    /// Connection of the writer, which also takes saved values.
    reader: Mutex<Option<MultiplexedConnection>>,
    /// Number of connected tasks.
    connected: AtomicUsize,
    up: AtomicBool,
    /// Whether Redis was not reported as unreachable. True at first, so that a failure at the start is reported.
    reachable: AtomicBool,
    still_unreachable: LogLimit,
}

/// Command for the writer.
enum Command {
    Publish(String, Vec<u8>),
    Append(Vec<u8>),
    Save(String, Vec<u8>, Duration),
}

/// Number of tasks; all must be connected.
const TASKS: usize = 3;

/// Most commands in one pipeline.
const BATCH: usize = 512;

/// Time without a message after which the subscription is checked with a ping.
const PING_AFTER: Duration = Duration::from_secs(2);

/// Longest wait for a response of Redis.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("prefix", &self.0.config.prefix)
            .field("health", &self.health())
            .finish()
    }
}

impl Redis {
    /// Adapter that connects when the server starts.
    ///
    /// # Errors
    /// [`RedisError`] for an invalid address. An unreachable server is not an error: the adapter keeps trying.
    pub fn new(config: RedisConfig) -> Result<Self, RedisError> {
        let client = Client::open(config.url.as_str()).map_err(|error| RedisError(error.to_string()))?;
        let (commands, queue) = mpsc::channel(config.max_queued.max(1));
        Ok(Self(Arc::new(Shared {
            config,
            client,
            commands,
            queue: Mutex::new(Some(queue)),
            reader: Mutex::new(None),
            connected: AtomicUsize::new(0),
            up: AtomicBool::new(false),
            reachable: AtomicBool::new(true),
            still_unreachable: LogLimit::once_a_minute(),
        })))
    }

    fn push(&self, command: Command) -> bool {
        self.0.up.load(Ordering::Acquire) && self.0.commands.try_send(command).is_ok()
    }
}

impl Shared {
    fn key(&self, name: &str) -> String {
        format!("{}:{name}", self.config.prefix)
    }

    fn on_connected(&self, sink: &dyn AdapterSink) {
        if self.connected.fetch_add(1, Ordering::AcqRel) + 1 == TASKS {
            self.up.store(true, Ordering::Release);
            self.reachable.store(true, Ordering::Release);
            sink.on_event(AdapterEvent::Up);
        }
    }

    async fn on_disconnected(&self, sink: &dyn AdapterSink, was_connected: bool, error: &str) {
        if was_connected {
            self.connected.fetch_sub(1, Ordering::AcqRel);
        }
        self.up.store(false, Ordering::Release);
        if self.reachable.swap(false, Ordering::AcqRel) {
            sink.on_event(AdapterEvent::Down(error.to_owned()));
            // Begins the minute in which nothing more is logged.
            self.still_unreachable.ready();
        } else if self.still_unreachable.ready().is_some() {
            tracing::warn!(error, "redis is still unreachable");
        }
        tokio::time::sleep(self.config.retry).await;
    }

    /// Writes the queued commands, in pipelines.
    async fn write(self: Arc<Self>, mut queue: mpsc::Receiver<Command>, sink: Arc<dyn AdapterSink>) {
        let mut batch = Vec::new();
        loop {
            let mut connected = false;
            let error = match self.client.get_multiplexed_async_connection().await {
                Ok(mut connection) => {
                    *self.reader.lock().unwrap_or_else(PoisonError::into_inner) = Some(connection.clone());
                    connected = true;
                    self.on_connected(&*sink);
                    loop {
                        // Without commands a ping detects that Redis is gone.
                        let pause = timeout(self.config.retry, queue.recv_many(&mut batch, BATCH));
                        if pause.await == Ok(0) {
                            return;
                        }
                        let pipeline = self.pipeline(&mut batch);
                        let written: ::redis::RedisResult<()> = pipeline.query_async(&mut connection).await;
                        if let Err(error) = written {
                            break error.to_string();
                        }
                    }
                }
                Err(error) => error.to_string(),
            };
            self.on_disconnected(&*sink, connected, &error).await;
            // The queued commands are obsolete: the server has sent these events to its own sockets.
            while queue.try_recv().is_ok() {}
        }
    }

    fn pipeline(&self, batch: &mut Vec<Command>) -> Pipeline {
        let mut pipeline = ::redis::pipe();
        if batch.is_empty() {
            pipeline.cmd("PING").ignore();
        }
        for command in batch.drain(..) {
            match command {
                Command::Publish(channel, message) => pipeline.publish(channel, message).ignore(),
                Command::Append(message) => pipeline
                    .cmd("XADD")
                    .arg(self.key("log"))
                    .arg(&["MAXLEN", "~"])
                    .arg(self.config.max_stream)
                    .arg(&["*", "m"])
                    .arg(message)
                    .ignore(),
                Command::Save(key, value, keep) => {
                    pipeline.set_ex(key, value, keep.as_secs().max(1)).ignore()
                }
            };
        }
        pipeline
    }

    /// Reports published messages.
    async fn subscribe(self: Arc<Self>, node: String, sink: Arc<dyn AdapterSink>) {
        let channels = [self.key("all"), self.key(&format!("node:{node}"))];
        loop {
            let mut connected = false;
            let error = match self.client.get_async_pubsub().await {
                Ok(mut pubsub) => match pubsub.subscribe(&channels[..]).await {
                    Ok(()) => {
                        connected = true;
                        self.on_connected(&*sink);
                        let (mut pubsub_sink, mut messages) = pubsub.split();
                        loop {
                            match timeout(PING_AFTER, messages.next()).await {
                                Ok(Some(message)) => {
                                    sink.on_event(AdapterEvent::Message(
                                        message.get_payload_bytes().to_vec(),
                                    ));
                                }
                                Ok(None) => break "connection was closed".to_owned(),
                                // A connection may be lost without an error.
                                Err(_) => {
                                    match timeout(RESPONSE_TIMEOUT, pubsub_sink.ping::<Value>()).await {
                                        Ok(Ok(_)) => {}
                                        Ok(Err(error)) => break error.to_string(),
                                        Err(_) => break "no response to a ping".to_owned(),
                                    }
                                }
                            }
                        }
                    }
                    Err(error) => error.to_string(),
                },
                Err(error) => error.to_string(),
            };
            self.on_disconnected(&*sink, connected, &error).await;
        }
    }

    /// Reports entries of the log, from the last position.
    async fn read_log(self: Arc<Self>, sink: Arc<dyn AdapterSink>) {
        let log = self.key("log");
        let mut place: Option<(u64, u64)> = None;
        let mut newest_old = (0, 0);
        let mut has_read = false;
        loop {
            let mut connected = false;
            let outcome: ::redis::RedisResult<()> = async {
                let config =
                    ::redis::AsyncConnectionConfig::new().set_response_timeout(Some(RESPONSE_TIMEOUT));
                let mut connection = self
                    .client
                    .get_multiplexed_async_connection_with_config(&config)
                    .await?;
                let mut last = match place {
                    Some(place) => {
                        let id = format!("{}-{}", place.0, place.1);
                        let here: ::redis::streams::StreamRangeReply =
                            connection.xrange(&log, &id, &id).await?;
                        if has_read && here.ids.is_empty() {
                            tracing::warn!("log entries were removed before this node had read them");
                            sink.on_event(AdapterEvent::Missed);
                        }
                        place
                    }
                    None => {
                        let newest: ::redis::streams::StreamRangeReply =
                            connection.xrevrange_count(&log, "+", "-", 1).await?;
                        newest_old = newest
                            .ids
                            .first()
                            .and_then(|entry| parse(&entry.id))
                            .unwrap_or_default();
                        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                        let oldest = now.saturating_sub(self.config.history).as_millis();
                        start_position(newest_old, u64::try_from(oldest).unwrap_or(0))
                    }
                };
                connected = true;
                self.on_connected(&*sink);
                let options = StreamReadOptions::default().count(BATCH).block(1000);
                loop {
                    let from = format!("{}-{}", last.0, last.1);
                    let reply: Option<StreamReadReply> =
                        connection.xread_options(&[&log], &[from], &options).await?;
                    for entry in reply
                        .into_iter()
                        .flat_map(|reply| reply.keys)
                        .flat_map(|key| key.ids)
                    {
                        let (Some(id), Some(message)) = (parse(&entry.id), entry.get::<Vec<u8>>("m")) else {
                            tracing::warn!(id = entry.id, "log entry of another format");
                            continue;
                        };
                        last = id;
                        has_read = true;
                        sink.on_event(AdapterEvent::Appended {
                            id,
                            message,
                            old: id <= newest_old,
                        });
                    }
                    place = Some(last);
                }
            }
            .await;
            let error = outcome.err().map_or_else(String::new, |error| error.to_string());
            self.on_disconnected(&*sink, connected, &error).await;
        }
    }
}

/// Position from which a new node reads: that of the oldest allowed age by its own clock, but not behind the end, as this
/// clock may be ahead of that of Redis.
fn start_position(newest: (u64, u64), oldest: u64) -> (u64, u64) {
    newest.min((oldest, 0))
}

/// `<ms>-<number>`.
fn parse(id: &str) -> Option<(u64, u64)> {
    let (millis, number) = id.split_once('-')?;
    Some((millis.parse().ok()?, number.parse().ok()?))
}

impl Adapter for Redis {
    fn start(&self, node: &str, sink: Arc<dyn AdapterSink>) {
        let queue = self.0.queue.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(queue) = queue else {
            tracing::error!("this adapter is used by another server already");
            return;
        };
        tokio::spawn(self.0.clone().write(queue, sink.clone()));
        tokio::spawn(self.0.clone().subscribe(node.to_owned(), sink.clone()));
        tokio::spawn(self.0.clone().read_log(sink));
    }

    fn publish(&self, to: Option<&str>, message: Vec<u8>) -> bool {
        let channel = to.map_or_else(|| self.0.key("all"), |node| self.0.key(&format!("node:{node}")));
        self.push(Command::Publish(channel, message))
    }

    fn append(&self, message: Vec<u8>) -> bool {
        self.push(Command::Append(message))
    }

    fn save(&self, key: &str, value: Vec<u8>, keep: Duration) -> bool {
        // Half of the queue is reserved for messages, so that sessions cannot displace them.
        let has_room = self.0.commands.capacity() > self.0.commands.max_capacity() / 2;
        has_room && self.push(Command::Save(self.0.key(key), value, keep))
    }

    fn take(&self, key: &str) -> Pin<Box<dyn Future<Output = Option<Vec<u8>>> + Send>> {
        let key = self.0.key(key);
        let connection = self
            .0
            .reader
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        Box::pin(async move {
            match connection?.get_del::<_, Option<Vec<u8>>>(key).await {
                Ok(value) => value,
                Err(error) => {
                    tracing::warn!(%error, "cannot look up a session");
                    None
                }
            }
        })
    }

    fn health(&self) -> Health {
        if self.0.up.load(Ordering::Acquire) {
            Health::Up
        } else {
            Health::Down
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_position_with_a_clock_ahead_is_not_behind_the_end() {
        assert_eq!(start_position((9_000, 2), 5_000), (5_000, 0));
        assert_eq!(
            start_position((5_000, 2), 9_000),
            (5_000, 2),
            "not behind the end"
        );
        assert_eq!(start_position((0, 0), 9_000), (0, 0), "an empty log has no end");
    }
}
