//! Writes messages to Redis: all queued messages in one pipeline, then the next batch when it is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use pesan::protocol::{Quote, Sent};
use redis::aio::MultiplexedConnection;
use redis::streams::StreamRangeReply;
use redis::{RedisResult, Value, from_redis_value};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::super::super::redis_client::{RETRY_DELAY, store_error};
use super::super::{Committed, Draft, LastError, RedisClient, StoreError, Stored, excerpt};
use super::codec::{self, FEED_LENGTH, FeedPosition, VERSION};
use super::feed_consumer::AckGate;
use super::scripts::APPEND;

/// Most messages in one pipeline.
const BATCH: usize = 1024;
/// Time between two tests whether writing works again.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

pub(super) struct Writer {
    client: RedisClient,
    ack_gate: Arc<AckGate>,
    last_error: Arc<LastError>,
    connection: WriterConnection,
}

/// Connection of the writer.
enum WriterConnection {
    /// Not open yet, or the last one failed.
    Closed,
    /// Open, with the hash of the loaded script.
    Open(MultiplexedConnection, String),
    /// Could not be opened; tried again after a pause.
    Failed(Instant, StoreError),
}

impl Writer {
    pub(super) fn new(client: RedisClient, ack_gate: Arc<AckGate>, last_error: Arc<LastError>) -> Self {
        Self {
            client,
            ack_gate,
            last_error,
            connection: WriterConnection::Closed,
        }
    }

    /// Writes until no sender is left.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Draft>) {
        let mut batch = Vec::new();
        loop {
            let taken = waiting.recv_many(&mut batch, BATCH);
            let taken = if self.last_error.get().is_some() {
                timeout(PROBE_INTERVAL, taken).await
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
            let started = Instant::now();
            let drafts = std::mem::take(&mut batch);
            let size = drafts.len();
            let committed = self.write(drafts).await;
            metrics::histogram!("pesan_history_commit_seconds").record(started.elapsed());
            metrics::counter!("pesan_history_writes_total")
                .increment(u64::try_from(size).unwrap_or(u64::MAX));
            self.ack_gate.submit(committed);
        }
    }

    /// Tests whether Redis accepts writes again. The server is not ready until it does, so no message would test it.
    async fn probe(&self) {
        let mut pipeline = redis::pipe();
        // fails like any other write, and has no effect otherwise
        pipeline
            .cmd("SET")
            .arg(self.client.key("version"))
            .arg(VERSION)
            .arg("NX")
            .ignore();
        let asked: Result<(), StoreError> = self.client.query(&pipeline).await;
        self.last_error.record(asked.err().as_ref());
    }

    /// Writes a batch; returns the outcomes, and the feed positions of new messages.
    async fn write(&mut self, drafts: Vec<Draft>) -> Vec<(Option<FeedPosition>, Committed)> {
        let was_open = matches!(self.connection, WriterConnection::Open(..));
        let mut sent = self.send(&drafts).await;
        if was_open && matches!(sent, Err(StoreError::Unreachable(_))) {
            // Redis may have been restarted since; it recognises stored messages by their ids
            sent = self.send(&drafts).await;
        }
        let outcomes = match sent {
            Ok(outcomes) => {
                let failed = outcomes.iter().find_map(|outcome| match outcome {
                    Err(error @ (StoreError::IdUsed | StoreError::RoomUnknown)) => {
                        tracing::debug!(%error, "message refused");
                        None
                    }
                    Err(error) => Some(error),
                    Ok(_) => None,
                });
                self.last_error.record(failed);
                outcomes
            }
            Err(error) => {
                // some may be stored; a client that sends them again gets the first number
                self.last_error.record(Some(&error));
                vec![Err(error); drafts.len()]
            }
        };
        drafts
            .into_iter()
            .zip(outcomes)
            .map(|(draft, outcome)| {
                let position = outcome.as_ref().ok().and_then(|(_, position)| *position);
                let committed = Committed {
                    outcome: outcome.map(|(sent, _)| Stored::Duplicate(sent)),
                    completion: draft.completion,
                };
                (position, committed)
            })
            .collect()
    }

    async fn send(&mut self, drafts: &[Draft]) -> Result<Vec<Outcome>, StoreError> {
        let (mut connection, script) = self.connect().await?;
        let quotes = quotes(&self.client, &mut connection, drafts).await;
        let quotes = quotes.inspect_err(|_| self.connection = WriterConnection::Closed)?;
        let mut pipeline = redis::pipe();
        pipeline.ignore_errors();
        for (position, draft) in drafts.iter().enumerate() {
            pipeline.cmd("EVALSHA").arg(&script).arg(5);
            for key in ["ids", "rooms", "seqs", "feed"] {
                pipeline.arg(self.client.key(key));
            }
            pipeline
                .arg(self.client.key(&format!("log:{}", draft.room)))
                .arg(&draft.id)
                .arg(&draft.room)
                .arg(&draft.author.id)
                .arg(&draft.author.name)
                .arg(&draft.text)
                .arg(quotes.get(&position).map_or("", String::as_str))
                .arg(FEED_LENGTH);
        }
        let answers: RedisResult<Vec<RedisResult<Value>>> = pipeline.query_async(&mut connection).await;
        let answers = answers.map_err(|error| {
            self.connection = WriterConnection::Closed;
            store_error(&error)
        })?;
        let mut outcomes = Vec::with_capacity(drafts.len());
        for (draft, answer) in drafts.iter().zip(answers) {
            outcomes.push(match answer {
                Ok(answer) => outcome(draft, answer),
                Err(error) => {
                    // a script that Redis no longer has is loaded again with the next connection
                    self.connection = WriterConnection::Closed;
                    Err(store_error(&error))
                }
            });
        }
        if outcomes.len() < drafts.len() {
            return Err(StoreError::Other(
                "redis answered fewer commands than were sent".to_owned(),
            ));
        }
        Ok(outcomes)
    }

    async fn connect(&mut self) -> Result<(MultiplexedConnection, String), StoreError> {
        match &self.connection {
            WriterConnection::Open(connection, script) => return Ok((connection.clone(), script.clone())),
            WriterConnection::Failed(at, error) if at.elapsed() < RETRY_DELAY => return Err(error.clone()),
            WriterConnection::Failed(..) | WriterConnection::Closed => {}
        }
        let result = async {
            let mut connection = self.client.open().await?;
            let script: String = redis::cmd("SCRIPT")
                .arg("LOAD")
                .arg(APPEND)
                .query_async(&mut connection)
                .await
                .map_err(|error| store_error(&error))?;
            Ok((connection, script))
        }
        .await;
        self.connection = match &result {
            Ok((connection, script)) => WriterConnection::Open(connection.clone(), script.clone()),
            Err(error) => WriterConnection::Failed(Instant::now(), StoreError::clone(error)),
        };
        result
    }
}

/// Number of a message, and its position in the feed if it is new.
type Outcome = Result<(Sent, Option<FeedPosition>), StoreError>;

/// Decodes the script's answer for a draft.
fn outcome(draft: &Draft, answer: Value) -> Outcome {
    let unexpected = || StoreError::Other("unexpected answer of redis to the append script".to_owned());
    let fields: Vec<String> = from_redis_value(answer).map_err(|_| unexpected())?;
    let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
    match fields.as_slice() {
        ["new", seq, at, position] => {
            let sent = sent(seq, at).ok_or_else(unexpected)?;
            Ok((sent, codec::parse_position(position)))
        }
        ["known", location] => {
            let mut parts = location.splitn(4, ' ');
            let known = || Some((parts.next()?, parts.next()?, parts.next()?, parts.next()?));
            let (seq, at, author, room) = { known }().ok_or_else(unexpected)?;
            if author != draft.author.id || room != draft.room {
                return Err(StoreError::IdUsed);
            }
            Ok((sent(seq, at).ok_or_else(unexpected)?, None))
        }
        ["no room"] => Err(StoreError::RoomUnknown),
        _ => Err(unexpected()),
    }
}

fn sent(seq: &str, at: &str) -> Option<Sent> {
    Some(Sent {
        seq: seq.parse().ok()?,
        at: at.parse().ok()?,
    })
}

/// Quotes of the messages that drafts reply to, as JSON, by the index of the draft.
async fn quotes(
    client: &RedisClient,
    connection: &mut MultiplexedConnection,
    drafts: &[Draft],
) -> Result<HashMap<usize, String>, StoreError> {
    let mut pipeline = redis::pipe();
    let mut wanted = Vec::new();
    for (position, draft) in drafts.iter().enumerate() {
        if let Some(seq) = draft.reply_to {
            wanted.push((position, seq));
            let log = client.key(&format!("log:{}", draft.room));
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
    for ((position, seq), found) in wanted.into_iter().zip(found) {
        if let Some(message) = codec::messages("", &found)?.pop() {
            let quote = Quote {
                seq,
                author: message.author.name,
                text: excerpt(&message.text),
            };
            let quote =
                serde_json::to_string(&quote).map_err(|error| StoreError::Other(error.to_string()))?;
            quotes.insert(position, quote);
        }
    }
    Ok(quotes)
}
