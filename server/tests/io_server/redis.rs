//! Several nodes connected by Redis.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use pesan_server::socketio::{Health, Io, IoConfig, Recovery, Redis, RedisConfig, Socket};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::redis_server::RedisServer;
use crate::support::{PATIENCE, Served, join, offset, until};

/// Proxy in front of Redis, whose open connections can be stalled without closing them.
struct Wire {
    address: SocketAddr,
    held: watch::Sender<()>,
}

impl Wire {
    async fn to(redis: &RedisServer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (held, end) = (watch::Sender::new(()), redis.address());
        let holds = held.clone();
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut hold = holds.subscribe();
                tokio::spawn(async move {
                    let mut far = TcpStream::connect(end).await.expect("redis runs");
                    tokio::select! {
                        passed = copy_bidirectional(&mut near, &mut far) => drop(passed),
                        _ = hold.changed() => std::future::pending().await,
                    }
                });
            }
        });
        Self { address, held }
    }
}

async fn node(redis: &RedisServer, recovery: Option<Recovery>) -> Served {
    node_at(redis.address(), recovery).await
}

async fn node_at(address: SocketAddr, recovery: Option<Recovery>) -> Served {
    node_with(config_at(address), recovery).await
}

fn config_at(address: SocketAddr) -> RedisConfig {
    RedisConfig {
        url: format!("redis://{address}"),
        retry: Duration::from_millis(50),
        ..RedisConfig::default()
    }
}

async fn node_with(config: RedisConfig, recovery: Option<Recovery>) -> Served {
    let adapter = Redis::new(config);
    let config = IoConfig {
        recovery,
        request_timeout: Duration::from_secs(2),
        ..IoConfig::default()
    };
    let served = Served::serve(Io::with_adapter(config, adapter.expect("an address"))).await;
    served.io.on_connection(|socket: Socket| {
        socket.on("marco", |socket: Socket| socket.volatile().emit("polo", ()));
    });
    served
}

async fn nodes(redis: &RedisServer, recovery: Option<Recovery>) -> [Served; 3] {
    let nodes = [
        node(redis, recovery.clone()).await,
        node(redis, recovery.clone()).await,
        node(redis, recovery).await,
    ];
    meet(&nodes).await;
    nodes
}

async fn meet(nodes: &[Served]) {
    for served in nodes {
        let others = nodes.len() - 1;
        until("the nodes know each other", || {
            served.io.health() == Health::Up && served.io.other_nodes() == others
        })
        .await;
    }
}

#[tokio::test]
async fn broadcasts_reach_all_nodes_unless_local() {
    let redis = RedisServer::start();
    let [one, two, three] = nodes(&redis, None).await;
    let mut here = one.join().await;
    let mut there = two.join().await;
    let mut beyond = three.join().await;
    until("all joined", || three.io.len() + two.io.len() + one.io.len() == 3).await;
    one.io.local().emit("local", ()).expect("can be sent");
    two.io.sockets_join("room");
    until("all are in the room", || {
        [&one, &two, &three]
            .iter()
            .all(|served| served.io.room_sizes().len() == 1)
    })
    .await;
    three.io.to("room").emit("room", vec![1, 2]).expect("can be sent");
    for raw in [&mut there, &mut beyond] {
        assert_eq!(raw.next().await, r#"2["room",[1,2]]"#);
        raw.expect_silence().await;
    }
    assert_eq!(here.next().await, r#"2["local"]"#);
    assert_eq!(here.next().await, r#"2["room",[1,2]]"#);
    here.expect_silence().await;
}

#[tokio::test]
async fn sockets_of_all_nodes_are_fetched_and_disconnected() {
    let redis = RedisServer::start();
    let [one, two, _three] = nodes(&redis, None).await;
    let mut here = one.open().await;
    let here_id = here.join("/").await;
    let mut there = two.open().await;
    let there_id = there.join("/").await;
    until("both joined", || one.io.len() + two.io.len() == 2).await;
    let found = one.io.fetch_sockets().await;
    let mut ids: Vec<_> = found.iter().map(|socket| socket.id.as_str()).collect();
    ids.sort_unstable();
    let mut expected = [here_id.as_str(), there_id.as_str()];
    expected.sort_unstable();
    assert_eq!(ids, expected);

    let io = one.io.clone();
    let asked = tokio::spawn(async move { io.timeout(PATIENCE).emit_with_ack::<u32>("n", ()).await });
    for (raw, answer) in [(&mut here, 1), (&mut there, 2)] {
        let packet = raw.next().await;
        let id = packet
            .strip_prefix('2')
            .and_then(|rest| rest.split_once('['))
            .expect("an id")
            .0
            .to_owned();
        raw.send(&format!("3{id}[{answer}]")).await;
    }
    let mut answers = asked
        .await
        .expect("no panic")
        .expect("was sent")
        .complete()
        .expect("both answered");
    answers.sort_unstable();
    assert_eq!(answers, [1, 2]);

    let remote = found
        .iter()
        .find(|socket| socket.id == there_id)
        .expect("it was found");
    remote.disconnect(true);
    there.expect_end().await;
    here.expect_silence().await;
}

#[tokio::test]
async fn server_side_events_reach_the_other_nodes() {
    let redis = RedisServer::start();
    let [one, two, three] = nodes(&redis, None).await;
    for (served, number) in [(&one, 1), (&two, 2), (&three, 3)] {
        served.io.on_server_event("add", move |n: u32| n + number);
    }
    let answers = one
        .io
        .server_side_emit_with_ack::<u32>("add", 10)
        .await
        .expect("can be sent");
    let mut answers = answers.complete().expect("both answered");
    answers.sort_unstable();
    assert_eq!(answers, [12, 13]);
    assert_eq!(one.io.server_side_emit("add", 1), Ok(true));
}

#[tokio::test]
async fn node_not_replying_is_counted_and_other_acks_are_kept() {
    let redis = RedisServer::start();
    let wire = Wire::to(&redis).await;
    let nodes = [
        node(&redis, None).await,
        node(&redis, None).await,
        node_at(wire.address, None).await,
    ];
    meet(&nodes).await;
    let [one, two, three] = &nodes;
    for (served, number) in [(two, 2), (three, 3)] {
        served.io.on_server_event("add", move |n: u32| n + number);
    }
    let mut raw = two.join().await;
    let mut slow = two.open().await;
    let silent = slow.join("/").await;
    until("both joined", || two.io.len() == 2).await;
    wire.held.send_replace(());
    let io = one.io.clone();
    let limit = Duration::from_millis(1500);
    let asked = tokio::spawn(async move {
        let begun = std::time::Instant::now();
        let responses = io.timeout(limit).emit_with_ack::<u32>("n", ()).await;
        (responses.expect("was sent"), begun.elapsed())
    });
    let packet = raw.next().await;
    let (id, _) = packet
        .strip_prefix('2')
        .and_then(|rest| rest.split_once('['))
        .expect("an id");
    raw.send(&format!("3{id}[7]")).await;
    let (added, found) = tokio::join!(
        one.io.server_side_emit_with_ack::<u32>("add", 10),
        one.io.fetch_sockets()
    );
    let added = added.expect("can be sent");
    assert_eq!((added.answers.as_slice(), added.missing), ([12].as_slice(), 1));
    assert_eq!((found.len(), found.missing_nodes), (2, 1));
    let (responses, elapsed) = asked.await.expect("no panic");
    assert_eq!(responses.answers.iter().map(|(_, n)| *n).collect::<Vec<_>>(), [7]);
    assert_eq!(responses.missing, [silent]);
    assert!(responses.incomplete);
    assert!(
        elapsed >= limit && elapsed < limit + Duration::from_millis(400),
        "{elapsed:?}"
    );
}

#[tokio::test]
async fn client_of_a_dead_node_resumes_on_another_without_loss() {
    let redis = RedisServer::start();
    let [one, two, three] = nodes(&redis, Some(Recovery::default())).await;
    let mut raw = one.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    one.io.socket(&sid).expect("it joined").join("room");
    two.io.emit("first", 1).expect("can be sent");
    let last = offset(&raw.next().await);
    three.io.to("room").emit("lost", 2).expect("can be sent");
    // The node disappears silently: it never closes its socket.
    drop(raw);
    three.io.to("other").emit("never", 3).expect("can be sent");
    two.io.emit("lost", 4).expect("can be sent");

    let mut raw = three.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{last}"}}"#))
        .await;
    let mut missed = Vec::new();
    let reply = loop {
        let packet = raw.next().await;
        if packet.starts_with('0') {
            break packet;
        }
        missed.push(packet);
    };
    assert_eq!(reply, format!(r#"0{{"sid":"{sid}","pid":"{pid}"}}"#));
    while missed.len() < 2 {
        missed.push(raw.next().await);
    }
    assert!(missed[0].starts_with(r#"2["lost",2,"#), "{missed:?}");
    assert!(missed[1].starts_with(r#"2["lost",4,"#), "{missed:?}");
    until("the old socket is gone", || one.io.is_empty()).await;
}

#[tokio::test]
async fn broadcasts_of_all_nodes_are_sent_in_one_order() {
    let redis = RedisServer::start();
    let [one, two, three] = nodes(&redis, Some(Recovery::default())).await;
    let mut clients = [one.join().await, two.join().await, three.join().await];
    until("all joined", || one.io.len() + two.io.len() + three.io.len() == 3).await;
    for n in 0..100 {
        for served in [&one, &two, &three] {
            served.io.emit("n", n).expect("can be sent");
        }
    }
    let mut seen = Vec::new();
    for raw in &mut clients {
        let mut events = Vec::new();
        for _ in 0..300 {
            events.push(raw.next().await);
        }
        seen.push(events);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0], seen[2]);
}

#[tokio::test]
async fn nodes_without_redis_continue_and_reconnect_with_it() {
    for recovery in [None, Some(Recovery::default())] {
        let mut redis = RedisServer::start();
        let nodes = nodes(&redis, recovery).await;
        let mut here = nodes[0].join().await;
        let mut there = nodes[1].join().await;
        redis.stop();
        until("it is noticed", || {
            nodes.iter().all(|served| served.io.health() == Health::Down)
        })
        .await;
        nodes[0].io.emit("alone", ()).expect("can be sent");
        let packet = here.next().await;
        assert!(packet.starts_with(r#"2["alone""#), "{packet}");
        there.expect_silence().await;
        redis.start_again();
        meet(&nodes).await;
        nodes[0].io.emit("together", ()).expect("can be sent");
        for raw in [&mut here, &mut there] {
            let packet = raw.next().await;
            assert!(packet.starts_with(r#"2["together""#), "{packet}");
        }
    }
}

#[tokio::test]
async fn redis_unreachable_at_start_is_reported_once() {
    // A server that closes each connection, and counts them.
    let broken = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = broken.local_addr().expect("bound");
    let attempts = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&attempts);
    tokio::spawn(async move {
        while broken.accept().await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    });
    let redis = Redis::new(config_at(address)).expect("an address");
    let io = Io::with_adapter(IoConfig::default(), redis);
    let (reports, mut reported) = tokio::sync::mpsc::unbounded_channel();
    io.on_error(move |report| reports.send(report.message.clone()).expect("the test listens"));
    let served = Served::serve(io).await;
    let report = timeout(PATIENCE, reported.recv())
        .await
        .expect("in time")
        .expect("a report");
    assert!(report.starts_with("other nodes are unreachable: "), "{report}");
    assert_eq!(served.io.health(), Health::Down);
    until("many attempts", || attempts.load(Ordering::Relaxed) > 30).await;
    assert!(reported.try_recv().is_err(), "it is reported once");
}

#[tokio::test]
async fn redis_connections_lost_silently_are_reopened() {
    let redis = RedisServer::start();
    let wire = Wire::to(&redis).await;
    let nodes = [node_at(wire.address, None).await, node(&redis, None).await];
    meet(&nodes).await;
    let mut raw = nodes[0].join().await;
    wire.held.send_replace(());
    until("it is noticed", || nodes[0].io.health() == Health::Down).await;
    let heard = async {
        loop {
            nodes[1].io.emit("again", ()).expect("can be sent");
            if let Ok(packet) = timeout(Duration::from_millis(100), raw.next()).await {
                return packet;
            }
        }
    };
    assert_eq!(timeout(PATIENCE * 2, heard).await.as_deref(), Ok(r#"2["again"]"#));
}

#[tokio::test]
async fn client_missing_removed_log_entries_gets_a_new_socket() {
    let redis = RedisServer::start();
    let wire = Wire::to(&redis).await;
    let [one, two] = [wire.address, redis.address()].map(|address| RedisConfig {
        max_stream: 1,
        ..config_at(address)
    });
    let recovery = || Some(Recovery::default());
    let nodes = [node_with(one, recovery()).await, node_with(two, recovery()).await];
    meet(&nodes).await;
    let [one, two] = &nodes;
    let mut raw = one.open().await;
    let (sid, pid) = join(&mut raw, "").await;
    two.io.emit("first", ()).expect("can be sent");
    let last = offset(&raw.next().await);
    // One node is cut off, and the other one appends more than the log keeps.
    wire.held.send_replace(());
    for n in 0..1000 {
        two.io.emit("n", n).expect("can be sent");
    }
    until("it is noticed", || one.io.health() == Health::Down).await;
    meet(&nodes).await;
    two.io.emit("last", ()).expect("can be sent");
    while !raw.next().await.starts_with(r#"2["last""#) {}
    raw.close().await;
    let mut raw = one.open().await;
    raw.send(&format!(r#"0{{"pid":"{pid}","offset":"{last}"}}"#))
        .await;
    let reply = raw.next().await;
    assert!(reply.starts_with('0') && !reply.contains(&sid), "{reply}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_renewed_leave_capacity_for_events() {
    let redis = RedisServer::start();
    let config = RedisConfig {
        max_queued: 64,
        ..config_at(redis.address())
    };
    let node = node_with(config, Some(Recovery::default())).await;
    until("redis is there", || node.io.health() == Health::Up).await;
    let mut clients = Vec::new();
    for _ in 0..100 {
        clients.push(node.join().await);
    }
    // Redis is slow at times, for longer than the pause between two renewals.
    let client = ::redis::Client::open(redis.url()).expect("an address");
    let mut client = client.get_multiplexed_async_connection().await.expect("it runs");
    for _ in 0..20 {
        let pause = ::redis::cmd("CLIENT")
            .arg(&["PAUSE", "200"])
            .exec_async(&mut client)
            .await;
        pause.expect("it pauses");
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let sent = node.io.server_side_emit("n", ()).expect("can be sent");
            assert!(sent || node.io.health() == Health::Down, "there is no room");
        }
    }
}
