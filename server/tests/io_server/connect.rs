//! Connecting to namespaces and disconnecting from them.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pesan_server::socketio::{
    AckSender, Args, ConnectError, DisconnectReason, Io, IoConfig, NamespaceError, Socket, SocketIoLimits,
};
use tokio::sync::mpsc;

use crate::support::{PATIENCE, Served, until};

fn greets(io: &Io) {
    io.on_connection(|socket: Socket| {
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
        socket.emit("auth", socket.handshake().auth.clone())
    });
}

#[tokio::test]
async fn connect_to_the_root_namespace_is_accepted() {
    let served = Served::start().await;
    greets(&served.io);
    let mut raw = served.open().await;
    let sid = raw.join("/").await;
    assert_eq!(sid.len(), 20);
    assert_eq!(raw.next().await, r#"2["auth",{}]"#);
    assert_eq!(served.io.len(), 1);
}

#[tokio::test]
async fn connect_payload_is_the_auth_of_the_handshake() {
    let served = Served::start().await;
    greets(&served.io);
    let mut raw = served.open().await;
    raw.send(r#"0{"token":"123"}"#).await;
    assert!(raw.next().await.starts_with(r#"0{"sid":""#));
    assert_eq!(raw.next().await, r#"2["auth",{"token":"123"}]"#);
}

#[tokio::test]
async fn namespaces_on_one_connection_have_different_ids() {
    let served = Served::start().await;
    greets(&served.io);
    greets_in(&served.io, "/custom");
    let mut raw = served.open().await;
    let root = raw.join("/").await;
    assert_eq!(raw.next().await, r#"2["auth",{}]"#);
    let custom = raw.join("/custom").await;
    assert_eq!(raw.next().await, r#"2/custom,["auth",{}]"#);
    assert_ne!(root, custom);
    raw.send("1").await;
    raw.send(r#"2/custom,["marco"]"#).await;
    assert_eq!(raw.next().await, r#"2/custom,["polo"]"#);
    until("the root namespace was left", || served.io.is_empty()).await;
}

fn greets_in(io: &Io, name: &str) {
    io.of(name)
        .expect("a legal name")
        .on_connection(|socket: Socket| {
            socket.on("marco", |socket: Socket| socket.emit("polo", ()));
            socket.emit("auth", socket.handshake().auth.clone())
        });
}

#[tokio::test]
async fn connect_to_an_unknown_namespace_is_refused() {
    let served = Served::start().await;
    let (sender, mut refused) = mpsc::unbounded_channel();
    served
        .io
        .on_connect_error(move |error| sender.send(error.clone()).expect("the test listens"));
    let mut raw = served.open().await;
    raw.send("0/random").await;
    assert_eq!(raw.next().await, r#"4/random,{"message":"Invalid namespace"}"#);
    let refused = refused.recv().await.expect("the hook was called");
    assert_eq!(refused.namespace.as_deref(), Some("/random"));
    assert_eq!(refused.message, "Invalid namespace");
}

#[tokio::test]
async fn connect_with_a_query_has_it_in_the_namespace_name() {
    let served = Served::start().await;
    let mut raw = served.open().await;
    raw.send("0/admin?token=1&uid=a,").await;
    assert_eq!(
        raw.next().await,
        r#"4/admin?token=1&uid=a,{"message":"Invalid namespace"}"#
    );
}

#[tokio::test]
async fn packets_invalid_close_the_connection() {
    for packet in [
        "0[]",
        r#"0"x""#,
        "4abc",
        "abc",
        "2{}",
        "2[]",
        r#"2["connect"]"#,
        r#"2["message"#,
        "3abc[]",
        "50-[\"x\"]",
        "511-[\"x\"]",
        "7",
    ] {
        let served = Served::start().await;
        let mut raw = served.join().await;
        raw.send(packet).await;
        raw.expect_end().await;
    }
}

#[tokio::test]
async fn parse_error_is_reported_to_hooks_and_listeners() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let hook = sender.clone();
    served
        .io
        .on_error(move |error| hook.send(error.message.clone()).expect("the test listens"));
    served.io.on_connection(move |socket: Socket| {
        let (on_error, on_disconnect) = (sender.clone(), sender.clone());
        socket.on("error", move |_: Socket, text: String| {
            on_error.send(text).expect("the test listens");
        });
        socket.on("disconnect", move |_: Socket, reason: String| {
            on_disconnect.send(reason).expect("the test listens");
        });
    });
    let mut raw = served.join().await;
    raw.send("2{}").await;
    raw.expect_end().await;
    let first = receiver.recv().await.expect("the hook");
    assert!(first.starts_with("invalid payload"), "{first}");
    assert_eq!(receiver.recv().await, Some(first));
    assert_eq!(receiver.recv().await.as_deref(), Some("parse error"));
}

#[tokio::test]
async fn connect_twice_closes_the_connection() {
    let served = Served::start().await;
    let mut raw = served.join().await;
    raw.send("0").await;
    raw.expect_end().await;
}

#[tokio::test]
async fn packet_for_a_namespace_not_joined_closes_the_connection() {
    let served = Served::start().await;
    let mut raw = served.open().await;
    raw.send(r#"2["marco"]"#).await;
    raw.expect_end().await;
}

#[tokio::test]
async fn packet_crossing_the_servers_disconnect_is_ignored() {
    let served = Served::start().await;
    greets(&served.io);
    greets_in(&served.io, "/custom");
    let mut raw = served.open().await;
    raw.join("/").await;
    raw.next().await;
    raw.join("/custom").await;
    raw.next().await;
    served
        .io
        .of("/custom")
        .expect("a legal name")
        .disconnect_sockets(false);
    assert_eq!(raw.next().await, "1/custom,");
    raw.send(r#"2/custom,["late"]"#).await;
    raw.expect_silence().await;
}

#[tokio::test]
async fn client_joining_no_namespace_is_disconnected() {
    let config = IoConfig {
        connect_timeout: Duration::from_millis(50),
        ..IoConfig::default()
    };
    let served = Served::with(config).await;
    let mut raw = served.open().await;
    raw.expect_end().await;
}

#[tokio::test]
async fn middleware_error_has_message_and_data() {
    let served = Served::start().await;
    served.io.with_middleware(async |socket: Socket| {
        tokio::task::yield_now().await;
        match socket.handshake().auth.get("token") {
            Some(_) => Ok(()),
            None => {
                Err(ConnectError::new("authentication error").with_data(&serde_json::json!({"retry": 5})))
            }
        }
    });
    served.io.with_middleware(|socket: Socket| {
        socket.join("checked");
        Ok::<_, String>(())
    });
    let mut raw = served.open().await;
    raw.send("0").await;
    assert_eq!(
        raw.next().await,
        r#"4{"message":"authentication error","data":{"retry":5}}"#
    );
    assert!(served.io.is_empty());
    raw.send(r#"0{"token":1}"#).await;
    assert!(raw.next().await.starts_with("0{"));
    assert_eq!(served.io.in_("checked").fetch_sockets().await.len(), 1);
}

#[tokio::test]
async fn parent_namespace_broadcasts_to_rooms_and_fetches_sockets_of_its_children() {
    let served = Served::start().await;
    let parent = served.io.of_dynamic("/team-*");
    parent.on_connection(|socket: Socket| {
        socket.join(if socket.nsp().name() == "/team-a" {
            "red"
        } else {
            "blue"
        });
    });
    let (mut a, mut b) = (served.open().await, served.open().await);
    a.join("/team-a").await;
    b.join("/team-b").await;
    parent.to("red").emit("to", "red").expect("can be sent");
    parent.except("red").emit("except", "red").expect("can be sent");
    assert_eq!(a.next().await, r#"2/team-a,["to","red"]"#);
    assert_eq!(b.next().await, r#"2/team-b,["except","red"]"#);
    assert_eq!(parent.fetch_sockets().await.len(), 2);
    assert_eq!(parent.in_("blue").fetch_sockets().await.len(), 1);
    parent.disconnect_sockets(false);
    assert_eq!(a.next().await, "1/team-a,");
    assert_eq!(b.next().await, "1/team-b,");
}

#[tokio::test]
async fn middleware_panic_refuses_the_client() {
    let served = Served::start().await;
    served
        .io
        .with_middleware(|_: Socket| -> Result<(), String> { panic!("a bug") });
    let mut raw = served.open().await;
    raw.send("0").await;
    assert_eq!(raw.next().await, r#"4{"message":"Internal server error"}"#);
}

#[tokio::test]
async fn namespaces_matching_patterns_and_functions_are_created() {
    let config = IoConfig {
        cleanup_empty_child_namespaces: true,
        ..IoConfig::default()
    };
    let served = Served::with(config).await;
    let parent = served.io.of_dynamic("/dynamic-*");
    parent.on_connection(|socket: Socket| socket.emit("name", socket.nsp().name()));
    served.io.of_dynamic(|name: &str, auth: &pesan::socketio::Value| {
        name == "/secret" && auth.get("key").is_some()
    });
    let mut raw = served.open().await;
    raw.join("/dynamic-101").await;
    assert_eq!(raw.next().await, r#"2/dynamic-101,["name","/dynamic-101"]"#);
    parent.emit("all", 1).expect("can be sent");
    assert_eq!(raw.next().await, r#"2/dynamic-101,["all",1]"#);
    raw.send("0/secret,").await;
    assert_eq!(raw.next().await, r#"4/secret,{"message":"Invalid namespace"}"#);
    raw.send(r#"0/secret,{"key":1}"#).await;
    assert!(raw.next().await.starts_with(r#"0/secret,{"sid""#));
    raw.send("1/dynamic-101,").await;
    until("the empty child went", || parent.children().is_empty()).await;
    assert!(
        !served
            .io
            .namespaces()
            .iter()
            .any(|namespace| namespace.name() == "/dynamic-101")
    );
}

const REFUSED: &str = r#"4/guard-x,{"message":"refused"}"#;

#[tokio::test]
async fn namespace_created_before_its_pattern_has_its_middleware() {
    for order in ["pattern first", "name first", "middleware last"] {
        let served = Served::start().await;
        let name = || served.io.of("/guard-x").expect("a legal name");
        if order == "name first" {
            name();
        }
        let parent = served.io.of_dynamic("/guard-*");
        if order == "middleware last" {
            name();
        }
        parent.with_middleware(|socket: Socket| match socket.handshake().auth.get("key") {
            Some(_) => Ok(()),
            None => Err("refused"),
        });
        parent.on_connection(|socket: Socket| socket.emit("handled", ()));
        name().emit("nobody", ()).expect("can be sent");
        let mut raw = served.open().await;
        raw.send("0/guard-x,").await;
        assert_eq!(raw.next().await, REFUSED, "{order}");
        raw.send(r#"0/guard-x,{"key":1}"#).await;
        assert!(raw.next().await.starts_with("0/guard-x,{"), "{order}");
        assert_eq!(raw.next().await, r#"2/guard-x,["handled"]"#, "{order}");
        assert_eq!(parent.children(), [name()]);
        parent.emit("all", ()).expect("can be sent");
        assert_eq!(raw.next().await, r#"2/guard-x,["all"]"#);
    }
}

#[tokio::test]
async fn matcher_function_is_called_for_each_client() {
    for named in [false, true] {
        let served = Served::start().await;
        if named {
            served.io.of("/team").expect("a legal name");
        }
        served.io.of_dynamic(|name: &str, auth: &pesan::socketio::Value| {
            name == "/team" && auth.get("key").is_some()
        });
        for _ in 0..2 {
            let mut raw = served.open().await;
            raw.send("0/team,").await;
            assert_eq!(raw.next().await, r#"4/team,{"message":"Invalid namespace"}"#);
            raw.send(r#"0/team,{"key":1}"#).await;
            assert!(raw.next().await.starts_with("0/team,{"));
        }
    }
}

#[tokio::test]
async fn namespace_with_own_handlers_is_not_adopted_by_a_later_pattern() {
    let served = Served::start().await;
    greets_in(&served.io, "/own");
    served.io.of("/open").expect("a legal name");
    served
        .io
        .of_dynamic("/o*n")
        .with_middleware(|_: Socket| Err::<(), _>("refused"));
    let mut raw = served.open().await;
    raw.send("0/own,").await;
    assert!(raw.next().await.starts_with("0/own,{"));
    assert!(raw.next().await.starts_with("2/own,"));
    raw.send("0/open,").await;
    assert_eq!(raw.next().await, r#"4/open,{"message":"refused"}"#);
}

#[tokio::test]
async fn namespace_with_an_impossible_name_is_an_error() {
    let served = Served::start().await;
    let error = served.io.of("a,b").expect_err("a comma");
    assert_eq!(error, NamespaceError::Comma("/a,b".to_owned()));
    let error = served.io.of(&"x".repeat(256)).expect_err("too long");
    assert_eq!(
        error.to_string(),
        "name of the namespace is 257 bytes; the maximum is 256"
    );
    assert_eq!(served.io.namespaces().len(), 1);
}

#[tokio::test]
async fn jsonp_request_is_refused_with_a_message() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let served = Served::start().await;
    let mut stream = tokio::net::TcpStream::connect(served.address)
        .await
        .expect("it listens");
    let request =
        "GET /socket.io/?EIO=4&transport=polling&j=0 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("text");
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    let body = r#"{"code":3,"message":"JSONP polling (parameter j) is not supported"}"#;
    assert!(answer.ends_with(body), "{answer}");
}

#[tokio::test]
async fn namespaces_of_one_connection_are_limited() {
    let limits = SocketIoLimits {
        max_namespaces_per_connection: 2,
        ..SocketIoLimits::default()
    };
    let served = Served::with(IoConfig {
        limits,
        ..IoConfig::default()
    })
    .await;
    served.io.of_dynamic("/n*");
    let mut raw = served.open().await;
    raw.join("/n1").await;
    raw.join("/n2").await;
    raw.send("0/n3,").await;
    assert_eq!(raw.next().await, r#"4/n3,{"message":"Too many namespaces"}"#);
}

#[tokio::test]
async fn disconnect_events_have_the_official_order_and_reasons() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let sockets: Arc<Mutex<Vec<Socket>>> = Arc::default();
    let seen = sockets.clone();
    served.io.on_connection(move |socket: Socket| {
        socket.join("room");
        seen.lock().expect("unpoisoned").push(socket.clone());
        let (first, last) = (sender.clone(), sender.clone());
        socket.on(
            "disconnecting",
            move |socket: Socket, reason: DisconnectReason| {
                let report = format!("disconnecting {reason} {}", socket.rooms().len());
                first.send(report).expect("the test listens");
            },
        );
        socket.on("disconnect", move |socket: Socket, reason: DisconnectReason| {
            let report = format!(
                "disconnect {reason} {} {}",
                socket.rooms().len(),
                socket.connected()
            );
            last.send(report).expect("the test listens");
        });
    });
    for how in 0..4 {
        let mut raw = served.join().await;
        let socket = sockets.lock().expect("unpoisoned").pop().expect("it joined");
        let reason = match how {
            0 => {
                raw.send("1").await;
                "client namespace disconnect"
            }
            1 => {
                socket.disconnect(false);
                assert_eq!(raw.next().await, "1");
                "server namespace disconnect"
            }
            2 => {
                socket.disconnect(true);
                raw.expect_end().await;
                "server namespace disconnect"
            }
            _ => {
                raw.close().await;
                "transport close"
            }
        };
        assert_eq!(receiver.recv().await, Some(format!("disconnecting {reason} 2")));
        assert_eq!(
            receiver.recv().await,
            Some(format!("disconnect {reason} 0 false"))
        );
    }
}

#[tokio::test]
async fn server_closed_disconnects_sockets_with_its_reason() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let sender = sender.clone();
        socket.on("disconnect", move |_: Socket, reason: String| {
            sender.send(reason).expect("the test listens");
        });
    });
    let mut raw = served.join().await;
    until("it joined", || served.io.len() == 1).await;
    served.io.close();
    raw.expect_end().await;
    assert_eq!(receiver.recv().await.as_deref(), Some("server shutting down"));
}

#[tokio::test]
async fn server_closed_frees_its_port_and_may_listen_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("just bound");
    drop(free);
    let io = Io::default();
    io.on_connection(|socket: Socket| {
        socket.on("ask", |ack: AckSender| ack.send("answer"));
    });
    for _ in 0..3 {
        let listening = tokio::spawn({
            let io = io.clone();
            async move { io.listen(address).await }
        });
        until("it listens", || std::net::TcpStream::connect(address).is_ok()).await;
        let served = Served {
            io: io.clone(),
            address,
        };
        let mut raw = served.join().await;
        raw.send(r#"20["ask"]"#).await;
        assert_eq!(raw.next().await, r#"30["answer"]"#);
        io.close();
        raw.expect_end().await;
        tokio::time::timeout(PATIENCE, listening)
            .await
            .expect("it returns")
            .expect("no panic")
            .expect("it listened");
        let refused = std::net::TcpStream::connect(address).expect_err("the port is closed");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    }
}

#[tokio::test]
async fn handshake_has_what_the_client_sent() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        let handshake = socket.handshake();
        let facts = (
            handshake.param("token"),
            handshake.ip().to_string(),
            handshake.secure,
            handshake.url.as_ref(),
        );
        socket.emit("facts", facts)
    });
    let mut raw = served.join().await;
    let url = "/socket.io/?EIO=4&transport=websocket&token=abc";
    assert_eq!(
        raw.next().await,
        format!(r#"2["facts","abc","127.0.0.1",false,"{url}"]"#)
    );
    let seen = served.io.fetch_sockets().await;
    let handshake = &seen.first().expect("one socket").handshake;
    let text = |key| handshake.get(key).and_then(pesan::socketio::Value::as_str);
    assert_eq!(text("url"), Some(url));
    assert!(text("time").is_some_and(|time| time.ends_with(" GMT+0000 (Coordinated Universal Time)")));
    assert_eq!(
        handshake.get("xdomain").and_then(pesan::socketio::Value::as_bool),
        Some(false)
    );
}

#[tokio::test]
async fn arguments_of_all_types_are_echoed_unchanged() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("message", |socket: Socket, args: Args| {
            socket.emit("message-back", args)
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2["message",1,"2",{"3":[false]}]"#).await;
    assert_eq!(raw.next().await, r#"2["message-back",1,"2",{"3":[false]}]"#);
    raw.send(r#"52-["message",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#)
        .await;
    raw.send_binary(&[1, 2, 3]).await;
    raw.send_binary(&[4, 5, 6]).await;
    let echoed = r#"52-["message-back",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#;
    assert_eq!(raw.next().await, echoed);
    assert_eq!(raw.next_binary().await, [1, 2, 3]);
    assert_eq!(raw.next_binary().await, [4, 5, 6]);
}

#[tokio::test]
async fn client_after_a_protocol_error_is_ignored() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let (sender, reasons) = (sender.clone(), sender.clone());
        socket.on("after", move || {
            sender.send("event".to_owned()).map_err(|_| "the test listens")
        });
        socket.on("disconnect", move |_: Socket, reason: DisconnectReason| {
            reasons.send(reason.to_string()).map_err(|_| "the test listens")
        });
    });
    for (broken, reason) in [("2{}", "parse error"), ("0", "forced server close")] {
        let mut raw = served.join().await;
        raw.send_all([broken, r#"2["after"]"#, r#"2["after"]"#].map(str::to_owned))
            .await;
        raw.expect_end().await;
        assert_eq!(receiver.recv().await.as_deref(), Some(reason));
    }
}
