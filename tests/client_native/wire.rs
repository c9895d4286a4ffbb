//! Compares what the official client and this one write on the wire.

use std::path::Path;

use super::{PATIENCE, connected, open, options, soon};
use crate::node::Node;
use crate::proxy::Proxy;
use pesan::socketio::proto::TransportKind;
use pesan::socketio::{AckSender, Args, Socket, Value};

/// What a client wrote: the request line of the handshake, then each frame.
#[derive(Debug, PartialEq)]
struct Written {
    request: String,
    frames: Vec<String>,
}

#[tokio::test]
async fn wire_format_equals_official_client() {
    // Separate servers, since their ack ids are counted per server.
    let node = Node::start("{}");
    let official = Proxy::before(node.port()).await;
    let script = tokio::process::Command::new("node")
        .args(["client-script.mjs", &official.url()])
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers"))
        .status();
    let status = soon("the official client", script).await.expect("node starts");
    assert!(status.success());

    let node = Node::start("{}");
    let own = Proxy::before(node.port()).await;
    soon("our client", script_of_ours(&own.url())).await;
    let end = tokio::time::Instant::now() + PATIENCE;
    while written(&own).frames.last().is_none_or(|frame| frame != "text 41") {
        assert!(
            tokio::time::Instant::now() < end,
            "no DISCONNECT in {:?}",
            written(&own)
        );
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }

    let (official, own) = (written(&official), written(&own));
    assert!(
        official.frames.len() > 15,
        "the script says something: {official:?}"
    );
    assert_eq!(own, official);
}

async fn script_of_ours(url: &str) {
    let auth = Value::object([("token", Value::from("t"))]);
    let options = options()
        .transports([TransportKind::WebSocket])
        .auth(auth)
        .query("room", "a b")
        .reconnection(false);
    let root = open(url, options);
    root.on("add", |left: i64, right: i64, answer: AckSender| {
        answer.send(left + right).expect("wanted");
    });
    root.on("bytes", |answer: AckSender| {
        answer.send((Value::from(vec![9u8, 8]), "two")).expect("wanted");
    });
    connected(&root).await;

    says(&root, "pesan", "pesan", vec!["halo é 😀".into()]).await;
    let object = Value::object([
        ("k", Value::Array(vec![1.into(), 2.5.into()])),
        ("\"", "\n".into()),
    ]);
    echo(
        &root,
        vec!["a".into(), 1.into(), Value::Null, true.into(), object],
    )
    .await;
    let empty = Value::object([("d", Value::Binary(Vec::new()))]);
    let list = Value::Array(vec![vec![4u8].into(), empty]);
    echo(
        &root,
        vec![Value::object([("b", vec![1u8, 2, 3].into()), ("c", list)])],
    )
    .await;
    says(&root, "ask", "answered", vec!["add".into(), 20.into(), 22.into()]).await;
    says(&root, "ask", "answered", vec!["bytes".into()]).await;
    root.volatile().emit("silent", -1).expect("connected");
    root.send("message").expect("connected");
    echo(&root, Vec::new()).await;

    let chat = root.manager().socket("/chat").expect("a legal name");
    connected(&chat).await;
    echo(&chat, vec![vec![7u8].into()]).await;
    chat.disconnect();
    echo(&root, vec!["last".into()]).await;
    root.disconnect();
}

async fn echo(socket: &Socket, args: Vec<Value>) {
    let Args(echoed) = socket
        .emit_with_ack("echo", Args(args.clone()))
        .await
        .expect("answered");
    assert_eq!(echoed, args);
}

/// Emits one event and waits for another.
async fn says(socket: &Socket, name: &str, answer: &str, args: Vec<Value>) {
    let mut events = socket.events();
    socket.emit(name, Args(args)).expect("connected");
    while events.recv().await.expect("the stream does not end").name != answer {}
}

/// Reads what the client wrote on the only connection that passed.
fn written(proxy: &Proxy) -> Written {
    let passed = proxy.passed();
    assert!(
        passed.iter().all(|part| part.connection == 0),
        "one connection is enough"
    );
    let up = passed.iter().filter(|part| part.from_client);
    let bytes: Vec<u8> = up.flat_map(|part| part.bytes.iter().copied()).collect();
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        return Written {
            request: String::new(),
            frames: Vec::new(),
        };
    };
    let (head, body) = bytes.split_at(end + 4);
    let head = String::from_utf8_lossy(head);
    Written {
        request: head.lines().next().unwrap_or_default().to_owned(),
        frames: frames(body),
    }
}

/// Text and binary frames, unmasked. Control frames are the WebSocket's own affair.
fn frames(mut bytes: &[u8]) -> Vec<String> {
    let mut frames = Vec::new();
    while let [first, second, rest @ ..] = bytes {
        assert!(
            first & 0x80 != 0 && second & 0x80 != 0,
            "clients mask, and neither of them fragments"
        );
        let (length, rest) = match second & 0x7f {
            126 => (usize::from(u16::from_be_bytes([rest[0], rest[1]])), &rest[2..]),
            127 => panic!("nothing here is that long"),
            short => (usize::from(short), rest),
        };
        let (mask, rest) = rest.split_at(4);
        let (payload, rest) = rest.split_at(length);
        let payload: Vec<u8> = payload
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        match first & 0x0f {
            1 => frames.push(["text ", &String::from_utf8_lossy(&payload)].concat()),
            2 => frames.push(format!("binary {payload:?}")),
            _ => {}
        }
        bytes = rest;
    }
    frames
}
