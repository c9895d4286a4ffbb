//! The chat's rules on top of Socket.IO: who may come in, who is here, what is said where, and what is kept.
//!
//! A plain client sends `pesan` with one string, and gets everyone's. A page of ours says so in its CONNECT and
//! speaks the types of [`pesan::protocol`]. Both meet in the lobby. `connect` is where a socket comes
//! in; each kind of request has a file of its own; [`operator`] is what `pesan-server admin` reaches.
//!
//! With `--redis` several nodes are one chat: [`history`] is shared and tells every node what is said, `claims` keeps
//! names unique, and `remote_presence` knows who is on the other nodes. Each node tells its own clients what it learns.
//!
//! Connection state recovery stays off: it would put an offset into every event, which plain clients do not expect,
//! and does less than what pages have anyway. They come back after any time and to any node, say up to which number
//! they have each room, and get the rest; for others someone is gone only after a moment.

mod cluster;
mod connect;
mod held_names;
pub mod history;
mod lockout;
mod message;
pub mod moderation;
mod name_candidates;
mod name_registry;
pub(crate) mod names;
pub mod operator;
mod presence;
mod rate_limit;
mod redis_client;
mod remote_presence;
mod requests;
mod rooms;
mod roster;
mod sanitize;
mod store_error;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use anyhow::Context;
use pesan::protocol::{ChatError, ChatErrorCode, Person, Room};
use pesan::socketio::Event;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::auth::Authenticator;
use crate::config::{ChatLimits, Store};
use crate::socketio::Io;
use history::{
    Committed, Deliver, History, Memory, Redis, RedisClient, Retention, Sqlite, StoreError, StoreEvent,
};
use lockout::Lockout;
use moderation::Restrictions;
use name_registry::NameRegistry;
use presence::PendingPresence;
use rate_limit::{Bucket, RateLimiter};
use remote_presence::RemotePresence;
use rooms::Rooms;
use roster::{MemberSnapshot, Roster};
use sanitize::chat_error;

/// Socket.IO room of all pages of ours.
const PAGES: &str = "pages";
/// Socket.IO room of all plain clients.
const PLAINS: &str = "plain";
/// How long someone who lost the connection still counts as present.
const GRACE: Duration = Duration::from_secs(3);
/// Bytes that the history may have, in a file and in memory.
const MAX_FILE: u64 = 10_000_000_000;
const MAX_MEMORY: u64 = 128 << 20;
/// How often a room's news go to those who are not in it.
const NEWS_EVERY: Duration = Duration::from_secs(1);

/// The chat; cheap to clone.
#[derive(Clone)]
pub struct Chat(Arc<Inner>);

struct Inner {
    io: Io,
    history: Box<dyn History>,
    limits: ChatLimits,
    access: RwLock<Arc<Authenticator>>,
    /// Gives the build id of the page that the server serves.
    page_build: Box<dyn Fn() -> String + Send + Sync>,
    /// Names that all nodes have agreed on, where there are several.
    claims: Option<NameRegistry>,
    state: Mutex<ChatState>,
    /// Counts plain messages that were passed on, but not kept.
    not_kept: metrics::Counter,
    /// Hands on what is stored, until the store has ended.
    delivery: Mutex<Option<JoinHandle<()>>>,
    /// Set when the store ends.
    ending: AtomicBool,
    /// Held from the plan of an open room until it is there.
    creating: tokio::sync::Mutex<()>,
}

/// What the chat knows of this moment; the lock is never held over a wait or a call into Socket.IO.
struct ChatState {
    people: Roster,
    rooms: Rooms,
    /// Other nodes, where there may be some.
    remote_presence: Option<RemotePresence>,
    /// Rooms that have news for those who are not in them.
    news: BTreeSet<String>,
    /// Notice of the operator that the server will go down.
    closing: Option<operator::Notice>,
    /// Plain messages that may be kept in this moment.
    plain: Bucket,
    /// What people and addresses may do in this moment.
    rates: RateLimiter,
    /// Addresses from which wrong secrets came.
    lockout: Lockout,
    /// Changes of presence that rooms were not told yet.
    presence: PendingPresence,
    /// Bans and mutes.
    restrictions: Restrictions,
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat")
            .field("history", &self.0.history)
            .finish_non_exhaustive()
    }
}

impl Chat {
    /// Opens the history and starts the chat on a Socket.IO server. Needs a tokio runtime.
    ///
    /// # Errors
    /// When the history cannot be opened.
    pub async fn start(
        io: Io,
        store: &Store,
        limits: ChatLimits,
        access: Authenticator,
        page_build: impl Fn() -> String + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let (told, incoming) = mpsc::unbounded_channel();
        let link = match &store.redis {
            Some(url) => {
                let link = RedisClient::new(url, &store.redis_prefix);
                Some(link.map_err(|error| anyhow::anyhow!("--redis is no address of a Redis: {error}"))?)
            }
            None => None,
        };
        let history = open(store, link.as_ref(), told).await?;
        history.save_room(rooms::lobby()).await.context("the history")?;
        let saved = history.rooms().await.context("the history")?;
        let restrictions = Restrictions::new(history.restrictions().await.context("the history")?);
        let (remote_presence, updates) = match &link {
            Some(_) => {
                let (told, updates) = mpsc::unbounded_channel();
                (Some(RemotePresence::new(cluster::name(), told)), Some(updates))
            }
            None => (None, None),
        };
        let chat = Self(Arc::new(Inner {
            io,
            history,
            limits,
            access: RwLock::new(Arc::new(access)),
            page_build: Box::new(page_build),
            claims: link.map(NameRegistry::new),
            state: Mutex::new(ChatState {
                people: Roster::default(),
                rooms: Rooms::new(saved, limits.name_chars),
                remote_presence,
                news: BTreeSet::new(),
                closing: None,
                plain: message::plain_bucket(),
                rates: RateLimiter::new(&limits),
                lockout: Lockout::default(),
                presence: PendingPresence::default(),
                restrictions,
            }),
            not_kept: metrics::counter!("pesan_plain_messages_not_kept_total"),
            delivery: Mutex::default(),
            ending: AtomicBool::new(false),
            creating: tokio::sync::Mutex::default(),
        }));
        chat.attach();
        if let Some(updates) = updates {
            chat.subscribe(updates);
        }
        let delivery = tokio::spawn(chat.clone().deliver(incoming));
        *chat.0.delivery.lock().unwrap_or_else(PoisonError::into_inner) = Some(delivery);
        tokio::spawn(tell_news(Arc::downgrade(&chat.0)));
        tokio::spawn(presence::tell_batches(Arc::downgrade(&chat.0)));
        let empty_room = Duration::from_secs(limits.empty_room);
        tokio::spawn(rooms::remove_empty(Arc::downgrade(&chat.0), empty_room));
        Ok(chat)
    }

    /// The Socket.IO server underneath.
    #[must_use]
    pub fn io(&self) -> &Io {
        &self.0.io
    }

    /// Why messages cannot be stored, if so.
    #[must_use]
    pub fn trouble(&self) -> Option<StoreError> {
        self.0.history.trouble()
    }

    /// Sets the gauges that are only looked at when someone asks.
    pub fn record_metrics(&self) {
        let state = self.state();
        let float = |number: usize| u32::try_from(number).map_or(f64::MAX, f64::from);
        metrics::gauge!("pesan_people").set(float(state.people.count_here()));
        metrics::gauge!("pesan_rooms").set(float(state.rooms.iter().count()));
        metrics::gauge!("pesan_locked_out_addresses").set(float(state.lockout.count(Instant::now())));
        if let Some(remote_presence) = &state.remote_presence {
            metrics::gauge!("pesan_other_nodes").set(float(remote_presence.count()));
        }
    }

    /// Writes what waits to the disk, and answers it; nothing is stored after that.
    pub async fn close_history(&self) {
        self.0.ending.store(true, Ordering::Release);
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

    fn state(&self) -> MutexGuard<'_, ChatState> {
        // what panicked under the lock left the state as it was before or after one step
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends an event to everyone in a Socket.IO room, on this node.
    fn tell<E: Event>(&self, to: &str, event: &E) {
        if let Err(error) = self.0.io.to(to).local().emit_event(event) {
            tracing::warn!(%error, event = E::NAME, "cannot be sent");
        }
    }

    /// Tells everyone who may see a room how it is now, each as they see it.
    fn tell_room(&self, id: &str) {
        for (to, room) in self.views(id) {
            self.tell(&to, &room);
        }
    }

    /// Who may see a room, and how.
    fn views(&self, id: &str) -> Vec<(String, Room)> {
        let state = self.state();
        let members: Vec<Person> = state.rooms.members(id);
        if members.is_empty() {
            let room = state.rooms.seen_by(id, "", &state.people);
            return room.map(|room| (PAGES.to_owned(), room)).into_iter().collect();
        }
        members
            .iter()
            .filter_map(|member| {
                Some((
                    channel_of(&member.id),
                    state.rooms.seen_by(id, &member.id, &state.people)?,
                ))
            })
            .collect()
    }

    /// Tells those who are not in a room what is new in it.
    fn tell_news(&self) {
        let news: Vec<Room> = {
            let mut state = self.state();
            let ids = std::mem::take(&mut state.news);
            ids.iter()
                .filter_map(|id| state.rooms.seen_by(id, "", &state.people))
                .collect()
        };
        for room in news {
            let others = self.0.io.to(PAGES).except(channel(&room.id).as_str()).local();
            if let Err(error) = others.emit_event(&room) {
                tracing::warn!(%error, "news of a room cannot be sent");
            }
        }
    }
}

impl ChatState {
    /// Tells the other nodes how someone is here now.
    fn share(&mut self, person: &Person) {
        if let Some(remote_presence) = &mut self.remote_presence {
            let line = self
                .people
                .line(&person.id)
                .unwrap_or_else(|| MemberSnapshot::gone(person));
            remote_presence.tell(line);
        }
    }
}

/// Now and then tells the news of rooms, as long as there is a chat.
async fn tell_news(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(NEWS_EVERY);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).tell_news();
    }
}

/// Socket.IO room of a room of the chat.
fn channel(room: &str) -> String {
    format!("room:{room}")
}

/// Socket.IO room of all pages of a person.
fn channel_of(person: &str) -> String {
    format!("person:{person}")
}

/// Opens the history that the operator chose; what comes out of it goes to `told`.
async fn open(
    store: &Store,
    link: Option<&RedisClient>,
    told: mpsc::UnboundedSender<StoreOutput>,
) -> anyhow::Result<Box<dyn History>> {
    // bounded by the store's own queue
    let tell = move |told: &mpsc::UnboundedSender<StoreOutput>, news| {
        if told.send(news).is_err() {
            tracing::debug!("messages were stored after the chat had ended");
        }
    };
    let news = told.clone();
    let deliver: Deliver = Box::new(move |batch| tell(&told, StoreOutput::Committed(batch)));
    let retention = Retention {
        days: store.keep_days,
        messages: store.keep_messages,
    };
    if let Some(link) = link {
        let notify = Box::new(move |one| tell(&news, StoreOutput::StoreEvent(one)));
        return Ok(Box::new(
            Redis::open(link.clone(), retention, deliver, notify).await?,
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

/// What someone is told whose message was not stored.
fn store_refusal(error: &StoreError) -> ChatError {
    match error {
        StoreError::IdUsed => chat_error(ChatErrorCode::IdInvalid, ""),
        StoreError::RoomUnknown => chat_error(ChatErrorCode::RoomUnknown, ""),
        StoreError::RoomTaken(id) => chat_error(ChatErrorCode::RoomTaken, id),
        StoreError::Busy => chat_error(ChatErrorCode::TooFast, 1),
        // the reason is the operator's business, and is in the log
        StoreError::Full | StoreError::Quota(_) => chat_error(ChatErrorCode::StoreFull, ""),
        StoreError::ReadOnly | StoreError::Corrupt | StoreError::Unreachable(_) | StoreError::Other(_) => {
            chat_error(ChatErrorCode::StoreFailed, "")
        }
    }
}

/// What comes out of the store.
enum StoreOutput {
    /// What became of messages.
    Committed(Vec<Committed>),
    /// What other nodes did.
    StoreEvent(StoreEvent),
}

/// What came out of the store, in its order.
type Incoming = mpsc::UnboundedReceiver<StoreOutput>;
