//! Open rooms and rooms between two people.

use pesan::protocol::{
    ChatErrorCode, Create, Direct, History, Join, Leave, Message, Presence, PresenceChange, Room, RoomKind,
    Send,
};

use crate::peer::ChatPage;
use crate::server::Server;

fn send(room: &str, id: &str, text: &str) -> Send {
    Send {
        room: room.to_owned(),
        id: id.to_owned(),
        text: text.to_owned(),
        reply_to: None,
    }
}

fn join(room: &str, after: Option<u64>) -> Join {
    Join {
        room: room.to_owned(),
        after,
    }
}

async fn create(page: &mut ChatPage, name: &str) -> Room {
    page.ask(&Create {
        name: name.to_owned(),
    })
    .await
    .expect("a good name")
}

#[tokio::test]
async fn rooms_created_at_the_same_time_have_different_ids() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let (one, two) = tokio::join!(create(&mut ana, "Kopi!"), create(&mut bob, "Kopi?"));
    let mut both = [(one.id, one.name), (two.id, two.name)];
    both.sort();
    let ids = both.each_ref().map(|(id, _)| id.as_str());
    let mut names = both.each_ref().map(|(_, name)| name.as_str());
    names.sort_unstable();
    assert_eq!((ids, names), (["kopi", "kopi-2"], ["Kopi!", "Kopi?"]));
}

#[tokio::test]
async fn open_room_created_is_shown_to_everyone_and_has_a_unique_name() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    let room = create(&mut ana, "Kopi Pagi").await;
    assert_eq!((room.id.as_str(), room.kind), ("kopi-pagi", RoomKind::Open));
    assert_eq!(bob.next::<Room>().await, room);
    let name = "KOPI  pagi".to_owned();
    let refusal = bob.ask(&Create { name }).await.expect_err("there is one");
    assert_eq!(
        (refusal.code, refusal.detail.as_str()),
        (ChatErrorCode::RoomTaken, "kopi-pagi")
    );
    let cid = server.page("Cid").await;
    let ids: Vec<&str> = cid.hello.rooms.iter().map(|room| room.id.as_str()).collect();
    assert_eq!(ids, ["lobby", "kopi-pagi"]);
}

#[tokio::test]
async fn room_messages_go_to_members_and_updates_to_others() {
    let server = Server::start().await;
    let (mut ana, mut bob, mut cid) = (
        server.page("Ana").await,
        server.page("Bob").await,
        server.page("Cid").await,
    );
    let room = create(&mut ana, "Kopi").await.id;
    ana.ask(&join(&room, None)).await.expect("open to all");
    let joined = bob.ask(&join(&room, None)).await.expect("open to all");
    assert_eq!(joined.people, [ana.you().clone(), bob.you().clone()]);
    bob.ask(&send(&room, "message-1", "halo")).await.expect("stored");
    assert_eq!(ana.next::<Message>().await.text, "halo");
    cid.next::<Room>().await;
    let news: Room = cid.next().await;
    assert_eq!(
        (news.last_seq, news.last.map(|last| last.text)),
        (1, Some("halo".to_owned()))
    );
    assert_eq!(cid.all_until_now::<Message>().await, []);

    ana.all_until_now::<Presence>().await;
    bob.ask(&Leave { room: room.clone() }).await.expect("was there");
    let went: Presence = ana.next().await;
    assert_eq!(
        (went.room.as_str(), &went.person, went.change),
        (room.as_str(), bob.you(), PresenceChange::Went)
    );
    bob.all_until_now::<Message>().await;
    ana.ask(&send(&room, "message-2", "sendiri"))
        .await
        .expect("stored");
    assert_eq!(bob.all_until_now::<Message>().await, []);
    // back again: what was missed
    let joined = bob.ask(&join(&room, Some(1))).await.expect("open to all");
    let texts: Vec<&str> = joined
        .page
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["sendiri"]);
}

#[tokio::test]
async fn direct_room_is_visible_to_its_two_members_only() {
    let server = Server::start().await;
    let (mut ana, mut bob, mut eve) = (
        server.page("Ana").await,
        server.page("Bob").await,
        server.page("Eve").await,
    );
    let with = |page: &ChatPage| Direct {
        person: page.you().id.clone(),
    };
    let room = ana.ask(&with(&bob)).await.expect("he is here");
    assert_eq!((room.name.as_str(), room.with.as_ref()), ("Bob", Some(bob.you())));
    ana.ask(&send(&room.id, "message-1", "psst"))
        .await
        .expect("stored");
    let seen: Room = bob.next().await;
    assert_eq!((seen.id.as_str(), seen.name.as_str()), (room.id.as_str(), "Ana"));
    assert_eq!(bob.ask(&with(&ana)).await.expect("the same").id, room.id);
    assert_eq!(bob.next::<Message>().await.text, "psst");
    let sent = eve
        .ask(&send(&room.id, "message-2", "hah"))
        .await
        .expect_err("not hers");
    let joined = eve.ask(&join(&room.id, None)).await.expect_err("not hers");
    let wanted = History {
        room: room.id.clone(),
        before: None,
        after: None,
    };
    let read = eve.ask(&wanted).await.expect_err("not hers");
    let unknown = eve.ask(&join("no-such-room", None)).await.expect_err("nobody's");
    for refusal in [sent, joined, read, unknown] {
        assert_eq!(refusal.code, ChatErrorCode::RoomUnknown);
    }
    assert_eq!(eve.all_until_now::<Message>().await, []);
    assert_eq!(eve.all_until_now::<Room>().await, []);

    // with nobody, and with oneself
    for person in ["0123456789", &eve.you().id.clone()] {
        let person = person.to_owned();
        let refusal = eve.ask(&Direct { person }).await.expect_err("nobody");
        assert_eq!(refusal.code, ChatErrorCode::PersonUnknown);
    }
}

#[tokio::test]
async fn rooms_survive_a_restart() {
    let server = Server::start().await;
    let (mut ana, mut bob) = (server.page("Ana").await, server.page("Bob").await);
    create(&mut ana, "日本語").await;
    let direct = Direct {
        person: bob.you().id.clone(),
    };
    let direct = ana.ask(&direct).await.expect("he is here").id;
    bob.ask(&send(&direct, "message-1", "halo"))
        .await
        .expect("stored");
    let server = server.restart().await;
    let mut ana = server.page("Ana").await;
    let rooms: Vec<(&str, Option<&str>)> = ana
        .hello
        .rooms
        .iter()
        .map(|room| {
            (
                room.name.as_str(),
                room.last.as_ref().map(|last| last.text.as_str()),
            )
        })
        .collect();
    assert_eq!(rooms, [("Lobby", None), ("Bob", Some("halo")), ("日本語", None)]);
    // what is said to someone who is away waits
    ana.ask(&send(&direct, "message-2", "kapan?"))
        .await
        .expect("stored");
    let bob = server.page("Bob").await;
    let room = bob
        .hello
        .rooms
        .iter()
        .find(|room| room.id == direct)
        .expect("is kept");
    assert_eq!((room.name.as_str(), room.last_seq), ("Ana", 2));
}
