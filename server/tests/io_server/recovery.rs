//! Connection state recovery.

use std::time::Duration;

use pesan_server::socketio::{IoConfig, Recovery, Socket};
use tokio::sync::mpsc;

use crate::support::{Lost, Served, join, lost, offset, until};

async fn served(recovery: Recovery) -> Served {
    let config = IoConfig {
        recovery: Some(recovery),
        ..IoConfig::default()
    };
    let served = Served::with(config).await;
    served.io.on_connection(|socket: Socket| {
        socket.on("join", |socket: Socket, room: String| {
            socket.join(room);
            socket.data().set("name", "ana")?;
            Ok::<_, pesan::socketio::value::ToValueError>(())
        });
        socket.on("status", |socket: Socket, how: String| match how.as_str() {
            "volatile" => socket.volatile().emit("status", "connected"),
            "all volatile" => socket.nsp().volatile().emit("status", "connected"),
            _ => socket.nsp().local().emit("status", "connected"),
        });
        socket.on("marco", |socket: Socket| socket.volatile().emit("polo", ()));
    });
    served
}

#[tokio::test]
async fn client_reconnecting_gets_missed_events_before_the_reply() {
    let served = served(Recovery::default()).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served
        .io
        .on_reconnect(move |what| sender.send(what.clone()).expect("the test listens"));
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    raw.send(r#"2["join","a"]"#).await;
    raw.expect_silence().await;
    served.io.emit("first", 1).expect("can be sent");
    let last = offset(&raw.next().await);
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    served.io.emit("all", 2).expect("can be sent");
    served.io.to("a").emit("room", 3).expect("can be sent");
    served.io.to("b").emit("never", 4).expect("can be sent");
    served.io.except("a").emit("never", 5).expect("can be sent");
    served.io.volatile().emit("never", 6).expect("can be sent");
    served.io.to(sid.as_str()).emit("own", 7).expect("can be sent");

    let mut raw = served.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{last}"}}"#))
        .await;
    for event in [r#"2["all",2,"#, r#"2["room",3,"#, r#"2["own",7,"#] {
        let packet = raw.next().await;
        assert!(packet.starts_with(event), "{packet}");
    }
    assert_eq!(raw.next().await, format!(r#"0{{"sid":"{sid}","pid":"{pid}"}}"#));
    let socket = served.io.socket(&sid).expect("it is back");
    assert!(socket.recovered());
    assert!(socket.rooms().iter().any(|room| &**room == "a"));
    assert_eq!(socket.data().value("name").expect("kept").as_str(), Some("ana"));
    let recovery = receiver.recv().await.expect("the hook was called");
    assert_eq!(
        (recovery.recovered, recovery.missed, recovery.socket),
        (true, 3, sid)
    );
}

#[tokio::test]
async fn client_lost_while_reconnecting_may_reconnect_again() {
    let served = served(Recovery::default()).await;
    let Lost { sid, pid, last, auth } = lost(&served).await;
    // The server waits a second until it has read up to the offset of the client.
    let mut raw = served.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{last}99"}}"#))
        .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    raw.close().await;
    // The server may not have noticed the loss yet.
    for _ in 0..20 {
        let mut raw = served.open().await;
        if join(&mut raw, &auth).await.0 == sid {
            return;
        }
    }
    panic!("the session is lost");
}

#[tokio::test]
async fn session_resumed_closes_its_earlier_connection() {
    let served = served(Recovery::default()).await;
    let Lost { sid, pid, auth, .. } = lost(&served).await;
    let mut first = served.open().await;
    assert_eq!(join(&mut first, &auth).await, (sid.clone(), pid.clone()));
    // The client reconnects before the server has noticed that the first connection is lost.
    let mut second = served.open().await;
    assert_eq!(join(&mut second, &auth).await, (sid.clone(), pid));
    first.expect_end().await;
    assert_eq!(served.io.len(), 1);
    assert!(served.io.socket(&sid).is_some_and(|socket| socket.connected()));
    second.expect_silence().await;
}

#[tokio::test]
async fn events_not_stored_do_not_prevent_recovery() {
    for how in ["local", "volatile", "all volatile"] {
        let served = served(Recovery::default()).await;
        let mut raw = served.open().await;
        let (sid, pid) = join(&mut raw, "").await;
        raw.send(&format!(r#"2["status","{how}"]"#)).await;
        let status = raw.next().await;
        assert!(status.starts_with(r#"2["status","connected","#), "{status}");
        served.io.emit("first", ()).expect("can be sent");
        let first = raw.next().await;
        raw.send(&format!(r#"2["status","{how}"]"#)).await;
        let last = offset(&raw.next().await);
        assert_eq!(last, offset(&first), "{how}");
        raw.close().await;
        until("it is gone", || served.io.is_empty()).await;
        served.io.emit("missed", ()).expect("can be sent");
        let mut raw = served.open().await;
        raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{last}"}}"#))
            .await;
        assert!(raw.next().await.starts_with(r#"2["missed""#), "{how}");
        assert!(raw.next().await.contains(&sid), "{how}");
    }
}

#[tokio::test]
async fn client_reconnecting_gets_no_events_from_before_it_joined() {
    let served = served(Recovery::default()).await;
    served.io.emit("before", ()).expect("can be sent");
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    served.io.to("late").emit("secret", ()).expect("can be sent");
    raw.send(r#"2["join","late"]"#).await;
    raw.expect_silence().await;
    served.io.to("late").emit("open", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    served.io.to("late").emit("missed", ()).expect("can be sent");
    // The very first offset, which the client never received.
    let (epoch, _) = last.split_once('.').expect("two parts");
    let mut raw = served.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{epoch}.0"}}"#))
        .await;
    for event in ["open", "missed"] {
        let packet = raw.next().await;
        assert!(packet.starts_with(&format!(r#"2["{event}""#)), "{packet}");
    }
    assert!(raw.next().await.contains(&sid));
    // A second time.
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    let mut raw = served.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{epoch}.0"}}"#))
        .await;
    let packet = raw.next().await;
    assert!(packet.starts_with(r#"2["open""#), "{packet}");
}

#[tokio::test]
async fn client_of_a_quiet_room_beside_a_busy_one_is_recovered() {
    let served = served(Recovery {
        max_packets: 10,
        ..Recovery::default()
    })
    .await;
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    raw.send(r#"2["join","quiet"]"#).await;
    raw.expect_silence().await;
    served.io.to("quiet").emit("first", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    let busy = |count: u32| {
        for n in 0..count {
            served.io.to("busy").emit("n", n).expect("can be sent");
            served.io.except(sid.as_str()).emit("n", n).expect("can be sent");
        }
    };
    busy(100);
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    served.io.to("quiet").emit("missed", ()).expect("can be sent");
    busy(2);
    let auth = format!(r#"{{"pid":"{pid}","offset":"{last}"}}"#);
    let mut raw = served.open().await;
    raw.send(&format!("0{auth}")).await;
    assert!(raw.next().await.starts_with(r#"2["missed""#));
    assert!(raw.next().await.contains(&sid));
    // But not over a gap.
    raw.close().await;
    until("it is gone", || served.io.is_empty()).await;
    busy(100);
    let mut raw = served.open().await;
    assert_ne!(join(&mut raw, &auth).await.0, sid);
}

#[tokio::test]
async fn client_that_disconnected_itself_gets_a_new_socket() {
    let served = served(Recovery::default()).await;
    let mut raw = served.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    served.io.emit("first", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    raw.send("1").await;
    until("it is gone", || served.io.is_empty()).await;
    let (fresh, _) = join(&mut raw, &format!(r#"{{"pid":"{pid}","offset":"{last}"}}"#)).await;
    assert_ne!(fresh, sid);
}

#[tokio::test]
async fn events_over_the_limits_are_not_stored() {
    let served = served(Recovery {
        max_packets: 10,
        ..Recovery::default()
    })
    .await;
    let Lost { sid, pid, last, .. } = lost(&served).await;
    for n in 0..11 {
        served.io.emit("more", n).expect("can be sent");
    }
    let mut raw = served.open().await;
    let (fresh, _) = join(&mut raw, &format!(r#"{{"pid":"{pid}","offset":"{last}"}}"#)).await;
    assert_ne!(fresh, sid, "one event is missing, so the session is not taken up");
}

#[tokio::test]
async fn session_expired_is_reported() {
    let served = served(Recovery {
        max_disconnection_duration: Duration::from_millis(50),
        ..Recovery::default()
    })
    .await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    served
        .io
        .on_reconnect_failed(move |what| sender.send(what.socket.clone()).expect("the test listens"));
    let mut raw = served.open().await;
    let (sid, _) = join(&mut raw, "").await;
    raw.close().await;
    assert_eq!(receiver.recv().await, Some(sid));
}

#[tokio::test]
async fn reconnect_refused_is_reported() {
    let served = served(Recovery::default()).await;
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let attempts = sender.clone();
    served
        .io
        .on_reconnect_attempt(move |_| attempts.send("attempt".to_owned()).expect("the test listens"));
    served
        .io
        .on_reconnect_error(move |what| sender.send(what.message.clone()).expect("the test listens"));
    served.io.with_middleware(|_: Socket| Err::<(), _>("no"));
    let mut raw = served.open().await;
    raw.send(r#"0{"pid":"unknown","offset":"x.1"}"#).await;
    assert_eq!(raw.next().await, r#"4{"message":"no"}"#);
    assert_eq!(receiver.recv().await.as_deref(), Some("attempt"));
    assert_eq!(receiver.recv().await.as_deref(), Some("no"));
}
