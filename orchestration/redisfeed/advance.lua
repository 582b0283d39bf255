-- KEYS: the cursor of a feed. ARGV: where it was; where it is to be. A cursor that somebody else has moved stays.
if (redis.call('GET', KEYS[1]) or '') == ARGV[1] then
    redis.call('SET', KEYS[1], ARGV[2])
    return 1
end
return 0
