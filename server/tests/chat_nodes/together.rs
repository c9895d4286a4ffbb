//! People on different nodes are in one chat.

use pesan::protocol::{
    Announcement, ChatError, ChatErrorCode, Create, Direct, Join, Kicked, LOBBY, Message, MessageDeleted,
    PLAIN, PersonErased, Presence, PresenceChange, Rename, Room, Send, ShutdownNotice, Typing, TypingNotice,
};

use crate::namesake;
use crate::node::{self, Node, PATIENCE};
use crate::peer::{ChatPage, Peer};
use crate::redis_server::RedisServer;

fn send(room: &str, id: &str, text: &str) -> Send {
    Send {
        room: room.to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
        reply_to: None,
    }
}

async fn names(page: &mut ChatPage) -> Vec<String> {
    let join = Join {
        room: LOBBY.to_owned(),
        after: None,
    };
    let joined = page.ask(&join).await.expect("may come in");
    joined.people.into_iter().map(|person| person.name).collect()
}

/// Waits for a change of someone.
async fn sees(page: &mut ChatPage, change: PresenceChange, name: &str) {
    loop {
        let presence: Presence = page.next().await;
        if presence.change == change && presence.person.name == name {
            return;
        }
    }
}

#[tokio::test]
async fn presence_is_replicated_between_nodes() {
    let redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    sees(&mut ana, PresenceChange::Came, "Bob").await;
    assert_eq!(names(&mut ana).await, ["Ana", "Bob"]);
    assert_eq!(names(&mut bob).await, ["Ana", "Bob"]);

    // Bob may have connected before his node knew Ana: her join is not what is tested below
    drop(bob.all_until_now::<Presence>().await);
    // a second tab on the other node is the same person, so it causes no presence change
    let tab = ChatPage::open(two.address, "Ana").await;
    assert_eq!(tab.you(), ana.you());
    drop(ana);
    let typing = Typing {
        room: LOBBY.to_owned(),
    };
    let mut ana = ChatPage::open(one.address, "Ana").await;
    ana.peer.emit("typing", &typing).await;
    assert_eq!(bob.next::<TypingNotice>().await.person.name, "Ana");
    let changes: Vec<Presence> = bob.all_until_now().await;
    assert_eq!(changes, []);
    drop((ana, tab));
    sees(&mut bob, PresenceChange::Went, "Ana").await;
}

#[tokio::test]
async fn name_is_unique_on_all_nodes() {
    let redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    // at the same time, before the nodes have told each other
    let (mut ana, mut other) = tokio::join!(ChatPage::open(one.address, "Ana"), namesake(two.address, "Ana"));
    let mut both = [ana.you().name.clone(), other.you().name.clone()];
    both.sort();
    assert_eq!(both, ["Ana", "Ana 2"]);
    let refused = [&ana, &other].map(|page| page.hello.name_refused.clone());
    let taken = ChatError {
        code: ChatErrorCode::NameTaken,
        detail: "Ana".to_owned(),
    };
    assert_eq!(refused.into_iter().flatten().collect::<Vec<_>>(), [taken]);

    let rename = |name: &str| Rename {
        name: name.to_owned(),
    };
    ana.ask(&rename("Dewi")).await.expect("is free");
    sees(&mut other, PresenceChange::Renamed, "Dewi").await;
    let refusal = other.ask(&rename("DEWI")).await.expect_err("is taken");
    assert_eq!(refusal.code, ChatErrorCode::NameTaken);
    other.ask(&rename("Ana")).await.expect("is free again");
}

#[tokio::test]
async fn rooms_and_messages_reach_all_nodes() {
    let redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    let mut plain = Peer::open(two.address, "").await.expect("may come in");
    let create = Create {
        name: "Kopi Pagi".to_owned(),
    };
    let kopi = ana.ask(&create).await.expect("a good name");
    assert_eq!(bob.next::<Room>().await, kopi);
    let refusal = bob.ask(&create).await.expect_err("there is one");
    assert_eq!(
        (refusal.code, refusal.detail),
        (ChatErrorCode::RoomTaken, kopi.id)
    );

    ana.ask(&send(LOBBY, "message-1", "halo")).await.expect("stored");
    assert_eq!(bob.next::<Message>().await.text, "halo");
    assert_eq!(plain.event(PLAIN).await, "halo");
    plain.emit(PLAIN, "halo semua").await;
    assert_eq!(ana.next::<Message>().await.text, "halo");
    let said: Message = ana.next().await;
    assert_eq!((said.text.as_str(), said.seq), ("halo semua", 2));

    let direct = Direct {
        person: bob.you().id.clone(),
    };
    let pair = ana.ask(&direct).await.expect("Bob is there");
    ana.ask(&send(&pair.id, "message-3", "psst"))
        .await
        .expect("stored");
    assert_eq!(bob.next::<Room>().await.id, pair.id);
    loop {
        let message: Message = bob.next().await;
        if message.room == pair.id {
            assert_eq!(message.text, "psst");
            break;
        }
    }
}

#[tokio::test]
async fn operator_commands_reach_all_nodes_from_any() {
    let redis = RedisServer::start();
    let [mut one, mut two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    let list = two.admin(&["list"]);
    assert!(list.contains("Ana") && list.contains("2 connections"), "{list}");
    two.admin(&["announce", "makan siang"]);
    assert_eq!(ana.next::<Announcement>().await.text, "makan siang");
    let kicked = two.admin(&["kick", &ana.you().id, "--reason", "berisik"]);
    assert!(kicked.contains("1 connections ended"), "{kicked}");
    assert_eq!(ana.next::<Kicked>().await.reason, "berisik");
    ana.peer.ended().await;

    one.admin(&["close", "--in", "1h", "--reason", "perawatan"]);
    let closing: ShutdownNotice = bob.next().await;
    assert_eq!((closing.seconds, closing.reason.as_str()), (3600, "perawatan"));
    two.admin(&["close", "--cancel"]);
    assert_eq!(bob.next::<ShutdownNotice>().await.seconds, 0);
    two.admin(&["close", "--in", "1s"]);
    assert!(one.ended() && two.ended());
}

#[tokio::test]
async fn moderation_works_on_all_nodes_from_any() {
    let redis = RedisServer::start();
    let [one, two]: [Node; 2] = node::start(&redis).await;
    let mut ana = ChatPage::open(one.address, "Ana").await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    for number in 1..=3 {
        let text = format!("iklan {number}");
        ana.ask(&send("lobby", &format!("message-{number}"), &text))
            .await
            .expect("stored");
    }
    let list = two.admin(&["messages", "lobby"]);
    assert!(list.contains("iklan 2") && list.contains(&ana.you().id), "{list}");
    let done = two.admin(&["delete", "lobby", "2"]);
    assert_eq!(done, "message 2 of lobby deleted\n");
    for page in [&mut ana, &mut bob] {
        assert_eq!(page.next::<MessageDeleted>().await.seq, 2);
    }
    let failed = two.admin(&["delete", "lobby", "2"]);
    assert!(
        failed.contains("lobby has no message with the number 2"),
        "{failed}"
    );
    let list = one.admin(&["messages", "lobby", "--limit", "2"]);
    assert!(
        list.contains("(deleted)") && list.contains("iklan 3") && !list.contains("iklan 1"),
        "{list}"
    );

    let person = ana.you().id.clone();
    let done = two.admin(&["mute", &person, "--for", "1h"]);
    assert_eq!(done, format!("mute of {person} for 3600 s\n"));
    let muted = async |ana: &mut ChatPage| ana.ask(&send("lobby", "message-4", "iklan 4")).await;
    // the other node hears of it a moment later
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while muted(&mut ana).await.map_err(|error| error.code) != Err(ChatErrorCode::Muted) {
        assert!(tokio::time::Instant::now() < deadline, "is not muted");
    }
    let done = two.admin(&["ban", &person, "--for", "30d", "--reason", "iklan"]);
    assert_eq!(done, format!("ban of {person} for 2592000 s\n"));
    assert_eq!(ana.next::<Kicked>().await.reason, "iklan");
    ana.peer.ended().await;
    let list = one.admin(&["bans"]);
    assert!(
        list.contains("29 days") && list.contains("2 bans and mutes"),
        "{list}"
    );
    let done = one.admin(&["erase", &person]);
    assert!(
        done.contains(" direct rooms of ") && done.contains(&person),
        "{done}"
    );
    assert_eq!(bob.next::<PersonErased>().await.person, person);
    assert_eq!(one.admin(&["unban", &person]), format!("ban of {person} ended\n"));
    let failed = one.admin(&["unban", &person]);
    assert!(
        failed.contains(&format!("there is no ban of {person}")),
        "{failed}"
    );
    let failed = one.admin(&["ban", "not a person"]);
    assert!(
        failed.contains("'not a person' is not an address, a network or the id of a person"),
        "{failed}"
    );
}

#[tokio::test]
async fn shutdown_by_the_operator_reaches_all_nodes() {
    let redis = RedisServer::start();
    let [mut one, mut two]: [Node; 2] = node::start(&redis).await;
    two.admin(&["close", "--in", "0"]);
    assert!(two.ended() && one.ended());
}

#[tokio::test]
async fn presence_of_a_killed_node_is_removed() {
    let redis = RedisServer::start();
    let [mut one, two]: [Node; 2] = node::start(&redis).await;
    let mut bob = ChatPage::open(two.address, "Bob").await;
    let ana = ChatPage::open(one.address, "Ana").await;
    sees(&mut bob, PresenceChange::Came, "Ana").await;
    one.kill();
    drop(ana);
    sees(&mut bob, PresenceChange::Went, "Ana").await;
    assert_eq!(names(&mut bob).await, ["Bob"]);
    node::meet(&[two]).await;
}
