//! Registry of names: [`NameRegistry`] keeps them unique on all nodes, [`HeldNames`] holds those of people who left.
//!
//! A node claims the name of each person who connects, and renews the claim every few seconds. After a disconnect, the
//! name stays reserved for [`HOLD_TIME`]; the people of a crashed node are forgotten after [`PRESENCE_TTL`]. While Redis
//! is down each node decides alone; afterwards, a person whose name belongs to someone else gets the next free one.
//!
//! Redis keys, after `<prefix>:chat:` — `name:<part>`: id of the person, for each part of the key of the name ·
//! `named:<id>`: key and name of the person. Parts are separated by line feeds.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::error::StoreError;
use super::names::{Name, parts};
use super::rate_limit::network_of;
use super::redis_client::RedisClient;

/// Time without a renewal after which someone counts as absent.
const PRESENCE_TTL: Duration = Duration::from_secs(15);
/// Time between two renewals.
pub(super) const RENEW_INTERVAL: Duration = Duration::from_secs(5);
/// Most names of one script call, so that none takes long.
const MAX_PER_SCRIPT: usize = 500;

/// Claims the first free one of some names, or returns the name that the person has on another node.
///
/// Keys: prefix `name:`, key `named:<id>`. Arguments: id, presence TTL, hold time, whether this is a rename, then key and
/// name of each candidate. Answer: index of the claimed name from 1, or 0 for one that they had, then its key and name.
const CLAIM: &str = r"
local function each(key, call)
  for part in string.gmatch(key, '[^\n]+') do call(KEYS[1] .. part) end
end
local function is_free(key)
  local free = true
  each(key, function(part)
    local owner = redis.call('GET', part)
    if owner and owner ~= ARGV[1] then free = false end
  end)
  return free
end
local had = redis.call('HMGET', KEYS[2], 'key', 'name')
if had[1] and ARGV[4] == '0' and is_free(had[1]) then
  each(had[1], function(part) redis.call('SET', part, ARGV[1], 'EX', ARGV[3]) end)
  redis.call('EXPIRE', KEYS[2], ARGV[2])
  return {'0', had[1], had[2]}
end
for at = 5, #ARGV, 2 do
  if is_free(ARGV[at]) then
    if had[1] and had[1] ~= ARGV[at] then
      each(had[1], function(part)
        if redis.call('GET', part) == ARGV[1] then redis.call('DEL', part) end
      end)
    end
    each(ARGV[at], function(part) redis.call('SET', part, ARGV[1], 'EX', ARGV[3]) end)
    redis.call('HSET', KEYS[2], 'key', ARGV[at], 'name', ARGV[at + 1])
    redis.call('EXPIRE', KEYS[2], ARGV[2])
    return {tostring((at - 3) / 2), ARGV[at], ARGV[at + 1]}
  end
end
return {}
";

/// Renews the names of people. Answer: id, key and name of each person with another name in Redis; key and name are
/// empty when the name belongs to someone else.
///
/// Keys: prefix `name:`, prefix `named:`. Arguments: presence TTL, hold time, then id, key and name of each.
const RENEW: &str = r"
local function owned(key, id)
  local all, other = true, false
  for part in string.gmatch(key, '[^\n]+') do
    local owner = redis.call('GET', KEYS[1] .. part)
    all = all and owner == id
    other = other or (owner and owner ~= id)
  end
  return all, other
end
local lost = {}
for at = 3, #ARGV, 3 do
  local id, key, name = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local had = redis.call('HMGET', KEYS[2] .. id, 'key', 'name')
  local _, others = owned(key, id)
  if had[1] and (had[1] ~= key or had[2] ~= name) and owned(had[1], id) then
    for _, text in ipairs({id, had[1], had[2]}) do lost[#lost + 1] = text end
  elseif others then
    for _, text in ipairs({id, '', ''}) do lost[#lost + 1] = text end
  else
    for part in string.gmatch(key, '[^\n]+') do redis.call('SET', KEYS[1] .. part, id, 'EX', ARGV[2]) end
    redis.call('HSET', KEYS[2] .. id, 'key', key, 'name', name)
    redis.call('EXPIRE', KEYS[2] .. id, ARGV[1])
  end
end
return lost
";

/// Removes a person who has left, or releases the name that was held for them.
///
/// Keys: prefix `name:`, key `named:<id>`. Arguments: id, key of the released name or empty.
const RELEASE: &str = r"
for part in string.gmatch(ARGV[2], '[^\n]+') do
  if redis.call('GET', KEYS[1] .. part) == ARGV[1] then redis.call('DEL', KEYS[1] .. part) end
end
local had = redis.call('HGET', KEYS[2], 'key')
if ARGV[2] == '' or had == ARGV[2] then redis.call('DEL', KEYS[2]) end
";

/// Names in Redis, unique on all nodes.
#[derive(Debug, Clone)]
pub(super) struct NameRegistry(RedisClient);

/// Claimed name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimedName {
    /// The name.
    pub(super) name: Name,
    /// Whether it is the first candidate, or the name that the person had already.
    pub(super) is_requested: bool,
}

impl NameRegistry {
    pub(super) fn new(redis: RedisClient) -> Self {
        Self(redis)
    }

    /// Claims the first free one of some names; `None` when all are taken. A person who has a name keeps it, unless this is
    /// a rename.
    pub(super) async fn claim(
        &self,
        id: &str,
        names: &[Name],
        is_rename: bool,
    ) -> Result<Option<ClaimedName>, StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(CLAIM).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline
            .arg(id)
            .arg(PRESENCE_TTL.as_secs())
            .arg(HOLD_TIME.as_secs());
        pipeline.arg(u8::from(is_rename));
        for name in names {
            pipeline.arg(&name.key).arg(&name.shown);
        }
        let (answer,): (Vec<String>,) = self.0.query(&pipeline).await?;
        let Ok([which, key, shown]) = <[String; 3]>::try_from(answer) else {
            return Ok(None);
        };
        Ok(Some(ClaimedName {
            name: Name { shown, key },
            is_requested: which == "0" || which == "1",
        }))
    }

    /// Renews the names of people; returns those with another name in Redis, with `None` if theirs belongs to someone else.
    pub(super) async fn renew(
        &self,
        people: &[(String, Name)],
    ) -> Result<Vec<(String, Option<Name>)>, StoreError> {
        let mut lost = Vec::new();
        for chunk in people.chunks(MAX_PER_SCRIPT) {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(RENEW).arg(2);
            pipeline.arg(self.0.key("name:")).arg(self.0.key("named:"));
            pipeline.arg(PRESENCE_TTL.as_secs()).arg(HOLD_TIME.as_secs());
            for (id, name) in chunk {
                pipeline.arg(id).arg(&name.key).arg(&name.shown);
            }
            let (answer,): (Vec<String>,) = self.0.query(&pipeline).await?;
            let mut fields = answer.into_iter();
            while let (Some(id), Some(key), Some(shown)) = (fields.next(), fields.next(), fields.next()) {
                lost.push((id, (!key.is_empty()).then_some(Name { shown, key })));
            }
        }
        Ok(lost)
    }

    /// Releases a name: `key` is its comparison key, or empty when the person has only left all nodes.
    pub(super) async fn release(&self, id: &str, key: &str) -> Result<(), StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(RELEASE).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline.arg(id).arg(key);
        let ((),) = self.0.query(&pipeline).await?;
        Ok(())
    }
}

/// Time for which a name stays reserved after its owner has left.
pub(super) const HOLD_TIME: Duration = Duration::from_secs(24 * 3600);
/// Most held names.
const MAX_HELD: usize = 10_000;
/// Most held names of people at one address.
const MAX_HELD_PER_ADDRESS: usize = 50;

/// Names of people who have left. For a day nobody else gets them, so that no stranger answers in their place. Bounded
/// for each address and in total; the oldest names are released first.
#[derive(Debug, Default)]
pub(super) struct HeldNames {
    by_person: HashMap<String, Held>,
    /// Owners of names, by the parts of the names' comparison keys.
    by_part: HashMap<String, String>,
    /// Oldest first; includes names that are not held any more.
    order: VecDeque<(Instant, String)>,
    by_network: HashMap<IpAddr, VecDeque<String>>,
    /// People and keys of released names.
    freed: Vec<(String, String)>,
}

#[derive(Debug)]
struct Held {
    key: String,
    network: IpAddr,
    until: Instant,
}

impl HeldNames {
    /// Holds the name of someone who has left.
    pub(super) fn hold(&mut self, person: &str, key: &str, address: IpAddr, now: Instant) {
        self.release(person);
        self.remove_expired(now);
        let (network, until) = (network_of(address), now + HOLD_TIME);
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
        if here.len() > MAX_HELD_PER_ADDRESS
            && let Some(oldest) = here.front().cloned()
        {
            self.expire(&oldest);
        }
    }

    /// Owner of a held name.
    pub(super) fn holder(&self, part: &str, now: Instant) -> Option<&str> {
        let person = self.by_part.get(part)?;
        let held = self.by_person.get(person)?;
        (now < held.until).then_some(person)
    }

    /// Stops holding the name of someone who has returned.
    pub(super) fn release(&mut self, person: &str) {
        self.remove(person);
    }

    /// Names released since the last call, for the other nodes: people and keys.
    pub(super) fn take_freed(&mut self) -> Vec<(String, String)> {
        std::mem::take(&mut self.freed)
    }

    fn expire(&mut self, person: &str) {
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

    fn remove_expired(&mut self, now: Instant) {
        while let Some((until, person)) = self.order.front() {
            let held = self.by_person.get(person).map(|held| held.until);
            let stale = held != Some(*until);
            if !stale && *until > now && self.by_person.len() < MAX_HELD && self.order.len() < 2 * MAX_HELD {
                return;
            }
            let person = person.clone();
            if !stale {
                self.expire(&person);
            }
            self.order.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_names_of_one_address_are_bounded() {
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
        names.hold("other", "name of is_rename", IpAddr::from([192, 0, 2, 2]), now);
        assert_eq!(
            (0..1000).filter(|n| held(&names, *n)).count(),
            MAX_HELD_PER_ADDRESS
        );
        assert!(held(&names, 999) && !held(&names, 0));
        assert_eq!(names.holder("name of is_rename", now), Some("other"));
        assert_eq!(names.holder("name of is_rename", now + HOLD_TIME), None);
        names.release("other");
        assert_eq!(names.holder("name of is_rename", now), None);
    }

    #[test]
    fn held_names_in_total_are_bounded() {
        let now = Instant::now();
        let mut names = HeldNames::default();
        for n in 0..30_000_u32 {
            let address = IpAddr::from(n.to_be_bytes());
            names.hold(&n.to_string(), &format!("name {n}"), address, now);
        }
        assert!(names.by_person.len() <= MAX_HELD, "{}", names.by_person.len());
        assert!(names.order.len() <= 2 * MAX_HELD, "{}", names.order.len());
        assert_eq!(names.by_part.len(), names.by_person.len());
        assert_eq!(names.by_network.len(), names.by_person.len());
    }
}
