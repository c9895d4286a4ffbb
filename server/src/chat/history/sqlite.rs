//! History in one SQLite file: one thread writes and commits in batches, other threads read beside it.
//!
//! Uses a write-ahead log with `synchronous=FULL`: acknowledged messages are on the disk.

mod backup;
mod error;
mod file;
mod reader;
mod schema;
mod statements;
mod writer;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use pesan::protocol::HistoryPage;
use tokio::sync::oneshot;

use super::{
    Deliver, Draft, History, LastError, Range, Restriction, RestrictionKind, Retention, SavedRoom,
    StoreError, Subject,
};
pub use backup::{BackupError, Contents, back_up, restore};
pub use error::OpenError;
use error::{open_error, store_error, unusable};
use file::{FILE, lock};
use reader::Readers;
use statements::Change;
use writer::{Quota, Write, Writer};

/// Capacity of the writer's queue.
const QUEUE: usize = 16_384;

/// History in `history.sqlite` of a folder.
pub struct Sqlite {
    path: PathBuf,
    queue: Mutex<Option<SyncSender<Write>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
    last_error: Arc<LastError>,
    readers: Arc<Readers>,
    /// Lock of the folder, held until the end, so that no other process writes.
    lock: Mutex<Option<File>>,
}

impl Sqlite {
    /// Opens the history of a folder; creates it if there is none.
    ///
    /// # Errors
    /// When it is in use, damaged, not writable, or from a newer version.
    pub fn open(
        folder: &Path,
        retention: Retention,
        max_bytes: u64,
        deliver: Deliver,
    ) -> Result<Self, OpenError> {
        file::create_folder(folder).map_err(|error| unusable(folder, &error))?;
        let lock = lock(folder)?;
        let path = folder.join(FILE);
        let connection = schema::open(&path)?;
        let readers = Readers::open(&path).map_err(|error| open_error(&path, &error))?;
        let last_error = Arc::<LastError>::default();
        let (queue, waiting) = sync_channel(QUEUE);
        let quota = Quota::new(folder, max_bytes);
        let writer = Writer::new(connection, retention, quota, deliver, Arc::clone(&last_error));
        let thread = std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(move || writer.run(&waiting))
            .map_err(|error| unusable(&path, &error))?;
        Ok(Self {
            path,
            queue: Mutex::new(Some(queue)),
            thread: Mutex::new(Some(thread)),
            last_error,
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

/// Sends a change to the writer; returns the number of rooms, messages or restrictions that it changed.
async fn change(queue: Option<&SyncSender<Write>>, change: Change) -> Result<u64, StoreError> {
    let (done, answer) = oneshot::channel();
    let sent = queue.is_some_and(|queue| queue.try_send(Write::Change(change, done)).is_ok());
    if !sent {
        return Err(StoreError::Busy);
    }
    answer
        .await
        .unwrap_or_else(|_| Err(StoreError::Other("the store is closed".to_owned())))
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
                // in small steps, so that messages are written in between
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

    fn last_error(&self) -> Option<StoreError> {
        self.last_error.get()
    }

    fn close(&self) {
        // the writer ends when the last sender is dropped
        drop(self.queue.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            tracing::error!("the thread that writes the history has panicked");
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}
