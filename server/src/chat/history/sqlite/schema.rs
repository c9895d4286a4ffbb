//! Tables of the history: creating, checking and migrating a file.

use std::path::Path;

use rusqlite::{Connection, OpenFlags};

use super::error::{OpenError, open_error, unusable};
use super::file;

/// Version of the tables below, kept in the file as `user_version`.
pub(super) const VERSION: u32 = 3;

/// `application_id` of a history file: "pesn".
const APPLICATION: u32 = 0x7065_736e;

/// Larger files are not checked completely at the start, so that the start stays fast.
const MAX_CHECKED_BYTES: u64 = 256 << 20;

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
CREATE INDEX message_author ON message(author_id) WHERE author_id <> '';
CREATE INDEX message_reply ON message(room, reply_seq) WHERE reply_seq IS NOT NULL;
CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE restriction (
    kind TEXT NOT NULL,
    subject TEXT NOT NULL,
    until INTEGER,
    reason TEXT NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
";

/// Statements that migrate version 1 to 2, version 2 to 3, and so on.
const MIGRATIONS: [&str; 2] = [
    // 2: what the server notes about the file itself
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;",
    // 3: bans and mutes; the messages of a person, and those that quote a message
    "CREATE TABLE restriction (kind TEXT NOT NULL, subject TEXT NOT NULL, until INTEGER, reason TEXT NOT NULL, \
     PRIMARY KEY (kind, subject)) STRICT, WITHOUT ROWID; \
     CREATE INDEX message_author ON message(author_id) WHERE author_id <> ''; \
     CREATE INDEX message_reply ON message(room, reply_seq) WHERE reply_seq IS NOT NULL;",
];

/// Opens the file for writing after checking it; creates it if it does not exist.
pub(super) fn open(path: &Path) -> Result<Connection, OpenError> {
    let failed = |error: &rusqlite::Error| open_error(path, error);
    if !file::check_files(path)? {
        create(path)?;
        tracing::info!("created a new history in {}", path.display());
    }
    file::restrict_permissions(path).map_err(|error| unusable(path, &error))?;
    let mut connection = connect(path).map_err(|error| failed(&error))?;
    // checked before anything is changed: the file may belong to another program
    let version = check(path, &connection)?;
    prepare(&connection).map_err(|error| failed(&error))?;
    if version < VERSION {
        migrate(path, &mut connection, version)?;
    }
    file::note_run(path, &connection)?;
    Ok(connection)
}

/// Checks that a file is a complete history of a supported version, and returns the version.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<u32, OpenError> {
    let failed = |error: &rusqlite::Error| open_error(path, error);
    let version = match version(connection).map_err(|error| failed(&error))? {
        Found::Nothing => return Err(OpenError::damaged(path, "the file has no tables")),
        Found::Foreign => return Err(OpenError::damaged(path, "the file belongs to another program")),
        Found::Pesan(0) => return Err(OpenError::damaged(path, "the file has no version")),
        Found::Pesan(version) if version > VERSION => {
            return Err(OpenError::Newer {
                path: path.to_owned(),
                found: version,
                known: VERSION,
            });
        }
        Found::Pesan(version) => version,
    };
    let tables: u32 = connection
        .query_row(
            "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('room', 'message')",
            [],
            |row| row.get(0),
        )
        .map_err(|error| failed(&error))?;
    if tables < 2 {
        return Err(OpenError::damaged(path, "tables are missing"));
    }
    if std::fs::metadata(path).map_or(0, |meta| meta.len()) > MAX_CHECKED_BYTES {
        tracing::info!(
            "{} is larger than 256 MiB and was not checked completely",
            path.display()
        );
        return Ok(version);
    }
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| failed(&error))?;
    if verdict != "ok" {
        return Err(OpenError::damaged(path, &verdict));
    }
    Ok(version)
}

/// Migrates a file to the current version in one transaction, after copying it to `<file>.version-<n>`.
fn migrate(path: &Path, connection: &mut Connection, version: u32) -> Result<(), OpenError> {
    let failed = |error: &rusqlite::Error| open_error(path, error);
    let copy = file::with_suffix(path, &format!(".version-{version}"));
    if !copy.exists() {
        // SQLite writes into this empty file, which has the right permissions
        file::private_options()
            .write(true)
            .create_new(true)
            .open(&copy)
            .map_err(|error| unusable(&copy, &error))?;
        let copied = connection.execute("VACUUM INTO ?1", [&*copy.to_string_lossy()]);
        if let Err(error) = copied {
            if let Err(error) = std::fs::remove_file(&copy) {
                tracing::warn!(%error, "cannot remove the incomplete file {}; remove it by hand", copy.display());
            }
            return Err(open_error(&copy, &error));
        }
    }
    let mut apply = || -> rusqlite::Result<()> {
        let transaction = connection.transaction()?;
        let done = usize::try_from(version.saturating_sub(1)).unwrap_or(usize::MAX);
        for migration in MIGRATIONS.iter().skip(done) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()
    };
    apply().map_err(|error| failed(&error))?;
    tracing::info!(
        from = version,
        to = VERSION,
        "migrated the history; {} is a copy of the old version",
        copy.display()
    );
    Ok(())
}

enum Found {
    Nothing,
    Foreign,
    Pesan(u32),
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
    // an empty write transaction detects a read-only file now and not with the first message
    connection.execute_batch("BEGIN IMMEDIATE; COMMIT")
}

fn version(connection: &Connection) -> rusqlite::Result<Found> {
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0));
    let tables: u32 = connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(match (pragma("application_id")?, tables) {
        (APPLICATION, _) => Found::Pesan(pragma("user_version")?),
        (0, 0) => Found::Nothing,
        _ => Found::Foreign,
    })
}

/// Creates the file under a temporary name first, so that an incomplete file is never opened as a history.
fn create(path: &Path) -> Result<(), OpenError> {
    let temp_path = file::with_suffix(path, ".new");
    for left in [temp_path.clone(), file::with_suffix(&temp_path, "-journal")] {
        match std::fs::remove_file(&left) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(unusable(&left, &error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    file::private_options()
        .write(true)
        .create_new(true)
        .open(&temp_path)
        .map_err(|error| unusable(&temp_path, &error))?;
    let write = || -> rusqlite::Result<()> {
        let mut connection = connect(&temp_path)?;
        let transaction = connection.transaction()?;
        transaction.execute_batch(TABLES)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", VERSION)?;
        transaction.commit()?;
        connection.close().map_err(|(_, error)| error)
    };
    write().map_err(|error| open_error(&temp_path, &error))?;
    std::fs::rename(&temp_path, path)
        .and_then(|()| file::sync_parent(path))
        .map_err(|error| unusable(path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schema_version_has_a_migration_from_each_earlier_one() {
        assert_eq!(MIGRATIONS.len() + 1, VERSION as usize);
    }

    #[test]
    fn migrated_file_has_the_tables_of_a_new_one() {
        let folder = tempfile::tempdir().expect("a folder");
        let tables = |connection: &Connection| {
            let mut statement = connection
                .prepare(
                    "SELECT sqlite_schema.name, coalesce(group_concat(column.name || column.type), 'index') FROM sqlite_schema \
                          LEFT JOIN pragma_table_xinfo(sqlite_schema.name) AS column GROUP BY 1 ORDER BY 1",
                )
                .expect("good SQL");
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
            rows.expect("readable")
                .collect::<rusqlite::Result<Vec<(String, String)>>>()
                .expect("text")
        };
        let new = open(&folder.path().join("new.sqlite")).expect("a good folder");
        let old = folder.path().join("old.sqlite");
        std::fs::write(
            &old,
            include_bytes!("../../../../tests/fixtures/history-v1.sqlite"),
        )
        .expect("writable");
        let migrated = open(&old).expect("version 1 is known");
        assert_eq!(tables(&migrated), tables(&new));
        assert!(folder.path().join("old.sqlite.version-1").exists());
    }
}
