//! The history as the chat uses it: all stores keep the same promises.

#[path = "shared/redis_server.rs"]
mod redis_server;

use std::any::Any;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pesan::protocol::{HistoryPage, LOBBY, Message, Person, RoomKind, Sent};
use pesan_server::chat::history::{
    Committed, Deliver, Draft, History, Memory, OpenError, Range, Redis, RedisClient, RedisError,
    Restriction, RestrictionKind, Retention, SavedRoom, Sqlite, StoreError, StoreEvent, Stored,
};
use redis_server::RedisServer;
use tokio::sync::oneshot;

type Delivered = Arc<Mutex<Vec<Message>>>;

/// Tells the completion, and remembers what is new in the order in which it came.
fn delivery() -> (Deliver, Delivered) {
    let delivered = Delivered::default();
    let kept = Arc::clone(&delivered);
    let deliver = Box::new(move |batch: Vec<Committed>| {
        for Committed { outcome, completion } in batch {
            let answer = outcome.map(|stored| match stored {
                Stored::New(message) => {
                    let sent = Sent {
                        seq: message.seq,
                        at: message.at,
                    };
                    kept.lock().unwrap().push(message);
                    sent
                }
                Stored::Duplicate(sent) => sent,
            });
            if let Some(completion) = completion {
                completion(answer);
            }
        }
    });
    (deliver, delivered)
}

fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: id.to_uppercase(),
    }
}

fn room(id: &str, kind: RoomKind) -> SavedRoom {
    SavedRoom {
        id: id.to_owned(),
        name: id.to_owned(),
        kind,
        members: (kind == RoomKind::Direct).then(|| [person("ana"), person("bob")]),
        last_seq: 0,
        last: None,
    }
}

fn draft(room: &str, id: &str, author: &str, text: &str) -> Draft {
    Draft {
        room: room.to_owned(),
        id: id.to_owned(),
        author: person(author),
        text: text.to_owned(),
        reply_to: None,
        urgent: true,
        completion: None,
    }
}

async fn add(history: &dyn History, mut draft: Draft) -> Result<Sent, StoreError> {
    let (done, answer) = oneshot::channel();
    draft.completion = Some(Box::new(move |outcome| {
        done.send(outcome).expect("someone waits");
    }));
    history.add(draft).expect("there is space");
    answer.await.expect("every message is committed")
}

fn texts(page: &HistoryPage) -> Vec<&str> {
    page.messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

async fn open(folder: &Path) -> (Sqlite, Delivered) {
    let (deliver, delivered) = delivery();
    let history = Sqlite::open(folder, Retention::default(), u64::MAX, deliver).expect("a good folder");
    history
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    (history, delivered)
}

type Heard = Arc<Mutex<Vec<StoreEvent>>>;

async fn redis(server: &RedisServer, retention: Retention) -> (Redis, Delivered, Heard) {
    let (deliver, delivered) = delivery();
    let heard = Heard::default();
    let kept = Arc::clone(&heard);
    let notify = Box::new(move |news| kept.lock().unwrap().push(news));
    let link = RedisClient::new(&server.url(), "test").expect("an address");
    let history = Redis::open(link, retention, deliver, notify)
        .await
        .expect("redis runs");
    history
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    (history, delivered, heard)
}

/// Waits for what comes from elsewhere.
async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(tokio::time::Instant::now() < deadline, "{what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Each store, what it delivers, and what has to live as long as it.
async fn all() -> Vec<(Box<dyn History>, Delivered, Box<dyn Any>)> {
    let folder = tempfile::tempdir().expect("a folder");
    let (sqlite, delivered) = open(folder.path()).await;
    let (deliver, in_memory) = delivery();
    let memory = Memory::new(1000, usize::MAX, deliver);
    memory
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    let server = RedisServer::start();
    let (redis, elsewhere, _) = redis(&server, Retention::default()).await;
    vec![
        (Box::new(sqlite), delivered, Box::new(folder)),
        (Box::new(memory), in_memory, Box::new(())),
        (Box::new(redis), elsewhere, Box::new(server)),
    ]
}

#[tokio::test]
async fn room_removed_is_removed_with_its_messages() {
    for (history, _, _alive) in all().await {
        for id in ["full", "empty"] {
            let made = history.create_room(room(id, RoomKind::Open), id).await;
            assert_eq!(made.as_deref(), Ok(id), "{history:?}");
        }
        add(&*history, draft("full", "message-1", "ana", "halo"))
            .await
            .expect("stored");
        assert_eq!(
            history.remove_room("full", "full", true).await,
            Ok(false),
            "{history:?}"
        );
        assert_eq!(
            history.remove_room("empty", "empty", true).await,
            Ok(true),
            "{history:?}"
        );
        assert_eq!(
            history.remove_room("full", "full", false).await,
            Ok(true),
            "{history:?}"
        );
        assert_eq!(
            history.remove_room("full", "full", false).await,
            Ok(false),
            "{history:?}"
        );
        let refused = add(&*history, draft("full", "message-2", "ana", "halo")).await;
        assert_eq!(refused, Err(StoreError::RoomUnknown), "{history:?}");
        let rooms = history.rooms().await.expect("readable");
        let ids: Vec<&str> = rooms.iter().map(|room| room.id.as_str()).collect();
        assert_eq!(ids, [LOBBY], "{history:?}");
        // one of the same name begins with nothing
        let made = history.create_room(room("full", RoomKind::Open), "full").await;
        assert_eq!(made.as_deref(), Ok("full"), "{history:?}");
        let page = history.page("full", Range::Newest, 10).await.expect("readable");
        assert_eq!(page.messages, [], "{history:?}");
        let sent = add(&*history, draft("full", "message-3", "ana", "halo")).await;
        assert_eq!(sent.map(|sent| sent.seq), Ok(1), "{history:?}");
    }
}

#[tokio::test]
async fn room_merged_is_appended_to_the_other_one() {
    for (history, _, _alive) in all().await {
        let made = history.create_room(room("kopi", RoomKind::Open), "kopi").await;
        assert_eq!(made.as_deref(), Ok("kopi"), "{history:?}");
        for (place, id, text) in [
            (LOBBY, "message-1", "satu"),
            ("kopi", "message-2", "dua"),
            ("kopi", "message-3", "tiga"),
        ] {
            add(&*history, draft(place, id, "ana", text))
                .await
                .expect("stored");
        }
        assert_eq!(
            history.merge_rooms("kopi", "kopi", LOBBY).await,
            Ok(()),
            "{history:?}"
        );
        let page = history.page(LOBBY, Range::Newest, 10).await.expect("readable");
        assert_eq!(texts(&page), ["satu", "dua", "tiga"], "{history:?}");
        let seqs: Vec<u64> = page.messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, [1, 2, 3], "{history:?}");
        assert!(
            page.messages.iter().all(|message| message.room == LOBBY),
            "{history:?}"
        );
        // the store goes on behind them, and knows them by their ids
        let next = add(&*history, draft(LOBBY, "message-4", "ana", "empat")).await;
        assert_eq!(next.map(|sent| sent.seq), Ok(4), "{history:?}");
        let again = add(&*history, draft(LOBBY, "message-3", "ana", "tiga")).await;
        assert_eq!(again.map(|sent| sent.seq), Ok(3), "{history:?}");
        let gone = history.merge_rooms("kopi", "kopi", LOBBY).await;
        assert_eq!(gone, Err(StoreError::RoomUnknown), "{history:?}");
    }
}

#[tokio::test]
async fn deleted_message_leaves_its_number_and_disappears_from_quotes() {
    for (history, _, _alive) in all().await {
        for (id, text, reply_to) in [
            ("message-1", "satu", None),
            ("message-2", "dua", None),
            ("message-3", "tiga", Some(2)),
            ("message-4", "empat", None),
        ] {
            let draft = Draft {
                reply_to,
                ..draft(LOBBY, id, "ana", text)
            };
            add(&*history, draft).await.expect("stored");
        }
        for seq in [2, 4] {
            assert_eq!(history.delete_message(LOBBY, seq).await, Ok(true), "{history:?}");
            assert_eq!(history.delete_message(LOBBY, seq).await, Ok(false), "{history:?}");
        }
        assert_eq!(history.delete_message(LOBBY, 9).await, Ok(false), "{history:?}");
        assert_eq!(
            history.delete_message("nowhere", 1).await,
            Ok(false),
            "{history:?}"
        );
        let page = history.page(LOBBY, Range::Newest, 10).await.expect("readable");
        assert_eq!(texts(&page), ["satu", "", "tiga", ""], "{history:?}");
        let seqs: Vec<u64> = page.messages.iter().map(|message| message.seq).collect();
        assert_eq!(seqs, [1, 2, 3, 4], "{history:?}");
        let deleted = &page.messages[1];
        assert!(
            deleted.author.id.is_empty() && deleted.author.name.is_empty(),
            "{history:?}"
        );
        let quote = page.messages[2].reply.clone().expect("a reply");
        assert_eq!(
            (quote.seq, quote.author.as_str(), quote.text.as_str()),
            (2, "", ""),
            "{history:?}"
        );
        let after = history.page(LOBBY, Range::After(3), 10).await.expect("readable");
        assert_eq!(texts(&after), [""], "{history:?}");
        // numbers go on, nothing is quoted of what was deleted, and the id stays used
        let reply = Draft {
            reply_to: Some(2),
            ..draft(LOBBY, "message-5", "bob", "lima")
        };
        assert_eq!(
            add(&*history, reply).await.map(|sent| sent.seq),
            Ok(5),
            "{history:?}"
        );
        let page = history.page(LOBBY, Range::Newest, 1).await.expect("readable");
        assert_eq!(page.messages[0].reply, None, "{history:?}");
        let again = add(&*history, draft(LOBBY, "message-2", "eve", "dua")).await;
        assert_eq!(again, Err(StoreError::IdUsed), "{history:?}");
    }
}

#[tokio::test]
async fn erased_person_has_no_messages_left_in_any_room() {
    for (history, _, _alive) in all().await {
        let made = history.create_room(room("kopi", RoomKind::Open), "kopi").await;
        assert_eq!(made.as_deref(), Ok("kopi"), "{history:?}");
        // more than one step deletes at once
        for n in 0..1300 {
            let place = if n % 2 == 0 { LOBBY } else { "kopi" };
            let author = if n % 13 == 0 { "bob" } else { "ana" };
            history
                .add(draft(place, &format!("message-{n}"), author, "halo"))
                .expect("there is space");
        }
        let reply = Draft {
            reply_to: Some(2),
            ..draft(LOBBY, "the-last-one", "bob", "oke")
        };
        add(&*history, reply).await.expect("stored");
        assert_eq!(history.erase_person("ana").await, Ok(1200), "{history:?}");
        assert_eq!(history.erase_person("ana").await, Ok(0), "{history:?}");
        for place in [LOBBY, "kopi"] {
            let page = history.page(place, Range::Newest, 2000).await.expect("readable");
            assert!(page.messages.len() >= 640, "{history:?}: the numbers stay");
            let left = page.messages.iter().filter(|message| !message.is_deleted());
            assert!(left.clone().count() >= 50, "{history:?}");
            assert!(
                left.clone().all(|message| message.author.id == "bob"),
                "{history:?}"
            );
            let quotes = left.filter_map(|message| message.reply.as_ref());
            assert!(
                quotes.map(|quote| quote.text.as_str()).all(str::is_empty),
                "{history:?}"
            );
        }
    }
}

#[tokio::test]
async fn restrictions_are_stored_replaced_and_lifted() {
    for (history, _, _alive) in all().await {
        let restriction = |kind, subject: &str, until| Restriction {
            kind,
            subject: subject.parse().expect("a subject"),
            until,
            reason: "iklan".to_owned(),
        };
        let person = restriction(RestrictionKind::Ban, "ana", Some(5_000_000_000_000));
        let network = restriction(RestrictionKind::Mute, "192.0.2.0/24", None);
        for one in [&restriction(RestrictionKind::Ban, "ana", None), &person, &network] {
            assert_eq!(history.restrict(one.clone()).await, Ok(()), "{history:?}");
        }
        let mut list = history.restrictions().await.expect("readable");
        list.sort_by_key(|one| one.kind.name());
        assert_eq!(list, [person.clone(), network], "{history:?}");
        let lift = |kind| history.lift(kind, &person.subject);
        assert_eq!(lift(RestrictionKind::Mute).await, Ok(false), "{history:?}");
        assert_eq!(lift(RestrictionKind::Ban).await, Ok(true), "{history:?}");
        assert_eq!(lift(RestrictionKind::Ban).await, Ok(false), "{history:?}");
        assert_eq!(
            history.restrictions().await.map(|list| list.len()),
            Ok(1),
            "{history:?}"
        );
    }
}

#[tokio::test]
async fn feed_consumer_at_a_deleted_message_continues() {
    let server = RedisServer::start();
    let (one, _, _) = redis(&server, Retention::default()).await;
    let (_two, at_two, heard) = redis(&server, Retention::default()).await;
    for n in 1..=200 {
        let id = format!("message-{n}");
        add(&one, draft(LOBBY, &id, "ana", "halo")).await.expect("stored");
        // the newest entry of the feed, where every node stands
        assert_eq!(one.delete_message(LOBBY, n).await, Ok(true));
    }
    until("the other node hears of all", || {
        let heard = heard.lock().unwrap();
        let deleted = heard
            .iter()
            .filter(|news| matches!(news, StoreEvent::MessageDeleted { .. }));
        deleted.count() == 200
    })
    .await;
    assert!(
        !heard
            .lock()
            .unwrap()
            .iter()
            .any(|news| matches!(news, StoreEvent::Reset(_)))
    );
    assert_eq!(one.erase_person("ana").await, Ok(0));
    add(&one, draft(LOBBY, "message-last", "bob", "halo"))
        .await
        .expect("stored");
    until("messages go on", || {
        at_two
            .lock()
            .unwrap()
            .iter()
            .any(|message| message.id == "message-last")
    })
    .await;
}

#[tokio::test]
async fn memory_store_at_its_limit_removes_the_oldest_of_the_largest_room() {
    let (deliver, _) = delivery();
    let history = Memory::new(1000, 20_000, deliver);
    for id in [LOBBY, "kopi"] {
        history.save_room(room(id, RoomKind::Open)).await.expect("stored");
    }
    let text = "x".repeat(1000);
    add(&history, draft("kopi", "in-kopi", "ana", "halo"))
        .await
        .expect("stored");
    for n in 0..100 {
        add(&history, draft(LOBBY, &format!("message-{n}"), "ana", &text))
            .await
            .expect("stored");
    }
    let kept = history
        .page(LOBBY, Range::Newest, 1000)
        .await
        .expect("readable")
        .messages;
    assert_eq!((kept.len(), kept.last().map(|last| last.seq)), (13, Some(100)));
    let other = history
        .page("kopi", Range::Newest, 10)
        .await
        .expect("readable")
        .messages;
    assert_eq!(other.len(), 1);
    let huge = add(&history, draft(LOBBY, "huge", "ana", &"x".repeat(20_000))).await;
    assert_eq!(huge, Err(StoreError::Quota(20_000)));
}

#[tokio::test]
async fn messages_stored_are_numbered_without_gaps_and_delivered_in_order() {
    for (history, delivered, _alive) in all().await {
        for number in 1..=250 {
            history
                .add(draft(
                    LOBBY,
                    &format!("message-{number}"),
                    "ana",
                    &number.to_string(),
                ))
                .expect("there is space");
        }
        let last = add(&*history, draft(LOBBY, "message-last", "bob", "last"))
            .await
            .expect("stored");
        assert_eq!(last.seq, 251);
        let seqs: Vec<u64> = delivered
            .lock()
            .unwrap()
            .iter()
            .map(|message| message.seq)
            .collect();
        assert_eq!(seqs, (1..=251).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn message_sent_repeatedly_is_stored_once() {
    for (history, delivered, _alive) in all().await {
        let first = add(&*history, draft(LOBBY, "the-same-id", "ana", "halo"))
            .await
            .expect("stored");
        // two in one batch, and once more later
        for _ in 0..3 {
            let again = add(&*history, draft(LOBBY, "the-same-id", "ana", "halo")).await;
            assert_eq!(again, Ok(first.clone()));
        }
        assert_eq!(delivered.lock().unwrap().len(), 1);
    }
}

#[tokio::test]
async fn message_id_of_another_author_is_refused() {
    for (history, delivered, _alive) in all().await {
        add(&*history, draft(LOBBY, "the-same-id", "ana", "halo"))
            .await
            .expect("stored");
        let forged = add(&*history, draft(LOBBY, "the-same-id", "bob", "hah")).await;
        assert_eq!(forged, Err(StoreError::IdUsed));
        let unknown = add(&*history, draft("nowhere", "another-id", "bob", "hah")).await;
        assert_eq!(unknown, Err(StoreError::RoomUnknown));
        let next = add(&*history, draft(LOBBY, "yet-another-id", "bob", "halo"))
            .await
            .expect("stored");
        assert_eq!(next.seq, 2);
        assert_eq!(delivered.lock().unwrap().len(), 2);
    }
}

#[tokio::test]
async fn history_pages_in_both_directions_have_no_duplicates() {
    for (history, _, _alive) in all().await {
        for number in 1..=10 {
            let id = format!("message-{number}");
            add(&*history, draft(LOBBY, &id, "ana", &number.to_string()))
                .await
                .expect("stored");
        }
        let page = |range| history.page(LOBBY, range, 4);
        let newest = page(Range::Newest).await.expect("readable");
        assert_eq!((texts(&newest), newest.more), (vec!["7", "8", "9", "10"], true));
        let before = page(Range::Before(7)).await.expect("readable");
        assert_eq!((texts(&before), before.more), (vec!["3", "4", "5", "6"], true));
        let first = page(Range::Before(3)).await.expect("readable");
        assert_eq!((texts(&first), first.more), (vec!["1", "2"], false));
        let after = page(Range::After(8)).await.expect("readable");
        assert_eq!((texts(&after), after.more), (vec!["9", "10"], false));
        let missed = page(Range::After(2)).await.expect("readable");
        assert_eq!((texts(&missed), missed.more), (vec!["3", "4", "5", "6"], true));
        assert_eq!(page(Range::After(u64::MAX)).await.expect("readable").messages, []);
    }
}

#[tokio::test]
async fn reply_contains_a_quote_of_its_message() {
    for (history, delivered, _alive) in all().await {
        add(&*history, draft(LOBBY, "question", "ana", &"apa? ".repeat(100)))
            .await
            .expect("stored");
        let mut reply = draft(LOBBY, "answer-1", "bob", "ya");
        reply.reply_to = Some(1);
        add(&*history, reply).await.expect("stored");
        let mut astray = draft(LOBBY, "answer-2", "bob", "ya");
        astray.reply_to = Some(u64::MAX);
        add(&*history, astray).await.expect("stored");
        let delivered = delivered.lock().unwrap();
        let quote = delivered[1].reply.clone().expect("a quote");
        assert_eq!(
            (quote.seq, quote.author.as_str(), quote.text.chars().count()),
            (1, "ANA", 141)
        );
        assert_eq!(delivered[2].reply, None);
    }
}

#[tokio::test]
async fn history_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, _) = open(folder.path()).await;
    history
        .save_room(room("d.1", RoomKind::Direct))
        .await
        .expect("stored");
    add(&history, draft(LOBBY, "message-1", "ana", "halo"))
        .await
        .expect("stored");
    add(&history, draft("d.1", "message-2", "ana", "psst"))
        .await
        .expect("stored");
    history.close();
    let mut files = std::fs::read_dir(folder.path()).expect("readable");
    let log = files.find_map(|file| {
        let file = file.expect("readable");
        let is_log = file.file_name().to_string_lossy().ends_with("-wal");
        is_log.then(|| file.metadata().expect("readable").len())
    });
    assert_eq!(
        log.unwrap_or_default(),
        0,
        "after a clean stop one file is all there is to copy"
    );
    drop(history);

    let (history, delivered) = open(folder.path()).await;
    let rooms = history.rooms().await.expect("readable");
    assert_eq!(rooms.len(), 2);
    assert_eq!(rooms[1].members, Some([person("ana"), person("bob")]));
    assert_eq!(
        rooms[1].last.as_ref().map(|last| last.text.as_str()),
        Some("psst")
    );
    let again = add(&history, draft(LOBBY, "message-1", "ana", "halo"))
        .await
        .expect("known");
    assert_eq!(again.seq, 1);
    let next = add(&history, draft(LOBBY, "message-3", "ana", "halo"))
        .await
        .expect("stored");
    assert_eq!(next.seq, 2);
    assert_eq!(delivered.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn messages_trimmed_leave_their_numbers_unused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, _) = open(folder.path()).await;
    for number in 1..=1200 {
        history
            .add(draft(LOBBY, &format!("message-{number}"), "ana", "halo"))
            .expect("there is space");
    }
    drop(history);
    let (deliver, _) = delivery();
    let keep = Retention {
        days: Some(1),
        messages: Some(3),
    };
    let history = Sqlite::open(folder.path(), keep, u64::MAX, deliver).expect("a good folder");
    // 500 at once, with messages in between
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let left = loop {
        let page = history.page(LOBBY, Range::Newest, 100).await.expect("readable");
        if page.messages.len() == 3 || deadline < tokio::time::Instant::now() {
            break page.messages;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(
        left.iter().map(|message| message.seq).collect::<Vec<_>>(),
        [1198, 1199, 1200]
    );
    let next = add(&history, draft(LOBBY, "message-next", "ana", "halo"))
        .await
        .expect("stored");
    assert_eq!(next.seq, 1201);
}

#[tokio::test]
async fn memory_store_is_bounded() {
    let (deliver, _) = delivery();
    let history = Memory::new(3, usize::MAX, deliver);
    history
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    for number in 1..=5 {
        let id = format!("message-{number}");
        add(&history, draft(LOBBY, &id, "ana", &number.to_string()))
            .await
            .expect("stored");
    }
    let page = history.page(LOBBY, Range::Newest, 100).await.expect("readable");
    assert_eq!(texts(&page), ["3", "4", "5"]);
}

#[tokio::test]
async fn history_unusable_is_refused_with_a_reason() {
    let fail = |folder: &Path| {
        let (deliver, _) = delivery();
        Sqlite::open(folder, Retention::default(), u64::MAX, deliver).expect_err("cannot be opened")
    };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.sqlite");

    let (running, _) = open(folder.path()).await;
    assert!(matches!(fail(folder.path()), OpenError::InUse(_)));
    drop(running);

    let newer = rusqlite::Connection::open(&file).expect("a database");
    newer.pragma_update(None, "user_version", 99).expect("writable");
    drop(newer);
    let error = fail(folder.path());
    assert!(matches!(error, OpenError::Newer { found: 99, .. }), "{error}");

    std::fs::remove_file(&file).expect("was there");
    let foreign = rusqlite::Connection::open(&file).expect("a database");
    foreign
        .execute_batch("CREATE TABLE recipes (name TEXT)")
        .expect("writable");
    drop(foreign);
    let error = fail(folder.path());
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");

    std::fs::write(
        &file,
        "this is no database, but long enough to look like one".repeat(100),
    )
    .expect("writable");
    let error = fail(folder.path());
    assert!(error.to_string().contains("damaged or not a history"), "{error}");

    let error = fail(Path::new("/proc/nowhere"));
    assert!(matches!(error, OpenError::Unusable { .. }), "{error}");
}

#[tokio::test]
async fn history_of_version_1_is_migrated_completely() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("history.sqlite");
    std::fs::write(&file, include_bytes!("fixtures/history-v1.sqlite")).expect("writable");
    for _ in 0..2 {
        let (history, _) = open(folder.path()).await;
        let page = history.page("kopi", Range::Newest, 100).await.expect("readable");
        assert_eq!(texts(&page), ["halo", "halo juga"]);
        assert_eq!(page.messages[1].reply.as_ref().map(|reply| reply.seq), Some(1));
        drop(history);
    }
    let (history, _) = open(folder.path()).await;
    let sent = add(&history, draft("kopi", "message-3", "ana", "lagi")).await;
    assert_eq!(sent.map(|sent| sent.seq), Ok(3));
    // how it was, for a way back
    let old = rusqlite::Connection::open(folder.path().join("history.sqlite.version-1")).expect("a database");
    let version = old.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    assert_eq!(version, Ok(1));
}

#[tokio::test]
async fn history_with_a_damaged_page_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, _) = open(folder.path()).await;
    for number in 1..=500 {
        history
            .add(draft(LOBBY, &format!("message-{number}"), "ana", "halo"))
            .expect("there is space");
    }
    drop(history);
    let file = folder.path().join("history.sqlite");
    let mut bytes = std::fs::read(&file).expect("readable");
    let middle = bytes.len() / 2;
    for byte in bytes.iter_mut().skip(middle).take(6000) {
        *byte = 0x55;
    }
    std::fs::write(&file, bytes).expect("writable");
    let (deliver, _) = delivery();
    let error = Sqlite::open(folder.path(), Retention::default(), u64::MAX, deliver).expect_err("damaged");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn disk_full_refuses_messages_and_recovers() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, delivered) = open(folder.path()).await;
    add(&history, draft(LOBBY, "message-1", "ana", "halo"))
        .await
        .expect("stored");
    // another program holds the file for longer than the store waits
    let blocker = rusqlite::Connection::open(folder.path().join("history.sqlite")).expect("a database");
    blocker.execute_batch("BEGIN IMMEDIATE").expect("free");
    let refused = add(&history, draft(LOBBY, "message-2", "ana", "halo")).await;
    assert!(matches!(refused, Err(StoreError::Other(_))), "{refused:?}");
    assert!(history.last_error().is_some());
    blocker.execute_batch("COMMIT").expect("was begun");
    let healed = add(&history, draft(LOBBY, "message-2", "ana", "halo"))
        .await
        .expect("stored");
    assert_eq!(healed.seq, 2);
    assert_eq!(history.last_error(), None);
    assert_eq!(delivered.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn disk_with_space_again_is_detected_without_writes() {
    let folder = tempfile::tempdir().expect("a folder");
    let (history, _) = open(folder.path()).await;
    let blocker = rusqlite::Connection::open(folder.path().join("history.sqlite")).expect("a database");
    blocker.execute_batch("BEGIN IMMEDIATE").expect("free");
    let refused = add(&history, draft(LOBBY, "message-1", "ana", "halo")).await;
    assert!(refused.is_err(), "{refused:?}");
    blocker.execute_batch("COMMIT").expect("was begun");
    until("it is noticed", || history.last_error().is_none()).await;
}

#[tokio::test]
async fn redis_with_space_again_is_detected_without_writes() {
    let server = RedisServer::start();
    let (history, _, _) = redis(&server, Retention::default()).await;
    let mut client = ::redis::Client::open(server.url())
        .and_then(|client| client.get_connection())
        .expect("redis runs");
    let mut allow = |bytes: &str| {
        let mut command = ::redis::cmd("CONFIG");
        command.arg("SET").arg("maxmemory").arg(bytes);
        command.exec(&mut client).expect("may be set");
    };
    allow("1");
    let refused = add(&history, draft(LOBBY, "message-1", "ana", "halo")).await;
    assert_eq!(refused, Err(StoreError::Full));
    assert!(history.last_error().is_some());
    allow("0");
    until("it is noticed", || history.last_error().is_none()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_store_on_close_answers_pending_messages() {
    let server = RedisServer::start();
    let (history, _, _) = redis(&server, Retention::default()).await;
    let answers: Vec<_> = (0..5000)
        .map(|number| {
            let (done, answer) = oneshot::channel();
            let mut draft = draft(LOBBY, &format!("message-{number}"), "ana", "halo");
            draft.completion = Some(Box::new(move |outcome| {
                done.send(outcome).expect("someone waits");
            }));
            history.add(draft).expect("there is space");
            answer
        })
        .collect();
    tokio::task::spawn_blocking(move || history.close())
        .await
        .expect("no panic");
    for answer in answers {
        answer.await.expect("every message is committed").expect("stored");
    }
}

fn texts_of(delivered: &Delivered) -> Vec<String> {
    let delivered = delivered.lock().unwrap();
    delivered.iter().map(|message| message.text.clone()).collect()
}

#[tokio::test]
async fn redis_nodes_deliver_the_same_messages_in_one_order() {
    let server = RedisServer::start();
    let (one, at_one, _) = redis(&server, Retention::default()).await;
    let (two, at_two, _) = redis(&server, Retention::default()).await;
    for number in 0..200 {
        let (history, author): (&dyn History, _) = if number % 2 == 0 {
            (&one, "ana")
        } else {
            (&two, "bob")
        };
        let draft = draft(LOBBY, &format!("message-{number}"), author, &number.to_string());
        history.add(draft).expect("there is space");
    }
    until("both have everything", || {
        [&at_one, &at_two]
            .iter()
            .all(|at| at.lock().unwrap().len() == 200)
    })
    .await;
    assert_eq!(*at_one.lock().unwrap(), *at_two.lock().unwrap());
    let again = add(&two, draft(LOBBY, "message-0", "ana", "0")).await;
    let first = |message: &&Message| message.id == "message-0";
    let seq = at_one
        .lock()
        .unwrap()
        .iter()
        .find(first)
        .map(|message| message.seq);
    assert_eq!(again.ok().map(|sent| sent.seq), seq);
    let stolen = add(&two, draft(LOBBY, "message-0", "bob", "0")).await;
    assert_eq!(stolen, Err(StoreError::IdUsed));
}

#[tokio::test]
async fn redis_rooms_of_all_nodes_have_unique_names_and_ids() {
    let server = RedisServer::start();
    let (one, _, _) = redis(&server, Retention::default()).await;
    let (two, _, heard) = redis(&server, Retention::default()).await;
    let made = one.create_room(room("kopi", RoomKind::Open), "kopi").await;
    assert_eq!(made, Ok("kopi".to_owned()));
    let same = two.create_room(room("kopi", RoomKind::Open), "kopi").await;
    assert_eq!(same, Err(StoreError::RoomTaken("kopi".to_owned())));
    let other = two.create_room(room("kopi", RoomKind::Open), "kopi!").await;
    assert_eq!(other, Ok("kopi-2".to_owned()));
    until("the other node hears of it", || {
        let heard = heard.lock().unwrap();
        let ids = heard.iter().filter_map(|news| match news {
            StoreEvent::RoomSaved(room) => Some(room.id.as_str()),
            StoreEvent::RoomRemoved { .. }
            | StoreEvent::MessageDeleted { .. }
            | StoreEvent::PersonErased(_)
            | StoreEvent::Reset(_) => None,
        });
        ids.collect::<Vec<_>>().ends_with(&["kopi", "kopi-2"])
    })
    .await;
    let rooms = one.rooms().await.expect("readable");
    assert_eq!(rooms.len(), 3);
}

#[tokio::test]
async fn redis_history_survives_a_killed_redis() {
    let mut server = RedisServer::start();
    let (one, _, _) = redis(&server, Retention::default()).await;
    let (two, at_two, heard) = redis(&server, Retention::default()).await;
    for number in 0..50 {
        let draft = draft(LOBBY, &format!("before-{number}"), "ana", "halo");
        add(&one, draft).await.expect("stored");
    }
    server.stop();
    let refused = add(&one, draft(LOBBY, "during-it", "ana", "halo")).await;
    assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
    until("it is noticed", || {
        one.last_error().is_some() && two.last_error().is_some()
    })
    .await;
    server.start_again();
    until("it is well again", || {
        one.last_error().is_none() && two.last_error().is_none()
    })
    .await;
    let sent = add(&one, draft(LOBBY, "after-it", "ana", "sampai")).await;
    assert_eq!(sent.map(|sent| sent.seq), Ok(51));
    until("the other node goes on where it was", || {
        at_two.lock().unwrap().len() == 51
    })
    .await;
    assert_eq!(texts_of(&at_two).last().map(String::as_str), Some("sampai"));
    assert!(
        !heard
            .lock()
            .unwrap()
            .iter()
            .any(|news| matches!(news, StoreEvent::Reset(_)))
    );
}

#[tokio::test]
async fn redis_with_lost_data_resets_the_node() {
    let mut server = RedisServer::start();
    let (history, _, heard) = redis(&server, Retention::default()).await;
    add(&history, draft(LOBBY, "message-1", "ana", "halo"))
        .await
        .expect("stored");
    server.stop();
    server.forget();
    server.start_again();
    until("it is noticed", || {
        heard.lock().unwrap().contains(&StoreEvent::Reset(Vec::new()))
    })
    .await;
    history
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    let sent = add(&history, draft(LOBBY, "message-2", "ana", "halo")).await;
    assert_eq!(sent.map(|sent| sent.seq), Ok(1));
}

/// Runtime of a node that is suspended on purpose: a worker that is blocked may also hold up the timers of its runtime, on
/// which the test depends.
struct NodeRuntime(Option<tokio::runtime::Runtime>);

impl NodeRuntime {
    fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build();
        Self(Some(runtime.expect("a runtime")))
    }

    async fn run<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> T {
        let runtime = self.0.as_ref().expect("it runs until it is dropped");
        runtime.spawn(future).await.expect("no panic")
    }
}

impl Drop for NodeRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

#[tokio::test]
async fn redis_node_suspended_for_too_long_is_reset() {
    let server = RedisServer::start();
    let still = Arc::<AtomicBool>::default();
    let (stands, heard) = (Arc::<AtomicBool>::default(), Heard::default());
    let (holds, tells, kept) = (Arc::clone(&still), Arc::clone(&stands), Arc::clone(&heard));
    let deliver = move |_: Vec<Committed>| {
        while holds.load(Ordering::Acquire) {
            tells.store(true, Ordering::Release);
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    let notify = move |news| kept.lock().unwrap().push(news);
    let link = RedisClient::new(&server.url(), "test").expect("an address");
    let runtime = NodeRuntime::start();
    let opened = runtime
        .run(async { Redis::open(link, Retention::default(), Box::new(deliver), Box::new(notify)).await });
    let node = opened.await.expect("redis runs");
    let (other, _, _) = redis(&server, Retention::default()).await;
    still.store(true, Ordering::Release);
    // the answer may stand behind what stands still
    other
        .add(draft(LOBBY, "message-1", "ana", "halo"))
        .expect("there is space");
    until("it stands still", || stands.load(Ordering::Acquire)).await;
    // more than the feed keeps
    let mut said = ::redis::pipe();
    for _ in 0..12_000 {
        let entry = said.cmd("XADD").arg("test:chat:feed");
        entry
            .arg(&["MAXLEN", "~", "10000", "*", "room", "kopi", "record", ""])
            .ignore();
    }
    let client = ::redis::Client::open(server.url()).expect("an address");
    let mut connection = client.get_connection().expect("redis runs");
    said.exec(&mut connection).expect("is taken");
    still.store(false, Ordering::Release);
    until("it looks anew", || {
        let heard = heard.lock().unwrap();
        heard.iter().any(|news| matches!(news, StoreEvent::Reset(_)))
    })
    .await;
    drop(node);
}

#[tokio::test]
async fn redis_in_an_earlier_state_resets_the_node() {
    let mut server = RedisServer::start();
    let (history, _, heard) = redis(&server, Retention::default()).await;
    for id in ["message-1", "message-2"] {
        let draft = draft(LOBBY, id, "ana", "halo");
        add(&history, draft).await.expect("stored");
    }
    server.stop();
    server.forget_the_last_bytes();
    server.start_again();
    let is_back = |news: &StoreEvent| match news {
        StoreEvent::Reset(rooms) => rooms.iter().map(|room| room.last_seq).eq([1]),
        StoreEvent::RoomSaved(_)
        | StoreEvent::RoomRemoved { .. }
        | StoreEvent::MessageDeleted { .. }
        | StoreEvent::PersonErased(_) => false,
    };
    until("it is noticed", || heard.lock().unwrap().iter().any(is_back)).await;
    let sent = add(&history, draft(LOBBY, "message-2", "ana", "halo")).await;
    assert_eq!(sent.map(|sent| sent.seq), Ok(2));
}

#[tokio::test]
async fn redis_messages_trimmed_leave_their_numbers_unused() {
    let server = RedisServer::start();
    let (history, delivered, _) = redis(&server, Retention::default()).await;
    for number in 1..=1200 {
        let draft = draft(LOBBY, &format!("message-{number}"), "ana", "halo");
        history.add(draft).expect("there is space");
    }
    until("all are stored", || delivered.lock().unwrap().len() == 1200).await;
    drop(history);
    let keep = Retention {
        days: Some(1),
        messages: Some(3),
    };
    let (history, _, _) = redis(&server, keep).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    let left = loop {
        let page = history.page(LOBBY, Range::Newest, 100).await.expect("readable");
        if page.messages.len() == 3 || deadline < tokio::time::Instant::now() {
            break page.messages;
        }
        tokio::task::yield_now().await;
    };
    let seqs: Vec<u64> = left.iter().map(|message| message.seq).collect();
    assert_eq!(seqs, [1198, 1199, 1200]);
    // its id went with it, so it counts as new
    let sent = add(&history, draft(LOBBY, "message-1", "ana", "halo")).await;
    assert_eq!(sent.map(|sent| sent.seq), Ok(1201));
}

#[tokio::test]
async fn redis_unusable_is_refused_with_its_address() {
    let server = RedisServer::start();
    let open = async |url: &str| {
        let (deliver, _) = delivery();
        let link = RedisClient::new(url, "test").expect("an address");
        Redis::open(link, Retention::default(), deliver, Box::new(drop)).await
    };
    let closed = std::net::TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
    let closed = closed.expect("a port").to_string();
    match open(&format!("redis://ana:rahasia@{closed}")).await {
        Err(RedisError::Unusable { address, .. }) => assert_eq!(address, closed),
        other => panic!("{other:?}"),
    }
    let client = ::redis::Client::open(server.url()).expect("an address");
    let mut connection = client
        .get_multiplexed_async_connection()
        .await
        .expect("redis runs");
    let mut newer = ::redis::cmd("SET");
    newer.arg("test:chat:version").arg(2);
    newer.query_async::<()>(&mut connection).await.expect("is set");
    let found = open(&server.url()).await;
    assert!(
        matches!(found, Err(RedisError::Newer { found: 2, .. })),
        "{found:?}"
    );
}
