package csu

import (
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestLedgerTellsEveryEffect(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := overPipe(t, Options{})
		begin := time.Now().UTC()
		c.create(ana, "RequestId", "r-1", "AppSessionId", "s-1")
		time.Sleep(time.Second)
		c.patch("000001", `{"Email":"Other@Example.test"}`, "RequestId", "r-2")
		c.read("000001")
		c.found("Email", "x@example.test")
		c.create(`{}`)
		require.Equal(t, []Effect{
			{1, begin, OpCreateCustomer, "000001", "r-1", "s-1", "ana@example.test", 201, true, "", ""},
			{2, begin.Add(time.Second), OpUpdateCustomer, "000001", "r-2", "", "other@example.test", 204, true, "", ""},
		}, c.sim.Ledger())
	})
}

// broken takes no answer: the connection failed while it was being written.
type broken struct{ *httptest.ResponseRecorder }

func (broken) Write([]byte) (int, error) { return 0, net.ErrClosed }

func TestAnAnswerThatCannotBeWrittenIsNotDelivered(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	r := httptest.NewRequest("POST", "/Commerce/Customers", strings.NewReader(ana))
	r.Header = c.header
	c.sim.Handler().ServeHTTP(broken{httptest.NewRecorder()}, r)
	ledger := c.sim.Ledger()
	require.Len(t, ledger, 1)
	require.False(t, ledger[0].Delivered)
}

func TestStatsCountByOperationAndStatus(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	c.create(ana)
	c.create(`{}`)
	c.read("000001")
	stats := c.sim.Stats()
	require.Equal(t, map[string]map[int]int64{
		OpToken: {200: 1}, OpCreateCustomer: {201: 1, 400: 1}, OpGetCustomer: {200: 1},
	}, stats.ByStatus)
	require.Equal(t, int64(4), stats.Requests)
	require.Equal(t, int64(1), stats.Commits)
	stats.ByStatus[OpToken][200] = 9
	require.Equal(t, int64(1), c.sim.Stats().ByStatus[OpToken][200], "a copy")
}

func TestConcurrentWritesEachHaveOneEffect(t *testing.T) {
	t.Parallel()
	c := overSocket(t, Options{})
	c.inject(Fault{Kind: CommitThenDrop, Probability: 0.3})
	c.inject(Fault{Kind: Drop, Probability: 0.3})
	const workers, each = 8, 25
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				c.create(ana)
			}
		})
	}
	wg.Wait()
	ledger, accounts := c.sim.Ledger(), map[string]bool{}
	for i, e := range ledger {
		require.Equal(t, int64(i+1), e.Sequence)
		require.False(t, accounts[e.Account], "an account is created once")
		accounts[e.Account] = true
	}
	stats := c.sim.Stats()
	require.Len(t, c.sim.Customers(), len(ledger))
	require.Len(t, c.sim.DuplicateEmails()["ana@example.test"], len(ledger))
	require.Equal(t, int64(workers*each), stats.ByStatus[OpCreateCustomer][0]+stats.ByStatus[OpCreateCustomer][201])
	require.Less(t, stats.ByStatus[OpCreateCustomer][201], int64(len(ledger)), "some effects were not told")
}
