//! This node among the others of one chat: what it tells them of its people, and what it makes of their news.
//!
//! Messages and rooms come from the shared history, in one order on all nodes. People are announced through Socket.IO's
//! adapter, which may lose something; [`RemotePresence`](super::remote_presence::RemotePresence) notices, and asks again. Without
//! Redis each node goes on with the people that it has: those of the others are gone after ten seconds, and back
//! with it.

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

/// Event between nodes: who is on one of them.
const PRESENCE: &str = "people";
/// Event between nodes: one of them wants to know who is on another, or on all if it is not named.
const REQUEST_PRESENCE: &str = "who";
/// Longest wait for a name; then this node decides by itself.
const CLAIM_TIMEOUT: Duration = Duration::from_secs(2);
/// Pause before the others are asked for their people the first time, again and again until it works.
const FIRST_REQUEST_DELAY: Duration = Duration::from_millis(50);
/// Pause between two readings of bans and mutes.
const RELOAD_RESTRICTIONS: Duration = Duration::from_secs(60);
/// Changes of one update.
const MAX_MERGED: usize = 500;

/// Random name of a node.
pub(super) fn random_node_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

impl Chat {
    /// Begins to tell the other nodes of its people, and to listen to them.
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

    /// Asks a node, or all of them, who is there; whether it could be asked.
    fn request_presence(&self, node: &str) -> bool {
        self.0
            .io
            .server_side_emit(REQUEST_PRESENCE, node)
            .unwrap_or_else(|error| {
                tracing::warn!(%error, "other nodes cannot be requested");
                false
            })
    }

    /// The store is not what it was: everyone here comes again, and sees it as it is.
    pub(super) async fn reset(&self, rooms: Vec<SavedRoom>) {
        if let Err(error) = self.0.history.save_room(rooms::lobby()).await {
            tracing::error!(%error, "the lobby cannot be kept");
        }
        {
            let mut state = self.state();
            state.rooms = Rooms::new(rooms, self.0.limits.name_chars);
            state.updated_rooms.clear();
        }
        self.reload_restrictions().await;
        for socket in self.0.io.sockets() {
            if socket.rooms().iter().any(|room| **room == *PAGES) {
                // as if the wire had broken: who is disconnected on purpose may not come back by itself
                socket.connection().close(CloseReason::ForcedClose);
            }
        }
    }

    /// Name for someone who comes, if all nodes have agreed on it, and why it is not the wished one.
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
            // what was wished may have been no name at all
            candidates.refusal(first.first()?)
        } else {
            candidates.refusal(&claimed.name)
        };
        Some((claimed.name, refused))
    }

    /// Another name for someone, if all nodes have agreed on it; none when this node has to decide by itself.
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

    /// Claims one of some names; `None` when Redis does not answer.
    async fn claim_one_of(&self, id: &str, names: &[Name], is_rename: bool) -> Option<Option<ClaimedName>> {
        let registry = self.0.name_registry.as_ref()?;
        match timeout(CLAIM_TIMEOUT, registry.claim(id, names, is_rename)).await {
            Ok(Ok(claimed)) => Some(claimed),
            Ok(Err(error)) => {
                tracing::debug!(%error, "a name is given by this node alone");
                None
            }
            Err(_) => None,
        }
    }

    /// Tells all nodes that someone is on none of them any more, and which names others may have.
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
                    tracing::debug!(%error, "a name is free a little later");
                }
            }
        });
    }

    /// Says whose names are still theirs, and takes over what other nodes have decided.
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
                tracing::debug!(%error, "names are kept by this node alone");
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
                    "has is_rename name: it was given away on two nodes"
                );
                for room in rooms {
                    self.announce_change(&room, &person, PresenceChange::Renamed);
                }
            }
        }
    }
}

/// Sends what this node tells, in its order, several changes at once when they come fast.
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
                tracing::warn!(%error, "other nodes cannot be told who is local");
            }
        }
    }
}

/// Gives signs of life, and misses those of others.
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

/// Reads bans and mutes again now and then: news of them between nodes may be lost.
async fn reload_restrictions(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RELOAD_RESTRICTIONS);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).reload_restrictions().await;
    }
}

/// Keeps the names of those who are here, as long as there is a chat.
async fn renew_names(chat: Weak<Inner>) {
    let mut ticks = tokio::time::interval(RENEW_INTERVAL);
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        Chat(chat).renew_names().await;
    }
}
