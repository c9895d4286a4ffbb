//! Who waits for an answer: a future, or a closure.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::args::{Args, FromArg};
use super::driver::Connection;
use super::error::AckError;
use super::message::Message;
use crate::socketio::Value;
use crate::socketio::proto::{EmitId, Failure};
use crate::socketio::sync::{Callback, Lock, Shared, Weak};

/// What became of an event that wants an answer.
pub(crate) type Outcome = Result<Vec<Value>, Failure>;

/// Where an outcome goes. Runs the program's code: call it without any lock.
pub(crate) type Waiter = Callback<Outcome>;

/// Who waits for the future that looks into `slot`.
pub(crate) fn future(slot: &Shared<Lock<Slot>>) -> Waiter {
    let slot = Shared::clone(slot);
    Box::new(move |outcome| {
        let waker = slot.lock().fill(outcome);
        if let Some(waker) = waker {
            waker.wake();
        }
    })
}

/// Place where a future finds its outcome.
#[derive(Default)]
pub(crate) enum Slot {
    #[default]
    New,
    Polled(Waker),
    Filled(Outcome),
    Taken,
}

impl Slot {
    fn fill(&mut self, outcome: Outcome) -> Option<Waker> {
        match std::mem::replace(self, Self::Filled(outcome)) {
            Self::Polled(waker) => Some(waker),
            Self::New | Self::Filled(_) | Self::Taken => None,
        }
    }
}

/// Answer to an event, on its way.
///
/// The event itself is on its way whether this is awaited or not. Dropping it gives up the answer alone, and leaves
/// nothing behind; [`Socket::cancel`](super::Socket::cancel) takes an event back that has not left yet.
///
/// ```no_run
/// # async fn ask(socket: pesan::socketio::Socket) -> Result<(), pesan::socketio::AckError> {
/// let answer: String = socket.emit_with_ack("name?", ()).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it gives the answer up; use `emit` if none is wanted"]
pub struct Answered<T> {
    state: State,
    read: PhantomData<fn() -> T>,
}

enum State {
    Refused(Option<AckError>),
    Waiting {
        connection: Weak<Connection>,
        id: EmitId,
        slot: Shared<Lock<Slot>>,
    },
}

impl<T> Answered<T> {
    pub(crate) fn refused(error: AckError) -> Self {
        Self {
            state: State::Refused(Some(error)),
            read: PhantomData,
        }
    }

    pub(crate) fn waiting(connection: Weak<Connection>, id: EmitId, slot: Shared<Lock<Slot>>) -> Self {
        Self {
            state: State::Waiting { connection, id, slot },
            read: PhantomData,
        }
    }

    /// Number of the event, to look up how far it has come; `None` when it was refused.
    #[must_use]
    pub fn id(&self) -> Option<EmitId> {
        match &self.state {
            State::Refused(_) => None,
            State::Waiting { id, .. } => Some(*id),
        }
    }
}

impl<T: FromArg> Future for Answered<T> {
    type Output = Result<T, AckError>;

    /// # Panics
    /// When polled again after it was ready.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let outcome = match &mut self.state {
            State::Refused(error) => {
                return Poll::Ready(Err(error.take().expect("not polled after it was ready")));
            }
            State::Waiting { slot, .. } => {
                let mut slot = slot.lock();
                match std::mem::replace(&mut *slot, Slot::Taken) {
                    Slot::Filled(outcome) => outcome,
                    Slot::New | Slot::Polled(_) => {
                        *slot = Slot::Polled(context.waker().clone());
                        return Poll::Pending;
                    }
                    Slot::Taken => panic!("polled after it was ready"),
                }
            }
        };
        Poll::Ready(read(outcome))
    }
}

/// Reads an answer as the type that the program asked for.
pub(crate) fn read<T: FromArg>(outcome: Outcome) -> Result<T, AckError> {
    let args = outcome.map_err(AckError::Failed)?;
    let message = Message {
        args,
        ..Message::default()
    };
    T::from_arg(&mut Args::new(message)).map_err(AckError::Answer)
}

impl<T> Drop for Answered<T> {
    fn drop(&mut self) {
        let State::Waiting { connection, id, slot } = &self.state else {
            return;
        };
        let settled = matches!(*slot.lock(), Slot::Filled(_) | Slot::Taken);
        if !settled && let Some(connection) = connection.upgrade() {
            connection.cancel_ack(*id);
        }
    }
}

impl<T> fmt::Debug for Answered<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answered")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
