//! Reads committed messages, rooms and restrictions beside the writer, over a small pool of read-only connections.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use pesan::protocol::{HistoryPage, Message, Person, Quote, RoomKind};
use rusqlite::{Connection, OpenFlags, OptionalExtension, Row, params};

use super::super::{Range, Restriction, RestrictionKind, SavedRoom};

const COLUMNS: &str =
    "m.seq, m.id, m.author_id, m.author_name, m.text, m.at, m.reply_seq, m.reply_author, m.reply_text";

/// Pool of read-only connections. When all are busy, another one is opened.
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Readers {
    /// Most idle connections in the pool.
    const MAX_IDLE: usize = 4;

    pub(super) fn open(path: &Path) -> rusqlite::Result<Self> {
        let readers = Self {
            path: path.to_owned(),
            idle: Mutex::default(),
        };
        let first = readers.acquire()?;
        readers.release(first);
        Ok(readers)
    }

    pub(super) fn page(&self, room: &str, range: Range, limit: u32) -> rusqlite::Result<HistoryPage> {
        let connection = self.acquire()?;
        let page = page(&connection, room, range, limit);
        self.release(connection);
        page
    }

    pub(super) fn rooms(&self) -> rusqlite::Result<Vec<SavedRoom>> {
        let connection = self.acquire()?;
        let rooms = rooms(&connection);
        self.release(connection);
        rooms
    }

    pub(super) fn restrictions(&self) -> rusqlite::Result<Vec<Restriction>> {
        let connection = self.acquire()?;
        let list = restrictions(&connection);
        self.release(connection);
        list
    }

    fn acquire(&self) -> rusqlite::Result<Connection> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        idle.map_or_else(
            || {
                Connection::open_with_flags(
                    &self.path,
                    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
                )
            },
            Ok,
        )
    }

    fn release(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < Self::MAX_IDLE {
            idle.push(connection);
        }
    }
}

fn page(connection: &Connection, room: &str, range: Range, limit: u32) -> rusqlite::Result<HistoryPage> {
    let (condition, order, seq) = match range {
        Range::Newest => ("m.seq < ?2", "DESC", i64::MAX),
        Range::Before(seq) => ("m.seq < ?2", "DESC", int(seq)),
        Range::After(seq) => ("m.seq > ?2", "ASC", int(seq)),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {COLUMNS} FROM message m WHERE m.room = (SELECT num FROM room WHERE id = ?1) AND {condition} \
         ORDER BY m.seq {order} LIMIT ?3"
    ))?;
    let found = statement.query_map(params![room, seq, i64::from(limit) + 1], |row| message(room, row))?;
    let mut messages = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = messages.len() > limit;
    messages.truncate(limit);
    if !matches!(range, Range::After(_)) {
        messages.reverse();
    }
    Ok(HistoryPage { messages, more })
}

fn rooms(connection: &Connection) -> rusqlite::Result<Vec<SavedRoom>> {
    let mut statement = connection.prepare(
        "SELECT id, kind, name, a_id, a_name, b_id, b_name, last_seq FROM room \
                  WHERE id NOT GLOB 'gone.*' ORDER BY num",
    )?;
    let found = statement.query_map([], |row| {
        let member = |column: usize| -> rusqlite::Result<Option<Person>> {
            let id: Option<String> = row.get(column)?;
            let name: Option<String> = row.get(column + 1)?;
            Ok(id.zip(name).map(|(id, name)| Person { id, name }))
        };
        let members = member(3)?.zip(member(5)?);
        Ok(SavedRoom {
            id: row.get(0)?,
            kind: kind_of(row.get(1)?),
            name: row.get(2)?,
            members: members.map(|(a, b)| [a, b]),
            last_seq: uint(row.get(7)?),
            last: None,
        })
    })?;
    let mut rooms = found.collect::<rusqlite::Result<Vec<_>>>()?;
    let mut last = connection.prepare(&format!(
        "SELECT {COLUMNS} FROM message m WHERE m.room = (SELECT num FROM room WHERE id = ?1) ORDER BY m.seq DESC LIMIT 1"
    ))?;
    for room in &mut rooms {
        room.last = last
            .query_row([&room.id], |row| message(&room.id, row))
            .optional()?;
    }
    Ok(rooms)
}

fn restrictions(connection: &Connection) -> rusqlite::Result<Vec<Restriction>> {
    let mut statement = connection.prepare("SELECT kind, subject, until, reason FROM restriction")?;
    let found = statement.query_map([], |row| {
        let (kind, subject): (String, String) = (row.get(0)?, row.get(1)?);
        let until: Option<i64> = row.get(2)?;
        let Some((kind, subject)) = RestrictionKind::from_name(&kind).zip(subject.parse().ok()) else {
            return Ok(None);
        };
        Ok(Some(Restriction {
            kind,
            subject,
            until: until.map(uint),
            reason: row.get(3)?,
        }))
    })?;
    found.filter_map(Result::transpose).collect()
}

fn message(room: &str, row: &Row<'_>) -> rusqlite::Result<Message> {
    let number = |column: usize| row.get(column).map(uint);
    let reply = match row.get::<_, Option<i64>>(6)? {
        Some(seq) => Some(Quote {
            seq: uint(seq),
            author: row.get(7)?,
            text: row.get(8)?,
        }),
        None => None,
    };
    Ok(Message {
        room: room.to_owned(),
        seq: number(0)?,
        id: row.get(1)?,
        author: Person {
            id: row.get(2)?,
            name: row.get(3)?,
        },
        text: row.get(4)?,
        at: number(5)?,
        reply,
    })
}

/// Number that stands for a kind of room in the database.
pub(super) fn number_of(kind: RoomKind) -> u8 {
    match kind {
        RoomKind::Lobby => 0,
        RoomKind::Open => 1,
        RoomKind::Direct => 2,
    }
}

fn kind_of(number: u8) -> RoomKind {
    match number {
        0 => RoomKind::Lobby,
        2 => RoomKind::Direct,
        _ => RoomKind::Open,
    }
}

/// Converts a number for SQLite; saturates at `i64::MAX`, which no order number or time reaches.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// Converts a number from SQLite.
pub(super) fn uint(number: i64) -> u64 {
    number.unsigned_abs()
}
