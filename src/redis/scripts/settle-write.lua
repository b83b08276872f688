-- Carries out what the field `#` of a hash asks for in Redis, once it has been seen, and only if it still asks for that.
-- KEYS[1]  the hash
-- ARGV[1]  the value of `#` that was seen
-- ARGV[2]  what becomes of the key: "keep", "spare" (its row is not written), "leave" (it goes, its row stays) or "remove" (both go)
-- ARGV[3]  the channel that marks a transaction as wbsync's own
-- Returns 1 where it was done, 0 where the key has changed meanwhile.
if redis.call("TYPE", KEYS[1]).ok ~= "hash" or redis.call("HGET", KEYS[1], "#") ~= ARGV[1] then
  return 0
end
-- Where a hash that has a row goes with its last field, that is news for the row, as if a client had removed it.
if ARGV[2] ~= "keep" or redis.call("HLEN", KEYS[1]) > 1 then
  redis.call("PUBLISH", ARGV[3], ARGV[2])
end
if ARGV[2] == "keep" or ARGV[2] == "spare" then
  redis.call("HDEL", KEYS[1], "#")
else
  redis.call("DEL", KEYS[1])
end
return 1
