//! Errors of the SQLite store: when opening the file ([`OpenError`]), and when reading or writing it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;

use super::super::StoreError;

/// Why a history cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder or a file in it cannot be created, read or written.
    #[error("cannot use {path}: {reason}; make it writable, or choose another folder with --data")]
    Unusable {
        /// Folder or file.
        path: PathBuf,
        /// Error of the system.
        reason: String,
    },
    /// The disk is full.
    #[error(
        "cannot write {0}: the disk is full; free some space, or choose a folder on another disk with --data"
    )]
    Full(PathBuf),
    /// Another process is using the folder.
    #[error("another pesan-server is using {0}; stop it, or choose another folder with --data")]
    InUse(PathBuf),
    /// The file is damaged, or is no history.
    #[error(
        "{path} is damaged or not a history of pesan: {reason}; restore a backup with `pesan-server admin restore`, or move \
         it away to start with an empty history"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The write-ahead log belongs to another file; SQLite would apply it to this one.
    #[error(
        "{log} does not belong to this history: {reason}; if history.sqlite was copied there by hand, move {log} away and start \
         again; `pesan-server admin restore` does both"
    )]
    StrayLog {
        /// The log.
        log: PathBuf,
        /// How the check found out.
        reason: &'static str,
    },
    /// Written by a newer version.
    #[error(
        "{path} has version {found}; this pesan-server supports versions up to {known}; use a newer pesan-server"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Version in the file.
        found: u32,
        /// Newest supported version.
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

/// [`OpenError`] for an I/O error.
pub(super) fn unusable(path: &Path, error: &std::io::Error) -> OpenError {
    if matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded) {
        return OpenError::Full(path.to_owned());
    }
    OpenError::Unusable {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

/// [`OpenError`] for an error of SQLite.
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

/// [`StoreError`] for an error of SQLite.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::ReadOnly) => StoreError::ReadOnly,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt,
        _ => StoreError::Other(error.to_string()),
    }
}
