//! What is said in the lobby, by pages and by plain clients.

use std::time::{Duration, Instant};

use pesan::protocol::{ChatErrorCode, Message, Presence, Rename, Send, Sent, Typing, TypingNotice};
use serde_json::json;

use crate::peer::{ChatPage, auth};
use crate::server::Server;

fn send(id: &str, text: &str) -> Send {
    Send {
        room: "lobby".to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
        reply_to: None,
    }
}

#[tokio::test]
async fn plain_message_is_sent_to_everyone_including_the_sender() {
    let server = Server::start().await;
    let (mut one, mut two) = (server.plain().await, server.plain().await);
    one.emit("pesan", "halo").await;
    assert_eq!(one.event("pesan").await, "halo");
    assert_eq!(two.event("pesan").await, "halo");
    // whatever it is, as the first server did
    two.emit("pesan", json!({ "not": ["text", 1] })).await;
    assert_eq!(one.event("pesan").await, json!({ "not": ["text", 1] }));
}

#[tokio::test]
async fn lobby_connects_pages_and_plain_clients() {
    let server = Server::start().await;
    let (mut ana, mut plain) = (server.page("Ana").await, server.plain().await);
    plain.emit("pesan", "dari luar").await;
    let message: Message = ana.next().await;
    assert_eq!((message.seq, message.text.as_str()), (1, "dari luar"));
    assert!(message.author.name.starts_with("tamu-"), "{:?}", message.author);
    let sent = ana.ask(&send("from-ana", "halo")).await.expect("stored");
    assert_eq!(sent.seq, 2);
    assert_eq!(plain.event("pesan").await, "dari luar");
    assert_eq!(plain.event("pesan").await, "halo");
    let message: Message = ana.next().await;
    assert_eq!((message.author, message.at), (ana.you().clone(), sent.at));
}

#[tokio::test]
async fn plain_message_with_ack_is_acknowledged_when_stored() {
    let server = Server::start().await;
    let mut plain = server.plain().await;
    let answer = plain.ask("pesan", "halo").await;
    assert_eq!(answer["Ok"]["seq"], 1);
    assert_eq!(plain.event("pesan").await, "halo");
}

#[tokio::test]
async fn plain_messages_in_a_flood_are_sent_but_not_all_stored() {
    let server = Server::with(&["--plain-rate", "0"]).await;
    let mut plain = server.plain().await;
    for number in 0..3000 {
        plain.emit("pesan", number.to_string()).await;
    }
    for number in 0..3000 {
        assert_eq!(plain.event("pesan").await, number.to_string());
    }
    // stored after what came before it
    let last = plain.ask("pesan", "cukup").await["Ok"]["seq"]
        .as_u64()
        .expect("stored");
    assert!((2000..3000).contains(&last), "{last}");
}

#[tokio::test]
async fn plain_client_with_plain_rate_is_throttled() {
    let server = Server::with(&["--plain-rate", "2"]).await;
    let mut plain = server.plain().await;
    let begun = Instant::now();
    for _ in 0..12 {
        plain.ask("pesan", "halo").await;
    }
    // ten at once, then two a second
    assert!(
        begun.elapsed() > Duration::from_millis(900),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn message_sent_again_is_shown_once() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(ana.ask(&send("the-same-id", "halo")).await.expect("stored"));
    }
    assert!(
        answers.iter().all(|sent: &Sent| *sent == answers[0]),
        "{answers:?}"
    );
    let forged = bob
        .ask(&send("the-same-id", "halo"))
        .await
        .expect_err("someone else's");
    assert_eq!(forged.code, ChatErrorCode::IdInvalid);
    assert_eq!(bob.all_until_now::<Message>().await.len(), 1);
}

#[tokio::test]
async fn messages_have_one_order_for_everyone_also_after_a_restart() {
    let server = Server::with(&["--burst", "10000"]).await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    for number in 0..100 {
        ana.peer
            .emit("send", send(&format!("from-ana-{number}"), &number.to_string()))
            .await;
        bob.peer
            .emit("send", send(&format!("from-bob-{number}"), &number.to_string()))
            .await;
    }
    let mut seen = [Vec::new(), Vec::new()];
    for (page, seen) in [&mut ana, &mut bob].into_iter().zip(&mut seen) {
        for _ in 0..200 {
            seen.push(page.next::<Message>().await);
        }
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(
        seen[0].iter().map(|message| message.seq).collect::<Vec<_>>(),
        (1..=200).collect::<Vec<_>>()
    );

    let server = server.restart().await;
    let mut cid = server.page("Cid").await;
    assert_eq!(cid.hello.rooms[0].last_seq, 200);
    let mut kept = Vec::new();
    let mut after = 0;
    loop {
        let wanted = pesan::protocol::History {
            room: "lobby".to_owned(),
            before: None,
            after: Some(after),
        };
        let page = cid.ask(&wanted).await.expect("readable");
        kept.extend(page.messages);
        if !page.more {
            break;
        }
        after = kept.last().map_or(0, |message: &Message| message.seq);
    }
    assert_eq!(kept, seen[0]);
}

#[tokio::test]
async fn message_text_is_sanitized_and_limited() {
    let server = Server::with(&["--text-chars", "10"]).await;
    let mut ana = server.page("Ana").await;
    let refused = [
        ("", ChatErrorCode::TextEmpty),
        (" \u{200b}", ChatErrorCode::TextEmpty),
        ("12345678901", ChatErrorCode::TextTooLong),
    ];
    for (text, code) in refused {
        let refusal = ana.ask(&send("some-id-1", text)).await.expect_err("bad text");
        assert_eq!(refusal.code, code, "{text:?}");
    }
    ana.ask(&send("some-id-2", "a\u{202e}b\u{0}<b>"))
        .await
        .expect("stored");
    assert_eq!(ana.next::<Message>().await.text, "ab<b>");
    for id in [
        "short",
        "with space",
        "plain.12345",
        "told.123456",
        &"x".repeat(65),
    ] {
        let refusal = ana.ask(&send(id, "halo")).await.expect_err("bad id");
        assert_eq!(refusal.code, ChatErrorCode::IdInvalid, "{id:?}");
    }
    let nonsense = ana.peer.ask("send", 5).await;
    assert_eq!(nonsense["Err"]["code"], "malformed");
}

#[tokio::test]
async fn rate_limit_exceeded_returns_the_time_to_wait() {
    let server = Server::with(&["--rate", "0.5", "--burst", "2"]).await;
    let mut ana = server.page("Ana").await;
    for number in 0..2 {
        ana.ask(&send(&format!("message-{number}"), "halo"))
            .await
            .expect("stored");
    }
    let refusal = ana.ask(&send("message-9", "halo")).await.expect_err("too fast");
    assert_eq!(
        (refusal.code, refusal.detail.as_str()),
        (ChatErrorCode::TooFast, "2")
    );
    // a second tab is the same person
    let mut tab = server.page("Ana").await;
    let refusal = tab.ask(&send("message-9", "halo")).await.expect_err("too fast");
    assert_eq!(refusal.code, ChatErrorCode::TooFast);
}

#[tokio::test]
async fn presence_of_two_tabs_is_announced_once() {
    let server = Server::start().await;
    let mut bob = server.page("Bob").await;
    let tab = server.page("Ana").await;
    let came: Presence = bob.next().await;
    assert_eq!(came.person, *tab.you());
    let mut other = server.page("Ana").await;
    assert_eq!(other.you(), tab.you());
    drop(tab);
    // a client that says goodbye is gone at once
    other.peer.write("41".to_owned()).await;
    let went: Presence = bob.next().await;
    assert_eq!(
        (&went.person, went.change),
        (other.you(), pesan::protocol::PresenceChange::Went)
    );
    assert_eq!(bob.all_until_now::<Presence>().await, []);
}

#[tokio::test]
async fn presence_after_a_short_absence_is_unchanged() {
    let server = Server::start().await;
    let mut bob = server.page("Bob").await;
    let ana = server.page("Ana").await;
    bob.next::<Presence>().await;
    let you = ana.you().clone();
    drop(ana);
    let ana = server.page("Ana").await;
    assert_eq!(*ana.you(), you);
    assert_eq!(bob.all_until_now::<Presence>().await, []);
}

#[tokio::test]
async fn names_of_people_online_are_unique() {
    let server = Server::start().await;
    let mut ana = server.page("Ana").await;
    let mut other = auth("Ana");
    other.key = "another person's key".to_owned();
    let mut other = ChatPage::open_as(server.address, &other)
        .await
        .expect("may come in");
    assert_eq!(other.you().name, "Ana 2");
    assert_eq!(
        other.hello.name_refused.as_ref().map(|why| why.code),
        Some(ChatErrorCode::NameTaken)
    );
    let rename = |name: &str| Rename {
        name: name.to_owned(),
    };
    let refusal = other.ask(&rename("АNA")).await.expect_err("looks alike");
    assert_eq!(refusal.code, ChatErrorCode::NameTaken);
    let refusal = other.ask(&rename("\u{202e}")).await.expect_err("nothing to see");
    assert_eq!(refusal.code, ChatErrorCode::NameInvalid);
    let renamed = other.ask(&rename(" Budi ")).await.expect("free");
    assert_eq!(renamed.name, "Budi");
    ana.next::<Presence>().await;
    let presence: Presence = ana.next().await;
    assert_eq!(
        (presence.person, presence.change),
        (renamed, pesan::protocol::PresenceChange::Renamed)
    );
}

#[tokio::test]
async fn typing_notice_is_sent_to_the_others() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let typing = Typing {
        room: "lobby".to_owned(),
    };
    for _ in 0..20 {
        ana.peer.emit("typing", &typing).await;
    }
    let typist: TypingNotice = bob.next().await;
    assert_eq!(typist.person, *ana.you());
    assert_eq!(ana.all_until_now::<TypingNotice>().await, []);
    assert!(bob.all_until_now::<TypingNotice>().await.len() < 5);
}
