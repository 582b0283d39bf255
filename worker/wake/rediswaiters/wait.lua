-- Notes that an event waits: for a binding, unless that is there, or for a scenario to be on.
-- KEYS: 1 who waits for it, 2 binding; none of a scenario
-- ARGV: 1 run (short name), 2 what it was bound to when that was not enough, '' for nothing, 3 where its copy is, as JSON with seen,
--       4 lifetime in ms
-- Returns 1; 0 if it is bound to something else: then nothing is written, and nobody will wake the run.
if KEYS[2] and (redis.call('HGET', KEYS[2], 'v') or '') ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return 1
