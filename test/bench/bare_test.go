package bench

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"
)

// bareBroker receives and completes n messages, with nothing in between.
func bareBroker(s *stand, n int) used {
	ctx := context.Background()
	client, err := azservicebus.NewClientFromConnectionString(s.bus, nil)
	require.NoError(s.b, err)
	defer client.Close(ctx)
	began := time.Now()
	receiver, err := client.NewReceiverForQueue(queue, nil)
	require.NoError(s.b, err)
	var group sync.WaitGroup
	for left := n; left > 0; {
		got, err := receiver.ReceiveMessages(ctx, slots, nil)
		require.NoError(s.b, err)
		left -= len(got)
		for _, m := range got {
			group.Go(func() { _ = receiver.CompleteMessage(ctx, m, nil) }) // the queue must be empty in the end
		}
	}
	group.Wait()
	took := time.Since(began)
	require.Zero(s.b, s.left())
	return used{took: took}
}

// atOnce does something n times, as many at once as there are slots.
func atOnce(s *stand, n int, do func(i int64) error) used {
	var next, failed atomic.Int64
	var group sync.WaitGroup
	began := time.Now()
	for range slots {
		group.Go(func() {
			for i := next.Add(1); i <= int64(n); i = next.Add(1) {
				if do(i) != nil {
					failed.Add(1)
				}
			}
		})
	}
	group.Wait()
	took := time.Since(began)
	require.Zero(s.b, failed.Load())
	return used{took: took}
}

// bareRedis runs one small script n times.
func bareRedis(s *stand, n int) used {
	ctx := context.Background()
	return atOnce(s, n, func(i int64) error {
		return floorCreated.Run(ctx, s.redis, []string{fmt.Sprint("run:", i), fmt.Sprint("made:", i)}, "000001").Err()
	})
}

// bareHTTP makes one cheap call of the CSU n times.
func bareHTTP(s *stand, n int) used {
	w := &floorWorker{csu: s.csu, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: slots}}}
	var err error
	w.token, err = w.login()
	require.NoError(s.b, err)
	defer w.client.CloseIdleConnections()
	return atOnce(s, n, func(i int64) error {
		var found any
		return w.call("Customers/SearchByFields", search(fmt.Sprintf("nobody.%d@example.com", i)), &found)
	})
}
