//! Reads the feed: delivers the messages of all nodes in one order, and detects an outage of Redis or lost entries.
//!
//! [`AckGate`] delays each ack until its message appears in the feed, so that clients see messages in order.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;
use redis::streams::{StreamId, StreamRangeReply, StreamReadReply};
use redis::{FromRedisValue, Pipeline};

use super::super::super::redis_client::{RETRY_DELAY, store_error};
use super::super::{Committed, Deliver, LastError, Notify, RedisClient, StoreError, StoreEvent, Stored};
use super::codec::{self, FeedPosition};

/// Most entries of one read, and the longest wait for some, in milliseconds.
const BATCH: usize = 512;
const BLOCK_MS: usize = 1000;

pub(super) struct FeedConsumer {
    client: RedisClient,
    ack_gate: Arc<AckGate>,
    notify: Notify,
    last_error: Arc<LastError>,
    /// Last entry that was delivered.
    position: FeedPosition,
    /// Id of the data set that the entry belongs to.
    birth: String,
    up_gauge: metrics::Gauge,
}

/// State of the feed in Redis, for comparison with what a node has read.
struct Feed {
    /// Id of the data set.
    birth: String,
    end: FeedPosition,
    /// Whether it contains the entry that was asked for.
    has_entry: bool,
}

impl FeedConsumer {
    /// Starts at the end of the feed.
    pub(super) async fn start(
        client: RedisClient,
        ack_gate: Arc<AckGate>,
        notify: Notify,
        last_error: Arc<LastError>,
    ) -> Result<Self, StoreError> {
        let mut connection = client.open().await?;
        let feed = read_feed(&client, &mut connection, FeedPosition::default()).await?;
        Ok(Self {
            client,
            ack_gate,
            notify,
            last_error,
            position: feed.end,
            birth: feed.birth,
            up_gauge: metrics::gauge!("pesan_redis_up"),
        })
    }

    /// Reads until the task is aborted.
    pub(super) async fn run(mut self) {
        loop {
            let Err(error) = self.follow().await;
            self.up_gauge.set(0.0);
            self.last_error.record(Some(&error));
            self.ack_gate.release_all();
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    /// Reads over one connection until it fails.
    async fn follow(&mut self) -> Result<Infallible, StoreError> {
        let mut connection = self.client.open().await?;
        self.resume(&mut connection).await?;
        self.last_error.record(None);
        self.up_gauge.set(1.0);
        loop {
            let position = format!("{}-{}", self.position.0, self.position.1);
            let mut pipeline = redis::pipe();
            // the last entry is read again: if it is gone, this node was suspended and has missed entries
            pipeline
                .cmd("XRANGE")
                .arg(self.client.key("feed"))
                .arg(&position)
                .arg(&position);
            pipeline
                .cmd("XREAD")
                .arg("COUNT")
                .arg(BATCH)
                .arg("BLOCK")
                .arg(BLOCK_MS);
            pipeline
                .arg("STREAMS")
                .arg(self.client.key("feed"))
                .arg(&position);
            let (current, reply): (StreamRangeReply, Option<StreamReadReply>) =
                query(&pipeline, &mut connection).await?;
            let entries = reply.into_iter().flat_map(|reply| reply.keys);
            let entries: Vec<StreamId> = entries.flat_map(|stream| stream.ids).collect();
            if self.position > FeedPosition::default()
                && current.ids.is_empty()
                && !is_deleted(&position, &entries)
            {
                self.resume(&mut connection).await?;
                continue;
            }
            self.deliver_entries(entries.into_iter());
        }
    }

    /// Continues after the last delivered entry, or at the end of the feed if entries are missing in between.
    async fn resume(&mut self, connection: &mut MultiplexedConnection) -> Result<(), StoreError> {
        let feed = read_feed(&self.client, connection, self.position).await?;
        if let Some(reason) = self.gap_reason(&feed) {
            tracing::error!(
                reason,
                "the feed has a gap: all clients of this node reload the history"
            );
            let rooms = codec::rooms(&self.client).await?;
            self.position = feed.end;
            self.birth = feed.birth;
            (self.notify)(StoreEvent::Reset(rooms));
        }
        self.ack_gate.reached(self.position, Vec::new());
        Ok(())
    }

    fn deliver_entries(&mut self, entries: impl Iterator<Item = StreamId>) {
        let mut messages = Vec::new();
        for entry in entries {
            let Some(position) = codec::parse_position(&entry.id) else {
                continue;
            };
            if let Some(room) = entry.get::<String>("room") {
                let record: String = entry.get("record").unwrap_or_default();
                self.ack_gate
                    .reached(self.position, std::mem::take(&mut messages));
                match codec::room(&room, &record) {
                    Some(room) => (self.notify)(StoreEvent::RoomSaved(Box::new(room))),
                    None => tracing::warn!(room, "cannot decode a room in the feed"),
                }
            } else if let Some(room) = entry.get::<String>("gone") {
                self.ack_gate
                    .reached(self.position, std::mem::take(&mut messages));
                let into = entry.get::<String>("into").filter(|into| !into.is_empty());
                (self.notify)(StoreEvent::RoomRemoved { room, into });
            } else if let Some(room) = entry.get::<String>("deleted") {
                self.ack_gate
                    .reached(self.position, std::mem::take(&mut messages));
                let seq = entry.get("s").unwrap_or_default();
                (self.notify)(StoreEvent::MessageDeleted { room, seq });
            } else if let Some(person) = entry.get::<String>("erased") {
                self.ack_gate
                    .reached(self.position, std::mem::take(&mut messages));
                (self.notify)(StoreEvent::PersonErased(person));
            } else if let Some(message) = message(&entry) {
                messages.push(message);
            } else {
                tracing::warn!(id = entry.id, "cannot decode an entry of the feed");
            }
            self.position = position;
        }
        self.ack_gate.reached(self.position, messages);
    }

    /// Why this node cannot continue after its last entry, if so.
    fn gap_reason(&self, feed: &Feed) -> Option<&'static str> {
        if feed.birth != self.birth {
            return Some("redis has lost its data");
        }
        let gone = self.position > FeedPosition::default() && !feed.has_entry;
        gone.then_some("redis has returned to an earlier state, or this node was away for too long")
    }
}

/// Whether one of the entries records that the entry at this position was deleted.
fn is_deleted(position: &str, entries: &[StreamId]) -> bool {
    entries
        .iter()
        .filter_map(|entry| entry.get::<String>("was"))
        .any(|deleted| deleted.split(' ').any(|id| id == position))
}

fn message(entry: &StreamId) -> Option<Committed> {
    let room: String = entry.get("r")?;
    let message = codec::message(&room, entry.get("s")?, entry)?;
    Some(Committed {
        outcome: Ok(Stored::New(message)),
        completion: None,
    })
}

async fn read_feed(
    client: &RedisClient,
    connection: &mut MultiplexedConnection,
    position: FeedPosition,
) -> Result<Feed, StoreError> {
    let mut pipeline = redis::pipe();
    let birth = format!("{:032x}", rand::random::<u128>());
    pipeline
        .cmd("SET")
        .arg(client.key("birth"))
        .arg(birth)
        .arg("NX")
        .ignore();
    pipeline.cmd("GET").arg(client.key("birth"));
    codec::query_newest(&mut pipeline, &client.key("feed"));
    let position = format!("{}-{}", position.0, position.1);
    pipeline
        .cmd("XRANGE")
        .arg(client.key("feed"))
        .arg(&position)
        .arg(&position);
    let (birth, last, current): (String, StreamRangeReply, StreamRangeReply) =
        query(&pipeline, connection).await?;
    Ok(Feed {
        birth,
        end: codec::newest_position(&last).unwrap_or_default(),
        has_entry: !current.ids.is_empty(),
    })
}

async fn query<T: FromRedisValue>(
    pipeline: &Pipeline,
    connection: &mut MultiplexedConnection,
) -> Result<T, StoreError> {
    let answer = pipeline.query_async(connection).await;
    answer.map_err(|error| store_error(&error))
}

/// Time between two checks whether all acks are sent.
const DRAIN_CHECK_INTERVAL: Duration = Duration::from_millis(2);

/// Delays each ack until its message appears in the feed, so that clients see messages in order.
pub(super) struct AckGate {
    deliver: Deliver,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Position of this node in the feed; `None` while it cannot be read.
    position: Option<FeedPosition>,
    /// Pending acks, in the order of the feed.
    waiting: VecDeque<(FeedPosition, Committed)>,
}

impl AckGate {
    pub(super) fn new(deliver: Deliver) -> Self {
        Self {
            deliver,
            inner: Mutex::default(),
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers outcomes; those with a position wait until the feed has reached it.
    pub(super) fn submit(&self, committed: Vec<(Option<FeedPosition>, Committed)>) {
        let mut inner = self.inner();
        let mut ready = Vec::new();
        for (position, committed) in committed {
            match (position, inner.position) {
                (Some(position), Some(reached)) if position > reached => {
                    inner.waiting.push_back((position, committed));
                }
                _ => ready.push(committed),
            }
        }
        self.deliver_ready(ready);
    }

    /// The feed has reached a position, after these messages.
    pub(super) fn reached(&self, position: FeedPosition, messages: Vec<Committed>) {
        let mut inner = self.inner();
        inner.position = Some(position);
        let released = inner.waiting.partition_point(|(at, _)| *at <= position);
        let answers = inner.waiting.drain(..released).map(|(_, committed)| committed);
        let ready = messages.into_iter().chain(answers).collect();
        self.deliver_ready(ready);
    }

    /// Waits until the feed has reached all pending acks, at most for `timeout`, then releases the rest.
    pub(super) async fn drain(&self, timeout: Duration) {
        let until = Instant::now() + timeout;
        while !self.inner().waiting.is_empty() && Instant::now() < until {
            tokio::time::sleep(DRAIN_CHECK_INTERVAL).await;
        }
        self.release_all();
    }

    /// The feed cannot be read: releases all pending acks without it.
    pub(super) fn release_all(&self) {
        let mut inner = self.inner();
        inner.position = None;
        let ready = inner.waiting.drain(..).map(|(_, committed)| committed).collect();
        self.deliver_ready(ready);
    }

    /// Called under the lock, so that the chat receives everything in this order.
    fn deliver_ready(&self, ready: Vec<Committed>) {
        if !ready.is_empty() {
            (self.deliver)(ready);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use pesan::protocol::Sent;

    use super::*;

    fn committed(seq: u64) -> Committed {
        Committed {
            outcome: Ok(Stored::Duplicate(Sent { seq, at: 0 })),
            completion: None,
        }
    }

    /// Gate, and the numbers that it delivered.
    fn ack_gate() -> (AckGate, Arc<Mutex<Vec<u64>>>) {
        let released = Arc::<Mutex<Vec<u64>>>::default();
        let delivered = Arc::clone(&released);
        let deliver = move |batch: Vec<Committed>| {
            let numbers = batch.iter().map(|committed| match &committed.outcome {
                Ok(Stored::Duplicate(sent)) => sent.seq,
                other => panic!("{other:?}"),
            });
            delivered.lock().expect("no panic").extend(numbers);
        };
        (AckGate::new(Box::new(deliver)), released)
    }

    #[test]
    fn ack_of_a_message_waits_until_the_feed_reaches_it() {
        let (ack_gate, released) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.submit(vec![(Some((3, 0)), committed(30)), (Some((4, 0)), committed(40))]);
        assert!(released.lock().expect("no panic").is_empty());
        ack_gate.reached((3, 0), vec![committed(2), committed(3)]);
        ack_gate.submit(vec![(None, committed(0))]);
        assert_eq!(*released.lock().expect("no panic"), [2, 3, 30, 0]);
    }

    #[test]
    fn ack_without_feed_is_delivered_at_once() {
        let (ack_gate, released) = ack_gate();
        ack_gate.reached((1, 0), Vec::new());
        ack_gate.submit(vec![(Some((3, 0)), committed(30))]);
        ack_gate.release_all();
        ack_gate.submit(vec![(Some((4, 0)), committed(40))]);
        assert_eq!(*released.lock().expect("no panic"), [30, 40]);
    }
}
