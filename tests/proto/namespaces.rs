//! Several namespaces on one connection.

use pesan::socketio::proto::Emit;

use crate::harness::Harness;

/// Connected to `/` and `/admin` on one connection.
fn two() -> Harness {
    let mut harness = Harness::joined();
    harness.connect("/admin");
    harness.frame(r#"40/admin,{"sid":"a"}"#);
    harness.sees("send 1 40/admin,\n/admin connect a");
    harness
}

#[test]
fn namespace_receives_only_its_own_events() {
    let mut harness = two();
    harness.frame(r#"42/admin,["x"]"#);
    harness.frame(r#"42["y"]"#);
    harness.frame(r#"42/nobody,["z"]"#);
    harness.sees("/admin got x []\n/ got y []");
}

#[test]
fn namespaces_have_separate_ack_ids() {
    let mut harness = two();
    harness.emit(Emit::new("a").with_ack());
    harness.emit(Emit::new("b").to("/admin").with_ack());
    harness.sees("send 1 420[\"a\"]\nsend 1 42/admin,0[\"b\"]");
    harness.frame("43/admin,0[1]");
    harness.sees("/admin #2 Acknowledged\n/admin #2 ack [1]");
}

#[test]
fn namespaces_connect_on_open_in_order_of_first_use() {
    let mut harness = Harness::new();
    harness.connect("/b");
    harness.connect("/a");
    harness.open();
    harness.sees("open 1 websocket\n- open\nsend 1 40/b,\nsend 1 40/a,");
}

#[test]
fn namespace_disconnected_keeps_connection_for_others() {
    let mut harness = two();
    harness.disconnect("/admin");
    harness.sees("send 1 41/admin,\n/admin disconnect: io client disconnect");
    harness.frame("41");
    harness.sees("close 1\n- close: forced close\n/ disconnect: io server disconnect");
}

#[test]
fn namespace_refused_does_not_affect_others() {
    let mut harness = Harness::joined();
    harness.connect("/admin");
    harness.forget();
    harness.frame(r#"44/admin,{"message":"no"}"#);
    harness.sees("/admin connect_error: no");
    harness.frame(r#"42["still here"]"#);
    harness.sees("/ got still here []");
    harness.lose_connection();
    harness.wait(1000);
    harness.accept();
    harness.sees_of(&["send"], "send 2 40");
}

#[test]
fn connection_lost_disconnects_each_connected_namespace() {
    let mut harness = two();
    harness.connect("/slow");
    harness.forget();
    harness.wait(45_000);
    harness.sees_of(
        &["/ ", "/admin", "/slow disconnect", "- close"],
        "/ disconnect: ping timeout
         /admin disconnect: ping timeout
         - close: ping timeout",
    );
}

#[test]
fn disconnect_twice_does_nothing() {
    let mut harness = two();
    harness.disconnect("/admin");
    harness.forget();
    harness.disconnect("/admin");
    harness.disconnect("/never");
    harness.sees("");
}

#[test]
fn namespace_with_query_keeps_it() {
    let mut harness = Harness::new();
    harness.connect("/admin?token=1&uid=a");
    harness.open();
    harness.sees_of(&["send"], "send 1 40/admin?token=1&uid=a,");
}
