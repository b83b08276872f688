-- The last step of a write-through, in Redis: the fields are laid over the hash (or the hash goes), the temporary key loses what was
-- carried out, and the client gets its answer. Fields that were written to the temporary key since stay there: they are another write.
-- KEYS[1]  the temporary key, KEYS[2] the key, KEYS[3] the stream of the answer
-- ARGV[1]  the channel that marks a transaction as wbsync's own, ARGV[2] the marker
-- ARGV[3]  "set", "delete" or "none": what becomes of the key
-- ARGV[4]  "1" where somebody waits for an answer, ARGV[5] the error, empty where it went well
-- ARGV[6…] field, value, field, value, …: the write that is carried out, `#` included
-- Returns the number of fields that the temporary key still has.
redis.call("PUBLISH", ARGV[1], ARGV[2])
if ARGV[3] == "delete" then
  redis.call("DEL", KEYS[2])
end
local isHash = redis.call("TYPE", KEYS[1]).ok == "hash"
for i = 6, #ARGV, 2 do
  if ARGV[3] == "set" and ARGV[i] ~= "#" then
    redis.call("HSET", KEYS[2], ARGV[i], ARGV[i + 1])
  end
  if isHash and redis.call("HGET", KEYS[1], ARGV[i]) == ARGV[i + 1] then
    redis.call("HDEL", KEYS[1], ARGV[i])
  end
end
if ARGV[4] == "1" then
  if ARGV[5] == "" then
    redis.call("XADD", KEYS[3], "*", "status", "done")
  else
    redis.call("XADD", KEYS[3], "*", "status", "failed", "error", ARGV[5])
  end
  redis.call("EXPIRE", KEYS[3], 3600)
end
return isHash and redis.call("HLEN", KEYS[1]) or 0
