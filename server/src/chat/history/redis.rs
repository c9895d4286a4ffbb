//! History that the nodes of one chat share: Redis numbers and stores the messages, and notifies every node.
//!
//! One script stores a message and appends it to the feed, a stream that all nodes read. So every node delivers every
//! message once, in the order of its number. After an outage, a node continues in the feed where it was.
//!
//! An acknowledged message was accepted by Redis. With `appendonly yes` and `appendfsync always` it is on the disk, as
//! with SQLite. With `everysec` Redis may answer up to two seconds before it writes, so a crash of Redis can lose those
//! messages. Replication is asynchronous: a failover may lose recently acknowledged messages. (`WAIT` would make that
//! less likely, but not impossible.)
//!
//! Keys, after `<prefix>:chat:` — `rooms`: hash of records by id · `names`: hash of ids by the keys of open rooms'
//! names · `seqs`: hash of the newest numbers · `log:<room>`: stream of messages, whose ids are their numbers ·
//! `deleted:<room>`: set of the numbers of deleted messages · `restrictions`: hash of bans and mutes ·
//! `ids`: hash of number, time, author and room by message id · `feed`: stream of new messages and changes · `birth`, `version`, `trimmer`, `clock`.

mod codec;
mod deletion;
mod feed_consumer;
mod scripts;
mod writer;

use std::fmt;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pesan::protocol::HistoryPage;
use redis::streams::StreamRangeReply;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::{
    Deliver, Draft, History, LastError, Notify, Range, RedisClient, Restriction, RestrictionKind, Retention,
    SavedRoom, StoreError, Subject,
};
use codec::{FEED_LENGTH, VERSION};
use feed_consumer::{AckGate, FeedConsumer};
use scripts::{CREATE, DELETE, MOVE, REMOVE, SAVE};
use writer::Writer;

/// Capacity of the writer's queue.
const QUEUE: usize = 16_384;
/// Longest wait for the last messages to be written.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(6);

/// Messages that one script moves.
const MOVE_STEP: u32 = 500;
/// Longest wait for the feed to reach the last of them.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(1);

/// History in Redis or Valkey, from version 6.2 on.
pub struct Redis {
    client: RedisClient,
    queue: Mutex<Option<mpsc::Sender<Draft>>>,
    /// Closes when everything is written.
    written: Mutex<Option<Receiver<()>>>,
    /// Background tasks; aborted on close.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    last_error: Arc<LastError>,
}

/// Why a history in Redis cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// Redis does not answer, or refuses access.
    #[error("cannot use redis at {address}: {reason}; start Redis, or correct --redis")]
    Unusable {
        /// Host and port.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// Redis lacks commands that are needed.
    #[error("redis at {address} has version {found}; 6.2 or later is needed")]
    TooOld {
        /// Host and port.
        address: String,
        /// Its version.
        found: String,
    },
    /// Written by a newer version of the server.
    #[error(
        "the chat in redis at {address} has version {found}; this pesan-server supports versions up to {VERSION}; use a newer pesan-server, or another --redis-prefix"
    )]
    Newer {
        /// Host and port.
        address: String,
        /// Version there.
        found: u32,
    },
}

impl Redis {
    /// Opens the history of a chat, and starts to read the feed.
    ///
    /// # Errors
    /// When Redis does not answer, is too old, or has keys of a newer version.
    pub async fn open(
        client: RedisClient,
        retention: Retention,
        deliver: Deliver,
        notify: Notify,
    ) -> Result<Self, RedisError> {
        check(&client).await?;
        let last_error = Arc::<LastError>::default();
        let ack_gate = Arc::new(AckGate::new(deliver));
        let feed_consumer = FeedConsumer::start(
            client.clone(),
            Arc::clone(&ack_gate),
            notify,
            Arc::clone(&last_error),
        )
        .await
        .map_err(|error| unusable(&client, &error))?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (writer_done, written) = std::sync::mpsc::channel();
        let writer = Writer::new(client.clone(), Arc::clone(&ack_gate), Arc::clone(&last_error));
        let mut tasks = vec![tokio::spawn(feed_consumer.run())];
        tokio::spawn(async move {
            writer.run(waiting).await;
            ack_gate.drain(DRAIN_TIMEOUT).await;
            drop(writer_done);
        });
        if retention != Retention::default() {
            tasks.push(tokio::spawn(deletion::run_trimmer(client.clone(), retention)));
        }
        Ok(Self {
            client,
            queue: Mutex::new(Some(queue)),
            written: Mutex::new(Some(written)),
            tasks: Mutex::new(tasks),
            last_error,
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({:?})", self.client)
    }
}

impl History for Redis {
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>> {
        let Some(queue) = lock(&self.queue).clone() else {
            return Err(Box::new(draft));
        };
        queue
            .try_send(draft)
            .map_err(|error| Box::new(error.into_inner()))
    }

    fn page(
        &self,
        room: &str,
        range: Range,
        limit: u32,
    ) -> BoxFuture<'static, Result<HistoryPage, StoreError>> {
        let (client, room) = (self.client.clone(), room.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            let log = client.key(&format!("log:{room}"));
            // the newest number first: a message that is stored after it must not look like a deleted one
            pipeline.cmd("HGET").arg(client.key("seqs")).arg(&room);
            pipeline
                .cmd("XRANGE")
                .arg(&log)
                .arg("-")
                .arg("+")
                .arg("COUNT")
                .arg(1);
            match range {
                Range::Newest => pipeline.cmd("XREVRANGE").arg(log).arg("+").arg("-"),
                Range::Before(seq) => pipeline
                    .cmd("XREVRANGE")
                    .arg(log)
                    .arg(seq.saturating_sub(1))
                    .arg("-"),
                Range::After(seq) => pipeline
                    .cmd("XRANGE")
                    .arg(log)
                    .arg(seq.saturating_add(1))
                    .arg("+"),
            };
            pipeline.arg("COUNT").arg(u64::from(limit) + 1);
            let (last_seq, oldest, found): (Option<u64>, StreamRangeReply, StreamRangeReply) =
                client.query(&pipeline).await?;
            let found = deletion::Found {
                messages: codec::messages(&room, &found)?,
                oldest: codec::messages(&room, &oldest)?.first().map(|oldest| oldest.seq),
                last_seq: last_seq.unwrap_or(0),
            };
            let mut page = found.into_page(&room, range, usize::try_from(limit).unwrap_or(usize::MAX));
            deletion::clear_quotes(&client, &room, &mut page.messages).await?;
            Ok(page)
        }
        .boxed()
    }

    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>> {
        let client = self.client.clone();
        async move { codec::rooms(&client).await }.boxed()
    }

    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>> {
        let client = self.client.clone();
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(SAVE).arg(2);
            pipeline.arg(client.key("rooms")).arg(client.key("feed"));
            pipeline.arg(&room.id).arg(codec::record(&room)?).arg(FEED_LENGTH);
            let ((),) = client.query(&pipeline).await?;
            Ok(())
        }
        .boxed()
    }

    fn create_room(&self, room: SavedRoom, key: &str) -> BoxFuture<'static, Result<String, StoreError>> {
        let (client, key) = (self.client.clone(), key.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(CREATE).arg(3);
            pipeline
                .arg(client.key("rooms"))
                .arg(client.key("names"))
                .arg(client.key("feed"));
            pipeline
                .arg(&room.id)
                .arg(codec::record(&room)?)
                .arg(FEED_LENGTH)
                .arg(key);
            let ((created, id),): ((bool, String),) = client.query(&pipeline).await?;
            if created {
                Ok(id)
            } else {
                Err(StoreError::RoomTaken(id))
            }
        }
        .boxed()
    }

    fn remove_room(
        &self,
        room: &str,
        key: &str,
        only_empty: bool,
    ) -> BoxFuture<'static, Result<bool, StoreError>> {
        let (client, room, key) = (self.client.clone(), room.to_owned(), key.to_owned());
        async move {
            let removed = unlist_room(&client, &room, &key, only_empty, "").await?;
            if removed {
                deletion::remove_all(&client, &room).await?;
            }
            Ok(removed)
        }
        .boxed()
    }

    fn merge_rooms(&self, from: &str, key: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let (client, key) = (self.client.clone(), key.to_owned());
        let (from, into) = (from.to_owned(), into.to_owned());
        async move {
            // without its record, the room accepts no messages while they are moved
            if !unlist_room(&client, &from, &key, false, &into).await? {
                return Err(StoreError::RoomUnknown);
            }
            loop {
                let mut pipeline = redis::pipe();
                pipeline.cmd("EVAL").arg(MOVE).arg(4);
                pipeline.arg(client.key("ids")).arg(client.key("seqs"));
                pipeline
                    .arg(client.key(&format!("log:{from}")))
                    .arg(client.key(&format!("log:{into}")));
                pipeline.arg(&into).arg(MOVE_STEP);
                let (moved,): (u32,) = client.query(&pipeline).await?;
                if moved < MOVE_STEP {
                    break;
                }
            }
            deletion::remove_all(&client, &from).await
        }
        .boxed()
    }

    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>> {
        let (client, room) = (self.client.clone(), room.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(DELETE).arg(3);
            pipeline
                .arg(client.key(&format!("log:{room}")))
                .arg(client.key(&format!("deleted:{room}")))
                .arg(client.key("feed"));
            pipeline.arg(&room).arg(seq).arg(FEED_LENGTH);
            let (deleted,): (bool,) = client.query(&pipeline).await?;
            Ok(deleted)
        }
        .boxed()
    }

    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>> {
        let (client, person) = (self.client.clone(), person.to_owned());
        async move { deletion::erase_person(&client, &person).await }.boxed()
    }

    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>> {
        let client = self.client.clone();
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("HVALS").arg(client.key("restrictions"));
            let (records,): (Vec<String>,) = client.query(&pipeline).await?;
            let read = |record: &String| serde_json::from_str(record).map_err(|_| StoreError::Corrupt);
            records.iter().map(read).collect()
        }
        .boxed()
    }

    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>> {
        let client = self.client.clone();
        async move {
            let record =
                serde_json::to_string(&restriction).map_err(|error| StoreError::Other(error.to_string()))?;
            let mut pipeline = redis::pipe();
            pipeline
                .cmd("HSET")
                .arg(client.key("restrictions"))
                .arg(restriction_field(restriction.kind, &restriction.subject))
                .arg(record);
            let (_,): (u32,) = client.query(&pipeline).await?;
            Ok(())
        }
        .boxed()
    }

    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>> {
        let (client, field) = (self.client.clone(), restriction_field(kind, subject));
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("HDEL").arg(client.key("restrictions")).arg(field);
            let (lifted,): (bool,) = client.query(&pipeline).await?;
            Ok(lifted)
        }
        .boxed()
    }

    fn last_error(&self) -> Option<StoreError> {
        self.last_error.get()
    }

    fn close(&self) {
        // the writer ends when the last sender is dropped
        drop(lock(&self.queue).take());
        if let Some(written) = lock(&self.written).take()
            && written.recv_timeout(CLOSE_TIMEOUT) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            tracing::warn!("redis did not accept the last messages within 6 s");
        }
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }
}

/// Field of a restriction in its hash.
fn restriction_field(kind: RestrictionKind, subject: &Subject) -> String {
    format!("{} {subject}", kind.name())
}

/// Removes a room from the list; returns whether it existed.
async fn unlist_room(
    client: &RedisClient,
    room: &str,
    key: &str,
    only_empty: bool,
    into: &str,
) -> Result<bool, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("EVAL").arg(REMOVE).arg(4);
    for name in ["rooms", "names", "seqs", "feed"] {
        pipeline.arg(client.key(name));
    }
    pipeline
        .arg(room)
        .arg(key)
        .arg(u8::from(only_empty))
        .arg(FEED_LENGTH)
        .arg(into);
    let (removed,): (bool,) = client.query(&pipeline).await?;
    Ok(removed)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unusable(client: &RedisClient, error: &StoreError) -> RedisError {
    let reason = match error {
        StoreError::Unreachable(reason) => reason.clone(),
        other => other.to_string(),
    };
    RedisError::Unusable {
        address: client.address(),
        reason,
    }
}

/// Checks the versions of Redis and of the keys, and warns if Redis may lose messages.
async fn check(client: &RedisClient) -> Result<(), RedisError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("INFO").arg("server");
    pipeline
        .cmd("SET")
        .arg(client.key("version"))
        .arg(VERSION)
        .arg("NX")
        .ignore();
    pipeline.cmd("GET").arg(client.key("version"));
    let (server, found): (String, u32) = client
        .query(&pipeline)
        .await
        .map_err(|error| unusable(client, &error))?;
    let version = server
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    if let Some(version) = version
        && is_too_old(version)
    {
        return Err(RedisError::TooOld {
            address: client.address(),
            found: version.trim().to_owned(),
        });
    }
    if found > VERSION {
        return Err(RedisError::Newer {
            address: client.address(),
            found,
        });
    }
    let setting = async |name: &str| {
        let mut pipeline = redis::pipe();
        pipeline.cmd("CONFIG").arg("GET").arg(name);
        let answer: Result<((String, String),), StoreError> = client.query(&pipeline).await;
        answer.map(|((_, value),)| value)
    };
    match (
        setting("appendonly").await.as_deref(),
        setting("appendfsync").await.as_deref(),
    ) {
        (Ok("yes"), Ok("always")) => {}
        (Ok("yes"), Ok(policy)) => tracing::info!(
            appendfsync = policy,
            "a crash of redis may lose messages that were acknowledged in the last seconds; set appendfsync always to prevent that"
        ),
        (Ok(_), Ok(_)) => tracing::warn!(
            "redis has no append-only file: a crash loses acknowledged messages; set appendonly yes"
        ),
        (Err(error), _) | (_, Err(error)) => {
            tracing::info!(%error, "cannot read the persistence settings of redis");
        }
    }
    if let (Ok(policy), Ok(max)) = (setting("maxmemory-policy").await, setting("maxmemory").await)
        && max != "0"
        && policy.starts_with("allkeys")
    {
        tracing::warn!(
            policy,
            "redis removes messages when its memory is full; set maxmemory-policy noeviction"
        );
    }
    Ok(())
}

fn is_too_old(version: &str) -> bool {
    let mut numbers = version.trim().split('.').map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) < (6, 2),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redis_older_than_6_2_is_too_old() {
        let verdicts = ["5.0.14", "6.0.16", "6.2.0", "7.0.15", "8.1", "unstable"].map(is_too_old);
        assert_eq!(verdicts, [true, true, false, false, false, false]);
    }
}
