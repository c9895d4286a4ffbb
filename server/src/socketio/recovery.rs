//! Connection state recovery on one node: the events that a reconnecting client missed, and the saved sessions.
//!
//! Every event that can be replayed has an offset as its last argument, and is stored, encoded, until it is too old or
//! there are too many. A session is saved when its socket is disconnected for a recoverable reason. It can be resumed
//! once; a second client with the same session gets a new socket.

mod restore;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pesan::socketio::value::Value;
use tokio::time::Instant;

use super::config::Recovery;
use super::rooms::Target;
use crate::engineio::{EncodedMessage, random_id};

/// State of a socket that survives a disconnection.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct SavedSession {
    pub(super) sid: String,
    pub(super) pid: String,
    pub(super) rooms: Vec<String>,
    /// Events before these offsets are not replayed, whatever offset the client sends.
    pub(super) since: JoinOffsets,
    pub(super) data: Value,
}

/// Offsets at which a socket connected and joined its rooms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct JoinOffsets {
    pub(super) connected: Offset,
    /// Rooms joined after connecting.
    pub(super) rooms: HashMap<Box<str>, Offset>,
}

/// Offset of an event: in the order of this process, or in the log that all nodes share.
pub(super) type Offset = (u64, u64);

/// Session that is being resumed.
pub(super) struct RestoredSession {
    pub(super) session: SavedSession,
    /// Time since the disconnection, if this node knows it.
    pub(super) after: Option<Duration>,
    /// Offset of the last event that the client has received.
    offset: Offset,
}

/// Replayable events and saved sessions of a namespace. `S` is the state of a socket.
pub(super) struct ReplayBuffer<S> {
    config: Recovery,
    /// Distinguishes the offsets of this process from those of others; `None` if all nodes share a log.
    epoch: Option<String>,
    state: Mutex<ReplayState<S>>,
}

/// Content of a [`ReplayBuffer`], under its lock.
pub(super) struct ReplayState<S> {
    events: VecDeque<RecordedEvent>,
    bytes: usize,
    last: Offset,
    /// All events after this offset are stored, except those in `dropped`; `None` if no offset is known.
    floor: Option<Offset>,
    dropped: Dropped,
    /// Sockets by `pid`, until they have left their rooms.
    connected: HashMap<Box<str>, ConnectedSocket<S>>,
    /// Saved sessions by `pid`, with the time of their disconnection.
    sessions: HashMap<String, (SavedSession, Instant)>,
    /// Saved sessions in the order of their disconnection, in which they also expire.
    expiry: VecDeque<(Instant, String)>,
}

struct ConnectedSocket<S> {
    socket: Weak<S>,
    since: JoinOffsets,
}

struct RecordedEvent {
    offset: Offset,
    at: Instant,
    target: Target,
    message: EncodedMessage,
}

/// For each target, the offset of its last event that is no longer stored. Clients of a quiet room can therefore still
/// recover when events of a busy room were dropped.
#[derive(Default)]
struct Dropped {
    targets: BTreeMap<Offset, Target>,
    offsets: HashMap<Target, Offset>,
}

impl Dropped {
    fn insert(&mut self, offset: Offset, target: Target) {
        if let Some(earlier) = self.offsets.insert(target.clone(), offset) {
            self.targets.remove(&earlier);
        }
        self.targets.insert(offset, target);
    }

    /// Removes the oldest target if there are more than `max`; returns its offset.
    fn forget_oldest(&mut self, max: usize) -> Option<Offset> {
        if self.targets.len() <= max {
            return None;
        }
        let (offset, target) = self.targets.pop_first()?;
        self.offsets.remove(&target);
        Some(offset)
    }

    /// Whether an event after `offset` is missing for the client of this session.
    fn affects(&self, offset: Offset, session: &SavedSession) -> bool {
        let after = (Bound::Excluded(offset), Bound::Unbounded);
        self.targets
            .range(after)
            .any(|(offset, target)| is_recipient(target, *offset, session))
    }
}

/// Whether an event to `target` at `offset` was sent to the client of this session.
fn is_recipient(Target { rooms, except }: &Target, offset: Offset, session: &SavedSession) -> bool {
    let is_in = |room: &Arc<str>| session.rooms.iter().any(|known| **known == **room);
    let was_in = |room: &Arc<str>| {
        let since = session
            .since
            .rooms
            .get(&**room)
            .unwrap_or(&session.since.connected);
        is_in(room) && *since < offset
    };
    session.since.connected < offset
        && (rooms.is_empty() || rooms.iter().any(was_in))
        && !except.iter().any(is_in)
}

impl<S> ReplayBuffer<S> {
    /// Buffer of this node alone, or this node's copy of the log that all nodes share (`shared`).
    pub(super) fn new(config: Recovery, shared: bool) -> Self {
        let state = ReplayState {
            events: VecDeque::new(),
            bytes: 0,
            last: (0, 0),
            floor: (!shared).then_some((0, 0)),
            dropped: Dropped::default(),
            connected: HashMap::new(),
            sessions: HashMap::new(),
            expiry: VecDeque::new(),
        };
        Self {
            config,
            epoch: (!shared).then(random_id),
            state: Mutex::new(state),
        }
    }

    pub(super) fn config(&self) -> &Recovery {
        &self.config
    }

    /// Locks the buffer. Events are sent under the lock, so that they are stored in the order in which they are sent.
    pub(super) fn lock(&self) -> MutexGuard<'_, ReplayState<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Offset of the next event, for a buffer that is not shared.
    pub(super) fn next_offset(replay: &ReplayState<S>) -> Offset {
        (0, replay.last.1 + 1)
    }

    /// Encodes an offset for clients.
    pub(super) fn encode_offset(&self, offset: Offset) -> String {
        match &self.epoch {
            Some(epoch) => format!("{epoch}.{}", offset.1),
            None => format!("{}-{}", offset.0, offset.1),
        }
    }

    fn decode_offset(&self, offset: &str) -> Option<Offset> {
        match &self.epoch {
            Some(epoch) => Some((0, offset.strip_prefix(epoch)?.strip_prefix('.')?.parse().ok()?)),
            None => {
                let (millis, number) = offset.split_once('-')?;
                Some((millis.parse().ok()?, number.parse().ok()?))
            }
        }
    }

    /// Offset for an event that is not stored: that of the last stored one, as clients take the last argument of any event
    /// for an offset if it is text.
    pub(super) fn last_offset(&self, replay: &ReplayState<S>) -> String {
        self.encode_offset(replay.last)
    }

    /// Stores an event, and drops events over the limits or older than `max_age`.
    pub(super) fn push(
        &self,
        replay: &mut ReplayState<S>,
        offset: Offset,
        target: &Target,
        message: EncodedMessage,
        max_age: Duration,
    ) {
        let now = Instant::now();
        replay.bytes += message.len();
        replay.last = offset;
        replay.floor.get_or_insert(offset);
        replay.events.push_back(RecordedEvent {
            offset,
            at: now,
            target: target.clone(),
            message,
        });
        while let Some(first) = replay.events.front() {
            let old = now.duration_since(first.at) > max_age;
            if !old && replay.events.len() <= self.config.max_packets && replay.bytes <= self.config.max_bytes
            {
                break;
            }
            let Some(first) = replay.events.pop_front() else {
                break;
            };
            replay.bytes -= first.message.len();
            replay.dropped.insert(first.offset, first.target);
            if let Some(offset) = replay.dropped.forget_oldest(self.config.max_packets) {
                replay.floor = replay.floor.max(Some(offset));
            }
        }
    }

    /// Adds a connected socket. `rooms`: those it is in.
    pub(super) fn add_connected(
        replay: &mut ReplayState<S>,
        pid: &str,
        socket: Weak<S>,
        rooms: impl FnOnce() -> Vec<Arc<str>>,
        restored: Option<&RestoredSession>,
    ) {
        let mut since = JoinOffsets {
            connected: replay.last,
            rooms: HashMap::new(),
        };
        if let Some(RestoredSession { session, .. }) = restored {
            since = session.since.clone();
            let is_new = |room: &Arc<str>| session.rooms.iter().all(|known| **known != **room);
            let joined = rooms().into_iter().filter(is_new);
            since
                .rooms
                .extend(joined.map(|room| (Box::from(&*room), replay.last)));
        }
        replay
            .connected
            .insert(pid.into(), ConnectedSocket { socket, since });
    }

    /// Notes that a socket joins a room now.
    pub(super) fn note_room(replay: &mut ReplayState<S>, pid: &str, room: &str) {
        let offset = replay.last;
        if let Some(connected) = replay.connected.get_mut(pid) {
            connected.since.rooms.insert(room.into(), offset);
        }
    }

    /// Offsets at which a socket connected and joined its rooms.
    pub(super) fn join_offsets(&self, pid: &str) -> JoinOffsets {
        let replay = self.lock();
        let connected = replay.connected.get(pid);
        connected
            .map(|connected| connected.since.clone())
            .unwrap_or_default()
    }

    /// Removes a socket that has left its rooms.
    pub(super) fn remove_connected(&self, pid: &str, socket: &Weak<S>) {
        let mut replay = self.lock();
        if replay
            .connected
            .get(pid)
            .is_some_and(|known| known.socket.ptr_eq(socket))
        {
            replay.connected.remove(pid);
        }
    }

    /// Socket of this session that is on this node.
    pub(super) fn connected(&self, pid: &str) -> Option<Arc<S>> {
        self.lock().connected.get(pid)?.socket.upgrade()
    }

    /// Drops all events: some of the shared log were missed, and no client may resume over the gap.
    pub(super) fn clear_events(&self) {
        let mut replay = self.lock();
        replay.events.clear();
        replay.dropped = Dropped::default();
        replay.bytes = 0;
        replay.floor = None;
    }

    /// Saves a session. Returns when it expires if no expiry timer is running.
    pub(super) fn save(&self, session: SavedSession) -> Option<Instant> {
        let mut replay = self.lock();
        let now = Instant::now();
        let is_first = replay.expiry.is_empty();
        replay.expiry.push_back((now, session.pid.clone()));
        replay.sessions.insert(session.pid.clone(), (session, now));
        while replay.sessions.len() > self.config.max_sessions {
            match replay.expiry.pop_front() {
                Some((at, pid)) => replay.remove(&pid, at),
                None => break,
            };
        }
        is_first.then(|| now + self.config.max_disconnection_duration)
    }

    /// Updates a saved session, if it is still stored.
    pub(super) fn update(&self, session: SavedSession) {
        if let Some((saved, _)) = self.lock().sessions.get_mut(&session.pid) {
            *saved = session;
        }
    }

    /// Removes expired sessions; returns them, and when the next one expires.
    pub(super) fn expire(&self) -> (Vec<SavedSession>, Option<Instant>) {
        let mut replay = self.lock();
        let now = Instant::now();
        let mut expired = Vec::new();
        while let Some((at, pid)) = replay.expiry.front().cloned() {
            let due = at + self.config.max_disconnection_duration;
            if due > now && replay.sessions.get(&pid).is_some_and(|(_, since)| *since == at) {
                return (expired, Some(due));
            }
            replay.expiry.pop_front();
            expired.extend(replay.remove(&pid, at));
        }
        (expired, None)
    }

    /// Whether no session is saved.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().sessions.is_empty()
    }

    /// Takes a saved session out.
    pub(super) fn take(&self, pid: &str) -> Option<(SavedSession, Duration)> {
        let (session, since) = self.lock().sessions.remove(pid)?;
        let after = since.elapsed();
        (after <= self.config.max_disconnection_duration).then_some((session, after))
    }

    /// Removes a session that was resumed on another node.
    pub(super) fn forget(&self, pid: &str) {
        self.lock().sessions.remove(pid);
    }

    /// Whether this node has read the shared log up to `offset`.
    pub(super) fn has_reached(&self, offset: &str) -> bool {
        self.decode_offset(offset)
            .is_none_or(|offset| offset <= self.lock().last)
    }

    /// Resumes a session, if all events that its client missed are stored.
    pub(super) fn resume(
        &self,
        session: SavedSession,
        after: Option<Duration>,
        offset: &str,
    ) -> Option<RestoredSession> {
        let offset = self.decode_offset(offset)?;
        let replay = self.lock();
        let known = replay.floor.is_some_and(|floor| floor <= offset)
            && offset <= replay.last
            && !replay.dropped.affects(offset, &session);
        known.then_some(RestoredSession {
            session,
            after,
            offset,
        })
    }

    /// Events that a reconnecting client missed, in order.
    pub(super) fn missed<'r>(
        replay: &'r ReplayState<S>,
        restored: &'r RestoredSession,
    ) -> impl Iterator<Item = &'r EncodedMessage> {
        replay
            .events
            .iter()
            .filter(move |event| event.offset > restored.offset)
            .filter(move |event| is_recipient(&event.target, event.offset, &restored.session))
            .map(|event| &event.message)
    }
}

impl<S> ReplayState<S> {
    /// Removes a saved session, unless it was saved again later.
    fn remove(&mut self, pid: &str, at: Instant) -> Option<SavedSession> {
        let (_, since) = self.sessions.get(pid)?;
        if *since != at {
            return None;
        }
        self.sessions.remove(pid).map(|(session, _)| session)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn room(name: &str) -> Target {
        Target {
            rooms: vec![name.into()],
            except: Vec::new(),
        }
    }

    #[test]
    fn dropped_event_affects_only_clients_that_missed_it() {
        let mut dropped = Dropped::default();
        dropped.insert((0, 1), room("quiet"));
        for number in 2..1000 {
            dropped.insert((0, number), room("busy"));
        }
        assert_eq!(dropped.targets.len(), 2);
        let in_room = |name: &str| SavedSession {
            sid: String::new(),
            pid: String::new(),
            rooms: vec![name.to_owned()],
            since: JoinOffsets::default(),
            data: Value::Null,
        };
        assert!(!dropped.affects((0, 1), &in_room("quiet")));
        assert!(dropped.affects((0, 0), &in_room("quiet")));
        assert!(dropped.affects((0, 998), &in_room("busy")));
        assert!(!dropped.affects((0, 999), &in_room("busy")));
        let everyone_else = Target {
            rooms: Vec::new(),
            except: vec!["busy".into()],
        };
        dropped.insert((0, 1000), everyone_else);
        assert!(!dropped.affects((0, 999), &in_room("busy")));
        assert!(dropped.affects((0, 999), &in_room("quiet")));
        let mut late = in_room("quiet");
        late.since.connected = (0, 1000);
        assert!(
            !dropped.affects((0, 0), &late),
            "connected after the dropped events"
        );
    }

    #[test]
    fn dropped_targets_over_the_limit_lose_the_oldest() {
        let mut dropped = Dropped::default();
        dropped.insert((0, 1), room("a"));
        dropped.insert((0, 2), room("b"));
        dropped.insert((0, 3), room("a"));
        assert_eq!(dropped.forget_oldest(2), None);
        assert_eq!(dropped.forget_oldest(1), Some((0, 2)));
        assert_eq!(dropped.offsets, HashMap::from([(room("a"), (0, 3))]));
    }
}
