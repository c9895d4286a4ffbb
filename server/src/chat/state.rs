//! State of the chat on this node ([`ChatState`]), and the handle [`Chat`] that everything else uses.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Instant;

use pesan::protocol::{Person, ShutdownNotice};
use tokio::task::JoinHandle;

use super::history::{History, StoreError};
use super::name_registry::NameRegistry;
use super::presence::PendingPresence;
use super::rate_limit::{Bucket, Lockout, RateLimiter};
use super::remote_presence::RemotePresence;
use super::restrictions::Restrictions;
use super::rooms::Rooms;
use super::roster::{MemberSnapshot, Roster};
use crate::auth::Authenticator;
use crate::config::ChatLimits;
use crate::socketio::{Io, Socket};

/// The chat; cheap to clone.
#[derive(Clone)]
pub struct Chat(pub(super) Arc<Inner>);

pub(super) struct Inner {
    pub(super) io: Io,
    pub(super) history: Box<dyn History>,
    pub(super) limits: ChatLimits,
    pub(super) authenticator: RwLock<Arc<Authenticator>>,
    /// Returns the build id of the page that the server serves.
    pub(super) page_build: Box<dyn Fn() -> String + Send + Sync>,
    /// Names that all nodes agree on; `None` without Redis.
    pub(super) name_registry: Option<NameRegistry>,
    pub(super) state: Mutex<ChatState>,
    /// Counts plain messages that were sent to others, but not stored.
    pub(super) plain_not_stored: metrics::Counter,
    /// Task that delivers stored messages until the store is closed.
    pub(super) delivery: Mutex<Option<JoinHandle<()>>>,
    /// Set when the store is about to close.
    pub(super) store_closing: AtomicBool,
    /// Held while an open room is created, so that two do not get the same id.
    pub(super) create_lock: tokio::sync::Mutex<()>,
}

/// Mutable state. Its lock is never held across an await or a call into Socket.IO.
pub(super) struct ChatState {
    pub(super) roster: Roster,
    pub(super) rooms: Rooms,
    /// People on other nodes; `None` without Redis.
    pub(super) remote_presence: Option<RemotePresence>,
    /// Rooms with new messages, of which pages outside of them are not notified yet.
    pub(super) updated_rooms: BTreeSet<String>,
    /// Shutdown that the operator has scheduled.
    pub(super) shutdown_notice: Option<ScheduledShutdown>,
    /// Rate limit for storing plain messages.
    pub(super) plain_bucket: Bucket,
    /// Rate limits of people and addresses.
    pub(super) rate_limiter: RateLimiter,
    /// Addresses that sent wrong secrets.
    pub(super) lockout: Lockout,
    /// Presence changes that are not sent yet.
    pub(super) presence: PendingPresence,
    /// Bans and mutes.
    pub(super) restrictions: Restrictions,
}

/// Shutdown that the operator has scheduled.
#[derive(Debug, Clone)]
pub(super) struct ScheduledShutdown {
    pub(super) at: Instant,
    pub(super) reason: String,
}

impl ScheduledShutdown {
    /// Notice for a page that connects now; `None` when the time has passed.
    pub(super) fn notice(&self) -> Option<ShutdownNotice> {
        let left = self.at.checked_duration_since(Instant::now())?;
        Some(ShutdownNotice {
            seconds: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1),
            reason: self.reason.clone(),
        })
    }
}

/// Kind of client, stored in the socket's data. Anonymous plain clients have none.
#[derive(Debug, Clone)]
pub(super) enum ClientKind {
    /// Page.
    Page {
        /// Id of the person.
        id: String,
        /// Requested name.
        name: Option<String>,
        /// Whether the name belongs to the token and cannot be changed.
        named: bool,
        /// Whether it receives presence changes in batches.
        batches: bool,
    },
    /// Plain client that is identified by its token.
    Plain(Person),
}

impl ClientKind {
    /// Id of the person.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Page { id, .. } | Self::Plain(Person { id, .. }) => id,
        }
    }
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("history", &self.0.history)
            .finish_non_exhaustive()
    }
}

impl Chat {
    /// The Socket.IO server underneath.
    #[must_use]
    pub fn io(&self) -> &Io {
        &self.0.io
    }

    /// Whether messages can be stored.
    ///
    /// # Errors
    /// Error of the last write, if no write has succeeded since.
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.history.last_error().map_or(Ok(()), Err)
    }

    /// Updates the gauges that are computed on demand.
    pub fn record_metrics(&self) {
        let state = self.state();
        let float = |number: usize| u32::try_from(number).map_or(f64::MAX, f64::from);
        metrics::gauge!("pesan_people").set(float(state.roster.count_local()));
        metrics::gauge!("pesan_rooms").set(float(state.rooms.iter().count()));
        metrics::gauge!("pesan_locked_out_addresses").set(float(state.lockout.count(Instant::now())));
        if let Some(remote_presence) = &state.remote_presence {
            metrics::gauge!("pesan_other_nodes").set(float(remote_presence.count()));
        }
    }

    /// Stores and acknowledges all queued messages, then closes the store.
    pub async fn close_history(&self) {
        self.0.store_closing.store(true, Ordering::Release);
        let chat = self.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || chat.0.history.close()).await {
            tracing::error!(%error, "closing the history failed");
        }
        let delivery = self
            .0
            .delivery
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(delivery) = delivery
            && let Err(error) = delivery.await
        {
            tracing::error!(%error, "stored messages were not delivered");
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ChatState> {
        // every step under the lock leaves a consistent state, also if the next one panics
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Current authenticator.
    pub(super) fn authenticator(&self) -> Arc<Authenticator> {
        Arc::clone(
            &self
                .0
                .authenticator
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// Key of a socket's rate limits: its person, or the socket if that is not known.
    pub(super) fn rate_key(&self, socket: &Socket) -> String {
        match socket.data().get::<ClientKind>().as_deref() {
            Some(ClientKind::Page { id, .. }) => id.clone(),
            Some(ClientKind::Plain(person)) => person.id.clone(),
            None => socket.id().to_owned(),
        }
    }
}

impl ChatState {
    /// Sends the presence of someone to the other nodes.
    pub(super) fn publish_presence(&mut self, person: &Person) {
        if let Some(remote_presence) = &mut self.remote_presence {
            let snapshot = self
                .roster
                .snapshot(&person.id)
                .unwrap_or_else(|| MemberSnapshot::gone(person));
            remote_presence.publish(snapshot);
        }
    }
}
