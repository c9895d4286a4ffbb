//! Limits: what happens when each is reached, and that other clients are not affected.

use std::time::Duration;

use pesan_server::engineio::{CloseReason, EncodedMessage, EngineConfig, EngineLimits, Group, SendError};
use pesan_server::http::serve::ServeConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::harness::{Answer, Server, config, frame, listen, quick, soon};

fn with(limits: EngineLimits) -> EngineConfig {
    EngineConfig { limits, ..config() }
}

#[tokio::test]
async fn sessions_over_the_total_limit_are_refused() {
    let server = Server::start(with(EngineLimits {
        max_sessions: 2,
        ..EngineLimits::default()
    }));
    let _first = server.open_websocket().await;
    let second = server.open_polling().await;
    let refused = server.get("EIO=4&transport=polling").await;
    assert_eq!((refused.status, refused.code()), (503, 4.into()));
    assert!(refused.head.contains("retry-after: 1\r\n"), "{}", refused.head);
    server.post(&second, "1").await;
    soon("a free place", async {
        while server.get("EIO=4&transport=polling").await.status != 200 {}
    })
    .await;
}

#[tokio::test]
async fn sessions_over_the_address_limit_are_refused() {
    let server = Server::start(with(EngineLimits {
        max_sessions_per_address: 1,
        ..EngineLimits::default()
    }));
    let _first = server.open_websocket().await;
    assert_eq!(server.get("EIO=4&transport=polling").await.status, 429);
}

#[tokio::test]
async fn handshake_at_the_limit_replaces_an_unestablished_session() {
    for limits in [
        EngineLimits {
            max_sessions: 2,
            ..EngineLimits::default()
        },
        EngineLimits {
            max_sessions_per_address: 2,
            ..EngineLimits::default()
        },
    ] {
        let mut server = Server::start(with(limits));
        let mut established = server.open_websocket().await;
        server.opened().await.establish();
        let idle = server.open_polling().await;
        // The grace period is over.
        let refused = server.get("EIO=4&transport=polling").await;
        assert!(matches!(refused.status, 429 | 503), "{}", refused.status);
        let reason = soon("a place", async {
            loop {
                if server.get("EIO=4&transport=polling").await.status == 200 {
                    break server.closed().await;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        assert_eq!(reason, CloseReason::Overload);
        assert_eq!(server.get(&idle).await.code(), 1);
        established.send("4still here").await;
        assert_eq!(established.text().await, "4still here");
    }
}

#[tokio::test]
async fn handshakes_over_the_rate_are_refused() {
    let server = Server::start(with(EngineLimits {
        max_handshakes_per_second: 3,
        ..EngineLimits::default()
    }));
    let mut statuses = Vec::new();
    for _ in 0..5 {
        statuses.push(server.get("EIO=4&transport=polling").await.status);
    }
    assert_eq!(statuses[..3], [200; 3]);
    assert!(statuses.contains(&429), "{statuses:?}");
}

#[tokio::test]
async fn slow_reader_is_disconnected_and_others_get_everything() {
    let mut server = Server::start(with(EngineLimits {
        max_queued_bytes: 1 << 20,
        ..EngineLimits::default()
    }));
    let (slow, _) = server.raw_websocket("").await;
    let slow_connection = server.opened().await;
    let mut good = server.open_websocket().await;
    let good_connection = server.opened().await;
    let group = Group::new([slow_connection.clone(), good_connection]);
    let message = EncodedMessage::from_frame(&"x".repeat(100_000).into());
    let mut sent = 0;
    while !slow_connection.is_closed() {
        server.engine.broadcast(&group, &message);
        sent += 1;
        assert!(sent < 1000, "the slow reader was never noticed");
        assert_eq!(good.text().await.len(), 100_001);
        assert!(slow_connection.buffered() < 3 << 20);
    }
    assert_eq!(server.closed().await, CloseReason::SlowReader);
    drop(slow);
    server.assert_serves().await;
}

#[tokio::test]
async fn client_closing_with_a_full_queue_gets_complete_frames_then_close() {
    let mut server = Server::start(with(EngineLimits {
        max_queued_bytes: 64 << 20,
        max_unread_bytes: 64 << 20,
        ..EngineLimits::default()
    }));
    let (mut client, _) = server.raw_websocket("").await;
    let connection = server.opened().await;
    let message = EncodedMessage::from_frame(&"x".repeat(100_000).into());
    for _ in 0..300 {
        connection.send(&message);
    }
    client
        .write_all(&frame(0x88, &1000_u16.to_be_bytes()))
        .await
        .expect("the server reads");
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    let mut bytes = Vec::new();
    soon("the end", client.read_to_end(&mut bytes))
        .await
        .expect("an orderly end");
    let messages = bytes.strip_suffix(b"\x88\x02\x03\xe8").expect("a close frame");
    let (open, messages) = messages.split_at(2 + usize::from(messages[1]));
    assert!(open.ends_with(b"}"), "{open:?}");
    assert_eq!(messages.len() % message.len(), 0, "no message is cut off");
    assert!(
        messages.len() / message.len() < 300,
        "what had not begun is left out"
    );
}

#[tokio::test]
async fn client_not_reading_its_responses_is_not_read() {
    let mut server = Server::start(with(EngineLimits {
        max_unread_bytes: 128 << 10,
        ..EngineLimits::default()
    }));
    let (mut greedy, _) = server.raw_websocket("").await;
    let connection = server.opened().await;
    // Everything is echoed: without the pause the queue would exceed its limit, and the client would be disconnected.
    let frame = frame(0x81, &[b'4'; 64 << 10]);
    let mut sent = 0usize;
    let (mut read_half, mut write_half) = greedy.split();
    while let Ok(written) =
        tokio::time::timeout(Duration::from_millis(300), write_half.write_all(&frame)).await
    {
        written.expect("the client is held up, not cut off");
        sent += 1;
        assert!(sent < 2000, "the client was never held up");
        assert!(
            connection.buffered() < 512 << 10,
            "{} bytes",
            connection.buffered()
        );
    }
    // The last frame was written in part.
    let echo = 10 + (64 << 10);
    let mut left = sent * echo;
    let mut buffer = vec![0; 64 << 10];
    while left > 0 {
        let read = soon("an echo", read_half.read(&mut buffer))
            .await
            .expect("connected");
        assert_ne!(read, 0, "{left} bytes are missing");
        left = left.saturating_sub(read);
    }
    assert!(!connection.is_closed());
    server.assert_serves().await;
}

#[tokio::test]
async fn client_reading_its_queue_needs_no_pong() {
    let limits = EngineLimits {
        max_unread_bytes: 64 << 10,
        max_queued_bytes: 64 << 20,
        ..EngineLimits::default()
    };
    let mut server = Server::start(EngineConfig { limits, ..quick() });
    let (mut slow, _) = server.raw_websocket("").await;
    let connection = server.opened().await;
    let message = EncodedMessage::from_frame(&"x".repeat(100_000).into());
    for _ in 0..300 {
        connection.send(&message);
    }
    // Two seconds with four heartbeats, in which the client reads a third.
    let mut pace = tokio::time::interval(Duration::from_millis(20));
    let mut buffer = vec![0; 100_000];
    for _ in 0..100 {
        pace.tick().await;
        soon("a message", slow.read_exact(&mut buffer))
            .await
            .expect("connected");
    }
    assert!(!connection.is_closed());
    // If it stops reading, it is disconnected in time.
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
}

#[tokio::test]
async fn polling_client_that_stops_polling_is_a_slow_reader() {
    let mut server = Server::start(with(EngineLimits {
        max_queued_bytes: 10,
        ..EngineLimits::default()
    }));
    let session = server.open_polling().await;
    let group = Group::new([server.opened().await]);
    for _ in 0..11 {
        group.send(&EncodedMessage::from_frame(&"x".into()));
    }
    assert_eq!(server.closed().await, CloseReason::SlowReader);
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn try_send_with_a_full_queue_fails_and_the_client_stays() {
    let mut server = Server::start(with(EngineLimits {
        max_queued_bytes: 100_000,
        ..EngineLimits::default()
    }));
    let session = server.open_polling().await;
    let connection = server.opened().await;
    // One message may exceed the limit.
    let large = EncodedMessage::from_frame(&"x".repeat(1 << 20).into());
    assert_eq!(connection.try_send(&large), Ok(()));
    let full = SendError::QueueFull {
        queued: large.len(),
        limit: 100_000,
    };
    assert_eq!(connection.try_send(&large), Err(full));
    assert_eq!(
        full.to_string(),
        "1048587 bytes wait for this client; the maximum is 100000"
    );
    assert_eq!(server.get(&session).await.body.len(), (1 << 20) + 1);
    assert_eq!(connection.try_send(&large), Ok(()));
    assert_eq!(server.get(&session).await.body.len(), (1 << 20) + 1);
    assert!(!connection.is_closed());
    connection.close(CloseReason::ForcedClose);
    server.closed().await;
    assert_eq!(connection.try_send(&large), Err(SendError::Closed));
}

#[tokio::test]
async fn post_with_very_many_packets_is_accepted() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection = server.opened().await;
    // As many as `maxPayload` allows.
    let count = 333_333;
    assert_eq!(
        server
            .post(&session, &["4a"; 333_333].join("\u{1e}"))
            .await
            .status,
        200
    );
    let mut echoed = 0;
    while echoed < count {
        echoed += server.get(&session).await.body.split('\u{1e}').count();
    }
    assert_eq!(echoed, count);
    assert!(!connection.is_closed());
}

#[tokio::test]
async fn message_larger_than_the_queue_reaches_a_reading_client() {
    let mut server = Server::start(with(EngineLimits {
        max_queued_bytes: 1 << 20,
        ..EngineLimits::default()
    }));
    let mut clients = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..20 {
        clients.push(server.open_websocket().await);
        connections.push(server.opened().await);
    }
    let group = Group::new(connections.iter().cloned());
    for size in [5 << 20, 12 << 20] {
        let message = EncodedMessage::from_frame(&"x".repeat(size).into());
        group.send(&message);
        connections.first().expect("a connection").send(&message);
        let read = clients.iter_mut().enumerate().map(async |(index, client)| {
            assert_eq!(client.text().await.len(), size + 1);
            if index == 0 {
                assert_eq!(client.text().await.len(), size + 1);
            }
        });
        futures_util::future::join_all(read).await;
    }
    server.assert_serves().await;
    assert!(connections.iter().all(|connection| !connection.is_closed()));
}

#[tokio::test]
async fn messages_small_and_very_many_all_arrive() {
    let mut server = Server::start(config());
    let mut client = server.open_websocket().await;
    let connection = server.opened().await;
    let count = 200_000;
    for number in 0..count {
        connection
            .try_send(&EncodedMessage::from_frame(&number.to_string().into()))
            .expect("there is room");
    }
    for number in 0..count {
        assert_eq!(client.text().await, format!("4{number}"));
    }
    assert_eq!(connection.buffered(), 0);
}

#[tokio::test]
async fn polling_client_reading_a_large_body_needs_no_pong() {
    let limits = EngineLimits {
        max_unread_bytes: 64 << 10,
        ..EngineLimits::default()
    };
    let mut server = Server::start(EngineConfig {
        limits,
        ping_timeout: Duration::from_secs(1),
        ..quick()
    });
    let session = server.open_polling().await;
    let connection = server.opened().await;
    let size = 20 << 20;
    connection.send(&EncodedMessage::from_frame(&"x".repeat(size).into()));
    let mut poll = server.begin("GET", &session, "", 0, "").await;
    // Four seconds with three heartbeats.
    let mut pace = tokio::time::interval(Duration::from_millis(40));
    let mut buffer = vec![0; size / 120];
    for _ in 0..100 {
        pace.tick().await;
        soon("a part", poll.read_exact(&mut buffer))
            .await
            .expect("connected");
    }
    assert!(!connection.is_closed());
    let mut rest = Vec::new();
    soon("the rest", poll.read_to_end(&mut rest))
        .await
        .expect("connected");
    assert!(rest.ends_with(b"xxx"));
}

#[tokio::test]
async fn post_body_too_slow_closes_the_session() {
    let mut server = Server::start(with(EngineLimits {
        body_timeout: Duration::from_millis(100),
        ..EngineLimits::default()
    }));
    let session = server.open_polling().await;
    let _trickling = server.begin("POST", &session, "", 100, "4").await;
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn client_not_answering_a_close_frame_is_dropped() {
    let mut server = Server::start(with(EngineLimits {
        close_timeout: Duration::from_millis(100),
        ..EngineLimits::default()
    }));
    let (mut stream, _) = server.raw_websocket("").await;
    server.opened().await.close(CloseReason::ForcedClose);
    let mut received = Vec::new();
    soon("the end", stream.read_to_end(&mut received))
        .await
        .expect("an orderly end");
    assert!(received.ends_with(&[0x88, 2, 0x03, 0xe8]), "{received:?}");
    soon("the last session to go", async {
        while server.engine.sessions() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn handshake_too_slow_is_cut_off() {
    let server = Server::start(config());
    let mut serving = ServeConfig::default();
    serving.header_timeout = Duration::from_millis(200);
    let address = listen(&server.engine, serving);
    let mut silent = TcpStream::connect(address).await.expect("the server listens");
    let mut slow = TcpStream::connect(address).await.expect("the server listens");
    slow.write_all(b"GET /engine.io/?EIO=4 HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        .await
        .expect("the server reads");
    let mut received = Vec::new();
    soon("the end", slow.read_to_end(&mut received))
        .await
        .unwrap_or_default();
    soon("the end", silent.read_to_end(&mut received))
        .await
        .unwrap_or_default();
    server.assert_serves().await;
}

#[tokio::test]
async fn connection_at_its_last_request_announces_close() {
    let server = Server::start(config());
    let mut serving = ServeConfig::default();
    serving.max_requests_per_connection = 3;
    let address = listen(&server.engine, serving);
    let mut stream = TcpStream::connect(address).await.expect("the server listens");
    let request = "GET /engine.io/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\n\r\n";
    // All at once.
    stream
        .write_all(request.repeat(10).as_bytes())
        .await
        .expect("the server reads");
    for number in 1..=3 {
        let answer = Answer::read(&mut stream).await;
        assert_eq!(answer.status, 200);
        assert_eq!(
            answer.head.contains("connection: close\r\n"),
            number == 3,
            "{}",
            answer.head
        );
    }
    let mut rest = Vec::new();
    soon("the end", stream.read_to_end(&mut rest))
        .await
        .unwrap_or_default();
    assert!(rest.is_empty(), "{}", String::from_utf8_lossy(&rest));
    assert_eq!(server.engine.sessions(), 3);
}

#[tokio::test]
async fn request_head_without_end_is_refused() {
    let server = Server::start(config());
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let flood = "X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(2000);
    let request = format!("GET /engine.io/ HTTP/1.1\r\nHost: x\r\n{flood}");
    stream.write_all(request.as_bytes()).await.unwrap_or_default();
    let mut received = Vec::new();
    soon("the end", stream.read_to_end(&mut received))
        .await
        .unwrap_or_default();
    let text = String::from_utf8_lossy(&received);
    assert!(
        text.is_empty() || text.starts_with("HTTP/1.1 431") || text.starts_with("HTTP/1.1 400"),
        "{text}"
    );
    server.assert_serves().await;
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_at_once() {
    let server = Server::start(config());
    let mut serving = ServeConfig::default();
    serving.max_connections_per_address = 2;
    let address = listen(&server.engine, serving);
    let _held = [
        TcpStream::connect(address).await.expect("the server listens"),
        TcpStream::connect(address).await.expect("the server listens"),
    ];
    let mut third = TcpStream::connect(address).await.expect("the kernel accepts");
    let mut received = Vec::new();
    soon("the end", third.read_to_end(&mut received))
        .await
        .unwrap_or_default();
    assert!(received.is_empty());
}

#[tokio::test]
async fn bytes_other_than_http_are_refused() {
    let server = Server::start(config());
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"\0\0\0\0\r\n\r\n",
        b"HELO x\r\n\r\n",
        b"\r\n\r\n\xff\xff\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("the server listens");
        stream.write_all(garbage).await.expect("the server reads");
        stream.shutdown().await.unwrap_or_default();
        let mut received = Vec::new();
        soon("the end", stream.read_to_end(&mut received))
            .await
            .unwrap_or_default();
    }
    server.assert_serves().await;
}
