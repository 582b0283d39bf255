package virtual

import (
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/app"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// broken is a part of the protocol that is taken away, and a seed that is known to notice.
type broken struct {
	seed                uint64
	script, old, change string // of a script; none: searches find nobody
}

// Each must be noticed by some seed, else the seeds prove nothing about it. That a save compares the claim is for test/explore: a save
// that comes late says, in this scenario, the same as the one of whoever took over.
var breaks = map[string]broken{
	"a lease that ran out leaves no taint":    {19, "claim", "if h.claim and h.claim ~= a.claim then\n    local field", "if false then\n    local field"},
	"a write in doubt leaves no taint":        {28, "release", "if ARGV[4] ~= '' then --", "if false then --"},
	"nothing is looked for before it is made": {seed: 4},
}

func blinded(p *app.Parts) {
	next := p.WrapCSU
	p.WrapCSU = func(rt http.RoundTripper) http.RoundTripper { return blind{next(rt)} }
}

// script makes every process run a script with another text.
func script(t *testing.T, name, old, changed string) func(*app.Parts) {
	text, err := os.ReadFile(filepath.Join("..", "..", "orchestration", "redisstore", name+".lua"))
	require.NoError(t, err)
	broken := strings.ReplaceAll(string(text), old, changed)
	require.NotEqual(t, string(text), broken)
	for hash, known := range redisstore.Scripts() {
		if known == name {
			return func(p *app.Parts) { p.RedisHooks = append(p.RedisHooks, otherScript{hash, broken}) }
		}
	}
	require.FailNow(t, "no such script", name)
	return nil
}

// otherScript is a hook that runs a text in place of a script.
type otherScript struct{ hash, text string }

// DialHook changes nothing.
func (otherScript) DialHook(next redis.DialHook) redis.DialHook { return next }

// ProcessHook runs the text.
func (o otherScript) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		if args := cmd.Args(); len(args) > 1 && args[0] == "evalsha" && args[1] == o.hash {
			args[0], args[1] = "eval", o.text
		}
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook changes nothing.
func (otherScript) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

// blind finds nobody.
type blind struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (b blind) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.next.RoundTrip(r)
	if err == nil && resp.StatusCode == http.StatusOK && strings.Contains(r.URL.Path, csu.OpSearchByFields) {
		_ = resp.Body.Close()
		resp.Body, resp.ContentLength = io.NopCloser(strings.NewReader(`{"value":[]}`)), -1
	}
	return resp, err
}

func TestWhatIsBrokenOnPurposeIsNoticed(t *testing.T) {
	most := setting(t, "BREAKS", 300)
	for name, b := range breaks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			parts := blinded
			if b.script != "" {
				parts = script(t, b.script, b.old, b.change)
			}
			for seed := b.seed; seed < b.seed+most; seed++ {
				if wrong := tell(t, newPlan(seed), parts, requirePromise); wrong != "" {
					t.Logf("seed %d: %s", seed, wrong)
					return
				}
			}
			require.Fail(t, "not noticed", "by %d seeds", most)
		})
	}
}
