//! Why the history's file cannot be opened or written.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::super::StoreError;

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
    pub(super) fn damaged(path: &Path, reason: &str) -> Self {
        Self::Damaged {
            path: path.to_owned(),
            reason: reason.to_owned(),
        }
    }
}

/// Error of the system as a reason not to open the history.
pub(super) fn unusable(path: &Path, error: &std::io::Error) -> OpenError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return OpenError::Full(path.to_owned());
    }
    OpenError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// Error of SQLite as a reason not to open the history.
pub(super) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            OpenError::damaged(path, &error.to_string())
        }
        Some(ErrorCode::DiskFull) => OpenError::Full(path.to_owned()),
        _ => OpenError::Unusable {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

/// Error of SQLite as an error of the store.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt,
        _ => StoreError::Other(error.to_string()),
    }
}
