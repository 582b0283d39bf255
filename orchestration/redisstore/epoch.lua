-- Remembers which server this is, so that lost memory is noticed.
-- KEYS: 1 epoch.  ARGV: 1 the server's run id, '' if it will not tell, 2 for how long claims may only look, in ms,
--       3 '1' to write a clean epoch (the caller owns an empty broker and an empty store)
-- Returns 'same', 'new' (there was none: empty or wiped) or 'changed' (restarted or failed over: the last writes may be lost).
-- 'born' is when memory began that can be trusted.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local known = redis.call('HGET', KEYS[1], 'run_id')
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'born', 0, 'look_only_until', 0)
  return 'same'
end
local til = string.format('%d', now + tonumber(ARGV[2]))
if not known then
  redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'born', string.format('%d', now), 'look_only_until', til)
  return 'new'
end
if ARGV[1] ~= '' and known ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'run_id', ARGV[1], 'born', string.format('%d', now), 'look_only_until', til)
  return 'changed'
end
return 'same'
