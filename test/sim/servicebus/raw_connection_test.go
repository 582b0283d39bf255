package servicebus

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus/internal/wire"
)

// Checklist item 2.
func TestSASLIsPlayedInOrder(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) { connect(t, b) })
}

func TestAClientMayDoWithoutSASL(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := dial(t, b)
		c.header(wire.HeaderAMQP)
		next[*wire.Open](c)
		c.send(0, &wire.Open{ContainerID: "raw", MaxFrameSize: 512})
		c.begin(0, 1)
	})
}

// Checklist item 4.
func TestAnUnknownHeaderIsAnsweredAndHungUpOn(t *testing.T) {
	for name, header := range map[string]string{
		"TLS": "AMQP\x02\x01\x00\x00", "AMQP 0.9": "AMQP\x00\x00\x09\x01", "HTTP": "GET / HT",
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := dial(t, b)
				_, err := c.net.Write([]byte(header))
				require.NoError(t, err)
				got := make([]byte, 8)
				_, err = c.in.Read(got)
				require.NoError(t, err)
				require.Equal(t, wire.HeaderAMQP, string(got))
				c.gone(time.Second)
			})
		})
	}
}

// Checklist item 7.
func TestASilentClientIsDroppedAfterTwiceTheIdleTime(t *testing.T) {
	rawly(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		c.quiet(119 * time.Second)
		require.GreaterOrEqual(t, c.empty, 7, "empty frames every 15 s")
		c.gone(2 * time.Second)
	})
}

func TestEmptyFramesKeepAClientConnected(t *testing.T) {
	rawly(t, Options{IdleTimeout: time.Minute}, func(t *testing.T, b *Broker) {
		c := connect(t, b)
		for range 10 {
			c.quiet(59 * time.Second)
			c.write(wire.Frame{})
		}
		c.begin(0, 1)
	})
}

func TestAClientWithAShortIdleTimeHearsFromUsInTime(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := dial(t, b)
		c.header(wire.HeaderAMQP)
		next[*wire.Open](c)
		c.send(0, &wire.Open{ContainerID: "raw", MaxFrameSize: 512, IdleTimeout: 2000})
		c.quiet(10500 * time.Millisecond)
		require.GreaterOrEqual(t, c.empty, 9)
	})
}

// Checklist item 11.
func TestCloseIsAnsweredWithCloseAndTheEnd(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.send(0, &wire.Close{})
		require.Nil(t, next[*wire.Close](c).Error)
		c.gone(time.Second)
	})
}

func TestFaultsOfTheWholeConnectionCloseIt(t *testing.T) {
	for name, tc := range map[string]struct {
		frame wire.Frame
		want  wire.Symbol
	}{
		"a frame on a channel without a session": {wire.Frame{Channel: 9, Body: &wire.Flow{}}, wire.CondNotAllowed},
		"a begin on a channel in use":            {wire.Frame{Body: &wire.Begin{}}, wire.CondNotAllowed},
		"a channel beyond channel-max":           {wire.Frame{Channel: 5000, Body: &wire.Begin{}}, wire.CondNotAllowed},
		"a second open":                          {wire.Frame{Body: &wire.Open{}}, wire.CondNotAllowed},
		"SASL after SASL":                        {wire.Frame{Type: wire.FrameSASL, Body: &wire.Init{}}, wire.CondFramingError},
	} {
		t.Run(name, func(t *testing.T) {
			rawly(t, Options{}, func(t *testing.T, b *Broker) {
				c := begun(t, b)
				c.write(tc.frame)
				require.Equal(t, tc.want, next[*wire.Close](c).Error.Condition)
				c.gone(5 * time.Second)
			})
		})
	}
}

func TestAFrameLargerThanAnnouncedIsAFramingError(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		_, err := c.net.Write([]byte{0, 1, 0, 1, 2, 0, 0, 0})
		require.NoError(t, err)
		require.Equal(t, wire.CondFramingError, next[*wire.Close](c).Error.Condition)
	})
}

func TestAClosedBrokerTellsItsClientsAndTakesNoMore(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		closed := make(chan error)
		go func() { closed <- b.Close() }()
		require.Equal(t, wire.CondConnectionForced, next[*wire.Close](c).Error.Condition)
		c.send(0, &wire.Close{})
		require.NoError(t, <-closed)
		_, err := b.Pipe().Write([]byte{0})
		require.Error(t, err)
	})
}

// A client that never reads again must not keep the broker from ending, nor its other clients from working.
func TestAClientThatStopsReadingHoldsUpNobody(t *testing.T) {
	rawly(t, Options{Queues: []Queue{{Name: "orders", MaxMessageBytes: 1 << 20}}}, func(t *testing.T, b *Broker) {
		deaf := begun(t, b)
		deaf.receiver(0, 0, "orders", wire.SenderUnsettled)
		deaf.credit(0, 0, 0, 100)
		big := string(make([]byte, 500_000))
		put(t, b, big, big, big, big, big, big, big, big)

		c := begun(t, b)
		c.sender(0, 0, "orders")
		for id := range uint32(20) {
			c.publish(0, 0, id, false, body("small"))
			require.IsType(t, &wire.Accepted{}, next[*wire.Disposition](c).State)
		}
		require.NoError(t, b.Close())
	})
}

// More than the broker will hold encoded is waiting: it must go on when the client reads on.
func TestAClientThatReadsSlowlyGetsEverything(t *testing.T) {
	rawly(t, Options{Queues: []Queue{{Name: "orders", MaxMessageBytes: 1 << 20}}}, func(t *testing.T, b *Broker) {
		big := string(make([]byte, 500_000))
		for range 10 {
			put(t, b, big)
		}
		c := begun(t, b)
		c.receiver(0, 0, "orders", wire.SenderUnsettled)
		c.credit(0, 0, 0, 10)
		synctest.Wait() // nothing moves any more until somebody reads
		for range 10 {
			size := 0
			for more := true; more; {
				tr := next[*wire.Transfer](c)
				size, more = size+len(tr.Payload), tr.More
			}
			require.Greater(t, size, len(big))
		}
	})
}

// Checklist item 120.
func TestRandomBytesDoNotDisturbOthers(t *testing.T) {
	rawly(t, Options{}, func(t *testing.T, b *Broker) {
		c := begun(t, b)
		c.sender(0, 0, "orders")
		seed := uint32(1)
		for id := range uint32(50) {
			noise := begun(t, b)
			junk := make([]byte, 40)
			for i := range junk {
				seed = seed*1664525 + 1013904223
				junk[i] = byte(seed >> 24)
			}
			copy(junk, []byte{0, 0, 0, 40, 2, 0, 0, 0, 0x00, 0x53, byte(0x10 + id%9), 0xc0, 27, 9})
			_, _ = noise.net.Write(junk)
			_ = noise.net.Close()
			c.publish(0, 0, id, false, body("x"))
			require.IsType(t, &wire.Accepted{}, next[*wire.Disposition](c).State)
		}
	})
}
