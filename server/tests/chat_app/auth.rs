//! Who may come in.

use std::time::{Duration, Instant};

use pesan::protocol::{ChatErrorCode, Rename};
use serde_json::{Value, json};

use crate::peer::{ChatPage, Peer, auth};
use crate::server::Server;

#[tokio::test]
async fn connect_without_secret_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "sesame, open\n").expect("writable");
    let server = Server::with(&["--secret-file", file.to_str().expect("plain letters")]).await;
    let wrong = json!({ "token": "sesame" }).to_string();
    for auth in ["", wrong.as_str()] {
        let error = Peer::open(server.address, auth).await.err().expect("refused");
        assert_eq!(
            error,
            json!({ "message": "unauthorized", "data": { "code": "unauthorized" } })
        );
    }
    let right = json!({ "token": "sesame, open" }).to_string();
    assert!(Peer::open(server.address, &right).await.is_ok());
    let mut page = auth("Ana");
    page.token = Some("sesame, open".to_owned());
    assert!(ChatPage::open_as(server.address, &page).await.is_ok());
}

#[tokio::test]
async fn wrong_secret_is_delayed_and_disconnected_and_leads_to_lockout() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("secret");
    std::fs::write(&file, "sesame, open\n").expect("writable");
    let server = Server::with(&["--secret-file", file.to_str().expect("plain letters")]).await;
    let begun = Instant::now();
    let wrong = json!({ "token": "sesame, close" }).to_string();
    let guesses = (0..20).map(|_| Peer::open(server.address, &wrong));
    let refused = futures_util::future::join_all(guesses).await;
    assert!(begun.elapsed() >= Duration::from_secs(1), "{:?}", begun.elapsed());
    let codes: Vec<Value> = refused
        .into_iter()
        .map(|peer| peer.err().expect("refused")["data"]["code"].clone())
        .collect();
    let count = |code: &str| codes.iter().filter(|one| **one == code).count();
    assert_eq!((count("unauthorized"), count("too-fast")), (5, 15));
    // also a right one waits
    let right = json!({ "token": "sesame, open" }).to_string();
    let error = Peer::open(server.address, &right)
        .await
        .err()
        .expect("locked out");
    assert_eq!(error["data"]["code"], "too-fast");
    // no secret is no guess
    let error = Peer::open(server.address, "").await.err().expect("refused");
    assert_eq!(error["data"]["code"], "unauthorized");
}

#[tokio::test]
async fn connect_refused_closes_the_connection() {
    let server = Server::start().await;
    let mut peer = Peer::dial(server.address).await;
    peer.write(format!("40{}", json!({ "pesan": 1, "key": "short" })))
        .await;
    peer.ended().await;
}

#[tokio::test]
async fn token_identifies_the_person() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("tokens");
    std::fs::write(&file, "Siti Aminah 0123456789abcdef\nBudi fedcba9876543210\n").expect("writable");
    let server = Server::with(&["--token-file", file.to_str().expect("plain letters")]).await;
    let mut someone = auth("Budi");
    someone.token = Some("0123456789abcdef".to_owned());
    let mut siti = ChatPage::open_as(server.address, &someone)
        .await
        .expect("may come in");
    assert_eq!(siti.you().name, "Siti Aminah");
    let name = "Budi".to_owned();
    let refusal = siti
        .ask(&Rename { name })
        .await
        .expect_err("the name is the token's");
    assert_eq!(refusal.code, ChatErrorCode::NameInvalid);
    // whatever the key: the same token is the same person
    someone.key = "an entirely different key".to_owned();
    let again = ChatPage::open_as(server.address, &someone)
        .await
        .expect("may come in");
    assert_eq!(again.you(), siti.you());
}

#[tokio::test]
async fn auth_payload_malformed_is_refused() {
    let server = Server::start().await;
    for auth in [
        json!({ "pesan": 1 }),
        json!({ "pesan": 1, "key": "short" }),
        json!({ "pesan": 1, "key": 5 }),
    ] {
        let error = Peer::open(server.address, &auth.to_string())
            .await
            .err()
            .expect("refused");
        assert_eq!(error["data"]["code"], "malformed", "{auth}");
    }
    // another version speaks plainly
    let mut newer = Peer::open(server.address, &json!({ "pesan": 2, "key": [] }).to_string())
        .await
        .expect("plain");
    newer.event("welcome_message").await;
    newer.emit("pesan", "halo").await;
    assert_eq!(newer.event("pesan").await, "halo");
}
