//! Rooms and broadcasts: the recipients.

use pesan_server::socketio::{Io, Socket};

use crate::support::{Raw, Served, until};

fn rooms_by_event(io: &Io) {
    io.on_connection(|socket: Socket| {
        socket.on("join", |socket: Socket, rooms: Vec<String>| {
            socket.join(rooms);
            socket.emit("joined", ())
        });
        socket.on("leave", |socket: Socket, room: String| {
            socket.leave(room);
            socket.emit("left", ())
        });
        socket.on("marco", |socket: Socket| socket.emit("polo", ()));
        socket.on("others", |socket: Socket, text: String| {
            socket.broadcast().emit("others", text)
        });
        socket.on("to", |socket: Socket, room: String| {
            socket.to(room).emit("room", ())
        });
    });
}

async fn member(served: &Served, rooms: &str) -> (Raw, String) {
    let mut raw = served.open().await;
    let sid = raw.join("/").await;
    raw.send(&format!(r#"2["join",{rooms}]"#)).await;
    assert_eq!(raw.next().await, r#"2["joined"]"#);
    (raw, sid)
}

#[tokio::test]
async fn socket_in_several_rooms_gets_a_broadcast_once() {
    let served = Served::start().await;
    rooms_by_event(&served.io);
    let (mut both, _) = member(&served, r#"["a","b"]"#).await;
    let (mut one, one_id) = member(&served, r#"["b"]"#).await;
    let (mut none, none_id) = member(&served, "[]").await;
    served.io.to("a").to("b").emit("ab", ()).expect("can be sent");
    served
        .io
        .to(["a", "b"])
        .except(one_id.as_str())
        .emit("both", ())
        .expect("can be sent");
    served.io.except("a").emit("not-a", ()).expect("can be sent");
    served
        .io
        .in_(none_id.as_str())
        .in_("a")
        .emit("mixed", ())
        .expect("can be sent");
    served.io.to("nobody").emit("never", ()).expect("can be sent");
    served.io.emit("all", ()).expect("can be sent");
    for (raw, expected) in [
        (&mut both, vec!["ab", "both", "mixed", "all"]),
        (&mut one, vec!["ab", "not-a", "all"]),
        (&mut none, vec!["not-a", "mixed", "all"]),
    ] {
        for event in expected {
            assert_eq!(raw.next().await, format!(r#"2["{event}"]"#));
        }
        raw.expect_silence().await;
    }
}

#[tokio::test]
async fn broadcast_of_a_socket_excludes_itself() {
    let served = Served::start().await;
    rooms_by_event(&served.io);
    let (mut one, _) = member(&served, r#"["a"]"#).await;
    let (mut two, _) = member(&served, r#"["a"]"#).await;
    let (mut three, _) = member(&served, "[]").await;
    one.send(r#"2["others","hi"]"#).await;
    one.send(r#"2["to","a"]"#).await;
    one.expect_silence().await;
    assert_eq!(two.next().await, r#"2["others","hi"]"#);
    assert_eq!(two.next().await, r#"2["room"]"#);
    assert_eq!(three.next().await, r#"2["others","hi"]"#);
    three.expect_silence().await;
}

#[tokio::test]
async fn broadcast_after_a_membership_change_reaches_the_new_members() {
    let served = Served::start().await;
    rooms_by_event(&served.io);
    let (mut one, id) = member(&served, r#"["a"]"#).await;
    served.io.to("a").emit("1", ()).expect("can be sent");
    one.send(r#"2["leave","a"]"#).await;
    assert_eq!(one.next().await, r#"2["1"]"#);
    assert_eq!(one.next().await, r#"2["left"]"#);
    served.io.to("a").emit("2", ()).expect("can be sent");
    served.io.sockets_join("a");
    served.io.to("a").emit("3", ()).expect("can be sent");
    served.io.in_("a").sockets_leave("a");
    served.io.to("a").emit("4", ()).expect("can be sent");
    assert_eq!(one.next().await, r#"2["3"]"#);
    one.expect_silence().await;
    let socket = served.io.socket(&id).expect("it is there");
    assert_eq!(
        socket.rooms().iter().map(AsRef::as_ref).collect::<Vec<&str>>(),
        [id.as_str()]
    );
    assert_eq!(served.io.room_sizes(), []);
}

#[tokio::test]
async fn sockets_fetched_have_rooms_and_data_and_can_be_controlled() {
    let served = Served::start().await;
    rooms_by_event(&served.io);
    let (mut one, id) = member(&served, r#"["a"]"#).await;
    let (mut two, _) = member(&served, "[]").await;
    served
        .io
        .socket(&id)
        .expect("it is there")
        .data()
        .set("username", "ana")
        .expect("text is a value");
    let found = served.io.in_("a").fetch_sockets().await;
    let [remote] = &*found else {
        panic!("one socket: {found:?}")
    };
    assert_eq!(remote.id, id);
    assert_eq!(
        remote.data.get("username").and_then(|name| name.as_str()),
        Some("ana")
    );
    assert!(remote.rooms.iter().any(|room| room == "a"));
    remote.emit("direct", ()).expect("can be sent");
    remote.join("b");
    served.io.to("b").emit("b", ()).expect("can be sent");
    assert_eq!(one.next().await, r#"2["direct"]"#);
    assert_eq!(one.next().await, r#"2["b"]"#);
    remote.disconnect(true);
    one.expect_end().await;
    two.expect_silence().await;
    until("one is left", || served.io.len() == 1).await;
}
