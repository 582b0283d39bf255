-- Binds one reference to one record, both ways, if that contradicts nothing that is there.
-- KEYS: 1 binding of the reference, 2 binding backwards of the record, 3 holder of the reference's entity, 4 who waits for it,
--       5 which were waited for
-- ARGV: 1 D365 id, 2 source, 3 short name of the reference, 4 its id in clear or '', 5 version or '', 6 '1' to say only what would be,
--       7 how long waiting is remembered, in ms
-- Returns a pair: 'bound'; 'unchanged'; 'completed' (one direction was missing); 'other_target' and the id that the reference is
-- bound to; 'other_reference' and the id in clear that the record is bound to there, or ''; 'promoted' and the id under which
-- the record goes on; 'busy' while a run holds the entity or a write of one may still land. Nothing is written but on 'bound',
-- 'completed', and on 'unchanged' a version that is newer.
local id = redis.call('HGET', KEYS[1], 'v')
local other = redis.call('HGET', KEYS[2], ARGV[2])
local onward = redis.call('HGET', KEYS[2], '>')

if onward and not other then
  if id == onward then return {'unchanged', ''} end
  return {'promoted', onward}
end
if id and id ~= ARGV[1] then return {'other_target', id} end
if other then
  local ref, clear = string.match(other, '^([^|]*)|?(.*)$')
  if ref ~= ARGV[3] then return {'other_reference', clear} end
end

local result = 'bound'
if id and other then
  result = 'unchanged'
elseif id or other then
  result = 'completed'
end
if result ~= 'unchanged' then
  local t = redis.call('TIME')
  local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
  local flat = redis.call('HGETALL', KEYS[3])
  local claim, lease
  for i = 1, #flat, 2 do
    local field, value = flat[i], flat[i + 1]
    if field == 'claim' then claim = value end
    if field == 'lease' then lease = tonumber(value) end
    if string.sub(field, 1, 2) == 't:' and tonumber(string.match(value, '|(%d+)$')) > now then return {'busy', ''} end
  end
  if claim and lease and lease > now then return {'busy', ''} end
end
if ARGV[6] == '1' then return {result, ''} end

if result ~= 'unchanged' then
  redis.call('HSET', KEYS[1], 'v', ARGV[1])
  redis.call('PERSIST', KEYS[1])
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3] .. '|' .. ARGV[4])
  redis.call('PERSIST', KEYS[2])
  if redis.call('EXISTS', KEYS[4]) == 1 then -- as save.lua does
    redis.call('ZINCRBY', KEYS[5], 1, ARGV[3])
    redis.call('PEXPIRE', KEYS[5], ARGV[7])
  end
end
if ARGV[5] ~= '' then
  local ver = redis.call('HGET', KEYS[1], 'ver')
  if not ver or ver < ARGV[5] then redis.call('HSET', KEYS[1], 'ver', ARGV[5]) end
end
return {result, ''}
