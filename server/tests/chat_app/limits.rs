//! What one person can make the chat do, however often they come.

use pesan::protocol::{ChatErrorCode, Create, Direct, Send};

use crate::peer::ChatPage;
use crate::server::Server;

/// Leaves on purpose, so that there is nothing to wait for.
async fn leaves(mut page: ChatPage) {
    page.peer.write("41".to_owned()).await;
    drop(page);
}

#[tokio::test]
async fn who_leaves_and_returns_may_not_write_faster() {
    let server = Server::with(&["--rate", "0.01", "--burst", "2"]).await;
    let mut refused = None;
    for n in 0..5 {
        let mut ana = server.page("Ana").await;
        let send = Send {
            room: "lobby".to_owned(),
            id: format!("message-{n}"),
            text: "halo".to_owned(),
            reply_to: None,
        };
        refused = refused.or(ana.ask(&send).await.err());
        leaves(ana).await;
    }
    let refused = refused.expect("two messages were all");
    assert_eq!(refused.code, ChatErrorCode::TooFast);
}

#[tokio::test]
async fn who_leaves_and_returns_may_not_make_more_rooms() {
    let server = Server::start().await;
    let mut refused = None;
    for n in 0..30 {
        let mut ana = server.page("Ana").await;
        let made = ana
            .ask(&Create {
                name: format!("ruang {n}"),
            })
            .await;
        refused = refused.or(made.err());
        leaves(ana).await;
    }
    let refused = refused.expect("ten rooms at once were all");
    assert_eq!(refused.code, ChatErrorCode::TooFast);
}

#[tokio::test]
async fn strangers_may_not_fill_the_store_with_rooms_of_two() {
    let server = Server::with(&["--max-rooms", "1"]).await;
    let bob = server.page("Bob").await;
    let mut refusals = Vec::new();
    for n in 0..11 {
        let mut stranger = server.page(&format!("Stranger {n}")).await;
        let person = bob.you().id.clone();
        refusals.push(stranger.ask(&Direct { person }).await.err());
        leaves(stranger).await;
    }
    let last = refusals.pop().flatten().expect("ten were all");
    assert_eq!(last.code, ChatErrorCode::Unavailable);
    assert_eq!(refusals, vec![None; 10]);
}
