-- Renews the lease of everything a claim holds.
-- KEYS: 1 run, 2 entity, 3.. natural keys.  ARGV: 1 claim id, 2 lease in ms
-- Returns 1, or 0 if anything is not ours any more (then nothing is written).
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i])['ok']
  if kind ~= 'hash' or redis.call('HGET', KEYS[i], 'claim') ~= ARGV[1] then return 0 end
end
local t = redis.call('TIME')
local lease = string.format('%d', tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000) + tonumber(ARGV[2]))
for i = 1, #KEYS do redis.call('HSET', KEYS[i], 'lease', lease) end
return 1
