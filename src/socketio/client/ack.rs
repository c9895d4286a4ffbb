//! Pending ack receivers: a future or a callback.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::driver::{AckCallback, Driver};
use super::error::AckError;
use super::handler::read_ack_args;
use crate::socketio::codec::args::FromArg;
use crate::socketio::proto::{AckResult, EmitId};
use crate::socketio::sync::{Lock, Shared, Weak};

/// Callback that stores the result in `slot` and wakes the future.
pub(super) fn callback_for(slot: &Shared<Lock<AckSlot>>) -> AckCallback {
    let slot = Shared::clone(slot);
    Box::new(move |result| {
        let waker = slot.lock().fill(result);
        if let Some(waker) = waker {
            waker.wake();
        }
    })
}

/// Slot in which a future finds its result.
#[derive(Default)]
pub(crate) enum AckSlot {
    #[default]
    New,
    Polled(Waker),
    Filled(AckResult),
    Taken,
}

impl AckSlot {
    fn fill(&mut self, result: AckResult) -> Option<Waker> {
        match std::mem::replace(self, Self::Filled(result)) {
            Self::Polled(waker) => Some(waker),
            Self::New | Self::Filled(_) | Self::Taken => None,
        }
    }
}

/// Future of an event's ack.
///
/// The event is sent whether or not the future is awaited. Dropping the future only stops waiting for the ack;
/// [`Socket::cancel`](super::Socket::cancel) cancels an event that has not been sent yet.
///
/// ```no_run
/// # async fn ask(socket: pesan::socketio::Socket) -> Result<(), pesan::socketio::AckError> {
/// let name: String = socket.emit_with_ack("name?", ()).await?;
/// # Ok(())
/// # }
/// ```
#[must_use = "dropping it stops waiting for the ack; use `emit` if no ack is needed"]
pub struct AckFuture<T> {
    state: State,
    read: PhantomData<fn() -> T>,
}

enum State {
    Refused(Option<AckError>),
    Waiting {
        driver: Weak<Driver>,
        id: EmitId,
        slot: Shared<Lock<AckSlot>>,
    },
}

impl<T> AckFuture<T> {
    pub(crate) fn refused(error: AckError) -> Self {
        Self {
            state: State::Refused(Some(error)),
            read: PhantomData,
        }
    }

    pub(super) fn waiting(driver: Weak<Driver>, id: EmitId, slot: Shared<Lock<AckSlot>>) -> Self {
        Self {
            state: State::Waiting { driver, id, slot },
            read: PhantomData,
        }
    }

    /// Id of the event, to follow its state; `None` if it was refused.
    #[must_use]
    pub fn id(&self) -> Option<EmitId> {
        match &self.state {
            State::Refused(_) => None,
            State::Waiting { id, .. } => Some(*id),
        }
    }
}

impl<T: FromArg<()>> Future for AckFuture<T> {
    type Output = Result<T, AckError>;

    /// # Panics
    /// When polled again after it has completed.
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = match &mut self.state {
            State::Refused(error) => {
                return Poll::Ready(Err(error.take().expect("not polled after completion")));
            }
            State::Waiting { slot, .. } => {
                let mut slot = slot.lock();
                match std::mem::replace(&mut *slot, AckSlot::Taken) {
                    AckSlot::Filled(result) => result,
                    AckSlot::New | AckSlot::Polled(_) => {
                        *slot = AckSlot::Polled(context.waker().clone());
                        return Poll::Pending;
                    }
                    AckSlot::Taken => panic!("polled after completion"),
                }
            }
        };
        Poll::Ready(read_ack(result))
    }
}

/// Reads the arguments of an ack as the type that the program requested.
pub(super) fn read_ack<T: FromArg<()>>(result: AckResult) -> Result<T, AckError> {
    let args = result.map_err(AckError::Failed)?;
    read_ack_args(args).map_err(AckError::Args)
}

impl<T> Drop for AckFuture<T> {
    fn drop(&mut self) {
        let State::Waiting { driver, id, slot } = &self.state else {
            return;
        };
        let settled = matches!(*slot.lock(), AckSlot::Filled(_) | AckSlot::Taken);
        if !settled && let Some(driver) = driver.upgrade() {
            driver.cancel_ack(*id);
        }
    }
}

impl<T> fmt::Debug for AckFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AckFuture")
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}
