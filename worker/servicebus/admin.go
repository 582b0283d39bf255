package servicebus

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"

	"github.com/signalbox/signalbox/internal/isoduration"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/internal/subscription"
	"github.com/signalbox/signalbox/worker"
)

// AdminOptions say how to reach a namespace's administration API: by connection string, or by host name and credential.
type AdminOptions struct {
	ConnectionString secret.String
	Host             string // such as example.servicebus.windows.net
	Credential       azcore.TokenCredential

	// Endpoint is where the API is, when that is not the namespace itself. Default: https and the namespace's host, or,
	// with UseDevelopmentEmulator=true in the connection string, http and port 5300 of its host. Only then may it be http.
	Endpoint      string
	CallTimeout   time.Duration     // of every call, unless the caller's is shorter; default 10 s
	ApplicationID string            // shown to the service; default signalbox
	Transport     http.RoundTripper // replaces the network, for a broker inside the process
}

// Admin asks how queues are set up and what they hold. It takes the right to manage the namespace, and each question costs
// the broker ten times what a message costs it, so a fleet lets one process ask.
//
// Errors wrap those of package worker; they name no address and nothing of what was answered.
// Concurrency: safe for concurrent use.
type Admin struct {
	client  *admin.Client
	road    *road
	timeout time.Duration

	mu    sync.Mutex
	sizes map[string]knownSize
}

// knownSize remembers a queue's maximum size, which the SDK asks for separately from the counts.
type knownSize struct {
	bytes int64
	until time.Time
}

const sizeKept = 10 * time.Minute

// QueueProperties is how a queue or a subscription is set up. A duration of 0 is for ever.
type QueueProperties struct {
	LockDuration         time.Duration
	MaxDeliveryCount     int
	TimeToLive           time.Duration // default and ceiling of the messages'
	DeadLettersExpired   bool
	DetectsDuplicates    bool
	DuplicateWindow      time.Duration
	Sessions             bool
	Partitioned          bool
	Status               string // Active, Disabled, SendDisabled or ReceiveDisabled
	ForwardTo            string
	ForwardDeadLettersTo string
	DeleteWhenIdle       time.Duration
	MaxSizeBytes         int64
	MaxMessageBytes      int64 // 0: the broker does not say

	Rules int // of a subscription, those that may select a message; without one it gets nothing
}

// QueueCounts is what a queue holds. Active counts the locked and the deferred messages too.
type QueueCounts struct {
	Active, Scheduled, DeadLetters, Transfer, TransferDeadLetters int64
	SizeBytes, MaxSizeBytes                                       int64
}

// OpenAdmin makes the client. Nothing is dialled yet.
func OpenAdmin(o AdminOptions) (*Admin, error) {
	if err := (Options{ConnectionString: o.ConnectionString, Host: o.Host, Credential: o.Credential, CallTimeout: o.CallTimeout}).Validate(); err != nil {
		return nil, err
	}
	if o.CallTimeout == 0 {
		o.CallTimeout = 10 * time.Second
	}
	if o.ApplicationID == "" {
		o.ApplicationID = "signalbox"
	}
	road, err := o.road()
	if err != nil {
		return nil, err
	}
	options := &admin.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport: road, Telemetry: policy.TelemetryOptions{ApplicationID: o.ApplicationID},
		Retry: policy.RetryOptions{MaxRetries: 2, RetryDelay: 200 * time.Millisecond, MaxRetryDelay: 2 * time.Second},
	}}
	a := &Admin{road: road, timeout: o.CallTimeout, sizes: map[string]knownSize{}}
	if o.ConnectionString.IsZero() {
		a.client, err = admin.NewClient(o.Host, o.Credential, options)
	} else {
		a.client, err = admin.NewClientFromConnectionString(o.ConnectionString.Reveal(), options)
	}
	if err != nil { // the SDK's text quotes parts of the string
		return nil, errUnusable
	}
	return a, nil
}

// Properties asks how a queue is set up, or a subscription, of which some is its topic's.
func (a *Admin) Properties(ctx context.Context, queue string) (QueueProperties, error) {
	if topic, name, is := subscription.Split(queue); is {
		return a.subscription(ctx, topic, name)
	}
	got, err := ask(ctx, a, "read queue properties", func(ctx context.Context) (*admin.GetQueueResponse, error) {
		return a.client.GetQueue(ctx, queue, nil)
	})
	if err != nil {
		return QueueProperties{}, err
	}
	p, err := propertiesOf(got.QueueProperties)
	if err != nil {
		return QueueProperties{}, fmt.Errorf("read queue properties: %w", err)
	}
	a.remember(queue, p.MaxSizeBytes)
	return p, nil
}

func (a *Admin) remember(queue string, size int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sizes[queue] = knownSize{size, time.Now().Add(sizeKept)}
}

// Counts asks what a queue or a subscription holds.
func (a *Admin) Counts(ctx context.Context, queue string) (QueueCounts, error) {
	if topic, name, is := subscription.Split(queue); is {
		return a.subscriptionCounts(ctx, topic, name)
	}
	limit, err := a.maxSize(ctx, queue)
	if err != nil {
		return QueueCounts{}, err
	}
	got, err := ask(ctx, a, "read queue counts", func(ctx context.Context) (*admin.GetQueueRuntimePropertiesResponse, error) {
		return a.client.GetQueueRuntimeProperties(ctx, queue, nil)
	})
	if err != nil {
		return QueueCounts{}, err
	}
	return QueueCounts{
		Active: int64(got.ActiveMessageCount), Scheduled: int64(got.ScheduledMessageCount), DeadLetters: int64(got.DeadLetterMessageCount),
		Transfer: int64(got.TransferMessageCount), TransferDeadLetters: int64(got.TransferDeadLetterMessageCount),
		SizeBytes: got.SizeInBytes, MaxSizeBytes: limit,
	}, nil
}

func (a *Admin) maxSize(ctx context.Context, queue string) (int64, error) {
	a.mu.Lock()
	known, ok := a.sizes[queue]
	a.mu.Unlock()
	if ok && time.Now().Before(known.until) {
		return known.bytes, nil
	}
	p, err := a.Properties(ctx, queue)
	return p.MaxSizeBytes, err
}

// Close lets go of connections that are kept for the next call.
func (a *Admin) Close() { a.road.client.CloseIdleConnections() }

// Ahead is how far the broker's clock was ahead of ours at its last answer, to half a second; false if it has not said.
func (a *Admin) Ahead() (time.Duration, bool) { return a.road.ahead() }

// ask makes one call. The SDK answers nil for a queue that is not there, and panics on documents that lack a part.
func ask[T any](ctx context.Context, a *Admin, doing string, call func(context.Context) (*T, error)) (got *T, err error) {
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	defer func() {
		if value := recover(); value != nil {
			got, err = nil, fmt.Errorf("%s: the SDK cannot read the answer: %T", doing, value)
		}
	}()
	got, err = call(ctx)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", doing, administrative(ctx, err))
	case got == nil:
		return nil, fmt.Errorf("%s: %w", doing, worker.ErrNotFound)
	}
	return got, nil
}

func propertiesOf(p admin.QueueProperties) (QueueProperties, error) {
	var problems []error
	duration := func(name string, text *string) time.Duration {
		if text == nil {
			return 0
		}
		d, err := isoduration.Parse(*text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", name, err))
		}
		if d == isoduration.Endless {
			return 0
		}
		return d
	}
	out := QueueProperties{
		LockDuration: duration("LockDuration", p.LockDuration), MaxDeliveryCount: int(value(p.MaxDeliveryCount)),
		TimeToLive: duration("DefaultMessageTimeToLive", p.DefaultMessageTimeToLive), DeadLettersExpired: value(p.DeadLetteringOnMessageExpiration),
		DetectsDuplicates: value(p.RequiresDuplicateDetection), DuplicateWindow: duration("DuplicateDetectionHistoryTimeWindow", p.DuplicateDetectionHistoryTimeWindow),
		Sessions: value(p.RequiresSession), Partitioned: value(p.EnablePartitioning), Status: string(value(p.Status)),
		ForwardTo: value(p.ForwardTo), ForwardDeadLettersTo: value(p.ForwardDeadLetteredMessagesTo), DeleteWhenIdle: duration("AutoDeleteOnIdle", p.AutoDeleteOnIdle),
		MaxSizeBytes: int64(value(p.MaxSizeInMegabytes)) << 20, MaxMessageBytes: value(p.MaxMessageSizeInKilobytes) << 10,
	}
	return out, errors.Join(problems...)
}
