//! What one person and one address can make the chat do, however often they come.

use std::time::{Duration, Instant};

use pesan::protocol::{ChatErrorCode, Create, Direct, Join, Message, Person, Room, RoomGone, Send};

use crate::peer::ChatPage;
use crate::server::Server;

/// Leaves on purpose, so that there is nothing to wait for.
async fn leaves(mut page: ChatPage) {
    page.peer.write("41".to_owned()).await;
    drop(page);
}

fn send(room: &str, id: String, text: &str) -> Send {
    Send {
        room: room.to_owned(),
        id,
        text: text.to_owned(),
        reply_to: None,
    }
}

fn create(name: String) -> Create {
    Create { name }
}

fn direct(person: &Person) -> Direct {
    Direct {
        person: person.id.clone(),
    }
}

#[tokio::test]
async fn rate_limit_of_messages_survives_reconnect() {
    let server = Server::with(&["--rate", "0.01", "--burst", "2"]).await;
    let mut refused = None;
    for n in 0..5 {
        let mut ana = server.page("Ana").await;
        let send = send("lobby", format!("message-{n}"), "halo");
        refused = refused.or(ana.ask(&send).await.err());
        leaves(ana).await;
    }
    let refused = refused.expect("two messages were all");
    assert_eq!(refused.code, ChatErrorCode::TooFast);
}

#[tokio::test]
async fn rate_limit_of_rooms_survives_reconnect() {
    let server = Server::start().await;
    let mut refused = None;
    for n in 0..30 {
        let mut ana = server.page("Ana").await;
        let made = ana.ask(&create(format!("ruang {n}"))).await;
        refused = refused.or(made.err());
        leaves(ana).await;
    }
    let refused = refused.expect("twenty rooms at once were all");
    assert_eq!(refused.code, ChatErrorCode::TooFast);
}

#[tokio::test]
async fn rate_limit_of_rooms_is_shared_by_people_of_one_address() {
    let server = Server::start().await;
    let mut made = 0;
    for n in 0..100 {
        let mut page = server.page(&format!("Orang {n}")).await;
        for m in 0..2 {
            match page.ask(&create(format!("ruang {n} {m}"))).await {
                Ok(_) => made += 1,
                Err(error) => assert_eq!(error.code, ChatErrorCode::TooFast),
            }
        }
        leaves(page).await;
    }
    assert_eq!(made, 60);
}

#[tokio::test]
async fn direct_rooms_without_a_message_do_not_count() {
    let server = Server::with(&["--max-rooms", "1"]).await;
    let mut bob = server.page("Bob").await;
    let mut strangers = Vec::new();
    for n in 0..15 {
        let mut stranger = server.page(&format!("Stranger {n}")).await;
        let room = stranger.ask(&direct(bob.you())).await.expect("takes no place");
        strangers.push((stranger, room.id));
    }
    assert_eq!(bob.all_until_now::<Room>().await, [], "nobody said anything");
    let mut refusals = Vec::new();
    for (stranger, room) in &mut strangers {
        let sent = stranger.ask(&send(room, room.replace('.', "-"), "halo")).await;
        refusals.extend(sent.err());
    }
    assert_eq!(bob.all_until_now::<Room>().await.len(), 10);
    assert_eq!(refusals.len(), 5, "ten were all");
    assert!(
        refusals
            .iter()
            .all(|error| error.code == ChatErrorCode::Unavailable)
    );

    // what was not said is not there after a restart either
    let server = server.restart().await;
    let bob = server.page("Bob").await;
    assert_eq!(bob.hello.rooms.len(), 1 + 10);
}

#[tokio::test]
async fn direct_room_with_first_message_is_shown_to_the_other_member() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let room = ana.ask(&direct(bob.you())).await.expect("he is here").id;
    // whoever asks, it is one room
    assert_eq!(bob.ask(&direct(ana.you())).await.expect("she is here").id, room);
    let join = Join {
        room: room.clone(),
        after: None,
    };
    assert_eq!(ana.ask(&join).await.expect("hers").page.messages, []);
    ana.ask(&send(&room, "message-1".to_owned(), "psst"))
        .await
        .expect("stored");
    assert_eq!(bob.next::<Message>().await.text, "psst");
    assert_eq!(ana.next::<Message>().await.text, "psst");
    let page = bob.ask(&join).await.expect("his").page;
    assert_eq!(page.messages.len(), 1);
}

#[tokio::test]
async fn open_room_without_messages_and_people_is_removed() {
    let server = Server::with(&["--empty-room", "1"]).await;
    let mut ana = server.page("Ana").await;
    for name in ["kosong", "ada orang", "ada pesan"] {
        ana.ask(&create(name.to_owned())).await.expect("a good name");
    }
    let join = |room: &str| Join {
        room: room.to_owned(),
        after: None,
    };
    ana.ask(&join("ada-orang")).await.expect("open to all");
    ana.ask(&send("ada-pesan", "message-1".to_owned(), "halo"))
        .await
        .expect("stored");
    let gone: RoomGone = ana.next().await;
    assert_eq!((gone.id.as_str(), gone.into), ("kosong", None));
    // those others had as much time
    assert_eq!(ana.all_until_now::<RoomGone>().await, []);
    ana.ask(&create("kosong".to_owned()))
        .await
        .expect("the name is free");
    let server = server.restart().await;
    let ids: Vec<String> = server
        .page("Bob")
        .await
        .hello
        .rooms
        .into_iter()
        .map(|room| room.id)
        .collect();
    assert_eq!(ids, ["lobby", "ada-orang", "ada-pesan", "kosong"]);
}

#[tokio::test]
async fn room_limit_reached_replaces_an_idle_room() {
    let server = Server::with(&["--max-rooms", "2"]).await;
    let mut ana = server.page("Ana").await;
    let join = |room: &str| Join {
        room: room.to_owned(),
        after: None,
    };
    for name in ["satu", "dua"] {
        ana.ask(&create(name.to_owned())).await.expect("there is place");
    }
    ana.ask(&join("satu")).await.expect("open to all");
    ana.ask(&create("tiga".to_owned()))
        .await
        .expect("nobody is in the second one");
    assert_eq!(ana.next::<RoomGone>().await.id, "dua");
    ana.ask(&join("tiga")).await.expect("open to all");
    let refused = ana
        .ask(&create("empat".to_owned()))
        .await
        .expect_err("all are used");
    assert_eq!(refused.code, ChatErrorCode::Unavailable);
}

#[tokio::test]
async fn messages_are_counted_in_bytes_too() {
    let server = Server::with(&["--rate", "0.01", "--burst", "100"]).await;
    let mut ana = server.page("Ana").await;
    let text = "x".repeat(4000);
    let mut sent = 0;
    for n in 0..50 {
        match ana.ask(&send("lobby", format!("message-{n}"), &text)).await {
            Ok(_) => sent += 1,
            Err(error) => assert_eq!(error.code, ChatErrorCode::TooFast),
        }
    }
    assert_eq!(sent, 25);
}

#[tokio::test]
async fn rate_limit_applies_to_refused_requests() {
    let server = Server::with(&["--rate", "1", "--burst", "1"]).await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let begun = Instant::now();
    // not a number of whole seconds, after which one more is allowed
    for n in 0..630 {
        ana.peer
            .emit("send", send("lobby", format!("message-{n}"), "halo"))
            .await;
    }
    ana.ask(&send("lobby", "the-last-one".to_owned(), "halo"))
        .await
        .expect_err("too fast");
    // 500 at once, then 50 a second
    assert!(begun.elapsed() > Duration::from_secs(1), "{:?}", begun.elapsed());
    bob.ask(&send("lobby", "message-of-bob".to_owned(), "halo"))
        .await
        .expect("he was quiet");
}

#[tokio::test]
async fn plain_client_too_fast_is_throttled_without_loss() {
    let server = Server::with(&["--rate", "50", "--burst", "10"]).await;
    let mut plain = server.plain().await;
    let begun = Instant::now();
    for number in 0..60 {
        plain.emit("pesan", number.to_string()).await;
    }
    // with an acknowledgement it is no other limit
    assert_eq!(plain.ask("pesan", "cukup").await["Ok"]["seq"], 61);
    assert!(
        begun.elapsed() > Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
    for number in 0..60 {
        assert_eq!(plain.event("pesan").await, number.to_string());
    }
}

#[tokio::test]
async fn rate_limit_is_shared_by_plain_clients_of_one_address() {
    let server = Server::with(&["--rate", "1", "--burst", "10", "--people-per-address", "2"]).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(server.plain().await);
    }
    for plain in &mut clients {
        for number in 0..10 {
            plain.emit("pesan", number.to_string()).await;
        }
    }
    let begun = Instant::now();
    for _ in 0..22 {
        clients[0].event("pesan").await;
    }
    // twenty at once, then two a second
    assert!(
        begun.elapsed() > Duration::from_millis(700),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn store_when_full_refuses_messages_and_recovers() {
    let server = Server::with(&[
        "--max-store-bytes",
        "1000000",
        "--keep-messages",
        "1",
        "--rate",
        "1e6",
        "--burst",
        "1e6",
    ])
    .await;
    let mut ana = server.page("Ana").await;
    let text = "x".repeat(4000);
    let mut refused = None;
    for n in 0..2000 {
        match ana.ask(&send("lobby", format!("message-{n}"), &text)).await {
            Ok(_) => {}
            Err(error) => {
                refused = Some(error);
                break;
            }
        }
    }
    assert_eq!(refused.map(|error| error.code), Some(ChatErrorCode::StoreFull));
    let reason = server.state.health().expect_err("the store is full");
    assert!(reason.contains("--max-store-bytes"), "{reason}");
    // old messages go, and then there is room again
    let begun = Instant::now();
    while server.state.health().is_err() {
        assert!(begun.elapsed() < Duration::from_secs(40), "does not heal");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    ana.ask(&send("lobby", "message-again".to_owned(), "halo"))
        .await
        .expect("stored");
}
