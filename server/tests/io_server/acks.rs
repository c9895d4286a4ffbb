//! Acknowledgements in both directions.

use std::time::Duration;

use pesan_server::socketio::{
    AckError, AckSender, Args, EmitError, IoConfig, Responses, Socket, SocketIoLimits,
};
use tokio::sync::mpsc;

use crate::support::{Served, until};

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn ack_requested_by_a_client_is_sent() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("message-with-ack", |_: Socket, args: Args, ack: AckSender| {
            ack.send(args)
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2456["message-with-ack",1,"2",{"3":[false]}]"#).await;
    assert_eq!(raw.next().await, r#"3456[1,"2",{"3":[false]}]"#);
    raw.send(r#"51-789["message-with-ack",{"_placeholder":true,"num":0}]"#)
        .await;
    raw.send_binary(b"abc").await;
    assert_eq!(raw.next().await, r#"61-789[{"_placeholder":true,"num":0}]"#);
    assert_eq!(raw.next_binary().await, b"abc");
}

#[tokio::test]
async fn ack_requested_within_a_handler_arrives() {
    let served = Served::start().await;
    served.io.on_connection(async |socket: Socket| {
        let name: String = socket.emit_with_ack("name?", ()).await.expect("an answer");
        socket.emit("hello", name)
    });
    let mut raw = served.open().await;
    raw.send("0").await;
    assert!(raw.next().await.starts_with("0{"));
    assert_eq!(raw.next().await, r#"20["name?"]"#);
    raw.send(r#"30["ana"]"#).await;
    assert_eq!(raw.next().await, r#"2["hello","ana"]"#);
}

#[tokio::test]
async fn ack_callback_does_not_delay_the_next_event() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("start", |socket: Socket| {
            let reply = socket.clone();
            socket.emit_then("name?", (), move |name: Result<String, AckError>| {
                reply
                    .emit("hello", name.expect("acknowledged"))
                    .expect("connected");
            });
        });
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let mut raw = served.join().await;
    raw.send(r#"2["start"]"#).await;
    assert_eq!(raw.next().await, r#"20["name?"]"#);
    raw.send(r#"2["marco"]"#).await;
    assert_eq!(raw.next().await, r#"2["polo"]"#);
    raw.send(r#"30["ana"]"#).await;
    assert_eq!(raw.next().await, r#"2["hello","ana"]"#);
}

#[tokio::test]
async fn ack_timeout_of_the_options_applies_without_a_timeout_of_its_own() {
    let served = Served::with(IoConfig {
        ack_timeout: Some(SOON),
        ..IoConfig::default()
    })
    .await;
    let (mut raw, socket) = joined(&served).await;
    let waiting: Result<Args, AckError> = socket.emit_with_ack("anyone?", ()).await;
    assert_eq!(waiting, Err(AckError::Timeout));
    assert_eq!(raw.next().await, r#"20["anyone?"]"#);
    let waiting = socket
        .timeout(crate::support::PATIENCE)
        .emit_with_ack::<u8>("number?", ());
    assert_eq!(raw.next().await, r#"21["number?"]"#);
    tokio::time::sleep(SOON * 2).await;
    raw.send("31[7]").await;
    assert_eq!(waiting.await, Ok(7), "its own timeout is longer");
}

async fn joined(served: &Served) -> (crate::support::Raw, Socket) {
    let (sender, mut sockets) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        sender.send(socket).ok();
    });
    let raw = served.join().await;
    let socket = sockets.recv().await.expect("it joined");
    (raw, socket)
}

#[tokio::test]
async fn ack_missing_fails_with_its_reason() {
    let limits = SocketIoLimits {
        max_pending_acks: 2,
        ..SocketIoLimits::default()
    };
    let served = Served::with(IoConfig {
        limits,
        ..IoConfig::default()
    })
    .await;
    let (mut raw, socket) = joined(&served).await;
    let late = socket.timeout(SOON).emit_with_ack::<String>("ask", ());
    assert_eq!(late.await, Err(AckError::Timeout));
    let number = socket.emit_with_ack::<u32>("ask", ());
    raw.next().await;
    raw.next().await;
    raw.send(r#"31["text"]"#).await;
    assert!(matches!(number.await, Err(AckError::Answer(_))));
    let first = socket.emit_with_ack::<()>("ask", ());
    let second = socket.emit_with_ack::<()>("ask", ());
    let third = socket.emit_with_ack::<()>("ask", ()).await;
    assert_eq!(
        third,
        Err(AckError::Emit(EmitError::TooManyPendingAcks { limit: 2 }))
    );
    drop(second);
    let fourth = socket.emit_with_ack::<()>("ask", ());
    raw.close().await;
    assert_eq!(first.await, Err(AckError::Disconnected));
    assert_eq!(fourth.await, Err(AckError::Disconnected));
    until("it is gone", || !socket.connected()).await;
    assert_eq!(socket.emit("late", ()), Err(EmitError::Disconnected));
}

#[tokio::test]
async fn broadcast_with_ack_reports_acks_and_missing_sockets() {
    let served = Served::start().await;
    let mut quick = served.join().await;
    let mut slow = served.open().await;
    let silent = slow.join("/").await;
    let leaver = served.join().await;
    until("all joined", || served.io.len() == 3).await;
    let io = served.io.clone();
    let asked = tokio::spawn(async move {
        io.timeout(Duration::from_millis(300))
            .emit_with_ack::<String>("who", 1)
            .await
    });
    let packet = quick.next().await;
    let id = packet
        .strip_prefix('2')
        .and_then(|rest| rest.split_once('['))
        .expect("an id")
        .0
        .to_owned();
    assert_eq!(slow.next().await, packet, "one encoding for all");
    quick.send(&format!(r#"3{id}["me"]"#)).await;
    leaver.close().await;
    let responses = asked.await.expect("no panic").expect("was sent");
    assert_eq!(
        responses
            .answers
            .iter()
            .map(|(_, answer)| answer.as_str())
            .collect::<Vec<_>>(),
        ["me"]
    );
    assert!(responses.missing.contains(&silent));
    assert_eq!(responses.missing.len(), 2);
    assert_eq!(responses.complete(), None);
}

#[tokio::test]
async fn argument_null_alone_is_sent() {
    use pesan::socketio::Value;
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("value", |ack: AckSender| ack.send(Value::Null));
        socket.on("json", |ack: AckSender| ack.send(serde_json::Value::Null));
        socket.on("nothing", |ack: AckSender| ack.send(()));
    });
    let mut raw = served.join().await;
    raw.send(r#"20["value"]"#).await;
    assert_eq!(raw.next().await, "30[null]");
    raw.send(r#"21["json"]"#).await;
    assert_eq!(raw.next().await, "31[null]");
    raw.send(r#"22["nothing"]"#).await;
    assert_eq!(raw.next().await, "32[]");
    served.io.emit("x", Value::Null).expect("can be sent");
    assert_eq!(raw.next().await, r#"2["x",null]"#);
    served.io.emit("x", ()).expect("can be sent");
    assert_eq!(raw.next().await, r#"2["x"]"#);
}

#[tokio::test]
async fn broadcast_with_all_acks_returns_before_the_timeout() {
    let served = Served::start().await;
    let mut one = served.join().await;
    let mut two = served.join().await;
    until("both joined", || served.io.len() == 2).await;
    let io = served.io.clone();
    let asked = tokio::spawn(async move {
        io.timeout(crate::support::PATIENCE)
            .emit_with_ack::<u32>("n", ())
            .await
    });
    for (raw, answer) in [(&mut one, 1), (&mut two, 2)] {
        assert_eq!(raw.next().await, r#"20["n"]"#);
        raw.send(&format!("30[{answer}]")).await;
    }
    let responses: Responses<u32> = asked.await.expect("no panic").expect("was sent");
    let mut answers = responses.complete().expect("both answered");
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);
}
