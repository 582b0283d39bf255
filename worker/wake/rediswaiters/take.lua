-- Takes some of those who wait for a binding or a scenario, to wake them. Whoever is taken is not taken again for a while, so that two who wake
-- at the same time do not send twice; each taking is counted, so that what is sent twice after all has different generations.
-- KEYS: 1 who waits for it, 2 binding; none of a scenario, which is on: then everybody is woken
-- ARGV: 1 for how long they are taken, in ms, then runs (short names)
-- Returns for each run where its copy is, as JSON with times; 'taken' if somebody has it; '' if it is not there, or waits for
-- something else than what it is bound to.
local t = redis.call('TIME')
local now = tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000)
local bound = KEYS[2] and (redis.call('HGET', KEYS[2], 'v') or '')
local out = {}
for i = 2, #ARGV do
  out[i - 1] = ''
  local text = redis.call('HGET', KEYS[1], ARGV[i])
  local w = text and cjson.decode(text)
  if w and w.seen ~= bound and (w.til or 0) > now then
    out[i - 1] = 'taken'
  elseif w and w.seen ~= bound then
    w.til, w.times = now + tonumber(ARGV[1]), (w.times or 0) + 1
    out[i - 1] = cjson.encode(w)
    redis.call('HSET', KEYS[1], ARGV[i], out[i - 1])
  end
end
return out
