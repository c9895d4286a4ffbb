//! All sessions by their id, who may open another, and who has to go when there is no room left.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::account::process_bytes;
use super::config::Limits;
use super::connection::{Inner, Line};
use super::reason::CloseReason;

/// Time in which nobody takes the place of a new session.
const JOINING: Duration = Duration::from_secs(1);

/// Time for the memory of those who were ended to go back, before others are.
const RELIEF: Duration = Duration::from_millis(20);

/// Sessions of an engine.
#[derive(Debug)]
pub(crate) struct Sessions {
    state: Mutex<State>,
    limits: Limits,
}

#[derive(Debug)]
struct State {
    by_sid: HashSet<BySid>,
    by_address: HashMap<IpAddr, OfAddress>,
    /// Admitted, open or about to be.
    count: usize,
    /// Those that were not established when they were opened, the oldest first.
    newcomers: Newcomers,
    bucket: Bucket,
    /// Moment from which on connections may be ended for their memory again.
    relief: Instant,
    closed: bool,
}

/// What is known of one address.
#[derive(Debug, Default)]
struct OfAddress {
    count: usize,
    newcomers: Newcomers,
}

/// Sessions in the order of their opening, until they are established.
#[derive(Debug, Default)]
struct Newcomers(VecDeque<(Instant, Weak<Inner>)>);

impl Newcomers {
    /// Forgets those at the front that are established or gone; the list is never long because of them.
    fn tidy(&mut self) {
        while let Some((_, session)) = self.0.front()
            && session
                .upgrade()
                .is_none_or(|session| session.account.is_established())
        {
            self.0.pop_front();
        }
    }

    fn push(&mut self, session: &Arc<Inner>, now: Instant) {
        self.tidy();
        self.0.push_back((now, Arc::downgrade(session)));
        if self.0.len().is_multiple_of(1024) {
            // an old newcomer at the front does not keep all that came after it
            self.0.retain(|(_, session)| {
                session
                    .upgrade()
                    .is_some_and(|session| !session.account.is_established())
            });
        }
    }

    /// The oldest, if it had its time.
    fn pop(&mut self, now: Instant) -> Option<Arc<Inner>> {
        loop {
            self.tidy();
            let (opened, _) = self.0.front()?;
            if *opened + JOINING > now {
                return None;
            }
            let (_, session) = self.0.pop_front()?;
            if let Some(session) = session.upgrade()
                && session.lock().closing.is_none()
            {
                return Some(session);
            }
        }
    }
}

/// Address under which a client is counted: of IPv6 a household has 64 bits.
fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// A session that is found by its sid, which it holds itself.
#[derive(Debug)]
struct BySid(Arc<Inner>);

impl Borrow<str> for BySid {
    fn borrow(&self) -> &str {
        &self.0.sid
    }
}

impl Hash for BySid {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.sid.hash(state);
    }
}

impl PartialEq for BySid {
    fn eq(&self, other: &Self) -> bool {
        self.0.sid == other.0.sid
    }
}

impl Eq for BySid {}

/// Handshakes that may still come now; refills with time.
#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, per_second: u32, now: Instant) -> bool {
        let size = f64::from(per_second);
        let since = now.saturating_duration_since(self.filled).as_secs_f64();
        self.tokens = (self.tokens + since * size).min(size);
        self.filled = now;
        let enough = self.tokens >= 1.0;
        if enough {
            self.tokens -= 1.0;
        }
        enough
    }
}

/// Limit that a handshake ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    ServerFull,
    AddressFull,
    Rate,
    Closed,
}

impl Sessions {
    pub(crate) fn new(limits: &Limits) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                by_sid: HashSet::new(),
                by_address: HashMap::new(),
                count: 0,
                newcomers: Newcomers::default(),
                bucket: Bucket {
                    tokens: f64::from(limits.max_handshakes_per_second),
                    filled: now,
                },
                relief: now,
                closed: false,
            }),
            limits: limits.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a session that is to be opened, if there is room, or a newcomer makes room for it.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, now: Instant) -> Result<Seat, Refused> {
        let limits = &self.limits;
        let address = counted_address(address);
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.closed {
            return Err(Refused::Closed);
        }
        let mut leaves = None;
        if let Some(of_address) = state.by_address.get_mut(&address)
            && of_address.count >= limits.max_sessions_per_address
        {
            leaves = of_address.newcomers.pop(now);
            if leaves.is_none() {
                return Err(if state.count >= limits.max_sessions {
                    Refused::ServerFull
                } else {
                    Refused::AddressFull
                });
            }
        }
        if state.count >= limits.max_sessions && leaves.is_none() {
            leaves = state.newcomers.pop(now);
            if leaves.is_none() {
                return Err(Refused::ServerFull);
            }
        }
        if !state.bucket.take(limits.max_handshakes_per_second, now) {
            return Err(Refused::Rate);
        }
        state.by_address.entry(address).or_default().count += 1;
        state.count += 1;
        drop(guard);
        if let Some(session) = leaves {
            metrics::counter!("engine_overload_total", "cause" => "sessions").increment(1);
            session.lock().fail(CloseReason::Overload);
        }
        Ok(Seat {
            sessions: Arc::clone(self),
            address,
        })
    }

    /// Ends the connections that hold the most, and more than their share, when the process holds too much.
    pub(crate) fn relieve(&self) {
        let limit = self.limits.max_held_bytes;
        if process_bytes() > limit {
            self.end_largest(limit, Instant::now());
        }
    }

    fn end_largest(&self, limit: usize, now: Instant) {
        let mut state = self.lock();
        if now < state.relief {
            return;
        }
        state.relief = now + RELIEF;
        let sessions: Vec<_> = state
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect();
        drop(state);
        let (mut of_clients, mut leaving) = (0, 0);
        let mut holders = Vec::new();
        for session in sessions {
            let state = session.lock();
            let (bytes, is_leaving) = (state.releasable(&session.account), state.closing.is_some());
            drop(state);
            of_clients += bytes;
            if is_leaving {
                leaving += bytes;
            } else if bytes > 0 {
                holders.push((bytes, session));
            }
        }
        // what the program itself keeps is not made less by ending clients
        if of_clients < limit / 2 {
            return;
        }
        let wanted = limit / 4 * 3;
        let fair = wanted / holders.len().max(1);
        let weight = |(bytes, session): &(usize, Arc<Inner>)| {
            let share = if session.account.is_established() { 1 } else { 4 };
            bytes.saturating_mul(share)
        };
        holders.retain(|holder| weight(holder) > fair);
        holders.sort_by_cached_key(|holder| std::cmp::Reverse(weight(holder)));
        let mut excess = process_bytes().saturating_sub(wanted + leaving);
        for (bytes, session) in holders {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(bytes);
            let reason = if session.account.held() >= session.account.queued() {
                CloseReason::Overload
            } else {
                CloseReason::SlowReader
            };
            tracing::debug!(
                connection = session.id,
                bytes,
                "connection is ended for its memory"
            );
            metrics::counter!("engine_overload_total", "cause" => "memory").increment(1);
            session.lock().fail(reason);
        }
    }

    /// Session with this id.
    pub(crate) fn get(&self, sid: &str) -> Option<Arc<Inner>> {
        self.lock().by_sid.get(sid).map(|found| Arc::clone(&found.0))
    }

    /// Makes a session known; `false` when the server has closed meanwhile.
    pub(crate) fn insert(&self, session: &Arc<Inner>, address: IpAddr) -> bool {
        let mut state = self.lock();
        if state.closed || !state.by_sid.insert(BySid(Arc::clone(session))) {
            return false;
        }
        let now = Instant::now();
        state.newcomers.push(session, now);
        if let Some(of_address) = state.by_address.get_mut(&counted_address(address)) {
            of_address.newcomers.push(session, now);
        }
        true
    }

    /// Forgets a session.
    pub(crate) fn remove(&self, sid: &str) {
        let mut state = self.lock();
        state.by_sid.remove(sid);
        if state.by_sid.capacity() > 1024 && state.by_sid.len() * 8 < state.by_sid.capacity() {
            state.by_sid.shrink_to_fit();
        }
    }

    /// Takes no further session, and gives those that are open.
    pub(crate) fn close(&self) -> Vec<Arc<Inner>> {
        let mut state = self.lock();
        state.closed = true;
        state
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect()
    }

    /// Takes sessions again.
    pub(crate) fn reopen(&self) {
        self.lock().closed = false;
    }

    /// Sessions whose client can be told something now: over a WebSocket, or by a poll that waits.
    pub(crate) fn reachable(&self) -> usize {
        // a session may be locked while it asks for this lock
        let open: Vec<Arc<Inner>> = self
            .lock()
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect();
        open.iter()
            .filter(|session| match &session.lock().line {
                Line::Polling(polling) => polling.has_poll(),
                Line::Tcp { .. } | Line::Task { .. } => true,
                Line::Done => false,
            })
            .count()
    }

    /// Sessions that were admitted and have not ended.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }
}

/// Place of one session under the caps; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    sessions: Arc<Sessions>,
    address: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.count = state.count.saturating_sub(1);
        if let Some(of_address) = state.by_address.get_mut(&self.address) {
            of_address.count = of_address.count.saturating_sub(1);
            if of_address.count == 0 {
                state.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Duration;

    use super::*;

    const A: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const B: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    #[test]
    fn a_seat_is_free_again_when_its_session_ends() {
        let limits = Limits {
            max_sessions: 2,
            max_sessions_per_address: 1,
            ..Limits::default()
        };
        let sessions = Arc::new(Sessions::new(&limits));
        let now = Instant::now();
        let first = sessions.admit(A, now).expect("the first has room");
        assert_eq!(sessions.admit(A, now).err(), Some(Refused::AddressFull));
        let _second = sessions.admit(B, now).expect("another address has room");
        assert_eq!(sessions.admit(B, now).err(), Some(Refused::ServerFull));
        drop(first);
        assert!(sessions.admit(A, now).is_ok());
        assert_eq!(sessions.count(), 1);
    }

    #[test]
    fn handshakes_come_back_with_time() {
        let limits = Limits {
            max_handshakes_per_second: 2,
            ..Limits::default()
        };
        let sessions = Arc::new(Sessions::new(&limits));
        let now = Instant::now();
        let _seats = [sessions.admit(A, now), sessions.admit(A, now)];
        assert_eq!(sessions.admit(A, now).err(), Some(Refused::Rate));
        assert!(sessions.admit(A, now + Duration::from_millis(600)).is_ok());
    }
}
