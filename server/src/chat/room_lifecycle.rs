//! Rooms come and go: created by a page, stored with the first direct message, removed, merged, or made way for others.

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

/// For each open room that there may be, so many between two people.
const DIRECT_ROOMS_PER_OPEN_ROOM: usize = 10;
/// How often one looks for empty rooms, at most and at least.
const MIN_CHECK_INTERVAL: Duration = Duration::from_millis(250);
const MAX_CHECK_INTERVAL: Duration = Duration::from_secs(60);

/// One room, as the operator sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoomInfo {
    /// Id.
    pub id: String,
    /// Name; empty for a direct room.
    pub name: String,
    /// How many people are in it.
    pub people: usize,
    /// Order number of the newest message.
    pub messages: u64,
    /// When it was said, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<u64>,
}

impl Chat {
    /// Every room.
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
        // two that are planned at once could get one id; where others write too, the store sees to that
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
        // stored first, so that no room is there that a restart takes away
        let stored = self.0.history.create_room(room.clone(), &key).await;
        let id = stored.map_err(|error| store_refusal(&error))?;
        room.id.clone_from(&id);
        let (added, seen) = {
            let mut state = self.state();
            // the store's own news may have been here before
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
            // the other one sees it with the first message
            let pages = person_channel(&person.id);
            let here = self.0.io.in_(pages.as_str()).local();
            here.sockets_join(room_channel(&room.id).as_str());
            self.emit_to(&pages, &room);
        }
        Ok(room)
    }

    /// Stores a direct room, now that something is said in it, and shows it to both.
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

    /// Removes the room of a kind that was not used for the longest time, if that is long enough; whether one went.
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
            "room removed: there are too many, and nothing was said in it"
        );
        removed == Ok(true)
    }

    /// Lets the two of a direct room into its Socket.IO room, on this node.
    pub(super) fn join_members(&self, id: &str) {
        let members = self.state().rooms.members(id);
        for member in members {
            let pages = self.0.io.in_(person_channel(&member.id).as_str()).local();
            pages.sockets_join(room_channel(id).as_str());
        }
    }

    /// Takes over a room that some node has made or changed.
    pub(super) fn apply_room(&self, room: SavedRoom) {
        let id = room.id.clone();
        let new = self.state().rooms.apply(room, self.0.limits.name_chars);
        if new {
            self.join_members(&id);
            self.send_room_update(&id);
        }
    }

    /// Removes a room with its messages, or only while it has none; whether it is gone now. The lobby stays.
    ///
    /// # Errors
    /// Why the store did not do it.
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
    /// [`StoreError::RoomUnknown`] when one of them is no such room, or why the store did not do it.
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

    /// A room is gone, and `into` has its messages: forgets it, and tells those who saw it.
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
        // where other nodes move the messages, this may come early; the next message brings the rest
        match self.0.history.page(into, Range::Newest, 1).await {
            Ok(page) => {
                if let Some(last) = page.messages.last() {
                    self.state().rooms.note_message(last);
                    self.send_room_update(into);
                }
            }
            Err(error) => tracing::warn!(%error, room = into, "the newest message of a room cannot be read"),
        }
    }
}

/// Removes open rooms in which nobody is and nothing was said for a time, as long as there is a chat.
pub(super) async fn remove_empty(chat: Weak<Inner>, timeout: Duration) {
    let mut ticks = tokio::time::interval((timeout / 4).clamp(MIN_CHECK_INTERVAL, MAX_CHECK_INTERVAL));
    // since when each room is empty
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
                Ok(removed) => tracing::debug!(room = id, removed, "nothing was said in a room"),
                Err(error) => tracing::debug!(%error, room = id, "an empty room stays"),
            }
        }
    }
}
