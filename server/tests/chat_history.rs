//! The history as the chat uses it: both stores keep the same promises.

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use pesan::messages::{LOBBY, Message, Page, Person, RoomKind, Sent};
use pesan_server::chat::history::{
    Deliver, Draft, History, Memory, OpenError, Range, Retention, SavedRoom, Settled, Sqlite, StoreError,
    Stored,
};
use tokio::sync::oneshot;

type Delivered = Arc<Mutex<Vec<Message>>>;

/// Tells the ticket, and remembers what is new in the order in which it came.
fn delivery() -> (Deliver, Delivered) {
    let delivered = Delivered::default();
    let kept = Arc::clone(&delivered);
    let deliver = Box::new(move |batch: Vec<Settled>| {
        for Settled { outcome, ticket } in batch {
            let answer = outcome.map(|stored| match stored {
                Stored::New(message) => {
                    let sent = Sent {
                        seq: message.seq,
                        at: message.at,
                    };
                    kept.lock().unwrap().push(message);
                    sent
                }
                Stored::Again(sent) => sent,
            });
            if let Some(ticket) = ticket {
                ticket(answer);
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
        ticket: None,
    }
}

async fn add(history: &dyn History, mut draft: Draft) -> Result<Sent, StoreError> {
    let (done, answer) = oneshot::channel();
    draft.ticket = Some(Box::new(move |outcome| {
        done.send(outcome).expect("someone waits");
    }));
    history.add(draft).expect("there is space");
    answer.await.expect("every message is settled")
}

fn texts(page: &Page) -> Vec<&str> {
    page.messages
        .iter()
        .map(|message| message.text.as_str())
        .collect()
}

async fn open(folder: &Path) -> (Sqlite, Delivered) {
    let (deliver, delivered) = delivery();
    let history = Sqlite::open(folder, Retention::default(), deliver).expect("a good folder");
    history
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    (history, delivered)
}

async fn both() -> Vec<(Box<dyn History>, Delivered, tempfile::TempDir)> {
    let folder = tempfile::tempdir().expect("a folder");
    let (sqlite, delivered) = open(folder.path()).await;
    let (deliver, in_memory) = delivery();
    let memory = Memory::new(1000, deliver);
    memory
        .save_room(room(LOBBY, RoomKind::Lobby))
        .await
        .expect("stored");
    vec![
        (Box::new(sqlite), delivered, folder),
        (
            Box::new(memory),
            in_memory,
            tempfile::tempdir().expect("a folder"),
        ),
    ]
}

#[tokio::test]
async fn messages_are_numbered_without_gaps_and_delivered_in_that_order() {
    for (history, delivered, _folder) in both().await {
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
async fn a_message_is_stored_once_however_often_it_is_sent() {
    for (history, delivered, _folder) in both().await {
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
async fn nobody_can_use_the_id_of_someone_else() {
    for (history, delivered, _folder) in both().await {
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
async fn pages_go_back_and_forth_without_doubles() {
    for (history, _, _folder) in both().await {
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
async fn a_reply_quotes_what_it_answers() {
    for (history, delivered, _folder) in both().await {
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
async fn everything_is_there_after_a_restart() {
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
    drop(history);

    let (history, delivered) = open(folder.path()).await;
    let rooms = history.rooms().expect("readable");
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
async fn old_messages_go_and_their_numbers_are_not_used_again() {
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
    let history = Sqlite::open(folder.path(), keep, deliver).expect("a good folder");
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
async fn memory_is_bounded() {
    let (deliver, _) = delivery();
    let history = Memory::new(3, deliver);
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
async fn a_history_that_cannot_be_used_says_why() {
    let fail = |folder: &Path| {
        let (deliver, _) = delivery();
        Sqlite::open(folder, Retention::default(), deliver).expect_err("cannot be opened")
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
async fn a_damaged_page_stops_the_start() {
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
    let error = Sqlite::open(folder.path(), Retention::default(), deliver).expect_err("damaged");
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[tokio::test]
async fn a_full_disk_refuses_messages_and_heals() {
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
    assert!(history.trouble().is_some());
    blocker.execute_batch("COMMIT").expect("was begun");
    let healed = add(&history, draft(LOBBY, "message-2", "ana", "halo"))
        .await
        .expect("stored");
    assert_eq!(healed.seq, 2);
    assert_eq!(history.trouble(), None);
    assert_eq!(delivered.lock().unwrap().len(), 2);
}
