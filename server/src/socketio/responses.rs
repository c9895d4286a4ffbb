//! Acknowledgements of many clients to one event, and replies of nodes.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use pesan::socketio::value::Value;
use pesan::socketio::{ArgReader, FromArg};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::handles::Socket;
use super::pending_acks::SocketAck;

/// Most acks in one message to another node.
const MAX_BATCH: usize = 256;

/// Acks collected by [`BroadcastOperator::emit_with_ack`](super::BroadcastOperator::emit_with_ack).
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
    /// Id of each socket that acknowledged, and the data of its ack, in the order of their arrival.
    pub answers: Vec<(String, R)>,
    /// Ids of the sockets that did not acknowledge, or with data of another type.
    pub missing: Vec<String>,
    /// Whether a node did not report its sockets in time.
    pub incomplete: bool,
}

/// Replies collected by [`Namespace::server_side_emit_with_ack`](super::Namespace::server_side_emit_with_ack).
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
    /// Replies of the nodes, in the order of their arrival.
    pub answers: Vec<R>,
    /// Number of nodes that did not reply in time, or with data of another type.
    pub missing: usize,
}

impl<R> NodeResponses<R> {
    /// The replies alone, if every other node sent one.
    #[must_use]
    pub fn complete(self) -> Option<Vec<R>> {
        (self.missing == 0).then_some(self.answers)
    }
}

impl<R: FromArg<()>> Responses<R> {
    pub(super) fn new(collected: CollectedAcks) -> Self {
        let mut responses = Self {
            answers: Vec::new(),
            missing: collected.missing,
            incomplete: collected.incomplete,
        };
        for (socket, values) in collected.acks {
            match R::from_arg(&mut ArgReader::new(values), &mut ()) {
                Ok(answer) => responses.answers.push((socket, answer)),
                Err(error) => {
                    tracing::warn!(socket, %error, "ack data has another type");
                    responses.missing.push(socket);
                }
            }
        }
        responses
    }

    /// The data alone, if every socket acknowledged.
    #[must_use]
    pub fn complete(self) -> Option<Vec<R>> {
        let complete = self.missing.is_empty() && !self.incomplete;
        complete.then(|| self.answers.into_iter().map(|(_, answer)| answer).collect())
    }
}

/// Acks before they are deserialized.
#[derive(Debug, Default)]
pub(super) struct CollectedAcks {
    pub(super) acks: Vec<(String, Vec<Value>)>,
    pub(super) missing: Vec<String>,
    pub(super) incomplete: bool,
}

impl CollectedAcks {
    /// Adds a reply of another node: acks, ids of the sockets that got the event, and whether it is the last reply. Returns
    /// the latter.
    pub(super) fn add_reply(&mut self, reply: Vec<Value>, missing: &mut HashSet<String>) -> bool {
        let mut parts = reply.into_iter();
        let mut part = || parts.next().unwrap_or_default();
        let (acks, sockets, is_last) = (part(), part(), part());
        let sockets = sockets.as_array().unwrap_or_default().iter();
        missing.extend(sockets.filter_map(|sid| sid.as_str().map(str::to_owned)));
        for ack in acks.as_array().unwrap_or_default() {
            if let Some([Value::String(sid), Value::Array(args)]) = ack.as_array() {
                missing.remove(sid);
                self.acks.push((sid.clone(), args.clone()));
            }
        }
        is_last.as_bool().unwrap_or(true)
    }
}

/// Waits for the acks of this node's sockets.
pub(super) struct AckCollector {
    pub(super) id: u64,
    pub(super) sockets: Vec<Socket>,
    pub(super) receiver: mpsc::UnboundedReceiver<SocketAck>,
    pub(super) timeout: Duration,
}

impl AckCollector {
    /// Waits until every socket has acknowledged or is disconnected, at most until the timeout.
    pub(super) async fn collect(mut self) -> CollectedAcks {
        let deadline = Instant::now() + self.timeout;
        let mut collected = CollectedAcks::default();
        let mut missing: HashSet<Arc<str>> = self.sockets.iter().map(Socket::shared_id).collect();
        while let Ok(Some((socket, values))) = tokio::time::timeout_at(deadline, self.receiver.recv()).await {
            if missing.remove(&socket) {
                collected.acks.push((socket.to_string(), values));
            }
        }
        collected.missing = missing.iter().map(ToString::to_string).collect();
        collected
    }

    /// Reports the sockets to another node, then the acks as they arrive.
    pub(super) async fn relay(mut self, mut reply: impl FnMut(Vec<Value>)) {
        let deadline = Instant::now() + self.timeout;
        let mut left = self.sockets.len();
        let sockets = self.sockets.iter().map(|socket| Value::from(socket.id()));
        let sockets = Value::from(sockets.collect::<Vec<_>>());
        reply(vec![Value::Array(Vec::new()), sockets, Value::from(left == 0)]);
        let mut batch = Vec::with_capacity(MAX_BATCH);
        while left > 0 {
            let received = self.receiver.recv_many(&mut batch, MAX_BATCH);
            let Ok(1..) = tokio::time::timeout_at(deadline, received).await else {
                // The timeout is over, or all other sockets are disconnected.
                return reply(vec![Value::Array(Vec::new()), Value::Null, Value::from(true)]);
            };
            left = left.saturating_sub(batch.len());
            let acks = batch
                .drain(..)
                .map(|(socket, args)| Value::from(vec![Value::from(&*socket), Value::from(args)]));
            let acks = Value::from(acks.collect::<Vec<_>>());
            reply(vec![acks, Value::Null, Value::from(left == 0)]);
        }
    }
}

impl Drop for AckCollector {
    /// Removes the pending acks.
    fn drop(&mut self) {
        for socket in &self.sockets {
            socket.acks().remove(self.id);
        }
    }
}
