//! Gives messages to Redis: whatever waits goes out in one pipeline, and the next one follows when that is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pesan::protocol::{Quote, Sent};
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use redis::{RedisResult, Value, from_redis_value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::super::redis_client::{RETRY, store_error};
use super::super::{Committed, Draft, LastError, RedisClient, StoreError, Stored, quoted};
use super::codec::{self, FEED, Place, VERSION};
use super::feed_consumer::AckGate;
use super::scripts::APPEND;

/// Most messages of one pipeline.
const BATCH: usize = 1024;
/// How often one tries whether writing works again.
const PROBE_EVERY: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    link: RedisClient,
    ack_gate: Arc<AckGate>,
    trouble: Arc<LastError>,
    line: MemberSnapshot,
}

/// Connection of the writer.
enum MemberSnapshot {
    /// None yet, or the last one broke.
    Closed,
    /// With the name that Redis has for the script.
    Open(MultiplexedConnection, String),
    /// Could not be opened, and is not tried again at once.
    Broken(Instant, StoreError),
}

impl Writer {
    pub(super) fn new(link: RedisClient, ack_gate: Arc<AckGate>, trouble: Arc<LastError>) -> Self {
        Self {
            link,
            ack_gate,
            trouble,
            line: MemberSnapshot::Closed,
        }
    }

    /// Writes until no sender is left.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Draft>) {
        let mut batch = Vec::new();
        loop {
            let taken = waiting.recv_many(&mut batch, BATCH);
            let taken = if self.trouble.get().is_some() {
                timeout(PROBE_EVERY, taken).await
            } else {
                Ok(taken.await)
            };
            match taken {
                Ok(0) => return,
                Ok(_) => {}
                Err(_) => {
                    self.probe().await;
                    continue;
                }
            }
            let begun = Instant::now();
            let drafts = std::mem::take(&mut batch);
            let size = drafts.len();
            let committed = self.write(drafts).await;
            metrics::histogram!("pesan_history_commit_seconds").record(begun.elapsed());
            metrics::counter!("pesan_history_writes_total")
                .increment(u64::try_from(size).unwrap_or(u64::MAX));
            self.ack_gate.answer(committed);
        }
    }

    /// Finds out whether Redis takes something again: while it does not, nobody may come in who would try.
    async fn probe(&self) {
        let mut pipeline = redis::pipe();
        // refused as any other write would be, and without effect otherwise
        pipeline
            .cmd("SET")
            .arg(self.link.key("version"))
            .arg(VERSION)
            .arg("NX")
            .ignore();
        let asked: Result<(), StoreError> = self.link.ask(&pipeline).await;
        self.trouble.note(asked.err().as_ref());
    }

    /// Writes a batch; what became of each, and where those that are new stand in the feed.
    async fn write(&mut self, drafts: Vec<Draft>) -> Vec<(Option<Place>, Committed)> {
        let reused = matches!(self.line, MemberSnapshot::Open(..));
        let mut sent = self.send(&drafts).await;
        if reused && matches!(sent, Err(StoreError::Unreachable(_))) {
            // redis may have been started anew since; what it has stored already, it finds by its id
            sent = self.send(&drafts).await;
        }
        let outcomes = match sent {
            Ok(outcomes) => {
                let failed = outcomes.iter().find_map(|outcome| match outcome {
                    Err(error @ (StoreError::IdUsed | StoreError::RoomUnknown)) => {
                        tracing::debug!(%error, "a message was refused");
                        None
                    }
                    Err(error) => Some(error),
                    Ok(_) => None,
                });
                self.trouble.note(failed);
                outcomes
            }
            Err(error) => {
                // whether some were stored is not known; who sends them again gets the first number
                self.trouble.note(Some(&error));
                vec![Err(error); drafts.len()]
            }
        };
        drafts
            .into_iter()
            .zip(outcomes)
            .map(|(draft, outcome)| {
                let place = outcome.as_ref().ok().and_then(|(_, place)| *place);
                let committed = Committed {
                    outcome: outcome.map(|(sent, _)| Stored::Again(sent)),
                    completion: draft.completion,
                };
                (place, committed)
            })
            .collect()
    }

    async fn send(&mut self, drafts: &[Draft]) -> Result<Vec<Outcome>, StoreError> {
        let (mut connection, script) = self.line().await?;
        let quotes = quotes(&self.link, &mut connection, drafts).await;
        let quotes = quotes.inspect_err(|_| self.line = MemberSnapshot::Closed)?;
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for (place, draft) in drafts.iter().enumerate() {
            pipeline.cmd("EVALSHA").arg(&script).arg(5);
            for key in ["ids", "rooms", "seqs", "feed"] {
                pipeline.arg(self.link.key(key));
            }
            pipeline
                .arg(self.link.key(&format!("log:{}", draft.room)))
                .arg(&draft.id)
                .arg(&draft.room)
                .arg(&draft.author.id)
                .arg(&draft.author.name)
                .arg(&draft.text)
                .arg(quotes.get(&place).map_or("", String::as_str))
                .arg(FEED);
        }
        let answers: RedisResult<Vec<RedisResult<Value>>> = pipeline.query_async(&mut connection).await;
        let answers = answers.map_err(|error| {
            self.line = MemberSnapshot::Closed;
            store_error(&error)
        })?;
        let mut outcomes = Vec::with_capacity(drafts.len());
        for (draft, answer) in drafts.iter().zip(answers) {
            outcomes.push(match answer {
                Ok(answer) => outcome(draft, answer),
                Err(error) => {
                    // a script that Redis has forgotten is given to it again with the next connection
                    self.line = MemberSnapshot::Closed;
                    Err(store_error(&error))
                }
            });
        }
        if outcomes.len() < drafts.len() {
            return Err(StoreError::Other("redis left messages unanswered".to_owned()));
        }
        Ok(outcomes)
    }

    async fn line(&mut self) -> Result<(MultiplexedConnection, String), StoreError> {
        match &self.line {
            MemberSnapshot::Open(connection, script) => return Ok((connection.clone(), script.clone())),
            MemberSnapshot::Broken(at, error) if at.elapsed() < RETRY => return Err(error.clone()),
            MemberSnapshot::Broken(..) | MemberSnapshot::Closed => {}
        }
        let opened = async {
            let mut connection = self.link.open().await?;
            let script: String = redis::cmd("SCRIPT")
                .arg("LOAD")
                .arg(APPEND)
                .query_async(&mut connection)
                .await
                .map_err(|error| store_error(&error))?;
            Ok((connection, script))
        }
        .await;
        self.line = match &opened {
            Ok((connection, script)) => MemberSnapshot::Open(connection.clone(), script.clone()),
            Err(error) => MemberSnapshot::Broken(Instant::now(), StoreError::clone(error)),
        };
        opened
    }
}

/// Number of a message, and where it stands in the feed if it is new.
type Outcome = Result<(Sent, Option<Place>), StoreError>;

/// What the script said about a draft.
fn outcome(draft: &Draft, answer: Value) -> Outcome {
    let odd = || StoreError::Other("redis gave an answer that is none of ours".to_owned());
    let words: Vec<String> = from_redis_value(answer).map_err(|_| odd())?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["new", seq, at, place] => {
            let sent = sent(seq, at).ok_or_else(odd)?;
            Ok((sent, codec::place(place)))
        }
        ["known", whereabouts] => {
            let mut parts = whereabouts.splitn(4, ' ');
            let known = || Some((parts.next()?, parts.next()?, parts.next()?, parts.next()?));
            let (seq, at, author, room) = { known }().ok_or_else(odd)?;
            if author != draft.author.id || room != draft.room {
                return Err(StoreError::IdUsed);
            }
            Ok((sent(seq, at).ok_or_else(odd)?, None))
        }
        ["no room"] => Err(StoreError::RoomUnknown),
        _ => Err(odd()),
    }
}

fn sent(seq: &str, at: &str) -> Option<Sent> {
    Some(Sent {
        seq: seq.parse().ok()?,
        at: at.parse().ok()?,
    })
}

/// Quotes of those drafts that answer a message, by their places, as JSON.
async fn quotes(
    link: &RedisClient,
    connection: &mut MultiplexedConnection,
    drafts: &[Draft],
) -> Result<HashMap<usize, String>, StoreError> {
    let mut pipeline = redis::pipe();
    let mut wanted = Vec::new();
    for (place, draft) in drafts.iter().enumerate() {
        if let Some(seq) = draft.reply_to {
            wanted.push((place, seq));
            let log = link.key(&format!("log:{}", draft.room));
            let id = format!("{seq}-0");
            pipeline.cmd("XRANGE").arg(log).arg(&id).arg(&id);
        }
    }
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let found: RedisResult<Vec<StreamRangeReply>> = pipeline.query_async(connection).await;
    let found = found.map_err(|error| store_error(&error))?;
    let mut quotes = HashMap::new();
    for ((place, seq), found) in wanted.into_iter().zip(found) {
        if let Some(message) = codec::messages("", &found)?.pop() {
            let quote = Quote {
                seq,
                author: message.author.name,
                text: quoted(&message.text),
            };
            let quote =
                serde_json::to_string(&quote).map_err(|error| StoreError::Other(error.to_string()))?;
            quotes.insert(place, quote);
        }
    }
    Ok(quotes)
}
