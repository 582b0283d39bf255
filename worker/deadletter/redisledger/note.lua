-- Notes a removal and counts it for its job.
-- KEYS: 1 removals of the queue, 2 job.  ARGV: 1 sequence number, 2 removal, 3 lifetime in ms
-- Returns 1, or 0 if the same message was noted before (then nothing is written). The mark is what stands before the first '|'.
local old = redis.call('HGET', KEYS[1], ARGV[1])
if old and string.match(old, '^[^|]*') == string.match(ARGV[2], '^[^|]*') then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('HINCRBY', KEYS[2], 'done', 1)
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
