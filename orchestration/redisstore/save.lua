-- Writes progress and bindings under a claim; the last save of a run finishes it.
-- KEYS: 1 run, 2 entity, 3 binding of the entity, 4.. natural keys, then per binding: forward key, backward key, backward key
--       of the provisional id it takes the place of (the backward key again if it takes none's), who waits for it; last of all, if
--       there are bindings, which were waited for
-- ARGV: 1 a JSON object: claim, run (short name), ttl, keep (ms; of a run, of a finished one), nat (how many natural keys), step,
--       steps, learned, hints, bindings (each: id, was, source, ref, value), state (bool), version, applied, endtaint, finish,
--       ended, dry (only say whether the bindings contradict what is there)
-- Returns 'ok'; 'lost' if the claim is not ours any more; 'conflict|to|n|id' if the n-th binding's reference is bound to that id, and
-- 'conflict|by|n|id' if its record is bound to that id of the same source, which is empty if it is not stored.
-- Nothing is written unless it returns 'ok'. A finish that is asked again answers 'ok' by the claim id in the done record.
local a = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

local own = {} -- the run, the entity and the natural keys, by their place in KEYS
local function hash(key)
  local flat, h = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
  return h
end
if not a.dry then
  local kind = redis.call('TYPE', KEYS[1])['ok']
  if kind == 'string' then
    if string.match(redis.call('GET', KEYS[1]), '^[^|]*') == string.sub(a.claim, 1, 12) then return 'ok' end
    return 'lost'
  end
  if kind ~= 'hash' then return 'lost' end
  for i = 1, 3 + a.nat do
    if i ~= 3 then
      own[i] = hash(KEYS[i])
      if own[i].claim ~= a.claim then return 'lost' end
    end
  end
end

local function pair(i)
  local first = 4 + a.nat + 4 * (i - 1)
  return KEYS[first], KEYS[first + 1], KEYS[first + 2], KEYS[first + 3]
end
local is = {} -- what each reference was bound to, and its version
for i, b in ipairs(a.bindings or {}) do
  local forward, back = pair(i)
  is[i] = redis.call('HMGET', forward, 'v', 'ver')
  local id = is[i][1]
  if id and id ~= b.id and id ~= b.was then return 'conflict|to|' .. i .. '|' .. id end
  local other = redis.call('HGET', back, b.source)
  if other and string.match(other, '^[^|]*') ~= b.ref then return 'conflict|by|' .. i .. '|' .. (string.match(other, '|(.*)$') or '') end
end
if a.dry then return 'ok' end
for i, b in ipairs(a.bindings or {}) do
  local forward, back, old, wait = pair(i)
  if is[i][1] ~= b.id then redis.call('HSET', forward, 'v', b.id) end
  if not is[i][1] and is[i][2] then redis.call('PERSIST', forward) end -- it was a version without a binding, for a while only
  redis.call('HSET', back, b.source, b.ref .. '|' .. b.value)
  if redis.call('EXISTS', wait) == 1 then
    redis.call('ZINCRBY', KEYS[#KEYS], 1, b.ref) -- counts up, so that whoever wakes them sees that it was bound once more
    redis.call('PEXPIRE', KEYS[#KEYS], a.ttl)
  end
  if b.was then -- the provisional id goes on resolving for a while, by the name of what took its place
    redis.call('HDEL', old, b.source)
    redis.call('HSET', old, '>', b.id)
    if redis.call('HLEN', old) == 1 then
      redis.call('PEXPIRE', old, a.ttl)
      redis.call('HDEL', back, '<')
    else -- others are bound to the provisional id still, and are found by way of the permanent one
      redis.call('HSET', back, '<', b.was)
    end
  end
end
for i, id in ipairs(a.hints or {}) do
  if id ~= '' then redis.call('HSET', KEYS[3 + i], 'id', id) end
end
if a.state and a.applied then
  local now = redis.call('HMGET', KEYS[3], 'ver', 'v')
  if not now[1] or now[1] < a.version then redis.call('HSET', KEYS[3], 'ver', a.version) end
  -- a version without a binding, of what we tell others, is of use only while an older event may still come
  if not now[2] then redis.call('PEXPIRE', KEYS[3], a.ttl) end
end

-- Taints: this run's own end when its looks have answered them; those that are over end with the finish.
for i = 1, 3 + a.nat do
  if i ~= 3 then
    local ended = {}
    if a.endtaint then ended[1] = 't:' .. a.run end
    if a.finish and i > 1 then
      for field, value in pairs(own[i]) do
        if string.sub(field, 1, 2) == 't:' and tonumber(string.match(value, '|(%d+)$')) <= now then ended[#ended + 1] = field end
      end
      redis.call('HDEL', KEYS[i], 'claim', 'lease', 'owner', 'run', 'line', unpack(ended))
    elseif #ended > 0 then
      redis.call('HDEL', KEYS[i], unpack(ended))
    end
  end
end

if not a.finish then
  redis.call('HSET', KEYS[1], 'steps', a.steps, 'learned', a.learned)
  redis.call('HDEL', KEYS[1], 'begun', 'died') -- whoever gets on does not die of it
  redis.call('PEXPIRE', KEYS[1], a.ttl)
  return 'ok'
end
-- What stays of a run: the claim's first 12 digits, fingerprint, origin, generation, attempt, scenario, correlation, began (ms after the
-- origin was enqueued), took (ms), how it ended ('' for completed), entity (without its key's id if that is the fingerprint's),
-- history (of what did not go through at once). It is short because a fleet remembers every event for two weeks.
local run = own[1]
local began = tonumber(run.began)
redis.call('SET', KEYS[1], table.concat({string.sub(a.claim, 1, 12), run.fp, run.origin, run.gen, run.attempt, run.scen, run.corr,
  string.format('%d', began - tonumber(string.match(run.origin, '/(%d+)/%d+$') or 0)), string.format('%d', now - began),
  a.ended == 'completed' and '' or a.ended,
  string.match(run.ent, '^' .. string.match(run.fp, '^[^.]*') .. '%.(.*)') or run.ent, run.hist or ''}, '|'), 'PX', a.keep)
return 'ok'
