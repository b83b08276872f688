-- Changes registrations in one step: all of them, or none where one is not as expected.
--
-- KEYS[1]  hash: recipe name -> registration
-- KEYS[2]  hash: sha256 -> bundle
-- KEYS[3]  hash: name of an undeployed recipe -> its last revision
-- ARGV[1]  channel that hears of the change
-- ARGV[2]  message: a recipe's name, or "*"
-- ARGV[3]  sha256 of a bundle to store, or ""
-- ARGV[4]  the bundle
-- then, for each registration, four values:
--          name, expected text ("": absent), new text ("": remove), last revision (where it is removed, else "")
--
-- Returns 1 when done, 0 where a registration is not as expected (then nothing was changed).

for i = 5, #ARGV, 4 do
  local current = redis.call('HGET', KEYS[1], ARGV[i]) or ''
  if current ~= ARGV[i + 1] then return 0 end
end

if ARGV[3] ~= '' then redis.call('HSET', KEYS[2], ARGV[3], ARGV[4]) end
for i = 5, #ARGV, 4 do
  local name, text = ARGV[i], ARGV[i + 2]
  if text == '' then
    redis.call('HDEL', KEYS[1], name)
    redis.call('HSET', KEYS[3], name, ARGV[i + 3])
  else
    redis.call('HSET', KEYS[1], name, text)
    redis.call('HDEL', KEYS[3], name)
  end
end

-- Bundles that no registration names any more, neither as active nor in its history. Any 64 hex digits count as a name, so
-- that a registration which cannot be parsed keeps its bundles too.
local used = {}
local sha256 = string.rep('%x', 64)
for _, text in ipairs(redis.call('HVALS', KEYS[1])) do
  for name in string.gmatch(text, sha256) do used[name] = true end
end
for _, name in ipairs(redis.call('HKEYS', KEYS[2])) do
  if not used[name] then redis.call('HDEL', KEYS[2], name) end
end

redis.call('PUBLISH', ARGV[1], ARGV[2])
return 1
