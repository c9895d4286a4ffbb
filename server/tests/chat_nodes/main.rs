//! One chat on several machines: real processes of the binary with a real Redis between them.

mod bot;
mod node;
#[path = "../chat_app/peer.rs"]
mod peer;
mod proxy;
#[path = "../shared/redis_server.rs"]
#[expect(dead_code, reason = "files are cut elsewhere")]
mod redis_server;

mod outage;
mod promise;
mod together;

use std::net::SocketAddr;

use pesan::protocol::Auth;

/// A page of someone else who wishes for the same name.
async fn namesake(address: SocketAddr, name: &str) -> peer::ChatPage {
    let auth = Auth {
        key: format!("the secret key of another {name}"),
        ..peer::auth(name)
    };
    peer::ChatPage::open_as(address, &auth)
        .await
        .expect("may come in")
}
