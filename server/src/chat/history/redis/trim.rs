//! Removes what is too old or too many, in small steps, by one node at a time.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use redis::streams::StreamRangeReply;

use super::super::trim_clock::TrimClock;
use super::super::{RedisClient, Retention, StoreError};
use super::codec;
use super::scripts::TRIM;

/// How often old messages are removed, and how many at once.
const EVERY: Duration = Duration::from_secs(10);
const AT_ONCE: u32 = 500;
/// Shorter than the pause, so that each round is somebody's.
const TURN: u64 = 9;

/// Trims until it is aborted.
pub(super) async fn run(link: RedisClient, retention: Retention) {
    let mut ticks = tokio::time::interval(EVERY);
    let mut clock = None;
    loop {
        ticks.tick().await;
        if let Err(error) = round(&link, retention, &mut clock).await {
            tracing::debug!(%error, "old messages cannot be removed now");
        }
    }
}

async fn round(
    link: &RedisClient,
    retention: Retention,
    clock: &mut Option<TrimClock>,
) -> Result<(), StoreError> {
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("SET")
        .arg(link.key("trimmer"))
        .arg(1)
        .arg("NX")
        .arg("EX")
        .arg(TURN);
    pipeline.cmd("HGETALL").arg(link.key("seqs"));
    let (mine, seqs): (Option<String>, HashMap<String, u64>) = link.ask(&pipeline).await?;
    if mine.is_none() {
        return Ok(());
    }
    let now = time(link, clock).await?;
    let before = retention
        .days
        .map_or(0, |days| now.saturating_sub(u64::from(days) * 86_400_000));
    for (room, last_seq) in seqs {
        let floor = retention.messages.map_or(0, |keep| last_seq.saturating_sub(keep));
        remove(link, &room, floor, before).await?;
    }
    Ok(())
}

/// Time to remove by: that of Redis, as messages have it, unless its clock has jumped ahead.
async fn time(link: &RedisClient, clock: &mut Option<TrimClock>) -> Result<u64, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("TIME");
    pipeline.cmd("GET").arg(link.key("clock"));
    pipeline
        .cmd("XREVRANGE")
        .arg(link.key("feed"))
        .arg("+")
        .arg("-")
        .arg("COUNT")
        .arg(1);
    let ((seconds, micros), noted, newest): ((u64, u64), Option<u64>, StreamRangeReply) =
        link.ask(&pipeline).await?;
    let system = seconds * 1000 + micros / 1000;
    let clock = clock.get_or_insert_with(|| {
        // entries of the feed have the time of Redis in their ids
        let newest = newest.ids.first().and_then(|entry| codec::place(&entry.id));
        TrimClock::new(
            newest.map(|(millis, _)| millis).max(noted),
            system,
            Instant::now(),
        )
    });
    let now = clock.time(system, Instant::now());
    if let Some(time) = clock.take_due_note(Instant::now()) {
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(link.key("clock")).arg(time);
        let ((),) = link.ask(&pipeline).await?;
    }
    Ok(now)
}

/// Removes all messages of a room that is gone.
pub(super) async fn remove_all(link: &RedisClient, room: &str) -> Result<(), StoreError> {
    // the largest number that Lua tells from the next one
    remove(link, room, (1 << 53) - 1, 0).await?;
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("DEL")
        .arg(link.key(&format!("log:{room}")))
        .arg(link.key(&format!("deleted:{room}")));
    let (_,): (u32,) = link.ask(&pipeline).await?;
    Ok(())
}

/// Removes messages up to a number or before a time.
async fn remove(link: &RedisClient, room: &str, floor: u64, before: u64) -> Result<(), StoreError> {
    loop {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(TRIM).arg(2);
        pipeline
            .arg(link.key("ids"))
            .arg(link.key(&format!("log:{room}")));
        pipeline.arg(floor).arg(before).arg(AT_ONCE);
        let (removed,): (u32,) = link.ask(&pipeline).await?;
        if removed < AT_ONCE {
            return Ok(());
        }
    }
}
