//! Connection limits: total and per IP address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Time for which the server counts as full after a refusal.
const RECENT: Duration = Duration::from_secs(10);

/// Limits and counts connections; shared by the accept loop and the metrics.
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

/// Limit that is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Full {
    /// Limit of all connections.
    Server,
    /// Limit of connections from one address.
    Address,
}

/// Permit for one connection; counted until it is dropped.
#[derive(Debug)]
pub struct ConnectionPermit {
    limit: Arc<ConnectionLimit>,
    address: IpAddr,
}

impl ConnectionLimit {
    /// At most `max` connections, and `max_per_address` from one address or one IPv6 /64 network.
    #[must_use]
    pub fn new(max: usize, max_per_address: usize) -> Self {
        Self {
            max,
            max_per_address,
            state: Mutex::default(),
        }
    }

    /// Acquires a permit. The limit per address does not apply to proxies, which forward many clients.
    ///
    /// # Errors
    /// The reached limit.
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

    /// Number of open connections.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().open
    }

    /// Maximum number of connections.
    #[must_use]
    pub fn max(&self) -> usize {
        self.max
    }

    /// Whether the server is full, or has refused a connection in the last seconds because it was.
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

/// Address under which a client is counted: IPv6 addresses are reduced to their /64, which one household has.
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
    fn connection_limit_counts_per_address_and_in_total() {
        let address = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        let limit = Arc::new(ConnectionLimit::new(3, 2));
        let first = limit.acquire(address(1), false);
        let _second = limit.acquire(address(1), false);
        assert_eq!(limit.acquire(address(1), false).err(), Some(Full::Address));
        let proxy = limit.acquire(address(1), true);
        assert!(proxy.is_ok() && limit.is_full());
        drop(proxy);
        assert!(!limit.is_full(), "no connection was refused because of it");
        let _third = limit.acquire(address(2), false);
        assert_eq!(limit.acquire(address(3), false).err(), Some(Full::Server));
        drop(first);
        assert!(limit.is_full(), "a connection was refused a moment ago");
        assert!(limit.acquire(address(3), false).is_ok());
        assert_eq!(limit.lock().by_address.len(), 2);
    }

    #[test]
    fn connection_limit_counts_ipv6_by_network() {
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
