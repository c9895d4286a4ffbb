//! Events that wait for the client's acknowledgement.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pesan::socketio::value::Value;
use tokio::sync::{mpsc, oneshot};

use super::error::{AckError, EmitError};

/// Where a received ack is delivered.
#[derive(Debug)]
pub(super) enum AckReceiver {
    /// To the future of an event to one socket.
    Single(oneshot::Sender<AckResult>),
    /// To the collector of a broadcast, together with the id of the socket.
    Broadcast(mpsc::UnboundedSender<SocketAck>, Arc<str>),
}

/// Arguments of an ack, or why there is none.
pub(super) type AckResult = Result<Vec<Value>, AckError>;

/// Id of a socket, and the arguments of its ack.
pub(super) type SocketAck = (Arc<str>, Vec<Value>);

/// Pending acks of one socket, by id. Dropping a receiver notifies its waiter that no ack will arrive.
#[derive(Debug, Default)]
pub(super) struct PendingAcks(Mutex<HashMap<u64, AckReceiver>>);

impl PendingAcks {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, AckReceiver>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: u64, receiver: AckReceiver, limit: usize) -> Result<(), EmitError> {
        let mut pending = self.lock();
        if pending.len() >= limit {
            return Err(EmitError::TooManyPendingAcks { limit });
        }
        pending.insert(id, receiver);
        Ok(())
    }

    pub(super) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Delivers an ack. One that is not awaited, or no longer, is ignored.
    pub(super) fn settle(&self, id: u64, args: Vec<Value>) {
        let receiver = self.lock().remove(&id);
        let is_ignored = match receiver {
            Some(AckReceiver::Single(sender)) => sender.send(Ok(args)).is_err(),
            Some(AckReceiver::Broadcast(sender, socket)) => sender.send((socket, args)).is_err(),
            None => true,
        };
        if is_ignored {
            tracing::debug!(id, "ack that is not awaited");
        }
    }

    /// Whether no ack is pending.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// Fails all pending acks.
    pub(super) fn fail(&self, error: &AckError) {
        let pending = std::mem::take(&mut *self.lock());
        for receiver in pending.into_values() {
            if let AckReceiver::Single(sender) = receiver
                && sender.send(Err(error.clone())).is_err()
            {
                tracing::trace!("ack is not awaited any more");
            }
        }
    }

    /// Drops all pending acks: the socket is disconnected.
    pub(super) fn cancel(&self) {
        let pending = std::mem::take(&mut *self.lock());
        drop(pending);
    }
}
