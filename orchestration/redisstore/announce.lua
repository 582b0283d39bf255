-- Says that a process of the fleet lives, or that it has left.
-- KEYS: 1 members.  ARGV: 1 the process, 2 for how long to believe it, in ms, 0 for one that leaves, 3 what it says of itself,
--       4 after how long those that died are forgotten, in ms; 0: not this time
-- A member is 'until|since|what it says', since when it was believed without a gap: one whose time is over has died, since one that leaves is taken out. Returns 1.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
if tonumber(ARGV[2]) == 0 then
  redis.call('HDEL', KEYS[1], ARGV[1])
  return 1
end
local since = now
local til, before = string.match(redis.call('HGET', KEYS[1], ARGV[1]) or '', '^(%d+)|(%d+)|')
if til and tonumber(til) > now then since = before end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%d|%d|', now + tonumber(ARGV[2]), since) .. ARGV[3])
if tonumber(ARGV[4]) > 0 then
  local flat = redis.call('HGETALL', KEYS[1])
  for i = 1, #flat, 2 do
    if tonumber(string.match(flat[i + 1], '^%d+')) <= now - tonumber(ARGV[4]) then redis.call('HDEL', KEYS[1], flat[i]) end
  end
end
return 1
