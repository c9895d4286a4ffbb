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
async fn the_handshake_says_what_the_protocol_wants() {
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
async fn refusals_have_the_official_codes() {
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
async fn another_path_is_not_found() {
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
async fn all_packets_of_a_body_come_back_in_one() {
    let server = Server::start(config());
    let session = server.open_polling().await;
    let body = "4hello\u{1e}bAQIDBA==\u{1e}4é\u{1e}4";
    let answer = server.post(&session, body).await;
    assert_eq!((answer.status, &*answer.body), (200, "ok"));
    assert_eq!(server.get(&session).await.body, body);
}

#[tokio::test]
async fn what_is_no_packet_ends_the_session() {
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
        // as officially, the POST itself is answered like any other
        let answer = server.post(&session, body).await;
        assert_eq!((answer.status, &*answer.body), (200, "ok"), "{body:?}");
        assert_eq!(server.closed().await, CloseReason::ParseError, "{body:?}");
        assert_eq!(server.get(&session).await.code(), 1, "{body:?}");
    }
    // In this protocol only the server pings.
    let session = server.open_polling().await;
    assert_eq!(server.post(&session, "2").await.status, 400);
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn a_second_poll_ends_the_session() {
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

/// Waits until what was sent before on other connections has reached the server.
async fn arrived(server: &Server) {
    // It accepts in order, and a refusal takes longer than reading a request that is there already.
    for _ in 0..5 {
        assert_eq!(server.get("EIO=4").await.status, 400);
    }
}

#[tokio::test]
async fn an_aborted_poll_ends_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let stream = server.begin("GET", &session, "", 0, "").await;
    arrived(&server).await;
    drop(stream);
    assert_eq!(server.closed().await, CloseReason::TransportError);
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn a_body_that_is_cut_off_ends_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let stream = server.begin("POST", &session, "", 100, "4ha").await;
    drop(stream);
    assert_eq!(server.closed().await, CloseReason::TransportError);
    server.assert_serves().await;
}

#[tokio::test]
async fn two_bodies_at_a_time_end_the_session() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let _first = server.begin("POST", &session, "", 100, "").await;
    arrived(&server).await;
    assert_eq!(server.post(&session, "4a").await.status, 400);
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_and_the_session_lives() {
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
async fn a_binary_body_is_refused() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let headers = "Content-Type: application/octet-stream\r\n";
    let refused = server.request("POST", &session, headers, "4a").await;
    assert_eq!((refused.status, &*refused.body), (400, ""));
    assert_eq!(server.closed().await, CloseReason::TransportError);
}

#[tokio::test]
async fn the_first_ping_comes_after_one_interval_and_pongs_keep_the_session() {
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
async fn without_a_pong_the_session_ends_in_time() {
    let mut server = Server::start(quick());
    let session = server.open_polling().await;
    let started = Instant::now();
    assert_eq!(server.get(&session).await.body, "2");
    // The next poll is answered by the end.
    assert_eq!(server.get(&session).await.body, "1");
    let elapsed = started.elapsed();
    assert!((490..700).contains(&elapsed.as_millis()), "{elapsed:?}");
    assert_eq!(server.closed().await, CloseReason::PingTimeout);
    assert_eq!(server.get(&session).await.code(), 1);
}

#[tokio::test]
async fn a_client_that_closes_gets_its_poll_back() {
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
async fn a_session_that_the_server_closes_gets_what_was_sent_before() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection: Connection = server.opened().await;
    connection.send(&EncodedMessage::from_frame(&"last".into()));
    connection.close(CloseReason::ForcedClose);
    assert_eq!(server.closed().await, CloseReason::ForcedClose);
    // In bodies of their own: the official client acts on the close packet before the messages beside it.
    assert_eq!(server.get(&session).await.body, "4last");
    assert_eq!(server.get(&session).await.body, "1");
    assert_eq!(server.get(&session).await.code(), 1);
    assert!(connection.is_closed());
}

#[tokio::test]
async fn a_closed_engine_tells_everyone_and_takes_nobody() {
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
async fn volatile_messages_are_dropped_between_two_polls() {
    let mut server = Server::start(config());
    let session = server.open_polling().await;
    let connection = server.opened().await;
    connection.send(&EncodedMessage::from_frame(&"dropped".into()).volatile(true));
    connection.send(&EncodedMessage::from_frame(&"kept".into()));
    assert_eq!(server.get(&session).await.body, "4kept");
}

#[tokio::test]
async fn only_the_first_of_two_volatile_messages_is_sent_to_a_poll() {
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
async fn path_is_taken_literally() {
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
        // beside routes of a program
        let router: axum::Router = server.engine.router();
        drop(axum::Router::new().merge(router).fallback(async || "page"));
    }
}

#[tokio::test]
async fn preflights_and_answers_carry_the_cors_headers() {
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
async fn pages_of_other_origins_may_be_kept_out() {
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
async fn the_cookie_for_sticky_sessions_comes_with_the_handshake_alone() {
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
async fn long_answers_are_compressed_for_those_who_take_it() {
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
async fn who_still_sends_after_the_end_is_answered_at_once() {
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
async fn a_handshake_may_be_refused_with_a_message_and_the_hook_hears_of_it() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&heard);
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
    let heard = soon("the hook", async { heard.lock().expect("no panic").clone() }).await;
    assert_eq!(
        heard,
        [(
            Some("bad".to_owned()),
            RefuseCode::Forbidden,
            "who are you?".to_owned()
        )]
    );
}
