//! State of the chat on this node, and the handle that everything else works with.

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
    /// Gives the build id of the page that the server serves.
    pub(super) page_build: Box<dyn Fn() -> String + Send + Sync>,
    /// Names that all nodes have agreed on, where there are several.
    pub(super) name_registry: Option<NameRegistry>,
    pub(super) state: Mutex<ChatState>,
    /// Counts plain messages that were passed on, but not kept.
    pub(super) plain_not_stored: metrics::Counter,
    /// Hands on what is stored, until the store has ended.
    pub(super) delivery: Mutex<Option<JoinHandle<()>>>,
    /// Set when the store ends.
    pub(super) store_closing: AtomicBool,
    /// Held from the plan of an open room until it is there.
    pub(super) create_lock: tokio::sync::Mutex<()>,
}

/// What the chat knows of this moment; the lock is never held over a wait or a call into Socket.IO.
pub(super) struct ChatState {
    pub(super) roster: Roster,
    pub(super) rooms: Rooms,
    /// Other nodes, where there may be some.
    pub(super) remote_presence: Option<RemotePresence>,
    /// Rooms that have news for those who are not in them.
    pub(super) updated_rooms: BTreeSet<String>,
    /// Notice of the operator that the server will go down.
    pub(super) shutdown_notice: Option<ScheduledShutdown>,
    /// Plain messages that may be kept in this moment.
    pub(super) plain_bucket: Bucket,
    /// What people and addresses may do in this moment.
    pub(super) rate_limiter: RateLimiter,
    /// Addresses from which wrong secrets came.
    pub(super) lockout: Lockout,
    /// Changes of presence that rooms were not told yet.
    pub(super) presence: PendingPresence,
    /// Bans and mutes.
    pub(super) restrictions: Restrictions,
}

/// Notice that the server will go down.
#[derive(Debug, Clone)]
pub(super) struct ScheduledShutdown {
    pub(super) at: Instant,
    pub(super) reason: String,
}

impl ScheduledShutdown {
    /// The notice for someone who comes now; none when its time has passed.
    pub(super) fn still(&self) -> Option<ShutdownNotice> {
        let left = self.at.checked_duration_since(Instant::now())?;
        Some(ShutdownNotice {
            seconds: u32::try_from(left.as_secs()).unwrap_or(u32::MAX).max(1),
            reason: self.reason.clone(),
        })
    }
}

/// Who a socket is; kept with it where there is something to keep.
#[derive(Debug, Clone)]
pub(super) enum ClientKind {
    /// A page of ours.
    Page {
        /// Id of the person.
        id: String,
        /// Wished name.
        name: Option<String>,
        /// Whether the name belongs to the token, and stays.
        named: bool,
        /// Whether it gets changes of presence in batches.
        batches: bool,
    },
    /// A plain client whose token says who it is.
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

    /// Why messages cannot be stored, if so.
    #[must_use]
    pub fn health(&self) -> Result<(), StoreError> {
        self.0.history.last_error().map_or(Ok(()), Err)
    }

    /// Sets the gauges that are only looked at when someone asks.
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

    /// Writes what waits to the disk, and answers it; nothing is stored after that.
    pub async fn close_history(&self) {
        self.0.store_closing.store(true, Ordering::Release);
        let chat = self.clone();
        if let Err(error) = tokio::task::spawn_blocking(move || chat.0.history.close()).await {
            tracing::error!(%error, "the history did not close");
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
            tracing::error!(%error, "messages were stored, but not handed on");
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, ChatState> {
        // what panicked under the lock left the state as it was before or after one step
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who may come in now.
    pub(super) fn authenticator(&self) -> Arc<Authenticator> {
        Arc::clone(
            &self
                .0
                .authenticator
                .read()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    /// What the rates of a socket are counted by: its person, where that is known.
    pub(super) fn rate_key(&self, socket: &Socket) -> String {
        match socket.data().get::<ClientKind>().as_deref() {
            Some(ClientKind::Page { id, .. }) => id.clone(),
            Some(ClientKind::Plain(person)) => person.id.clone(),
            None => socket.id().to_owned(),
        }
    }
}

impl ChatState {
    /// Tells the other nodes how someone is here now.
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
