//! Backup of the history while it is in use, and the way back.
//!
//! `VACUUM INTO` reads in one transaction beside the writer: the copy is of one moment, and is one file without a log.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};

use super::error::{OpenError, open_error};
use super::file::{FILE, beside, examine, lock, log_of, make_folder, make_private, private, sync_folder};
use super::schema;

/// What a backup holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Rooms.
    pub rooms: u64,
    /// Messages.
    pub messages: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Why there is no backup, or nothing was restored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// A file would be overwritten.
    #[error("{0} is there already; name another file, or move it away")]
    Exists(PathBuf),
    /// There is no such file.
    #[error("{0} is not there")]
    Missing(PathBuf),
    /// The file has a write-ahead log beside it, so it is no backup.
    #[error(
        "{0} lies beside the file, so that is a history in use and no backup; make one with `pesan-server admin backup`"
    )]
    InUse(PathBuf),
    /// The history cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// SQLite does not do it.
    #[error("cannot write {path}: {reason}")]
    Sqlite {
        /// File that was to be written.
        path: PathBuf,
        /// What SQLite says.
        reason: rusqlite::Error,
    },
    /// The system does not do it.
    #[error("cannot write {path}: {reason}")]
    Io {
        /// File that was to be written.
        path: PathBuf,
        /// What the system says.
        reason: io::Error,
    },
}

/// Writes the history of a folder, in use or not, to a new file.
///
/// # Errors
/// When the file is there already, or one of the two cannot be used.
pub fn back_up(folder: &Path, to: &Path) -> Result<Contents, BackupError> {
    let from = folder.join(FILE);
    if !from.exists() {
        return Err(BackupError::Missing(from));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let part = beside(to, ".part");
    let written = write_copy(&from, &part).and_then(|contents| {
        // a link fails where a rename would overwrite what came meanwhile
        std::fs::hard_link(&part, to)
            .and_then(|()| std::fs::remove_file(&part))
            .or_else(|error| match error.kind() {
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => std::fs::rename(&part, to),
                _ => Err(error),
            })
            .and_then(|()| sync_folder(to))
            .map_err(io_error(to))?;
        Ok(contents)
    });
    if written.is_err() && part.exists() && std::fs::remove_file(&part).is_err() {
        tracing::warn!("{} is left over and can be removed", part.display());
    }
    written
}

/// Replaces the history of a folder, which no server may be using, by a backup; the old one stays beside it under the
/// name that is returned, if there was one.
///
/// # Errors
/// When the backup is none, is damaged, or the folder is in use.
pub fn restore(from: &Path, folder: &Path) -> Result<(Contents, Option<PathBuf>), BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    if log_of(from).metadata().is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::InUse(log_of(from)));
    }
    let contents = check(from)?;
    make_folder(folder).map_err(io_error(folder))?;
    let _lock = lock(folder)?;
    let to = folder.join(FILE);
    let part = beside(&to, ".restoring");
    copy(from, &part).map_err(io_error(&part))?;
    let mut old = None;
    if to.exists() || log_of(&to).exists() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let aside = folder.join(format!("before-restore-{}.sqlite", now.as_secs()));
        // the log first: a start in between refuses a log without its file, or a file that lacks what was in the log
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (beside(&to, suffix), beside(&aside, suffix));
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&to)(error)),
                Ok(()) | Err(_) => {}
            }
        }
        old = Some(aside);
    }
    std::fs::rename(&part, &to)
        .and_then(|()| sync_folder(&to))
        .map_err(io_error(&to))?;
    Ok((contents, old))
}

fn write_copy(from: &Path, part: &Path) -> Result<Contents, BackupError> {
    let sqlite_error = |reason| BackupError::Sqlite {
        path: part.to_owned(),
        reason,
    };
    // SQLite writes into an empty file, which thereby has the right permissions from the first byte on
    private()
        .write(true)
        .create(true)
        .truncate(true)
        .open(part)
        .map_err(io_error(part))?;
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| open_error(from, &error))?;
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(sqlite_error)?;
    let text = part.to_string_lossy();
    connection
        .execute("VACUUM INTO ?1", [&*text])
        .map_err(sqlite_error)?;
    drop(connection);
    File::open(part)
        .and_then(|file| file.sync_all())
        .map_err(io_error(part))?;
    check(part)
}

/// What a file holds, once it is known to be a whole history.
fn check(path: &Path) -> Result<Contents, BackupError> {
    examine(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| open_error(path, &error))?;
    schema::check(path, &connection)?;
    let count = |table: &str| {
        connection
            .query_row(&format!("SELECT count(*) FROM {table}"), [], |row| {
                row.get::<_, i64>(0)
            })
            .map(i64::unsigned_abs)
            .map_err(|error| open_error(path, &error))
    };
    Ok(Contents {
        rooms: count("room")?,
        messages: count("message")?,
        bytes: path.metadata().map_err(io_error(path))?.len(),
    })
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    let mut target = private().write(true).create(true).truncate(true).open(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()?;
    make_private(to)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |reason| BackupError::Io { path, reason }
}
