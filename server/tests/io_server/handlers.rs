//! Listeners: kinds, order, errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use pesan::socketio::{Event, NoAck, Value};
use pesan_server::socketio::{AckSender, Args, EmitError, ErrorKind, IncomingEvent, Socket};
use serde::{Deserialize, Serialize};
use tokio::sync::{Notify, mpsc};

use crate::support::Served;

#[tokio::test]
async fn listeners_of_one_event_are_called_in_order() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on("say", |socket: Socket, text: String| socket.emit("first", text));
        socket.on("say", async |socket: Socket, text: String| {
            tokio::task::yield_now().await;
            socket.emit("second", text)
        });
        socket.on("say", |socket: Socket, args: Args| socket.emit("third", args));
    });
    let mut raw = served.join().await;
    raw.send(r#"2["say","x",1]"#).await;
    assert_eq!(raw.next().await, r#"2["first","x"]"#);
    assert_eq!(raw.next().await, r#"2["second","x"]"#);
    assert_eq!(raw.next().await, r#"2["third","x",1]"#);
}

#[tokio::test]
async fn event_after_an_async_handler_waits_and_other_sockets_do_not() {
    let served = Served::start().await;
    let gate = Arc::new(Notify::new());
    for name in ["/", "/other"] {
        let gate = gate.clone();
        served
            .io
            .of(name)
            .expect("a legal name")
            .on_connection(move |socket: Socket| {
                let gate = gate.clone();
                socket.on("wait", move |socket: Socket| {
                    let gate = gate.clone();
                    async move {
                        gate.notified().await;
                        socket.emit("waited", ())
                    }
                });
                socket.on("quick", |socket: Socket| socket.emit("quick", ()));
            });
    }
    let mut raw = served.join().await;
    raw.join("/other").await;
    raw.send(r#"2["wait"]"#).await;
    raw.send(r#"2["quick"]"#).await;
    raw.send(r#"2/other,["quick"]"#).await;
    assert_eq!(raw.next().await, r#"2/other,["quick"]"#);
    gate.notify_one();
    assert_eq!(raw.next().await, r#"2["waited"]"#);
    assert_eq!(raw.next().await, r#"2["quick"]"#);
}

#[tokio::test]
async fn connection_handler_async_delays_events() {
    let served = Served::start().await;
    served.io.on_connection(async |socket: Socket| {
        tokio::task::yield_now().await;
        socket.on("early", |socket: Socket| socket.emit("received", ()));
    });
    let mut raw = served.open().await;
    raw.send("0").await;
    raw.send(r#"2["early"]"#).await;
    assert!(raw.next().await.starts_with("0{"));
    assert_eq!(raw.next().await, r#"2["received"]"#);
}

#[tokio::test]
async fn handler_running_at_disconnection_ends_before_disconnect() {
    let served = Served::start().await;
    let gate = Arc::new(Notify::new());
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let opened = gate.clone();
    served.io.on_connection(move |socket: Socket| {
        let (gate, slow, last) = (opened.clone(), sender.clone(), sender.clone());
        socket.on("slow", move |socket: Socket| {
            let (gate, slow) = (gate.clone(), slow.clone());
            async move {
                slow.send("begun").expect("the test listens");
                gate.notified().await;
                assert!(!socket.connected());
                slow.send("done").expect("the test listens");
            }
        });
        socket.on("disconnect", move || {
            last.send("gone").expect("the test listens");
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2["slow"]"#).await;
    assert_eq!(receiver.recv().await, Some("begun"));
    raw.close().await;
    let is_left = || served.io.sockets().iter().all(|socket| !socket.connected());
    crate::support::until("it left", is_left).await;
    assert_eq!(served.io.len(), 1, "it counts until `disconnecting`");
    gate.notify_one();
    assert_eq!(receiver.recv().await, Some("done"));
    assert_eq!(receiver.recv().await, Some("gone"));
    assert!(served.io.is_empty());
}

#[tokio::test]
async fn listeners_once_off_and_catch_all_are_called_as_registered() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.once("a", |socket: Socket| socket.emit("once", ()));
        let gone = socket.on("a", |socket: Socket| socket.emit("never", ()));
        assert!(socket.off(gone));
        socket.on("b", |socket: Socket| socket.emit("never", ()));
        socket.remove_all_listeners("b");
        socket.on_any(|socket: &Socket, event: &str, args: &[Value]| {
            socket.emit("any", (event, args.len())).expect("can be sent");
        });
        socket.prepend_any(|socket: &Socket, _: &str, _: &[Value]| {
            socket.emit("before", ()).expect("can be sent");
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2["a",1,2]"#).await;
    raw.send(r#"2["a"]"#).await;
    raw.send(r#"2["b"]"#).await;
    let mut seen = Vec::new();
    for _ in 0..7 {
        seen.push(raw.next().await);
    }
    let expected = [
        r#"2["before"]"#,
        r#"2["any","a",2]"#,
        r#"2["once"]"#,
        r#"2["before"]"#,
        r#"2["any","a",0]"#,
        r#"2["before"]"#,
        r#"2["any","b",0]"#,
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn outgoing_events_reach_catch_all_listeners() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served.io.on_connection(move |socket: Socket| {
        let sender = sender.clone();
        socket.on_any_outgoing(move |_: &Socket, event: &str, _: &[Value]| {
            sender.send(event.to_owned()).expect("the test listens");
        });
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let mut raw = served.join().await;
    raw.expect_silence().await;
    served.io.emit("all", ()).expect("can be sent");
    assert_eq!(receiver.recv().await.as_deref(), Some("polo"));
    assert_eq!(receiver.recv().await.as_deref(), Some("all"));
}

#[tokio::test]
async fn packet_middleware_may_change_and_refuse_events() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.use_packet(|_: Socket, mut event: IncomingEvent| {
            if event.name == "admin" {
                return Err("unauthorized event");
            }
            event.args.push(Value::from("seen"));
            Ok(event)
        });
        socket.use_packet(async |_: Socket, event: IncomingEvent| Ok::<_, String>(event));
        socket.on("admin", |socket: Socket| socket.emit("never", ()));
        socket.on("user", |socket: Socket, args: Args| socket.emit("user", args));
        socket.on("error", |socket: Socket, text: String| {
            socket.emit("refused", text)
        });
    });
    let mut raw = served.join().await;
    raw.send(r#"2["admin"]"#).await;
    raw.send(r#"2["user",1]"#).await;
    assert_eq!(raw.next().await, r#"2["refused","unauthorized event"]"#);
    assert_eq!(raw.next().await, r#"2["user",1,"seen"]"#);
}

#[tokio::test]
async fn arguments_of_another_type_are_reported() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| sender.send(error.clone()).expect("the test listens"));
    served.io.on_connection(|socket: Socket| {
        socket.on("number", |socket: Socket, number: u32| {
            socket.emit("fits", number)
        });
        socket.on("fails", || Err::<(), _>("on purpose"));
    });
    let mut raw = served.join().await;
    raw.send(r#"2["number","text"]"#).await;
    raw.send(r#"2["fails"]"#).await;
    raw.send(r#"2["number",7]"#).await;
    assert_eq!(raw.next().await, r#"2["fits",7]"#);
    let first = receiver.recv().await.expect("reported");
    assert_eq!(
        (first.kind, first.event.as_deref()),
        (ErrorKind::Arguments, Some("number"))
    );
    let second = receiver.recv().await.expect("reported");
    assert_eq!(
        (second.kind, second.message.as_str()),
        (ErrorKind::Handler, "on purpose")
    );
}

#[tokio::test]
async fn handler_panic_disconnects_only_its_socket() {
    let served = Served::start().await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served
        .io
        .on_error(move |error| sender.send(error.clone()).expect("the test listens"));
    served.io.on_connection(|socket: Socket| {
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
        socket.on("now", || -> () { panic!("at once") });
        socket.on("later", async || -> () {
            tokio::task::yield_now().await;
            panic!("after a while");
        });
    });
    served
        .io
        .of("/other")
        .expect("a legal name")
        .on_connection(|_: Socket| {});
    let mut other = served.join().await;
    for (event, text) in [("now", "panic: at once"), ("later", "panic: after a while")] {
        let mut raw = served.join().await;
        raw.join("/other").await;
        raw.send(&format!(r#"2["{event}"]"#)).await;
        assert_eq!(raw.next().await, "1");
        let report = receiver.recv().await.expect("reported");
        assert_eq!((report.kind, report.message.as_str()), (ErrorKind::Panic, text));
        raw.join("/").await;
        raw.expect_silence().await;
    }
    other.expect_silence().await;
}

#[derive(Serialize, Deserialize)]
struct Add {
    left: i32,
    right: i32,
}

impl Event for Add {
    const NAME: &'static str = "add";
    type Ack = i32;
}

#[derive(Serialize, Deserialize)]
struct Note(String);

impl Event for Note {
    const NAME: &'static str = "note";
    type Ack = NoAck;
}

#[tokio::test]
async fn typed_events_are_acknowledged_with_the_return_value() {
    let served = Served::start().await;
    served.io.on_connection(|socket: Socket| {
        socket.on_event::<Add, _>(async |_: Socket, add: Add| add.left + add.right);
        socket
            .on_event::<Note, _>(|socket: Socket, note: Note| socket.emit_event(&note).expect("can be sent"));
    });
    let mut raw = served.join().await;
    raw.send(r#"27["add",{"left":1,"right":2}]"#).await;
    assert_eq!(raw.next().await, "37[3]");
    raw.send(r#"2["note","hi"]"#).await;
    assert_eq!(raw.next().await, r#"2["note","hi"]"#);
}

#[tokio::test]
async fn event_with_a_reserved_name_is_not_sent() {
    let served = Served::start().await;
    for name in [
        "connect",
        "connect_error",
        "disconnect",
        "disconnecting",
        "newListener",
        "removeListener",
    ] {
        assert_eq!(
            served.io.emit(name, ()),
            Err(EmitError::Reserved(name.to_owned()))
        );
    }
}

#[tokio::test]
async fn ack_with_several_listeners_is_sent_once() {
    let served = Served::start().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    served.io.on_connection(move |socket: Socket| {
        for answer in ["first", "second"] {
            let calls = counted.clone();
            socket.on("ask", move |ack: AckSender| {
                calls.fetch_add(1, Ordering::Relaxed);
                ack.send(answer)
            });
        }
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
    });
    let mut raw = served.join().await;
    raw.send(r#"20["ask"]"#).await;
    assert_eq!(raw.next().await, r#"30["first"]"#);
    raw.expect_silence().await;
    assert_eq!(calls.load(Ordering::Relaxed), 2);
}
