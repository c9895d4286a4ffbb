//! HTTP long-polling.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use pesan_server::engineio::{
    CloseReason, Connection, Cookie, Cors, EncodedMessage, EngineConfig, Group, Origins, RefuseCode,
};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::harness::{Answer, Server, config, quick, soon};

#[tokio::test]
async fn handshake_over_polling_has_the_required_fields() {
    let server = Server::start(quick());
    let answer = server.get("EIO=4&transport=polling").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; charset=utf-8\r\n"),
        "{}",
        answer.head
    );
    assert!(
        answer.head.contains("cache-control: no-store\r\n"),
        "{}",
        answer.head
    );
    let handshake: serde_json::Value = serde_json::from_str(&answer.body[1..]).expect("JSON");
    assert_eq!(handshake.as_object().expect("an object").len(), 5);
    assert_eq!(handshake["sid"].as_str().expect("a sid").len(), 20);
    assert_eq!(handshake["upgrades"], serde_json::json!(["websocket"]));
    assert_eq!(handshake["pingInterval"], 300);
    assert_eq!(handshake["pingTimeout"], 200);
    assert_eq!(handshake["maxPayload"], 1_000_000);
}

#[tokio::test]
async fn refused_requests_have_the_official_codes() {
    let server = Server::start(config());
    let polling = server.open_polling().await;
    let websocket = polling.replace("polling", "websocket");
    let cases = [
        ("GET", "EIO=4", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=abc", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=webtransport", 0, "Transport unknown"),
        ("GET", "EIO=4&transport=polling&sid=abc", 1, "Session ID unknown"),
        ("POST", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("PUT", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("OPTIONS", "EIO=4&transport=polling", 2, "Bad handshake method"),
        ("GET", "EIO=4&transport=websocket", 3, "Bad request"),
        ("GET", &websocket, 3, "Bad request"),
        ("PUT", &polling, 3, "Bad request"),
        ("GET", &polling.replace("EIO=4", "EIO=3"), 3, "Bad request"),
        ("GET", "transport=polling", 5, "Unsupported protocol version"),
        (
            "GET",
            "EIO=3&transport=polling",
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "EIO=4&EIO=3&transport=polling",
            5,
            "Unsupported protocol version",
        ),
        (
            "GET",
            "EIO=4&transport=polling&transport=websocket",
            3,
            "Bad request",
        ),
        (
            "GET",
            "EIO=abc&transport=polling",
            5,
            "Unsupported protocol version",
        ),
    ];
    for (method, query, code, message) in cases {
        let answer = server.request(method, query, "", "").await;
        assert_eq!(answer.status, 400, "{method} {query}");
        let body = format!("{{\"code\":{code},\"message\":\"{message}\"}}");
        assert_eq!(answer.body, body, "{method} {query}");
        assert!(
            answer.head.contains("content-type: application/json\r\n"),
            "{}",
            answer.head
        );
    }
    assert_eq!(server.engine.sessions(), 1);
}

#[tokio::test]
async fn request_to_another_path_is_not_found() {
    let server = Server::start(config());
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    let request = "GET /engine.oi/?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    stream
        .write_all(request.as_bytes())
        .await
        .expect("the server reads");
    assert_eq!(Answer::read(&mut stream).await.status, 404);
}

#[tokio::test]
async fn post_with_several_packets_is_echoed_in_one_body() {
    let server = Server::start(config());
    let session = server.open_polling().await;
    let body = "4hello\u{1e}bAQIDBA==\u{1e}4é\u{1e}4";
    let answer = server.post(&session, body).await;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(server.get(&session).await.body, body);
}

#[tokio::test]
async fn post_with_invalid_packet_closes_the_session() {
    let mut server = Server::start(config());
    for body in [
        "abc",
        "",
        "4a\u{1e}",
        "\u{1e}4a",
        "4a\u{1e}7",
        "b***",
        "4a\u{1e}é",
    ] {
        let session = server.open_polling().await;
        // Like in the official server, the POST itself is answered with ok.
        let answer = server.post(&session, body).await;
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "{body:?}");
        assert_eq!(server.closed().await, CloseReason::ParseError, "{body:?}");
        assert_eq!(server.get(&session).await.code(), 1, "{body:?}");
    }
    // In protocol 4 only the server sends pings.
    let session = server.open_polling().await;
    assert_eq!(server.post(&session, "2").await.status, 400);
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn poll_beside_a_pending_one_closes_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let first = server.get(&session);
    let second = async {
        arrived(&server).await;
        server.get(&session).await
    };
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.status, &*first.body), (200, "1"));
    assert_eq!((second.status, &*second.body), (400, ""));
    assert_eq!(server.closed().await, CloseReason::TransportError);
    assert_eq!(server.get(&session).await.status, 400);
}

/// Waits until everything sent before on other connections has reached the server.
async fn arrived(server: &Server) {
    // The server accepts in order, and a refusal takes longer than reading a request that has arrived.
    for _ in 0..5 {
        assert_eq!(server.get("EIO=4").await.status, 400);
    }
}

#[tokio::test]
async fn poll_aborted_closes_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let stream = server.begin("GET", &session, "", 0, "").await;
    arrived(&server).await;
    drop(stream);
    assert_eq!(server.closed().await, CloseReason::TransportError);
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn post_body_cut_off_closes_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let stream = server.begin("POST", &session, "", 100, "4ha").await;
    drop(stream);
    assert_eq!(server.closed().await, CloseReason::TransportError);
    server.assert_serves().await;
}

#[tokio::test]
async fn post_beside_a_pending_one_closes_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let _first = server.begin("POST", &session, "", 100, "").await;
    arrived(&server).await;
    assert_eq!(server.post(&session, "4a").await.status, 400);
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn post_body_over_the_limit_is_refused_and_the_session_stays() {
    let server = Server::start(EngineConfig {
        max_payload: 1000,
        ..config()
    });
    let session = server.open_polling().await;
    let large = format!("4{}", "a".repeat(1000));
    let refused = server.post(&session, &large).await;
    assert_eq!((refused.status, &*refused.body), (413, ""));
    assert!(!refused.head.contains("content-type"), "{}", refused.head);
    let exact = format!("4{}", "a".repeat(999));
    assert_eq!(server.post(&session, &exact).await.status, 200);
    assert_eq!(server.get(&session).await.body, exact);
    let chunked = "Transfer-Encoding: chunked\r\n";
    let head = server
        .head("POST", &session, chunked, 0)
        .replace("Content-Length: 0\r\n", "");
    let mut stream = TcpStream::connect(server.address)
        .await
        .expect("the server listens");
    stream.write_all(head.as_bytes()).await.expect("the server reads");
    stream.write_all(b"400\r\n").await.expect("the server reads");
    stream.write_all(&[b'4'; 1024]).await.expect("the server reads");
    assert_eq!(Answer::read(&mut stream).await.status, 413);
}

#[tokio::test]
async fn post_body_binary_is_refused() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let headers = "Content-Type: application/octet-stream\r\n";
    let refused = server.request("POST", &session, headers, "4a").await;
    assert_eq!((refused.status, &*refused.body), (400, ""));
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn polling_session_answering_pings_stays_open() {
    let server = Server::start(quick());
    let session = server.open_polling().await;
    for _ in 0..3 {
        let started = Instant::now();
        assert_eq!(server.get(&session).await.body, "2");
        assert!(
            started.elapsed() > Duration::from_millis(250),
            "{:?}",
            started.elapsed()
        );
        assert_eq!(server.post(&session, "3").await.status, 200);
    }
}

#[tokio::test]
async fn polling_session_without_pong_closes_with_ping_timeout() {
    let mut server = Server::start(quick());
    let session = server.open_polling().await;
    let started = Instant::now();
    assert_eq!(server.get(&session).await.body, "2");
    // The next poll is answered with the close packet.
    assert_eq!(server.get(&session).await.body, "1");
    let elapsed = started.elapsed();
    assert!((490..700).contains(&elapsed.as_millis()), "{elapsed:?}");
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn polling_client_that_closes_gets_its_poll_answered() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let closing = async {
        arrived(&server).await;
        server.post(&session, "1").await
    };
    let (poll, post) = tokio::join!(server.get(&session), closing);
    assert_eq!((poll.status, &*poll.body), (200, "6"));
    assert_eq!((post.status, &*post.body), (200, "ok"));
    assert_eq!(server.closed().await, CloseReason::TransportClose);
    assert_eq!(server.get(&session).await.status, 400);
}

#[tokio::test]
async fn polling_session_closed_by_the_server_gets_earlier_messages() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection: Connection = server.opened().await;
    connection.send(&EncodedMessage::from_frame(&"last".into()));
    connection.close(CloseReason::ForcedClose);
    assert_eq!(server.closed().await, CloseReason::ForcedClose);
    // In separate bodies: the official client handles the close packet before the messages beside it.
    assert_eq!(server.get(&session).await.body, "4last");
    assert_eq!(server.get(&session).await.body, "1");
    assert_eq!(server.get(&session).await.code(), 1);
    assert!(connection.is_closed());
}

#[tokio::test]
async fn engine_closed_notifies_sessions_and_refuses_handshakes() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    server.opened().await;
    let poll = server.get(&session);
    let close = async {
        arrived(&server).await;
        server.engine.close();
    };
    let (poll, ()) = tokio::join!(poll, close);
    assert_eq!(poll.body, "1");
    assert_eq!(server.closed().await, CloseReason::ServerShuttingDown);
    assert_eq!(server.get("EIO=4&transport=polling").await.status, 503);
}

#[tokio::test]
async fn volatile_messages_between_two_polls_are_dropped() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection = server.opened().await;
    connection.send(&EncodedMessage::from_frame(&"dropped".into()).volatile(true));
    connection.send(&EncodedMessage::from_frame(&"kept".into()));
    assert_eq!(server.get(&session).await.body, "4kept");
}

#[tokio::test]
async fn volatile_message_after_another_is_not_sent_to_the_same_poll() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection = server.opened().await;
    let group = Group::new([connection.clone()]);
    for number in 0..10 {
        let poll = server.get(&session);
        let send = async {
            arrived(&server).await;
            for text in ["first", "second"] {
                let message = EncodedMessage::from_frame(&text.into()).volatile(true);
                if number % 2 == 0 {
                    connection.send(&message);
                } else {
                    group.send(&message);
                }
            }
        };
        let (poll, ()) = tokio::join!(poll, send);
        assert_eq!(poll.body, "4first");
    }
    connection.send(&EncodedMessage::from_frame(&"kept".into()));
    assert_eq!(server.get(&session).await.body, "4kept");
}

#[tokio::test]
async fn path_with_special_characters_is_matched_literally() {
    for (given, path) in [
        ("/my-path", "/my-path/"),
        ("my-path/", "/my-path/"),
        ("/a/*/", "/a/*/"),
        ("/:id/", "/:id/"),
        ("/{id}/x", "/{id}/x/"),
        ("", "/"),
    ] {
        let server = Server::start(EngineConfig {
            path: given.to_owned(),
            ..config()
        });
        assert_eq!(server.engine.config().path, path);
        for (path, status) in [(path, 200), ("/b/c/d", 404), ("/other/", 404), ("/a/b/", 404)] {
            let mut stream = server
                .begin_with(&format!(
                    "GET {path}?EIO=4&transport=polling HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
                ))
                .await;
            assert_eq!(Answer::read(&mut stream).await.status, status, "{given} {path}");
        }
        // Together with routes of a program.
        let router: axum::Router = server.engine.router();
        drop(axum::Router::new().merge(router).fallback(async || "page"));
    }
}

#[tokio::test]
async fn preflights_and_responses_have_the_cors_headers() {
    let server = Server::start(EngineConfig {
        cors: Some(Cors {
            origins: Origins::Listed(vec!["http://a.example".to_owned()]),
            credentials: true,
            max_age: Some(Duration::from_secs(60)),
            ..Cors::default()
        }),
        ..config()
    });
    let query = "EIO=4&transport=polling";
    let headers = "Origin: http://a.example\r\nAccess-Control-Request-Headers: x-a\r\n";
    let preflight = server.request("OPTIONS", query, headers, "").await;
    assert_eq!(preflight.status, 204);
    for line in [
        "access-control-allow-origin: http://a.example\r\n",
        "access-control-allow-credentials: true\r\n",
        "access-control-allow-methods: get,head,put,patch,post,delete\r\n",
        "access-control-allow-headers: x-a\r\n",
        "access-control-max-age: 60\r\n",
    ] {
        assert!(preflight.head.contains(line), "{line} in {}", preflight.head);
    }
    let answer = server
        .request("GET", query, "Origin: http://a.example\r\n", "")
        .await;
    assert!(
        answer
            .head
            .contains("access-control-allow-origin: http://a.example\r\n")
    );
    let refused = server
        .request("GET", "EIO=4", "Origin: http://a.example\r\n", "")
        .await;
    assert!(
        refused
            .head
            .contains("access-control-allow-origin: http://a.example\r\n")
    );
    let other = server
        .request("GET", query, "Origin: http://b.example\r\n", "")
        .await;
    assert!(
        !other.head.contains("access-control-allow-origin"),
        "{}",
        other.head
    );
}

#[tokio::test]
async fn origin_not_listed_is_refused() {
    let server = Server::start(EngineConfig {
        origins: Origins::Listed(vec!["http://a.example".to_owned()]),
        ..config()
    });
    let query = "EIO=4&transport=polling";
    let refused = server
        .request("GET", query, "Origin: http://b.example\r\n", "")
        .await;
    assert_eq!((refused.status, refused.code()), (403, 4.into()));
    for headers in [
        "",
        "Origin: http://a.example\r\n",
        &format!("Origin: http://{}\r\n", server.address),
    ] {
        assert_eq!(
            server.request("GET", query, headers, "").await.status,
            200,
            "{headers}"
        );
    }
}

#[tokio::test]
async fn sticky_session_cookie_is_set_by_the_handshake_only() {
    let server = Server::start(EngineConfig {
        cookie: Some(Cookie::default()),
        ..config()
    });
    let answer = server.get("EIO=4&transport=polling").await;
    let handshake: serde_json::Value = serde_json::from_str(&answer.body[1..]).expect("JSON");
    let sid = handshake["sid"].as_str().expect("a sid");
    let cookie = format!(
        "set-cookie: io={}; path=/; httponly; samesite=lax\r\n",
        sid.to_lowercase()
    );
    assert!(answer.head.contains(&cookie), "{}", answer.head);
    let post = server
        .post(&format!("EIO=4&transport=polling&sid={sid}"), "4a")
        .await;
    assert!(!post.head.contains("set-cookie"));
}

#[tokio::test]
async fn polling_response_over_the_threshold_is_compressed_if_accepted() {
    let server = Server::start(config());
    let session = server.open_polling().await;
    let body = format!("4{}", "a".repeat(5000));
    server.post(&session, &body).await;
    let answer = server
        .request("GET", &session, "Accept-Encoding: gzip, br\r\n", "")
        .await;
    assert!(
        answer.head.contains("content-encoding: gzip\r\n"),
        "{}",
        answer.head
    );
    assert!(answer.bytes.len() < 200);
    server.post(&session, &body).await;
    assert_eq!(server.get(&session).await.body, body);
    server.post(&session, &body).await;
    let answer = server
        .request("GET", &session, "Accept-Encoding: gzip;q=0, identity\r\n", "")
        .await;
    assert_eq!(answer.body, body);
}

#[tokio::test]
async fn post_after_the_close_is_answered_at_once() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection = server.opened().await;
    connection.close(CloseReason::ForcedClose);
    assert_eq!(server.closed().await, CloseReason::ForcedClose);
    let post = tokio::time::timeout(Duration::from_secs(5), server.post(&session, "4late"));
    let answer = post.await.expect("an answer before the session is given up");
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(server.get(&session).await.body, "1");
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn handshake_refused_by_hook_gets_its_message_and_is_reported() {
    let errors = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&errors);
    let server = Server::start(EngineConfig {
        allow_request: Some(Arc::new(|request| {
            Box::pin(async move {
                match request.param("token") {
                    Some("good") => Ok(()),
                    _ => Err("who are you?".to_owned()),
                }
            })
        })),
        on_connection_error: Some(Arc::new(move |request, error| {
            let line = (
                request.param("token").map(str::to_owned),
                error.code,
                error.message.clone(),
            );
            hook.lock().expect("no panic").push(line);
        })),
        ..config()
    });
    let refused = server.get("EIO=4&transport=polling&token=bad").await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body, "{\"code\":4,\"message\":\"who are you?\"}");
    assert_eq!(server.get("EIO=4&transport=polling&token=good").await.status, 200);
    let errors = soon("the hook", async { errors.lock().expect("no panic").clone() }).await;
    assert_eq!(
        errors,
        [(
            Some("bad".to_owned()),
            RefuseCode::Forbidden,
            "who are you?".to_owned()
        )]
    );
}
