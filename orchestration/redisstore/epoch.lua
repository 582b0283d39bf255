-- Remembers which server this is, so that lost memory is noticed.
-- KEYS: 1 epoch.  ARGV: 1 the server's run id as the caller knows it, '' if it will not tell, 2 for how long claims may only look, in ms,
--       3 '1' to write a clean epoch (the caller owns an empty broker and an empty store)
-- Returns 'same', 'new' (there was none: empty or wiped) or 'changed' (restarted or failed over: the last writes may be lost).
-- The run id that the server itself gives counts before the caller's: claim.lua compares the same, and what stands between may
-- have a name of its own.
-- 'born' is when memory began that can be trusted.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local me = ARGV[1]
local about = redis.pcall('INFO', 'server')
if type(about) == 'string' then
  local _, e = string.find(about, 'run_id:', 1, true)
  if e then me = string.sub(about, e + 1, e + 40) end
end
local known = redis.call('HGET', KEYS[1], 'run_id')
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'run_id', me, 'born', 0, 'look_only_until', 0)
  return 'same'
end
local til = string.format('%d', now + tonumber(ARGV[2]))
if not known then
  redis.call('HSET', KEYS[1], 'run_id', me, 'born', string.format('%d', now), 'look_only_until', til)
  return 'new'
end
if me ~= '' and known ~= me then
  redis.call('HSET', KEYS[1], 'run_id', me, 'born', string.format('%d', now), 'look_only_until', til)
  return 'changed'
end
return 'same'
