//! The thread that writes: commits all queued writes in one transaction, then reports the outcomes.
//!
//! Also removes old messages in small steps, and refuses writes while the store has reached its [`Quota`].

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::super::trim_clock::TrimClock;
use super::super::{Committed, Completion, Deliver, Draft, LastError, Retention, StoreError, Stored, now};
use super::error::store_error;
use super::reader::uint;
use super::schema::VERSION;
use super::statements::{Change, Failed, RoomRow, apply, finish, insert, last_known_time, purge, trim};

/// Most writes of one transaction.
const BATCH: usize = 2048;
/// How long writes that nobody waits for are collected into a batch.
const BATCH_DELAY: Duration = Duration::from_millis(250);
/// Time between two removals of old messages.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);
/// Time between two tests whether writing works again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// Pause between two steps of removing messages, so that new messages are written in between.
const STEP_DELAY: Duration = Duration::from_millis(20);

/// Entry of the writer's queue.
pub(super) enum Write {
    Message(Draft),
    Change(Change, Done),
}

/// Receives the number of rooms, messages or restrictions that a change concerned.
pub(super) type Done = oneshot::Sender<Result<u64, StoreError>>;

impl Write {
    fn is_urgent(&self) -> bool {
        match self {
            Self::Message(draft) => draft.urgent,
            Self::Change(..) => true,
        }
    }
}

/// Outcome of a write; reported after the commit.
enum Outcome {
    Message(Result<Stored, StoreError>, Option<Completion>),
    Change(Result<u64, StoreError>, Done),
}

pub(super) struct Writer {
    connection: Connection,
    retention: Retention,
    deliver: Deliver,
    last_error: Arc<LastError>,
    /// Cached rows of rooms; cleared when a commit fails.
    rooms_cache: HashMap<String, RoomRow>,
    clock: TrimClock,
    /// Key of the room up to which old messages were removed in this round.
    trimmed: i64,
    /// Whether there may be messages of removed rooms.
    has_removed_rooms: bool,
    quota: Quota,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        retention: Retention,
        quota: Quota,
        deliver: Deliver,
        last_error: Arc<LastError>,
    ) -> Self {
        let last_known_time = last_known_time(&connection).unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot read the time of the newest message");
            None
        });
        Self {
            clock: TrimClock::new(last_known_time, now(), Instant::now()),
            connection,
            retention,
            deliver,
            last_error,
            rooms_cache: HashMap::new(),
            trimmed: 0,
            // the previous process may have left some
            has_removed_rooms: true,
            quota,
        }
    }

    /// Writes until no sender is left.
    pub(super) fn run(mut self, waiting: &Receiver<Write>) {
        let mut trim_at = Instant::now();
        let mut purge_at = Instant::now();
        self.measure();
        loop {
            if trim_at <= Instant::now() {
                // continue soon if there is more to remove, but write new messages in between
                let more = self.retention != Retention::default() && self.trim();
                trim_at = Instant::now() + if more { STEP_DELAY } else { TRIM_INTERVAL };
            }
            if self.has_removed_rooms && purge_at <= Instant::now() {
                self.purge();
                purge_at = Instant::now() + STEP_DELAY;
            }
            let next = if self.has_removed_rooms {
                trim_at.min(purge_at)
            } else {
                trim_at
            };
            let mut pause = next.saturating_duration_since(Instant::now());
            if self.last_error.get().is_some() {
                pause = pause.min(PROBE_INTERVAL);
            }
            match waiting.recv_timeout(pause.max(Duration::from_millis(1))) {
                Ok(first) => {
                    let batch = collect_batch(first, waiting);
                    self.write(batch);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.last_error.get().is_some() {
                        self.probe();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // after a clean stop, the history is one file without a log
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, bool>(0));
        match busy {
            Ok(false) => {}
            Ok(true) => {
                tracing::info!("another program is reading the history; its write-ahead log was not emptied");
            }
            Err(error) => tracing::warn!(%error, "cannot empty the write-ahead log of the history"),
        }
    }

    fn write(&mut self, batch: Vec<Write>) {
        let started = Instant::now();
        let size = batch.len();
        let (outcomes, result) = self.commit(batch);
        let took = started.elapsed();
        metrics::histogram!("pesan_history_commit_seconds").record(took);
        metrics::counter!("pesan_history_writes_total").increment(u64::try_from(size).unwrap_or(u64::MAX));
        tracing::trace!(size, ?took, "committed");
        self.measure();
        self.last_error
            .record(result.as_ref().err().or(self.quota.last_error()));
        let mut committed = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Outcome::Message(outcome, completion) => committed.push(Committed {
                    outcome: result.clone().and(outcome),
                    completion,
                }),
                Outcome::Change(changed, done) => {
                    // the requester may be gone
                    drop(done.send(result.clone().and(changed)));
                }
            }
        }
        if !committed.is_empty() {
            (self.deliver)(committed);
        }
    }

    /// Writes a batch in one transaction. The outcomes are valid only if the second value is `Ok`.
    fn commit(&mut self, batch: Vec<Write>) -> (Vec<Outcome>, Result<(), StoreError>) {
        let mut outcomes = Vec::with_capacity(batch.len());
        let quota_error = self.quota.last_error().cloned();
        let result = transact(
            &mut self.connection,
            &mut self.rooms_cache,
            batch,
            quota_error.as_ref(),
            &mut outcomes,
        );
        if result.is_err() {
            self.rooms_cache.clear();
        }
        self.has_removed_rooms |= outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Change(..)));
        (outcomes, result)
    }

    /// Updates the size of the store, at most four times a second.
    fn measure(&mut self) {
        if let Err(error) = self.quota.measure(&self.connection, Instant::now()) {
            tracing::warn!(%error, "cannot read the size of the history");
        }
    }

    /// Tests whether the file can be written again. The server is not ready until it can, so no message would test it.
    fn probe(&mut self) {
        let written = self.connection.pragma_update(None, "user_version", VERSION);
        let error = written.err().map(|error| store_error(&error));
        self.measure();
        self.last_error.record(error.as_ref().or(self.quota.last_error()));
    }

    /// Removes some messages of removed rooms.
    fn purge(&mut self) {
        match purge(&mut self.connection) {
            Ok(more) => self.has_removed_rooms = more,
            Err(error) => {
                tracing::warn!(%error, "cannot remove messages of a removed room; the next start tries again");
                self.has_removed_rooms = false;
            }
        }
    }

    /// Removes some old messages; returns whether there may be more.
    fn trim(&mut self) -> bool {
        let now = self.clock.time(now(), Instant::now());
        if let Some(time) = self.clock.take_due_note(Instant::now()) {
            let noted = self.connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('clock', ?1)",
                [time.to_string()],
            );
            if let Err(error) = noted {
                tracing::debug!(%error, "cannot store the time");
            }
        }
        match trim(&mut self.connection, self.retention, now, &mut self.trimmed) {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "cannot remove old messages");
                false
            }
        }
    }
}

/// Takes all queued writes; while none of them is urgent, waits a moment for more.
fn collect_batch(first: Write, waiting: &Receiver<Write>) -> Vec<Write> {
    let until = Instant::now() + BATCH_DELAY;
    let mut urgent = first.is_urgent();
    let mut batch = vec![first];
    while batch.len() < BATCH {
        let next = if urgent {
            waiting.try_recv().ok()
        } else {
            waiting
                .recv_timeout(until.saturating_duration_since(Instant::now()))
                .ok()
        };
        let Some(next) = next else { break };
        urgent |= next.is_urgent();
        batch.push(next);
    }
    batch
}

fn transact(
    connection: &mut Connection,
    rooms_cache: &mut HashMap<String, RoomRow>,
    batch: Vec<Write>,
    quota_error: Option<&StoreError>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), StoreError> {
    // every write gets an outcome, also if an earlier one has failed the transaction
    let mut failed = None;
    let transaction = match connection.transaction() {
        Ok(transaction) => Some(transaction),
        Err(error) => {
            failed = Some(store_error(&error));
            None
        }
    };
    let mut changed_rooms: HashMap<String, RoomRow> = HashMap::new();
    for write in batch {
        let open = transaction.as_ref().filter(|_| failed.is_none());
        match write {
            Write::Message(mut draft) => {
                let completion = draft.completion.take();
                let outcome = match (open, quota_error) {
                    (_, Some(error)) => Err(Failed::One(error.clone())),
                    (Some(transaction), None) => insert(transaction, rooms_cache, &mut changed_rooms, draft),
                    (None, None) => Err(Failed::Whole(StoreError::Other("not written".to_owned()))),
                };
                let outcome = outcome.map_err(|error| match error {
                    Failed::One(error) => error,
                    Failed::Whole(error) => {
                        failed.get_or_insert_with(|| error.clone());
                        error
                    }
                });
                outcomes.push(Outcome::Message(outcome, completion));
            }
            Write::Change(change, done) => {
                let mut changed = Ok(0);
                if let Some(transaction) = open {
                    changed = apply(transaction, rooms_cache, &mut changed_rooms, change).map_err(|error| {
                        let error = store_error(&error);
                        failed = Some(error.clone());
                        error
                    });
                }
                outcomes.push(Outcome::Change(changed, done));
            }
        }
    }
    if let Some(error) = failed {
        return Err(error);
    }
    let Some(transaction) = transaction else {
        return Ok(());
    };
    finish(transaction, &changed_rooms).map_err(|error| store_error(&error))?;
    rooms_cache.extend(changed_rooms);
    Ok(())
}

/// Least time between two measurements.
const MEASURE_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes that stay free on the disk, for the write-ahead log and other programs; on a small disk a twentieth of it.
const RESERVE: u64 = 64 << 20;

/// Limit of the file's size, and of the space that is left on the disk.
pub(super) struct Quota {
    folder: PathBuf,
    max_bytes: u64,
    measured: Option<Instant>,
    last_error: Option<StoreError>,
    used: metrics::Gauge,
    free: metrics::Gauge,
}

impl Quota {
    pub(super) fn new(folder: &Path, max_bytes: u64) -> Self {
        metrics::gauge!("pesan_store_max_bytes").set(float(max_bytes));
        Self {
            folder: folder.to_owned(),
            max_bytes,
            measured: None,
            last_error: None,
            used: metrics::gauge!("pesan_store_bytes"),
            free: metrics::gauge!("pesan_disk_free_bytes"),
        }
    }

    /// Why nothing more may be written, if that is so.
    pub(super) fn last_error(&self) -> Option<&StoreError> {
        self.last_error.as_ref()
    }

    /// Measures the store, unless that was done a moment ago.
    pub(super) fn measure(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        let recently = |at: Instant| now.saturating_duration_since(at) < MEASURE_INTERVAL;
        if self.measured.is_some_and(recently) {
            return Ok(());
        }
        self.measured = Some(now);
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0).map(uint));
        // freed pages are reused
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        let used = pages.saturating_mul(pragma("page_size")?);
        self.used.set(float(used));
        self.last_error = if used >= self.max_bytes {
            Some(StoreError::Quota(self.max_bytes))
        } else if self.is_disk_full() {
            Some(StoreError::Full)
        } else {
            None
        };
        Ok(())
    }

    fn is_disk_full(&self) -> bool {
        let Ok(disk) = rustix::fs::statvfs(&self.folder) else {
            // the next write returns the error
            return false;
        };
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let all = disk.f_blocks.saturating_mul(disk.f_frsize);
        self.free.set(float(free));
        free < RESERVE.min(all / 20)
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a gauge of bytes needs no more than 53 bits"
)]
fn float(number: u64) -> f64 {
    number as f64
}
