-- Takes a run, its entity and its natural keys, all or none.
-- KEYS: 1 run, 2 entity, 3 binding, 4 correlation, 5 epoch, 6 waiting runs, 7 gate, 8 members, 9.. natural keys, then
--       per needed binding: the binding, who waits for it
-- ARGV: 1 a JSON object: claim, owner, run (short name), lease, window, ttl, keep (all ms), gen, attempt, origin, enq (origin in
--       ms, 0 if unknown), fp, state (bool), version, pv, scen, corr, ent (short name of the entity), place (in line, 0 if none
--       yet), srv (run id of the server as the caller knows it), job (that replayed it, '' for none), alone (nothing else runs in the
--       process), need (how many needed bindings), dry (only say what the answer would be)
-- Returns a JSON object with "answer" and what belongs to it; see Grant in package orchestration. Nothing is written
-- unless the answer is go or look_only, save the place in line of an entity that is held, and the end of a superseded run.
local a = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

local last = #KEYS - 2 * (a.need or 0) -- of the natural keys

local function hash(key)
  local flat, h = redis.call('HGETALL', key), {}
  for i = 1, #flat, 2 do h[flat[i]] = flat[i + 1] end
  return h
end
-- A fingerprint made with another key cannot be compared; its key id stands before the dot.
local function differs(fp)
  if not fp or fp == a.fp then return false end
  return string.match(fp, '^[^.]*') == string.match(a.fp, '^[^.]*')
end

local bound = hash(KEYS[3])
local newer = a.state and bound.ver ~= nil and bound.ver > a.version
-- Whoever claims hears how the gate stands (see csuclient/redisgate): a refusal of one process reaches all by their next claim.
local function gate()
  local g = redis.call('HMGET', KEYS[7], 'rev', 'rate', 'shut', 'closed', 'limit_til')
  if not (g[2] or g[3] or g[5] and tonumber(g[5]) > now) then return nil end
  return {rev = tonumber(g[1] or '0'), shut = g[3] ~= false, closed = g[3] and math.max(tonumber(g[4]) - now, 0) or 0}
end
local function answer(name, r)
  r = r or {}
  r.gate = gate()
  r.answer, r.binding, r.newer = name, bound.v, newer
  return cjson.encode(r)
end

local run, replay, again = {}, false, false
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind == 'string' then
  local done = {} -- see save.lua
  for field in string.gmatch(redis.call('GET', KEYS[1]), '([^|]*)|') do done[#done + 1] = field end
  if differs(done[2]) then return answer('conflict') end
  return answer('done', {same = done[3] == a.origin, ended = done[10] == '' and 'completed' or done[10]})
elseif kind == 'hash' then
  run = hash(KEYS[1])
  if differs(run.fp) then return answer('conflict') end
  -- A rejection ends a message's life. Another message of the same event is the producer's own second try: attempts count
  -- anew, but nobody has looked. A replay is a person's, who has: attempts count anew, and this run's writes that are over are
  -- not in doubt any more. It is known by its job, not by its generation: a copy that was left over has a higher one, too.
  again = run.rej and run.origin ~= a.origin
  if tonumber(run.gen or '0') > a.gen and not again then return answer('surplus', {same = run.origin == a.origin}) end
  replay = a.job ~= '' and a.job ~= run.job
  if again or replay then run.attempt = '0' end
  if replay then run.cleared = string.format('%d', now) end
  if tonumber(run.pv or '0') > a.pv then return answer('newer', {attempt = tonumber(run.attempt or '0')}) end
end

-- A run that waited is named in an index, for whoever wants to know what waits: cause|step|until in the run, and there with
-- the scenario before and the run's name behind.
local function waitsNoMore()
  if run.wait then
    redis.call('ZREM', KEYS[6], (run.scen or '') .. '|' .. string.match(run.wait, '^(.*)|%d+$') .. '|' .. a.run)
  end
end
-- The runs of a correlation: text for one, a set from the second on.
local function correlate()
  if redis.call('SET', KEYS[4], a.run, 'NX', 'PX', a.ttl) then return end
  if redis.call('TYPE', KEYS[4])['ok'] == 'set' then
    redis.call('SADD', KEYS[4], a.run)
  else
    local first = redis.call('GET', KEYS[4])
    if first ~= a.run then
      redis.call('DEL', KEYS[4])
      redis.call('SADD', KEYS[4], first, a.run)
    end
  end
  redis.call('PEXPIRE', KEYS[4], a.ttl)
end
-- The last five runs of the entity, and of each natural key, for whoever knows what an event was about but not which it was: a
-- field each, r1 the latest, because one long field would cost the hash its compact form.
local function remember(h, fields)
  local names = {a.run}
  for i = 1, 5 do
    local name = h['r' .. i]
    if name and name ~= a.run and #names < 5 then names[#names + 1] = name end
  end
  for i, name in ipairs(names) do
    if h['r' .. i] ~= name then
      fields[#fields + 1] = 'r' .. i
      fields[#fields + 1] = name
    end
  end
  return fields
end

if newer then
  -- Its message is completed now, so this is the last word on the run; unless somebody works on it, or what is newer is this very
  -- event, by another message that was published later: that one will have the last word.
  local works = run.claim and run.claim ~= a.claim and tonumber(run.lease) > now
  local itself = run.ver and bound.ver <= run.ver
  if not a.dry and not works and not itself then
    waitsNoMore()
    local origin, began = run.origin or a.origin, tonumber(run.began or now) -- see save.lua
    redis.call('SET', KEYS[1], table.concat({string.sub(a.claim, 1, 12), a.fp, origin, a.gen, a.attempt, a.scen, a.corr,
      string.format('%d', began - tonumber(string.match(origin, '/(%d+)/%d+$') or 0)), string.format('%d', now - began), 'superseded',
      string.match(a.ent, '^' .. string.match(a.fp, '^[^.]*') .. '%.(.*)') or a.ent, run.hist or ''}, '|'), 'PX', a.keep)
    if kind == 'none' then
      correlate()
      for i = 2, last do
        if i == 2 or i > 8 then
          local fields = remember(hash(KEYS[i]), {})
          if #fields > 0 then redis.call('HSET', KEYS[i], unpack(fields)) end
          redis.call('PEXPIRE', KEYS[i], a.ttl)
        end
      end
    end
  end
  return answer('superseded')
end

-- Is anything held by somebody else?
local held = {[0] = run}
for i = 2, last do
  if i == 2 or i > 8 then held[#held + 1] = hash(KEYS[i]) end
end
for i = 0, #held do
  local h = held[i]
  if h.claim and h.claim ~= a.claim and tonumber(h.lease) > now then
    local place = a.place -- a claim that is asked again keeps it
    if place == 0 and not a.dry then
      place = redis.call('HINCRBY', KEYS[2], 'line', 1)
      redis.call('PEXPIRE', KEYS[2], a.ttl)
    end
    return answer('held', {by = h.owner, key = i, til = tonumber(h.lease) - now, place = place,
      attempt = tonumber(run.attempt or '0')})
  end
end

-- Deaths. Whoever let this run go with nothing of it saved may have died of it; a * says that it ran alone. Whether it is dead is
-- asked when it matters: by then one that was only frozen, or cut off, has said that it lives; one that has left said so, too.
local died, deaths, alone = {}, 0, 0
local function member(name)
  local beat = redis.call('HGET', KEYS[8], name)
  return beat and tonumber(string.match(beat, '^%d+'))
end
if run.died and not replay then
  for entry in string.gmatch(run.died, '[^\n]+') do died[#died + 1] = entry end
end
if run.claim and run.claim ~= a.claim and run.begun then
  local entry, known = (run.begun == 'alone' and '*' or '') .. run.owner, false
  for i = 1, #died do known = known or died[i] == entry end
  if not known then died[#died + 1] = entry end
  if #died > 16 then table.remove(died, 1) end
end
local suspects = {}
for i = 1, #died do
  local name = string.gsub(died[i], '^%*', '')
  local til = member(name)
  suspects[name] = true
  if til and til <= now and name ~= a.owner then
    deaths = deaths + 1
    if name ~= died[i] then alone = alone + 1 end
  end
end
-- Who was itself not heard of for a whole lease without a gap cannot say so of others: after an outage they need that time, too.
if deaths > 0 then
  local til, since = string.match(redis.call('HGET', KEYS[8], a.owner) or '', '^(%d+)|(%d+)|')
  if not til then
    deaths, alone = 0, 0
  elseif (deaths >= 3 or alone > 0) and not a.dry then
    if tonumber(til) <= now then since = now end
    local left = tonumber(since) + a.lease - now
    if left > 0 then return answer('held', {by = a.owner, key = 0, til = left, place = 0, attempt = tonumber(run.attempt or '0')}) end
  end
end
-- To die alone says that it was the event, unless processes die of other things just now; then it takes more.
local crashed = alone >= 10
if alone > 0 and not crashed then
  crashed = true
  for name, beat in pairs(hash(KEYS[8])) do
    local til = tonumber(string.match(beat, '^%d+'))
    if til <= now and til > now - 300000 and not suspects[name] then crashed = false end
  end
end
if deaths >= 3 and not crashed and not a.alone and not a.dry then return answer('alone', {deaths = deaths}) end

-- The store's birth, and whether this server is who it was. A claim that finds the birth missing (wiped under living connections),
-- or another server's (a replica was promoted behind a connection that was there before, or a Cluster moved the slot), writes it
-- anew: only the server that executes this can tell for certain, so it is not left to connections. A server that will not say who
-- it is inside a script is known by what the caller was told.
local epoch, change = hash(KEYS[5]), nil
local me = a.srv
local about = redis.pcall('INFO', 'server')
if type(about) == 'string' then
  local _, e = string.find(about, 'run_id:', 1, true)
  if e then me = string.sub(about, e + 1, e + 40) end
end
if not epoch.run_id then
  change = 'new'
elseif me ~= '' and epoch.run_id ~= me then
  change = 'changed'
end
if change then
  epoch = {run_id = me, born = now, look_only_until = now + a.lease + a.window}
  if not a.dry then
    redis.call('HSET', KEYS[5], 'run_id', me, 'born', string.format('%d', now), 'look_only_until', string.format('%d', epoch.look_only_until))
  end
end
local others = tonumber(epoch.look_only_until)
local own, suspect, ownSteps = 0, false, {}

-- Takeover: whoever let a lease run out may have a write on its way. Then read every taint. The run keeps its own, too: the
-- entity's may be tidied away by other runs once it is over, but what was never answered stays in doubt.
for i = 0, #held do
  local h, key = held[i], KEYS[i < 2 and i + 1 or i + 7]
  if h.claim and h.claim ~= a.claim then
    local field, til = 't:' .. (i == 0 and a.run or h.run), tonumber(h.lease) + a.window
    local old = h[field]
    if not old or tonumber(string.match(old, '|(%d+)$')) < til then
      h[field] = '|' .. string.format('%d', til)
      if not a.dry then redis.call('HSET', key, field, h[field]) end
    end
  end
  for field, value in pairs(h) do
    if string.sub(field, 1, 2) == 't:' then
      suspect = true
      local step, til = string.match(value, '^(.*)|(%d+)$')
      til = tonumber(til)
      if field ~= 't:' .. a.run then
        others = math.max(others, til)
      elseif replay and til <= now then
        if not a.dry then redis.call('HDEL', key, field) end
      else
        own = math.max(own, til)
        ownSteps[step] = true
      end
    end
  end
end

-- Grant.
local fresh = kind == 'none'
local steps, learned = run.steps, run.learned
local outdated = tonumber(run.pv or '0') < a.pv
if outdated then steps, learned = nil, nil end
local attempt = math.max(tonumber(run.attempt or '0'), a.attempt)
local hints = {}
for i = 2, #held do hints[i - 1] = held[i].id or '' end
local function take()
  if outdated then redis.call('HDEL', KEYS[1], 'steps', 'learned') end
  waitsNoMore()
  local lease = string.format('%d', now + a.lease)
  local fields = {'claim', a.claim, 'lease', lease, 'owner', a.owner, 'gen', a.gen, 'fp', a.fp,
    'origin', not again and run.origin or a.origin, 'pv', a.pv, 'scen', a.scen, 'attempt', attempt, 'corr', a.corr,
    'ent', a.ent, 'began', run.began or string.format('%d', now), 'begun', a.alone and 'alone' or '1'}
  local function add(field, value)
    fields[#fields + 1] = field
    fields[#fields + 1] = value
  end
  if not fresh then redis.call('HDEL', KEYS[1], 'wait', 'needs', 'last', 'rej', 'died') end
  if a.state and not (run.ver and run.ver > a.version) then add('ver', a.version) end
  if #died > 0 then add('died', table.concat(died, '\n')) end
  if a.job ~= '' then add('job', a.job) end
  if run.cleared then add('cleared', run.cleared) end
  redis.call('HSET', KEYS[1], unpack(fields))
  redis.call('PEXPIRE', KEYS[1], a.ttl)
  for i = 1, #held do
    local key = KEYS[i == 1 and 2 or i + 7]
    redis.call('HSET', key, unpack(remember(held[i], {'claim', a.claim, 'lease', lease, 'owner', a.owner, 'run', a.run})))
    redis.call('PEXPIRE', key, a.ttl)
  end
  if held[1].line then redis.call('HDEL', KEYS[2], 'line') end
  for i = last + 2, #KEYS, 2 do redis.call('HDEL', KEYS[i], a.run) end -- it waits no more
  if fresh then correlate() end
end
if not a.dry then take() end

local ownList = {}
for step in pairs(ownSteps) do ownList[#ownList + 1] = step end
local til = math.max(own, others)
local r = {attempt = attempt, steps = steps, learned = learned, suspect = suspect, deaths = deaths, crashed = crashed,
  forgotten = a.enq > 0 and tonumber(epoch.born) > math.max(a.enq, tonumber(run.cleared or '0')),
  epoch = change, ['in'] = math.max(til - now, 0), othersin = math.max(others - now, 0)}
if #hints > 0 then r.hints = hints end
if last < #KEYS then
  r.needs = {}
  for i = last + 1, #KEYS, 2 do r.needs[#r.needs + 1] = redis.call('HGET', KEYS[i], 'v') or '' end
end
if #ownList > 0 then r.own = ownList end
return answer(til > now and 'look_only' or 'go', r)
