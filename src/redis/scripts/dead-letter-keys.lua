-- Which keys have dead letters, a page at a time, without the letters' values.
--
-- KEYS[1]  stream of dead letters
-- ARGV[1]  id to begin with, or "-"
-- ARGV[2]  letters a page
--
-- Returns id, key, id, key, …, with "" for an entry that names no key; nothing at the end of the stream.

local page = {}
for _, entry in ipairs(redis.call('XRANGE', KEYS[1], ARGV[1], '+', 'COUNT', ARGV[2])) do
  local fields, key = entry[2], ''
  for i = 1, #fields, 2 do
    if fields[i] == 'key' then key = fields[i + 1] end
  end
  page[#page + 1] = entry[1]
  page[#page + 1] = key
end
return page
