//! Answers of many clients to one event.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::value::Value;
use serde::de::DeserializeOwned;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::acks::Answer;
use super::args::from_args;
use super::socket::Socket;

/// Most answers in one message to another node.
const MAX_BATCH: usize = 256;

/// What [`BroadcastOperator::emit_with_ack`](super::BroadcastOperator::emit_with_ack) gathered.
///
/// ```
/// use std::time::Duration;
/// use pesan_server::socketio::{EmitError, Io};
///
/// async fn vote(io: &Io) -> Result<(), EmitError> {
///     let votes = io.to("jury").timeout(Duration::from_secs(10)).emit_with_ack::<u8>("vote", ()).await?;
///     println!("{} of {}", votes.answers.len(), votes.answers.len() + votes.missing.len());
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responses<R> {
    /// Id of each socket that answered, and its answer, in the order in which they came.
    pub answers: Vec<(String, R)>,
    /// Ids of the sockets that did not answer, or with data of another type.
    pub missing: Vec<String>,
    /// Whether a node did not say in time whom it asks.
    pub incomplete: bool,
}

/// What [`Namespace::server_side_emit_with_ack`](super::Namespace::server_side_emit_with_ack) gathered.
///
/// ```
/// use pesan_server::socketio::{EmitError, Io};
///
/// async fn load(io: &Io) -> Result<(), EmitError> {
///     let loads = io.server_side_emit_with_ack::<u32>("load", ()).await?;
///     println!("{} in all, {} nodes unknown", loads.answers.iter().sum::<u32>(), loads.missing);
///     Ok(())
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeResponses<R> {
    /// Answers of the nodes, in the order in which they came.
    pub answers: Vec<R>,
    /// Nodes that did not answer in time, or with data of another type.
    pub missing: usize,
}

impl<R> NodeResponses<R> {
    /// The answers alone, if every other node gave one.
    #[must_use]
    pub fn complete(self) -> Option<Vec<R>> {
        (self.missing == 0).then_some(self.answers)
    }
}

impl<R: DeserializeOwned + 'static> Responses<R> {
    pub(super) fn new(gathered: Gathered) -> Self {
        let mut responses = Self {
            answers: Vec::new(),
            missing: gathered.missing,
            incomplete: gathered.incomplete,
        };
        for (socket, values) in gathered.answers {
            match from_args(values) {
                Ok(answer) => responses.answers.push((socket, answer)),
                Err(error) => {
                    tracing::warn!(socket, %error, "answer does not fit");
                    responses.missing.push(socket);
                }
            }
        }
        responses
    }

    /// The answers alone, if every socket that was asked gave one.
    #[must_use]
    pub fn complete(self) -> Option<Vec<R>> {
        let complete = self.missing.is_empty() && !self.incomplete;
        complete.then(|| self.answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// Answers before they have a type.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub(super) answers: Vec<(String, Vec<Value>)>,
    pub(super) missing: Vec<String>,
    pub(super) incomplete: bool,
}

impl Gathered {
    /// Adds what another node tells: answers, ids of the sockets that it asks, and whether no further reply follows.
    pub(super) fn add(&mut self, reply: Vec<Value>, waiting: &mut HashSet<String>) -> bool {
        let mut parts = reply.into_iter();
        let mut part = || parts.next().unwrap_or_default();
        let (answers, asked, is_last) = (part(), part(), part());
        let asked = asked.as_array().unwrap_or_default().iter();
        waiting.extend(asked.filter_map(|sid| sid.as_str().map(str::to_owned)));
        for answer in answers.as_array().unwrap_or_default() {
            if let Some([Value::String(sid), Value::Array(args)]) = answer.as_array() {
                waiting.remove(sid);
                self.answers.push((sid.clone(), args.clone()));
            }
        }
        is_last.as_bool().unwrap_or(true)
    }
}

/// Answers of this node's sockets on their way.
pub(super) struct Gathering {
    pub(super) id: u64,
    pub(super) asked: Vec<Socket>,
    pub(super) receiver: mpsc::UnboundedReceiver<Answer>,
    pub(super) deadline: Duration,
}

impl Gathering {
    /// Waits until every socket has answered or is gone, or the time is over.
    pub(super) async fn finish(mut self) -> Gathered {
        let deadline = Instant::now() + self.deadline;
        let mut gathered = Gathered::default();
        let mut missing: HashSet<Arc<str>> = self.asked.iter().map(Socket::shared_id).collect();
        while let Ok(Some((socket, values))) = tokio::time::timeout_at(deadline, self.receiver.recv()).await {
            if missing.remove(&socket) {
                gathered.answers.push((socket.to_string(), values));
            }
        }
        gathered.missing = missing.iter().map(ToString::to_string).collect();
        gathered
    }

    /// Tells another node whom this one asks, then the answers as they come: what is late is missing, and nothing else.
    pub(super) async fn relay(mut self, mut reply: impl FnMut(Vec<Value>)) {
        let deadline = Instant::now() + self.deadline;
        let mut left = self.asked.len();
        let asked = self.asked.iter().map(|socket| Value::from(socket.id()));
        let asked = Value::from(asked.collect::<Vec<_>>());
        reply(vec![Value::Array(Vec::new()), asked, Value::from(left == 0)]);
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while left > 0 {
            let received = self.receiver.recv_many(&mut batch, MAX_BATCH);
            let Ok(1..) = tokio::time::timeout_at(deadline, received).await else {
                // all others are gone, or the one who asked waits no longer
                return reply(vec![Value::Array(Vec::new()), Value::Null, Value::from(true)]);
            };
            left = left.saturating_sub(batch.len());
            let answers = batch
                .drain(..)
                .map(|(socket, args)| Value::from(vec![Value::from(&*socket), Value::from(args)]));
            let answers = Value::from(answers.collect::<Vec<_>>());
            reply(vec![answers, Value::Null, Value::from(left == 0)]);
        }
    }
}

impl Drop for Gathering {
    /// Nobody waits any more.
    fn drop(&mut self) {
        for socket in &self.asked {
            socket.acks().remove(self.id);
        }
    }
}
