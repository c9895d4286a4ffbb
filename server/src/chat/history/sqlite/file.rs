//! Files of the history: checks before SQLite opens them, permissions, and the lock of the folder.
//!
//! SQLite replays any write-ahead log beside a database file, also one that belongs to an earlier file of that name.
//! Therefore each start writes a random run id into the database and into `history.run`. If the two differ, the log
//! belongs to another file.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::{OpenError, open_error, unusable};

/// Name of the history's file in its folder.
pub(super) const FILE: &str = "history.sqlite";

/// File mode: only the owner reads and writes.
pub(super) const FILE_MODE: u32 = 0o600;

/// First bytes of each SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// Fields of the SQLite file header.
struct Header {
    page_bytes: u64,
    pages: u64,
    has_log: bool,
}

impl Header {
    fn read(path: &Path) -> io::Result<Option<Self>> {
        let mut bytes = [0; 100];
        match File::open(path)?.read_exact(&mut bytes) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let [b16, b17, b18, ..] = bytes[16..] else {
            return Ok(None);
        };
        let page_bytes = match u16::from_be_bytes([b16, b17]) {
            1 => 65_536,
            bytes => u64::from(bytes),
        };
        let [b28, b29, b30, b31, ..] = bytes[28..] else {
            return Ok(None);
        };
        Ok(bytes.starts_with(MAGIC).then_some(Self {
            page_bytes,
            pages: u64::from(u32::from_be_bytes([b28, b29, b30, b31])),
            has_log: b18 == 2,
        }))
    }
}

/// Path of the write-ahead log of a file.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// Path with a suffix appended to its name.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Size of a file in bytes; `None` if it does not exist.
pub(super) fn file_len(path: &Path) -> Result<Option<u64>, OpenError> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Checks that the file is complete and that the log beside it is its own. Returns whether the file exists.
pub(super) fn check_files(path: &Path) -> Result<bool, OpenError> {
    let log = wal_path(path);
    let log_bytes = file_len(&log)?.unwrap_or_default();
    let stray = |reason| {
        Err(OpenError::StrayLog {
            log: log.clone(),
            reason,
        })
    };
    let bytes = match file_len(path)? {
        None if log_bytes == 0 => return Ok(false),
        None => return stray("there is no history.sqlite"),
        Some(0) => return Err(OpenError::damaged(path, "the file is empty")),
        Some(bytes) => bytes,
    };
    let header = Header::read(path).map_err(|error| unusable(path, &error))?;
    let Some(header) = header else {
        return Err(OpenError::damaged(
            path,
            "the file does not start with an SQLite header",
        ));
    };
    if log_bytes == 0 {
        let whole = header.pages * header.page_bytes;
        if bytes < whole {
            let reason = format!("the file is truncated: it has {bytes} of {whole} bytes");
            return Err(OpenError::damaged(path, &reason));
        }
        return Ok(true);
    }
    if !header.has_log {
        return stray("history.sqlite was written without a write-ahead log, as backups are");
    }
    let noted_run = std::fs::read_to_string(run_file(path)).unwrap_or_default();
    let noted_run = noted_run.trim();
    if !noted_run.is_empty() && run_without_log(path).is_some_and(|run| run != noted_run) {
        return stray("it belongs to another history.sqlite");
    }
    Ok(true)
}

/// Run id of the last start, read from the database file without its log.
fn run_without_log(path: &Path) -> Option<String> {
    let path = path.to_str()?;
    let escaped = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let flags =
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(format!("file:{escaped}?immutable=1"), flags).ok()?;
    connection
        .query_row("SELECT value FROM meta WHERE key = 'run'", [], |row| row.get(0))
        .optional()
        .ok()?
}

fn run_file(path: &Path) -> PathBuf {
    path.with_extension("run")
}

/// Writes a new run id into the database and into `history.run`, after emptying the log.
pub(super) fn note_run(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let number: [u8; 12] = rand::random();
    let run: String = number.iter().map(|byte| format!("{byte:02x}")).collect();
    let write = || -> rusqlite::Result<bool> {
        connection.execute("INSERT OR REPLACE INTO meta VALUES ('run', ?1)", [&run])?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |row| row.get(0))
    };
    let busy = write().map_err(|error| open_error(path, &error))?;
    let file = run_file(path);
    if busy {
        // the log could not be emptied, so the run id in the database file alone may be old: do not compare it
        tracing::debug!("another program is reading the history; its log was not emptied");
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(&file, &error)),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    replace(&file, run.as_bytes()).map_err(|error| unusable(&file, &error))
}

/// Replaces a small file atomically: after a crash it has its old or its new contents.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let temp_path = with_suffix(path, ".part");
    let mut file = private_options()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&temp_path)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&temp_path, path)?;
    sync_parent(path)
}

/// Open options for a file that only its owner may use.
pub(super) fn private_options() -> OpenOptions {
    let mut options = File::options();
    options.mode(FILE_MODE);
    options
}

/// Syncs the parent folder, which makes a rename durable.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Creates the folder for its owner alone; an existing one is not changed.
pub(super) fn create_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mode = std::fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::info!(
            mode = format!("{:o}", mode & 0o777),
            "other users may list {}; the files in it are readable by the server only",
            folder.display()
        );
    }
    Ok(())
}

/// Restricts a file to its owner; SQLite gives its log the same permissions.
pub(super) fn restrict_permissions(path: &Path) -> io::Result<()> {
    match std::fs::set_permissions(path, Permissions::from_mode(FILE_MODE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Locks the folder until the returned file is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let file = private_options()
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
