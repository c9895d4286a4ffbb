//! What the operator does to a running chat.

use std::time::Duration;

use pesan::protocol::{
    Announcement, ChatErrorCode, Create, Direct, History, Kicked, LOBBY, Message, MessageDeleted,
    PersonErased, Presence, Room, RoomGone, Send, ShutdownNotice,
};
use pesan_server::chat::history::{Range, Restriction, RestrictionKind, StoreError};
use serde_json::json;

use crate::peer::{ChatPage, Peer, auth};
use crate::server::Server;

fn restriction(kind: RestrictionKind, subject: &str) -> Restriction {
    Restriction {
        kind,
        subject: subject.parse().expect("a subject"),
        until: None,
        reason: "iklan".to_owned(),
    }
}

fn send(id: &str, text: &str, reply_to: Option<u64>) -> Send {
    Send {
        room: LOBBY.to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
        reply_to,
    }
}

#[tokio::test]
async fn ban_of_a_person_disconnects_and_survives_a_restart() {
    let server = Server::start().await;
    let chat = &server.state.chat;
    let (mut ana, bob) = (server.page("Ana").await, server.page("Bob").await);
    let person = ana.you().id.clone();
    let connections = chat.connections().await;
    let connection = connections
        .iter()
        .find(|one| one.person == person)
        .expect("connected");
    let subject = chat.subject(&connection.id).await.expect("a page");
    assert_eq!(subject.to_string(), person);
    let ban = Restriction {
        subject: subject.clone(),
        ..restriction(RestrictionKind::Ban, "ana")
    };
    chat.restrict(ban.clone()).await.expect("stored");
    assert_eq!(ana.next::<Kicked>().await.reason, "iklan");
    ana.peer.ended().await;
    let server = server.restart().await;
    let refused = ChatPage::open_as(server.address, &auth("Ana")).await.err();
    let error = refused.expect("she is banned");
    assert_eq!(error["message"], "banned");
    assert_eq!(error["data"], json!({ "code": "banned", "detail": "iklan" }));
    let chat = &server.state.chat;
    assert_eq!(chat.restrictions().await, Ok(vec![ban]));
    assert_eq!(chat.lift(RestrictionKind::Ban, &subject).await, Ok(true));
    assert_eq!(chat.lift(RestrictionKind::Ban, &subject).await, Ok(false));
    drop((server.page("Ana").await, bob));
}

#[tokio::test]
async fn ban_of_an_address_refuses_plain_clients_until_it_ends() {
    let server = Server::start().await;
    let chat = &server.state.chat;
    let mut plain = server.plain().await;
    let connection = chat.connections().await.remove(0);
    let error = chat.subject(&connection.id).await.expect_err("a plain client");
    assert!(error.contains("127.0.0.1"), "{error}");
    let network = restriction(RestrictionKind::Ban, "127.0.0.0/8");
    chat.restrict(network.clone()).await.expect("stored");
    plain.ended().await;
    let refused = Peer::open(server.address, "").await.err().expect("is banned");
    assert_eq!(refused["data"]["code"], "banned");
    let ended = Restriction {
        until: Some(1),
        ..network
    };
    chat.restrict(ended).await.expect("stored");
    server.plain().await;
    assert_eq!(chat.restrictions().await, Ok(vec![]));
}

#[tokio::test]
async fn mute_of_a_person_allows_reading_only() {
    let server = Server::start().await;
    let chat = &server.state.chat;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let mute = restriction(RestrictionKind::Mute, &ana.you().id);
    chat.restrict(mute.clone()).await.expect("stored");
    let refused = ana
        .ask(&send("message-1", "halo", None))
        .await
        .expect_err("muted");
    assert_eq!(refused.code, ChatErrorCode::Muted);
    let create = Create {
        name: "kopi".to_owned(),
    };
    assert_eq!(
        ana.ask(&create).await.expect_err("muted").code,
        ChatErrorCode::Muted
    );
    // the page may also speak plainly
    let plain = ana.peer.ask("pesan", "halo").await;
    assert_eq!(plain["Err"]["code"], "muted", "{plain}");
    bob.ask(&send("message-2", "halo Ana", None))
        .await
        .expect("stored");
    assert_eq!(ana.next::<Message>().await.text, "halo Ana");
    assert_eq!(chat.lift(RestrictionKind::Mute, &mute.subject).await, Ok(true));
    ana.ask(&send("message-1", "halo", None)).await.expect("stored");
}

#[tokio::test]
async fn deleted_message_disappears_from_pages_and_from_the_list_of_rooms() {
    let server = Server::start().await;
    let chat = &server.state.chat;
    let mut ana = server.page("Ana").await;
    ana.ask(&send("message-1", "satu", None)).await.expect("stored");
    ana.ask(&send("message-2", "dua", Some(1))).await.expect("stored");
    assert_eq!(chat.delete_message(LOBBY, 2).await, Ok(true));
    let deleted: MessageDeleted = ana.next().await;
    assert_eq!((deleted.room.as_str(), deleted.seq), (LOBBY, 2));
    let last = ana.next::<Room>().await.last.expect("the newest message");
    assert!(last.is_deleted() && last.author.name.is_empty(), "{last:?}");
    assert_eq!(chat.delete_message(LOBBY, 2).await, Ok(false));
    let page = chat.messages(LOBBY, Range::Newest, 10).await.expect("readable");
    let texts: Vec<&str> = page
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["satu", ""]);
    assert_eq!(
        chat.messages("nowhere", Range::Newest, 10).await,
        Err(StoreError::RoomUnknown)
    );
}

#[tokio::test]
async fn erased_person_loses_messages_direct_rooms_and_connections() {
    let server = Server::start().await;
    let chat = &server.state.chat;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let person = ana.you().id.clone();
    ana.ask(&send("message-1", "satu", None)).await.expect("stored");
    let direct = Direct {
        person: person.clone(),
    };
    let direct = bob.ask(&direct).await.expect("she is here");
    let secret = Send {
        room: direct.id.clone(),
        ..send("message-2", "rahasia", None)
    };
    bob.ask(&secret).await.expect("stored");
    let erased = chat.erase_person(&person).await.expect("works");
    assert_eq!((erased.messages, erased.rooms, erased.connections), (1, 1, 1));
    ana.peer.ended().await;
    assert_eq!(bob.next::<RoomGone>().await.id, direct.id);
    assert_eq!(bob.next::<PersonErased>().await.person, person);
    let page = chat.messages(LOBBY, Range::Newest, 10).await.expect("readable");
    assert!(page.messages.iter().all(Message::is_deleted));
}

#[tokio::test]
async fn operator_lists_connections_and_rooms() {
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
async fn kick_sends_the_reason_and_disconnects() {
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
async fn operator_removes_and_merges_rooms() {
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
async fn announcement_is_sent_to_everyone() {
    let server = Server::start().await;
    let (mut ana, mut plain) = (server.page("Ana").await, server.plain().await);
    server.state.chat.announce("makan siang");
    assert_eq!(ana.next::<Announcement>().await.text, "makan siang");
    assert_eq!(plain.event("pesan").await, "makan siang");
}

#[tokio::test]
async fn shutdown_notice_is_sent_to_present_and_new_pages() {
    let server = Server::start().await;
    let mut ana = server.page("Ana").await;
    server
        .state
        .chat
        .announce_shutdown(Duration::from_secs(60), "perawatan");
    let closing: ShutdownNotice = ana.next().await;
    assert_eq!((closing.seconds, closing.reason.as_str()), (60, "perawatan"));
    let mut bob = server.page("Bob").await;
    assert!(bob.next::<ShutdownNotice>().await.seconds > 50);
    server.state.chat.announce_shutdown(Duration::ZERO, "");
    assert_eq!(ana.next::<ShutdownNotice>().await.seconds, 0);
}

#[tokio::test]
async fn shutdown_notifies_everyone_and_disconnects() {
    let server = Server::start().await;
    let (mut ana, mut plain) = (server.page("Ana").await, server.plain().await);
    let server = tokio::spawn(server.restart());
    ana.next::<ShutdownNotice>().await;
    ana.peer.ended().await;
    plain.ended().await;
    server.await.expect("starts again");
}
