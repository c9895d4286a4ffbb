//! Who is told what of those who come and go.

use pesan::protocol::{Join, LOBBY, Presence, PresenceBatch};

use crate::peer::{ChatPage, auth};
use crate::server::Server;

async fn page(server: &Server, name: &str) -> ChatPage {
    let mut auth = auth(name);
    auth.presence_batches = true;
    ChatPage::open_as(server.address, &auth)
        .await
        .expect("may come in")
}

#[tokio::test]
async fn presence_of_many_joining_is_sent_in_one_batch() {
    let server = Server::start().await;
    let mut ana = page(&server, "Ana").await;
    let mut old = server.page("Old").await;
    let mut others = Vec::new();
    for n in 0..50 {
        others.push(page(&server, &format!("Orang {n}")).await);
    }
    let (mut came, mut batches) = (0, 0);
    while came < 51 {
        let batch: PresenceBatch = ana.next().await;
        let mine = batch.came.iter().any(|person| person == ana.you());
        came += batch.came.len() - usize::from(mine);
        batches += 1;
        if came == 51 {
            assert_eq!(batch.people_count, 52);
        }
    }
    assert!(batches < 50, "{batches}");
    assert_eq!(ana.all_until_now::<Presence>().await, []);
    // who does not know batches is told of each
    for _ in 0..50 {
        old.next::<Presence>().await;
    }
    assert_eq!(old.all_until_now::<PresenceBatch>().await, []);
    // who goes on purpose has gone at once
    for other in &mut others {
        other.peer.write("41".to_owned()).await;
    }
    let mut went = 0;
    while went < 50 {
        went += ana.next::<PresenceBatch>().await.went.len();
    }
    assert_eq!(went, 50);
}

#[tokio::test]
async fn presence_of_a_crowd_is_its_number_and_some_people() {
    let server = Server::start().await;
    let mut ana = page(&server, "Ana").await;
    let mut others = Vec::new();
    for n in 0..249 {
        others.push(page(&server, &format!("Orang {n}")).await);
    }
    let mut listed = None;
    loop {
        let batch: PresenceBatch = ana.next().await;
        listed = batch.people.or(listed);
        if batch.people_count == 250 {
            break;
        }
        assert!(
            listed.is_none() || batch.came.is_empty(),
            "a crowd is not told who came"
        );
    }
    assert_eq!(listed.map(|people| people.len()), Some(100));
    let join = Join {
        room: LOBBY.to_owned(),
        after: None,
    };
    let joined = ana.ask(&join).await.expect("the lobby");
    assert!(
        (100..=101).contains(&joined.people.len()),
        "{}",
        joined.people.len()
    );
    assert!(joined.people.contains(ana.you()));
    assert_eq!(joined.people_count, Some(250));
    for other in others.iter_mut().take(150) {
        other.peer.write("41".to_owned()).await;
    }
    loop {
        let batch: PresenceBatch = ana.next().await;
        if let Some(people) = batch.people {
            assert!(batch.people_count < 150);
            assert_eq!(people.len(), usize::try_from(batch.people_count).expect("few"));
            break;
        }
    }
}
