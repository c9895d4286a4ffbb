//! Removes messages from Redis: old ones, in small steps and by one node at a time, and those that an operator deletes.
//!
//! Entries of a stream cannot be changed, so a deleted message is a number without an entry. History pages fill these
//! gaps with empty messages, and quotes of deleted messages are emptied when they are read.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use pesan::protocol::{HistoryPage, Message};
use redis::streams::StreamRangeReply;

use super::super::trim_clock::TrimClock;
use super::super::{Range, RedisClient, Retention, StoreError, deleted_message};
use super::codec::{self, FEED_LENGTH};
use super::scripts::{ERASE, ERASE_FEED, TRIM};

/// Entries of a log that one script searches.
const ERASE_STEP: u32 = 1000;

/// Messages that Redis has for a requested page.
pub(super) struct Found {
    /// Messages in the order of the range, one more than the limit if there are more.
    pub(super) messages: Vec<Message>,
    /// Number of the oldest message of the room.
    pub(super) oldest: Option<u64>,
    /// Highest number of the room that was given to a message.
    pub(super) last_seq: u64,
}

impl Found {
    /// Page of a range, with an empty message for each deleted one.
    pub(super) fn into_page(self, room: &str, range: Range, limit: usize) -> HistoryPage {
        let is_complete = self.messages.len() <= limit;
        let end = self.messages.last().map(|last| last.seq);
        let first = self.messages.first().map(|first| first.seq);
        let mut by_seq: BTreeMap<u64, Message> = self
            .messages
            .into_iter()
            .map(|message| (message.seq, message))
            .collect();
        // numbers before the oldest message were removed because of their age, so they are no gaps
        let seqs: Vec<u64> = match (range, self.oldest) {
            (_, None) => Vec::new(),
            (Range::After(seq), Some(oldest)) => {
                let begin = seq.saturating_add(1).max(oldest);
                let end = match end {
                    Some(end) if is_complete => end.max(self.last_seq),
                    Some(end) => end,
                    None => self.last_seq,
                };
                (begin..=end).take(limit.saturating_add(1)).collect()
            }
            (Range::Newest | Range::Before(_), Some(_)) => {
                let top = match range {
                    Range::Before(seq) => seq.saturating_sub(1).min(self.last_seq.max(first.unwrap_or(0))),
                    Range::Newest | Range::After(_) => self.last_seq.max(first.unwrap_or(0)),
                };
                let bottom = end.unwrap_or(u64::MAX);
                (bottom..=top).rev().take(limit.saturating_add(1)).collect()
            }
        };
        let more = seqs.len() > limit || !is_complete;
        let mut at = by_seq.values().next().map_or(0, |message| message.at);
        let mut seqs: Vec<u64> = seqs.into_iter().take(limit).collect();
        seqs.sort_unstable();
        let messages = seqs.into_iter().map(|seq| {
            let message = by_seq.remove(&seq);
            let message = message.unwrap_or_else(|| deleted_message(room, seq, at));
            at = message.at;
            message
        });
        HistoryPage {
            messages: messages.collect(),
            more,
        }
    }
}

/// Empties the quotes of deleted messages.
pub(super) async fn clear_quotes(
    client: &RedisClient,
    room: &str,
    messages: &mut [Message],
) -> Result<(), StoreError> {
    let quotes = || messages.iter().filter_map(|message| message.reply.as_ref());
    if quotes().next().is_none() {
        return Ok(());
    }
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("SMISMEMBER")
        .arg(client.key(&format!("deleted:{room}")));
    for quote in quotes() {
        pipeline.arg(quote.seq);
    }
    let (deleted,): (Vec<bool>,) = client.query(&pipeline).await?;
    let quotes = messages.iter_mut().filter_map(|message| message.reply.as_mut());
    for (quote, _) in quotes.zip(deleted).filter(|(_, deleted)| *deleted) {
        quote.delete();
    }
    Ok(())
}

/// Deletes all messages of a person, in small steps; returns their number.
pub(super) async fn erase_person(client: &RedisClient, person: &str) -> Result<u64, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("HGETALL").arg(client.key("rooms"));
    let (rooms,): (HashMap<String, String>,) = client.query(&pipeline).await?;
    let mut total = 0;
    for room in rooms.keys() {
        let mut next = "-".to_owned();
        while !next.is_empty() {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(ERASE).arg(3);
            pipeline
                .arg(client.key(&format!("log:{room}")))
                .arg(client.key(&format!("deleted:{room}")))
                .arg(client.key("ids"));
            pipeline.arg(person).arg(&next).arg(ERASE_STEP);
            let ((erased, next_entry),): ((u64, String),) = client.query(&pipeline).await?;
            total += erased;
            next = next_entry;
        }
    }
    let mut pipeline = redis::pipe();
    pipeline.cmd("EVAL").arg(ERASE_FEED).arg(1);
    pipeline.arg(client.key("feed")).arg(person).arg(FEED_LENGTH);
    let ((),) = client.query(&pipeline).await?;
    Ok(total)
}

/// Time between two removals of old messages, and the most that one script removes.
const TRIM_INTERVAL: Duration = Duration::from_secs(10);
const TRIM_AT_ONCE: u32 = 500;
/// Seconds that one node is the trimmer; shorter than the interval, so that each round has a trimmer.
const TRIM_TURN: u64 = 9;

/// Trims until it is aborted.
pub(super) async fn run_trimmer(client: RedisClient, retention: Retention) {
    let mut ticks = tokio::time::interval(TRIM_INTERVAL);
    let mut clock = None;
    loop {
        ticks.tick().await;
        if let Err(error) = trim_round(&client, retention, &mut clock).await {
            tracing::debug!(%error, "cannot remove old messages");
        }
    }
}

async fn trim_round(
    client: &RedisClient,
    retention: Retention,
    clock: &mut Option<TrimClock>,
) -> Result<(), StoreError> {
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("SET")
        .arg(client.key("trimmer"))
        .arg(1)
        .arg("NX")
        .arg("EX")
        .arg(TRIM_TURN);
    pipeline.cmd("HGETALL").arg(client.key("seqs"));
    let (has_turn, seqs): (Option<String>, HashMap<String, u64>) = client.query(&pipeline).await?;
    if has_turn.is_none() {
        return Ok(());
    }
    let now = trim_time(client, clock).await?;
    let before = retention
        .days
        .map_or(0, |days| now.saturating_sub(u64::from(days) * 86_400_000));
    for (room, last_seq) in seqs {
        let floor = retention.messages.map_or(0, |keep| last_seq.saturating_sub(keep));
        trim(client, &room, floor, before).await?;
    }
    Ok(())
}

/// Current time by the clock of Redis, which also stamps messages, unless that clock has jumped ahead.
async fn trim_time(client: &RedisClient, clock: &mut Option<TrimClock>) -> Result<u64, StoreError> {
    let mut pipeline = redis::pipe();
    pipeline.cmd("TIME");
    pipeline.cmd("GET").arg(client.key("clock"));
    codec::query_newest(&mut pipeline, &client.key("feed"));
    let ((seconds, micros), noted, newest): ((u64, u64), Option<u64>, StreamRangeReply) =
        client.query(&pipeline).await?;
    let system = seconds * 1000 + micros / 1000;
    let clock = clock.get_or_insert_with(|| {
        // entry ids contain the time of Redis
        let newest = codec::newest_position(&newest).map(|(millis, _)| millis);
        TrimClock::new(newest.max(noted), system, Instant::now())
    });
    let now = clock.time(system, Instant::now());
    if let Some(time) = clock.take_due_note(Instant::now()) {
        let mut pipeline = redis::pipe();
        pipeline.cmd("SET").arg(client.key("clock")).arg(time);
        let ((),) = client.query(&pipeline).await?;
    }
    Ok(now)
}

/// Removes all messages of a removed room.
pub(super) async fn remove_all(client: &RedisClient, room: &str) -> Result<(), StoreError> {
    // the largest integer that a Lua number represents exactly
    trim(client, room, (1 << 53) - 1, 0).await?;
    let mut pipeline = redis::pipe();
    pipeline
        .cmd("DEL")
        .arg(client.key(&format!("log:{room}")))
        .arg(client.key(&format!("deleted:{room}")));
    let (_,): (u32,) = client.query(&pipeline).await?;
    Ok(())
}

/// Removes messages up to a number or before a time, in small steps.
async fn trim(client: &RedisClient, room: &str, floor: u64, before: u64) -> Result<(), StoreError> {
    loop {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(TRIM).arg(2);
        pipeline
            .arg(client.key("ids"))
            .arg(client.key(&format!("log:{room}")));
        pipeline.arg(floor).arg(before).arg(TRIM_AT_ONCE);
        let (removed,): (u32,) = client.query(&pipeline).await?;
        if removed < TRIM_AT_ONCE {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(existing: &[u64], last_seq: u64, range: Range, limit: usize) -> (Vec<(u64, bool)>, bool) {
        let in_range = |seq: &u64| match range {
            Range::Newest => true,
            Range::Before(before) => *seq < before,
            Range::After(after) => *seq > after,
        };
        let mut seqs: Vec<u64> = existing.iter().copied().filter(in_range).collect();
        if !matches!(range, Range::After(_)) {
            seqs.reverse();
        }
        seqs.truncate(limit + 1);
        let found = Found {
            messages: seqs
                .into_iter()
                .map(|seq| Message {
                    text: "x".to_owned(),
                    ..deleted_message("r", seq, seq * 10)
                })
                .collect(),
            oldest: existing.first().copied(),
            last_seq,
        };
        let page = found.into_page("r", range, limit);
        let seqs = page
            .messages
            .iter()
            .map(|message| (message.seq, message.is_deleted()));
        (seqs.collect(), page.more)
    }

    #[test]
    fn page_without_deleted_messages_has_what_was_found() {
        let all = [1, 2, 3, 4];
        let seqs = |range, limit| page(&all, 4, range, limit);
        let kept = |seqs: &[u64]| seqs.iter().map(|seq| (*seq, false)).collect::<Vec<_>>();
        assert_eq!(seqs(Range::Newest, 9), (kept(&all), false));
        assert_eq!(seqs(Range::Newest, 2), (kept(&[3, 4]), true));
        assert_eq!(seqs(Range::Before(3), 9), (kept(&[1, 2]), false));
        assert_eq!(seqs(Range::After(2), 9), (kept(&[3, 4]), false));
        assert_eq!(seqs(Range::After(1), 2), (kept(&[2, 3]), true));
        assert_eq!(seqs(Range::After(4), 2), (vec![], false));
        assert_eq!(page(&[], 0, Range::Newest, 2), (vec![], false));
    }

    #[test]
    fn page_has_an_empty_message_for_each_deleted_one() {
        // 1 and 2 were removed because of their age; 4, 6 and 7 were deleted
        let seqs = |range, limit| page(&[3, 5], 7, range, limit);
        let all = vec![(3, false), (4, true), (5, false), (6, true), (7, true)];
        assert_eq!(seqs(Range::Newest, 9), (all.clone(), false));
        assert_eq!(seqs(Range::After(0), 9), (all.clone(), false));
        assert_eq!(seqs(Range::After(5), 9), (all[3..].to_vec(), false));
        assert_eq!(seqs(Range::Before(6), 9), (all[..3].to_vec(), false));
        assert_eq!(seqs(Range::Newest, 2), (all[3..].to_vec(), true));
        assert_eq!(seqs(Range::After(3), 2), (all[1..3].to_vec(), true));
    }
}
