//! Connection state recovery on one node: what was sent, and who may take up where they left off.
//!
//! Every event that can be recovered gets an offset as its last argument, and is kept, framed, until it is too old or
//! there are too many. A session is kept when its socket goes for a reason that allows a return. It is taken up at
//! most once: whoever comes second gets a fresh socket.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use pesan::socketio::value::Value;
use tokio::time::Instant;

use super::config::Recovery;
use super::rooms::Target;
use super::socket::{Socket, SocketInner};
use crate::engineio::{EncodedMessage, random_id};

/// What a socket takes with it over an absence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub(super) sid: String,
    pub(super) pid: String,
    pub(super) rooms: Vec<String>,
    /// What was sent before is none of its business, whatever offset its client names.
    pub(super) since: Since,
    pub(super) data: Value,
}

/// Places in the log at which a socket came in and joined its rooms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Since {
    pub(super) connected: Place,
    /// Rooms that it joined later.
    pub(super) rooms: HashMap<Box<str>, Place>,
}

/// Place of an event: in this process's own order, or in the log that all nodes share.
pub(super) type Place = (u64, u64);

/// A session that is taken up.
pub(super) struct Restored {
    pub(super) session: Session,
    /// How long its client was away, if the node that it was on could say.
    pub(super) after: Option<Duration>,
    /// Last event that the client has.
    offset: Place,
}

/// Events and sessions of a namespace.
pub(super) struct Log {
    config: Recovery,
    /// Tells this process's offsets from those of another; `None` when all nodes share a log.
    epoch: Option<String>,
    inner: Mutex<Kept>,
}

/// What a log holds, locked.
#[derive(Default)]
pub(super) struct Kept {
    events: VecDeque<Event>,
    bytes: usize,
    last: Place,
    /// Everything after this place is kept, but for what `dropped` says; `None` when nothing is known.
    floor: Option<Place>,
    dropped: Dropped,
    /// Sockets by the secrets of their sessions, until they are out of their rooms.
    live: HashMap<Box<str>, Live>,
    sessions: HashMap<String, (Session, Instant)>,
    /// Sessions in the order in which they began to wait, which is the order in which they expire.
    waiting: VecDeque<(Instant, String)>,
}

struct Live {
    socket: Weak<SocketInner>,
    since: Since,
}

struct Event {
    place: Place,
    at: Instant,
    target: Target,
    outgoing: EncodedMessage,
}

/// Who missed what is not kept any more: for each target the last event that was dropped. A quiet room does not suffer from
/// a busy one beside it.
#[derive(Default)]
struct Dropped {
    targets: BTreeMap<Place, Target>,
    places: HashMap<Target, Place>,
}

impl Dropped {
    fn insert(&mut self, place: Place, target: Target) {
        if let Some(earlier) = self.places.insert(target.clone(), place) {
            self.targets.remove(&earlier);
        }
        self.targets.insert(place, target);
    }

    /// Forgets the oldest target if there are more than `most`; gives its place.
    fn forget_oldest(&mut self, most: usize) -> Option<Place> {
        if self.targets.len() <= most {
            return None;
        }
        let (place, target) = self.targets.pop_first()?;
        self.places.remove(&target);
        Some(place)
    }

    /// Whether something after `offset` is missing for the client of this session.
    fn concerns(&self, offset: Place, session: &Session) -> bool {
        let after = (Bound::Excluded(offset), Bound::Unbounded);
        self.targets
            .range(after)
            .any(|(place, target)| is_meant(target, *place, session))
    }
}

/// Whether the client of this session gets what was sent to `target` at `place`.
fn is_meant(Target { rooms, except }: &Target, place: Place, session: &Session) -> bool {
    let is_in = |room: &Arc<str>| session.rooms.iter().any(|known| **known == **room);
    let was_in = |room: &Arc<str>| {
        let since = session
            .since
            .rooms
            .get(&**room)
            .unwrap_or(&session.since.connected);
        is_in(room) && *since < place
    };
    session.since.connected < place
        && (rooms.is_empty() || rooms.iter().any(was_in))
        && !except.iter().any(is_in)
}

impl Log {
    /// Log of this node alone, or this node's copy of the one that all nodes share.
    pub(super) fn new(config: Recovery, shared: bool) -> Self {
        let kept = Kept {
            floor: (!shared).then_some((0, 0)),
            ..Kept::default()
        };
        Self {
            config,
            epoch: (!shared).then(random_id),
            inner: Mutex::new(kept),
        }
    }

    pub(super) fn config(&self) -> &Recovery {
        &self.config
    }

    /// Holds the log: the order in which events are kept is that in which they are sent.
    pub(super) fn lock(&self) -> MutexGuard<'_, Kept> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Place of the next event of this node alone.
    pub(super) fn next(kept: &Kept) -> Place {
        (0, kept.last.1 + 1)
    }

    /// Place as clients give it back.
    pub(super) fn offset(&self, place: Place) -> String {
        match &self.epoch {
            Some(epoch) => format!("{epoch}.{}", place.1),
            None => format!("{}-{}", place.0, place.1),
        }
    }

    fn place(&self, offset: &str) -> Option<Place> {
        match &self.epoch {
            Some(epoch) => Some((0, offset.strip_prefix(epoch)?.strip_prefix('.')?.parse().ok()?)),
            None => {
                let (millis, number) = offset.split_once('-')?;
                Some((millis.parse().ok()?, number.parse().ok()?))
            }
        }
    }

    /// Offset of an event that is not kept: that of the last one that is, as clients take whatever text comes last for one.
    pub(super) fn last_offset(&self, kept: &Kept) -> String {
        self.offset(kept.last)
    }

    /// Keeps an event, and forgets what is too much or older than `life`.
    pub(super) fn push(
        &self,
        kept: &mut Kept,
        place: Place,
        target: &Target,
        outgoing: EncodedMessage,
        life: Duration,
    ) {
        let now = Instant::now();
        kept.bytes += outgoing.len();
        kept.last = place;
        kept.floor.get_or_insert(place);
        kept.events.push_back(Event {
            place,
            at: now,
            target: target.clone(),
            outgoing,
        });
        while let Some(first) = kept.events.front() {
            let old = now.duration_since(first.at) > life;
            if !old && kept.events.len() <= self.config.max_packets && kept.bytes <= self.config.max_bytes {
                break;
            }
            let Some(first) = kept.events.pop_front() else {
                break;
            };
            kept.bytes -= first.outgoing.len();
            kept.dropped.insert(first.place, first.target);
            if let Some(place) = kept.dropped.forget_oldest(self.config.max_packets) {
                kept.floor = kept.floor.max(Some(place));
            }
        }
    }

    /// Notes a socket that is connected.
    pub(super) fn note(kept: &mut Kept, socket: &Socket, restored: Option<&Restored>) {
        let Some(pid) = socket.pid() else { return };
        let mut since = Since {
            connected: kept.last,
            rooms: HashMap::new(),
        };
        if let Some(Restored { session, .. }) = restored {
            since = session.since.clone();
            let is_new = |room: &Arc<str>| session.rooms.iter().all(|known| **known != **room);
            let joined = socket.rooms().into_iter().filter(is_new);
            since
                .rooms
                .extend(joined.map(|room| (Box::from(&*room), kept.last)));
        }
        let socket = socket.downgrade();
        kept.live.insert(pid.into(), Live { socket, since });
    }

    /// A socket joins a room now.
    pub(super) fn note_room(kept: &mut Kept, pid: &str, room: &str) {
        let place = kept.last;
        if let Some(live) = kept.live.get_mut(pid) {
            live.since.rooms.insert(room.into(), place);
        }
    }

    /// When a socket came in and joined its rooms.
    pub(super) fn since(&self, socket: &Socket) -> Since {
        let kept = self.lock();
        let live = socket.pid().and_then(|pid| kept.live.get(pid));
        live.map(|live| live.since.clone()).unwrap_or_default()
    }

    /// A socket is out of its rooms.
    pub(super) fn forget_live(&self, socket: &Socket) {
        let Some(pid) = socket.pid() else { return };
        let mut kept = self.lock();
        if kept
            .live
            .get(pid)
            .is_some_and(|known| known.socket.ptr_eq(&socket.downgrade()))
        {
            kept.live.remove(pid);
        }
    }

    /// Socket of this session that is still connected here.
    pub(super) fn live(&self, pid: &str) -> Option<Socket> {
        let socket = Socket::upgrade(&self.lock().live.get(pid)?.socket)?;
        socket.connected().then_some(socket)
    }

    /// Forgets all events: some were missed, and nobody may go on over a gap.
    pub(super) fn forget_events(&self) {
        let mut kept = self.lock();
        kept.events.clear();
        kept.dropped = Dropped::default();
        kept.bytes = 0;
        kept.floor = None;
    }

    /// Keeps a session; says when the first one expires if nobody looks after that yet.
    pub(super) fn save(&self, session: Session) -> Option<Instant> {
        let mut kept = self.lock();
        let now = Instant::now();
        let alone = kept.waiting.is_empty();
        kept.waiting.push_back((now, session.pid.clone()));
        kept.sessions.insert(session.pid.clone(), (session, now));
        while kept.sessions.len() > self.config.max_sessions {
            match kept.waiting.pop_front() {
                Some((at, pid)) => kept.remove(&pid, at),
                None => break,
            };
        }
        alone.then(|| now + self.config.max_disconnection_duration)
    }

    /// What a session became after its client left, if it is still kept.
    pub(super) fn update(&self, session: Session) {
        if let Some((kept, _)) = self.lock().sessions.get_mut(&session.pid) {
            *kept = session;
        }
    }

    /// Sessions whose time is over, and when the next one's is.
    pub(super) fn expire(&self) -> (Vec<Session>, Option<Instant>) {
        let mut kept = self.lock();
        let now = Instant::now();
        let mut expired = Vec::new();
        while let Some((at, pid)) = kept.waiting.front().cloned() {
            let due = at + self.config.max_disconnection_duration;
            if due > now && kept.sessions.get(&pid).is_some_and(|(_, since)| *since == at) {
                return (expired, Some(due));
            }
            kept.waiting.pop_front();
            expired.extend(kept.remove(&pid, at));
        }
        (expired, None)
    }

    /// Whether nobody's session is kept.
    pub(super) fn is_empty(&self) -> bool {
        self.lock().sessions.is_empty()
    }

    /// Takes a session away for its client.
    pub(super) fn take(&self, pid: &str) -> Option<(Session, Duration)> {
        let (session, since) = self.lock().sessions.remove(pid)?;
        let after = since.elapsed();
        (after <= self.config.max_disconnection_duration).then_some((session, after))
    }

    /// Forgets a session that was taken up elsewhere.
    pub(super) fn forget(&self, pid: &str) {
        self.lock().sessions.remove(pid);
    }

    /// Whether this node has read the log as far as a client of another node.
    pub(super) fn has_reached(&self, offset: &str) -> bool {
        self.place(offset).is_none_or(|place| place <= self.lock().last)
    }

    /// The session, if all that its client missed is still there.
    pub(super) fn resume(&self, session: Session, after: Option<Duration>, offset: &str) -> Option<Restored> {
        let offset = self.place(offset)?;
        let kept = self.lock();
        let known = kept.floor.is_some_and(|floor| floor <= offset)
            && offset <= kept.last
            && !kept.dropped.concerns(offset, &session);
        known.then_some(Restored {
            session,
            after,
            offset,
        })
    }

    /// What a returning client missed, in order.
    pub(super) fn missed<'k>(
        kept: &'k Kept,
        restored: &'k Restored,
    ) -> impl Iterator<Item = &'k EncodedMessage> {
        kept.events
            .iter()
            .filter(move |event| event.place > restored.offset)
            .filter(move |event| is_meant(&event.target, event.place, &restored.session))
            .map(|event| &event.outgoing)
    }
}

impl Kept {
    /// Forgets a session, unless it began to wait again since.
    fn remove(&mut self, pid: &str, at: Instant) -> Option<Session> {
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
    fn dropped_event_concerns_those_who_missed_it_alone() {
        let mut dropped = Dropped::default();
        dropped.insert((0, 1), room("quiet"));
        for number in 2..1000 {
            dropped.insert((0, number), room("busy"));
        }
        assert_eq!(dropped.targets.len(), 2);
        let in_room = |name: &str| Session {
            sid: String::new(),
            pid: String::new(),
            rooms: vec![name.to_owned()],
            since: Since::default(),
            data: Value::Null,
        };
        assert!(!dropped.concerns((0, 1), &in_room("quiet")));
        assert!(dropped.concerns((0, 0), &in_room("quiet")));
        assert!(dropped.concerns((0, 998), &in_room("busy")));
        assert!(!dropped.concerns((0, 999), &in_room("busy")));
        let everyone_else = Target {
            rooms: Vec::new(),
            except: vec!["busy".into()],
        };
        dropped.insert((0, 1000), everyone_else);
        assert!(!dropped.concerns((0, 999), &in_room("busy")));
        assert!(dropped.concerns((0, 999), &in_room("quiet")));
        let mut late = in_room("quiet");
        late.since.connected = (0, 1000);
        assert!(!dropped.concerns((0, 0), &late), "it came after that");
    }

    #[test]
    fn oldest_dropped_target_is_forgotten_first() {
        let mut dropped = Dropped::default();
        dropped.insert((0, 1), room("a"));
        dropped.insert((0, 2), room("b"));
        dropped.insert((0, 3), room("a"));
        assert_eq!(dropped.forget_oldest(2), None);
        assert_eq!(dropped.forget_oldest(1), Some((0, 2)));
        assert_eq!(dropped.places, HashMap::from([(room("a"), (0, 3))]));
    }
}
