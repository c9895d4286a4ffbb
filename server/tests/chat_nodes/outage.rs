//! Redis is gone for a while, and each node goes on by itself.

use pesan::protocol::{
    ChatErrorCode, Join, LOBBY, Message, PLAIN, Presence, PresenceChange, Send, Typing, TypingNotice,
};

use crate::namesake;
use crate::node::{self, Node};
use crate::peer::{ChatPage, Peer};
use crate::redis_server::RedisServer;

fn send(id: &str) -> Send {
    Send {
        room: LOBBY.to_owned(),
        id: id.to_owned(),
        text: id.to_owned(),
        reply_to: None,
    }
}

#[tokio::test]
async fn redis_outage_stops_acks_and_nothing_else() {
    let mut redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    let mut plains = [
        Peer::open(one.address, "").await.expect("may come in"),
        Peer::open(one.address, "").await.expect("may come in"),
    ];
    ana.ask(&send("before-it")).await.expect("stored");
    assert_eq!(bob.next::<Message>().await.text, "before-it");
    redis.stop();
    for node in [&one, &two] {
        node.says("/readyz", "503").await;
    }

    let refusal = ana.ask(&send("during-it")).await.expect_err("cannot be stored");
    assert_eq!(refusal.code, ChatErrorCode::StoreFailed);
    let mut cid = ChatPage::open(one.address, "Cid").await;
    loop {
        let presence: Presence = ana.next().await;
        if (presence.change, presence.person.name.as_str()) == (PresenceChange::Came, "Cid") {
            break;
        }
    }
    let typing = Typing {
        room: LOBBY.to_owned(),
    };
    cid.peer.emit("typing", &typing).await;
    assert_eq!(ana.next::<TypingNotice>().await.person.name, "Cid");
    let [first, second] = &mut plains;
    first.emit(PLAIN, "masih di sini").await;
    for plain in [first, second] {
        while plain.event(PLAIN).await != "masih di sini" {}
    }

    redis.start_again();
    for node in [&one, &two] {
        node.says("/readyz", "200").await;
    }
    // "try again", as a page offers it
    let seq = loop {
        match ana.ask(&send("during-it")).await {
            Ok(sent) => break sent.seq,
            Err(refusal) => assert_eq!(refusal.code, ChatErrorCode::StoreFailed),
        }
    };
    assert_eq!(seq, 2);
    assert_eq!(bob.next::<Message>().await.text, "during-it");
    // who came meanwhile is known to the others
    loop {
        let presence: Presence = bob.next().await;
        if (presence.change, presence.person.name.as_str()) == (PresenceChange::Came, "Cid") {
            break;
        }
    }
}

#[tokio::test]
async fn name_given_away_twice_in_an_outage_becomes_unique_again() {
    let mut redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut watcher = ChatPage::open(one.address, "Eka").await;
    redis.stop();
    for node in [&one, &two] {
        node.says("/readyz", "503").await;
    }
    let ana = ChatPage::open(one.address, "Ana").await;
    let other = namesake(two.address, "Ana").await;
    assert_eq!(
        (ana.you().name.as_str(), other.you().name.as_str()),
        ("Ana", "Ana")
    );
    redis.start_again();
    loop {
        let presence: Presence = watcher.next().await;
        if presence.person.name == "Ana 2" {
            break;
        }
    }
    let join = Join {
        room: LOBBY.to_owned(),
        after: None,
    };
    let people = watcher.ask(&join).await.expect("may come in").people;
    let mut names: Vec<String> = people.into_iter().map(|person| person.name).collect();
    names.sort();
    assert_eq!(names, ["Ana", "Ana 2", "Eka"]);
}

#[tokio::test]
async fn redis_with_lost_data_makes_pages_reconnect() {
    let mut redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    ana.ask(&send("before-it")).await.expect("stored");
    redis.stop();
    redis.forget();
    redis.start_again();
    for page in [&mut ana, &mut bob] {
        page.peer.ended().await;
    }
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let last_seqs: Vec<u64> = ana.hello.rooms.iter().map(|room| room.last_seq).collect();
    assert_eq!(last_seqs, [0]);
    let mut bob = ChatPage::open(two.address, "Bob").await;
    let sent = ana.ask(&send("after-it")).await.expect("stored");
    assert_eq!((sent.seq, bob.next::<Message>().await.seq), (1, 1));
}
