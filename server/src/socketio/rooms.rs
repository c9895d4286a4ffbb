//! Rooms: which sockets of this node are in which room. The recipients of a room are cached as a [`Group`] until its
//! membership changes.
//!
//! Generic over the socket, through [`RoomMember`].

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engineio::{Connection, EncodedMessage, Group};

/// One or more names of rooms.
///
/// ```
/// use pesan_server::socketio::{Io, Socket};
///
/// let io = Io::default();
/// io.on_connection(|socket: Socket| {
///     socket.join(["room-101", "room-102"]);
/// });
/// io.to("room-101").to(vec![String::from("room-102")]).emit("foo", "bar").expect("text can be sent");
/// ```
pub trait RoomNames {
    #[doc(hidden)]
    fn append_to(self, names: &mut Vec<Arc<str>>);

    #[doc(hidden)]
    fn names(self) -> Vec<Arc<str>>
    where
        Self: Sized,
    {
        let mut names = Vec::new();
        self.append_to(&mut names);
        names
    }
}

macro_rules! one_name {
    ($($kind:ty),*) => {$(
        impl RoomNames for $kind {
            fn append_to(self, names: &mut Vec<Arc<str>>) {
                names.push(Arc::from(self));
            }
        }
    )*};
}
one_name!(&str, String, Arc<str>);

impl RoomNames for &String {
    fn append_to(self, names: &mut Vec<Arc<str>>) {
        names.push(Arc::from(self.as_str()));
    }
}

impl<T: Into<Arc<str>>> RoomNames for Vec<T> {
    fn append_to(self, names: &mut Vec<Arc<str>>) {
        names.extend(self.into_iter().map(Into::into));
    }
}

impl<T: Into<Arc<str>>, const N: usize> RoomNames for [T; N] {
    fn append_to(self, names: &mut Vec<Arc<str>>) {
        names.extend(self.into_iter().map(Into::into));
    }
}

impl<T: Into<Arc<str>> + Clone> RoomNames for &[T] {
    fn append_to(self, names: &mut Vec<Arc<str>>) {
        names.extend(self.iter().cloned().map(Into::into));
    }
}

/// Recipients of an event: all sockets, or those in any of `rooms`; in both cases without those in any of `except`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Target {
    pub(super) rooms: Vec<Arc<str>>,
    pub(super) except: Vec<Arc<str>>,
}

/// Socket as the rooms see it.
pub(super) trait RoomMember: Clone + PartialEq {
    fn id(&self) -> &Arc<str>;

    fn connection(&self) -> &Connection;

    fn is_connected(&self) -> bool;

    /// Marks the socket as connected; returns the rooms that it joined before.
    fn begin(&self) -> Vec<Arc<str>>;
}

/// Sockets of a namespace on this node, and their rooms.
pub(super) struct Rooms<S>(Mutex<RoomsState<S>>);

struct RoomsState<S> {
    members: HashMap<Arc<str>, Member<S>>,
    rooms: HashMap<Arc<str>, Room>,
    all: Option<Arc<Group>>,
}

impl<S> Default for Rooms<S> {
    fn default() -> Self {
        Self(Mutex::new(RoomsState {
            members: HashMap::new(),
            rooms: HashMap::new(),
            all: None,
        }))
    }
}

struct Member<S> {
    socket: S,
    rooms: HashSet<Arc<str>>,
    /// Whether the socket is in the room of its own id. Such a room has no entry in the list of rooms.
    in_own_room: bool,
    /// Whether the socket is closed, but its `disconnecting` listeners were not called yet.
    leaving: bool,
}

impl<S> Member<S> {
    /// Socket, unless it is leaving.
    fn recipient(&self) -> Option<&S> {
        (!self.leaving).then_some(&self.socket)
    }
}

#[derive(Default)]
struct Room {
    members: HashSet<Arc<str>>,
    group: Option<Arc<Group>>,
}

/// Most exceptions that are skipped; with more, a group without them is built.
const MAX_SKIPPED: usize = 4;

/// Recipients of a broadcast.
pub(super) enum Recipients {
    /// All members of the group.
    All(Arc<Group>),
    /// All members but these.
    Except(Arc<Group>, Vec<Connection>),
}

/// Why a room could not be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinError {
    /// Socket is not in the namespace.
    Disconnected,
    /// Socket is in too many rooms.
    TooManyRooms,
}

impl<S: RoomMember> Rooms<S> {
    fn lock(&self) -> MutexGuard<'_, RoomsState<S>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a socket with its rooms, and sends the reply to its CONNECT, under one lock: nothing is sent to the socket before
    /// the reply, and the socket cannot leave before it is added.
    pub(super) fn insert(&self, socket: &S, reply: &EncodedMessage) {
        let mut state = self.lock();
        socket.connection().send(reply);
        let rooms = socket.begin();
        state.all = None;
        // An earlier socket of the same session.
        state.remove(socket.id());
        let member = Member {
            socket: socket.clone(),
            rooms: HashSet::new(),
            in_own_room: true,
            leaving: false,
        };
        state.members.insert(socket.id().clone(), member);
        for room in rooms {
            state
                .join(socket.id().clone(), room, usize::MAX)
                .unwrap_or_else(|error| {
                    unreachable!("the socket was inserted above, and there is no limit: {error:?}");
                });
        }
    }

    /// Marks a socket as leaving: it still counts in its rooms, but nothing is sent to it any more.
    pub(super) fn retire(&self, socket: &S) {
        let mut guard = self.lock();
        let state = &mut *guard;
        let Some(member) = state.members.get_mut(&**socket.id()) else {
            return;
        };
        if member.socket != *socket {
            return;
        }
        member.leaving = true;
        state.all = None;
        for room in &member.rooms {
            if let Some(room) = state.rooms.get_mut(room) {
                room.group = None;
            }
        }
    }

    /// Removes a socket.
    pub(super) fn remove(&self, socket: &S) {
        let mut state = self.lock();
        let id = socket.id();
        if state
            .members
            .get(id)
            .is_some_and(|member| member.socket == *socket)
        {
            state.remove(id);
        }
    }

    pub(super) fn join(&self, id: &Arc<str>, rooms: Vec<Arc<str>>, limit: usize) -> Result<(), JoinError> {
        let mut state = self.lock();
        rooms
            .into_iter()
            .try_for_each(|room| state.join(id.clone(), room, limit))
    }

    pub(super) fn leave(&self, id: &Arc<str>, room: &str) {
        let mut state = self.lock();
        let Some(member) = state.members.get_mut(id) else {
            return;
        };
        if *room == **id {
            member.in_own_room = false;
        }
        if member.rooms.remove(room) {
            state.leave_room(id, room, false);
        }
    }

    /// Whether a socket is in a room.
    pub(super) fn has(&self, id: &str, room: &str) -> bool {
        let state = self.lock();
        let member = state.members.get(id);
        member.is_some_and(|member| member.rooms.contains(room) || (member.in_own_room && room == id))
    }

    /// Rooms of a socket, that of its own id first.
    pub(super) fn of_socket(&self, socket: &S) -> Vec<Arc<str>> {
        let state = self.lock();
        let known = state.members.get_key_value(&**socket.id());
        let Some((id, member)) = known.filter(|(_, member)| member.socket == *socket) else {
            return Vec::new();
        };
        let own = member.in_own_room.then(|| id.clone());
        own.into_iter().chain(member.rooms.iter().cloned()).collect()
    }

    pub(super) fn socket(&self, id: &str) -> Option<S> {
        self.lock().members.get(id).map(|member| member.socket.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Names and sizes of the rooms, without those of the sockets' own ids.
    pub(super) fn sizes(&self) -> Vec<(Arc<str>, usize)> {
        let state = self.lock();
        state
            .rooms
            .iter()
            .map(|(name, room)| (name.clone(), room.members.len()))
            .collect()
    }

    /// Recipients of a broadcast; `None` if there are none.
    pub(super) fn recipients(&self, target: &Target) -> Option<Recipients> {
        let mut state = self.lock();
        let group = match target.rooms.as_slice() {
            [] => state.everyone(),
            [name] if !state.members.contains_key(name) => state.room(name),
            _ => return state.build_group(target),
        }?;
        if target.except.is_empty() {
            return Some(Recipients::All(group));
        }
        // A few exceptions, such as the sender, are skipped and need no group of their own.
        let mut except = Vec::new();
        for name in &target.except {
            match state.members.get(name) {
                Some(member) if member.leaving && !state.rooms.contains_key(name) => {}
                Some(member)
                    if member.in_own_room
                        && !state.rooms.contains_key(name)
                        && except.len() < MAX_SKIPPED =>
                {
                    except.push(member.socket.connection().clone());
                }
                None if !state.rooms.contains_key(name) => {}
                _ => return state.build_group(target),
            }
        }
        Some(Recipients::Except(group, except))
    }

    /// Sockets that match the target, each once.
    pub(super) fn select(&self, target: &Target) -> Vec<S> {
        self.lock().select(target).into_iter().cloned().collect()
    }
}

fn group<'s, S: RoomMember + 's>(sockets: impl IntoIterator<Item = &'s S>) -> Arc<Group> {
    Group::new(sockets.into_iter().map(|socket| socket.connection().clone()))
}

impl<S: RoomMember> RoomsState<S> {
    fn everyone(&mut self) -> Option<Arc<Group>> {
        if self.members.is_empty() {
            return None;
        }
        let members = &self.members;
        let all = self
            .all
            .get_or_insert_with(|| group(members.values().filter_map(Member::recipient)));
        Some(all.clone())
    }

    fn room(&mut self, name: &str) -> Option<Arc<Group>> {
        let members = &self.members;
        let Room {
            members: ids,
            group: cached,
        } = self.rooms.get_mut(name)?;
        let sockets = || {
            ids.iter()
                .filter_map(|id| members.get(id))
                .filter_map(Member::recipient)
        };
        Some(cached.get_or_insert_with(|| group(sockets())).clone())
    }

    fn join(&mut self, id: Arc<str>, room: Arc<str>, limit: usize) -> Result<(), JoinError> {
        let member = self.members.get_mut(&id).ok_or(JoinError::Disconnected)?;
        if room == id {
            member.in_own_room = true;
            return Ok(());
        }
        if member.rooms.contains(&room) {
            return Ok(());
        }
        if member.rooms.len() >= limit {
            return Err(JoinError::TooManyRooms);
        }
        // All members share one copy of the name.
        let name = self
            .rooms
            .get_key_value(&room)
            .map_or(room, |(name, _)| name.clone());
        member.rooms.insert(name.clone());
        let entry = self.rooms.entry(name).or_default();
        entry.members.insert(id);
        entry.group = None;
        Ok(())
    }

    /// Recipients of a target that has no cached group.
    fn build_group(&self, target: &Target) -> Option<Recipients> {
        let mut chosen = self.select(target);
        chosen.retain(|socket| socket.is_connected());
        (!chosen.is_empty()).then(|| Recipients::All(group(chosen)))
    }

    fn remove(&mut self, id: &str) {
        let Some((id, member)) = self.members.remove_entry(id) else {
            return;
        };
        // Groups were rebuilt without the socket when it began to leave.
        if !member.leaving {
            self.all = None;
        }
        for room in &member.rooms {
            self.leave_room(&id, room, member.leaving);
        }
    }

    fn leave_room(&mut self, id: &str, room: &str, leaving: bool) {
        if let Some(entry) = self.rooms.get_mut(room) {
            entry.members.remove(id);
            if !leaving {
                entry.group = None;
            }
            if entry.members.is_empty() {
                self.rooms.remove(room);
            }
        }
    }

    fn select(&self, target: &Target) -> Vec<&S> {
        let excepted = |member: &Member<S>| target.except.iter().any(|room| self.is_in(member, room));
        if target.rooms.is_empty() {
            let members = self.members.values().filter(|member| !excepted(member));
            return members.map(|member| &member.socket).collect();
        }
        let mut seen = HashSet::new();
        let mut chosen = Vec::new();
        for name in &target.rooms {
            let own = self
                .members
                .get_key_value(name)
                .filter(|(_, member)| member.in_own_room)
                .map(|(id, _)| id);
            let others = self.rooms.get(name).into_iter().flat_map(|room| &room.members);
            for id in own.into_iter().chain(others) {
                let Some(member) = self.members.get(id) else {
                    continue;
                };
                let fresh = target.rooms.len() == 1 || seen.insert(id);
                if fresh && !excepted(member) {
                    chosen.push(&member.socket);
                }
            }
        }
        chosen
    }

    fn is_in(&self, member: &Member<S>, room: &Arc<str>) -> bool {
        (member.in_own_room && **room == **member.socket.id()) || member.rooms.contains(room)
    }
}
