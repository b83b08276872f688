-- Puts back a registration and its bundle that vanished (FLUSHALL, eviction), only where they are absent and nobody undeployed.
--
-- KEYS[1]  hash: recipe name -> registration
-- KEYS[2]  hash: sha256 -> bundle
-- KEYS[3]  hash: name of an undeployed recipe -> its last revision
-- ARGV[1]  channel that hears of the change
-- ARGV[2]  recipe name
-- ARGV[3]  registration
-- ARGV[4]  sha256 of its bundle
-- ARGV[5]  the bundle
--
-- Returns "undeployed", "restored", or "present".

if redis.call('HEXISTS', KEYS[3], ARGV[2]) == 1 then return 'undeployed' end

local restored = redis.call('HSETNX', KEYS[1], ARGV[2], ARGV[3])
-- The bundle is put back only for a registration that names it.
if string.find(redis.call('HGET', KEYS[1], ARGV[2]), ARGV[4], 1, true) then
  restored = restored + redis.call('HSETNX', KEYS[2], ARGV[4], ARGV[5])
end
if restored == 0 then return 'present' end

redis.call('PUBLISH', ARGV[1], ARGV[2])
return 'restored'
