//! Events of a socket that wait for the client's answer.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pesan::socketio::value::Value;
use tokio::sync::{mpsc, oneshot};

use super::error::{AckError, EmitError};

/// Who waits for an answer.
#[derive(Debug)]
pub(super) enum Waiter {
    /// One event to one socket.
    One(oneshot::Sender<AckResult>),
    /// One of many sockets that got the same event; the text is its id.
    Many(mpsc::UnboundedSender<Answer>, std::sync::Arc<str>),
}

/// What a client answered, or why it did not.
pub(super) type AckResult = Result<Vec<Value>, AckError>;

/// A socket's id and what it answered.
pub(super) type Answer = (std::sync::Arc<str>, Vec<Value>);

/// All that wait on one socket. Dropping a waiter tells it that no answer will come.
#[derive(Debug, Default)]
pub(super) struct PendingAcks(Mutex<HashMap<u64, Waiter>>);

impl PendingAcks {
    fn lock(&self) -> MutexGuard<'_, HashMap<u64, Waiter>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn add(&self, id: u64, waiter: Waiter, limit: usize) -> Result<(), EmitError> {
        let mut pending = self.lock();
        if pending.len() >= limit {
            return Err(EmitError::TooManyPendingAcks { limit });
        }
        pending.insert(id, waiter);
        Ok(())
    }

    pub(super) fn remove(&self, id: u64) {
        self.lock().remove(&id);
    }

    /// Hands an answer over; one that nobody waits for, or waits for no longer, is left.
    pub(super) fn settle(&self, id: u64, args: Vec<Value>) {
        let waiter = self.lock().remove(&id);
        let left = match waiter {
            Some(Waiter::One(sender)) => sender.send(Ok(args)).is_err(),
            Some(Waiter::Many(sender, socket)) => sender.send((socket, args)).is_err(),
            None => true,
        };
        if left {
            tracing::debug!(id, "answer that nobody waits for");
        }
    }

    /// Whether nobody waits.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    /// The client is not read any further: whoever waits is told so.
    pub(super) fn fail(&self, error: &AckError) {
        let pending = std::mem::take(&mut *self.lock());
        for waiter in pending.into_values() {
            if let Waiter::One(sender) = waiter
                && sender.send(Err(error.clone())).is_err()
            {
                tracing::trace!("nobody waits for the answer any more");
            }
        }
    }

    /// The socket is gone: no answer will come.
    pub(super) fn cancel(&self) {
        let pending = std::mem::take(&mut *self.lock());
        drop(pending);
    }
}
