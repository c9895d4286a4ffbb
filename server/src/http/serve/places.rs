//! How many connections are open, in all and for each address.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Places for connections.
#[derive(Debug)]
pub(super) struct Places {
    max: usize,
    max_of_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: usize,
    of_address: HashMap<IpAddr, usize>,
}

/// Place of one connection, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    address: IpAddr,
}

impl Places {
    pub(super) fn new(max: usize, max_of_address: usize) -> Arc<Self> {
        Arc::new(Self {
            max,
            max_of_address,
            taken: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for this address, if one is left; a proxy speaks for many, and may have all.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr, proxy: bool) -> Option<Place> {
        let mut taken = self.lock();
        let of_address = taken.of_address.get(&address).copied().unwrap_or_default();
        if taken.all >= self.max || (of_address >= self.max_of_address && !proxy) {
            return None;
        }
        taken.all += 1;
        taken.of_address.insert(address, of_address + 1);
        Some(Place {
            places: Arc::clone(self),
            address,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.all -= 1;
        if let Some(of_address) = taken.of_address.get_mut(&self.address) {
            *of_address -= 1;
            if *of_address == 0 {
                taken.of_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn places_are_counted_for_each_address_and_in_all() {
        let address = |last| IpAddr::V4(Ipv4Addr::new(10, 0, 0, last));
        let places = Places::new(3, 2);
        let first = places.take(address(1), false);
        let _second = places.take(address(1), false);
        assert!(places.take(address(1), false).is_none());
        let proxy = places.take(address(1), true);
        assert!(proxy.is_some());
        drop(proxy);
        let _third = places.take(address(2), false);
        assert!(places.take(address(3), false).is_none());
        drop(first);
        assert!(places.take(address(3), false).is_some());
        assert_eq!(places.lock().of_address.len(), 2);
    }
}
