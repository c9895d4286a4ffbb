//! The msgpack format: each packet is one binary frame.

use pesan::socketio::packet::Body;
use pesan::socketio::value::Value;
use pesan::socketio::{Limits, Packet, msgpack};
use pesan_server::socketio::{AckSender, Args, IoConfig, Parser, Socket};

use crate::support::{Raw, Served};

async fn served() -> Served {
    let served = Served::with(IoConfig {
        parser: Parser::Msgpack,
        ..IoConfig::default()
    })
    .await;
    served.io.on_connection(|socket: Socket| {
        socket.on("echo", |socket: Socket, args: Args| socket.emit("echo", args));
        socket.on("ack", |_: Socket, args: Args, ack: AckSender| ack.send(args));
        socket.on("all", |socket: Socket, args: Args| socket.io().emit("all", args));
    });
    served
}

async fn send(raw: &mut Raw, body: Body) {
    raw.send_binary(&msgpack::encode(&Packet::new("/", body))).await;
}

async fn next(raw: &mut Raw) -> Body {
    let packet = msgpack::decode(&raw.next_binary().await, &Limits::default()).expect("a packet");
    assert_eq!(packet.namespace, "/");
    packet.body
}

async fn joined(served: &Served) -> Raw {
    let mut raw = served.open().await;
    send(&mut raw, Body::Connect(None)).await;
    let Body::Connect(Some(reply)) = next(&mut raw).await else {
        panic!("no reply to CONNECT")
    };
    assert!(reply.get("sid").is_some());
    raw
}

/// Twelve binary values: more than the default format accepts.
fn args() -> Vec<Value> {
    let mut args: Vec<Value> = (0..12).map(|n| Value::Binary(vec![n; 3])).collect();
    args.push(Value::object([("deep", Value::Binary(vec![1]))]));
    args
}

#[tokio::test]
async fn msgpack_packets_are_one_binary_frame_each() {
    let served = served().await;
    let (mut one, mut two) = (joined(&served).await, joined(&served).await);
    for name in ["echo", "all"] {
        send(&mut one, Body::event(name, args())).await;
        assert_eq!(next(&mut one).await, Body::event(name, args()));
    }
    assert_eq!(next(&mut two).await, Body::event("all", args()));
    let question = Body::Event {
        id: Some(7),
        name: "ack".into(),
        args: args(),
    };
    send(&mut one, question).await;
    let answer = Body::Ack { id: 7, args: args() };
    assert_eq!(next(&mut one).await, answer);
}

#[tokio::test]
async fn msgpack_connect_to_an_unknown_namespace_is_refused() {
    let served = served().await;
    let mut raw = served.open().await;
    let packet = Packet::new("/nowhere", Body::Connect(None));
    raw.send_binary(&msgpack::encode(&packet)).await;
    let packet = msgpack::decode(&raw.next_binary().await, &Limits::default()).expect("a packet");
    let reason = Value::object([("message", Value::from("Invalid namespace"))]);
    let refusal = Packet::new("/nowhere", Body::ConnectError(Some(reason)));
    assert_eq!(packet, refusal);
}

#[tokio::test]
async fn msgpack_server_disconnects_a_client_of_the_default_format() {
    let served = served().await;
    let mut raw = served.open().await;
    raw.send("0").await;
    raw.expect_end().await;
    let mut raw = joined(&served).await;
    raw.send_binary(&[0xc1]).await;
    raw.expect_end().await;
}
