//! Creating, removing and merging rooms.
//!
//! Pages create open rooms, and direct rooms with the first message; the operator removes and merges rooms; empty and
//! idle rooms are removed automatically.

use std::collections::{HashMap, HashSet};
use std::sync::Weak;
use std::time::{Duration, Instant};

use pesan::protocol::{ChatError, ChatErrorCode, Create, Direct, LOBBY, Room, RoomGone, RoomKind};
use serde::{Deserialize, Serialize};

use super::broadcast::{PAGES, person_channel, room_channel, room_channels};
use super::error::{StoreError, chat_error, store_refusal};
use super::history::{self, Range, SavedRoom};
use super::rate_limit::Cost;
use super::state::{Chat, Inner};
use crate::socketio::Socket;

/// Limit of direct rooms, as a multiple of that of open rooms.
const DIRECT_ROOMS_PER_OPEN_ROOM: usize = 10;
/// Shortest and longest time between two checks for empty rooms.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(250);
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// Room, as listed for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// Id.
    pub id: String,
    /// Name; empty for a direct room.
    pub name: String,
    /// Number of people in it.
    pub people: usize,
    /// Order number of the newest message.
    pub messages: u64,
    /// Time of that message, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
}

impl Chat {
    /// All rooms, sorted by id.
    #[must_use]
    pub fn rooms(&self) -> Vec<RoomInfo> {
        let state = self.state();
        let mut list: Vec<RoomInfo> = state
            .rooms
            .iter()
            .map(|room| RoomInfo {
                id: room.id.clone(),
                name: room.name.clone(),
                people: state.roster.count_in(&room.id),
                messages: room.last_seq,
                last: room.last.as_ref().map(|last| last.at),
            })
            .collect();
        list.sort_by(|a, b| a.id.cmp(&b.id));
        list
    }

    pub(super) async fn create(self, socket: Socket, create: Create) -> Result<Room, ChatError> {
        let person = self.charge(&socket, Cost::Read)?;
        let limits = self.0.limits;
        // two rooms that are planned at the same time could get the same id; with several nodes, the store prevents that
        let _guard = match self.0.name_registry {
            None => Some(self.0.create_lock.lock().await),
            Some(_) => None,
        };
        let plan = || {
            let state = self.state();
            state
                .rooms
                .plan(&create.name, limits.name_chars, limits.max_rooms)
        };
        let mut plan_result = plan();
        if let Err(error) = &plan_result
            && error.code == ChatErrorCode::Unavailable
            && self.evict_idle_room(RoomKind::Open).await
        {
            plan_result = plan();
        }
        let (mut room, key) = plan_result?;
        self.charge(&socket, Cost::Room)?;
        // stored first, so that no room is shown that a restart would remove
        let stored = self.0.history.create_room(room.clone(), &key).await;
        let id = stored.map_err(|error| store_refusal(&error))?;
        room.id.clone_from(&id);
        let (added, seen) = {
            let mut state = self.state();
            // the store's event may have added it already
            let added = state.rooms.insert(room, &key)?;
            (added, state.rooms.view_for(&id, &person.id, &state.roster))
        };
        if added {
            self.send_room_update(&id);
        }
        seen.ok_or_else(|| chat_error(ChatErrorCode::RoomUnknown, ""))
    }

    pub(super) async fn open_direct(self, socket: Socket, direct: Direct) -> Result<Room, ChatError> {
        let person = self.charge(&socket, Cost::Read)?;
        let room = {
            let mut state = self.state();
            let other = state.roster.get(&direct.person).cloned();
            let other = other
                .or_else(|| state.rooms.partner(&direct.person))
                .filter(|other| other.id != person.id)
                .ok_or_else(|| chat_error(ChatErrorCode::PersonUnknown, ""))?;
            let id = state.rooms.open_direct(&person, &other);
            state
                .rooms
                .view_for(&id, &person.id, &state.roster)
                .ok_or_else(|| chat_error(ChatErrorCode::RoomUnknown, ""))?
        };
        if room.last_seq == 0 {
            // the other member sees the room with its first message
            let pages = person_channel(&person.id);
            let here = self.0.io.in_(pages.as_str()).local();
            here.sockets_join(room_channel(&room.id).as_str());
            self.emit_to(&pages, &room);
        }
        Ok(room)
    }

    /// Stores a direct room before its first message, and shows it to both members.
    pub(super) async fn store_direct(&self, socket: &Socket, room: SavedRoom) -> Result<(), ChatError> {
        let max = self.0.limits.max_rooms.saturating_mul(DIRECT_ROOMS_PER_OPEN_ROOM);
        let full = self.state().rooms.is_full_of_direct(max);
        if full && !self.evict_idle_room(RoomKind::Direct).await {
            return Err(chat_error(ChatErrorCode::Unavailable, ""));
        }
        self.charge(socket, Cost::Direct)?;
        let id = room.id.clone();
        let saved = self.0.history.save_room(room.clone()).await;
        saved.map_err(|error| store_refusal(&error))?;
        let added = self.state().rooms.insert(room, "")?;
        if added {
            self.join_members(&id);
            self.send_room_update(&id);
        }
        Ok(())
    }

    /// Removes the room of a kind with the oldest last message, if it is idle for long enough; returns whether one was
    /// removed.
    async fn evict_idle_room(&self, kind: RoomKind) -> bool {
        let days = u64::from(self.0.limits.idle_room_days);
        if days == 0 {
            return false;
        }
        let before = history::now().saturating_sub(days * 86_400_000);
        let idlest = {
            let state = self.state();
            state.rooms.idlest(kind, before, &state.roster)
        };
        let Some(id) = idlest else { return false };
        let removed = self.remove_room(&id, false).await;
        tracing::info!(
            room = id,
            ?removed,
            "room removed: the limit of rooms is reached, and this one was idle for longest"
        );
        removed == Ok(true)
    }

    /// Adds the pages of a direct room's members to its Socket.IO room, on this node.
    pub(super) fn join_members(&self, id: &str) {
        let members = self.state().rooms.members(id);
        for member in members {
            let pages = self.0.io.in_(person_channel(&member.id).as_str()).local();
            pages.sockets_join(room_channel(id).as_str());
        }
    }

    /// Applies a room that a node has created or changed.
    pub(super) fn apply_room(&self, room: SavedRoom) {
        let id = room.id.clone();
        let new = self.state().rooms.apply(room, self.0.limits.name_chars);
        if new {
            self.join_members(&id);
            self.send_room_update(&id);
        }
    }

    /// Removes a room with its messages, or only if it has none; returns whether it was removed. The lobby cannot be
    /// removed.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn remove_room(&self, id: &str, only_empty: bool) -> Result<bool, StoreError> {
        if id == LOBBY {
            return Ok(false);
        }
        let key = self.state().rooms.key(id, self.0.limits.name_chars);
        let removed = self.0.history.remove_room(id, &key, only_empty).await?;
        if removed {
            self.close_room(id, None).await;
        }
        Ok(removed)
    }

    /// Moves the messages of an open room to the end of another one or of the lobby, and removes the first one.
    ///
    /// # Errors
    /// [`StoreError::RoomUnknown`] when one of them is no such room, or when the store fails.
    pub async fn merge_rooms(&self, from: &str, into: &str) -> Result<(), StoreError> {
        let key = {
            let state = self.state();
            let is_open = |id: &str| {
                state
                    .rooms
                    .iter()
                    .any(|room| room.id == id && room.members.is_none())
            };
            if from == LOBBY || from == into || !is_open(from) || !is_open(into) {
                return Err(StoreError::RoomUnknown);
            }
            state.rooms.key(from, self.0.limits.name_chars)
        };
        self.0.history.merge_rooms(from, &key, into).await?;
        self.close_room(from, Some(into)).await;
        Ok(())
    }

    /// Forgets a removed room and notifies the pages that saw it; `into` is the room that has its messages now.
    pub(super) async fn close_room(&self, id: &str, into: Option<&str>) {
        let recipients = {
            let mut state = self.state();
            let people = state.rooms.members(id);
            let known = state.rooms.remove(id).is_some();
            state.roster.close_room(id);
            state.updated_rooms.remove(id);
            state.presence.close_room(id);
            known.then(|| {
                people
                    .iter()
                    .map(|person| person_channel(&person.id))
                    .collect::<Vec<_>>()
            })
        };
        if let Some(recipients) = recipients {
            self.0
                .io
                .in_(room_channel(id).as_str())
                .local()
                .sockets_leave(room_channels(id));
            let gone = RoomGone {
                id: id.to_owned(),
                into: into.map(str::to_owned),
            };
            if recipients.is_empty() {
                self.emit_to(PAGES, &gone);
            }
            for pages in recipients {
                self.emit_to(&pages, &gone);
            }
        }
        let Some(into) = into else { return };
        // another node may still be moving messages; the next message updates the room again
        match self.0.history.page(into, Range::Newest, 1).await {
            Ok(page) => {
                if let Some(last) = page.messages.last() {
                    self.state().rooms.note_message(last);
                    self.send_room_update(into);
                }
            }
            Err(error) => tracing::warn!(%error, room = into, "cannot read the newest message of a room"),
        }
    }
}

/// Task: removes open rooms that have no messages and stay without people for `timeout`, until the chat is dropped.
pub(super) async fn remove_empty(chat: Weak<Inner>, timeout: Duration) {
    let mut ticks = tokio::time::interval((timeout / 4).clamp(MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL));
    // since when each room has been empty
    let mut since: HashMap<String, Instant> = HashMap::new();
    loop {
        ticks.tick().await;
        let Some(chat) = chat.upgrade() else { return };
        let chat = Chat(chat);
        let empty: HashSet<String> = {
            let state = chat.state();
            state.rooms.empty(&state.roster).into_iter().collect()
        };
        let now = Instant::now();
        since.retain(|id, _| empty.contains(id));
        for id in empty {
            let at = *since.entry(id.clone()).or_insert(now);
            if now.saturating_duration_since(at) < timeout {
                continue;
            }
            since.remove(&id);
            match chat.remove_room(&id, true).await {
                Ok(removed) => tracing::debug!(room = id, removed, "removed a room without messages"),
                Err(error) => tracing::debug!(%error, room = id, "cannot remove an empty room"),
            }
        }
    }
}
