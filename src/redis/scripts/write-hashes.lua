-- Writes the rows of a batch as hashes and moves the checkpoints that speak of them: all of it, or nothing.
--
-- KEYS[1]    hash: partition -> its checkpoint as JSON; "<partition>:next" -> what is about to be written
-- KEYS[2..]  hashes: first those to delete, then those to set
-- ARGV[1]    how many checkpoints move
-- ARGV[2]    how many hashes are deleted
-- then, for each checkpoint, three values:
--            partition, the token that has to be stored ("": no checkpoint), the new JSON ("": it is removed)
-- then, for each group of hashes to set, in the order of KEYS:
--            how many fields are set, how many are removed, how many hashes; the names of these fields; hash by hash what is set
--
-- Returns {1} when done, {0} where another token is stored, {-1, n, type} where the n-th hash is no hash. In the last two cases
-- nothing was written.

local CHUNK = 2000
local call = redis.call
local moves, deletes = tonumber(ARGV[1]), tonumber(ARGV[2])
local rows = 3 + moves * 3

for i = 3, rows - 1, 3 do
  local stored = call('HGET', KEYS[1], ARGV[i])
  local token = stored and cjson.decode(stored).token or ''
  if token ~= ARGV[i + 1] then return {0} end
end

for i = deletes + 2, #KEYS do
  local kind = call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then return {-1, i - 1, kind} end
end

for i = 2, deletes + 1 do call('DEL', KEYS[i]) end

local at, key = rows, deletes + 2
while at <= #ARGV do
  local sets, unsets, hashes = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])
  at = at + 3
  -- The same commands serve all hashes of the group: only key and values change. Several, for Lua's stack holds no more than some
  -- thousand values.
  local commands = {}
  for first = at, at + sets - 1, CHUNK do
    local command = {'HSET', ''}
    for i = first, math.min(first + CHUNK, at + sets) - 1 do
      command[#command + 1] = ARGV[i]
      command[#command + 1] = ''
    end
    commands[#commands + 1] = command
  end
  local removed = at + sets
  at = removed + unsets
  for _ = 1, hashes do
    for _, command in ipairs(commands) do
      command[2] = KEYS[key]
      for i = 4, #command, 2 do
        command[i] = ARGV[at]
        at = at + 1
      end
      call(unpack(command))
    end
    for first = removed, removed + unsets - 1, CHUNK do
      call('HDEL', KEYS[key], unpack(ARGV, first, math.min(first + CHUNK, removed + unsets) - 1))
    end
    key = key + 1
  end
end

for i = 3, rows - 1, 3 do
  call('HDEL', KEYS[1], ARGV[i] .. ':next')
  if ARGV[i + 2] == '' then
    call('HDEL', KEYS[1], ARGV[i])
  else
    call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
  end
end
return {1}
