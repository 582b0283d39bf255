package servicebus

import (
	"errors"
	"fmt"
	"time"

	"github.com/signalbox/signalbox/internal/isoduration"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/atom"
	"github.com/signalbox/signalbox/test/sim/servicebus/internal/store"
)

// errUnsupported marks what an entity of the service can be and one of ours cannot, so that nobody takes it for done.
var errUnsupported = errors.New("this broker does not support")

func unsupported(q atom.Entity) error {
	for what, wanted := range map[string]bool{
		"message sessions (RequiresSession)":                    is(q.RequiresSession),
		"partitioning (EnablePartitioning)":                     is(q.EnablePartitioning),
		"forwarding (ForwardTo, ForwardDeadLetteredMessagesTo)": says(q.ForwardTo) || says(q.ForwardDeadLetteredMessagesTo),
	} {
		if wanted {
			return fmt.Errorf("%w %s", errUnsupported, what)
		}
	}
	return nil
}

// kept is what the administration API shows again and a broker in memory has no use for.
type kept struct {
	autoDeleteOnIdle *atom.Duration
	unbatched        bool
	express          bool
	rules            []atom.AuthorizationRule
}

// properties are the settings that a description asks for. What it does not say is left to the defaults; a zero that it
// does say is out of range.
func properties(q atom.Entity) (store.QueueProperties, error) {
	var problems store.PropertyError
	duration := func(name string, d *atom.Duration) time.Duration {
		if d != nil && *d == 0 {
			problems = append(problems, name+" of 0")
		}
		return time.Duration(value(d))
	}
	number := func(name string, n *int) int {
		if n != nil && *n <= 0 {
			problems = append(problems, fmt.Sprintf("%s of %d", name, *n))
		}
		return value(n)
	}
	p := store.QueueProperties{
		LockDuration:       duration("LockDuration", q.LockDuration),
		MaxDeliveryCount:   number("MaxDeliveryCount", q.MaxDeliveryCount),
		MaxMessageBytes:    int(min(value(q.MaxMessageSizeInKilobytes), 1<<30) << 10),
		MaxSizeMegabytes:   number("MaxSizeInMegabytes", q.MaxSizeInMegabytes),
		DefaultTTL:         duration("DefaultMessageTimeToLive", q.DefaultMessageTimeToLive),
		DeadLetterExpired:  is(q.DeadLetteringOnMessageExpiration),
		DuplicateDetection: is(q.RequiresDuplicateDetection),
		DuplicateWindow:    duration("DuplicateDetectionHistoryTimeWindow", q.DuplicateDetectionHistoryTimeWindow),
		Status:             store.Status(value(q.Status)),
		Metadata:           value(q.UserMetadata),
		Kept: kept{
			q.AutoDeleteOnIdle, q.EnableBatchedOperations != nil && !*q.EnableBatchedOperations, is(q.EnableExpress), q.AuthorizationRules,
		},
	}
	if p.DefaultTTL == isoduration.Endless {
		p.DefaultTTL = 0
	}
	if problems != nil {
		return p, problems
	}
	return p, nil
}

// describeQueue is properties the other way round, with the counts.
func describeQueue(d store.Description) atom.Entity {
	p, c := d.Properties, d.Counts
	k, _ := p.Kept.(kept)
	ttl, idle := p.DefaultTTL, k.autoDeleteOnIdle
	if ttl == 0 {
		ttl = isoduration.Endless
	}
	if idle == nil {
		idle = ref(atom.Duration(isoduration.Endless))
	}
	q := atom.Entity{
		LockDuration:                        ref(atom.Duration(p.LockDuration)),
		MaxSizeInMegabytes:                  &p.MaxSizeMegabytes,
		RequiresDuplicateDetection:          &p.DuplicateDetection,
		RequiresSession:                     ref(false),
		DefaultMessageTimeToLive:            ref(atom.Duration(ttl)),
		DeadLetteringOnMessageExpiration:    &p.DeadLetterExpired,
		DuplicateDetectionHistoryTimeWindow: ref(atom.Duration(p.DuplicateWindow)),
		MaxDeliveryCount:                    &p.MaxDeliveryCount,
		EnableBatchedOperations:             ref(!k.unbatched),
		SizeInBytes:                         &d.Bytes,
		MessageCount:                        ref(int64(c.Active + c.DeadLetter + c.Scheduled)),
		IsAnonymousAccessible:               ref(false),
		AuthorizationRules:                  k.rules,
		Status:                              ref(string(p.Status)),
		CreatedAt:                           ref(atom.Moment(d.Created)),
		UpdatedAt:                           ref(atom.Moment(d.Updated)),
		AccessedAt:                          ref(atom.Moment(d.Accessed)),
		SupportOrdering:                     ref(true),
		CountDetails:                        &atom.Counts{Active: c.Active, DeadLetter: c.DeadLetter, Scheduled: c.Scheduled},
		AutoDeleteOnIdle:                    idle,
		EnablePartitioning:                  ref(false),
		EntityAvailabilityStatus:            ref("Available"),
		EnableExpress:                       &k.express,
		MaxMessageSizeInKilobytes:           ref(int64(p.MaxMessageBytes) >> 10),
	}
	if p.Metadata != "" {
		q.UserMetadata = &p.Metadata
	}
	return q
}

// describe tells of an entity what its kind has.
func describe(kind atom.Kind, d store.Description) atom.Entity {
	q := describeQueue(d)
	switch kind {
	case atom.KindTopic:
		q.LockDuration, q.MaxDeliveryCount, q.RequiresSession, q.DeadLetteringOnMessageExpiration, q.MessageCount = nil, nil, nil, nil, nil
		q.FilteringMessagesBeforePublishing, q.EnableSubscriptionPartitioning = ref(false), ref(false)
		q.SubscriptionCount, q.SqlFilterCount, q.CorrelationFilterCount = &d.Subscriptions, ref(0), &d.CorrelationFilters
	case atom.KindSubscription:
		q.MaxSizeInMegabytes, q.RequiresDuplicateDetection, q.DuplicateDetectionHistoryTimeWindow, q.SizeInBytes = nil, nil, nil, nil
		q.IsAnonymousAccessible, q.AuthorizationRules, q.SupportOrdering, q.EnablePartitioning, q.EnableExpress = nil, nil, nil, nil, nil
		q.MaxMessageSizeInKilobytes, q.DeadLetteringOnFilterEvaluationExceptions = nil, ref(false)
	}
	return q
}

func is(b *bool) bool { return b != nil && *b }

func says(s *string) bool { return value(s) != "" }

func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

func ref[T any](v T) *T { return &v }
