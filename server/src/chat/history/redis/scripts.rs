//! Lua scripts, which Redis runs atomically, so that no node sees a partial change.

/// Stores a message, numbers it, and appends it to the feed.
///
/// Keys: `ids`, `rooms`, `seqs`, `feed`, the room's log. Arguments: id, room, author's id and name, text, quote as JSON
/// or empty, length of the feed. Answer: `{"new", seq, at, position in the feed}`, `{"known", location}`, or
/// `{"no room"}`.
pub(super) const APPEND: &str = r"
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known then return {'known', known} end
if redis.call('HEXISTS', KEYS[2], ARGV[2]) == 0 then return {'no room'} end
local time = redis.call('TIME')
local at = string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000))
local seq = string.format('%.0f', redis.call('HINCRBY', KEYS[3], ARGV[2], 1))
local fields = {'i', ARGV[1], 'a', ARGV[3], 'n', ARGV[4], 't', ARGV[5], 'w', at}
if ARGV[6] ~= '' then
  fields[#fields + 1] = 'q'
  fields[#fields + 1] = ARGV[6]
end
redis.call('XADD', KEYS[5], seq .. '-0', unpack(fields))
redis.call('HSET', KEYS[1], ARGV[1], seq .. ' ' .. at .. ' ' .. ARGV[3] .. ' ' .. ARGV[2])
local place = redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[7], '*', 'r', ARGV[2], 's', seq, unpack(fields))
return {'new', seq, at, place}
";

/// Saves a room; appends it to the feed if it has changed.
///
/// Keys: `rooms`, `feed`. Arguments: id, record, length of the feed.
pub(super) const SAVE: &str = r"
if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[3], '*', 'room', ARGV[1], 'record', ARGV[2])
";

/// Creates an open room under the next free id, unless another room has its name.
///
/// Keys: `rooms`, `names`, `feed`. Arguments: requested id, record, length of the feed, key of the name, whose parts are
/// separated by line feeds. Answer: whether it was created, and the id of the room with the name.
pub(super) const CREATE: &str = r"
for part in string.gmatch(ARGV[4], '[^\n]+') do
  local taken = redis.call('HGET', KEYS[2], part)
  if taken then return {0, taken} end
end
local id, number = ARGV[1], 2
while redis.call('HEXISTS', KEYS[1], id) == 1 do
  id = ARGV[1] .. '-' .. number
  number = number + 1
end
redis.call('HSET', KEYS[1], id, ARGV[2])
for part in string.gmatch(ARGV[4], '[^\n]+') do redis.call('HSET', KEYS[2], part, id) end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'room', id, 'record', ARGV[2])
return {1, id}
";

/// Removes a room from the list; its messages are removed afterwards. Answer: whether it existed.
///
/// Keys: `rooms`, `names`, `seqs`, `feed`. Arguments: id, key of the name, whether to remove it only if it has no messages,
/// length of the feed, id of the room that gets its messages, or empty.
pub(super) const REMOVE: &str = r"
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
if ARGV[3] == '1' and tonumber(redis.call('HGET', KEYS[3], ARGV[1]) or '0') > 0 then return 0 end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HDEL', KEYS[3], ARGV[1])
for part in string.gmatch(ARGV[2], '[^\n]+') do
  if redis.call('HGET', KEYS[2], part) == ARGV[1] then redis.call('HDEL', KEYS[2], part) end
end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[4], '*', 'gone', ARGV[1], 'into', ARGV[5])
return 1
";

/// Appends the oldest messages of a removed room to another one; returns their number.
///
/// Keys: `ids`, `seqs`, log of the source, log of the target. Arguments: id of the target, most messages.
pub(super) const MOVE: &str = r"
local moved = redis.call('XRANGE', KEYS[3], '-', '+', 'COUNT', ARGV[2])
for _, entry in ipairs(moved) do
  local seq = string.format('%.0f', redis.call('HINCRBY', KEYS[2], ARGV[1], 1))
  local field, fields = {}, {}
  for at = 1, #entry[2], 2 do
    field[entry[2][at]] = entry[2][at + 1]
    -- quoted messages have other numbers now
    if entry[2][at] ~= 'q' then
      fields[#fields + 1] = entry[2][at]
      fields[#fields + 1] = entry[2][at + 1]
    end
  end
  redis.call('XADD', KEYS[4], seq .. '-0', unpack(fields))
  redis.call('HSET', KEYS[1], field['i'], seq .. ' ' .. field['w'] .. ' ' .. field['a'] .. ' ' .. ARGV[1])
  redis.call('XDEL', KEYS[3], entry[1])
end
return #moved
";

/// Removes the oldest messages of a room that are too many or too old; returns their number.
///
/// Keys: `ids`, the room's log. Arguments: number up to which messages are removed, time before which they are, most messages.
pub(super) const TRIM: &str = r"
local removed, last = 0, nil
for _, entry in ipairs(redis.call('XRANGE', KEYS[2], '-', '+', 'COUNT', ARGV[3])) do
  local seq = tonumber(string.match(entry[1], '^%d+'))
  local field = {}
  for at = 1, #entry[2], 2 do field[entry[2][at]] = entry[2][at + 1] end
  if seq > tonumber(ARGV[1]) and tonumber(field['w']) >= tonumber(ARGV[2]) then break end
  redis.call('HDEL', KEYS[1], field['i'])
  removed, last = removed + 1, seq
end
if last then redis.call('XTRIM', KEYS[2], 'MINID', string.format('%.0f-0', last + 1)) end
return removed
";

/// Deletes the entries of a message in the log and in the feed; its number stays unused. Answer: whether it existed.
///
/// Keys: the room's log, its deleted numbers, `feed`. Arguments: room, number, length of the feed.
pub(super) const DELETE: &str = r"
local entry = ARGV[2] .. '-0'
if redis.call('XDEL', KEYS[1], entry) == 0 then return 0 end
redis.call('SADD', KEYS[2], ARGV[2])
local was, last = '', '+'
repeat
  local entries = redis.call('XREVRANGE', KEYS[3], last, '-', 'COUNT', 500)
  for _, one in ipairs(entries) do
    local field = {}
    for at = 1, #one[2], 2 do field[one[2][at]] = one[2][at + 1] end
    if field['r'] == ARGV[1] and field['s'] == ARGV[2] then was = one[1] end
    last = '(' .. one[1]
  end
until was ~= '' or #entries < 500
if was ~= '' then redis.call('XDEL', KEYS[3], was) end
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', 'deleted', ARGV[1], 's', ARGV[2], 'was', was)
return 1
";

/// Deletes the messages of a person in a part of a room's log. Answer: their number, and the entry to continue with,
/// empty at the end.
///
/// Keys: the room's log, its deleted numbers, `ids`. Arguments: person, first entry, most entries at once.
pub(super) const ERASE: &str = r"
local erased, next = 0, ''
local entries = redis.call('XRANGE', KEYS[1], ARGV[2], '+', 'COUNT', ARGV[3])
for _, entry in ipairs(entries) do
  local field = {}
  for at = 1, #entry[2], 2 do field[entry[2][at]] = entry[2][at + 1] end
  if field['a'] == ARGV[1] then
    redis.call('XDEL', KEYS[1], entry[1])
    redis.call('SADD', KEYS[2], string.match(entry[1], '^%d+'))
    redis.call('HDEL', KEYS[3], field['i'])
    erased = erased + 1
  end
end
if #entries == tonumber(ARGV[3]) then next = '(' .. entries[#entries][1] end
return {erased, next}
";

/// Deletes the messages of a person from the feed, and notifies all nodes.
///
/// Keys: `feed`. Arguments: person, length of the feed.
pub(super) const ERASE_FEED: &str = r"
local was, first = {}, '-'
repeat
  local entries = redis.call('XRANGE', KEYS[1], first, '+', 'COUNT', 500)
  for _, one in ipairs(entries) do
    for at = 1, #one[2], 2 do
      if one[2][at] == 'a' and one[2][at + 1] == ARGV[1] then was[#was + 1] = one[1] end
    end
    first = '(' .. one[1]
  end
until #entries < 500
for _, id in ipairs(was) do redis.call('XDEL', KEYS[1], id) end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'erased', ARGV[1], 'was', table.concat(was, ' '))
";
