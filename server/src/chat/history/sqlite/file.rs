//! The history's file before SQLite opens it: whether it is whole, and whether the write-ahead log beside it is its own.
//!
//! SQLite replays whatever log lies beside a file, also one that belongs to the file that was there before. So each
//! start gives the file a number, which is kept in it and in `history.run`: where the two differ, the log is another's.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::{OpenError, open_error, unusable};

/// Name of the history's file in its folder.
pub(super) const FILE: &str = "history.sqlite";

/// Only the owner reads and writes.
pub(super) const PRIVATE: u32 = 0o600;

/// Begin of each SQLite file.
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What the first bytes of the file say.
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
pub(super) fn log_of(path: &Path) -> PathBuf {
    beside(path, "-wal")
}

/// Path with something behind its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Bytes of a file; none when it is not there.
pub(super) fn bytes_of(path: &Path) -> Result<Option<u64>, OpenError> {
    match std::fs::metadata(path) {
        Ok(meta) => Ok(Some(meta.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(unusable(path, &error)),
    }
}

/// Whether there is a file to open, once it is known to be whole and to go with its log.
pub(super) fn examine(path: &Path) -> Result<bool, OpenError> {
    let log = log_of(path);
    let log_bytes = bytes_of(&log)?.unwrap_or_default();
    let stray = |reason| {
        Err(OpenError::StrayLog {
            log: log.clone(),
            reason,
        })
    };
    let bytes = match bytes_of(path)? {
        None if log_bytes == 0 => return Ok(false),
        None => return stray("there is no history.sqlite to it"),
        Some(0) => return Err(OpenError::damaged(path, "it is empty")),
        Some(bytes) => bytes,
    };
    let header = Header::read(path).map_err(|error| unusable(path, &error))?;
    let Some(header) = header else {
        return Err(OpenError::damaged(
            path,
            "it does not begin as an SQLite file does",
        ));
    };
    if log_bytes == 0 {
        let whole = header.pages * header.page_bytes;
        if bytes < whole {
            let reason = format!("it was cut off: {bytes} bytes are left of {whole}");
            return Err(OpenError::damaged(path, &reason));
        }
        return Ok(true);
    }
    if !header.has_log {
        return stray("the history.sqlite beside it was written without one, as a backup is");
    }
    let noted = std::fs::read_to_string(run_file(path)).unwrap_or_default();
    let noted = noted.trim();
    if !noted.is_empty() && run_without_log(path).is_some_and(|run| run != noted) {
        return stray("it belongs to another history.sqlite than the one beside it");
    }
    Ok(true)
}

/// Number of the start that last opened the file, as it stands in the file alone.
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

/// Gives the file the number of this start; its log must be empty.
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
        // what the file says is not known to be on the disk, so nothing is compared with it
        tracing::debug!("the history is being read by another program");
        return match std::fs::remove_file(&file) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(unusable(&file, &error)),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    replace(&file, run.as_bytes()).map_err(|error| unusable(&file, &error))
}

/// Writes a small file so that after a crash it has either its old or its new contents.
fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let part = beside(path, ".part");
    let mut file = private().write(true).create(true).truncate(true).open(&part)?;
    file.write_all(contents)?;
    file.sync_all()?;
    std::fs::rename(&part, path)?;
    sync_folder(path)
}

/// Options of a file that only its owner may use.
pub(super) fn private() -> OpenOptions {
    let mut options = File::options();
    options.mode(PRIVATE);
    options
}

/// Makes the renaming of a file durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Makes the folder, for its owner alone; one that is there stays as it is.
pub(super) fn make_folder(folder: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mode = std::fs::metadata(folder)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::info!(
            mode = format!("{:o}", mode & 0o777),
            "others may look into {}; its files are readable for the server alone",
            folder.display()
        );
    }
    Ok(())
}

/// Takes a file from all but its owner; SQLite gives its log the same permissions.
pub(super) fn make_private(path: &Path) -> io::Result<()> {
    match std::fs::set_permissions(path, Permissions::from_mode(PRIVATE)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Locks the folder until the file that is returned is dropped.
pub(super) fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let file = private()
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
