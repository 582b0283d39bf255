-- Notes that a run waits for a binding, unless it is there.
-- KEYS: 1 binding, 2 who waits for it
-- ARGV: 1 run (short name), 2 what it was bound to when that was not enough, '' for nothing, 3 where its copy is, as JSON with seen,
--       4 lifetime in ms
-- Returns 1; 0 if it is bound to something else: then nothing is written, and nobody will wake the run.
if (redis.call('HGET', KEYS[1], 'v') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
