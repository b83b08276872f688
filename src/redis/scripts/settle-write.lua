-- Carries out what the field `#` of a hash asks for in Redis, once it has been seen, and only if it still asks for that.
-- KEYS[1]  the hash
-- ARGV[1]  the value of `#` that was seen
-- ARGV[2]  "keep" or "delete": what becomes of the key
-- ARGV[3]  the channel that marks a transaction as wbsync's own
-- Returns 1 where it was done, 0 where the key has changed meanwhile.
if redis.call("TYPE", KEYS[1]).ok ~= "hash" or redis.call("HGET", KEYS[1], "#") ~= ARGV[1] then
  return 0
end
redis.call("PUBLISH", ARGV[3], "settle")
if ARGV[2] == "delete" then
  redis.call("DEL", KEYS[1])
else
  redis.call("HDEL", KEYS[1], "#")
end
return 1
