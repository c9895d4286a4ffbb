//! Order: messages of one thread arrive in the order in which they were sent, under any load.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use pesan_server::engineio::{EncodedMessage, EngineConfig, Group};

use super::harness::{Server, config};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn messages_of_several_sockets_are_echoed_in_order() {
    const SOCKETS: usize = 10;
    const EACH: usize = 10_000;
    let server = Arc::new(Server::start(EngineConfig { hubs: 3, ..config() }));
    let mut clients = Vec::new();
    for _ in 0..SOCKETS {
        let mut socket = server.open_websocket().await;
        clients.push(tokio::spawn(async move {
            for batch in 0..EACH / 100 {
                for number in batch * 100..(batch + 1) * 100 {
                    socket.send(&format!("4{number}")).await;
                }
                for number in batch * 100..(batch + 1) * 100 {
                    assert_eq!(socket.text().await, format!("4{number}"));
                }
            }
        }));
    }
    for client in clients {
        client.await.expect("no inversion");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn broadcasts_and_single_messages_arrive_in_send_order() {
    const ROUNDS: usize = 2000;
    let mut server = Server::start(EngineConfig { hubs: 2, ..config() });
    let mut sockets = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..6 {
        sockets.push(server.open_websocket().await);
        connections.push(server.opened().await);
    }
    let all = Group::new(connections.iter().cloned());
    let half = Group::new(connections.iter().take(3).cloned());
    let engine = server.engine.clone();
    let one = connections[0].clone();
    let sender = std::thread::spawn(move || {
        for round in 0..ROUNDS {
            let message = |kind: &str| EncodedMessage::from_frame(&format!("{kind}{round}").into());
            engine.broadcast(&all, &message("all"));
            one.send(&message("one"));
            engine.broadcast_except(&all, std::slice::from_ref(&one), &message("others"));
            engine.broadcast(&half, &message("half"));
            if round % 3 == 0 {
                std::thread::yield_now();
            }
        }
    });
    for (index, socket) in sockets.iter_mut().enumerate() {
        for round in 0..ROUNDS {
            let mut expected = vec!["all", if index == 0 { "one" } else { "others" }];
            if index < 3 {
                expected.push("half");
            }
            for kind in expected {
                assert_eq!(socket.text().await, format!("4{kind}{round}"), "socket {index}");
            }
        }
    }
    sender.join().expect("the sender is done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn flood_of_one_client_does_not_delay_others() {
    let server = Arc::new(Server::start(config()));
    let stop = Arc::new(AtomicBool::new(false));
    let flood = {
        let (server, stop) = (Arc::clone(&server), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut socket = server.open_websocket().await;
            while !stop.load(Ordering::Relaxed) {
                for _ in 0..1000 {
                    socket.send("4flood").await;
                }
                for _ in 0..1000 {
                    socket.text().await;
                }
            }
        })
    };
    for _ in 0..20 {
        server.assert_serves().await;
    }
    stop.store(true, Ordering::Relaxed);
    flood.await.expect("the flood ends");
}
