package servicebus

import (
	"context"
	"fmt"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"

	"github.com/signalbox/signalbox/internal/subscription"
)

// subscription asks for a subscription, its topic and its rules. What the topic decides is in the answer: size, duplicates, and a time
// to live that is the shorter of the two.
func (a *Admin) subscription(ctx context.Context, topic, name string) (QueueProperties, error) {
	const doing = "read subscription properties"
	of, err := ask(ctx, a, doing, func(ctx context.Context) (*admin.GetTopicResponse, error) { return a.client.GetTopic(ctx, topic, nil) })
	if err != nil {
		return QueueProperties{}, err
	}
	got, err := ask(ctx, a, doing, func(ctx context.Context) (*admin.GetSubscriptionResponse, error) {
		return a.client.GetSubscription(ctx, topic, name, nil)
	})
	if err != nil {
		return QueueProperties{}, err
	}
	p, err := propertiesOf(admin.QueueProperties{
		LockDuration: got.LockDuration, MaxDeliveryCount: got.MaxDeliveryCount, DefaultMessageTimeToLive: got.DefaultMessageTimeToLive,
		DeadLetteringOnMessageExpiration: got.DeadLetteringOnMessageExpiration, RequiresSession: got.RequiresSession, Status: got.Status,
		ForwardTo: got.ForwardTo, ForwardDeadLetteredMessagesTo: got.ForwardDeadLetteredMessagesTo, AutoDeleteOnIdle: got.AutoDeleteOnIdle,
		RequiresDuplicateDetection: of.RequiresDuplicateDetection, DuplicateDetectionHistoryTimeWindow: of.DuplicateDetectionHistoryTimeWindow,
		EnablePartitioning: of.EnablePartitioning, MaxSizeInMegabytes: of.MaxSizeInMegabytes, MaxMessageSizeInKilobytes: of.MaxMessageSizeInKilobytes,
	})
	above, wrong := propertiesOf(admin.QueueProperties{DefaultMessageTimeToLive: of.DefaultMessageTimeToLive})
	if err == nil {
		err = wrong
	}
	if err != nil {
		return QueueProperties{}, fmt.Errorf("%s: %w", doing, err)
	}
	if above.TimeToLive > 0 && (p.TimeToLive == 0 || above.TimeToLive < p.TimeToLive) {
		p.TimeToLive = above.TimeToLive
	}
	if p.Rules, err = a.rules(ctx, topic, name); err != nil {
		return QueueProperties{}, err
	}
	a.remember(subscription.Join(topic, name), p.MaxSizeBytes)
	return p, nil
}

// rules counts the rules that may select a message. A first page says enough.
func (a *Admin) rules(ctx context.Context, topic, name string) (n int, err error) {
	page, err := ask(ctx, a, "read rules", func(ctx context.Context) (*admin.ListRulesResponse, error) {
		page, err := a.client.NewListRulesPager(topic, name, nil).NextPage(ctx)
		return &page, err
	})
	if err != nil {
		return 0, err
	}
	for _, r := range page.Rules {
		if _, never := r.Filter.(*admin.FalseFilter); !never {
			n++
		}
	}
	return n, nil
}

// subscriptionCounts asks for what a subscription holds. How full it is the broker only says of its topic.
func (a *Admin) subscriptionCounts(ctx context.Context, topic, name string) (QueueCounts, error) {
	const doing = "read subscription counts"
	limit, err := a.maxSize(ctx, subscription.Join(topic, name))
	if err != nil {
		return QueueCounts{}, err
	}
	got, err := ask(ctx, a, doing, func(ctx context.Context) (*admin.GetSubscriptionRuntimePropertiesResponse, error) {
		return a.client.GetSubscriptionRuntimeProperties(ctx, topic, name, nil)
	})
	if err != nil {
		return QueueCounts{}, err
	}
	of, err := ask(ctx, a, doing, func(ctx context.Context) (*admin.GetTopicRuntimePropertiesResponse, error) {
		return a.client.GetTopicRuntimeProperties(ctx, topic, nil)
	})
	if err != nil {
		return QueueCounts{}, err
	}
	return QueueCounts{
		Active: int64(got.ActiveMessageCount), DeadLetters: int64(got.DeadLetterMessageCount), Transfer: int64(got.TransferMessageCount),
		TransferDeadLetters: int64(got.TransferDeadLetterMessageCount), SizeBytes: of.SizeInBytes, MaxSizeBytes: limit,
	}, nil
}
