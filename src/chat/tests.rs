use super::requests::Request;
use super::responses::Response;
use super::server_events::ServerEvent;
use super::state::{ECHO_TIMEOUT, HELLO_TIMEOUT, RECONNECT_DELAY};
use super::timeline_item::{Delivery, ItemKind};
use super::*;
use crate::protocol::{ChatError, ChatLimits, LOBBY, Person, RoomKind};
use crate::protocol::{
    ChatErrorCode, Hello, History, HistoryPage, Join, Joined, Kicked, Message, MessageDeleted, PersonErased,
    Presence, PresenceBatch, Quote, Room, RoomGone, Sent, ShutdownNotice, TypingNotice, VERSION,
};

mod daily_use;
mod reordering;

fn utc_day(at: u64) -> i64 {
    i64::try_from(at / 86_400_000).expect("a day of this era")
}

fn person(id: &str) -> Person {
    Person {
        id: id.to_owned(),
        name: id.to_owned(),
    }
}

fn room(id: &str, last_seq: u64) -> Room {
    let kind = if id == LOBBY {
        RoomKind::Lobby
    } else {
        RoomKind::Open
    };
    Room {
        id: id.to_owned(),
        name: id.to_owned(),
        kind,
        with: None,
        last_seq,
        last: None,
    }
}

fn message(room: &str, seq: u64, author: &str) -> Message {
    Message {
        room: room.to_owned(),
        seq,
        id: format!("{author}-{seq}"),
        author: person(author),
        text: format!("{author} {seq}"),
        at: seq * 1000,
        reply: None,
    }
}

fn hello(rooms: Vec<Room>) -> ServerEvent {
    ServerEvent::Hello(Box::new(Hello {
        version: VERSION,
        build: "one".to_owned(),
        you: person("me"),
        limits: ChatLimits {
            text_chars: 100,
            name_chars: 20,
            page: 50,
        },
        rooms,
        now: 0,
        name_fixed: false,
        name_refused: None,
    }))
}

fn requests(chat: &mut ChatState) -> Vec<Request> {
    std::iter::from_fn(|| chat.poll_request()).collect()
}

fn texts(chat: &ChatState) -> Vec<String> {
    chat.rows(0, chat.len())
        .into_iter()
        .filter_map(|row| row.item.message().map(|message| message.text.clone()))
        .collect()
}

fn new_page() -> ChatState {
    ChatState::new(
        "page".to_owned(),
        utc_day,
        Preferences::default(),
        WindowState::default(),
    )
}

/// Page in the lobby of an extended server that holds these messages.
fn joined_lobby(last_seq: u64) -> ChatState {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_event(0, hello(vec![room(LOBBY, last_seq), room("warung", 7)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins the lobby")
    };
    let page = HistoryPage {
        messages: (1..=last_seq).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: false,
    };
    answer_join(&mut chat, join, last_seq, page);
    chat
}

fn answer_join(chat: &mut ChatState, join: &Join, last_seq: u64, page: HistoryPage) {
    let people = vec![person("me"), person("ayu")];
    let joined = Joined {
        room: room(&join.room, last_seq),
        people,
        page,
        people_count: None,
    };
    chat.handle_response(0, Response::Joined(join.clone(), Some(Ok(Box::new(joined)))));
}

fn sent_ids(requests: &[Request]) -> Vec<String> {
    requests
        .iter()
        .filter_map(|request| match request {
            Request::Send(send) => Some(send.id.clone()),
            _ => None,
        })
        .collect()
}

#[test]
fn server_without_hello_is_basic_after_timeout() {
    let mut chat = new_page();
    chat.handle_connected(1000);
    assert!(chat.submit(1000, "halo"));
    assert_eq!(requests(&mut chat), [], "it may still greet");
    assert_eq!(chat.poll_timeout(), Some(1000 + HELLO_TIMEOUT));
    chat.handle_timeout(1000 + HELLO_TIMEOUT);
    assert_eq!(*chat.server(), Server::Basic);
    assert_eq!(requests(&mut chat), [Request::Plain("halo".to_owned())]);
}

#[test]
fn basic_server_echo_confirms_own_message_once() {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_timeout(HELLO_TIMEOUT);
    chat.submit(600, "satu");
    assert_eq!(chat.rows(0, 9)[0].delivery, Delivery::Sending);
    let key = chat.rows(0, 9)[0].item.key;
    chat.handle_event(601, ServerEvent::Plain("orang lain".to_owned()));
    chat.handle_event(602, ServerEvent::Plain("satu".to_owned()));
    chat.handle_event(603, ServerEvent::Plain("satu".to_owned()));
    assert_eq!(texts(&chat), ["orang lain", "satu", "satu"]);
    assert_eq!(chat.rows(0, 9)[1].item.key, key, "stays the same row");
    assert_eq!(chat.rows(0, 9)[1].delivery, Delivery::Sent);
}

#[test]
fn submit_blank_text_sends_nothing() {
    let mut chat = joined_lobby(0);
    for blank in ["", "  ", "\n\t ", "\u{200b}\u{feff}"] {
        assert!(!chat.submit(0, blank));
    }
    assert_eq!(requests(&mut chat), []);
}

#[test]
fn unsent_messages_after_reload_are_sent_once() {
    let mut chat = new_page();
    chat.submit(0, "satu");
    chat.submit(0, "dua");
    let carried = chat.window_state();
    let mut chat = ChatState::new("next".to_owned(), utc_day, Preferences::default(), carried);
    assert_eq!(texts(&chat), ["satu", "dua"]);
    chat.handle_connected(0);
    chat.handle_timeout(HELLO_TIMEOUT);
    assert_eq!(requests(&mut chat).len(), 2);
    chat.handle_timeout(HELLO_TIMEOUT + 1);
    assert_eq!(requests(&mut chat), []);
    for text in ["satu", "dua"] {
        chat.handle_event(1000, ServerEvent::Plain(text.to_owned()));
    }
    assert_eq!(chat.window_state(), WindowState::default());
    assert_eq!(texts(&chat), ["satu", "dua"]);
}

#[test]
fn unanswered_message_after_reconnect_is_sent_again_with_same_id() {
    let mut chat = joined_lobby(1);
    chat.submit(0, "halo");
    let first = sent_ids(&requests(&mut chat));
    assert_eq!(first.len(), 1);
    chat.handle_disconnected(10, false);
    assert_eq!(chat.rows(0, 9)[1].delivery, Delivery::Queued);
    chat.handle_connected(20);
    chat.handle_event(20, hello(vec![room(LOBBY, 1)]));
    let asked = requests(&mut chat);
    let [Request::Join(join)] = &asked[..] else {
        panic!("joins before it sends: {asked:?}")
    };
    assert_eq!(join.after, Some(1));
    answer_join(
        &mut chat,
        join,
        1,
        HistoryPage {
            messages: vec![],
            more: false,
        },
    );
    assert_eq!(sent_ids(&requests(&mut chat)), first);
    chat.handle_response(
        30,
        Response::Sent(first[0].clone(), Some(Ok(Sent { seq: 2, at: 30 }))),
    );
    chat.handle_event(
        31,
        ServerEvent::Message(Message {
            id: first[0].clone(),
            ..message(LOBBY, 2, "me")
        }),
    );
    assert_eq!(texts(&chat), ["ayu 1", "halo"]);
    assert_eq!(chat.rows(0, 9)[1].delivery, Delivery::Sent);
    assert_eq!(chat.window_state().unsent, []);
}

#[test]
fn unanswered_message_found_in_history_is_not_sent_again() {
    let mut chat = joined_lobby(1);
    chat.submit(0, "halo");
    let id = sent_ids(&requests(&mut chat)).remove(0);
    chat.handle_disconnected(10, false);
    chat.handle_connected(20);
    chat.handle_event(20, hello(vec![room(LOBBY, 2)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let page = HistoryPage {
        messages: vec![Message {
            id,
            ..message(LOBBY, 2, "me")
        }],
        more: false,
    };
    answer_join(&mut chat, join, 2, page);
    assert_eq!(requests(&mut chat), []);
    assert_eq!(texts(&chat), ["ayu 1", "me 2"]);
}

#[test]
fn messages_are_sent_one_at_a_time() {
    let mut chat = joined_lobby(0);
    for text in ["a", "b"] {
        chat.submit(0, text);
    }
    let first = sent_ids(&requests(&mut chat));
    assert_eq!(first.len(), 1);
    chat.handle_response(
        1,
        Response::Sent(first[0].clone(), Some(Ok(Sent { seq: 1, at: 1 }))),
    );
    assert_eq!(sent_ids(&requests(&mut chat)).len(), 1);
}

#[test]
fn reply_to_unconfirmed_message_starts_once_confirmed() {
    let mut chat = joined_lobby(0);
    chat.submit(0, "belum sampai");
    let sent = sent_ids(&requests(&mut chat));
    let key = chat.rows(0, 1)[0].item.key;
    chat.set_reply_to(Some(key));
    assert_eq!(chat.room().reply_to, None, "it has no number yet");
    let stored = Ok(Sent { seq: 1, at: 1 });
    chat.handle_response(1, Response::Sent(sent[0].clone(), Some(stored)));
    let quote = chat.room().reply_to.as_ref().expect("it is stored");
    assert_eq!((quote.seq, quote.text.as_str()), (1, "belum sampai"));
}

#[test]
fn rate_limited_message_is_sent_again_after_the_pause() {
    let mut chat = joined_lobby(0);
    chat.submit(0, "a");
    let first = sent_ids(&requests(&mut chat));
    let refusal = ChatError {
        code: ChatErrorCode::TooFast,
        detail: "3".to_owned(),
    };
    chat.handle_response(1000, Response::Sent(first[0].clone(), Some(Err(refusal.clone()))));
    assert_eq!(requests(&mut chat), []);
    assert_eq!(chat.notice(), Some(&refusal));
    chat.handle_timeout(4000);
    assert_eq!(sent_ids(&requests(&mut chat)), first);
}

#[test]
fn refused_message_has_reason_and_can_be_retried_or_discarded() {
    let mut chat = joined_lobby(0);
    chat.submit(0, "a");
    chat.submit(0, "b");
    let id = sent_ids(&requests(&mut chat)).remove(0);
    let refusal = ChatError {
        code: ChatErrorCode::StoreFailed,
        detail: String::new(),
    };
    chat.handle_response(0, Response::Sent(id.clone(), Some(Err(refusal.clone()))));
    assert_eq!(chat.rows(0, 9)[0].delivery, Delivery::Failed(Some(refusal)));
    let next = sent_ids(&requests(&mut chat));
    assert_eq!(next.len(), 1, "others go on");
    chat.handle_response(
        0,
        Response::Sent(next[0].clone(), Some(Ok(Sent { seq: 1, at: 0 }))),
    );
    let key = chat.rows(1, 2)[0].item.key;
    chat.retry(0, key);
    assert_eq!(sent_ids(&requests(&mut chat)), [id.as_str()]);
    assert_eq!(chat.text_of(key), Some("a"));
    chat.discard(key);
    assert_eq!(chat.len(), 1);
}

#[test]
fn gap_between_messages_is_filled_from_history() {
    let mut chat = joined_lobby(2);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 5, "ayu")));
    let history = History {
        room: LOBBY.to_owned(),
        before: None,
        after: Some(2),
    };
    assert_eq!(requests(&mut chat), [Request::History(history.clone())]);
    let page = HistoryPage {
        messages: (3..=5).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: false,
    };
    chat.handle_response(0, Response::HistoryPage(history, Some(Ok(page))));
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3", "ayu 4", "ayu 5"]);
    assert_eq!(requests(&mut chat), []);
}

#[test]
fn missed_messages_are_fetched_page_by_page() {
    let mut chat = joined_lobby(2);
    chat.handle_disconnected(0, false);
    chat.handle_connected(0);
    chat.handle_event(0, hello(vec![room(LOBBY, 6)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let page = HistoryPage {
        messages: (3..=4).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: true,
    };
    answer_join(&mut chat, join, 6, page);
    let asked = requests(&mut chat);
    let [Request::History(history)] = &asked[..] else {
        panic!("asks for the rest")
    };
    assert_eq!(history.after, Some(4));
    let page = HistoryPage {
        messages: (5..=6).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: false,
    };
    chat.handle_response(0, Response::HistoryPage(history.clone(), Some(Ok(page))));
    assert_eq!(chat.len(), 6);
}

#[test]
fn older_messages_are_requested_once_at_a_time() {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_event(0, hello(vec![room(LOBBY, 4)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let page = HistoryPage {
        messages: (3..=4).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: true,
    };
    answer_join(&mut chat, join, 4, page);
    chat.older();
    chat.older();
    let asked = requests(&mut chat);
    let [Request::History(history)] = &asked[..] else {
        panic!("asks once: {asked:?}")
    };
    let page = HistoryPage {
        messages: (1..=2).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: false,
    };
    chat.handle_response(0, Response::HistoryPage(history.clone(), Some(Ok(page))));
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3", "ayu 4"]);
    chat.older();
    assert_eq!(requests(&mut chat), [], "there is nothing before the first");
}

#[test]
fn server_counting_from_one_again_loses_no_message() {
    let mut chat = joined_lobby(3);
    chat.handle_disconnected(0, false);
    chat.handle_connected(0);
    chat.handle_event(0, hello(vec![room(LOBBY, 1)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let page = HistoryPage {
        messages: vec![message(LOBBY, 1, "budi")],
        more: false,
    };
    answer_join(&mut chat, join, 1, page);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 2, "budi")));
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3", "budi 1", "budi 2"]);
}

#[test]
fn messages_while_not_viewing_are_counted_and_marked() {
    let mut chat = joined_lobby(2);
    chat.set_viewing(false);
    for seq in 3..=4 {
        chat.handle_event(0, ServerEvent::Message(message(LOBBY, seq, "ayu")));
    }
    assert_eq!((chat.unread(), chat.room().unseen_count), (2, 2));
    let divided: Vec<bool> = chat.rows(0, 9).iter().map(|row| row.starts_unread).collect();
    assert_eq!(divided, [false, false, true, false]);
    assert_eq!(chat.unread_marker_row(), Some(2));
    chat.set_viewing(true);
    assert_eq!(chat.unread(), 0);
    assert_eq!(chat.unread_marker_row(), Some(2), "stays to show where one was");
}

#[test]
fn unread_of_other_room_follows_its_last_number() {
    let mut chat = joined_lobby(0);
    assert_eq!(chat.unread(), 0, "a room that was never entered counts nothing");
    chat.open(0, "warung");
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    answer_join(
        &mut chat,
        join,
        7,
        HistoryPage {
            messages: vec![],
            more: true,
        },
    );
    chat.open(0, LOBBY);
    chat.handle_event(0, ServerEvent::Room(room("warung", 9)));
    assert_eq!(chat.unread(), 2);
    let saved = chat.preferences();
    assert!(saved.joined.contains(&"warung".to_owned()) && saved.read.contains(&("warung".to_owned(), 7)));
}

#[test]
fn join_refused_opens_lobby_with_reason() {
    let mut chat = joined_lobby(0);
    chat.open(0, "rahasia");
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let refusal = ChatError {
        code: ChatErrorCode::RoomUnknown,
        detail: String::new(),
    };
    chat.handle_response(0, Response::Joined(join.clone(), Some(Err(refusal.clone()))));
    assert_eq!(
        (chat.room().room.id.as_str(), chat.notice()),
        (LOBBY, Some(&refusal))
    );
    assert!(chat.rooms().iter().all(|room| room.room.id != "rahasia"));
}

#[test]
fn presence_batch_changes_people_and_their_count() {
    let mut chat = joined_lobby(0);
    let me = chat.me().expect("was greeted").clone();
    chat.handle_event(
        0,
        ServerEvent::PresenceBatch(PresenceBatch {
            room: LOBBY.to_owned(),
            came: vec![me.clone(), person("budi"), person("citra")],
            people_count: 3,
            ..PresenceBatch::default()
        }),
    );
    let known = |chat: &ChatState| chat.room().people.iter().any(|person| person.id == "budi");
    assert!(known(&chat));
    assert_eq!(chat.room().people_count, 3);
    chat.handle_event(
        0,
        ServerEvent::PresenceBatch(PresenceBatch {
            room: LOBBY.to_owned(),
            went: vec![person("budi")],
            people_count: 2,
            ..PresenceBatch::default()
        }),
    );
    assert!(!known(&chat));
    // a crowd: some of them, and the number
    chat.handle_event(
        0,
        ServerEvent::PresenceBatch(PresenceBatch {
            room: LOBBY.to_owned(),
            people: Some(vec![person("budi")]),
            people_count: 5000,
            ..PresenceBatch::default()
        }),
    );
    assert_eq!((chat.room().people.len(), chat.room().people_count), (1, 5000));
}

#[test]
fn direct_room_unknown_to_server_is_requested_again() {
    let mut chat = joined_lobby(0);
    let mut direct = room::RoomState::unknown("d.1", RoomKind::Direct).room;
    direct.with = Some(person("budi"));
    chat.handle_event(0, ServerEvent::Room(direct.clone()));
    chat.open(0, "d.1");
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let refusal = ChatError {
        code: ChatErrorCode::RoomUnknown,
        detail: String::new(),
    };
    let unknown = Response::Joined(join.clone(), Some(Err(refusal)));
    chat.handle_response(0, unknown);
    let [Request::Direct(asked)] = &requests(&mut chat)[..] else {
        panic!("asks for the room")
    };
    assert_eq!(asked.person, "budi");
    chat.handle_response(0, Response::Opened(Some(Ok(direct))));
    assert!(matches!(&requests(&mut chat)[..], [Request::Join(_)]));
    assert_eq!((chat.room().room.id.as_str(), chat.notice()), ("d.1", None));
}

#[test]
fn room_gone_is_removed_and_its_replacement_opened() {
    let mut chat = joined_lobby(0);
    for id in ["kopi", "teh"] {
        let room = room::RoomState::unknown(id, RoomKind::Open).room;
        chat.handle_event(0, ServerEvent::Room(room));
    }
    chat.open(0, "kopi");
    let gone = |into: Option<&str>, id: &str| {
        ServerEvent::RoomGone(RoomGone {
            id: id.to_owned(),
            into: into.map(str::to_owned),
        })
    };
    chat.handle_event(0, gone(Some("teh"), "kopi"));
    assert_eq!(chat.room().room.id, "teh");
    chat.handle_event(0, gone(None, "teh"));
    assert_eq!(chat.room().room.id, LOBBY);
    chat.handle_event(0, gone(None, LOBBY));
    assert_eq!(chat.room().room.id, LOBBY);
    let is_gone = |room: &room::RoomState| !["kopi", "teh"].contains(&room.room.id.as_str());
    assert!(chat.rooms().iter().all(is_gone));
}

#[test]
fn messages_are_grouped_by_author_time_and_day() {
    let mut chat = joined_lobby(0);
    let day = 86_400_000;
    for (seq, author, at) in [
        (1, "ayu", 0),
        (2, "ayu", 1000),
        (3, "budi", 2000),
        (4, "budi", 400_000),
        (5, "budi", day),
    ] {
        chat.handle_event(
            0,
            ServerEvent::Message(Message {
                at,
                ..message(LOBBY, seq, author)
            }),
        );
    }
    let look: Vec<(bool, bool)> = chat
        .rows(0, 9)
        .iter()
        .map(|row| (row.starts_day, row.starts_group))
        .collect();
    assert_eq!(
        look,
        [
            (true, true),
            (false, false),
            (false, true),
            (false, true),
            (true, true)
        ]
    );
    assert!(!chat.rows(1, 2)[0].starts_group, "a part looks like the whole");
}

#[test]
fn day_begins_at_local_midnight() {
    let chat = ChatState::new(
        String::new(),
        |at| utc_day(at + 7 * 3_600_000),
        Preferences::default(),
        WindowState::default(),
    );
    assert_eq!(chat.day(17 * 3_600_000 - 1), 0);
    assert_eq!(chat.day(17 * 3_600_000), 1);
}

#[test]
fn presence_and_typing_events_change_the_room() {
    let mut chat = joined_lobby(0);
    let budi = person("budi");
    let presence = |change| {
        ServerEvent::Presence(Presence {
            room: LOBBY.to_owned(),
            person: person("budi"),
            change,
        })
    };
    chat.handle_event(0, presence(crate::protocol::PresenceChange::Came));
    assert_eq!(chat.room().people.len(), 3);
    chat.handle_event(
        0,
        ServerEvent::Typing(TypingNotice {
            room: LOBBY.to_owned(),
            person: budi,
        }),
    );
    assert_eq!(chat.room().typing_users.names().collect::<Vec<_>>(), ["budi"]);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 1, "budi")));
    assert_eq!(chat.room().typing_users.names().count(), 0, "sending ends typing");
    chat.handle_event(0, presence(crate::protocol::PresenceChange::Went));
    assert_eq!(chat.room().people.len(), 2);
    assert!(matches!(chat.rows(0, 9)[2].item.kind, ItemKind::Membership(_)));
}

#[test]
fn own_typing_is_reported_once_per_interval() {
    let mut chat = joined_lobby(0);
    for now in [0, 100, typing::TYPING_INTERVAL, typing::TYPING_INTERVAL + 1] {
        chat.typing(now);
    }
    assert_eq!(requests(&mut chat).len(), 2);
}

#[test]
fn submit_with_reply_sends_the_quoted_number() {
    let mut chat = joined_lobby(1);
    let key = chat.rows(0, 1)[0].item.key;
    chat.set_reply_to(Some(key));
    chat.submit(0, "setuju");
    let asked = requests(&mut chat);
    let [Request::Send(send)] = &asked[..] else {
        panic!("sends")
    };
    assert_eq!(send.reply_to, Some(1));
    assert_eq!(chat.room().reply_to, None);
}

#[test]
fn kick_stops_reconnecting_but_shutdown_does_not() {
    let mut chat = joined_lobby(0);
    chat.handle_event(
        0,
        ServerEvent::Kicked(Kicked {
            reason: "spam".to_owned(),
        }),
    );
    chat.handle_disconnected(0, true);
    assert_eq!((chat.kicked(), chat.reconnect_at()), (Some("spam"), None));
    chat.come_back();
    assert_eq!(requests(&mut chat), [Request::Reconnect]);

    let mut chat = joined_lobby(0);
    chat.handle_event(
        0,
        ServerEvent::Shutdown(ShutdownNotice {
            seconds: 5,
            reason: "rawat".to_owned(),
        }),
    );
    assert_eq!(chat.shutdown(), Some((5000, "rawat")));
    chat.handle_disconnected(5000, true);
    chat.handle_timeout(5000 + RECONNECT_DELAY);
    assert_eq!(requests(&mut chat), [Request::Reconnect]);
    chat.handle_connected(9000);
    assert_eq!(chat.shutdown(), None);
}

#[test]
fn hello_with_other_build_announces_new_version() {
    let mut chat = joined_lobby(0);
    assert!(!chat.has_new_version());
    chat.handle_disconnected(0, false);
    chat.handle_connected(0);
    let ServerEvent::Hello(mut hello) = hello(vec![room(LOBBY, 0)]) else {
        panic!("is a hello")
    };
    "two".clone_into(&mut hello.build);
    chat.handle_event(0, ServerEvent::Hello(hello));
    assert!(chat.has_new_version());
}

#[test]
fn many_messages_are_announced_as_a_few_and_a_count() {
    let mut chat = joined_lobby(0);
    for seq in 1..=10 {
        chat.handle_event(0, ServerEvent::Message(message(LOBBY, seq, "ayu")));
    }
    let (notices, more) = chat.take_notices();
    assert_eq!((notices.len(), more), (3, 7));
    assert_eq!(chat.take_notices(), (vec![], 0));
}

#[test]
fn gap_request_refused_is_repeated_after_the_pause() {
    let mut chat = joined_lobby(2);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 5, "ayu")));
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 7, "ayu")));
    let asked = requests(&mut chat);
    let [Request::History(history)] = &asked[..] else {
        panic!("asks once: {asked:?}")
    };
    let refusal = ChatError {
        code: ChatErrorCode::TooFast,
        detail: "2".to_owned(),
    };
    chat.handle_response(0, Response::HistoryPage(history.clone(), Some(Err(refusal))));
    assert_eq!(requests(&mut chat), [], "the server wants to be left alone");
    chat.handle_timeout(2000);
    let asked = requests(&mut chat);
    let [Request::Join(join)] = &asked[..] else {
        panic!("tries again: {asked:?}")
    };
    assert_eq!(join.after, Some(2));
    let page = HistoryPage {
        messages: (3..=7).map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more: false,
    };
    answer_join(&mut chat, join, 7, page);
    assert_eq!(chat.len(), 7);
}

#[test]
fn join_unanswered_is_repeated_after_a_pause() {
    let mut chat = joined_lobby(0);
    chat.open(0, "warung");
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    chat.handle_response(0, Response::Joined(join.clone(), None));
    assert_eq!(requests(&mut chat), []);
    chat.handle_timeout(chat.poll_timeout().expect("tries again"));
    assert_eq!(requests(&mut chat), [Request::Join(join.clone())]);
}

#[test]
fn hello_with_refused_name_shows_the_error() {
    let mut chat = new_page();
    chat.handle_connected(0);
    let ServerEvent::Hello(mut hello) = hello(vec![room(LOBBY, 0)]) else {
        panic!("is a hello")
    };
    let refusal = ChatError {
        code: ChatErrorCode::NameTaken,
        detail: "Ayu".to_owned(),
    };
    hello.name_refused = Some(refusal.clone());
    chat.handle_event(0, ServerEvent::Hello(hello));
    assert_eq!(chat.notice(), Some(&refusal));
}

#[test]
fn deleted_message_leaves_its_place_and_disappears_from_quotes_and_drafts() {
    let mut chat = joined_lobby(2);
    let mut reply = message(LOBBY, 3, "budi");
    reply.reply = Some(Quote {
        seq: 2,
        author: "ayu".to_owned(),
        text: "ayu 2".to_owned(),
    });
    chat.handle_event(0, ServerEvent::Message(reply));
    let key = chat.rows(0, 3)[1].item.key;
    chat.set_reply_to(Some(key));
    let before = chat.rows(0, 3)[1].render_key();
    chat.handle_event(
        0,
        ServerEvent::MessageDeleted(MessageDeleted {
            room: LOBBY.to_owned(),
            seq: 2,
        }),
    );
    assert_eq!(texts(&chat), ["ayu 1", "", "budi 3"]);
    let rows = chat.rows(0, 3);
    let deleted = rows[1].item.message().expect("still there");
    assert!(deleted.is_deleted() && deleted.author.is_none());
    assert_ne!(rows[1].render_key(), before, "is drawn again");
    let quote = rows[2].item.message().and_then(|message| message.reply.clone());
    let quote = quote.expect("a reply");
    assert_eq!(
        (quote.seq, quote.author.as_str(), quote.text.as_str()),
        (2, "", "")
    );
    assert_eq!(chat.room().reply_to, None);
    // the numbers go on
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 4, "budi")));
    assert_eq!(requests(&mut chat), []);
}

#[test]
fn erased_person_disappears_from_all_rooms() {
    let mut chat = joined_lobby(2);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 3, "budi")));
    chat.handle_event(
        0,
        ServerEvent::PersonErased(PersonErased {
            person: "ayu".to_owned(),
        }),
    );
    assert_eq!(texts(&chat), ["", "", "budi 3"]);
}
