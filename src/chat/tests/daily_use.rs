//! What people do every day: quotes of old messages, several windows, direct rooms, rooms of the same name.

use super::*;
use crate::protocol::{PresenceChange, RoomKind};

fn page(seqs: impl IntoIterator<Item = u64>, more: bool) -> HistoryPage {
    HistoryPage {
        messages: seqs.into_iter().map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more,
    }
}

fn history(before: Option<u64>, after: Option<u64>) -> History {
    History {
        room: LOBBY.to_owned(),
        before,
        after,
    }
}

/// Page in the lobby that has loaded the messages 201 to 250.
fn late_page() -> ChatState {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_event(0, hello(vec![room(LOBBY, 250)]));
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    answer_join(&mut chat, join, 250, page(201..=250, true));
    chat
}

#[test]
fn quoted_message_not_loaded_is_shown_with_its_surroundings() {
    let mut chat = late_page();
    chat.show_message(100);
    let around = history(Some(126), None);
    assert_eq!(requests(&mut chat), [Request::History(around.clone())]);
    chat.handle_response(0, Response::HistoryPage(around, Some(Ok(page(76..=125, true)))));
    assert_eq!((chat.len(), chat.row_of(100)), (50, Some(24)));
    assert!(chat.room().target.is_some_and(|(seq, _)| seq == 100));
    // a new message does not disturb, and is not read
    chat.set_viewing(true);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 251, "ayu")));
    assert_eq!((chat.len(), chat.room().unseen_count), (50, 1));
    chat.older();
    let older = history(Some(76), None);
    assert_eq!(requests(&mut chat), [Request::History(older.clone())]);
    chat.handle_response(0, Response::HistoryPage(older, Some(Ok(page(26..=75, true)))));
    assert_eq!(chat.len(), 100);
    chat.show_newest();
    assert_eq!(chat.len(), 51);
}

#[test]
fn excerpt_that_reaches_the_loaded_messages_is_joined_with_them() {
    let mut chat = late_page();
    chat.show_message(150);
    let around = history(Some(176), None);
    requests(&mut chat);
    chat.handle_response(0, Response::HistoryPage(around, Some(Ok(page(126..=175, true)))));
    let view = chat.room().shown().view();
    chat.newer();
    let newer = history(None, Some(175));
    assert_eq!(requests(&mut chat), [Request::History(newer.clone())]);
    chat.handle_response(0, Response::HistoryPage(newer, Some(Ok(page(176..=225, true)))));
    assert!(chat.room().excerpt.is_none());
    assert_eq!(chat.len(), 125, "126 to 250");
    assert_eq!(
        chat.room().shown().view(),
        view,
        "what one reads stays where it is"
    );
    assert_eq!(chat.rows(124, 125)[0].item.seq(), Some(250));
}

#[test]
fn submit_in_an_excerpt_shows_the_newest_messages() {
    let mut chat = late_page();
    chat.show_message(100);
    chat.handle_response(
        0,
        Response::HistoryPage(history(Some(126), None), Some(Ok(page(76..=125, true)))),
    );
    assert!(chat.submit(0, "halo"));
    assert_eq!((chat.len(), chat.submissions()), (51, 1));
}

#[test]
fn preferences_of_another_window_are_adopted() {
    let mut chat = joined_lobby(3);
    chat.open(0, "warung");
    requests(&mut chat);
    let mut stored = chat.preferences();
    stored.joined.retain(|id| id != "warung");
    stored.joined.push("kopi".to_owned());
    stored.name = Some("Ayu".to_owned());
    stored.read = vec![(LOBBY.to_owned(), 3)];
    chat.adopt_preferences(0, stored.clone());
    assert_eq!(
        chat.room().room.id,
        LOBBY,
        "the room was left in the other window"
    );
    assert_eq!(chat.wished_name(), Some("Ayu"));
    let asked = requests(&mut chat);
    assert!(
        matches!(&asked[..], [Request::Leave(_), Request::Join(join)] if join.room == "kopi"),
        "{asked:?}"
    );
    assert_eq!(chat.preferences().joined, stored.joined);
}

#[test]
fn draft_after_reload_keeps_its_reply() {
    let mut chat = joined_lobby(1);
    let key = chat.rows(0, 1)[0].item.key;
    chat.set_draft("setuju");
    chat.set_reply_to(Some(key));
    let window = chat.window_state();
    let chat = ChatState::new("next".to_owned(), utc_day, Preferences::default(), window);
    assert_eq!(chat.room().draft, "setuju");
    assert_eq!(chat.room().reply_to.as_ref().map(|quote| quote.seq), Some(1));
}

#[test]
fn basic_server_blank_text_is_no_row_and_values_are_json() {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_timeout(HELLO_TIMEOUT);
    chat.handle_event(600, ServerEvent::Plain(String::new()));
    chat.handle_event(600, ServerEvent::Welcome(" ".to_owned()));
    assert_eq!(chat.len(), 0);
    chat.handle_event(600, ServerEvent::PlainJson("{\"a\":1}".to_owned()));
    assert!(
        chat.rows(0, 1)[0]
            .item
            .message()
            .is_some_and(|message| message.is_json)
    );
}

#[test]
fn room_of_a_known_name_is_offered() {
    let mut chat = joined_lobby(0);
    chat.create(" Warung ");
    assert_eq!(
        chat.creation(),
        Some(&RoomCreation::Requested {
            name: "Warung".to_owned()
        })
    );
    let error = ChatError {
        code: ChatErrorCode::RoomTaken,
        detail: "warung".to_owned(),
    };
    chat.handle_response(0, Response::Created(Some(Err(error.clone()))));
    assert_eq!(chat.creation(), Some(&RoomCreation::Refused { error }));
    assert_eq!(chat.notice(), None, "the dialog says it");
    chat.handle_response(0, Response::Created(Some(Ok(room("kopi", 0)))));
    assert_eq!((chat.creation(), chat.room().room.id.as_str()), (None, "kopi"));
}

fn direct(last_seq: u64) -> Room {
    Room {
        kind: RoomKind::Direct,
        with: Some(person("ayu")),
        ..room("d.ayu", last_seq)
    }
}

#[test]
fn direct_room_first_message_is_marked_as_new() {
    let mut chat = joined_lobby(0);
    chat.handle_event(0, ServerEvent::Room(direct(0)));
    chat.handle_event(0, ServerEvent::Message(message("d.ayu", 1, "ayu")));
    assert_eq!(chat.unread(), 1);
    chat.open(0, "d.ayu");
    // the list shows the end of the room at once
    chat.set_viewing(true);
    let [Request::Join(join)] = &requests(&mut chat)[..] else {
        panic!("joins")
    };
    let joined = Joined {
        room: direct(1),
        people: vec![person("me")],
        people_count: None,
        page: HistoryPage {
            messages: vec![message("d.ayu", 1, "ayu")],
            more: false,
        },
    };
    chat.handle_response(0, Response::Joined(join.clone(), Some(Ok(Box::new(joined)))));
    assert_eq!((chat.unread_marker_row(), chat.unread()), (Some(0), 0));
}

#[test]
fn direct_room_hidden_appears_again_with_a_new_message() {
    let mut chat = joined_lobby(0);
    chat.handle_event(0, ServerEvent::Room(direct(3)));
    let is_listed = |chat: &ChatState| chat.listed().iter().any(|room| room.room.id == "d.ayu");
    assert!(is_listed(&chat));
    chat.hide(0, "d.ayu");
    assert!(!is_listed(&chat));
    let mut again = ChatState::new(
        "next".to_owned(),
        utc_day,
        chat.preferences(),
        WindowState::default(),
    );
    again.handle_connected(0);
    again.handle_event(0, hello(vec![room(LOBBY, 0), direct(3)]));
    assert!(!is_listed(&again), "also after a reload");
    again.handle_event(0, ServerEvent::Message(message("d.ayu", 4, "ayu")));
    assert!(is_listed(&again));
}

#[test]
fn presence_of_direct_partner_follows_the_lobby() {
    let mut chat = joined_lobby(0);
    assert_eq!(chat.is_present("ayu"), Some(true));
    let went = Presence {
        room: LOBBY.to_owned(),
        person: person("ayu"),
        change: PresenceChange::Went,
    };
    chat.handle_event(0, ServerEvent::Presence(went));
    assert_eq!(chat.is_present("ayu"), Some(false));
    chat.handle_disconnected(0, false);
    assert_eq!(chat.is_present("ayu"), None, "nothing is said that is not known");
}

#[test]
fn membership_hidden_leaves_no_rows() {
    let mut chat = joined_lobby(1);
    let came = |id: &str| {
        ServerEvent::Presence(Presence {
            room: LOBBY.to_owned(),
            person: person(id),
            change: PresenceChange::Came,
        })
    };
    chat.handle_event(0, came("budi"));
    assert_eq!(chat.len(), 2);
    chat.set_hide_membership(true);
    chat.handle_event(0, came("citra"));
    assert_eq!(chat.len(), 1);
    assert!(chat.preferences().hide_membership);
    assert_eq!(chat.room().people.len(), 4);
}

#[test]
fn waiting_message_says_what_it_waits_for() {
    let mut chat = joined_lobby(0);
    let delivery = |chat: &ChatState, row: usize| chat.rows(row, row + 1)[0].delivery.clone();
    chat.submit(0, "satu");
    chat.submit(0, "dua");
    assert_eq!(delivery(&chat, 0), Delivery::Sending);
    assert_eq!(delivery(&chat, 1), Delivery::Sending, "follows the first one");
    let id = sent_ids(&requests(&mut chat)).remove(0);
    let too_fast = ChatError {
        code: ChatErrorCode::TooFast,
        detail: "2".to_owned(),
    };
    chat.handle_response(0, Response::Sent(id, Some(Err(too_fast))));
    assert_eq!(delivery(&chat, 0), Delivery::Delayed);
    chat.handle_timeout(2000);
    chat.handle_timeout(chat.poll_timeout().expect("an answer is due"));
    chat.handle_timeout(7000);
    assert_eq!(delivery(&chat, 0), Delivery::Unanswered);
    assert_eq!(
        delivery(&chat, 1),
        Delivery::Unanswered,
        "waits for the first one"
    );
    chat.handle_disconnected(8000, false);
    assert_eq!(delivery(&chat, 0), Delivery::Queued);
}
