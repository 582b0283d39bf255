-- Gives a claim back without an end.
-- KEYS: 1 run, 2 waiting runs, 3 binding of the entity, 4 entity, 5.. natural keys
-- ARGV: 1 claim id, 2 run (short name), 3 step where it stopped, 4 taint window in ms or '' for no taint, 5 '1' if it counts as
--       an attempt, 6 what it waits for, 7 wait in ms, 8 reason if it was rejected, 9 what failed, '' for nothing, 10 version of
--       the state or '' for a fact, 11 how long a version without a binding is kept, in ms,
--       12 the binding that it waits for, as JSON, '' if that is not known
-- Returns 1; 0 if the claim is not ours any more. Asked again after it was done it returns 1.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'hash' then return 0 end
if redis.call('HGET', KEYS[1], 'claim') ~= ARGV[1] then
  if redis.call('HGET', KEYS[1], 'last') == ARGV[1] then return 1 end
  return 0
end
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
for i = 1, #KEYS do
  if i ~= 2 and i ~= 3 and redis.call('HGET', KEYS[i], 'claim') == ARGV[1] then
    if ARGV[4] ~= '' then -- before the HDEL: an emptied hash would be removed, and its lifetime with it
      local field, step = 't:' .. ARGV[2], ARGV[3]
      local old = redis.call('HGET', KEYS[i], field)
      if old and string.match(old, '^(.*)|') ~= step then step = '' end -- two writes in doubt: any step
      redis.call('HSET', KEYS[i], field, step .. '|' .. string.format('%d', now + tonumber(ARGV[4])))
    end
    redis.call('HDEL', KEYS[i], 'claim', 'lease', 'owner', 'run')
  end
end
-- A state that may have arrived counts as applied: an older one must not come behind it while this run waits for its next look.
if ARGV[4] ~= '' and ARGV[10] ~= '' then
  local ver = redis.call('HGET', KEYS[3], 'ver')
  if not ver or ver < ARGV[10] then redis.call('HSET', KEYS[3], 'ver', ARGV[10]) end
  if redis.call('HEXISTS', KEYS[3], 'v') == 0 then redis.call('PEXPIRE', KEYS[3], ARGV[11]) end
end
if ARGV[5] == '1' then redis.call('HINCRBY', KEYS[1], 'attempt', 1) end
redis.call('HSET', KEYS[1], 'last', ARGV[1])
if ARGV[8] ~= '' then redis.call('HSET', KEYS[1], 'rej', redis.call('HGET', KEYS[1], 'gen')) end
if ARGV[6] ~= '' then
  local til = string.format('%d', now + tonumber(ARGV[7]))
  redis.call('HSET', KEYS[1], 'wait', ARGV[6] .. '|' .. ARGV[3] .. '|' .. til)
  if ARGV[12] ~= '' then redis.call('HSET', KEYS[1], 'needs', ARGV[12]) end
  -- by scenario, cause and step; the score is when its message is due
  redis.call('ZADD', KEYS[2], til, redis.call('HGET', KEYS[1], 'scen') .. '|' .. ARGV[6] .. '|' .. ARGV[3] .. '|' .. ARGV[2])
  redis.call('PEXPIRE', KEYS[2], redis.call('PTTL', KEYS[1]))
end
-- The last 20 events of the run's life, for a person: time, step, what for, and what had failed if anything had.
local entry = string.format('%d', now) .. '|' .. ARGV[3] .. '|' .. (ARGV[8] ~= '' and ARGV[8] or ARGV[6])
if ARGV[9] ~= '' then entry = entry .. '|' .. ARGV[9] end
local lines = {}
for line in string.gmatch(redis.call('HGET', KEYS[1], 'hist') or '', '[^\n]+') do lines[#lines + 1] = line end
lines[#lines + 1] = entry
while #lines > 20 do table.remove(lines, 1) end
redis.call('HSET', KEYS[1], 'hist', table.concat(lines, '\n'))
return 1
