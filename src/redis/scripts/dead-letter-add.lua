-- Adds a dead letter in place of the earlier ones of the same key.
--
-- KEYS[1]  stream of dead letters
-- ARGV[1]  the stream's greatest length, roughly: beyond it the oldest letters go
-- ARGV[2]  number of earlier letters
-- then the ids of the earlier letters, then the letter: field, value, field, value, …
--
-- Returns the letter's id.

local earlier = tonumber(ARGV[2])
for i = 3, 2 + earlier do redis.call('XDEL', KEYS[1], ARGV[i]) end
return redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(ARGV, 3 + earlier))
