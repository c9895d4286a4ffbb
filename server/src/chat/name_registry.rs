//! Names that people have on all nodes: each is somebody's in Redis, for as long as a node says so.
//!
//! A node claims the name of each person who connects, and confirms it every few seconds. A name stays its
//! owner's for [`HELD`] after that; who is on a node that has died is forgotten after [`TERM`]. While Redis is gone each node decides by what it knows; afterwards the
//! claims show who has a name that is another's, and that one gets the next free one.
//!
//! Keys, behind `<prefix>:chat:` — `name:<part>`: id of the person, for each part of the key of the name ·
//! `named:<id>`: key and name of the person. Parts are separated by line feeds.

use std::time::Duration;

use super::held_names::HELD;
use super::history::{RedisClient, StoreError};
use super::names::Name;

/// How long someone counts as present without a word from a node.
const TERM: Duration = Duration::from_secs(15);
/// How often a node says whose names are still theirs.
pub(super) const AGAIN: Duration = Duration::from_secs(5);
/// Names of one script, so that no script takes long.
const AT_ONCE: usize = 500;

/// Gives the first of some names that is nobody else's, or the one that the person has on another node.
///
/// Keys: beginning of `name:`, key `named:<id>`. Arguments: id, term, how long names are held, whether the person wants
/// another name than the one they have, then key and name of each. Answer: which one it is, from 1 on, and its key and
/// name; 0 for one that they had.
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

/// Says that people still have their names. Answer: id, key and name of each who is called otherwise; key and name are
/// empty when the name is another's.
///
/// Keys: beginning of `name:`, beginning of `named:`. Arguments: term, how long names are held, then id, key and name of
/// each.
const KEEP: &str = r"
local function owned(key, id)
  local all, other = true, false
  for part in string.gmatch(key, '[^\n]+') do
    local owner = redis.call('GET', KEYS[1] .. part)
    all = all and owner == id
    other = other or (owner and owner ~= id)
  end
  return all, other
end
local wrong = {}
for at = 3, #ARGV, 3 do
  local id, key, name = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local had = redis.call('HMGET', KEYS[2] .. id, 'key', 'name')
  local _, others = owned(key, id)
  if had[1] and (had[1] ~= key or had[2] ~= name) and owned(had[1], id) then
    for _, text in ipairs({id, had[1], had[2]}) do wrong[#wrong + 1] = text end
  elseif others then
    for _, text in ipairs({id, '', ''}) do wrong[#wrong + 1] = text end
  else
    for part in string.gmatch(key, '[^\n]+') do redis.call('SET', KEYS[1] .. part, id, 'EX', ARGV[2]) end
    redis.call('HSET', KEYS[2] .. id, 'key', key, 'name', name)
    redis.call('EXPIRE', KEYS[2] .. id, ARGV[1])
  end
end
return wrong
";

/// Someone has gone, or the name that was held for them is free.
///
/// Keys: beginning of `name:`, key `named:<id>`. Arguments: id, key of the name that is free or nothing.
const FREE: &str = r"
for part in string.gmatch(ARGV[2], '[^\n]+') do
  if redis.call('GET', KEYS[1] .. part) == ARGV[1] then redis.call('DEL', KEYS[1] .. part) end
end
local had = redis.call('HGET', KEYS[2], 'key')
if ARGV[2] == '' or had == ARGV[2] then redis.call('DEL', KEYS[2]) end
";

/// Names that all nodes have agreed on.
#[derive(Debug, Clone)]
pub(super) struct NameRegistry(RedisClient);

/// Name that is somebody's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimedName {
    /// The name.
    pub(super) name: Name,
    /// Whether it is the first of those that were wished, or what the person was called anyway.
    pub(super) wished: bool,
}

impl NameRegistry {
    pub(super) fn new(link: RedisClient) -> Self {
        Self(link)
    }

    /// Claims one of some names for someone; none when all are others'. Who has a name already keeps it, unless they
    /// want another.
    pub(super) async fn claim(
        &self,
        id: &str,
        names: &[Name],
        another: bool,
    ) -> Result<Option<ClaimedName>, StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(CLAIM).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline.arg(id).arg(TERM.as_secs()).arg(HELD.as_secs());
        pipeline.arg(u8::from(another));
        for name in names {
            pipeline.arg(&name.key).arg(&name.shown);
        }
        let (answer,): (Vec<String>,) = self.0.ask(&pipeline).await?;
        let Ok([which, key, shown]) = <[String; 3]>::try_from(answer) else {
            return Ok(None);
        };
        Ok(Some(ClaimedName {
            name: Name { shown, key },
            wished: which == "0" || which == "1",
        }))
    }

    /// Keeps the names of people who are here; those who are called otherwise, without a name when theirs is another's.
    pub(super) async fn keep(
        &self,
        people: &[(String, Name)],
    ) -> Result<Vec<(String, Option<Name>)>, StoreError> {
        let mut wrong = Vec::new();
        for some in people.chunks(AT_ONCE) {
            let mut pipeline = redis::pipe();
            pipeline.cmd("EVAL").arg(KEEP).arg(2);
            pipeline.arg(self.0.key("name:")).arg(self.0.key("named:"));
            pipeline.arg(TERM.as_secs()).arg(HELD.as_secs());
            for (id, name) in some {
                pipeline.arg(id).arg(&name.key).arg(&name.shown);
            }
            let (answer,): (Vec<String>,) = self.0.ask(&pipeline).await?;
            let mut words = answer.into_iter();
            while let (Some(id), Some(key), Some(shown)) = (words.next(), words.next(), words.next()) {
                wrong.push((id, (!key.is_empty()).then_some(Name { shown, key })));
            }
        }
        Ok(wrong)
    }

    /// Someone has gone from all nodes, or the name that was held for them is free: `key` is that of a name that
    /// others may have.
    pub(super) async fn free(&self, id: &str, key: &str) -> Result<(), StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(FREE).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline.arg(id).arg(key);
        let ((),) = self.0.ask(&pipeline).await?;
        Ok(())
    }
}
