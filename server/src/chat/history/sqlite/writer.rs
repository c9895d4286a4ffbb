//! The one thread that writes: it takes whatever waits, commits it in one transaction, and then tells everyone.

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
use super::statements::{Change, Failed, Place, apply, finish, insert, newest, purge, trim};

/// Most writes of one transaction.
const BATCH: usize = 2048;
/// How long writes that nobody waits for are gathered.
const GATHER: Duration = Duration::from_millis(250);
/// How often old messages are removed.
const TRIM_EVERY: Duration = Duration::from_secs(10);
/// How often one tries whether writing works again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

/// Pause between two steps of removing what is old or gone, so that messages pass in between.
const STEP: Duration = Duration::from_millis(20);

/// What can be written.
pub(super) enum Write {
    Message(Draft),
    Change(Change, Done),
}

/// Gets how many rooms, messages or restrictions a change concerned.
pub(super) type Done = oneshot::Sender<Result<u64, StoreError>>;

impl Write {
    fn is_urgent(&self) -> bool {
        match self {
            Self::Message(draft) => draft.urgent,
            Self::Change(..) => true,
        }
    }
}

/// What became of a write, told after the commit.
enum Outcome {
    Message(Result<Stored, StoreError>, Option<Completion>),
    Change(Result<u64, StoreError>, Done),
}

pub(super) struct Writer {
    connection: Connection,
    retention: Retention,
    deliver: Deliver,
    trouble: Arc<LastError>,
    /// What the file says; forgotten when a commit fails.
    places: HashMap<String, Place>,
    clock: TrimClock,
    /// Room up to which old messages were removed in this round.
    trimmed: i64,
    /// Whether there may be messages of rooms that are gone.
    purging: bool,
    quota: Quota,
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        retention: Retention,
        quota: Quota,
        deliver: Deliver,
        trouble: Arc<LastError>,
    ) -> Self {
        let newest = newest(&connection).unwrap_or_else(|error| {
            tracing::warn!(%error, "the newest message is not known");
            None
        });
        Self {
            clock: TrimClock::new(newest, now(), Instant::now()),
            connection,
            retention,
            deliver,
            trouble,
            places: HashMap::new(),
            trimmed: 0,
            // the last process may have left some
            purging: true,
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
                // when much is old, go on soon, but let messages pass in between
                let more = self.retention != Retention::default() && self.trim();
                trim_at = Instant::now() + if more { STEP } else { TRIM_EVERY };
            }
            if self.purging && purge_at <= Instant::now() {
                self.purge();
                purge_at = Instant::now() + STEP;
            }
            let next = if self.purging {
                trim_at.min(purge_at)
            } else {
                trim_at
            };
            let mut pause = next.saturating_duration_since(Instant::now());
            if self.trouble.get().is_some() {
                pause = pause.min(PROBE_EVERY);
            }
            match waiting.recv_timeout(pause.max(Duration::from_millis(1))) {
                Ok(first) => {
                    let batch = gather(first, waiting);
                    self.write(batch);
                }
                Err(RecvTimeoutError::Timeout) => {
                    if self.trouble.get().is_some() {
                        self.probe();
                    }
                }
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        // one file is all there is to copy after a clean stop
        let busy = self
            .connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get::<_, bool>(0));
        match busy {
            Ok(false) => {}
            Ok(true) => tracing::info!("the write-ahead log stays beside the history: it is being read"),
            Err(error) => tracing::warn!(%error, "the write-ahead log stays beside the history"),
        }
    }

    fn write(&mut self, batch: Vec<Write>) {
        let begun = Instant::now();
        let size = batch.len();
        let (outcomes, result) = self.commit(batch);
        let took = begun.elapsed();
        metrics::histogram!("pesan_history_commit_seconds").record(took);
        metrics::counter!("pesan_history_writes_total").increment(u64::try_from(size).unwrap_or(u64::MAX));
        tracing::trace!(size, ?took, "committed");
        self.measure();
        self.trouble.note(result.as_ref().err().or(self.quota.trouble()));
        let mut committed = Vec::with_capacity(outcomes.len());
        for outcome in outcomes {
            match outcome {
                Outcome::Message(outcome, completion) => committed.push(Committed {
                    outcome: result.clone().and(outcome),
                    completion,
                }),
                Outcome::Change(changed, done) => {
                    // whoever asked may have gone meanwhile
                    drop(done.send(result.clone().and(changed)));
                }
            }
        }
        if !committed.is_empty() {
            (self.deliver)(committed);
        }
    }

    /// Writes a batch in one transaction; what became of each counts only when the second value is good.
    fn commit(&mut self, batch: Vec<Write>) -> (Vec<Outcome>, Result<(), StoreError>) {
        let mut outcomes = Vec::with_capacity(batch.len());
        let refused = self.quota.trouble().cloned();
        let result = transact(
            &mut self.connection,
            &mut self.places,
            batch,
            refused.as_ref(),
            &mut outcomes,
        );
        if result.is_err() {
            self.places.clear();
        }
        self.purging |= outcomes
            .iter()
            .any(|outcome| matches!(outcome, Outcome::Change(..)));
        (outcomes, result)
    }

    /// Looks how much the store has, now and then.
    fn measure(&mut self) {
        if let Err(error) = self.quota.measure(&self.connection, Instant::now()) {
            tracing::warn!(%error, "the size of the history is not known");
        }
    }

    /// Finds out whether the file can be written again: while it cannot, nobody may come in who would try.
    fn probe(&mut self) {
        let written = self.connection.pragma_update(None, "user_version", VERSION);
        let error = written.err().map(|error| store_error(&error));
        self.measure();
        self.trouble.note(error.as_ref().or(self.quota.trouble()));
    }

    /// Removes some messages of rooms that are gone.
    fn purge(&mut self) {
        match purge(&mut self.connection) {
            Ok(more) => self.purging = more,
            Err(error) => {
                tracing::warn!(%error, "messages of a removed room stay until the next start");
                self.purging = false;
            }
        }
    }

    /// Removes some of what is too old; whether there is more.
    fn trim(&mut self) -> bool {
        let now = self.clock.time(now(), Instant::now());
        if let Some(time) = self.clock.take_due_note(Instant::now()) {
            let noted = self.connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('clock', ?1)",
                [time.to_string()],
            );
            if let Err(error) = noted {
                tracing::debug!(%error, "the time is not noted");
            }
        }
        match trim(&mut self.connection, self.retention, now, &mut self.trimmed) {
            Ok(more) => more,
            Err(error) => {
                tracing::warn!(%error, "old messages cannot be removed");
                false
            }
        }
    }
}

/// All that waits, and what comes soon while nobody waits for any of it.
fn gather(first: Write, waiting: &Receiver<Write>) -> Vec<Write> {
    let until = Instant::now() + GATHER;
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
    places: &mut HashMap<String, Place>,
    batch: Vec<Write>,
    refused: Option<&StoreError>,
    outcomes: &mut Vec<Outcome>,
) -> Result<(), StoreError> {
    // every write gets an outcome, also when an earlier one has failed the whole
    let mut failed = None;
    let transaction = match connection.transaction() {
        Ok(transaction) => Some(transaction),
        Err(error) => {
            failed = Some(store_error(&error));
            None
        }
    };
    let mut touched: HashMap<String, Place> = HashMap::new();
    for write in batch {
        let open = transaction.as_ref().filter(|_| failed.is_none());
        match write {
            Write::Message(mut draft) => {
                let completion = draft.completion.take();
                let outcome = match (open, refused) {
                    (_, Some(error)) => Err(Failed::One(error.clone())),
                    (Some(transaction), None) => insert(transaction, places, &mut touched, draft),
                    (None, None) => Err(Failed::Whole(StoreError::Other("not written".to_owned()))),
                };
                let outcome = outcome.map_err(|why| match why {
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
                    changed = apply(transaction, places, &mut touched, change).map_err(|error| {
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
    finish(transaction, &touched).map_err(|error| store_error(&error))?;
    places.extend(touched);
    Ok(())
}

/// How often the store is measured.
const MEASURE_EVERY: Duration = Duration::from_millis(250);
/// Bytes that stay free on the disk, for the write-ahead log and for other programs; of a small disk a twentieth.
const RESERVE: u64 = 64 << 20;

/// Bound on the store.
pub(super) struct Quota {
    folder: PathBuf,
    max_bytes: u64,
    measured: Option<Instant>,
    trouble: Option<StoreError>,
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
            trouble: None,
            used: metrics::gauge!("pesan_store_bytes"),
            free: metrics::gauge!("pesan_disk_free_bytes"),
        }
    }

    /// Why nothing more may be written, if so.
    pub(super) fn trouble(&self) -> Option<&StoreError> {
        self.trouble.as_ref()
    }

    /// Measures the store, unless that was done just now.
    pub(super) fn measure(&mut self, connection: &Connection, now: Instant) -> rusqlite::Result<()> {
        let lately = |at: Instant| now.saturating_duration_since(at) < MEASURE_EVERY;
        if self.measured.is_some_and(lately) {
            return Ok(());
        }
        self.measured = Some(now);
        let pragma = |name| connection.pragma_query_value(None, name, |row| row.get(0).map(uint));
        // pages that were freed are used again
        let pages = pragma("page_count")?.saturating_sub(pragma("freelist_count")?);
        let used = pages.saturating_mul(pragma("page_size")?);
        self.used.set(float(used));
        self.trouble = if used >= self.max_bytes {
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
            // the next write shows what is wrong
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
