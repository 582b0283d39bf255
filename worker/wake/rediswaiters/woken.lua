-- Forgets one who was woken, unless it waits again by now.
-- KEYS: 1 who waits
-- ARGV: 1 run (short name), 2 where its copy was, as take.lua gave it
-- Returns 1, or 0 if it is not there any more or is another one.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
return redis.call('HDEL', KEYS[1], ARGV[1])
