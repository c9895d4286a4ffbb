//! Who is in which room, on this node. Receivers of a room are cached as a [`Group`] until its membership changes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::engineio::EncodedMessage;

use super::socket::Socket;
use crate::engineio::{Connection, Group};

/// One name of a room, or several.
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

/// Who is meant: everyone, or those in any of `rooms`; in either case without those in any of `except`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Target {
    pub(super) rooms: Vec<Arc<str>>,
    pub(super) except: Vec<Arc<str>>,
}

/// Sockets of a namespace on this node, and their rooms.
#[derive(Default)]
pub(super) struct Rooms(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    members: HashMap<Arc<str>, Member>,
    rooms: HashMap<Arc<str>, Room>,
    all: Option<Arc<Group>>,
}

struct Member {
    socket: Socket,
    rooms: HashSet<Arc<str>>,
    /// Every socket is in the room of its own id, unless it left it; that room has no entry of its own.
    own: bool,
    /// It left, and `disconnecting` is not told yet.
    leaving: bool,
}

impl Member {
    /// Its socket, if anything is sent to it.
    fn receiver(&self) -> Option<&Socket> {
        (!self.leaving).then_some(&self.socket)
    }
}

#[derive(Default)]
struct Room {
    members: HashSet<Arc<str>>,
    group: Option<Arc<Group>>,
}

/// Exceptions that are cheaper to skip than to leave out of a group.
const FEW: usize = 4;

/// Who gets a broadcast.
pub(super) enum Receivers {
    /// The whole group.
    All(Arc<Group>),
    /// The group but for these.
    Except(Arc<Group>, Vec<Connection>),
}

/// Room that could not be joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JoinError {
    /// Socket is not in the namespace (any more).
    Gone,
    /// Socket is in too many rooms.
    TooMany,
}

impl Rooms {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a socket with its rooms, and sends it the reply to its CONNECT: whoever knows of the reply finds it here, and
    /// nothing is sent to it before. Nor can it leave before it is here.
    pub(super) fn insert(&self, socket: &Socket, reply: &EncodedMessage) {
        let mut inner = self.lock();
        socket.connection().send(reply);
        let rooms = socket.begin();
        inner.all = None;
        // what is left of an earlier socket of the same session
        inner.remove(socket.id());
        let member = Member {
            socket: socket.clone(),
            rooms: HashSet::new(),
            own: true,
            leaving: false,
        };
        inner.members.insert(socket.shared_id(), member);
        for room in rooms {
            inner
                .join(socket.shared_id(), room, usize::MAX)
                .unwrap_or_else(|error| {
                    unreachable!("the socket was just inserted, and there is no limit: {error:?}");
                });
        }
    }

    /// A socket is about to go: it still counts in its rooms, but nothing is sent to it any more.
    pub(super) fn retire(&self, socket: &Socket) {
        let mut guard = self.lock();
        let inner = &mut *guard;
        let Some(member) = inner.members.get_mut(socket.id()) else {
            return;
        };
        if member.socket != *socket {
            return;
        }
        member.leaving = true;
        inner.all = None;
        for room in &member.rooms {
            if let Some(room) = inner.rooms.get_mut(room) {
                room.group = None;
            }
        }
    }

    /// Takes a socket away.
    pub(super) fn remove(&self, socket: &Socket) {
        let mut inner = self.lock();
        let id = socket.id();
        if inner
            .members
            .get(id)
            .is_some_and(|member| member.socket == *socket)
        {
            inner.remove(id);
        }
    }

    pub(super) fn join(&self, id: &Arc<str>, rooms: Vec<Arc<str>>, limit: usize) -> Result<(), JoinError> {
        let mut inner = self.lock();
        rooms
            .into_iter()
            .try_for_each(|room| inner.join(id.clone(), room, limit))
    }

    pub(super) fn leave(&self, id: &Arc<str>, room: &str) {
        let mut inner = self.lock();
        let Some(member) = inner.members.get_mut(id) else {
            return;
        };
        if *room == **id {
            member.own = false;
        }
        if member.rooms.remove(room) {
            inner.forget(id, room, false);
        }
    }

    /// Whether a socket is in a room.
    pub(super) fn has(&self, id: &str, room: &str) -> bool {
        let inner = self.lock();
        let member = inner.members.get(id);
        member.is_some_and(|member| member.rooms.contains(room) || (member.own && room == id))
    }

    /// Rooms of a socket, its own first.
    pub(super) fn of_socket(&self, socket: &Socket) -> Vec<Arc<str>> {
        let inner = self.lock();
        let known = inner.members.get_key_value(socket.id());
        let Some((id, member)) = known.filter(|(_, member)| member.socket == *socket) else {
            return Vec::new();
        };
        let own = member.own.then(|| id.clone());
        own.into_iter().chain(member.rooms.iter().cloned()).collect()
    }

    pub(super) fn socket(&self, id: &str) -> Option<Socket> {
        self.lock().members.get(id).map(|member| member.socket.clone())
    }

    pub(super) fn len(&self) -> usize {
        self.lock().members.len()
    }

    /// Names of the rooms with someone in them, those of the sockets' own ids not counted, and how many are there.
    pub(super) fn sizes(&self) -> Vec<(Arc<str>, usize)> {
        let inner = self.lock();
        inner
            .rooms
            .iter()
            .map(|(name, room)| (name.clone(), room.members.len()))
            .collect()
    }

    /// Receivers of a broadcast; `None` when there are none.
    pub(super) fn receivers(&self, target: &Target) -> Option<Receivers> {
        let mut inner = self.lock();
        let group = match target.rooms.as_slice() {
            [] => inner.everyone(),
            [name] if !inner.members.contains_key(name) => inner.room(name),
            _ => return inner.chosen(target),
        }?;
        if target.except.is_empty() {
            return Some(Receivers::All(group));
        }
        // A few sockets that are left out, the sender above all, need no group of their own.
        let mut except = Vec::new();
        for name in &target.except {
            match inner.members.get(name) {
                Some(member) if member.leaving && !inner.rooms.contains_key(name) => {}
                Some(member) if member.own && !inner.rooms.contains_key(name) && except.len() < FEW => {
                    except.push(member.socket.connection().clone());
                }
                None if !inner.rooms.contains_key(name) => {}
                _ => return inner.chosen(target),
            }
        }
        Some(Receivers::Except(group, except))
    }

    /// Sockets that are meant, each once.
    pub(super) fn select(&self, target: &Target) -> Vec<Socket> {
        self.lock().select(target).into_iter().cloned().collect()
    }
}

fn group<'s>(sockets: impl IntoIterator<Item = &'s Socket>) -> Arc<Group> {
    Group::new(sockets.into_iter().map(|socket| socket.connection().clone()))
}

impl Inner {
    fn everyone(&mut self) -> Option<Arc<Group>> {
        if self.members.is_empty() {
            return None;
        }
        let members = &self.members;
        let all = self
            .all
            .get_or_insert_with(|| group(members.values().filter_map(Member::receiver)));
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
                .filter_map(Member::receiver)
        };
        Some(cached.get_or_insert_with(|| group(sockets())).clone())
    }

    fn join(&mut self, id: Arc<str>, room: Arc<str>, limit: usize) -> Result<(), JoinError> {
        let member = self.members.get_mut(&id).ok_or(JoinError::Gone)?;
        if room == id {
            member.own = true;
            return Ok(());
        }
        if member.rooms.contains(&room) {
            return Ok(());
        }
        if member.rooms.len() >= limit {
            return Err(JoinError::TooMany);
        }
        // One copy of the name for all that are in the room.
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

    /// Receivers that no group is kept for.
    fn chosen(&self, target: &Target) -> Option<Receivers> {
        let mut chosen = self.select(target);
        chosen.retain(|socket| socket.connected());
        (!chosen.is_empty()).then(|| Receivers::All(group(chosen)))
    }

    fn remove(&mut self, id: &str) {
        let Some((id, member)) = self.members.remove_entry(id) else {
            return;
        };
        // groups have left it out since it began to leave
        if !member.leaving {
            self.all = None;
        }
        for room in &member.rooms {
            self.forget(&id, room, member.leaving);
        }
    }

    fn forget(&mut self, id: &str, room: &str, leaving: bool) {
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

    fn select(&self, target: &Target) -> Vec<&Socket> {
        let excepted = |member: &Member| target.except.iter().any(|room| self.is_in(member, room));
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
                .filter(|(_, member)| member.own)
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

    fn is_in(&self, member: &Member, room: &Arc<str>) -> bool {
        (member.own && **room == *member.socket.id()) || member.rooms.contains(room)
    }
}
