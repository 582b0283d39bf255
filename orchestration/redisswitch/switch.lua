-- Which scenarios an operator has switched off, or on again, for the whole fleet.
-- KEYS: 1 what was said last of each scenario, by its name
-- ARGV: 1 a JSON object; times in ms, on the server's clock
--   op    look; or set: what is said of one
--   name, off (bool), by, reason, for (how long it holds), audit     of set
--   known what the caller remembers, by name: entries as this script returned them. What the store has lost, or has older, is
--         written again: a failover must not switch on what a person has switched off.
-- Returns a JSON object: now, and entries by name: off, by, reason, at, til, audit.
-- That a scenario was switched on is remembered, too, for as long as somebody may remember that it was off.
local a = cjson.decode(ARGV[1])
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)

local said, all = {}, redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local e = cjson.decode(all[i + 1])
  if e.til > now then
    said[all[i]] = e
  else
    redis.call('HDEL', KEYS[1], all[i])
  end
end
local changed = false
local function put(name, e)
  said[name], changed = e, true
  redis.call('HSET', KEYS[1], name, cjson.encode(e))
end
for name, e in pairs(a.known or {}) do
  if e.til > now and not (said[name] and said[name].at >= e.at) then put(name, e) end
end
if a.op == 'set' then
  local old = said[a.name]
  local e = {off = a.off, by = a.by, reason = a.reason, audit = a.audit, at = math.max(now, old and old.at + 1 or 0), til = now + a['for']}
  if not a.off and old then e.til = math.max(e.til, old.til) end
  put(a.name, e)
end
if changed then
  local last = now
  for _, e in pairs(said) do last = math.max(last, e.til) end
  redis.call('PEXPIRE', KEYS[1], last - now)
end
if next(said) == nil then said = nil end -- an empty table would be encoded as a list or an object, by chance
return cjson.encode({now = now, entries = said})
