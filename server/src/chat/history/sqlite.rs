//! A history in one SQLite file: one thread writes and commits whatever waits at once, others read beside it.
//!
//! Write-ahead log with `synchronous=FULL`: what is answered is on the disk.

mod backup;
mod file;
mod quota;
mod reader;
mod schema;
mod writer;

use std::fmt;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pesan::protocol::HistoryPage;
use rusqlite::ErrorCode;
use tokio::sync::oneshot;

use super::{
    Deliver, Draft, History, LastError, Range, Restriction, RestrictionKind, Retention, SavedRoom,
    StoreError, Subject,
};
pub use backup::{BackupError, Contents, back_up, restore};
use quota::Quota;
use reader::Readers;
use writer::{Change, Write, Writer};

/// Messages that may wait for the disk.
const QUEUE: usize = 16_384;

/// Name of the file in its folder.
const FILE: &str = "history.sqlite";

/// History in `history.sqlite` of a folder.
pub struct Sqlite {
    path: PathBuf,
    queue: Mutex<Option<SyncSender<Write>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    trouble: Arc<LastError>,
    readers: Arc<Readers>,
    /// Held until the end, so that no other process writes here.
    lock: Mutex<Option<File>>,
}

/// Why a history cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or a file in it cannot be made, read or written.
    #[error("cannot use {path}: {reason}; make it writable, or name another folder with --data")]
    Unusable {
        /// Folder or file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// No room is left on the disk.
    #[error(
        "no room is left for {0}: the disk is full; make room, or name a folder on another disk with --data"
    )]
    Full(PathBuf),
    /// Another process has it.
    #[error("another pesan-server is using {0}; stop it, or name another folder with --data")]
    InUse(PathBuf),
    /// Damaged, or no history at all.
    #[error(
        "{path} is damaged or not a history of pesan: {reason}; restore a backup with `pesan-server admin restore`, or move \
         it away to begin anew"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// A write-ahead log that belongs to another file; SQLite would write it into this one.
    #[error(
        "{log} does not belong here: {reason}; if history.sqlite was put there by hand, move {log} away and start again; \
         `pesan-server admin restore` does both"
    )]
    StrayLog {
        /// The log.
        log: PathBuf,
        /// How that is known.
        reason: &'static str,
    },
    /// Written by a newer version.
    #[error(
        "{path} has version {found}, and this pesan-server knows versions up to {known}; use a newer one"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest version that is known.
        known: u32,
    },
}

impl OpenError {
    fn damaged(path: &Path, reason: &str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

impl Sqlite {
    /// Opens the history of a folder, and makes it when there is none.
    ///
    /// # Errors
    /// When it is in use, damaged, not writable, or from a newer version.
    pub fn open(
        folder: &Path,
        retention: Retention,
        max_bytes: u64,
        deliver: Deliver,
    ) -> Result<Self, OpenError> {
        file::make_folder(folder).map_err(|error| unusable(folder, &error))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let connection = schema::open(&path)?;
        let readers = Readers::open(&path).map_err(|error| schema::open_error(&path, &error))?;
        let trouble = Arc::<LastError>::default();
        let (queue, waiting) = sync_channel(QUEUE);
        let quota = Quota::new(folder, max_bytes);
        let writer = Writer::new(connection, retention, quota, deliver, Arc::clone(&trouble));
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| unusable(&path, &error))?;
        Ok(Self {
            path,
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            trouble,
            readers: Arc::new(readers),
            lock: Mutex::new(Some(lock)),
        })
    }

    fn queue(&self) -> Option<SyncSender<Write>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, what: Change) -> BoxFuture<'static, Result<u64, StoreError>> {
        let queue = self.queue();
        async move { change(queue.as_ref(), what).await }.boxed()
    }
}

/// Applies a change; returns how many rooms, messages or restrictions it concerned.
async fn change(queue: Option<&SyncSender<Write>>, change: Change) -> Result<u64, StoreError> {
    let (done, answer) = oneshot::channel();
    let sent = queue.is_some_and(|queue| queue.try_send(Write::Change(change, done)).is_ok());
    if !sent {
        return Err(StoreError::Busy);
    }
    answer
        .await
        .unwrap_or_else(|_| Err(StoreError::Other("the store has ended".to_owned())))
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sqlite({})", self.path.display())
    }
}

impl History for Sqlite {
    fn add(&self, draft: Draft) -> Result<(), Box<Draft>> {
        let Some(queue) = self.queue() else {
            return Err(Box::new(draft));
        };
        queue.try_send(Write::Message(draft)).map_err(|error| {
            let (TrySendError::Full(write) | TrySendError::Disconnected(write)) = error;
            match write {
                Write::Message(draft) => Box::new(draft),
                Write::Change(..) => unreachable!("a message was sent"),
            }
        })
    }

    fn page(
        &self,
        room: &str,
        range: Range,
        limit: u32,
    ) -> BoxFuture<'static, Result<HistoryPage, StoreError>> {
        let (readers, room) = (Arc::clone(&self.readers), room.to_owned());
        let read = tokio::task::spawn_blocking(move || readers.page(&room, range, limit));
        async move {
            match read.await {
                Ok(page) => page.map_err(|error| store_error(&error)),
                Err(error) => Err(StoreError::Other(error.to_string())),
            }
        }
        .boxed()
    }

    fn rooms(&self) -> BoxFuture<'static, Result<Vec<SavedRoom>, StoreError>> {
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || readers.rooms());
        async move {
            match read.await {
                Ok(rooms) => rooms.map_err(|error| store_error(&error)),
                Err(error) => Err(StoreError::Other(error.to_string())),
            }
        }
        .boxed()
    }

    fn save_room(&self, room: SavedRoom) -> BoxFuture<'static, Result<(), StoreError>> {
        let saved = self.change(Change::Save(Box::new(room)));
        async move { saved.await.map(drop) }.boxed()
    }

    fn remove_room(
        &self,
        room: &str,
        _: &str,
        only_empty: bool,
    ) -> BoxFuture<'static, Result<bool, StoreError>> {
        let removed = self.change(Change::Remove {
            room: room.to_owned(),
            only_empty,
        });
        async move { removed.await.map(|count| count > 0) }.boxed()
    }

    fn merge_rooms(&self, from: &str, _: &str, into: &str) -> BoxFuture<'static, Result<(), StoreError>> {
        let merged = self.change(Change::Merge {
            from: from.to_owned(),
            into: into.to_owned(),
        });
        async move {
            match merged.await {
                Ok(0) => Err(StoreError::RoomUnknown),
                Ok(_) => Ok(()),
                Err(error) => Err(error),
            }
        }
        .boxed()
    }

    fn delete_message(&self, room: &str, seq: u64) -> BoxFuture<'static, Result<bool, StoreError>> {
        let deleted = self.change(Change::DeleteMessage {
            room: room.to_owned(),
            seq,
        });
        async move { deleted.await.map(|count| count > 0) }.boxed()
    }

    fn erase_person(&self, person: &str) -> BoxFuture<'static, Result<u64, StoreError>> {
        let (queue, person) = (self.queue(), person.to_owned());
        async move {
            let mut total = 0;
            loop {
                // in small steps, so that messages pass in between
                let erased = change(queue.as_ref(), Change::ErasePerson(person.clone())).await?;
                if erased == 0 {
                    return Ok(total);
                }
                total += erased;
            }
        }
        .boxed()
    }

    fn restrictions(&self) -> BoxFuture<'static, Result<Vec<Restriction>, StoreError>> {
        let readers = Arc::clone(&self.readers);
        let read = tokio::task::spawn_blocking(move || readers.restrictions());
        async move {
            match read.await {
                Ok(list) => list.map_err(|error| store_error(&error)),
                Err(error) => Err(StoreError::Other(error.to_string())),
            }
        }
        .boxed()
    }

    fn restrict(&self, restriction: Restriction) -> BoxFuture<'static, Result<(), StoreError>> {
        let stored = self.change(Change::Restrict(restriction));
        async move { stored.await.map(drop) }.boxed()
    }

    fn lift(&self, kind: RestrictionKind, subject: &Subject) -> BoxFuture<'static, Result<bool, StoreError>> {
        let lifted = self.change(Change::Lift(kind, subject.clone()));
        async move { lifted.await.map(|count| count > 0) }.boxed()
    }

    fn trouble(&self) -> Option<StoreError> {
        self.trouble.get()
    }

    fn close(&self) {
        // the writer ends when no sender is left
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the history's writer ended with a panic");
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let file = file::private()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(|error| unusable(&path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse(folder.to_owned())),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

fn unusable(path: &Path, error: &std::io::Error) -> OpenError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return OpenError::Full(path.to_owned());
    }
    OpenError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt,
        _ => StoreError::Other(error.to_string()),
    }
}
