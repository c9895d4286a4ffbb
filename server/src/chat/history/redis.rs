//! A history that the nodes of one chat share: Redis numbers the messages, keeps them, and tells every node.
//!
//! One script stores a message and appends it to the feed, a stream that all nodes follow; so every node hands on
//! every message, once, in the order of its number. A node that was cut off goes on in the feed where it was.
//!
//! What is acknowledged, Redis has accepted. With `appendonly yes` and `appendfsync always` it is in a file on the disk
//! by then, as with SQLite. With `everysec` Redis may answer up to two seconds before it writes, so a crash of Redis, and
//! not only of the machine, can cost that much. Replicas get it later still: a failover may lose what was acknowledged
//! just before. (`WAIT` would narrow that, not end it.)
//!
//! Keys, behind `<prefix>:chat:` — `rooms`: hash of records by id · `names`: hash of ids by the keys of open rooms'
//! names · `seqs`: hash of the newest numbers · `log:<room>`: stream of messages, whose ids are their numbers ·
//! `deleted:<room>`: set of the numbers of deleted messages · `restrictions`: hash of bans and mutes ·
//! `ids`: hash of where a message's id stands · `feed`: stream of what is new · `birth`, `version`, `trimmer`, `clock`.

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
use codec::{FEED, VERSION};
use feed_consumer::{AckGate, FeedConsumer};
use scripts::{CREATE, DELETE, MOVE, REMOVE, SAVE};
use writer::Writer;

/// Messages that may wait for Redis.
const QUEUE: usize = 16_384;
/// Longest wait for the last messages to be written.
const CLOSING: Duration = Duration::from_secs(6);

/// Messages of a room that are moved or removed at once.
const STEP: u32 = 500;
/// Longest wait for the feed to come to the last of them.
const PASSING: Duration = Duration::from_secs(1);

/// History in Redis or Valkey, from version 6.2 on.
pub struct Redis {
    link: RedisClient,
    queue: Mutex<Option<mpsc::Sender<Draft>>>,
    /// Ends when everything is written.
    written: Mutex<Option<Receiver<()>>>,
    /// What goes on by itself.
    tasks: Mutex<Vec<JoinHandle<()>>>,
    trouble: Arc<LastError>,
}

/// Why a history in Redis cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RedisError {
    /// Nothing answers there, or not as Redis does, or it does not let us in.
    #[error("cannot use redis at {address}: {reason}; start it, or correct --redis")]
    Unusable {
        /// Host and port.
        address: String,
        /// What went wrong.
        reason: String,
    },
    /// It lacks commands that are needed.
    #[error("redis at {address} has version {found}; 6.2 or later is needed")]
    TooOld {
        /// Host and port.
        address: String,
        /// Its version.
        found: String,
    },
    /// Written by a newer version of the server.
    #[error(
        "the chat in redis at {address} has version {found}, and this pesan-server knows versions up to {VERSION}; use a newer one, or another --redis-prefix"
    )]
    Newer {
        /// Host and port.
        address: String,
        /// Version there.
        found: u32,
    },
}

impl Redis {
    /// Opens the history of a chat, and begins to follow what other nodes do.
    ///
    /// # Errors
    /// When Redis does not answer, is too old, or has keys of a newer version.
    pub async fn open(
        link: RedisClient,
        retention: Retention,
        deliver: Deliver,
        notify: Notify,
    ) -> Result<Self, RedisError> {
        check(&link).await?;
        let trouble = Arc::<LastError>::default();
        let ack_gate = Arc::new(AckGate::new(deliver));
        let follower = FeedConsumer::begin(link.clone(), Arc::clone(&ack_gate), notify, Arc::clone(&trouble))
            .await
            .map_err(|error| unusable(&link, &error))?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (last, written) = std::sync::mpsc::channel();
        let writer = Writer::new(link.clone(), Arc::clone(&ack_gate), Arc::clone(&trouble));
        let mut tasks = vec![tokio::spawn(follower.run())];
        tokio::spawn(async move {
            writer.run(waiting).await;
            ack_gate.drain(PASSING).await;
            drop(last);
        });
        if retention != Retention::default() {
            tasks.push(tokio::spawn(deletion::run_trimmer(link.clone(), retention)));
        }
        Ok(Self {
            link,
            queue: Mutex::new(Some(queue)),
            written: Mutex::new(Some(written)),
            tasks: Mutex::new(tasks),
            trouble,
        })
    }
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redis({:?})", self.link)
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
        let (link, room) = (self.link.clone(), room.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            let log = link.key(&format!("log:{room}"));
            // first the newest number: what is said after it is no hole
            pipeline.cmd("HGET").arg(link.key("seqs")).arg(&room);
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
                link.ask(&pipeline).await?;
            let found = deletion::Found {
                messages: codec::messages(&room, &found)?,
                oldest: codec::messages(&room, &oldest)?.first().map(|oldest| oldest.seq),
                last_seq: last_seq.unwrap_or(0),
            };
            let mut page = found.into_page(&room, range, usize::try_from(limit).unwrap_or(usize::MAX));
            deletion::clear_quotes(&link, &room, &mut page.messages).await?;
            Ok(page)
        }
        .boxed()
    }

    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>> {
        let link = self.link.clone();
        async move { codec::rooms(&link).await }.boxed()
    }

    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>> {
        let link = self.link.clone();
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(SAVE).arg(2);
            pipeline.arg(link.key("rooms")).arg(link.key("feed"));
            pipeline.arg(&room.id).arg(codec::record(&room)?).arg(FEED);
            let ((),) = link.ask(&pipeline).await?;
            Ok(())
        }
        .boxed()
    }

    fn create_room(&self, room: SavedRoom, key: &str) -> BoxFuture<'static, Result<String, StoreError>> {
        let (link, key) = (self.link.clone(), key.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(CREATE).arg(3);
            pipeline
                .arg(link.key("rooms"))
                .arg(link.key("names"))
                .arg(link.key("feed"));
            pipeline
                .arg(&room.id)
                .arg(codec::record(&room)?)
                .arg(FEED)
                .arg(key);
            let ((made, id),): ((bool, String),) = link.ask(&pipeline).await?;
            if made {
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
        let (link, room, key) = (self.link.clone(), room.to_owned(), key.to_owned());
        async move {
            let there = take_away(&link, &room, &key, only_empty, "").await?;
            if there {
                deletion::remove_all(&link, &room).await?;
            }
            Ok(there)
        }
        .boxed()
    }

    fn merge_rooms(&self, from: &str, key: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let (link, key) = (self.link.clone(), key.to_owned());
        let (from, into) = (from.to_owned(), into.to_owned());
        async move {
            // nothing is said there any more while its messages move
            if !take_away(&link, &from, &key, false, &into).await? {
                return Err(StoreError::RoomUnknown);
            }
            loop {
                let mut pipeline = redis::pipe();
                pipeline.cmd("EVAL").arg(MOVE).arg(4);
                pipeline.arg(link.key("ids")).arg(link.key("seqs"));
                pipeline
                    .arg(link.key(&format!("log:{from}")))
                    .arg(link.key(&format!("log:{into}")));
                pipeline.arg(&into).arg(STEP);
                let (moved,): (u32,) = link.ask(&pipeline).await?;
                if moved < STEP {
                    break;
                }
            }
            deletion::remove_all(&link, &from).await
        }
        .boxed()
    }

    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>> {
        let (link, room) = (self.link.clone(), room.to_owned());
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(DELETE).arg(3);
            pipeline
                .arg(link.key(&format!("log:{room}")))
                .arg(link.key(&format!("deleted:{room}")))
                .arg(link.key("feed"));
            pipeline.arg(&room).arg(seq).arg(FEED);
            let (deleted,): (bool,) = link.ask(&pipeline).await?;
            Ok(deleted)
        }
        .boxed()
    }

    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>> {
        let (link, person) = (self.link.clone(), person.to_owned());
        async move { deletion::erase_person(&link, &person).await }.boxed()
    }

    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>> {
        let link = self.link.clone();
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("HVALS").arg(link.key("restrictions"));
            let (records,): (Vec<String>,) = link.ask(&pipeline).await?;
            let read = |record: &String| serde_json::from_str(record).map_err(|_| StoreError::Corrupt);
            records.iter().map(read).collect()
        }
        .boxed()
    }

    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>> {
        let link = self.link.clone();
        async move {
            let record =
                serde_json::to_string(&restriction).map_err(|error| StoreError::Other(error.to_string()))?;
            let mut pipeline = redis::pipe();
            pipeline
                .cmd("HSET")
                .arg(link.key("restrictions"))
                .arg(restriction_field(restriction.kind, &restriction.subject))
                .arg(record);
            let (_,): (u32,) = link.ask(&pipeline).await?;
            Ok(())
        }
        .boxed()
    }

    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>> {
        let (link, field) = (self.link.clone(), restriction_field(kind, subject));
        async move {
            let mut pipeline = redis::pipe();
            pipeline.cmd("HDEL").arg(link.key("restrictions")).arg(field);
            let (lifted,): (bool,) = link.ask(&pipeline).await?;
            Ok(lifted)
        }
        .boxed()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.trouble.get()
    }

    fn close(&self) {
        // the writer ends when no sender is left
        drop(lock(&self.queue).take());
        if let Some(written) = lock(&self.written).take()
            && written.recv_timeout(CLOSING) == Err(std::sync::mpsc::RecvTimeoutError::Timeout)
        {
            tracing::warn!("redis did not take the last messages in time");
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

/// Takes a room off the list; whether it was there.
async fn take_away(
    link: &RedisClient,
    room: &str,
    key: &str,
    only_empty: bool,
    into: &str,
) -> Result<bool, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("EVAL").arg(REMOVE).arg(4);
    for name in ["rooms", "names", "seqs", "feed"] {
        pipeline.arg(link.key(name));
    }
    pipeline
        .arg(room)
        .arg(key)
        .arg(u8::from(only_empty))
        .arg(FEED)
        .arg(into);
    let (there,): (bool,) = link.ask(&pipeline).await?;
    Ok(there)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unusable(link: &RedisClient, error: &StoreError) -> RedisError {
    let reason = match error {
        StoreError::Unreachable(reason) => reason.clone(),
        other => other.to_string(),
    };
    RedisError::Unusable {
        address: link.address(),
        reason,
    }
}

/// Whether Redis can be used, and keeps what it is given.
async fn check(link: &RedisClient) -> Result<(), RedisError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("INFO").arg("server");
    pipeline
        .cmd("SET")
        .arg(link.key("version"))
        .arg(VERSION)
        .arg("NX")
        .ignore();
    pipeline.cmd("GET").arg(link.key("version"));
    let (server, found): (String, u32) = link
        .ask(&pipeline)
        .await
        .map_err(|error| unusable(link, &error))?;
    let version = server
        .lines()
        .find_map(|line| line.strip_prefix("redis_version:"));
    if let Some(version) = version
        && is_too_old(version)
    {
        return Err(RedisError::TooOld {
            address: link.address(),
            found: version.trim().to_owned(),
        });
    }
    if found > VERSION {
        return Err(RedisError::Newer {
            address: link.address(),
            found,
        });
    }
    let setting = async |name: &str| {
        let mut pipeline = redis::pipe();
        pipeline.cmd("CONFIG").arg("GET").arg(name);
        let answer: Result<((String, String),), StoreError> = link.ask(&pipeline).await;
        answer.map(|((_, value),)| value)
    };
    match (
        setting("appendonly").await.as_deref(),
        setting("appendfsync").await.as_deref(),
    ) {
        (Ok("yes"), Ok("always")) => {}
        (Ok("yes"), Ok(often)) => tracing::info!(
            appendfsync = often,
            "a crash of redis may lose the last seconds of what was acknowledged; appendfsync always would not"
        ),
        (Ok(_), Ok(_)) => tracing::warn!(
            "redis keeps no append-only file: a crash loses messages that were acknowledged; set appendonly yes"
        ),
        (Err(error), _) | (_, Err(error)) => {
            tracing::info!(%error, "redis does not say whether it keeps an append-only file");
        }
    }
    if let (Ok(policy), Ok(most)) = (setting("maxmemory-policy").await, setting("maxmemory").await)
        && most != "0"
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
    fn streams_that_can_be_trimmed_by_number_came_with_6_2() {
        let verdicts = ["5.0.14", "6.0.16", "6.2.0", "7.0.15", "8.1", "unstable"].map(is_too_old);
        assert_eq!(verdicts, [true, true, false, false, false, false]);
    }
}
