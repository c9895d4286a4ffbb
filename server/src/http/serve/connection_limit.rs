//! How many connections are open: in all, and for each address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time that a refusal counts as one of now.
const RECENT: Duration = Duration::from_secs(10);

/// Limit of connections, shared by the accept loop and by what reports on it.
#[derive(Debug)]
pub struct ConnectionLimit {
    max: usize,
    max_per_address: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    open: usize,
    by_address: HashMap<IpAddr, usize>,
    refused_at: Option<Instant>,
}

/// Limit that a connection ran into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// The server has as many connections as it may have.
    Server,
    /// The address has.
    Address,
}

/// One connection under the limit; counted until it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    address: IpAddr,
}

impl ConnectionLimit {
    /// At most `max` connections, and `max_per_address` of one address or of one IPv6 network of 64 bits.
    #[must_use]
    pub fn new(max: usize, max_per_address: usize) -> Self {
        Self {
            max,
            max_per_address,
            state: Mutex::default(),
        }
    }

    /// Counts a connection, if that is within the limits; a proxy speaks for many, and may have all.
    ///
    /// # Errors
    /// The limit that is reached.
    pub fn acquire(self: &Arc<Self>, address: IpAddr, is_proxy: bool) -> Result<ConnectionPermit, Full> {
        let address = counted_address(address);
        let mut state = self.lock();
        if state.open >= self.max {
            state.refused_at = Some(Instant::now());
            return Err(Full::Server);
        }
        let of_address = state.by_address.get(&address).copied().unwrap_or_default();
        if of_address >= self.max_per_address && !is_proxy {
            return Err(Full::Address);
        }
        state.open += 1;
        state.by_address.insert(address, of_address + 1);
        Ok(ConnectionPermit {
            limit: Arc::clone(self),
            address,
        })
    }

    /// Connections that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().open
    }

    /// Most connections.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// Whether someone is refused now, or was a moment ago, because the server is full.
    #[must_use]
    pub fn is_full(&self) -> bool {
        let state = self.lock();
        state.open >= self.max || state.refused_at.is_some_and(|at| at.elapsed() < RECENT)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        let mut state = self.limit.lock();
        state.open -= 1;
        if let Some(of_address) = state.by_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                state.by_address.remove(&self.address);
            }
        }
    }
}

/// Address under which a client is counted: one household has 64 bits of IPv6.
fn counted_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn connections_are_counted_for_each_address_and_in_all() {
        let address = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        let limit = Arc::new(ConnectionLimit::new(3, 2));
        let first = limit.acquire(address(1), false);
        let _second = limit.acquire(address(1), false);
        assert_eq!(limit.acquire(address(1), false).err(), Some(Full::Address));
        let proxy = limit.acquire(address(1), true);
        assert!(proxy.is_ok() && limit.is_full());
        drop(proxy);
        assert!(!limit.is_full(), "nobody was refused for that");
        let _third = limit.acquire(address(2), false);
        assert_eq!(limit.acquire(address(3), false).err(), Some(Full::Server));
        drop(first);
        assert!(limit.is_full(), "someone was, a moment ago");
        assert!(limit.acquire(address(3), false).is_ok());
        assert_eq!(limit.lock().by_address.len(), 2);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one() {
        let address = |text: &str| text.parse().expect("an address");
        let limit = Arc::new(ConnectionLimit::new(9, 1));
        let _one = limit.acquire(address("2001:db8:1:2::1"), false);
        assert_eq!(
            limit.acquire(address("2001:db8:1:2:ffff::9"), false).err(),
            Some(Full::Address)
        );
        let _other = limit
            .acquire(address("2001:db8:1:3::1"), false)
            .expect("another network");
        let _v4 = limit.acquire(address("::ffff:10.0.0.1"), false).expect("IPv4");
        assert!(limit.acquire(address("10.0.0.1"), false).is_err());
        assert!(limit.acquire(address("10.0.0.2"), false).is_ok());
    }
}
