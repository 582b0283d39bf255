package virtual

import (
	"fmt"
	"slices"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/harness"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// trouble is one thing that goes wrong.
type trouble struct {
	at      time.Duration
	kind    kind
	lasts   time.Duration
	process int // which one, by its place
	passed  int // after how many more boundaries, for what waits for one
	times   int // how many messages or calls
}

type kind string

const (
	processDies    kind = "a process dies at a boundary"
	processFreezes kind = "a process freezes at a boundary"
	processDrains  kind = "a process drains and another takes its place"

	brokerDropped  kind = "a process loses its connections to the broker"
	brokerCut      kind = "a process cannot reach the broker"
	redisDropped   kind = "a process loses its connections to Redis"
	redisCut       kind = "a process cannot reach Redis"
	redisLate      kind = "what a process tells Redis arrives late"
	redisErrs      kind = "Redis answers errors"
	redisWiped     kind = "Redis is wiped"
	csuDropped     kind = "a process loses its connections to the CSU"
	csuCut         kind = "a process cannot reach the CSU"
	locksLost      kind = "the broker takes locks away early"
	linksDetached  kind = "the broker detaches links"
	deliveredTwice kind = "the broker delivers messages twice"
	brokerBusy     kind = "the broker takes no copies"

	csuDrops     kind = "the CSU commits and drops the answer"
	csuGateway   kind = "the CSU commits and a gateway answers 502"
	csuLate      kind = "the CSU commits after the client gave up"
	csuFails     kind = "the CSU answers 500"
	csuResting   kind = "the CSU answers 503 with Retry-After"
	csuThrottles kind = "the CSU answers 429 over a rate"
	csuRefuses   kind = "the CSU answers 429 with Retry-After"
	csuHangsUp   kind = "the CSU drops requests"
	tokensGone   kind = "the CSU knows no token any more"
	hqDown       kind = "headquarters is away"

	sinkForgets kind = "the receiver accepts and drops the answer"
	sinkFails   kind = "the receiver answers 500"
	sinkCut     kind = "the receiver cannot be reached"
)

var kinds = []kind{processDies, processDies, processDies, processFreezes, processFreezes, processFreezes, processDrains,
	brokerDropped, brokerCut, redisDropped, redisCut, redisLate, redisLate, redisErrs, csuDropped, csuCut, locksLost, linksDetached, deliveredTwice, brokerBusy,
	csuDrops, csuGateway, csuLate, csuLate, csuFails, csuResting, csuThrottles, csuRefuses, csuHangsUp, tokensGone}

var sinkKinds = []kind{sinkForgets, sinkFails, sinkCut}

// unclean says whether claims may run out without a word.
func (p plan) unclean() bool {
	return slices.ContainsFunc(p.troubles, func(t trouble) bool {
		return slices.Contains([]kind{processDies, processFreezes, processDrains, redisDropped, redisCut, redisLate, redisErrs}, t.kind)
	})
}

func (t trouble) String() string {
	return fmt.Sprintf("%s: for %s, process %d, after %d boundaries, %d times", t.kind, t.lasts, t.process, t.passed, t.times)
}

// trouble plans one.
func (p *plan) trouble() trouble {
	from := kinds
	if p.tells {
		from = append(slices.Clone(kinds), sinkKinds...)
	}
	if p.async {
		from = append(slices.Clone(kinds), hqDown, hqDown)
	}
	lease := 2 * time.Second
	if p.options.Defaults {
		lease = 15 * time.Second
	}
	t := trouble{at: p.early(), kind: pick(p.random, from...), process: p.random.IntN(p.processes), passed: 1 + p.random.IntN(25), times: 1 + p.random.IntN(4)}
	if p.chance(3) {
		t.at = p.moment()
	}
	t.lasts = time.Duration(p.random.Int64N(int64(3 * lease))).Truncate(time.Millisecond)
	return t
}

// strike does what a trouble is.
func (s *story) strike(t trouble) {
	p := s.at(t.process)
	until := func(end func()) { s.later(t.lasts, end) }
	switch t.kind {
	case processDies:
		p.In(t.passed, func() { p.Die(); s.replace(p) })
	case processFreezes:
		p.In(t.passed, func() { p.Freeze(); s.later(t.lasts, p.Thaw) })
	case processDrains:
		s.replace(p)
	case brokerDropped:
		p.Drop(harness.ToBroker)
	case redisDropped:
		p.Drop(harness.ToRedis)
	case csuDropped:
		p.Drop(harness.ToCSU)
	case brokerCut, redisCut, csuCut:
		link := map[kind]harness.Link{brokerCut: harness.ToBroker, redisCut: harness.ToRedis, csuCut: harness.ToCSU}[t.kind]
		p.Cut(link)
		until(func() { p.Mend(link) })
	case redisLate:
		p.Delay(t.lasts)
		s.later(t.lasts, func() { p.Delay(0) })
	case redisErrs:
		s.Mini.SetError("LOADING Redis is loading the dataset in memory")
		until(func() { s.Mini.SetError("") })
	case redisWiped:
		s.Mini.FlushAll()
		s.pending.Go(s.bindBread) // as whoever wiped it would import them again
	default:
		s.strikeBroker(t)
	}
}

func (s *story) strikeBroker(t trouble) {
	for _, queue := range []string{harness.SourceQueue, harness.OwnQueue} {
		var err error
		switch t.kind {
		case locksLost:
			_, err = s.Broker.LoseLocks(queue)
		case linksDetached:
			err = s.Broker.DetachLinks(queue)
		case deliveredTwice:
			err = s.Broker.DeliverTwice(queue, t.times)
		case brokerBusy:
			if queue == harness.OwnQueue {
				err = s.Broker.RejectSendsFor(queue, t.lasts, "com.microsoft:server-busy")
			}
		default:
			s.strikeOthers(t)
			return
		}
		require.NoError(s.T, err)
	}
}

// strikeOthers makes the CSU or the receiver misbehave.
func (s *story) strikeOthers(t trouble) {
	switch t.kind {
	case tokensGone:
		s.CSU.RevokeTokens()
	case hqDown:
		s.CSU.Configure(func(o *csu.Options) { o.HQDown = true })
		s.later(t.lasts, func() { s.CSU.Configure(func(o *csu.Options) { o.HQDown = false }) })
	case sinkCut:
		s.CutSink()
		s.later(t.lasts, s.MendSink)
	case sinkForgets:
		s.injectSink(csu.Fault{Kind: "accept-then-drop", Next: t.times})
	case sinkFails:
		s.injectSink(csu.Fault{Kind: csu.Error, Status: 500, For: t.lasts})
	default:
		s.inject(s.csuFault(t))
	}
}

func (s *story) csuFault(t trouble) csu.Fault {
	form := pick(s.plan.random, csu.RetryAfterSeconds, csu.RetryAfterDate, csu.RetryAfterNone)
	switch t.kind {
	case csuDrops:
		return csu.Fault{Kind: csu.CommitThenDrop, Next: t.times}
	case csuGateway:
		return csu.Fault{Kind: csu.CommitThenError, Status: 502, Next: t.times}
	case csuLate: // one at a time, so that delays do not add up beyond what the CSU promises
		limit := s.plan.options.MaxExecution - 200*time.Millisecond - s.plan.options.CSU.Latency
		return csu.Fault{ID: "late", Kind: csu.Latency, Point: csu.PointCommit, Delay: limit, Next: t.times}
	case csuFails:
		return csu.Fault{Kind: csu.Error, Status: 500, For: t.lasts}
	case csuResting:
		return csu.Fault{Kind: csu.Error, Status: 503, RetryAfter: form, Wait: 2 * time.Second, Next: t.times}
	case csuThrottles:
		return csu.Fault{Kind: csu.Throttle, Rate: 4, Burst: 2, RetryAfter: form, For: t.lasts}
	case csuRefuses:
		return csu.Fault{Kind: csu.Error, Status: 429, RetryAfter: form, Wait: t.lasts + time.Second, For: t.lasts}
	default:
		return csu.Fault{Kind: csu.Drop, Next: t.times}
	}
}

func (s *story) inject(f csu.Fault) {
	_, err := s.CSU.Inject(f)
	require.NoError(s.T, err, "%+v", f)
}

func (s *story) injectSink(f csu.Fault) {
	_, err := s.Sink.Inject(f)
	require.NoError(s.T, err, "%+v", f)
}
