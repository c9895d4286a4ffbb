//! Tables of the history, and whether a file has them.

use std::path::Path;

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::OpenError;

/// Version of the tables below, kept in the file as `user_version`.
pub(super) const VERSION: u32 = 1;

/// Marks the file as ours: "pesn".
const APPLICATION: u32 = 0x7065_736e;

/// Larger files are not checked whole at the start, so that it stays quick.
const CHECKED_BYTES: u64 = 256 << 20;

const TABLES: &str = "
CREATE TABLE room (
    num INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    a_id TEXT, a_name TEXT,
    b_id TEXT, b_name TEXT,
    last_seq INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE message (
    room INTEGER NOT NULL REFERENCES room(num),
    seq INTEGER NOT NULL,
    id TEXT NOT NULL,
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    text TEXT NOT NULL,
    at INTEGER NOT NULL,
    reply_seq INTEGER, reply_author TEXT, reply_text TEXT,
    PRIMARY KEY (room, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX message_id ON message(id);
";

/// Opens the file for writing, after making sure that it is ours and whole.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let checked = std::fs::metadata(path).map_or(0, |meta| meta.len()) <= CHECKED_BYTES;
    let mut connection = connect(path).map_err(|error| open_error(path, &error))?;
    // looked at before anything is changed in what may be another program's file
    let found = version(&connection).map_err(|error| open_error(path, &error))?;
    match found {
        Found::Nothing => {}
        Found::Foreign => return Err(damaged(path, "it belongs to another program")),
        Found::Ours(VERSION) => {}
        Found::Ours(0) => return Err(damaged(path, "it has no version")),
        Found::Ours(found) => {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found,
                known: VERSION,
            });
        }
    }
    prepare(&connection).map_err(|error| open_error(path, &error))?;
    if matches!(found, Found::Nothing) {
        create(&mut connection).map_err(|error| open_error(path, &error))?;
    } else if checked {
        let verdict: String = connection
            .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
            .map_err(|error| open_error(path, &error))?;
        if verdict != "ok" {
            return Err(damaged(path, &verdict));
        }
    } else {
        tracing::info!("the history is large and was not checked");
    }
    Ok(connection)
}

enum Found {
    Nothing,
    Foreign,
    Ours(u32),
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )
}

fn prepare(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "journal_size_limit", 16 << 20)?;
    connection.set_prepared_statement_cache_capacity(32);
    // a write at once shows a read-only file now, and not with the first message
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")
}

fn version(connection: &Connection) -> rusqlite::Result<Found> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (pragma("application_id")?, tables) {
        (APPLICATION, _) => Found::Ours(pragma("user_version")?),
        (0, 0) => Found::Nothing,
        _ => Found::Foreign,
    })
}

fn create(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

pub(super) fn open_error(path: &Path, error: &rusqlite::Error) -> OpenError {
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => damaged(path, &error.to_string()),
        Some(ErrorCode::DiskFull) => OpenError::Full(path.to_owned()),
        _ => OpenError::Unusable {
            path: path.to_owned(),
            reason: error.to_string(),
        },
    }
}

fn damaged(path: &Path, reason: &str) -> OpenError {
    OpenError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}
