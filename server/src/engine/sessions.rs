//! All sessions by their id, and who may open another.

use std::borrow::Borrow;
use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::config::Limits;
use super::connection::Inner;

/// Sessions of an engine.
#[derive(Debug)]
pub(crate) struct Sessions {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    by_sid: HashSet<BySid>,
    by_address: HashMap<IpAddr, usize>,
    /// Admitted, open or about to be.
    count: usize,
    bucket: Bucket,
    closed: bool,
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
        Self {
            state: Mutex::new(State {
                by_sid: HashSet::new(),
                by_address: HashMap::new(),
                count: 0,
                bucket: Bucket {
                    tokens: f64::from(limits.max_handshakes_per_second),
                    filled: Instant::now(),
                },
                closed: false,
            }),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a session that is to be opened, if there is room.
    pub(crate) fn admit(
        self: &Arc<Self>,
        address: IpAddr,
        limits: &Limits,
        now: Instant,
    ) -> Result<Seat, Refused> {
        let mut state = self.lock();
        if state.closed {
            return Err(Refused::Closed);
        }
        if state.count >= limits.max_sessions {
            return Err(Refused::ServerFull);
        }
        let of_address = state.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= limits.max_sessions_per_address {
            return Err(Refused::AddressFull);
        }
        if !state.bucket.take(limits.max_handshakes_per_second, now) {
            return Err(Refused::Rate);
        }
        state.by_address.insert(address, of_address + 1);
        state.count += 1;
        Ok(Seat {
            sessions: Arc::clone(self),
            address,
        })
    }

    /// Session with this id.
    pub(crate) fn get(&self, sid: &str) -> Option<Arc<Inner>> {
        self.lock().by_sid.get(sid).map(|found| Arc::clone(&found.0))
    }

    /// Makes a session known; `false` when the server has closed meanwhile.
    pub(crate) fn insert(&self, session: &Arc<Inner>) -> bool {
        let mut state = self.lock();
        !state.closed && state.by_sid.insert(BySid(Arc::clone(session)))
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
            *of_address -= 1;
            if *of_address == 0 {
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
        let first = sessions.admit(A, &limits, now).expect("the first has room");
        assert_eq!(sessions.admit(A, &limits, now).err(), Some(Refused::AddressFull));
        let _second = sessions.admit(B, &limits, now).expect("another address has room");
        assert_eq!(sessions.admit(B, &limits, now).err(), Some(Refused::ServerFull));
        drop(first);
        assert!(sessions.admit(A, &limits, now).is_ok());
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
        let _seats = [sessions.admit(A, &limits, now), sessions.admit(A, &limits, now)];
        assert_eq!(sessions.admit(A, &limits, now).err(), Some(Refused::Rate));
        assert!(
            sessions
                .admit(A, &limits, now + Duration::from_millis(600))
                .is_ok()
        );
    }
}
