//! Nothing that was answered is lost, nothing is doubled, and everyone sees one order: while three nodes are written
//! to, a node and Redis are killed in turn. `PESAN_BLOWS` says how often each; once by default.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use pesan::protocol::LOBBY;
use pesan_server::chat::history::{History, Range, Redis, RedisClient, Retention};
use tokio::time::{sleep, timeout};

use crate::bot::{Bot, Score};
use crate::node::{self, Node, PATIENCE};
use crate::proxy::Proxy;
use crate::redis_server::RedisServer;

const BOTS: usize = 12;
/// Messages that are answered between two blows.
const ROUND: usize = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_messages_survive_a_killed_node_or_redis() {
    let blows = std::env::var("PESAN_BLOWS").map_or(1, |text| text.parse().expect("a number"));
    let mut redis = RedisServer::start();
    let mut nodes: [Node; 3] = node::start(&redis).await;
    let proxy = Proxy::start(nodes.iter().map(|node| node.address).collect()).await;
    let score = Arc::<Score>::default();
    let begun = Instant::now();
    let bots: Vec<_> = (0..BOTS)
        .map(|name| tokio::spawn(Bot::start(proxy.address, name, &score).run()))
        .collect();
    let one_round = async || {
        let goal = score.acked.load(Ordering::Relaxed) + ROUND;
        let begun = Instant::now();
        while score.acked.load(Ordering::Relaxed) < goal {
            assert!(begun.elapsed() < PATIENCE, "nothing is answered any more");
            sleep(Duration::from_millis(2)).await;
        }
    };
    one_round().await;
    assert_eq!(score.connected.load(Ordering::Relaxed), BOTS);

    let mut moved = 0;
    for blow in 0..blows {
        let dead = (blow + 1) % nodes.len();
        let before = score.connected.load(Ordering::Relaxed);
        nodes[dead].kill();
        one_round().await;
        let here = score.connected.load(Ordering::Relaxed) - before;
        assert!(
            blow > 0 || here == BOTS / 3,
            "{here} bots of the dead node have gone on elsewhere"
        );
        moved += here;
        nodes[dead].start_again(&redis);
        node::meet(&nodes).await;

        redis.stop();
        for node in &nodes {
            node.says(
                "/readyz",
                "503 messages cannot be stored: redis cannot be reached",
            )
            .await;
            node.says("/healthz", "200 ok, but messages cannot be stored")
                .await;
            node.says("/metrics", "pesan_redis_up 0\n").await;
        }
        redis.start_again();
        one_round().await;
        for node in &nodes {
            node.says("/readyz", "200 ok").await;
            node.says("/metrics", "pesan_redis_up 1\n").await;
        }
    }
    score.over.store(true, Ordering::Release);
    let mut stories = Vec::new();
    for bot in bots {
        stories.push(
            timeout(PATIENCE, bot)
                .await
                .expect("ends in time")
                .expect("no panic"),
        );
    }

    let stored = stored(&redis).await;
    let sent: usize = stories.iter().map(|story| story.mine.len()).sum();
    println!(
        "3 nodes, {blows} killed, redis killed as often, {BOTS} bots: {sent} messages answered, {} stored, \
         {} attempts failed, {moved} bots moved, {:.1} s",
        stored.len(),
        score.failed.load(Ordering::Relaxed),
        begun.elapsed().as_secs_f64(),
    );
    assert_eq!(stored.len(), sent, "every message is stored once");
    for story in &stories {
        for (id, seq) in &story.mine {
            assert_eq!(stored.get(seq), Some(id));
        }
        // who ended early has not seen what was said later
        let wrong = story
            .seen
            .iter()
            .zip(&stored)
            .find(|(seen, stored)| seen != stored);
        assert_eq!(wrong, None, "everyone sees the store's order, without a gap");
    }
}

/// Every message in Redis, by number.
async fn stored(redis: &RedisServer) -> BTreeMap<u64, String> {
    let client = RedisClient::new(&redis.url(), "pesan").expect("an address");
    let history = Redis::open(client, Retention::default(), Box::new(drop), Box::new(drop))
        .await
        .expect("redis runs");
    let mut stored = BTreeMap::new();
    loop {
        let after = stored.len() as u64;
        let page = history
            .page(LOBBY, Range::After(after), 500)
            .await
            .expect("readable");
        for (message, number) in page.messages.into_iter().zip(after + 1..) {
            assert_eq!(message.seq, number, "there is a gap");
            assert_eq!(stored.insert(message.seq, message.id), None);
        }
        if !page.more {
            return stored;
        }
    }
}
