-- Takes the lease of a role, or prolongs it for who has it.
-- KEYS: 1 the lease
-- ARGV: 1 id of the process, 2 how long, in ms
-- Returns 1 if the lease is the process's now, 0 if it is another's.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
