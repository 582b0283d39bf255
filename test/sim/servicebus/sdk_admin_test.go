package servicebus_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// plainly is what makes the unmodified SDK speak http: it says https whatever the connection string says.
type plainly struct{ *http.Client }

func (p plainly) Do(r *http.Request) (*http.Response, error) {
	r.URL.Scheme = "http"
	return p.Client.Do(r)
}

// administered serves a broker on two ports and gives the SDK's administration client.
func administered(t *testing.T, queues ...servicebus.Queue) (*bed, *admin.Client, *httptest.Server) {
	t.Helper()
	b := overTCP(t, servicebus.Options{Queues: append([]servicebus.Queue{}, queues...)})
	server := httptest.NewServer(b.AdministrationHandler())
	t.Cleanup(server.Close)
	c, err := admin.NewClientFromConnectionString(b.ConnectionString(server.Listener.Addr().String()), &admin.ClientOptions{
		ClientOptions: azcore.ClientOptions{Transport: plainly{server.Client()}},
	})
	require.NoError(t, err)
	return b, c, server
}

func requireStatus(t *testing.T, err error, status int, about string) {
	t.Helper()
	var e *azcore.ResponseError
	require.True(t, errors.As(err, &e), "%v", err)
	require.Equal(t, status, e.StatusCode, "%v", err)
	require.Equal(t, fmt.Sprint(status), e.ErrorCode, "the SDK reads the body")
	require.ErrorContains(t, err, about)
}

// Item 110
func TestAQueueIsCreatedShownChangedAndDeleted(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	missing, err := c.GetQueue(ctx, "orders/live", nil)
	require.NoError(t, err)
	require.Nil(t, missing)

	wanted := admin.QueueProperties{
		LockDuration: to.Ptr("PT45S"), MaxSizeInMegabytes: to.Ptr(int32(2048)), RequiresDuplicateDetection: to.Ptr(true), RequiresSession: to.Ptr(false),
		DefaultMessageTimeToLive: to.Ptr("P7DT1H"), DeadLetteringOnMessageExpiration: to.Ptr(true), DuplicateDetectionHistoryTimeWindow: to.Ptr("PT30S"),
		MaxDeliveryCount: to.Ptr(int32(3)), EnableBatchedOperations: to.Ptr(false), Status: to.Ptr(admin.EntityStatusSendDisabled),
		AutoDeleteOnIdle: to.Ptr("PT1H"), EnablePartitioning: to.Ptr(false), UserMetadata: to.Ptr("it's <mine> & yours"), MaxMessageSizeInKilobytes: to.Ptr(int64(1024)),
		AuthorizationRules: []admin.AuthorizationRule{{AccessRights: []admin.AccessRight{admin.AccessRightListen, admin.AccessRightSend}, KeyName: to.Ptr("k"), PrimaryKey: to.Ptr("p")}},
	}
	created, err := c.CreateQueue(ctx, "orders/live", &admin.CreateQueueOptions{Properties: &wanted})
	require.NoError(t, err)
	require.Equal(t, "orders/live", created.QueueName)
	require.Equal(t, wanted, created.QueueProperties)
	got, err := c.GetQueue(ctx, "Orders/Live", nil)
	require.NoError(t, err)
	require.Equal(t, wanted, got.QueueProperties)
	_, err = c.CreateQueue(ctx, "ORDERS/live", nil)
	requireStatus(t, err, http.StatusConflict, "already exists")

	// The settings are real ones.
	sender := b.sender(t, "orders/live")
	requireCondition(t, sender.SendMessage(within(t), text("a"), nil), "com.microsoft:entity-disabled")
	wanted.Status, wanted.LockDuration, wanted.MaxDeliveryCount = to.Ptr(admin.EntityStatusActive), to.Ptr("PT10S"), to.Ptr(int32(7))
	updated, err := c.UpdateQueue(ctx, "orders/live", wanted, nil)
	require.NoError(t, err)
	require.Equal(t, wanted, updated.QueueProperties)
	sendAll(t, sender, identified("a", "1"), identified("dropped", "1"))
	m := receiveOne(t, b.receiver(t, "orders/live"))
	require.WithinDuration(t, time.Now().Add(10*time.Second), *m.LockedUntil, 2*time.Second)
	require.Equal(t, 169*time.Hour, *m.TimeToLive)

	_, err = c.DeleteQueue(ctx, "orders/live", nil)
	require.NoError(t, err)
	_, err = c.DeleteQueue(ctx, "orders/live", nil)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
	_, err = c.UpdateQueue(ctx, "orders/live", wanted, nil)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
	_, err = b.Counts("orders/live")
	require.ErrorContains(t, err, "could not be found")
}

// Item 110: what nobody asks for has the service's defaults, and what an update leaves out goes back to them.
func TestAnEmptyDescriptionMeansTheDefaults(t *testing.T) {
	_, c, _ := administered(t)
	defaults := admin.QueueProperties{
		LockDuration: to.Ptr("PT1M"), MaxSizeInMegabytes: to.Ptr(int32(1024)), RequiresDuplicateDetection: to.Ptr(false), RequiresSession: to.Ptr(false),
		DefaultMessageTimeToLive: to.Ptr("P10675199DT2H48M5.4775807S"), DeadLetteringOnMessageExpiration: to.Ptr(false),
		DuplicateDetectionHistoryTimeWindow: to.Ptr("PT10M"), MaxDeliveryCount: to.Ptr(int32(10)), EnableBatchedOperations: to.Ptr(true),
		Status: to.Ptr(admin.EntityStatusActive), AutoDeleteOnIdle: to.Ptr("P10675199DT2H48M5.4775807S"), EnablePartitioning: to.Ptr(false),
		MaxMessageSizeInKilobytes: to.Ptr(int64(256)),
	}
	created, err := c.CreateQueue(within(t), "q", nil)
	require.NoError(t, err)
	require.Equal(t, defaults, created.QueueProperties)
	_, err = c.UpdateQueue(within(t), "q", admin.QueueProperties{LockDuration: to.Ptr("PT5S")}, nil)
	require.NoError(t, err)
	updated, err := c.UpdateQueue(within(t), "q", created.QueueProperties, nil)
	require.NoError(t, err)
	require.Equal(t, defaults, updated.QueueProperties)
}

// Item 111
func TestListsOfAnySizeArePagedThrough(t *testing.T) {
	for _, n := range []int{0, 1, 100, 250} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			var queues []servicebus.Queue
			var want []string
			for i := range n {
				want = append(want, fmt.Sprintf("q%03d", i))
				queues = append(queues, servicebus.Queue{Name: want[i]})
			}
			_, c, _ := administered(t, queues...)
			for _, size := range []int32{0, 1, 7, 100, 1000} {
				if size == 1 && n > 1 {
					continue // it would be a request a queue
				}
				var got, runtimes []string
				for p := c.NewListQueuesPager(&admin.ListQueuesOptions{MaxPageSize: size}); p.More(); {
					page, err := p.NextPage(within(t))
					require.NoError(t, err)
					for _, q := range page.Queues {
						require.Equal(t, "PT1M", *q.LockDuration)
						got = append(got, q.QueueName)
					}
				}
				require.Equal(t, want, got, "pages of %d", size)
				for p := c.NewListQueuesRuntimePropertiesPager(&admin.ListQueuesRuntimePropertiesOptions{MaxPageSize: size}); p.More(); {
					page, err := p.NextPage(within(t))
					require.NoError(t, err)
					for _, q := range page.QueueRuntimeProperties {
						runtimes = append(runtimes, q.QueueName)
					}
				}
				require.Equal(t, want, runtimes, "pages of %d", size)
			}
		})
	}
}

// Item 112
func TestRuntimeCountsAreThoseOfTheQueue(t *testing.T) {
	began := time.Now().Add(-time.Second)
	b, c, _ := administered(t, servicebus.Queue{Name: "q"})
	fresh, err := c.GetQueueRuntimeProperties(within(t), "q", nil)
	require.NoError(t, err)
	require.Zero(t, fresh.AccessedAt)
	require.Zero(t, fresh.TotalMessageCount)

	s, r := b.sender(t, "q"), b.receiver(t, "q")
	send(t, s, "active", "locked", "deferred", "dead", "dead")
	_, err = s.ScheduleMessages(within(t), []*azservicebus.Message{text("scheduled"), text("scheduled")}, time.Now().Add(time.Hour), nil)
	require.NoError(t, err)
	got := receive(t, r, 5)
	require.NoError(t, r.AbandonMessage(within(t), got[0], nil))
	deferMessage(t, r, got[2])
	for _, m := range got[3:] {
		require.NoError(t, r.DeadLetterMessage(within(t), m, nil))
	}
	rt, err := c.GetQueueRuntimeProperties(within(t), "q", nil)
	require.NoError(t, err)
	require.Equal(t, admin.QueueRuntimeProperties{
		SizeInBytes: rt.SizeInBytes, CreatedAt: rt.CreatedAt, UpdatedAt: rt.UpdatedAt, AccessedAt: rt.AccessedAt,
		TotalMessageCount: 7, ActiveMessageCount: 3, DeadLetterMessageCount: 2, ScheduledMessageCount: 2,
	}, rt.QueueRuntimeProperties)
	require.Greater(t, rt.SizeInBytes, int64(7*len("locked")))
	for _, at := range []time.Time{rt.CreatedAt, rt.UpdatedAt, rt.AccessedAt} {
		require.WithinRange(t, at, began, time.Now().Add(time.Second))
	}
	missing, err := c.GetQueueRuntimeProperties(within(t), "none", nil)
	require.NoError(t, err)
	require.Nil(t, missing)
}

// Item 114, and what else cannot be.
func TestWhatCannotBeIsRefusedAndSaysWhy(t *testing.T) {
	_, c, _ := administered(t, servicebus.Queue{Name: "q"})
	q, err := c.GetQueue(within(t), "q", nil)
	require.NoError(t, err)
	for name, change := range map[string]func(p *admin.QueueProperties){
		"RequiresSession":     func(p *admin.QueueProperties) { p.RequiresSession = to.Ptr(true) },
		"duplicate detection": func(p *admin.QueueProperties) { p.RequiresDuplicateDetection = to.Ptr(true) },
		"EnablePartitioning":  func(p *admin.QueueProperties) { p.EnablePartitioning = to.Ptr(true) },
		"lock duration":       func(p *admin.QueueProperties) { p.LockDuration = to.Ptr("PT6M") },
		"LockDuration":        func(p *admin.QueueProperties) { p.LockDuration = to.Ptr("PT0S") },
		"is not a duration":   func(p *admin.QueueProperties) { p.LockDuration = to.Ptr("soon") },
		"MaxDeliveryCount":    func(p *admin.QueueProperties) { p.MaxDeliveryCount = to.Ptr(int32(0)) },
		"time to live":        func(p *admin.QueueProperties) { p.DefaultMessageTimeToLive = to.Ptr("PT0.5S") },
		"window":              func(p *admin.QueueProperties) { p.DuplicateDetectionHistoryTimeWindow = to.Ptr("P8D") },
		"message size":        func(p *admin.QueueProperties) { p.MaxMessageSizeInKilobytes = to.Ptr(int64(1 << 40)) },
		"status":              func(p *admin.QueueProperties) { p.Status = to.Ptr(admin.EntityStatus("Asleep")) },
		"metadata":            func(p *admin.QueueProperties) { p.UserMetadata = to.Ptr(strings.Repeat("x", 1025)) },
	} {
		props := q.QueueProperties
		change(&props)
		_, err := c.UpdateQueue(within(t), "q", props, nil)
		requireStatus(t, err, http.StatusBadRequest, name)
		require.ErrorContains(t, err, "SubCode=40000")
	}
	after, err := c.GetQueue(within(t), "q", nil)
	require.NoError(t, err)
	require.Equal(t, q, after)

	for name, props := range map[string]admin.QueueProperties{
		"message sessions": {RequiresSession: to.Ptr(true)}, "partitioning": {EnablePartitioning: to.Ptr(true)},
		"forwarding": {ForwardTo: to.Ptr("q")}, "forwarding (": {ForwardDeadLetteredMessagesTo: to.Ptr("q")},
	} {
		_, err := c.CreateQueue(within(t), "p", &admin.CreateQueueOptions{Properties: &props})
		requireStatus(t, err, http.StatusNotImplemented, name)
	}
	_, err = c.CreateQueue(within(t), "no name", nil)
	requireStatus(t, err, http.StatusBadRequest, "is not the name of a queue")
	none, err := c.GetQueue(within(t), "p", nil)
	require.NoError(t, err)
	require.Nil(t, none)
}

func TestTheNamespaceIsShown(t *testing.T) {
	_, c, _ := administered(t)
	n, err := c.GetNamespaceProperties(within(t), nil)
	require.NoError(t, err)
	require.NotEmpty(t, n.Name)
	require.Equal(t, "Standard", n.SKU)
	require.WithinDuration(t, time.Now(), n.CreatedTime, time.Minute)
}

// Item 116
func TestHealthIsToldOnceSomebodyCanConnect(t *testing.T) {
	t.Parallel()
	b := newBed(t, servicebus.Options{})
	server := httptest.NewServer(b.AdministrationHandler())
	defer server.Close()
	health := func() (int, string) {
		resp, err := server.Client().Get(server.URL + "/health") // without any credential
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	status, body := health()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.JSONEq(t, `{"status":"unhealthy","message":"Service is not listening."}`, body)

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = b.Serve(l) }()
	b.addr = l.Addr().String()
	send(t, b.sender(t, "q"), "a") // now it accepts
	status, body = health()
	require.Equal(t, http.StatusOK, status)
	require.JSONEq(t, `{"status":"healthy","message":"Service is healthy."}`, body)
	require.NoError(t, b.Close())
	status, _ = health()
	require.Equal(t, http.StatusServiceUnavailable, status)
}

// What the JavaScript SDK reads of a document and throws over when it is missing, and what the raw API refuses.
func TestTheDocumentsHaveWhatOtherClientsRead(t *testing.T) {
	_, _, server := administered(t, servicebus.Queue{Name: "a/b"})
	ask := func(method, path, body string, header ...string) (*http.Response, string) {
		r, err := http.NewRequestWithContext(within(t), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "SharedAccessSignature anything")
		for _, h := range header {
			r.Header.Set(h, "*")
		}
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(got)
	}
	resp, doc := ask(http.MethodGet, "/a/b?api-version=2021-05&x=1", "")
	require.Equal(t, "application/atom+xml;type=entry;charset=utf-8", resp.Header.Get("Content-Type"))
	for _, part := range []string{
		`<entry xmlns="http://www.w3.org/2005/Atom">`, `<title type="text">a/b</title>`, `<id>` + server.URL + `/a/b?api-version=2021-05</id>`,
		`<QueueDescription xmlns="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect" xmlns:i="http://www.w3.org/2001/XMLSchema-instance">`,
		`<CountDetails xmlns:d2p1="http://schemas.microsoft.com/netservices/2011/06/servicebus"><d2p1:ActiveMessageCount>0</d2p1:ActiveMessageCount>`,
		`<d2p1:TransferDeadLetterMessageCount>0</d2p1:TransferDeadLetterMessageCount></CountDetails>`, `<AccessedAt>0001-01-01T00:00:00</AccessedAt>`,
		`<EntityAvailabilityStatus>Available</EntityAvailabilityStatus>`, `<EnableExpress>false</EnableExpress>`, `<EnablePartitioning>false</EnablePartitioning>`,
		`<RequiresSession>false</RequiresSession>`, `<AutoDeleteOnIdle>`, `<DefaultMessageTimeToLive>`,
	} {
		require.Contains(t, doc, part)
	}
	for _, path := range []string{"/$Resources/Queues?%24skip=0&%24top=0", "/$resources/queues/?$top=0&%3F="} {
		resp, doc = ask(http.MethodGet, path, "")
		require.Equal(t, "application/atom+xml;type=feed;charset=utf-8", resp.Header.Get("Content-Type"))
		require.Contains(t, doc, `<link rel="next" href="http://`)
		require.Contains(t, doc, "&amp;", "or Go's decoder fails")
	}
	_, doc = ask(http.MethodGet, "/$Resources/Queues", "")
	require.NotContains(t, doc, `rel="next"`)
	require.Contains(t, doc, `<entry><id>`)

	const entry = `<?xml version="1.0" encoding="utf-8"?><a:entry xmlns:a="http://www.w3.org/2005/Atom"><a:content type="application/xml">` +
		`<s:QueueDescription xmlns:s="http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"><s:Unknown><s:LockDuration>x</s:LockDuration></s:Unknown><s:MaxDeliveryCount>4</s:MaxDeliveryCount></s:QueueDescription></a:content></a:entry>`
	resp, doc = ask(http.MethodPut, "/prefixed", entry)
	require.Equal(t, http.StatusCreated, resp.StatusCode, doc)
	require.Contains(t, doc, "<MaxDeliveryCount>4</MaxDeliveryCount>")
	for name, tc := range map[string]struct {
		method, path, body string
		status             int
	}{
		"no XML":            {http.MethodPut, "/x", "no", 400},
		"no description":    {http.MethodPut, "/x", `<entry><content/></entry>`, 400},
		"a huge one":        {http.MethodPut, "/x", "<entry>" + strings.Repeat("<a>", 1<<20), 400},
		"a rule":            {http.MethodPut, "/x", `<entry><content><RuleDescription/></content></entry>`, 400},
		"a number":          {http.MethodPut, "/x", `<entry><content><QueueDescription><MaxDeliveryCount>x</MaxDeliveryCount></QueueDescription></content></entry>`, 400},
		"a bad page":        {http.MethodGet, "/$Resources/Queues?$top=x", "", 400},
		"a negative page":   {http.MethodGet, "/$Resources/Queues?$skip=-1", "", 400},
		"a method":          {http.MethodPost, "/x", "", 405},
		"a list's method":   {http.MethodDelete, "/$Resources/Queues", "", 405},
		"another list":      {http.MethodGet, "/$Resources/EventHubs", "", 404},
		"a dead-letter one": {http.MethodGet, "/a/b/$DeadLetterQueue", "", 404},
		"the root":          {http.MethodGet, "/", "", 404},
	} {
		resp, doc := ask(tc.method, tc.path, tc.body)
		require.Equal(t, tc.status, resp.StatusCode, "%s: %s", name, doc)
		require.Contains(t, doc, fmt.Sprintf("<Error><Code>%d</Code><Detail>", tc.status), name)
		require.Contains(t, doc, "TrackingId:", name)
	}
	anonymous, err := server.Client().Get(server.URL + "/$Resources/Queues")
	require.NoError(t, err)
	require.NoError(t, anonymous.Body.Close())
	require.Equal(t, http.StatusUnauthorized, anonymous.StatusCode)
}
