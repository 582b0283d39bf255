package doctor_test

import (
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
)

// elder makes a server's answers those of an older one, or of one whose clock is wrong.
type elder struct {
	version string
	ahead   time.Duration
}

func (e elder) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (e elder) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		switch c := cmd.(type) {
		case *redis.StringCmd:
			if c.Name() == "info" {
				lines := strings.Split(c.Val(), "\r\n")
				for i := range lines {
					if strings.HasPrefix(lines[i], "redis_version:") {
						lines[i] = "redis_version:" + e.version
					}
				}
				c.SetVal(strings.Join(lines, "\r\n"))
			}
		case *redis.TimeCmd:
			c.SetVal(c.Val().Add(e.ahead))
		}
		return err
	}
}

func (e elder) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return next
}

func TestAServerThatIsTooOldOrWhoseClockIsWrongIsExplained(t *testing.T) {
	t.Parallel()
	m := newMemory(t)
	says := func(e elder) []string {
		client := m.open(&redis.Options{Addr: m.server.Addr()})
		client.AddHook(e)
		return said(m.examined(client))
	}
	require.Empty(t, says(elder{version: "7.4.1"}))
	require.Equal(t, []string{"warn redis.version : is 6.2.14"}, says(elder{version: "6.2.14"}))
	require.Equal(t, []string{"fail redis.version : is 5.0.3"}, says(elder{version: "5.0.3"}))
	require.Equal(t, []string{"unknown redis.version : does not tell its version"}, says(elder{version: "unstable"}))
	for _, ahead := range []time.Duration{10 * time.Minute, -10 * time.Minute} {
		wrong := says(elder{version: "7.0.0", ahead: ahead})
		require.Len(t, wrong, 1)
		require.Contains(t, wrong[0], "redis.clock")
		require.Contains(t, wrong[0], "10m")
	}
}
