-- Gives the lease of a role back.
-- KEYS: 1 the lease
-- ARGV: 1 id of the process
-- Returns 1 if it was the process's, else 0.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
