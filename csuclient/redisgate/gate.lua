-- The budget of one CSU, for the whole fleet.
-- KEYS: 1 the gate.  ARGV: 1 a JSON object with op and what it needs; times in ms, on the server's clock.
--   take     lane, weight, n, by       hands out up to n moments
--   refused  rev, rate, told, wait, more (a random part of 1), probe (bool)   the server refused a call
--   probed   by, rev, served           the probe is over
--   limit    rate, for                 an operator's limit; rate 0 ends it
--   look
-- Returns a JSON object: rev (0: nothing was refused lately and nobody limits, so calls need no moments), rate (calls a second,
-- 0: not limited), closed (ms until the next probe), shut (bool), limit and limitfor (an operator's, and for how many ms more), and for take: moments (ms from now), probe (bool), again (ms
-- until it is worth asking again).
--
-- Moments are handed out by the generic cell rate algorithm (ITU-T I.371): t is when the next one is due. The rate is learned. At a
-- refusal the server's bucket is empty, so between two refusals it served what it is able to: calls by time, whatever the size of
-- its bucket. A little less than that is handed out then, and more by a cubic of the time in use, flat where the refusal is to be
-- expected and steeper beyond.
local a = cjson.decode(ARGV[1])
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + tonumber(clock[2]) / 1000

local AHEAD, CREDIT = 1500, 100    -- a moment lies at most so far ahead; a due one that nobody took is kept so long
local BORROW = 1000                -- live may go so much earlier than its turn, as far as it is behind lower lanes and not behind itself
local NEAR, OWN = 25, 250          -- of a lower lane: of what nobody else wants; of its own share
local OFTEN = 50                   -- nobody needs to ask more often
local CUT, DEEP = 0.95, 0.7        -- a refusal leaves so much of what was served; so much of the rate if that is not known
local MORE = 1.05                  -- what was served is a little less than what could have been: a full bucket overflows
local GREW, DRAINED = 1.5, 0.85    -- served so much faster of late, it takes more than it did; a part of that was in the bucket
local REACH = 10                   -- s: how far from the flat part of the cubic the rate has doubled
local LEAST, MOST = 0.2, 1e6       -- calls a second that are always allowed; more than anybody makes
local FLOOR = {bulk = 0.2, replay = 0.1}
local SPARE = 0.05                 -- lower lanes that had more than so much of what live might have had: live leaves something
local LIVE, EASED = 30000, 15000   -- so long after a live call there is live traffic; so long after live left something it may again
local HOLD, SLOWLY = 120, 4        -- s in use for which the rate then stays as it is, and how much slower it grows after that
local QUIET = 15 * 60 * 1000       -- after so long without a refusal the gate is forgotten
local PROBE = 10 * 1000            -- after so long without a word of a probe, its process may be gone: another may go

local g = {}
local flat = redis.call('HGETALL', KEYS[1])
for i = 1, #flat, 2 do g[flat[i]] = tonumber(flat[i + 1]) or flat[i + 1] end
local changed = {}
local function set(field, value)
  g[field] = value
  if value == nil then value = false end
  changed[field] = value
end

local function learned()
  if not g.rate then return nil end
  local s = g.grew or 0 -- s of growth since the last cut
  local r
  if g.start then
    r = g.rate * 2 ^ math.min(s, 20)
  else
    local k = REACH * (1 - g.rate / g.top) ^ (1 / 3)
    r = g.top * (1 + ((s - k) / REACH) ^ 3)
  end
  return math.min(math.max(r, LEAST), MOST)
end
-- The clock of growth runs while the budget is in use: idle time proves nothing. It stands still, and is slow then, while lower lanes
-- take what live calls leave: a rate that turns out to be too high costs a pause, and live would pay for what they gain.
local function growth(s)
  local eased = not g.start and g.live and now - g.live < LIVE and g.eased and now - g.eased < EASED
  if not eased then return s end
  return g.used < HOLD and 0 or s / SLOWLY
end
local function tick()
  if g.last and (g.t or 0) >= now - CREDIT then
    local s = math.min(now - g.last, 1000) / 1000
    set('used', (g.used or 0) + s)
    set('grew', (g.grew or 0) + growth(s))
  end
  set('last', now)
end
-- The rate now: what was learned, at most what an operator allows, and less at first after a pause.
local function rate()
  local r = learned()
  if r and g.opened then
    local ramp = math.min((g.pause or 0) - 2000, 30000) -- after less its bucket is full
    local since = now - g.opened
    if since < ramp then r = math.max(r * (0.5 + 0.5 * since / ramp), LEAST) end
  end
  if g.limit and g.limit_til > now then r = math.min(r or g.limit, g.limit) end
  return r
end

local answer = {}
if a.op == 'take' then
  local r = rate()
  if g.shut then
    if now < g.closed then
      answer.again = math.max(g.closed - now, 1)
    elseif g.probe and g.probe ~= a.by and now < g.probe_til then
      answer.again = math.max(math.min(g.probe_til - now, 50), 1)
    else
      set('probe', a.by)
      set('probe_til', now + PROBE)
      answer.probe, answer.moments = true, {0}
    end
  elseif not r then
    answer.moments = {}
    for i = 1, a.n do answer.moments[i] = 0 end
  else
    local each = 1000 / r * a.weight
    local t = g.t or now
    tick()
    if not g.w or now - g.w > 3000 then
      set('pw', g.w)
      set('pn', g.wn)
      set('w', now)
      if (g.ws or 0) > SPARE * ((g.ws or 0) + (g.wl or 0)) then set('eased', now) end
      set('ws', 0)
      set('wl', 0)
      set('wn', math.max((g.n or 0) - math.max(t - now, 0) / each * a.weight, 0))
    end
    t = math.max(t, now - CREDIT)
    local lane = a.lane or 'live'
    local share = FLOOR[lane]
    local own = math.max(g['t:' .. lane] or 0, now - CREDIT) -- of live: when its next would be due without the others
    local moments, spare = {}, 0
    while #moments < a.n do
      local at = math.max(t, now)
      if share then
        if t > now + NEAR then -- others want all there is: its own share then
          at = math.max(own, now)
          if at > now + OWN then break end
          own = math.max(own, now - CREDIT) + each / share
        else
          spare = spare + 1
        end
      elseif at > now + AHEAD then
        break
      else
        at = math.max(t - BORROW, math.min(own, t), now)
        own = own + each
      end
      moments[#moments + 1] = at - now
      t = t + each
    end
    if #moments > 0 then
      set('t', t)
      set('n', (g.n or 0) + #moments * a.weight)
      set('t:' .. lane, own)
      if share then
        set('ws', (g.ws or 0) + spare * a.weight)
      else
        set('wl', (g.wl or 0) + #moments * a.weight)
        set('live', now)
      end
    end
    if #moments > 0 then answer.moments = moments end
    if #moments < a.n then
      local free = t - now - (share and NEAR or AHEAD / 2)
      if share then free = math.min(free, own - now - OWN) end
      answer.again = math.max(free, OFTEN)
    end
  end
elseif a.op == 'refused' then
  local rev = g.rev or 0
  local probe = a.probe
  local fresh = a.rev >= rev -- greater: the gate was forgotten meanwhile
  local wait = a.wait
  if not a.told then
    wait = math.min(1000 * 2 ^ math.min(g.strikes or 0, 10), 60000)
    wait = wait * (1 + 0.5 * a.more)
  end
  if fresh then
    if not a.told then set('strikes', (g.strikes or 0) + 1) end
    if not probe then
      local r = learned()
      if not r then
        set('start', 1)
        set('rate', math.max(a.rate * DEEP, LEAST))
      else
        tick()
        local over = g.used + (g.pause or 0) / 1000
        local served = (g.n or 0) - math.max((g.t or now) - now, 0) * r / 1000 - 1
        if over < 0.5 then
          r = r * DEEP
        else
          local lately = g.pw and (served - g.pn) / (now - g.pw) * 1000 or 0
          local long = served / over * MORE
          r = math.min(r, lately > long * GREW and lately * DRAINED or long)
        end
        r = math.max(r, LEAST)
        set('top', r)
        set('rate', math.max(r * CUT, LEAST))
        set('start', nil)
      end
      set('used', 0)
      set('grew', 0)
      set('n', 0)
      set('w', nil)
      set('pw', nil)
    end
    set('rev', math.max(rev, a.rev) + 1)
  elseif g.start and a.rate > 0 and a.rev == rev - 1 and g.shut then
    set('rate', g.rate + a.rate * DEEP) -- many processes were on their way when the first was refused: together they were too fast
  end
  if fresh or (g.shut and a.told) then
    if fresh then
      set('shut', 1)
      set('probe', nil)
      set('began', now)
    end
    set('closed', math.max(g.closed or 0, now + wait))
    set('pause', g.closed - (g.began or now))
  end
elseif a.op == 'probed' then
  if g.probe == a.by then set('probe', nil) end
  -- A word that comes late counts, too, unless there was a refusal since.
  if a.served and g.shut and a.rev == g.rev then
    set('probe', nil)
    set('shut', nil)
    set('closed', nil)
    set('strikes', nil)
    set('opened', now)
    set('last', now)
    set('t', now)
  end
elseif a.op == 'limit' then
  if a.rate > 0 then
    set('limit', a.rate)
    set('limit_til', now + a['for'])
  else
    set('limit', nil)
    set('limit_til', nil)
  end
  set('t', now) -- and the moments that were handed out are void
  if g.rev or a.rate > 0 then set('rev', (g.rev or 0) + 1) end
end

local kept, gone = {}, {}
for field, value in pairs(changed) do
  if value == false then
    gone[#gone + 1] = field
  else
    kept[#kept + 1] = field
    kept[#kept + 1] = type(value) == 'number' and string.format('%.17g', value) or value
  end
end
if #kept > 0 then redis.call('HSET', KEYS[1], unpack(kept)) end
if #gone > 0 then redis.call('HDEL', KEYS[1], unpack(gone)) end
if a.op == 'refused' or a.op == 'limit' then
  local til = math.max(now + QUIET, g.closed or 0, g.limit_til or 0)
  redis.call('PEXPIRE', KEYS[1], string.format('%d', til - now))
end

local limited = g.limit and g.limit_til > now
answer.rev = g.rev or 0
if limited then answer.limit, answer.limitfor = g.limit, g.limit_til - now end
answer.paced = (g.rate ~= nil or g.shut ~= nil or limited) and true or false
answer.rate = rate() or 0
answer.shut = g.shut ~= nil
answer.closed = g.shut and math.max(g.closed - now, 0) or 0
return cjson.encode(answer)
