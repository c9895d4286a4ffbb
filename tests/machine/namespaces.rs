//! Several namespaces share one connection and do not disturb each other.

use pesan::socketio::proto::Emit;

use crate::world::World;

/// Joined to `/` and `/admin` on one connection.
fn two() -> World {
    let mut world = World::joined();
    world.connect("/admin");
    world.frame(r#"40/admin,{"sid":"a"}"#);
    world.sees("send 1 40/admin,\n/admin connect a");
    world
}

#[test]
fn each_namespace_hears_only_its_own_events() {
    let mut world = two();
    world.frame(r#"42/admin,["x"]"#);
    world.frame(r#"42["y"]"#);
    world.frame(r#"42/nobody,["z"]"#);
    world.sees("/admin got x []\n/ got y []");
}

#[test]
fn each_namespace_counts_its_own_acks() {
    let mut world = two();
    world.emit(Emit::new("a").with_ack());
    world.emit(Emit::new("b").to("/admin").with_ack());
    world.sees("send 1 420[\"a\"]\nsend 1 42/admin,0[\"b\"]");
    world.frame("43/admin,0[1]");
    world.sees("/admin #2 Acknowledged\n/admin #2 ack [1]");
}

#[test]
fn all_of_them_connect_when_the_connection_opens_in_the_order_of_their_first_use() {
    let mut world = World::new();
    world.connect("/b");
    world.connect("/a");
    world.open();
    world.sees("open 1 websocket\n- open\nsend 1 40/b,\nsend 1 40/a,");
}

#[test]
fn one_that_leaves_keeps_the_connection_for_the_others() {
    let mut world = two();
    world.disconnect("/admin");
    world.sees("send 1 41/admin,\n/admin disconnect: io client disconnect");
    world.frame("41");
    world.sees("close 1\n- close: forced close\n/ disconnect: io server disconnect");
}

#[test]
fn a_refusal_of_one_does_not_disturb_the_others() {
    let mut world = World::joined();
    world.connect("/admin");
    world.forget();
    world.frame(r#"44/admin,{"message":"no"}"#);
    world.sees("/admin connect_error: no");
    world.frame(r#"42["still here"]"#);
    world.sees("/ got still here []");
    world.cut();
    world.wait(1000);
    world.accept();
    world.sees_of(&["send"], "send 2 40");
}

#[test]
fn a_drop_reaches_each_that_was_connected() {
    let mut world = two();
    world.connect("/slow");
    world.forget();
    world.wait(45_000);
    world.sees_of(
        &["/ ", "/admin", "/slow disconnect", "- close"],
        "/ disconnect: ping timeout
         /admin disconnect: ping timeout
         - close: ping timeout",
    );
}

#[test]
fn leaving_twice_does_nothing() {
    let mut world = two();
    world.disconnect("/admin");
    world.forget();
    world.disconnect("/admin");
    world.disconnect("/never");
    world.sees("");
}

#[test]
fn the_query_stays_part_of_a_namespace() {
    let mut world = World::new();
    world.connect("/admin?token=1&uid=a");
    world.open();
    world.sees_of(&["send"], "send 1 40/admin?token=1&uid=a,");
}
