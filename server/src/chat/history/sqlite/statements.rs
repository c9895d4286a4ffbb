//! SQL statements of the writer: inserting messages, changing rooms and restrictions, removing old messages.

use std::collections::HashMap;

use pesan::protocol::{Message, Quote, Sent};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::super::{
    Draft, Restriction, RestrictionKind, Retention, SavedRoom, StoreError, Stored, Subject, excerpt, now,
};
use super::error::store_error;
use super::reader::{int, number_of, uint};

/// Most messages that one transaction removes, because they are old or their room was removed.
const TRIM_AT_ONCE: u32 = 500;
/// Most messages of a person that one transaction deletes.
const ERASE_AT_ONCE: u32 = 500;

/// Change of a room, of restrictions, or of messages that are stored.
pub(super) enum Change {
    Save(Box<SavedRoom>),
    Remove {
        room: String,
        only_empty: bool,
    },
    Merge {
        from: String,
        into: String,
    },
    DeleteMessage {
        room: String,
        seq: u64,
    },
    /// Deletes some messages of a person; repeated until none is left.
    ErasePerson(String),
    Restrict(Restriction),
    Lift(RestrictionKind, Subject),
}

/// Primary key and newest order number of a room in the database.
#[derive(Debug, Clone, Copy)]
pub(super) struct RoomRow {
    num: i64,
    last_seq: u64,
}

/// Whether a failed insert concerns one message or the whole transaction.
pub(super) enum Failed {
    One(StoreError),
    Whole(StoreError),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Whole(store_error(&error))
    }
}

/// Inserts a message under the next number of its room.
pub(super) fn insert(
    transaction: &Transaction<'_>,
    rooms_cache: &HashMap<String, RoomRow>,
    changed_rooms: &mut HashMap<String, RoomRow>,
    draft: Draft,
) -> Result<Stored, Failed> {
    let known = changed_rooms
        .get(&draft.room)
        .or_else(|| rooms_cache.get(&draft.room))
        .copied();
    let row = match known {
        Some(row) => row,
        None => find_room(transaction, &draft.room)?.ok_or(Failed::One(StoreError::RoomUnknown))?,
    };
    let seq = row.last_seq + 1;
    let reply = match draft.reply_to {
        Some(reply_to) => quote(transaction, row.num, reply_to)?,
        None => None,
    };
    let at = now();
    let (reply_seq, reply_author, reply_text) = match &reply {
        Some(quote) => (Some(int(quote.seq)), Some(&quote.author), Some(&quote.text)),
        None => (None, None, None),
    };
    let written = transaction
        .prepare_cached(
            "INSERT INTO message (room, seq, id, author_id, author_name, text, at, reply_seq, reply_author, reply_text) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            row.num,
            int(seq),
            draft.id,
            draft.author.id,
            draft.author.name,
            draft.text,
            int(at),
            reply_seq,
            reply_author,
            reply_text
        ])?;
    if written == 0 {
        return find_duplicate(transaction, row.num, &draft);
    }
    changed_rooms.insert(draft.room.clone(), RoomRow { last_seq: seq, ..row });
    Ok(Stored::New(Message {
        room: draft.room,
        seq,
        id: draft.id,
        author: draft.author,
        text: draft.text,
        at,
        reply,
    }))
}

/// Result for a message whose id is stored already: a duplicate, or an id that someone else has used.
fn find_duplicate(transaction: &Transaction<'_>, room: i64, draft: &Draft) -> Result<Stored, Failed> {
    let (num, seq, author, at) = transaction
        .prepare_cached("SELECT room, seq, author_id, at FROM message WHERE id = ?1")?
        .query_row([&draft.id], |row| {
            Ok((
                row.get::<_, i64>(0)?,
                uint(row.get(1)?),
                row.get::<_, String>(2)?,
                uint(row.get(3)?),
            ))
        })?;
    if num == room && author == draft.author.id {
        Ok(Stored::Duplicate(Sent { seq, at }))
    } else {
        Err(Failed::One(StoreError::IdUsed))
    }
}

/// Last known correct time: that of the newest message, or the time that was noted later.
pub(super) fn last_known_time(connection: &Connection) -> rusqlite::Result<Option<u64>> {
    let last_known_time: Option<i64> = connection.query_row(
        "SELECT max((SELECT at FROM message WHERE message.room = room.num ORDER BY seq DESC LIMIT 1)) FROM room",
        [],
        |row| row.get(0),
    )?;
    let noted: Option<String> = connection
        .query_row("SELECT value FROM meta WHERE key = 'clock'", [], |row| row.get(0))
        .optional()?;
    let noted = noted.and_then(|time| time.parse().ok());
    Ok(last_known_time.map(uint).max(noted))
}

fn find_room(transaction: &Transaction<'_>, room: &str) -> rusqlite::Result<Option<RoomRow>> {
    transaction
        .prepare_cached("SELECT num, last_seq FROM room WHERE id = ?1")?
        .query_row([room], |row| {
            Ok(RoomRow {
                num: row.get(0)?,
                last_seq: uint(row.get(1)?),
            })
        })
        .optional()
}

fn quote(transaction: &Transaction<'_>, room: i64, seq: u64) -> rusqlite::Result<Option<Quote>> {
    let number = int(seq);
    transaction
        .prepare_cached("SELECT author_name, text FROM message WHERE room = ?1 AND seq = ?2 AND text <> ''")?
        .query_row(params![room, number], |row| {
            Ok(Quote {
                seq,
                author: row.get(0)?,
                text: excerpt(&row.get::<_, String>(1)?),
            })
        })
        .optional()
}

/// Applies a change; returns the number of rooms, messages or restrictions that it changed.
pub(super) fn apply(
    transaction: &Transaction<'_>,
    rooms_cache: &mut HashMap<String, RoomRow>,
    changed_rooms: &mut HashMap<String, RoomRow>,
    change: Change,
) -> rusqlite::Result<u64> {
    match change {
        Change::Save(room) => save_room(transaction, &room).map(|()| 1),
        Change::Remove { room, only_empty } => {
            let hidden = unlist_room(transaction, &room, only_empty)?;
            if hidden {
                rooms_cache.remove(&room);
                changed_rooms.remove(&room);
            }
            Ok(u64::from(hidden))
        }
        Change::Merge { from, into } => {
            let row = |room: &String| {
                let known = changed_rooms.get(room).copied();
                known.map_or_else(|| find_room(transaction, room), |row| Ok(Some(row)))
            };
            let (Some(source), Some(target)) = (row(&from)?, row(&into)?) else {
                return Ok(0);
            };
            let last_seq = move_messages(transaction, source.num, target)?;
            changed_rooms.insert(into, RoomRow { last_seq, ..target });
            changed_rooms.remove(&from);
            rooms_cache.remove(&from);
            unlist_room(transaction, &from, false).map(u64::from)
        }
        Change::DeleteMessage { room, seq } => match find_room(transaction, &room)? {
            Some(row) => delete_message(transaction, row.num, int(seq)),
            None => Ok(0),
        },
        Change::ErasePerson(person) => {
            let found: Vec<(i64, i64)> = transaction
                .prepare_cached(
                    "SELECT room, seq FROM message WHERE author_id = ?1 AND author_id <> '' LIMIT ?2",
                )?
                .query_map(params![person, ERASE_AT_ONCE], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?
                .collect::<rusqlite::Result<_>>()?;
            let mut erased = 0;
            for (room, seq) in found {
                erased += delete_message(transaction, room, seq)?;
            }
            Ok(erased)
        }
        Change::Restrict(restriction) => {
            transaction
                .prepare_cached("INSERT OR REPLACE INTO restriction (kind, subject, until, reason) VALUES (?1, ?2, ?3, ?4)")?
                .execute(params![
                    restriction.kind.name(),
                    restriction.subject.to_string(),
                    restriction.until.map(int),
                    restriction.reason,
                ])?;
            Ok(1)
        }
        Change::Lift(kind, subject) => {
            let lifted = transaction
                .prepare_cached("DELETE FROM restriction WHERE kind = ?1 AND subject = ?2")?
                .execute(params![kind.name(), subject.to_string()])?;
            Ok(u64::try_from(lifted).unwrap_or(u64::MAX))
        }
    }
}

/// Removes text and author of a message, also from quotes of it; returns 1 if the message existed.
fn delete_message(transaction: &Transaction<'_>, room: i64, seq: i64) -> rusqlite::Result<u64> {
    let deleted = transaction
        .prepare_cached(
            "UPDATE message SET author_id = '', author_name = '', text = '', reply_seq = NULL, reply_author = NULL, \
             reply_text = NULL WHERE room = ?1 AND seq = ?2 AND text <> ''",
        )?
        .execute([room, seq])?;
    transaction
        .prepare_cached(
            "UPDATE message SET reply_author = '', reply_text = '' WHERE room = ?1 AND reply_seq = ?2",
        )?
        .execute([room, seq])?;
    Ok(u64::try_from(deleted).unwrap_or(u64::MAX))
}

/// Renames a removed room to `gone.<num>`; [`purge`] removes its messages in small steps.
fn unlist_room(transaction: &Transaction<'_>, room: &str, only_empty: bool) -> rusqlite::Result<bool> {
    let hidden = transaction
        .prepare_cached(
            "UPDATE room SET id = 'gone.' || num WHERE id = ?1 AND NOT (?2 AND (last_seq > 0 \
             OR EXISTS (SELECT 1 FROM message WHERE message.room = room.num)))",
        )?
        .execute(params![room, only_empty])?;
    Ok(hidden > 0)
}

/// Appends all messages of a room to another one; returns the newest order number there.
fn move_messages(transaction: &Transaction<'_>, from: i64, into: RoomRow) -> rusqlite::Result<u64> {
    let first: Option<i64> = transaction
        .prepare_cached("SELECT min(seq) FROM message WHERE room = ?1")?
        .query_row([from], |row| row.get(0))?;
    let Some(first) = first else {
        return Ok(into.last_seq);
    };
    let offset = int(into.last_seq) + 1 - first;
    transaction
        .prepare_cached(
            "UPDATE message SET room = ?2, seq = seq + ?3, reply_seq = reply_seq + ?3 WHERE room = ?1",
        )?
        .execute(params![from, into.num, offset])?;
    let last: i64 = transaction
        .prepare_cached("SELECT max(seq) FROM message WHERE room = ?1")?
        .query_row([into.num], |row| row.get(0))?;
    Ok(uint(last))
}

/// Removes some messages of a removed room, and finally the room; returns whether there may be more.
pub(super) fn purge(connection: &mut Connection) -> rusqlite::Result<bool> {
    let transaction = connection.transaction()?;
    let gone: Option<i64> = transaction
        .prepare_cached("SELECT num FROM room WHERE id GLOB 'gone.*' LIMIT 1")?
        .query_row([], |row| row.get(0))
        .optional()?;
    let Some(num) = gone else { return Ok(false) };
    let removed = transaction
        .prepare_cached(
            "DELETE FROM message WHERE room = ?1 \
             AND seq IN (SELECT seq FROM message WHERE room = ?1 ORDER BY seq LIMIT ?2)",
        )?
        .execute(params![num, TRIM_AT_ONCE])?;
    if removed < usize::try_from(TRIM_AT_ONCE).unwrap_or(usize::MAX) {
        transaction
            .prepare_cached("DELETE FROM room WHERE num = ?1")?
            .execute([num])?;
    }
    transaction.commit()?;
    Ok(true)
}

fn save_room(transaction: &Transaction<'_>, room: &SavedRoom) -> rusqlite::Result<()> {
    let [a, b] = match &room.members {
        Some([a, b]) => [Some(a), Some(b)],
        None => [None, None],
    };
    transaction
        .prepare_cached(
            "INSERT INTO room (id, kind, name, a_id, a_name, b_id, b_name) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
             ON CONFLICT (id) DO UPDATE SET name = ?3, a_name = ?5, b_name = ?7",
        )?
        .execute(params![
            room.id,
            number_of(room.kind),
            room.name,
            a.map(|person| &person.id),
            a.map(|person| &person.name),
            b.map(|person| &person.id),
            b.map(|person| &person.name),
        ])?;
    Ok(())
}

/// Stores the newest order numbers of the changed rooms, and commits.
pub(super) fn finish(
    transaction: Transaction<'_>,
    changed_rooms: &HashMap<String, RoomRow>,
) -> rusqlite::Result<()> {
    for row in changed_rooms.values() {
        transaction
            .prepare_cached("UPDATE room SET last_seq = ?2 WHERE num = ?1")?
            .execute(params![row.num, int(row.last_seq)])?;
    }
    transaction.commit()
}

/// Removes some messages that are too old or too many; returns whether there may be more. `after` is the key of the
/// room after which the next step continues.
pub(super) fn trim(
    connection: &mut Connection,
    retention: Retention,
    now: u64,
    after: &mut i64,
) -> rusqlite::Result<bool> {
    let before = retention
        .days
        .map_or(0, |days| now.saturating_sub(u64::from(days) * 86_400_000));
    let keep = retention.messages.map_or(i64::MAX, int);
    let transaction = connection.transaction()?;
    let rooms = transaction
        .prepare_cached("SELECT num, last_seq FROM room WHERE num > ?1 ORDER BY num")?
        .query_map([*after], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let mut left = TRIM_AT_ONCE;
    for (num, last_seq) in rooms {
        let max_seq = last_seq.saturating_sub(keep);
        // usually nothing is due, which one look at the oldest message shows
        let is_due = transaction
            .prepare_cached("SELECT seq <= ?2 OR at < ?3 FROM message WHERE room = ?1 ORDER BY seq LIMIT 1")?
            .query_row(params![num, max_seq, int(before)], |row| row.get(0))
            .optional()?;
        if is_due != Some(true) {
            continue;
        }
        let removed = transaction
            .prepare_cached(
                "DELETE FROM message WHERE room = ?1 AND (seq <= ?2 OR at < ?3) \
                 AND seq IN (SELECT seq FROM message WHERE room = ?1 ORDER BY seq LIMIT ?4)",
            )?
            .execute(params![num, max_seq, int(before), left])?;
        left = left.saturating_sub(u32::try_from(removed).unwrap_or(u32::MAX));
        if left == 0 {
            *after = num - 1;
            transaction.commit()?;
            return Ok(true);
        }
    }
    *after = 0;
    transaction.commit()?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::schema;
    use super::*;

    #[test]
    fn trim_step_with_many_rooms_removes_a_bounded_number_of_messages() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut connection = schema::open(&folder.path().join("history.sqlite")).expect("a good folder");
        connection
            .execute_batch(
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 10) \
                 INSERT INTO room (num, id, kind, name, last_seq) SELECT n, 'r' || n, 1, '', 400 FROM r; \
                 WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < 400) \
                 INSERT INTO message (room, seq, id, author_id, author_name, text, at) \
                 SELECT room.num, s.n, room.id || '-' || s.n, '', '', '', 0 FROM room, s;",
            )
            .expect("good tables");
        let retention = Retention {
            days: None,
            messages: Some(100),
        };
        let count = |connection: &Connection| {
            connection
                .query_row("SELECT count(*) FROM message", [], |row| row.get::<_, u32>(0))
                .expect("a number")
        };
        let (mut after, mut steps) = (0, vec![count(&connection)]);
        while trim(&mut connection, retention, 0, &mut after).expect("works") {
            steps.push(count(&connection));
        }
        assert_eq!(steps, [4000, 3500, 3000, 2500, 2000, 1500, 1000]);
    }
}
