//! Order and completeness of events under load.

use std::sync::Arc;

use pesan_server::socketio::{AckSender, Io, Socket};

use crate::support::Served;

/// Sends numbered events with acks from many sockets at once; every ack must arrive, in order.
async fn flood(sockets: usize, messages: usize) {
    let served = Served::start().await;
    let io: &Io = &served.io;
    io.on_connection(|socket: Socket| {
        socket.on("n", |_: Socket, n: usize, ack: AckSender| ack.send(n));
        socket.on("m", async |_: Socket, n: usize, ack: AckSender| {
            if n.is_multiple_of(7) {
                tokio::task::yield_now().await;
            }
            ack.send(n)
        });
    });
    let served = Arc::new(served);
    let clients = (0..sockets).map(|client| {
        let served = served.clone();
        tokio::spawn(async move {
            const BATCH: usize = 500;
            let mut raw = served.join().await;
            for start in (0..messages).step_by(BATCH) {
                let range = start..(start + BATCH).min(messages);
                let event = |n: usize| if (n + client).is_multiple_of(3) { "m" } else { "n" };
                raw.send_all(range.clone().map(|n| format!(r#"2{n}["{}",{n}]"#, event(n))))
                    .await;
                for n in range {
                    assert_eq!(raw.next().await, format!("3{n}[{n}]"), "socket {client}");
                }
            }
        })
    });
    for client in clients.collect::<Vec<_>>() {
        client.await.expect("no inversion and no loss");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn acks_are_sent_in_the_order_of_the_events() {
    flood(20, 1000).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "full size, about a minute: cargo test --release -p pesan-server --test io_server -- --ignored order"]
async fn acks_at_full_size_are_sent_in_the_order_of_the_events() {
    flood(20, 100_000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broadcasts_and_single_events_arrive_in_call_order() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("go", |socket: Socket, count: usize| {
            for n in 0..count {
                match n % 3 {
                    0 => socket.emit("n", n),
                    1 => socket.io().emit("n", n),
                    _ => socket.io().to(socket.id()).emit("n", n),
                }?;
            }
            Ok::<_, pesan_server::socketio::EmitError>(())
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2["go",3000]"#).await;
    for n in 0..3000 {
        assert_eq!(raw.next().await, format!(r#"2["n",{n}]"#));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn broadcasts_sent_concurrently_reach_all_in_one_order() {
    const SENDERS: usize = 4;
    const MESSAGES: usize = 5000;
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("all", |socket: Socket, text: String| {
            socket.io().emit("all", text)
        });
    });
    let mut clients = Vec::new();
    for _ in 0..SENDERS * 2 {
        clients.push(served.join().await);
    }
    let received = clients.into_iter().enumerate().map(|(client, mut raw)| {
        tokio::spawn(async move {
            // The others only listen.
            if client < SENDERS {
                let events = (0..MESSAGES).map(|n| format!(r#"2["all","{client} {n}"]"#));
                raw.send_all(events).await;
            }
            let mut received = Vec::new();
            while received.len() < SENDERS * MESSAGES {
                received.push(raw.next().await);
            }
            received
        })
    });
    let mut first = None;
    for received in received.collect::<Vec<_>>() {
        let received = received.await.expect("everything arrives");
        let first = first.get_or_insert_with(|| received.clone());
        let differs = first.iter().zip(&received).position(|(one, other)| one != other);
        assert_eq!(differs, None, "first position with different messages");
    }
}
