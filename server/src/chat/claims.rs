//! Names that people have on all nodes: each is somebody's in Redis, for as long as a node says so.
//!
//! A node claims the name of whoever sits down, and says every few seconds that they are still here. The names of a
//! node that has died are free after [`TERM`]. While Redis is gone each node decides by what it knows; afterwards the
//! claims show who has a name that is another's, and that one gets the next free one.
//!
//! Keys, behind `<prefix>:chat:` — `name:<key>`: id of the person · `named:<id>`: key and name of the person.

use std::time::Duration;

use super::history::{Link, StoreError};
use super::names::Name;

/// How long a name stays somebody's without a word from a node.
const TERM: Duration = Duration::from_secs(15);
/// How often a node says whose names are still theirs.
pub(super) const AGAIN: Duration = Duration::from_secs(5);
/// Names of one script, so that no script takes long.
const AT_ONCE: usize = 500;

/// Gives the first of some names that is nobody else's, or the one that the person has on another node.
///
/// Keys: beginning of `name:`, key `named:<id>`. Arguments: id, term, whether the person wants another name than the one
/// they have, then key and name of each. Answer: which one it is, from 1 on, and its key and name; 0 for one that they had.
const CLAIM: &str = r"
local had = redis.call('HMGET', KEYS[2], 'key', 'name')
if had[1] and ARGV[3] == '0' and redis.call('GET', KEYS[1] .. had[1]) == ARGV[1] then
  redis.call('EXPIRE', KEYS[1] .. had[1], ARGV[2])
  redis.call('EXPIRE', KEYS[2], ARGV[2])
  return {'0', had[1], had[2]}
end
for at = 4, #ARGV, 2 do
  local owner = redis.call('GET', KEYS[1] .. ARGV[at])
  if not owner or owner == ARGV[1] then
    if had[1] and had[1] ~= ARGV[at] and redis.call('GET', KEYS[1] .. had[1]) == ARGV[1] then
      redis.call('DEL', KEYS[1] .. had[1])
    end
    redis.call('SET', KEYS[1] .. ARGV[at], ARGV[1], 'EX', ARGV[2])
    redis.call('HSET', KEYS[2], 'key', ARGV[at], 'name', ARGV[at + 1])
    redis.call('EXPIRE', KEYS[2], ARGV[2])
    return {tostring((at - 2) / 2), ARGV[at], ARGV[at + 1]}
  end
end
return {}
";

/// Says that people still have their names. Answer: id, key and name of each who is called otherwise; key and name are
/// empty when the name is another's.
///
/// Keys: beginning of `name:`, beginning of `named:`. Arguments: term, then id, key and name of each.
const KEEP: &str = r"
local wrong = {}
for at = 2, #ARGV, 3 do
  local id, key, name = ARGV[at], ARGV[at + 1], ARGV[at + 2]
  local had = redis.call('HMGET', KEYS[2] .. id, 'key', 'name')
  local owner = redis.call('GET', KEYS[1] .. key)
  if had[1] and (had[1] ~= key or had[2] ~= name) and redis.call('GET', KEYS[1] .. had[1]) == id then
    for _, text in ipairs({id, had[1], had[2]}) do wrong[#wrong + 1] = text end
  elseif owner and owner ~= id then
    for _, text in ipairs({id, '', ''}) do wrong[#wrong + 1] = text end
  else
    redis.call('SET', KEYS[1] .. key, id, 'EX', ARGV[1])
    redis.call('HSET', KEYS[2] .. id, 'key', key, 'name', name)
    redis.call('EXPIRE', KEYS[2] .. id, ARGV[1])
  end
end
return wrong
";

/// Frees the name of someone who has gone.
///
/// Keys: beginning of `name:`, key `named:<id>`. Arguments: id.
const FREE: &str = r"
local key = redis.call('HGET', KEYS[2], 'key')
if key and redis.call('GET', KEYS[1] .. key) == ARGV[1] then redis.call('DEL', KEYS[1] .. key) end
redis.call('DEL', KEYS[2])
";

/// Names that all nodes have agreed on.
#[derive(Debug, Clone)]
pub(super) struct Claims(Link);

/// Name that is somebody's now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claimed {
    /// The name.
    pub(super) name: Name,
    /// Whether it is the first of those that were wished, or what the person was called anyway.
    pub(super) wished: bool,
}

impl Claims {
    pub(super) fn new(link: Link) -> Self {
        Self(link)
    }

    /// Claims one of some names for someone; none when all are others'. Who has a name already keeps it, unless they
    /// want another.
    pub(super) async fn claim(
        &self,
        id: &str,
        names: &[Name],
        another: bool,
    ) -> Result<Option<Claimed>, StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(CLAIM).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline.arg(id).arg(TERM.as_secs()).arg(u8::from(another));
        for name in names {
            pipeline.arg(&name.key).arg(&name.shown);
        }
        let (answer,): (Vec<String>,) = self.0.ask(&pipeline).await?;
        let Ok([which, key, shown]) = <[String; 3]>::try_from(answer) else {
            return Ok(None);
        };
        Ok(Some(Claimed {
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
            pipeline.arg(TERM.as_secs());
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

    /// Frees the name of someone who has gone from all nodes.
    pub(super) async fn free(&self, id: &str) -> Result<(), StoreError> {
        let mut pipeline = redis::pipe();
        pipeline.cmd("EVAL").arg(FREE).arg(2);
        pipeline
            .arg(self.0.key("name:"))
            .arg(self.0.key(&format!("named:{id}")));
        pipeline.arg(id);
        let ((),) = self.0.ask(&pipeline).await?;
        Ok(())
    }
}
