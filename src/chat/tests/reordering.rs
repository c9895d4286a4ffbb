//! Answers that come late or never, and events that arrive before them.

use super::*;

fn direct(last_seq: u64) -> Room {
    Room {
        kind: RoomKind::Direct,
        with: Some(person("ayu")),
        ..room("d.ayu", last_seq)
    }
}

fn page(seqs: impl IntoIterator<Item = u64>, more: bool) -> HistoryPage {
    HistoryPage {
        messages: seqs.into_iter().map(|seq| message(LOBBY, seq, "ayu")).collect(),
        more,
    }
}

fn joins(chat: &mut ChatState) -> Vec<Join> {
    let asked = requests(chat).into_iter();
    asked
        .filter_map(|request| match request {
            Request::Join(join) => Some(join),
            _ => None,
        })
        .collect()
}

/// Connected again, and greeted.
fn reconnect(chat: &mut ChatState, now: u64, rooms: Vec<Room>) -> Vec<Join> {
    chat.handle_connected(now);
    chat.handle_event(now, hello(rooms));
    joins(chat)
}

#[test]
fn direct_room_with_live_message_opens_with_newest_page() {
    let mut chat = new_page();
    reconnect(&mut chat, 0, vec![room(LOBBY, 0), direct(3)]);
    chat.handle_event(0, ServerEvent::Message(message("d.ayu", 4, "ayu")));
    assert_eq!(chat.unread(), 4);
    chat.open(0, "d.ayu");
    let join = joins(&mut chat).remove(0);
    assert_eq!(
        join.after, None,
        "the newest page, and whether there is more before it"
    );
    let page = HistoryPage {
        messages: (1..=4).map(|seq| message("d.ayu", seq, "ayu")).collect(),
        more: false,
    };
    answer_join(&mut chat, &join, 4, page);
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3", "ayu 4"]);
}

#[test]
fn message_before_join_answer_lost_hides_no_missed_message() {
    let mut chat = joined_lobby(2);
    chat.handle_disconnected(0, false);
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 4)]).remove(0);
    assert_eq!(join.after, Some(2));
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 5, "ayu")));
    chat.handle_disconnected(0, false);
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 5)]).remove(0);
    assert_eq!(join.after, Some(2));
    answer_join(&mut chat, &join, 5, page(3..=5, false));
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3", "ayu 4", "ayu 5"]);
}

#[test]
fn message_just_before_join_answer_keeps_numbering() {
    let mut chat = new_page();
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 2)]).remove(0);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 3, "ayu")));
    answer_join(&mut chat, &join, 2, page(1..=2, true));
    assert_eq!(texts(&chat), ["ayu 1", "ayu 2", "ayu 3"]);
    assert!(chat.has_older());
    chat.handle_disconnected(0, false);
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 3)]).remove(0);
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 4, "ayu")));
    answer_join(&mut chat, &join, 3, page([], false));
    assert_eq!(chat.rows(0, 9)[3].item.seq(), Some(4));
    assert!(chat.has_older());
}

#[test]
fn read_mark_beyond_last_number_is_lowered() {
    let saved = Preferences {
        read: vec![(LOBBY.to_owned(), 40)],
        ..Preferences::default()
    };
    let mut chat = ChatState::new("page".to_owned(), utc_day, saved, WindowState::default());
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 2)]).remove(0);
    chat.set_viewing(false);
    answer_join(&mut chat, &join, 2, page(1..=2, false));
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 3, "ayu")));
    assert_eq!(chat.unread(), 1);
}

#[test]
fn reconnect_does_not_wait_for_answers_of_previous_connection() {
    let mut chat = joined_lobby(0);
    chat.submit(0, "halo");
    let id = sent_ids(&requests(&mut chat)).remove(0);
    chat.handle_disconnected(100, false);
    chat.handle_response(100, Response::Sent(id, None));
    assert_eq!(reconnect(&mut chat, 200, vec![room(LOBBY, 0)]).len(), 1);
}

#[test]
fn older_messages_refused_are_requested_again_after_the_pause() {
    let mut chat = new_page();
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 4)]).remove(0);
    answer_join(&mut chat, &join, 4, page(3..=4, true));
    chat.older();
    let asked = requests(&mut chat);
    let [Request::History(history)] = &asked[..] else {
        panic!("asks: {asked:?}")
    };
    let refusal = ChatError {
        code: ChatErrorCode::TooFast,
        detail: "2".to_owned(),
    };
    chat.handle_response(0, Response::HistoryPage(history.clone(), Some(Err(refusal))));
    assert!(!chat.has_older(), "the list asks as soon as it may");
    chat.handle_timeout(2000);
    let join = joins(&mut chat).remove(0);
    answer_join(&mut chat, &join, 4, page([], false));
    assert!(chat.has_older());
}

#[test]
fn room_left_and_joined_again_ends_joined() {
    let mut chat = joined_lobby(0);
    chat.open(0, "warung");
    let join = joins(&mut chat).remove(0);
    answer_join(&mut chat, &join, 7, page([], false));
    chat.leave(0, "warung");
    chat.open(0, "warung");
    let join = joins(&mut chat).remove(0);
    chat.handle_response(0, Response::Left("warung".to_owned(), Some(Ok(()))));
    chat.handle_response(0, Response::Joined(join, None));
    chat.handle_timeout(chat.poll_timeout().expect("tries again"));
    assert_eq!(joins(&mut chat).len(), 1);
}

#[test]
fn unread_marker_is_before_first_missed_message() {
    let mut chat = joined_lobby(2);
    chat.set_viewing(false);
    chat.handle_disconnected(0, false);
    let join = reconnect(&mut chat, 0, vec![room(LOBBY, 4)]).remove(0);
    answer_join(&mut chat, &join, 4, page(3..=4, false));
    chat.handle_event(0, ServerEvent::Message(message(LOBBY, 5, "ayu")));
    assert_eq!((chat.unread(), chat.unread_marker_row()), (3, Some(2)));
}

#[test]
fn shutdown_notice_ends_with_its_server() {
    let mut chat = joined_lobby(0);
    let closing = ShutdownNotice {
        seconds: 600,
        reason: String::new(),
    };
    chat.handle_event(0, ServerEvent::Shutdown(closing));
    chat.handle_disconnected(1000, true);
    reconnect(&mut chat, 5000, vec![room(LOBBY, 0)]);
    assert_eq!(chat.shutdown(), None);
}

#[test]
fn own_rename_from_another_window_is_stored() {
    let mut chat = joined_lobby(0);
    let renamed = Presence {
        room: LOBBY.to_owned(),
        person: Person {
            name: "Ayu".to_owned(),
            ..person("me")
        },
        change: crate::protocol::PresenceChange::Renamed,
    };
    chat.handle_event(0, ServerEvent::Presence(renamed));
    assert_eq!(chat.preferences().name.as_deref(), Some("Ayu"));
}

#[test]
fn basic_server_without_echo_shows_own_message_in_order() {
    let mut chat = new_page();
    chat.handle_connected(0);
    chat.handle_timeout(HELLO_TIMEOUT);
    chat.submit(600, "satu");
    requests(&mut chat);
    chat.handle_timeout(600 + ECHO_TIMEOUT);
    assert_eq!(chat.rows(0, 9)[0].delivery, Delivery::Sent);
    chat.handle_event(20_000, ServerEvent::Plain("dua".to_owned()));
    assert_eq!(texts(&chat), ["satu", "dua"]);
    assert_eq!(chat.window_state().unsent, []);
}

#[test]
fn message_stored_by_two_windows_is_sent_once() {
    let mut chat = new_page();
    chat.submit(0, "halo");
    let mut carried = chat.window_state();
    carried.unsent.extend(chat.window_state().unsent);
    let chat = ChatState::new("next".to_owned(), utc_day, Preferences::default(), carried);
    assert_eq!(texts(&chat), ["halo"]);
}
