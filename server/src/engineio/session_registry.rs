//! Registry of all sessions: lookup by id, limits on their number, and eviction when there is no room left.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use http::StatusCode;

use super::close_reason::CloseReason;
use super::config::EngineLimits;
use super::connection_state::{ConnectionState, Sink};
use super::memory::process_bytes;
use super::refusal::{Refusal, RefuseCode};

/// Time that a new session has to join a namespace before another may replace it.
const JOIN_GRACE: Duration = Duration::from_secs(1);

/// Shortest time between two evictions for memory, so that the first can take effect.
const EVICTION_PAUSE: Duration = Duration::from_millis(20);

/// Sessions of one engine.
#[derive(Debug)]
pub(crate) struct SessionRegistry {
    state: Mutex<State>,
    limits: EngineLimits,
}

#[derive(Debug)]
struct State {
    by_sid: HashSet<BySid>,
    by_address: HashMap<IpAddr, AddressSessions>,
    /// Admitted sessions: open, or in their handshake.
    count: usize,
    /// Sessions that have not joined a namespace, the oldest first.
    unestablished: UnestablishedSessions,
    bucket: TokenBucket,
    /// Earliest time of the next eviction for memory.
    next_eviction: Instant,
    closed: bool,
}

/// Sessions of one address.
#[derive(Debug, Default)]
struct AddressSessions {
    count: usize,
    unestablished: UnestablishedSessions,
}

/// Sessions in the order of their opening, until they are established.
#[derive(Debug, Default)]
struct UnestablishedSessions(VecDeque<(Instant, Weak<ConnectionState>)>);

impl UnestablishedSessions {
    /// Removes sessions at the front that are established or closed.
    fn prune(&mut self) {
        while let Some((_, session)) = self.0.front()
            && session
                .upgrade()
                .is_none_or(|session| session.memory.is_established())
        {
            self.0.pop_front();
        }
    }

    fn push(&mut self, session: &Arc<ConnectionState>, now: Instant) {
        self.prune();
        self.0.push_back((now, Arc::downgrade(session)));
        if self.0.len().is_multiple_of(1024) {
            // An old session at the front must not keep the closed ones behind it in the list.
            self.0.retain(|(_, session)| {
                session
                    .upgrade()
                    .is_some_and(|session| !session.memory.is_established())
            });
        }
    }

    /// Takes the oldest session, if its grace period is over.
    fn pop(&mut self, now: Instant) -> Option<Arc<ConnectionState>> {
        loop {
            self.prune();
            let (opened, _) = self.0.front()?;
            if *opened + JOIN_GRACE > now {
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

/// Address that a client is counted under: an IPv6 client owns a /64 network.
fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into()
        }
        address @ IpAddr::V4(_) => address,
    }
}

/// Session, hashed by its id.
#[derive(Debug)]
struct BySid(Arc<ConnectionState>);

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

/// Rate limit of handshakes.
#[derive(Debug)]
struct TokenBucket {
    tokens: f64,
    filled: Instant,
}

impl TokenBucket {
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

/// Limit that a handshake exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AdmissionError {
    ServerFull,
    AddressFull,
    Rate,
    Closed,
}

impl From<AdmissionError> for Refusal {
    fn from(error: AdmissionError) -> Self {
        let (status, context) = match error {
            AdmissionError::ServerFull => (StatusCode::SERVICE_UNAVAILABLE, "too many sessions"),
            AdmissionError::AddressFull => {
                (StatusCode::TOO_MANY_REQUESTS, "too many sessions of this address")
            }
            AdmissionError::Rate => (StatusCode::TOO_MANY_REQUESTS, "too many handshakes a second"),
            AdmissionError::Closed => (StatusCode::SERVICE_UNAVAILABLE, "the server is shutting down"),
        };
        let mut refusal = Self::new(RefuseCode::Forbidden, context);
        refusal.status = status;
        refusal.error.message = context.to_owned();
        refusal
    }
}

impl SessionRegistry {
    pub(crate) fn new(limits: &EngineLimits) -> Self {
        let now = Instant::now();
        Self {
            state: Mutex::new(State {
                by_sid: HashSet::new(),
                by_address: HashMap::new(),
                count: 0,
                unestablished: UnestablishedSessions::default(),
                bucket: TokenBucket {
                    tokens: f64::from(limits.max_handshakes_per_second),
                    filled: now,
                },
                next_eviction: now,
                closed: false,
            }),
            limits: limits.clone(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reserves a place for a new session. If there is none, the oldest unestablished session is closed for it.
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        now: Instant,
    ) -> Result<SessionPermit, AdmissionError> {
        let limits = &self.limits;
        let address = counted_address(address);
        let mut guard = self.lock();
        let state = &mut *guard;
        if state.closed {
            return Err(AdmissionError::Closed);
        }
        let mut evicted = None;
        // An unknown address is not that of one client.
        if !address.is_unspecified()
            && let Some(address_sessions) = state.by_address.get_mut(&address)
            && address_sessions.count >= limits.max_sessions_per_address
        {
            evicted = address_sessions.unestablished.pop(now);
            if evicted.is_none() {
                return Err(if state.count >= limits.max_sessions {
                    AdmissionError::ServerFull
                } else {
                    AdmissionError::AddressFull
                });
            }
        }
        if state.count >= limits.max_sessions && evicted.is_none() {
            evicted = state.unestablished.pop(now);
            if evicted.is_none() {
                return Err(AdmissionError::ServerFull);
            }
        }
        if !state.bucket.take(limits.max_handshakes_per_second, now) {
            return Err(AdmissionError::Rate);
        }
        state.by_address.entry(address).or_default().count += 1;
        state.count += 1;
        drop(guard);
        if let Some(session) = evicted {
            crate::meter::counter!("engine_overload_total", "cause" => "sessions").increment(1);
            session.lock().fail(CloseReason::Overload);
        }
        Ok(SessionPermit {
            sessions: Arc::clone(self),
            address,
        })
    }

    /// Closes the connections that hold the most memory if the process is over its limit.
    pub(crate) fn enforce_memory_limit(&self) {
        let limit = self.limits.max_held_bytes;
        if process_bytes() > limit {
            self.evict_largest(limit, Instant::now());
        }
    }

    fn evict_largest(&self, limit: usize, now: Instant) {
        let mut state = self.lock();
        if now < state.next_eviction {
            return;
        }
        state.next_eviction = now + EVICTION_PAUSE;
        let sessions: Vec<_> = state
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect();
        drop(state);
        let (mut of_clients, mut closing) = (0, 0);
        let mut holders = Vec::new();
        for session in sessions {
            let state = session.lock();
            let (bytes, is_closing) = (state.releasable_bytes(&session.memory), state.closing.is_some());
            drop(state);
            of_clients += bytes;
            if is_closing {
                closing += bytes;
            } else if bytes > 0 {
                holders.push((bytes, session));
            }
        }
        // Memory that the program itself holds is not freed by closing clients.
        if of_clients < limit / 2 {
            return;
        }
        let wanted = limit / 4 * 3;
        let fair = wanted / holders.len().max(1);
        let weight = |(bytes, session): &(usize, Arc<ConnectionState>)| {
            let share = if session.memory.is_established() { 1 } else { 4 };
            bytes.saturating_mul(share)
        };
        holders.retain(|holder| weight(holder) > fair);
        holders.sort_by_cached_key(|holder| std::cmp::Reverse(weight(holder)));
        let mut excess = process_bytes().saturating_sub(wanted + closing);
        for (bytes, session) in holders {
            if excess == 0 {
                break;
            }
            excess = excess.saturating_sub(bytes);
            let reason = if session.memory.inbound() >= session.memory.queued() {
                CloseReason::Overload
            } else {
                CloseReason::SlowReader
            };
            tracing::debug!(
                connection = session.id,
                bytes,
                "connection evicted for its memory use"
            );
            crate::meter::counter!("engine_overload_total", "cause" => "memory").increment(1);
            session.lock().fail(reason);
        }
    }

    /// Returns the session with this id.
    pub(crate) fn get(&self, sid: &str) -> Option<Arc<ConnectionState>> {
        self.lock().by_sid.get(sid).map(|found| Arc::clone(&found.0))
    }

    /// Adds a session; returns `false` if the server was closed meanwhile.
    pub(crate) fn insert(&self, session: &Arc<ConnectionState>, address: IpAddr) -> bool {
        let mut state = self.lock();
        if state.closed || !state.by_sid.insert(BySid(Arc::clone(session))) {
            return false;
        }
        let now = Instant::now();
        state.unestablished.push(session, now);
        if let Some(address_sessions) = state.by_address.get_mut(&counted_address(address)) {
            address_sessions.unestablished.push(session, now);
        }
        true
    }

    /// Removes a session.
    pub(crate) fn remove(&self, sid: &str) {
        let mut state = self.lock();
        state.by_sid.remove(sid);
        if state.by_sid.capacity() > 1024 && state.by_sid.len() * 8 < state.by_sid.capacity() {
            state.by_sid.shrink_to_fit();
        }
    }

    /// Admits no further sessions; returns those that are open.
    pub(crate) fn close(&self) -> Vec<Arc<ConnectionState>> {
        let mut state = self.lock();
        state.closed = true;
        state
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect()
    }

    /// Admits sessions again.
    pub(crate) fn reopen(&self) {
        self.lock().closed = false;
    }

    /// Number of sessions whose client can be sent something now: over a WebSocket or a pending poll.
    pub(crate) fn reachable(&self) -> usize {
        // A session may take this lock while it is locked itself.
        let open: Vec<Arc<ConnectionState>> = self
            .lock()
            .by_sid
            .iter()
            .map(|session| Arc::clone(&session.0))
            .collect();
        open.iter()
            .filter(|session| match &session.lock().sink {
                Sink::Polling(polling) => polling.has_poll(),
                Sink::Tcp { .. } | Sink::Stream { .. } => true,
                Sink::Closed => false,
            })
            .count()
    }

    /// Number of sessions that were admitted and have not ended.
    pub(crate) fn count(&self) -> usize {
        self.lock().count
    }
}

/// Place of one session within the limits; released on drop.
#[derive(Debug)]
pub(crate) struct SessionPermit {
    sessions: Arc<SessionRegistry>,
    address: IpAddr,
}

impl Drop for SessionPermit {
    fn drop(&mut self) {
        let mut state = self.sessions.lock();
        state.count = state.count.saturating_sub(1);
        if let Some(address_sessions) = state.by_address.get_mut(&self.address) {
            address_sessions.count = address_sessions.count.saturating_sub(1);
            if address_sessions.count == 0 {
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
    fn permit_dropped_frees_its_place() {
        let limits = EngineLimits {
            max_sessions: 2,
            max_sessions_per_address: 1,
            ..EngineLimits::default()
        };
        let sessions = Arc::new(SessionRegistry::new(&limits));
        let now = Instant::now();
        let first = sessions.admit(A, now).expect("the first has room");
        assert_eq!(sessions.admit(A, now).err(), Some(AdmissionError::AddressFull));
        let _second = sessions.admit(B, now).expect("another address has room");
        assert_eq!(sessions.admit(B, now).err(), Some(AdmissionError::ServerFull));
        drop(first);
        assert!(sessions.admit(A, now).is_ok());
        assert_eq!(sessions.count(), 1);
    }

    #[test]
    fn handshake_over_the_rate_is_admitted_later() {
        let limits = EngineLimits {
            max_handshakes_per_second: 2,
            ..EngineLimits::default()
        };
        let sessions = Arc::new(SessionRegistry::new(&limits));
        let now = Instant::now();
        let _permits = [sessions.admit(A, now), sessions.admit(A, now)];
        assert_eq!(sessions.admit(A, now).err(), Some(AdmissionError::Rate));
        assert!(sessions.admit(A, now + Duration::from_millis(600)).is_ok());
    }
}
