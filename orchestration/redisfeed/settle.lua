-- KEYS: a bucket of a feed. ARGV: the token of a page; how long the bucket lives, in ms, or ''; then for each record its id, its digest and its
-- entry, '' to remove it. A record that is not in doubt by the token was told by somebody else since, and stays; one that has the digest, and is in
-- no doubt, gets the entry. An entry begins with its digest, and, if it is in doubt, a question mark and the token.
for i = 3, #ARGV, 3 do
    local is = string.match(redis.call('HGET', KEYS[1], ARGV[i]) or '', '^%S*')
    local digest, doubt = string.match(is, '^([^?]*)%??(.*)$')
    if doubt ~= '' and doubt == ARGV[1] or doubt == '' and digest ~= '' and digest == ARGV[i + 1] then
        if ARGV[i + 2] == '' then
            redis.call('HDEL', KEYS[1], ARGV[i])
        else
            redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 2])
            if ARGV[2] ~= '' then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
        end
    end
end
return 1
