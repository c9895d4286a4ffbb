//! What the operator does to a running chat.

use std::time::Duration;

use pesan::protocol::{Announcement, Create, History, Kicked, Presence, RoomGone, Send, ShutdownNotice};
use pesan_server::chat::history::StoreError;

use crate::server::Server;

#[tokio::test]
async fn the_operator_sees_connections_and_rooms() {
    let server = Server::start().await;
    let (ana, _plain) = (server.page("Ana").await, server.plain().await);
    let list = server.state.chat.connections().await;
    let names: Vec<(&str, &str)> = list
        .iter()
        .map(|one| (one.name.as_str(), one.person.as_str()))
        .collect();
    assert_eq!(names, [("", ""), ("Ana", ana.you().id.as_str())]);
    let rooms = server.state.chat.rooms();
    assert_eq!(
        rooms
            .iter()
            .map(|room| (room.id.as_str(), room.people))
            .collect::<Vec<_>>(),
        [("lobby", 1)]
    );
}

#[tokio::test]
async fn who_is_kicked_is_told_why_and_is_gone_at_once() {
    let server = Server::start().await;
    let mut bob = server.page("Bob").await;
    let (mut one, mut two) = (server.page("Ana").await, server.page("Ana").await);
    bob.next::<Presence>().await;
    assert_eq!(server.state.chat.kick(&one.you().id, "berisik").await, 2);
    for page in [&mut one, &mut two] {
        assert_eq!(page.next::<Kicked>().await.reason, "berisik");
        page.peer.ended().await;
    }
    assert_eq!(server.state.chat.kick("nobody", "").await, 0);
    assert_eq!(server.state.chat.connections().await.len(), 1);
}

#[tokio::test]
async fn the_operator_removes_and_merges_rooms() {
    let server = Server::start().await;
    let mut ana = server.page("Ana").await;
    for name in ["kopi", "teh", "susu"] {
        let name = name.to_owned();
        ana.ask(&Create { name }).await.expect("a good name");
    }
    for (room, text) in [
        ("kopi", "satu"),
        ("teh", "dua"),
        ("teh", "tiga"),
        ("susu", "empat"),
    ] {
        let send = Send {
            room: room.to_owned(),
            id: format!("message-{text}"),
            text: text.to_owned(),
            reply_to: (text == "tiga").then_some(1),
        };
        ana.ask(&send).await.expect("stored");
    }
    let chat = &server.state.chat;
    assert_eq!(chat.remove_room("susu", false).await, Ok(true));
    let gone: RoomGone = ana.next().await;
    assert_eq!((gone.id.as_str(), gone.into), ("susu", None));
    assert_eq!(chat.remove_room("susu", false).await, Ok(false));
    assert_eq!(chat.remove_room("lobby", false).await, Ok(false));

    assert_eq!(chat.merge_rooms("teh", "teh").await, Err(StoreError::RoomUnknown));
    assert_eq!(
        chat.merge_rooms("lobby", "kopi").await,
        Err(StoreError::RoomUnknown)
    );
    assert_eq!(chat.merge_rooms("teh", "kopi").await, Ok(()));
    let gone: RoomGone = ana.next().await;
    assert_eq!((gone.id.as_str(), gone.into.as_deref()), ("teh", Some("kopi")));
    let wanted = History {
        room: "kopi".to_owned(),
        before: None,
        after: None,
    };
    let all = ana.ask(&wanted).await.expect("open to all").messages;
    let all: Vec<(u64, &str, Option<u64>)> = all
        .iter()
        .map(|message| {
            (
                message.seq,
                message.text.as_str(),
                message.reply.as_ref().map(|reply| reply.seq),
            )
        })
        .collect();
    assert_eq!(all, [(1, "satu", None), (2, "dua", None), (3, "tiga", Some(2))]);
    let send = Send {
        room: "kopi".to_owned(),
        id: "message-lima".to_owned(),
        text: "lima".to_owned(),
        reply_to: None,
    };
    assert_eq!(ana.ask(&send).await.expect("stored").seq, 4);
    let server = server.restart().await;
    let rooms: Vec<(String, u64)> = server
        .state
        .chat
        .rooms()
        .into_iter()
        .map(|room| (room.id, room.messages))
        .collect();
    assert_eq!(rooms, [("kopi".to_owned(), 4), ("lobby".to_owned(), 0)]);
}

#[tokio::test]
async fn everyone_hears_an_announcement() {
    let server = Server::start().await;
    let (mut ana, mut plain) = (server.page("Ana").await, server.plain().await);
    server.state.chat.announce("makan siang");
    assert_eq!(ana.next::<Announcement>().await.text, "makan siang");
    assert_eq!(plain.event("pesan").await, "makan siang");
}

#[tokio::test]
async fn a_closing_is_announced_to_those_here_and_to_those_who_come() {
    let server = Server::start().await;
    let mut ana = server.page("Ana").await;
    server
        .state
        .chat
        .announce_closing(Duration::from_secs(60), "perawatan");
    let closing: ShutdownNotice = ana.next().await;
    assert_eq!((closing.seconds, closing.reason.as_str()), (60, "perawatan"));
    let mut bob = server.page("Bob").await;
    assert!(bob.next::<ShutdownNotice>().await.seconds > 50);
    server.state.chat.announce_closing(Duration::ZERO, "");
    assert_eq!(ana.next::<ShutdownNotice>().await.seconds, 0);
}

#[tokio::test]
async fn a_stop_tells_everyone_and_ends_their_connections() {
    let server = Server::start().await;
    let (mut ana, mut plain) = (server.page("Ana").await, server.plain().await);
    let server = tokio::spawn(server.restart());
    ana.next::<ShutdownNotice>().await;
    ana.peer.ended().await;
    plain.ended().await;
    server.await.expect("starts again");
}
