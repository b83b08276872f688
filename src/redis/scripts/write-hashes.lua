-- Writes the rows of a batch as hashes and moves the checkpoints that speak of them: all of it, or nothing.
--
-- KEYS[1]    hash: partition -> its checkpoint as JSON; "<partition>:next" -> what is about to be written
-- KEYS[2..]  hashes: first those to delete, then those to set
-- ARGV[1]    how many checkpoints move
-- ARGV[2]    how many hashes are deleted
-- then, for each checkpoint, three values:
--            partition, the token that has to be stored ("": no checkpoint), the new JSON ("": it is removed)
-- then, for each hash to set:
--            how many values follow that set fields (two a field), how many follow that name fields to remove, and these
--
-- Returns {1} when done, {0} where another token is stored, {-1, n, type} where the n-th hash is no hash. In the last two cases
-- nothing was written.

local CHUNK = 4000
local moves, deletes = tonumber(ARGV[1]), tonumber(ARGV[2])
local rows = 3 + moves * 3

for i = 3, rows - 1, 3 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  local token = stored and cjson.decode(stored).token or ''
  if token ~= ARGV[i + 1] then return {0} end
end

for i = deletes + 2, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then return {-1, i - 1, kind} end
end

for i = 2, deletes + 1 do redis.call('DEL', KEYS[i]) end

local at = rows
for i = deletes + 2, #KEYS do
  local sets, unsets = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  at = at + 2
  -- Lua's stack holds no more than some thousand values.
  for first = at, at + sets - 1, CHUNK do
    redis.call('HSET', KEYS[i], unpack(ARGV, first, math.min(first + CHUNK, at + sets) - 1))
  end
  at = at + sets
  for first = at, at + unsets - 1, CHUNK do
    redis.call('HDEL', KEYS[i], unpack(ARGV, first, math.min(first + CHUNK, at + unsets) - 1))
  end
  at = at + unsets
end

for i = 3, rows - 1, 3 do
  redis.call('HDEL', KEYS[1], ARGV[i] .. ':next')
  if ARGV[i + 2] == '' then
    redis.call('HDEL', KEYS[1], ARGV[i])
  else
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  end
end
return {1}
