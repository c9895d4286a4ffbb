//! WebSocket: conforming and hostile clients.

use std::time::{Duration, Instant};

use pesan_server::engineio::{CloseReason, Deflate, EncodedMessage, EngineConfig, Origins};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

use super::harness::{Answer, Server, config, frame, quick, soon};

#[tokio::test]
async fn websocket_messages_of_text_and_binary_are_echoed() {
    let server = Server::start(config());
    let mut socket = server.websocket("EIO=4&transport=websocket").await;
    let open = socket.text().await;
    let handshake: serde_json::Value = serde_json::from_str(&open[1..]).expect("JSON");
    assert_eq!(handshake["upgrades"], serde_json::json!([]));
    socket.send("4hello").await;
    assert_eq!(socket.text().await, "4hello");
    socket.send_binary(&[1, 2, 3, 4]).await;
    assert_eq!(socket.next().await, Some(Message::binary(vec![1, 2, 3, 4])));
    socket.send("bAQIDBA==").await;
    assert_eq!(socket.next().await, Some(Message::binary(vec![1, 2, 3, 4])));
    let large = format!("4{}", "é".repeat(499_999));
    socket.send(&large).await;
    assert_eq!(socket.text().await, large);
}

#[tokio::test]
async fn websocket_handshake_with_two_connection_headers_is_accepted() {
    let server = Server::start(config());
    let request = "GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\
                   Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut stream = server.begin_with(request).await;
    assert_eq!(Answer::read(&mut stream).await.status, 101);
}

#[tokio::test]
async fn websocket_handshake_invalid_is_refused_with_a_reason() {
    let server = Server::start(EngineConfig {
        origins: Origins::Listed(Vec::new()),
        ..config()
    });
    let good = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let cases = [
        ("GET", "transport=websocket", good.to_owned(), 400, 5),
        ("GET", "EIO=3&transport=websocket", good.to_owned(), 400, 5),
        ("GET", "EIO=4", good.to_owned(), 400, 0),
        ("GET", "EIO=4&transport=polling", good.to_owned(), 400, 3),
        (
            "GET",
            "EIO=4&transport=websocket&sid=abc",
            good.to_owned(),
            400,
            1,
        ),
        ("POST", "EIO=4&transport=websocket", good.to_owned(), 400, 2),
        (
            "GET",
            "EIO=4&transport=websocket",
            good.replace("13", "8"),
            426,
            3,
        ),
        ("GET", "EIO=4&transport=websocket", good.replace("==", ""), 400, 3),
        (
            "GET",
            "EIO=4&transport=websocket",
            good.replace("Connection: Upgrade\r\n", ""),
            400,
            3,
        ),
        (
            "GET",
            "EIO=4&transport=websocket",
            format!("{good}Origin: http://b.example\r\n"),
            403,
            4,
        ),
    ];
    for (method, query, headers, status, code) in cases {
        let head = server
            .head(method, query, &headers, 0)
            .replace("Connection: close\r\n", "");
        let mut stream = TcpStream::connect(server.address)
            .await
            .expect("the server listens");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
        let answer = Answer::read(&mut stream).await;
        assert_eq!(
            (answer.status, answer.code()),
            (status, code.into()),
            "{method} {query} {headers}"
        );
    }
    server.assert_serves().await;
}

#[tokio::test]
async fn websocket_ping_is_sent_after_one_interval() {
    let server = Server::start(quick());
    let mut socket = server.open_websocket().await;
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(socket.text().await, "2");
        assert!(
            started.elapsed() > Duration::from_millis(250),
            "{:?}",
            started.elapsed()
        );
        socket.send("3").await;
    }
}

#[tokio::test]
async fn websocket_without_pong_closes_with_ping_timeout() {
    let mut server = Server::start(quick());
    let mut socket = server.open_websocket().await;
    let started = Instant::now();
    socket.close_code().await;
    let elapsed = started.elapsed();
    assert!((480..700).contains(&elapsed.as_millis()), "{elapsed:?}");
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
}

#[tokio::test]
async fn pong_delayed_by_other_packets_gets_more_time_once() {
    let mut server = Server::start(quick());
    let mut socket = server.open_websocket().await;
    let started = Instant::now();
    assert_eq!(socket.text().await, "2");
    socket.send("4a").await;
    assert_eq!(socket.text().await, "4a");
    // A second packet does not extend the timeout again.
    socket.send("4b").await;
    socket.close_code().await;
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    assert!(
        started.elapsed() < Duration::from_millis(900),
        "{:?}",
        started.elapsed()
    );
}

#[tokio::test]
async fn packets_without_effect_are_ignored() {
    let server = Server::start(config());
    let mut socket = server.open_websocket().await;
    for packet in ["6", "5", "0{}", "3", "3late"] {
        socket.send(packet).await;
    }
    socket.send("4").await;
    assert_eq!(socket.text().await, "4");
}

#[tokio::test]
async fn close_reason_matches_its_cause() {
    let mut server = Server::start(config());
    for (packet, reason) in [
        ("1", CloseReason::TransportClose),
        ("2", CloseReason::TransportError),
        ("abc", CloseReason::ParseError),
        ("", CloseReason::ParseError),
        ("b*", CloseReason::ParseError),
        ("€4", CloseReason::ParseError),
    ] {
        let mut socket = server.open_websocket().await;
        socket.send(packet).await;
        socket.close_code().await;
        assert_eq!(server.closed().await, reason, "{packet:?}");
    }
    let mut socket = server.open_websocket().await;
    socket.0.close(None).await.expect("an open socket");
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    drop(server.open_websocket().await);
    assert_eq!(server.closed().await, CloseReason::TransportClose);
}

#[tokio::test]
async fn frames_invalid_close_the_connection_with_a_code() {
    let mut server = Server::start(EngineConfig {
        max_payload: 100_000,
        ..config()
    });
    let unmasked = b"\x81\x024a".to_vec();
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("not masked", unmasked, 1002),
        ("reserved bit", frame(0xb1, b"4a"), 1002),
        ("compression that was not agreed on", frame(0xc1, b"4a"), 1002),
        ("unknown opcode", frame(0x83, b"4a"), 1002),
        ("long ping", frame(0x89, &[0; 200]), 1002),
        ("no UTF-8", frame(0x81, b"4\xff"), 1007),
        ("too large", frame(0x81, &vec![b'4'; 100_001]), 1009),
        (
            "too large by its head",
            b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            1009,
        ),
        (
            "text in the middle of a message",
            [frame(0x01, b"4a"), frame(0x81, b"4b")].concat(),
            1002,
        ),
    ];
    for (what, bytes, code) in cases {
        let (mut stream, _) = server.raw_websocket("").await;
        stream.write_all(&bytes).await.unwrap_or_default();
        let mut received = Vec::new();
        // The rest of the oversized message may be sent to a closed socket.
        soon("the end", stream.read_to_end(&mut received))
            .await
            .unwrap_or_default();
        let close = [&[0x88, 2], &code.to_be_bytes()[..]].concat();
        assert!(received.ends_with(&close), "{what}: {received:?}");
        assert_eq!(server.closed().await, CloseReason::TransportError, "{what}");
    }
    server.assert_serves().await;
}

#[tokio::test]
async fn parts_and_pings_of_rfc_6455_are_handled_byte_by_byte() {
    let server = Server::start(config());
    let (mut stream, _) = server.raw_websocket("").await;
    let mut bytes = frame(0x01, b"4ha");
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x80, b"lo"));
    for byte in bytes {
        stream.write_all(&[byte]).await.expect("the server reads");
    }
    let mut received = Vec::new();
    let expected = b"\x8a\x0dare you there\x81\x054halo";
    while !received.ends_with(expected) {
        received.push(soon("an answer", stream.read_u8()).await.expect("an open socket"));
    }
}

#[tokio::test]
async fn bytes_sent_with_the_handshake_are_not_lost() {
    let server = Server::start(config());
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let mut bytes = b"GET /engine.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    bytes.extend(frame(0x81, b"4early"));
    stream.write_all(&bytes).await.expect("the server reads");
    let mut received = Vec::new();
    while !received.ends_with(b"\x81\x064early") {
        received.push(soon("an answer", stream.read_u8()).await.expect("an open socket"));
    }
}

#[tokio::test]
async fn websocket_closed_by_the_server_gets_earlier_messages_and_a_code() {
    let mut server = Server::start(config());
    let mut socket = server.open_websocket().await;
    let connection = server.opened().await;
    for number in 0..1000 {
        connection.send(&EncodedMessage::from_frame(&number.to_string().into()));
    }
    connection.close(CloseReason::ForcedServerClose);
    connection.send(&EncodedMessage::from_frame(&"late".into()));
    for number in 0..1000 {
        assert_eq!(socket.text().await, format!("4{number}"));
    }
    assert_eq!(socket.close_code().await, Some(1000));
    assert_eq!(server.closed().await, CloseReason::ForcedServerClose);
}

#[tokio::test]
async fn compression_negotiated_is_used() {
    let mut server = Server::start(EngineConfig {
        per_message_deflate: Some(Deflate {
            threshold: 1000,
            level: 3,
        }),
        ..config()
    });
    let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";
    let (mut stream, head) = server.raw_websocket(offer).await;
    assert!(
        head.contains("permessage-deflate; server_no_context_takeover; client_no_context_takeover"),
        "{head}"
    );
    // Uncompressed messages are still allowed; the echo is compressed.
    stream
        .write_all(&frame(0x81, format!("4{}", "a".repeat(10_000)).as_bytes()))
        .await
        .expect("the server reads");
    let mut received = Vec::new();
    while !received.windows(1).any(|byte| byte == [0xc1]) {
        received.push(soon("an answer", stream.read_u8()).await.expect("an open socket"));
    }
    let length = soon("an answer", stream.read_u8()).await.expect("an open socket");
    assert!(length < 126, "{length}");
    let mut bytes = vec![0; usize::from(length)];
    soon("an answer", stream.read_exact(&mut bytes))
        .await
        .expect("an open socket");
    // The compressed message is sent back unchanged.
    stream
        .write_all(&frame(0xc1, &bytes))
        .await
        .expect("the server reads");
    let mut again = vec![0; usize::from(length) + 2];
    soon("an answer", stream.read_exact(&mut again))
        .await
        .expect("an open socket");
    assert_eq!(again[2..], bytes);
    let (_, head) = server.raw_websocket("").await;
    assert!(!head.contains("permessage-deflate"), "{head}");
    server.opened().await;
}

#[tokio::test]
async fn compressed_bomb_closes_only_its_sender() {
    let mut server = Server::start(EngineConfig {
        per_message_deflate: Some(Deflate::default()),
        ..config()
    });
    let (mut stream, _) = server
        .raw_websocket("Sec-WebSocket-Extensions: permessage-deflate\r\n")
        .await;
    // A literal byte, then copies of it: 258 bytes for each two bits.
    let mut bomb = vec![0xec, 0xc1, 0x01, 0x01];
    bomb.extend([0; 4]);
    bomb.extend(vec![0xff; 900_000]);
    stream
        .write_all(&frame(0xc2, &bomb))
        .await
        .expect("the server reads");
    let mut received = Vec::new();
    soon("the end", stream.read_to_end(&mut received))
        .await
        .unwrap_or_default();
    assert_eq!(server.closed().await, CloseReason::TransportError);
    server.assert_serves().await;
}

#[tokio::test]
async fn subprotocols_offered_are_answered_with_the_first() {
    let server = Server::start(config());
    let offered = "Sec-WebSocket-Protocol: chat, other\r\nSec-WebSocket-Protocol: third\r\n";
    let (_, head) = server.raw_websocket(offered).await;
    assert!(head.contains("sec-websocket-protocol: chat\r\n"), "{head}");
    let (_, head) = server.raw_websocket("").await;
    assert!(!head.contains("sec-websocket-protocol"), "{head}");
    for malformed in ["cha t", "a, a", "", "a,,b", "a\"b"] {
        let (_, head) = server
            .raw_websocket(&format!("Sec-WebSocket-Protocol: {malformed}\r\n"))
            .await;
        assert!(head.starts_with("HTTP/1.1 400 "), "{malformed:?}: {head}");
    }
}
