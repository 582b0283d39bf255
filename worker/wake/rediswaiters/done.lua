-- Forgets that a binding was waited for, unless it was bound once more since.
-- KEYS: 1 which were waited for
-- ARGV: 1 entity (short name), 2 its count as it was read
-- Returns 1, or 0 if it was bound once more.
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]) or '0') ~= tonumber(ARGV[2]) then return 0 end
return redis.call('ZREM', KEYS[1], ARGV[1])
