-- Says what is about to be written, where rows and checkpoint cannot be written in one step; refuses a writer that was overtaken.
--
-- KEYS[1]  hash: partition -> its checkpoint as JSON; "<partition>:next" -> what is about to be written
-- then, for each checkpoint, three values:
--          partition, the token that has to be stored ("": no checkpoint), replication id and newest offset of the rows as JSON
--
-- Returns 1 when done, 0 where another token is stored (then nothing was changed).

for i = 1, #ARGV, 3 do
  local stored = redis.call('HGET', KEYS[1], ARGV[i])
  local token = stored and cjson.decode(stored).token or ''
  if token ~= ARGV[i + 1] then return 0 end
end
for i = 1, #ARGV, 3 do
  if ARGV[i + 1] ~= '' then redis.call('HSET', KEYS[1], ARGV[i] .. ':next', ARGV[i + 2]) end
end
return 1
