//! How often someone may do what: also someone who leaves and returns.

use std::collections::HashMap;
use std::time::Instant;

use pesan::protocol::ChatError;

use super::super::limits::Bucket;
use crate::config::ChatLimits;

/// What a request costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::chat) enum Cost {
    /// Others see it.
    Write,
    /// Only the store works for it.
    Read,
    /// A sign that someone is typing.
    Typing,
    /// A room that stays.
    Room,
}

/// What someone may still do in this moment.
#[derive(Debug)]
pub(super) struct Buckets {
    write: Bucket,
    read: Bucket,
    typing: Bucket,
    rooms: Bucket,
}

impl Buckets {
    fn new(limits: &ChatLimits, now: Instant) -> Self {
        Self {
            write: Bucket::new(limits.rate, limits.burst, now),
            read: Bucket::new(20.0, 100.0, now),
            typing: Bucket::new(0.5, 3.0, now),
            rooms: Bucket::new(0.1, 10.0, now),
        }
    }

    /// Lets someone do something, if it is not too often.
    ///
    /// # Errors
    /// [`ChatErrorCode::TooFast`](pesan::protocol::ChatErrorCode::TooFast) with the seconds to wait.
    pub(super) fn pay(&mut self, cost: Cost, now: Instant) -> Result<(), ChatError> {
        match cost {
            Cost::Write => self.write.take(now),
            Cost::Read => self.read.take(now),
            Cost::Typing => self.typing.take(now),
            Cost::Room => self.rooms.take(now),
        }
    }

    fn are_full(&self, now: Instant) -> bool {
        [self.write, self.read, self.typing, self.rooms]
            .iter()
            .all(|bucket| bucket.is_full(now))
    }
}

/// Fewest that are looked through for those that are full again.
const FEW: usize = 64;

/// Buckets of people who have gone, until they are full again.
#[derive(Debug, Default)]
pub(super) struct Resting {
    by_person: HashMap<String, Buckets>,
    /// How many there were after the last look.
    left: usize,
}

impl Resting {
    /// Keeps the buckets of someone who goes. Full ones, which are as new, go now and then, so that those who come once
    /// leave nothing behind.
    pub(super) fn keep(&mut self, person: String, buckets: Buckets, now: Instant) {
        self.by_person.insert(person, buckets);
        if self.by_person.len() > FEW + 2 * self.left {
            self.by_person.retain(|_, buckets| !buckets.are_full(now));
            self.by_person.shrink_to(FEW + 2 * self.by_person.len());
            self.left = self.by_person.len();
        }
    }

    /// Buckets for someone who comes: those they left, or full ones.
    pub(super) fn take(&mut self, person: &str, limits: &ChatLimits, now: Instant) -> Buckets {
        let left = self.by_person.remove(person);
        left.unwrap_or_else(|| Buckets::new(limits, now))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::Config;

    #[test]
    fn only_those_who_did_much_are_remembered() {
        let limits = Config::from_args([]).expect("defaults").chat;
        let begin = Instant::now();
        let mut resting = Resting::default();
        for n in 0..1000 {
            let mut buckets = Buckets::new(&limits, begin);
            if n < 10 {
                assert_eq!(buckets.pay(Cost::Room, begin), Ok(()));
            }
            resting.keep(n.to_string(), buckets, begin);
        }
        assert!(resting.by_person.len() <= 10 + FEW + 2 * 10);
        let mut again = resting.take("3", &limits, begin);
        let more = (0..20).filter(|_| again.pay(Cost::Room, begin).is_ok()).count();
        assert_eq!(more, 9, "one of ten was taken before");
        let later = begin + Duration::from_secs(200);
        for n in 0..=FEW + 2 * 10 {
            resting.keep(format!("later {n}"), Buckets::new(&limits, begin), later);
        }
        assert!(resting.by_person.len() <= FEW, "{}", resting.by_person.len());
    }
}
