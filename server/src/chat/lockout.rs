//! Locks addresses out from which wrong secrets come: each further one doubles the time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::rate_limit::network_of;

/// Wrong secrets before an address is locked out.
const FREE: u32 = 5;
/// First time that an address is locked out, and the longest.
const FIRST: Duration = Duration::from_secs(2);
const LONGEST: Duration = Duration::from_secs(900);
/// Time without a wrong secret after which an address begins again.
const FORGOTTEN: Duration = Duration::from_secs(3600);
/// Most addresses that are remembered.
const MOST: usize = 10_000;

/// Addresses from which wrong secrets came. A right one does not reset the count: a person who has one could try others.
#[derive(Debug, Default)]
pub(super) struct Lockout(HashMap<IpAddr, Failures>);

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
    until: Instant,
}

impl Lockout {
    /// Whether secrets of an address are looked at.
    ///
    /// # Errors
    /// How long the address is locked out.
    pub(super) fn check(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let until = self.0.get(&network_of(address)).map(|failures| failures.until);
        match until.and_then(|until| until.checked_duration_since(now)) {
            Some(left) if !left.is_zero() => Err(left),
            Some(_) | None => Ok(()),
        }
    }

    /// A wrong secret came.
    pub(super) fn note_failure(&mut self, address: IpAddr, now: Instant) {
        if self.0.len() >= MOST {
            self.0.retain(|_, failures| now < failures.last + FORGOTTEN);
        }
        if self.0.len() >= MOST {
            // so many at once: those who tried least are let go
            self.0.retain(|_, failures| failures.count > FREE);
        }
        if self.0.len() >= MOST {
            self.0.clear();
        }
        let failures = self.0.entry(network_of(address)).or_insert(Failures {
            count: 0,
            last: now,
            until: now,
        });
        if now >= failures.last + FORGOTTEN {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if let Some(beyond) = failures.count.checked_sub(FREE) {
            let factor = 2_u32.saturating_pow(beyond);
            failures.until = now + FIRST.saturating_mul(factor).min(LONGEST);
        }
    }

    /// How many addresses are locked out.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.0.values().filter(|failures| failures.until > now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_secrets_lock_an_address_out_for_longer_and_longer() {
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut now = Instant::now();
        let mut lockout = Lockout::default();
        for _ in 0..FREE {
            assert_eq!(lockout.check(one, now), Ok(()));
            lockout.note_failure(one, now);
        }
        let mut waits = Vec::new();
        while let Err(wait) = lockout.check(one, now)
            && waits.len() < 12
        {
            waits.push(wait.as_secs());
            now += wait;
            assert_eq!(lockout.check(one, now), Ok(()));
            lockout.note_failure(one, now);
        }
        assert_eq!(waits, [2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900]);
        assert_eq!((lockout.check(other, now), lockout.count(now)), (Ok(()), 1));
        lockout.note_failure(one, now + FORGOTTEN);
        assert_eq!(lockout.check(one, now + FORGOTTEN), Ok(()));
    }

    #[test]
    fn addresses_are_remembered_up_to_a_bound() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        for n in 0..50_000_u32 {
            lockout.note_failure(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(lockout.0.len() <= MOST);
    }
}
