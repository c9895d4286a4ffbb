//! Backup of the history while the server runs, and restoring it.
//!
//! `VACUUM INTO` reads in one transaction beside the writer. The copy is consistent, and is one file without a log.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OpenFlags};

use super::error::{OpenError, open_error};
use super::file::{
    FILE, check_files, create_folder, lock, private_options, restrict_permissions, sync_parent, wal_path,
    with_suffix,
};
use super::schema;

/// Contents of a backup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// Rooms.
    pub rooms: u64,
    /// Messages.
    pub messages: u64,
    /// Size of the file.
    pub bytes: u64,
}

/// Why a backup or a restore failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// The target file exists.
    #[error("{0} exists; choose another file, or move it away")]
    Exists(PathBuf),
    /// The source file does not exist.
    #[error("{0} does not exist")]
    Missing(PathBuf),
    /// The source has a write-ahead log, so it is a history in use and no backup.
    #[error(
        "there is a write-ahead log {0}, so the file is a history in use and no backup; create a backup with `pesan-server admin backup`"
    )]
    InUse(PathBuf),
    /// The history cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// SQLite failed.
    #[error("cannot write {path}: {reason}")]
    Sqlite {
        /// File that should be written.
        path: PathBuf,
        /// Error of SQLite.
        reason: rusqlite::Error,
    },
    /// A file operation failed.
    #[error("cannot write {path}: {reason}")]
    Io {
        /// File that should be written.
        path: PathBuf,
        /// Error of the system.
        reason: io::Error,
    },
}

/// Writes the history of a folder, in use or not, to a new file.
///
/// # Errors
/// When the target exists, or one of the two files cannot be used.
pub fn back_up(folder: &Path, to: &Path) -> Result<Contents, BackupError> {
    let from = folder.join(FILE);
    if !from.exists() {
        return Err(BackupError::Missing(from));
    }
    if to.exists() {
        return Err(BackupError::Exists(to.to_owned()));
    }
    let temp_path = with_suffix(to, ".part");
    let written = write_copy(&from, &temp_path).and_then(|contents| {
        // unlike a rename, a hard link does not overwrite a file that was created meanwhile
        std::fs::hard_link(&temp_path, to)
            .and_then(|()| std::fs::remove_file(&temp_path))
            .or_else(|error| match error.kind() {
                io::ErrorKind::Unsupported | io::ErrorKind::PermissionDenied => {
                    std::fs::rename(&temp_path, to)
                }
                _ => Err(error),
            })
            .and_then(|()| sync_parent(to))
            .map_err(io_error(to))?;
        Ok(contents)
    });
    if written.is_err() && temp_path.exists() && std::fs::remove_file(&temp_path).is_err() {
        tracing::warn!(
            "cannot remove the incomplete file {}; remove it by hand",
            temp_path.display()
        );
    }
    written
}

/// Replaces the history of a folder by a backup; no server may be using the folder. Returns the new path of the
/// replaced history, if there was one.
///
/// # Errors
/// When the backup is invalid, or the folder is in use.
pub fn restore(from: &Path, folder: &Path) -> Result<(Contents, Option<PathBuf>), BackupError> {
    if !from.exists() {
        return Err(BackupError::Missing(from.to_owned()));
    }
    if wal_path(from).metadata().is_ok_and(|log| log.len() > 0) {
        return Err(BackupError::InUse(wal_path(from)));
    }
    let contents = check(from)?;
    create_folder(folder).map_err(io_error(folder))?;
    let _lock = lock(folder)?;
    let to = folder.join(FILE);
    let temp_path = with_suffix(&to, ".restoring");
    copy(from, &temp_path).map_err(io_error(&temp_path))?;
    let mut old = None;
    if to.exists() || wal_path(&to).exists() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let old_path = folder.join(format!("before-restore-{}.sqlite", now.as_secs()));
        // the log first: after a crash in between, the next start refuses a file without its log
        for suffix in ["-wal", "-shm", ""] {
            let (from, to) = (with_suffix(&to, suffix), with_suffix(&old_path, suffix));
            match std::fs::rename(&from, &to) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error(&to)(error)),
                Ok(()) | Err(_) => {}
            }
        }
        old = Some(old_path);
    }
    std::fs::rename(&temp_path, &to)
        .and_then(|()| sync_parent(&to))
        .map_err(io_error(&to))?;
    Ok((contents, old))
}

fn write_copy(from: &Path, temp_path: &Path) -> Result<Contents, BackupError> {
    let sqlite_error = |reason| BackupError::Sqlite {
        path: temp_path.to_owned(),
        reason,
    };
    // SQLite writes into this empty file, so that the permissions are right from the first byte
    private_options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(temp_path)
        .map_err(io_error(temp_path))?;
    let connection = Connection::open_with_flags(from, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .map_err(|error| open_error(from, &error))?;
    connection
        .busy_timeout(Duration::from_secs(10))
        .map_err(sqlite_error)?;
    let text = temp_path.to_string_lossy();
    connection
        .execute("VACUUM INTO ?1", [&*text])
        .map_err(sqlite_error)?;
    drop(connection);
    File::open(temp_path)
        .and_then(|file| file.sync_all())
        .map_err(io_error(temp_path))?;
    check(temp_path)
}

/// Checks that a file is a complete history, and counts its contents.
fn check(path: &Path) -> Result<Contents, BackupError> {
    check_files(path)?;
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
    let mut target = private_options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(to)?;
    io::copy(&mut File::open(from)?, &mut target)?;
    target.sync_all()?;
    restrict_permissions(to)
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.to_owned();
    move |reason| BackupError::Io { path, reason }
}
