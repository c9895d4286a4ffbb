//! Connection state recovery on one node: what was sent, and who may take up where they left off.
//!
//! Every event that can be recovered gets an offset as its last argument, and is kept, framed, until it is too old or
//! there are too many. A session is kept when its socket goes for a reason that allows a return. It is taken up at
//! most once: whoever comes second gets a fresh socket.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use pesan::socketio::value::Value;
use tokio::time::Instant;

use super::config::Recovery;
use super::id;
use super::rooms::Target;
use crate::engine::Outgoing;

/// What a socket takes with it over an absence.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Session {
    pub(super) sid: String,
    pub(super) pid: String,
    pub(super) rooms: Vec<String>,
    pub(super) data: Value,
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
    /// Everything after this place is kept; `None` when nothing is known.
    floor: Option<Place>,
    sessions: HashMap<String, (Session, Instant)>,
    /// Sessions in the order in which they began to wait, which is the order in which they expire.
    waiting: VecDeque<(Instant, String)>,
}

struct Event {
    place: Place,
    at: Instant,
    target: Target,
    outgoing: Outgoing,
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
            epoch: (!shared).then(id::random),
            inner: Mutex::new(kept),
        }
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

    /// Keeps an event, and forgets what is too old or too much.
    pub(super) fn push(&self, kept: &mut Kept, place: Place, target: &Target, outgoing: Outgoing) {
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
            let old = now.duration_since(first.at) > self.config.max_disconnection_duration;
            if !old && kept.events.len() <= self.config.max_packets && kept.bytes <= self.config.max_bytes {
                break;
            }
            kept.floor = Some(first.place);
            kept.bytes -= first.outgoing.len();
            kept.events.pop_front();
        }
    }

    /// Forgets all events: some were missed, and nobody may go on over a gap.
    pub(super) fn forget_events(&self) {
        let mut kept = self.lock();
        kept.events.clear();
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
        let known = kept.floor.is_some_and(|floor| floor <= offset) && offset <= kept.last;
        known.then_some(Restored {
            session,
            after,
            offset,
        })
    }

    /// What a returning client missed, in order.
    pub(super) fn missed<'k>(kept: &'k Kept, restored: &'k Restored) -> impl Iterator<Item = &'k Outgoing> {
        let rooms = &restored.session.rooms;
        let is_in = |room: &Arc<str>| rooms.iter().any(|known| **known == **room);
        kept.events
            .iter()
            .filter(move |event| event.place > restored.offset)
            .filter(move |event| {
                let Target { rooms, except } = &event.target;
                (rooms.is_empty() || rooms.iter().any(is_in)) && !except.iter().any(is_in)
            })
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
