-- The circuits of one CSU that are open, for the whole fleet.
-- KEYS: 1 the open circuits, by name.  ARGV: 1 a JSON object with op and what it needs; times in ms, on the server's clock.
--   trip    name, cause, most      opens it, unless it is open; most is the longest pause between two probes
--   ask     name, by               leave to probe, for one, when the pause is over
--   probed  name, by, ended, cause, most   the probe is over: served, failed or unsaid
--   look
-- Returns a JSON object: open (the circuits: name, cause, age, left until the next probe, probing), leave (bool), turned (what this
-- call turned the circuit to).
local a = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)

local PROBE = 30 * 1000     -- after so long without a word of a probe, its process may be gone: another may go
local KEEP = 60 * 60 * 1000 -- a circuit that nobody asks for any more is forgotten

-- The pause, by how many probes have failed.
local function pause(strikes) return math.floor(math.min(a.most / 15 * 1.6 ^ strikes, a.most)) end

local c = a.name and redis.call('HGET', KEYS[1], a.name)
c = c and cjson.decode(c)
local function put()
  redis.call('HSET', KEYS[1], a.name, cjson.encode(c))
  redis.call('PEXPIRE', KEYS[1], KEEP)
end

local answer = {}
if a.op == 'trip' then
  if not c then
    c = {since = now, strikes = 0, til = now + pause(0)}
    answer.turned = 'open'
  end
  c.cause = a.cause
  put()
elseif a.op == 'ask' then
  if c and now >= c.til and (not c.probe or c.probe == a.by or now >= c.probe_til) then
    c.probe, c.probe_til = a.by, now + PROBE
    answer.leave = true
    put()
  end
elseif a.op == 'probed' and c and c.probe == a.by then
  c.probe = nil
  if a.ended == 'served' then
    redis.call('HDEL', KEYS[1], a.name)
    answer.turned = 'closed'
  else
    if a.ended == 'failed' then
      c.strikes = c.strikes + 1
      c.til = now + pause(c.strikes)
      c.cause = a.cause
      answer.turned = 'open'
    end
    put()
  end
end

local all = redis.call('HGETALL', KEYS[1])
for i = 1, #all, 2 do
  local o = cjson.decode(all[i + 1])
  answer.open = answer.open or {}
  table.insert(answer.open, {name = all[i], cause = o.cause, age = now - o.since, left = math.max(o.til - now, 0),
    probing = o.probe ~= nil and now < o.probe_til})
end
return cjson.encode(answer)
