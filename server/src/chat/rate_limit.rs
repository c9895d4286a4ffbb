//! Rate limits: token buckets for each person and, with higher limits, for each address; and a lockout after wrong secrets.
//!
//! Every request takes tokens from both, so many people at one address, or one person at many addresses, do not get more.
//! Buckets outlive connections, so reconnecting does not refill them. IPv6 addresses count by /64.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::config::ChatLimits;

/// Longest wait that the server asks of a client.
const MAX_WAIT: Duration = Duration::from_secs(3600);
/// Room limit of an address, as a multiple of a person's.
const ROOMS_PER_ADDRESS: f64 = 3.0;
/// Limit of new direct rooms, as a multiple of a person's room limit.
const DIRECTS_PER_ROOM: f64 = 3.0;
/// Number of entries from which full buckets are removed.
const MIN_SWEEP_SIZE: usize = 64;

/// Cost of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cost {
    /// Any request.
    Request,
    /// Something that others see, with its size in bytes.
    Write(usize),
    /// Something that only reads from the store.
    Read,
    /// Typing notice.
    Typing,
    /// New open room.
    Room,
    /// New direct room, with its first message.
    Direct,
}

/// Token bucket.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    rate: f64,
    burst: f64,
    level: f64,
    since: Instant,
}

impl Bucket {
    /// Full bucket that refills with `rate` tokens a second.
    pub(super) fn new(rate: f64, burst: f64, now: Instant) -> Self {
        let burst = burst.max(1.0);
        Self {
            rate,
            burst,
            level: burst,
            since: now,
        }
    }

    /// Takes tokens. An amount above the capacity needs a full bucket, and leaves a debt.
    ///
    /// # Errors
    /// Time to wait.
    pub(super) fn take(&mut self, amount: f64, now: Instant) -> Result<(), Duration> {
        self.check(amount, now)?;
        self.level -= amount;
        Ok(())
    }

    fn refill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.level = (self.level + passed * self.rate).min(self.burst);
        self.since = now;
    }

    fn check(&mut self, amount: f64, now: Instant) -> Result<(), Duration> {
        self.refill(now);
        let missing = amount.min(self.burst) - self.level;
        // tolerates rounding errors
        if missing <= 1e-9 {
            return Ok(());
        }
        let wait = (missing / self.rate).min(MAX_WAIT.as_secs_f64());
        Err(Duration::from_secs_f64(wait))
    }

    /// Whether it is full, as when it was created.
    fn is_full(&self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.since).as_secs_f64();
        self.level + passed * self.rate >= self.burst
    }
}

/// Rates of one person, or of one address.
#[derive(Debug, Clone, Copy)]
struct Rates {
    requests: (f64, f64),
    messages: (f64, f64),
    bytes: (f64, f64),
    reads: (f64, f64),
    typing: (f64, f64),
    rooms: (f64, f64),
    directs: (f64, f64),
}

impl Rates {
    fn of_person(limits: &ChatLimits) -> Self {
        let (rate, burst) = (limits.rate, limits.burst);
        let message = limits.message_bytes;
        let rooms = limits.rooms_per_hour;
        let hourly = |number: f64| (number / 3600.0, number);
        Self {
            requests: ((rate * 5.0).max(50.0), (burst * 5.0).max(500.0)),
            messages: (rate, burst),
            bytes: (rate * message, burst * message),
            reads: (20.0, 100.0),
            typing: (0.5, 3.0),
            rooms: hourly(rooms),
            directs: hourly(rooms * DIRECTS_PER_ROOM),
        }
    }

    fn of_address(limits: &ChatLimits) -> Self {
        let one = Self::of_person(limits);
        let times = |(rate, burst): (f64, f64), factor: f64| (rate * factor, burst * factor);
        let people = limits.people_per_address;
        let rooms = people.min(ROOMS_PER_ADDRESS);
        Self {
            requests: times(one.requests, people),
            messages: times(one.messages, people),
            bytes: times(one.bytes, people),
            reads: times(one.reads, people),
            typing: times(one.typing, people),
            rooms: times(one.rooms, rooms),
            directs: times(one.directs, rooms),
        }
    }
}

/// Buckets of a person or an address.
#[derive(Debug)]
struct Allowance {
    requests: Bucket,
    messages: Bucket,
    bytes: Bucket,
    reads: Bucket,
    typing: Bucket,
    rooms: Bucket,
    directs: Bucket,
}

impl Allowance {
    fn new(rates: &Rates, now: Instant) -> Self {
        let bucket = |(rate, burst)| Bucket::new(rate, burst, now);
        Self {
            requests: bucket(rates.requests),
            messages: bucket(rates.messages),
            bytes: bucket(rates.bytes),
            reads: bucket(rates.reads),
            typing: bucket(rates.typing),
            rooms: bucket(rates.rooms),
            directs: bucket(rates.directs),
        }
    }

    fn buckets(&mut self, cost: Cost) -> [Option<(&mut Bucket, f64)>; 2] {
        match cost {
            Cost::Request => [Some((&mut self.requests, 1.0)), None],
            Cost::Write(bytes) => {
                let bytes = u32::try_from(bytes).map_or(f64::MAX, f64::from);
                [Some((&mut self.messages, 1.0)), Some((&mut self.bytes, bytes))]
            }
            Cost::Read => [Some((&mut self.reads, 1.0)), None],
            Cost::Typing => [Some((&mut self.typing, 1.0)), None],
            Cost::Room => [Some((&mut self.rooms, 1.0)), None],
            Cost::Direct => [Some((&mut self.directs, 1.0)), None],
        }
    }

    fn check(&mut self, cost: Cost, now: Instant) -> Result<(), Duration> {
        let wait = self.buckets(cost).into_iter().flatten();
        let wait = wait.filter_map(|(bucket, amount)| bucket.check(amount, now).err());
        wait.max().map_or(Ok(()), Err)
    }

    /// Whether the debt is smaller than the capacity.
    fn has_credit(&mut self, cost: Cost, now: Instant) -> bool {
        self.buckets(cost).into_iter().flatten().all(|(bucket, _)| {
            bucket.refill(now);
            bucket.level > -bucket.burst
        })
    }

    /// Takes the tokens that [`Allowance::check`] has allowed.
    fn take(&mut self, cost: Cost) {
        for (bucket, amount) in self.buckets(cost).into_iter().flatten() {
            bucket.level -= amount;
        }
    }

    fn is_full(&self, now: Instant) -> bool {
        [
            self.requests,
            self.messages,
            self.bytes,
            self.reads,
            self.typing,
            self.rooms,
            self.directs,
        ]
        .iter()
        .all(|bucket| bucket.is_full(now))
    }
}

/// Allowances by person or by address. Full ones equal new ones, so they are removed regularly.
#[derive(Debug)]
struct Allowances<K> {
    rates: Rates,
    by_key: HashMap<K, Allowance>,
    /// Number of entries after the last removal.
    swept_len: usize,
}

impl<K: Eq + Hash> Allowances<K> {
    fn new(rates: Rates) -> Self {
        Self {
            rates,
            by_key: HashMap::new(),
            swept_len: 0,
        }
    }

    fn entry(&mut self, key: K, now: Instant) -> &mut Allowance {
        if self.by_key.len() > MIN_SWEEP_SIZE + 2 * self.swept_len {
            self.by_key.retain(|_, allowance| !allowance.is_full(now));
            self.by_key.shrink_to(MIN_SWEEP_SIZE + 2 * self.by_key.len());
            self.swept_len = self.by_key.len();
        }
        let rates = &self.rates;
        self.by_key
            .entry(key)
            .or_insert_with(|| Allowance::new(rates, now))
    }
}

/// Rate limits of all people and addresses.
#[derive(Debug)]
pub(super) struct RateLimiter {
    people: Allowances<String>,
    /// `None` if addresses are not limited.
    addresses: Option<Allowances<IpAddr>>,
}

impl RateLimiter {
    pub(super) fn new(limits: &ChatLimits) -> Self {
        let limited = limits.people_per_address > 0.0;
        Self {
            people: Allowances::new(Rates::of_person(limits)),
            addresses: limited.then(|| Allowances::new(Rates::of_address(limits))),
        }
    }

    /// Charges a person and their address.
    ///
    /// # Errors
    /// Time to wait; no tokens are taken in that case.
    pub(super) fn charge(
        &mut self,
        person: &str,
        address: IpAddr,
        cost: Cost,
        now: Instant,
    ) -> Result<(), Duration> {
        let mut allowances = self.allowances(person, address, now);
        let wait = allowances.iter_mut().filter_map(|one| one.check(cost, now).err());
        if let Some(wait) = wait.max() {
            return Err(wait);
        }
        for one in allowances {
            one.take(cost);
        }
        Ok(())
    }

    /// Charges someone who has disconnected for a pending message, on credit: they and their address wait longer the next
    /// time. Returns whether there was credit.
    pub(super) fn charge_on_credit(
        &mut self,
        person: &str,
        address: IpAddr,
        cost: Cost,
        now: Instant,
    ) -> bool {
        let mut allowances = self.allowances(person, address, now);
        if !allowances.iter_mut().all(|one| one.has_credit(cost, now)) {
            return false;
        }
        for one in allowances {
            one.take(cost);
        }
        true
    }

    fn allowances(&mut self, person: &str, address: IpAddr, now: Instant) -> Vec<&mut Allowance> {
        let person = self.people.entry(person.to_owned(), now);
        let addresses = self.addresses.as_mut();
        let address = addresses.map(|addresses| addresses.entry(network_of(address), now));
        std::iter::once(person).chain(address).collect()
    }
}

/// Address that limits apply to: IPv6 addresses are reduced to their /64, which one subscriber has at least.
pub(super) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Wrong secrets before an address is locked out.
const FREE_FAILURES: u32 = 5;
/// Duration of the first lockout, and of the longest.
const FIRST_LOCKOUT: Duration = Duration::from_secs(2);
const MAX_LOCKOUT: Duration = Duration::from_secs(900);
/// Time without a wrong secret after which an address is forgotten.
const FORGET_AFTER: Duration = Duration::from_secs(3600);
/// Most addresses that are stored.
const MAX_ADDRESSES: usize = 10_000;

/// Locks out addresses that sent wrong secrets; each further one doubles the time. A correct secret does not reset the
/// count: a person who has one could try to guess others.
#[derive(Debug, Default)]
pub(super) struct Lockout(HashMap<IpAddr, Failures>);

#[derive(Debug)]
struct Failures {
    count: u32,
    last: Instant,
    until: Instant,
}

impl Lockout {
    /// Checks whether an address may send secrets.
    ///
    /// # Errors
    /// Remaining time of the lockout.
    pub(super) fn check(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let until = self.0.get(&network_of(address)).map(|failures| failures.until);
        match until.and_then(|until| until.checked_duration_since(now)) {
            Some(swept_len) if !swept_len.is_zero() => Err(swept_len),
            Some(_) | None => Ok(()),
        }
    }

    /// Counts a wrong secret.
    pub(super) fn note_failure(&mut self, address: IpAddr, now: Instant) {
        if self.0.len() >= MAX_ADDRESSES {
            self.0.retain(|_, failures| now < failures.last + FORGET_AFTER);
        }
        if self.0.len() >= MAX_ADDRESSES {
            // too many addresses: forget those with few wrong secrets
            self.0.retain(|_, failures| failures.count > FREE_FAILURES);
        }
        if self.0.len() >= MAX_ADDRESSES {
            self.0.clear();
        }
        let failures = self.0.entry(network_of(address)).or_insert(Failures {
            count: 0,
            last: now,
            until: now,
        });
        if now >= failures.last + FORGET_AFTER {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
        if let Some(beyond) = failures.count.checked_sub(FREE_FAILURES) {
            let factor = 2_u32.saturating_pow(beyond);
            failures.until = now + FIRST_LOCKOUT.saturating_mul(factor).min(MAX_LOCKOUT);
        }
    }

    /// Number of addresses that are locked out.
    pub(super) fn count(&self, now: Instant) -> usize {
        self.0.values().filter(|failures| failures.until > now).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn limits(args: &[&str]) -> ChatLimits {
        Config::from_args(args.iter().copied())
            .expect("good arguments")
            .chat
    }

    fn v4(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn token_bucket_when_empty_refills() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(2.0, 3.0, begin);
        for _ in 0..3 {
            assert_eq!(bucket.take(1.0, begin), Ok(()));
        }
        assert_eq!(bucket.take(1.0, begin), Err(Duration::from_millis(500)));
        assert_eq!(bucket.take(1.0, begin + Duration::from_millis(500)), Ok(()));
        let later = begin + Duration::from_secs(60);
        let taken = (0..10).filter(|_| bucket.take(1.0, later).is_ok()).count();
        assert_eq!(taken, 3);
    }

    #[test]
    fn token_bucket_without_rate_waits_at_most_an_hour() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(0.0, 1.0, begin);
        assert_eq!(bucket.take(1.0, begin), Ok(()));
        assert_eq!(bucket.take(1.0, begin), Err(MAX_WAIT));
    }

    #[test]
    fn token_bucket_charged_above_capacity_goes_into_debt() {
        let begin = Instant::now();
        let mut bucket = Bucket::new(10.0, 100.0, begin);
        assert_eq!(bucket.take(200.0, begin), Ok(()));
        assert_eq!(bucket.take(1.0, begin), Err(Duration::from_millis(10_100)));
    }

    #[test]
    fn messages_are_counted_in_bytes_too() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--rate", "10", "--burst", "100"]));
        let mut send = |bytes| limiter.charge("ana", v4(1), Cost::Write(bytes), begin);
        assert_eq!((0..100).filter(|_| send(4000).is_ok()).count(), 25);
    }

    #[test]
    fn rate_limit_of_an_address_is_shared_by_its_people() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--rooms-per-hour", "10"]));
        let mut made = |address: IpAddr| {
            (0..1000)
                .filter(|n| {
                    let person = format!("{address} {n}");
                    limiter.charge(&person, address, Cost::Room, begin).is_ok()
                })
                .count()
        };
        assert_eq!((made(v4(1)), made(v4(2)), made(v4(1))), (30, 30, 0));
        // addresses of one subscriber
        let six = |text: &str| -> IpAddr { text.parse().expect("an address") };
        assert_eq!(made(six("2001:db8:1:2::1")), 30);
        assert_eq!(made(six("2001:db8:1:2:ffff::9")), 0);
        assert_eq!(made(six("2001:db8:1:3::1")), 30);
        assert_eq!(made(six("::ffff:192.0.2.1")), 0);
    }

    #[test]
    fn rate_limit_of_a_person_is_shared_by_addresses() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--rooms-per-hour", "10"]));
        let made = (0..100).filter(|n| limiter.charge("ana", v4(*n), Cost::Room, begin).is_ok());
        assert_eq!(made.count(), 10);
    }

    #[test]
    fn rate_limit_after_disconnect_gives_bounded_credit() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--rate", "10", "--burst", "100"]));
        let sent = |limiter: &mut RateLimiter| {
            (0..1000)
                .filter(|_| limiter.charge_on_credit("ana", v4(1), Cost::Write(1), begin))
                .count()
        };
        assert_eq!((sent(&mut limiter), sent(&mut limiter)), (200, 0));
        let wait = limiter.charge("ana", v4(1), Cost::Write(1), begin);
        assert_eq!(wait, Err(Duration::from_millis(10_100)));
    }

    #[test]
    fn rate_limit_of_addresses_can_be_disabled() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--people-per-address", "0"]));
        let sent = (0..10_000).filter(|n: &u32| {
            let person = n.to_string();
            limiter.charge(&person, v4(1), Cost::Write(100), begin).is_ok()
        });
        assert_eq!(sent.count(), 10_000);
    }

    #[test]
    fn token_buckets_that_are_full_are_removed() {
        let begin = Instant::now();
        let mut limiter = RateLimiter::new(&limits(&["--people-per-address", "0"]));
        for n in 0..1000 {
            let cost = if n < 10 { Cost::Room } else { Cost::Typing };
            let sent = limiter.charge(&n.to_string(), v4(1), cost, begin);
            assert_eq!(sent, Ok(()));
        }
        let later = begin + Duration::from_secs(60);
        for n in 0..5000 {
            let person = format!("later {n}");
            let now = later + Duration::from_secs(n);
            assert_eq!(limiter.charge(&person, v4(1), Cost::Read, now), Ok(()));
        }
        let swept_len = limiter.people.by_key.len();
        assert!(swept_len <= 3 * MIN_SWEEP_SIZE, "{swept_len}");
    }

    #[test]
    fn lockout_after_wrong_secrets_doubles_its_time() {
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let mut now = Instant::now();
        let mut lockout = Lockout::default();
        for _ in 0..FREE_FAILURES {
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
        lockout.note_failure(one, now + FORGET_AFTER);
        assert_eq!(lockout.check(one, now + FORGET_AFTER), Ok(()));
    }

    #[test]
    fn lockout_addresses_are_bounded() {
        let now = Instant::now();
        let mut lockout = Lockout::default();
        for n in 0..50_000_u32 {
            lockout.note_failure(IpAddr::from(n.to_be_bytes()), now);
        }
        assert!(lockout.0.len() <= MAX_ADDRESSES);
    }
}
