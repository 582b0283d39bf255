-- Replaces what is remembered of one schedule.
-- KEYS: 1 the records, by schedule
-- ARGV: 1 the schedule's name
--       2 version of the record that the new one comes from; 0 for none
--       3 up to where the new record has dealt with the ticks, in ms
--       4 the new record, a JSON object with v (its version) and at (argument 3)
-- Returns 1 when it is written; 0 when the record there is of another version, or further on. So whoever was frozen, or remembers what
-- was there before Redis was wiped, cannot turn time back.
local old = redis.call('HGET', KEYS[1], ARGV[1])
local version, at = 0, 0
if old then
  local r = cjson.decode(old)
  version, at = r.v, r.at
end
if version ~= tonumber(ARGV[2]) or at > tonumber(ARGV[3]) then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[4])
return 1
