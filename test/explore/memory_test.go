package explore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// memory is what Redis holds, by key. Of a finished run it is the record's members. The field "now" of each is Redis' time.
type memory map[string]fields

type fields map[string]string

// dump gives the time and every hash and text.
var dump = redis.NewScript(`
local t = redis.call('TIME')
local out = {tostring(tonumber(t[1]) * 1000 + math.floor(tonumber(t[2]) / 1000))}
for _, key in ipairs(redis.call('KEYS', '*')) do
  local kind = redis.call('TYPE', key)['ok']
  if kind == 'hash' then out[#out + 1] = {key, redis.call('HGETALL', key)}
  elseif kind == 'string' then out[#out + 1] = {key, redis.call('GET', key)} end
end
return out`)

// shift makes every moment that Redis has on record come nearer by ARGV[1] ms: as if so much time had passed.
var shift = redis.NewScript(`
for _, key in ipairs(redis.call('KEYS', '*')) do
  if redis.call('TYPE', key)['ok'] == 'hash' then
    local flat = redis.call('HGETALL', key)
    for i = 1, #flat, 2 do
      local f, v = flat[i], flat[i + 1]
      if f == 'lease' or (f == 'born' or f == 'look_only_until') and v ~= '0' then
        redis.call('HSET', key, f, string.format('%d', tonumber(v) - tonumber(ARGV[1])))
      elseif string.sub(f, 1, 2) == 't:' then
        local step, til = string.match(v, '^(.*)|(%d+)$')
        redis.call('HSET', key, f, step .. '|' .. string.format('%d', tonumber(til) - tonumber(ARGV[1])))
      end
    end
  end
end
return 1`)

func (x *trial) remember() memory {
	got, err := dump.Run(context.Background(), x.client, nil).Slice()
	require.NoError(x.t, err)
	m := memory{}
	for _, one := range got[1:] {
		pair := one.([]any)
		f := fields{"now": got[0].(string)}
		switch value := pair[1].(type) {
		case []any:
			for i := 0; i+1 < len(value); i += 2 {
				f[value[i].(string)] = value[i+1].(string)
			}
		case string:
			for i, v := range strings.SplitN(value, "|", len(doneFields)) {
				f[doneFields[i:i+1]] = v
			}
			f["e"] = cmp.Or(f["e"], "completed")
		}
		m[pair[0].(string)] = f
	}
	return m
}

// doneFields names what save.lua leaves of a run, in order: claim, fingerprint, origin, generation, attempt, scenario, correlation,
// began, took, ended, entity, history.
const doneFields = "cfogasrbtenh"

// until is how long until the moment that a field ends with.
func (f fields) until(name string) time.Duration {
	now, _ := strconv.ParseInt(f["now"], 10, 64)
	text := f[name]
	at, err := strconv.ParseInt(text[strings.LastIndex(text, "|")+1:], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(at-now) * time.Millisecond
}

func moment(name string) bool {
	return name == "lease" || name == "look_only_until" || name == "born" || strings.HasPrefix(name, "t:")
}

// deadlines are the times until something that Redis holds runs out.
func (m memory) deadlines() (all []time.Duration) {
	for _, f := range m {
		for name := range f {
			if moment(name) {
				all = append(all, f.until(name))
			}
		}
	}
	return all
}

// forPeople are fields that decide nothing: what a person is told.
var forPeople = []string{"now", "hist", "began", "b", "t", "h", "wait", "r1", "r2", "r3", "r4", "r5", "corr", "r", "fp", "f", "line", "c", "last"}

// String tells what decides. Claims are random: they are named in the order in which they appear, those of workers by the worker.
func (m memory) String(names map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m)) {
		f := m[key]
		fmt.Fprintf(&b, "%s:", key)
		for _, name := range slices.Sorted(maps.Keys(f)) {
			value := f[name]
			switch {
			case slices.Contains(forPeople, name):
				continue
			case name == "claim":
				if names[value] == "" {
					names[value] = fmt.Sprint("claim", len(names))
				}
				value = names[value]
			case moment(name):
				value = value[:strings.LastIndex(value, "|")+1] + max(f.until(name), 0).Round(10*time.Second).String()
			}
			fmt.Fprintf(&b, " %s=%s", name, value)
		}
		b.WriteString("\n")
	}
	return b.String()
}
