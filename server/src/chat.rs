//! The chat on top of Socket.IO: authentication, presence, rooms, messages and their history.
//!
//! Two kinds of client meet in the lobby: a plain client emits `pesan` with one string and receives those of others; a
//! page says so in its CONNECT and uses the types of [`pesan::protocol`]. `connect` admits sockets, `requests` and
//! `message` handle their events, [`moderation`] is what `pesan-server admin` calls.
//!
//! With `--redis` several nodes are one chat: they share the [`history`], which notifies every node of messages and
//! rooms; `name_registry` keeps names unique, and `remote_presence` replicates who is online. Each node sends events to
//! its own clients only.
//!
//! Connection state recovery stays off: it adds an offset to every event, which plain clients do not expect. Pages do
//! not need it: after a reconnect, to any node, they ask for the messages after the last number they have.

mod broadcast;
mod cluster;
mod connect;
mod error;
pub mod history;
mod message;
pub mod moderation;
mod name_registry;
pub(crate) mod names;
mod presence;
mod rate_limit;
mod redis_client;
mod remote_presence;
mod requests;
mod restrictions;
pub mod room_lifecycle;
mod rooms;
mod roster;
mod sanitize;
mod state;

use std::collections::BTreeSet;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use tokio::sync::mpsc;

pub use state::Chat;

use crate::auth::Authenticator;
use crate::config::{ChatLimits, Store};
use crate::socketio::Io;
use history::{Deliver, History, Memory, Redis, RedisClient, Retention, Sqlite};
use message::StoreOutput;
use name_registry::NameRegistry;
use presence::PendingPresence;
use rate_limit::{Lockout, RateLimiter};
use remote_presence::RemotePresence;
use restrictions::Restrictions;
use rooms::Rooms;
use roster::Roster;
use state::{ChatState, Inner};

/// Default limits of the history's size in bytes, in a file and in memory.
const MAX_FILE: u64 = 10_000_000_000;
const MAX_MEMORY: u64 = 128 << 20;

impl Chat {
    /// Opens the history and starts the chat on a Socket.IO server. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the history cannot be opened.
    pub async fn start(
        io: Io,
        store: &Store,
        limits: ChatLimits,
        authenticator: Authenticator,
        page_build: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (outputs, incoming) = mpsc::unbounded_channel();
        let redis = match &store.redis {
            Some(url) => {
                let redis = RedisClient::new(url, &store.redis_prefix);
                Some(redis.map_err(|error| anyhow::anyhow!("--redis is not a valid address: {error}"))?)
            }
            None => None,
        };
        let history = open(store, redis.as_ref(), outputs).await?;
        history
            .save_room(rooms::lobby())
            .await
            .context("cannot open the history")?;
        let saved = history.rooms().await.context("cannot open the history")?;
        let restrictions =
            Restrictions::new(history.restrictions().await.context("cannot open the history")?);
        let (remote_presence, updates) = match &redis {
            Some(_) => {
                let (outputs, updates) = mpsc::unbounded_channel();
                (
                    Some(RemotePresence::new(cluster::random_node_id(), outputs)),
                    Some(updates),
                )
            }
            None => (None, None),
        };
        let chat = Self(Arc::new(Inner {
            io,
            history,
            limits,
            authenticator: RwLock::new(Arc::new(authenticator)),
            page_build: Box::new(page_build),
            name_registry: redis.map(NameRegistry::new),
            state: Mutex::new(ChatState {
                roster: Roster::default(),
                rooms: Rooms::new(saved, limits.name_chars),
                remote_presence,
                updated_rooms: BTreeSet::new(),
                shutdown_notice: None,
                plain_bucket: message::plain_bucket(),
                rate_limiter: RateLimiter::new(&limits),
                lockout: Lockout::default(),
                presence: PendingPresence::default(),
                restrictions,
            }),
            plain_not_stored: metrics::counter!("pesan_plain_messages_not_kept_total"),
            delivery: Mutex::default(),
            store_closing: AtomicBool::new(false),
            create_lock: tokio::sync::Mutex::default(),
        }));
        chat.attach();
        if let Some(updates) = updates {
            chat.subscribe(updates);
        }
        let delivery = tokio::spawn(chat.clone().deliver(incoming));
        *chat.0.delivery.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
        tokio::spawn(broadcast::send_room_updates(Arc::downgrade(&chat.0)));
        tokio::spawn(broadcast::send_presence_batches(Arc::downgrade(&chat.0)));
        let empty_room = Duration::from_secs(limits.empty_room);
        tokio::spawn(room_lifecycle::remove_empty(Arc::downgrade(&chat.0), empty_room));
        Ok(chat)
    }
}

/// Opens the configured history; its events go to `outputs`.
async fn open(
    store: &Store,
    redis: Option<&RedisClient>,
    outputs: mpsc::UnboundedSender<StoreOutput>,
) -> anyhow::Result<Box<dyn History>> {
    // the channel is bounded by the store's queue
    let send = move |outputs: &mpsc::UnboundedSender<StoreOutput>, output| {
        if outputs.send(output).is_err() {
            tracing::debug!("messages were stored after the chat had stopped");
        }
    };
    let output = outputs.clone();
    let deliver: Deliver = Box::new(move |batch| send(&outputs, StoreOutput::Committed(batch)));
    let retention = Retention {
        days: store.keep_days,
        messages: store.keep_messages,
    };
    if let Some(redis) = redis {
        let notify = Box::new(move |one| send(&output, StoreOutput::Event(one)));
        return Ok(Box::new(
            Redis::open(redis.clone(), retention, deliver, notify).await?,
        ));
    }
    if store.ephemeral {
        let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let keep = store.keep_messages.unwrap_or(1000);
        let bytes = store.max_store_bytes.unwrap_or(MAX_MEMORY);
        return Ok(Box::new(Memory::new(number(keep), number(bytes), deliver)));
    }
    let bytes = store.max_store_bytes.unwrap_or(MAX_FILE);
    Ok(Box::new(Sqlite::open(&store.data, retention, bytes, deliver)?))
}
