//! Names of people who have gone: for a day nobody else gets them, so that no stranger answers in their place.
//!
//! Bounded, for each address and in all; the oldest names are free first.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::names::parts;
use super::rate_limit::network_of;

/// How long a name stays someone's who has gone.
pub(super) const HELD: Duration = Duration::from_secs(24 * 3600);
/// Most names that are held.
const MOST: usize = 10_000;
/// Most names that are held for the people of one address.
const MOST_OF_ADDRESS: usize = 50;

/// Names that are held.
#[derive(Debug, Default)]
pub(super) struct HeldNames {
    by_person: HashMap<String, Held>,
    /// Parts of the keys of names, and whose they are.
    by_part: HashMap<String, String>,
    /// The oldest first; also of names that are not held any more.
    order: VecDeque<(Instant, String)>,
    by_network: HashMap<IpAddr, VecDeque<String>>,
    /// People, and the keys of names that are not held any more.
    freed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Held {
    key: String,
    network: IpAddr,
    until: Instant,
}

impl HeldNames {
    /// Holds the name of someone who has gone.
    pub(super) fn hold(&mut self, person: &str, key: &str, address: IpAddr, now: Instant) {
        self.release(person);
        self.forget_old(now);
        let (network, until) = (network_of(address), now + HELD);
        for part in parts(key) {
            self.by_part.insert(part.to_owned(), person.to_owned());
        }
        let held = Held {
            key: key.to_owned(),
            network,
            until,
        };
        self.by_person.insert(person.to_owned(), held);
        self.order.push_back((until, person.to_owned()));
        let here = self.by_network.entry(network).or_default();
        here.push_back(person.to_owned());
        if here.len() > MOST_OF_ADDRESS
            && let Some(oldest) = here.front().cloned()
        {
            self.free(&oldest);
        }
    }

    /// Whose name this is, if it is held.
    pub(super) fn holder(&self, part: &str, now: Instant) -> Option<&str> {
        let person = self.by_part.get(part)?;
        let held = self.by_person.get(person)?;
        (now < held.until).then_some(person)
    }

    /// Holds the name of someone no longer: they are back.
    pub(super) fn release(&mut self, person: &str) {
        self.remove(person);
    }

    /// Names that others may have since the last call, for the other nodes: people and keys.
    pub(super) fn take_freed(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.freed)
    }

    fn free(&mut self, person: &str) {
        if let Some(key) = self.remove(person) {
            self.freed.push((person.to_owned(), key));
        }
    }

    fn remove(&mut self, person: &str) -> Option<String> {
        let held = self.by_person.remove(person)?;
        for part in parts(&held.key) {
            if self.by_part.get(part).is_some_and(|holder| holder == person) {
                self.by_part.remove(part);
            }
        }
        if let Some(here) = self.by_network.get_mut(&held.network) {
            here.retain(|known| known != person);
            if here.is_empty() {
                self.by_network.remove(&held.network);
            }
        }
        Some(held.key)
    }

    fn forget_old(&mut self, now: Instant) {
        while let Some((until, person)) = self.order.front() {
            let held = self.by_person.get(person).map(|held| held.until);
            let stale = held != Some(*until);
            if !stale && *until > now && self.by_person.len() < MOST && self.order.len() < 2 * MOST {
                return;
            }
            let person = person.clone();
            if !stale {
                self.free(&person);
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_held_for_each_address_up_to_a_bound() {
        let now = Instant::now();
        let mut names = HeldNames::default();
        let held = |names: &HeldNames, n: u32| names.holder(&format!("name {n}"), now).is_some();
        for n in 0..1000 {
            names.hold(
                &n.to_string(),
                &format!("name {n}"),
                IpAddr::from([192, 0, 2, 1]),
                now,
            );
        }
        names.hold("other", "name of another", IpAddr::from([192, 0, 2, 2]), now);
        assert_eq!((0..1000).filter(|n| held(&names, *n)).count(), MOST_OF_ADDRESS);
        assert!(held(&names, 999) && !held(&names, 0));
        assert_eq!(names.holder("name of another", now), Some("other"));
        assert_eq!(names.holder("name of another", now + HELD), None);
        names.release("other");
        assert_eq!(names.holder("name of another", now), None);
    }

    #[test]
    fn names_are_held_up_to_a_bound_in_all() {
        let now = Instant::now();
        let mut names = HeldNames::default();
        for n in 0..30_000_u32 {
            let address = IpAddr::from(n.to_be_bytes());
            names.hold(&n.to_string(), &format!("name {n}"), address, now);
        }
        assert!(names.by_person.len() <= MOST, "{}", names.by_person.len());
        assert!(names.order.len() <= 2 * MOST, "{}", names.order.len());
        assert_eq!(names.by_part.len(), names.by_person.len());
        assert_eq!(names.by_network.len(), names.by_person.len());
    }
}
