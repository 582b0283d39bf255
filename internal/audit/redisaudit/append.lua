-- Puts an entry at the end of the chain.
-- KEYS: 1 the last entries, by their number, and head: number and hash of the last one
-- ARGV: 1 the head as it was read, '' for none, 2 number, 3 hash, 4 the entry, 5 how many are kept
-- Returns 1; 0 if the head is another one by now: then nothing is written. Asked again after it was done it returns 1.
local head = redis.call('HGET', KEYS[1], 'head') or ''
local mine = ARGV[2] .. '|' .. ARGV[3]
if head == mine then return 1 end
if head ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[4], 'head', mine)
redis.call('HDEL', KEYS[1], string.format('%d', tonumber(ARGV[2]) - tonumber(ARGV[5])))
return 1
