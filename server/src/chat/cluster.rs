//! Coordinates the nodes of one chat: exchanges presence, claims names, reloads restrictions.
//!
//! Messages and rooms come from the shared history, in the same order on all nodes. Presence is sent through Socket.IO's
//! adapter, which may lose events; [`RemotePresence`](super::remote_presence::RemotePresence) detects that and requests
//! a full update. While Redis is down, each node continues with its own clients; people of other nodes disappear after
//! ten seconds and return with Redis.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use pesan::protocol::{ChatError, ChatErrorCode, PresenceChange};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::broadcast::PAGES;
use super::error::chat_error;
use super::history::SavedRoom;
use super::name_registry::{ClaimedName, RENEW_INTERVAL};
use super::names::{Name, NameCandidates, person_name};
use super::remote_presence::{HEARTBEAT, PresenceUpdate};
use super::rooms::{self, Rooms};
use super::state::{Chat, Inner};
use crate::engineio::CloseReason;

/// Event between nodes: presence of one of them.
const PRESENCE: &str = "people";
/// Event between nodes: requests the presence of a node, or of all if the name is empty.
const REQUEST_PRESENCE: &str = "who";
/// Longest wait for a name; after it, this node decides alone.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause between two attempts to request the presence of all nodes, until the first one succeeds.
const FIRST_REQUEST_DELAY: Duration = Duration::from_millis(50);
/// Time between two reloads of bans and mutes.
const RELOAD_RESTRICTIONS: Duration = Duration::from_secs(60);
/// Most changes of one update.
const MAX_MERGED: usize = 500;

/// Random id for a node.
pub(super) fn random_node_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Chat {
    /// Subscribes to the events of other nodes, and starts the tasks that send to them.
    pub(super) fn subscribe(&self, updates: mpsc::UnboundedReceiver<PresenceUpdate>) {
        let chat = Arc::downgrade(&self.0);
        self.0
            .io
            .on_server_event(PRESENCE, move |update: PresenceUpdate| {
                if let Some(chat) = chat.upgrade() {
                    Self(chat).apply_presence_update(update);
                }
            });
        let chat = Arc::downgrade(&self.0);
        self.0.io.on_server_event(REQUEST_PRESENCE, move |node: String| {
            let Some(chat) = chat.upgrade() else { return };
            let state = Self(chat);
            let state = state.state();
            if let Some(remote_presence) = &state.remote_presence
                && (node.is_empty() || node == remote_presence.node_id())
            {
                remote_presence.publish_all(&state.roster);
            }
        });
        self.register_commands();
        self.subscribe_restrictions();
        tokio::spawn(send_presence_updates(Arc::downgrade(&self.0), updates));
        tokio::spawn(heartbeat_loop(Arc::downgrade(&self.0)));
        tokio::spawn(renew_names(Arc::downgrade(&self.0)));
        tokio::spawn(reload_restrictions(Arc::downgrade(&self.0)));
    }

    fn apply_presence_update(&self, update: PresenceUpdate) {
        let node = update.node.clone();
        let applied = {
            let state = &mut *self.state();
            let Some(remote_presence) = &mut state.remote_presence else {
                return;
            };
            remote_presence.apply(update, &mut state.roster, Instant::now())
        };
        self.announce_changes(applied.changes);
        if applied.is_outdated {
            self.request_presence(&node);
        }
    }

    /// Requests the presence of a node, or of all; returns whether the request was sent.
    fn request_presence(&self, node: &str) -> bool {
        self.0
            .io
            .server_side_emit(REQUEST_PRESENCE, node)
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "cannot request the presence of other nodes");
                false
            })
    }

    /// Loads the state of the store again, and makes all pages of this node reconnect, so that they do the same.
    pub(super) async fn reset(&self, rooms: Vec<SavedRoom>) {
        if let Err(error) = self.0.history.save_room(rooms::lobby()).await {
            tracing::error!(%error, "cannot save the lobby");
        }
        {
            let mut state = self.state();
            state.rooms = Rooms::new(rooms, self.0.limits.name_chars);
            state.updated_rooms.clear();
        }
        self.reload_restrictions().await;
        for socket in self.0.io.sockets() {
            if socket.rooms().iter().any(|room| **room == *PAGES) {
                // as after a lost connection: a page that was disconnected by a DISCONNECT packet would not reconnect
                socket.connection().close(CloseReason::ForcedClose);
            }
        }
    }

    /// Claims a name for someone who connects; also returns why it is not the requested one. `None` when this node has to
    /// decide alone.
    pub(super) async fn claim(
        &self,
        id: &str,
        mut candidates: NameCandidates,
    ) -> Option<(Name, Option<ChatError>)> {
        self.0.name_registry.as_ref()?;
        let first: Vec<Name> = candidates.by_ref().take(1).collect();
        let claimed = match self.claim_one_of(id, &first, false).await? {
            Some(claimed) => claimed,
            None => {
                let others: Vec<Name> = candidates.by_ref().collect();
                let mut claimed = self.claim_one_of(id, &others, false).await??;
                claimed.is_requested = false;
                claimed
            }
        };
        let refused = if claimed.is_requested {
            // the requested name may have been invalid
            candidates.refusal(first.first()?)
        } else {
            candidates.refusal(&claimed.name)
        };
        Some((claimed.name, refused))
    }

    /// Claims a new name for someone; `None` when this node has to decide alone.
    ///
    /// # Errors
    /// [`ChatErrorCode::NameInvalid`] or [`ChatErrorCode::NameTaken`].
    pub(super) async fn claim_new_name(&self, id: &str, requested: &str) -> Result<Option<Name>, ChatError> {
        let name = person_name(requested, self.0.limits.name_chars, id)?;
        match self.claim_one_of(id, std::slice::from_ref(&name), true).await {
            Some(Some(claimed)) => Ok(Some(claimed.name)),
            Some(None) => Err(chat_error(ChatErrorCode::NameTaken, name.shown)),
            None => Ok(None),
        }
    }

    /// Claims the first free one of some names; `None` when Redis does not answer.
    async fn claim_one_of(&self, id: &str, names: &[Name], is_rename: bool) -> Option<Option<ClaimedName>> {
        let registry = self.0.name_registry.as_ref()?;
        match timeout(CLAIM_TIMEOUT, registry.claim(id, names, is_rename)).await {
            Ok(Ok(claimed)) => Some(claimed),
            Ok(Err(error)) => {
                tracing::debug!(%error, "cannot claim a name in redis; this node decides alone");
                None
            }
            Err(_) => None,
        }
    }

    /// Releases names on all nodes: that of someone who has disconnected everywhere, and those whose hold time is over.
    pub(super) fn release_names(&self, gone: Option<String>, freed: Vec<(String, String)>) {
        let Some(registry) = self.0.name_registry.clone() else {
            return;
        };
        let gone = gone.map(|id| (id, String::new()));
        let all: Vec<(String, String)> = gone.into_iter().chain(freed).collect();
        if all.is_empty() {
            return;
        }
        tokio::spawn(async move {
            for (id, key) in all {
                if let Err(error) = registry.release(&id, &key).await {
                    tracing::debug!(%error, "cannot release a name; it expires later");
                }
            }
        });
    }

    /// Renews the names of this node's people, and applies names that other nodes have decided.
    async fn renew_names(&self) {
        let Some(registry) = &self.0.name_registry else {
            return;
        };
        let local: Vec<(String, Name)> = {
            let snapshots = self.state().roster.snapshots().into_iter();
            let named = snapshots.map(|snapshot| {
                let name = Name {
                    shown: snapshot.person.name,
                    key: snapshot.key,
                };
                (snapshot.person.id, name)
            });
            named.collect()
        };
        let lost = match registry.renew(&local).await {
            Ok(lost) => lost,
            Err(error) => {
                tracing::debug!(%error, "cannot renew names in redis");
                return;
            }
        };
        for (id, name) in lost {
            let name = match name {
                Some(name) => name,
                None => {
                    let shown = local
                        .iter()
                        .find(|(one, _)| *one == id)
                        .map(|(_, name)| name.shown.as_str());
                    let names: Vec<Name> =
                        NameCandidates::trusted(&id, shown, self.0.limits.name_chars).collect();
                    match self.claim_one_of(&id, &names, true).await {
                        Some(Some(claimed)) => claimed.name,
                        Some(None) | None => continue,
                    }
                }
            };
            let renamed = {
                let mut state = self.state();
                let renamed = state.roster.set_name(&id, name);
                if let Some((person, _)) = &renamed {
                    state.publish_presence(person);
                }
                renamed
            };
            if let Some((person, rooms)) = renamed {
                tracing::info!(
                    person = person.id,
                    "person renamed: two nodes had given away the same name"
                );
                for room in rooms {
                    self.announce_change(&room, &person, PresenceChange::Renamed);
                }
            }
        }
    }
}

/// Task: sends presence updates in order; merges several that come fast.
async fn send_presence_updates(chat: Weak<Inner>, mut updates: mpsc::UnboundedReceiver<PresenceUpdate>) {
    let mut batch = Vec::new();
    while updates.recv_many(&mut batch, MAX_MERGED).await > 0 {
        let Some(chat) = chat.upgrade() else { return };
        let mut merged: Vec<PresenceUpdate> = Vec::new();
        for update in batch.drain(..) {
            match merged.last_mut() {
                Some(last) if !last.whole && !update.whole && last.to == update.from => {
                    last.to = update.to;
                    last.people.extend(update.people);
                }
                _ => merged.push(update),
            }
        }
        for update in merged {
            if let Err(error) = chat.io.server_side_emit(PRESENCE, (update,)) {
                tracing::warn!(%error, "cannot send presence to other nodes");
            }
        }
    }
}

/// Task: sends heartbeats, and removes the people of nodes whose heartbeats are missing.
async fn heartbeat_loop(chat: Weak<Inner>) {
    let mut requested = false;
    loop {
        tokio::time::sleep(if requested { HEARTBEAT } else { FIRST_REQUEST_DELAY }).await;
        let Some(chat) = chat.upgrade() else { return };
        let chat = Chat(chat);
        requested = requested || chat.request_presence("");
        let changes = {
            let state = &mut *chat.state();
            let Some(remote_presence) = &mut state.remote_presence else {
                return;
            };
            if requested {
                remote_presence.publish_heartbeat();
            }
            remote_presence.remove_expired(&mut state.roster, Instant::now())
        };
        chat.announce_changes(changes);
    }
}

/// Task: reloads bans and mutes regularly, because events between nodes may be lost.
async fn reload_restrictions(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RELOAD_RESTRICTIONS);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).reload_restrictions().await;
    }
}

/// Task: renews the names of this node's people, until the chat is dropped.
async fn renew_names(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RENEW_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).renew_names().await;
    }
}
