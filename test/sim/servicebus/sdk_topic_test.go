package servicebus_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// news is a namespace with one topic.
func news(subscriptions ...servicebus.Subscription) servicebus.Options {
	return servicebus.Options{Topics: []servicebus.Topic{{Name: "news", Subscriptions: subscriptions}}}
}

func (b *bed) subscriber(t *testing.T, name string, o *azservicebus.ReceiverOptions) *azservicebus.Receiver {
	t.Helper()
	r, err := b.client(t).NewReceiverForSubscription("news", name, o)
	require.NoError(t, err)
	return r
}

// labelled is a rule for one subject.
func labelled(name, subject string) servicebus.Rule {
	return servicebus.Rule{Name: name, Filter: servicebus.CorrelationFilter{Label: &subject}}
}

func about(subject, body string) *azservicebus.Message {
	m := text(body)
	m.Subject = &subject
	return m
}

func TestAMessageGoesOnceToEverySubscriptionThatARuleSelectsItFor(t *testing.T) {
	o := news(
		servicebus.Subscription{Name: "all"},
		servicebus.Subscription{Name: "orders", Rules: []servicebus.Rule{labelled("r", "order")}},
		servicebus.Subscription{Name: "both", Rules: []servicebus.Rule{labelled("o", "order"), labelled("p", "price"), {Name: "all", Filter: servicebus.TrueFilter{}}}},
		servicebus.Subscription{Name: "none", Rules: []servicebus.Rule{}},
		servicebus.Subscription{Name: "never", Rules: []servicebus.Rule{{Name: "f", Filter: servicebus.FalseFilter{}}}},
	)
	inMemory(t, o, func(t *testing.T, b *bed) {
		s := b.sender(t, "news")
		sendAll(t, s, about("order", "a"), about("price", "b"), text("c"))
		batch, err := s.NewMessageBatch(within(t), nil)
		require.NoError(t, err)
		for _, m := range []*azservicebus.Message{about("price", "d"), about("order", "e"), about("Order", "f")} {
			require.NoError(t, batch.AddMessage(m, nil))
		}
		require.NoError(t, s.SendMessageBatch(within(t), batch, nil))
		for name, want := range map[string]string{"all": "a b c d e f", "orders": "a e", "both": "a b c d e f"} {
			got := peek(t, b.subscriber(t, name, nil), 10)
			require.Equal(t, want, bodies(got), name)
			for i, m := range got {
				require.Equal(t, int64(i+1), *m.SequenceNumber, "numbers are the subscription's own")
			}
		}
		for _, name := range []string{"none", "never"} {
			require.Empty(t, peek(t, b.subscriber(t, name, nil), 10), name)
		}
		counts, err := b.Counts("news")
		require.NoError(t, err)
		require.Zero(t, counts, "a topic stores nothing")
	})
}

func TestACorrelationFilterComparesByValue(t *testing.T) {
	at := time.Date(2026, 11, 1, 9, 0, 0, 250e6, time.UTC)
	full := func() *azservicebus.Message {
		return &azservicebus.Message{Body: []byte("m"), MessageID: to.Ptr("id"), CorrelationID: to.Ptr("story"), To: to.Ptr("there"), ReplyTo: to.Ptr("here"),
			Subject: to.Ptr("order"), SessionID: to.Ptr("s"), ReplyToSessionID: to.Ptr("rs"), ContentType: to.Ptr("application/json"),
			ApplicationProperties: map[string]any{"text": "v", "int": int32(7), "long": int64(1 << 40), "double": 1.5, "yes": true, "at": at, "whole": 2.0}}
	}
	type filter = servicebus.CorrelationFilter
	for name, tc := range map[string]struct {
		filter filter
		wants  bool
	}{
		"every field": {filter{CorrelationID: to.Ptr("story"), MessageID: to.Ptr("id"), To: to.Ptr("there"), ReplyTo: to.Ptr("here"), Label: to.Ptr("order"),
			SessionID: to.Ptr("s"), ReplyToSessionID: to.Ptr("rs"), ContentType: to.Ptr("application/json")}, true},
		"another correlation id":            {filter{CorrelationID: to.Ptr("Story")}, false},
		"another message id":                {filter{MessageID: to.Ptr("x")}, false},
		"another to":                        {filter{To: to.Ptr("x")}, false},
		"another reply-to":                  {filter{ReplyTo: to.Ptr("x")}, false},
		"another label":                     {filter{Label: to.Ptr("x")}, false},
		"another session id":                {filter{SessionID: to.Ptr("x")}, false},
		"another reply-to session id":       {filter{ReplyToSessionID: to.Ptr("x")}, false},
		"another content type":              {filter{ContentType: to.Ptr("x")}, false},
		"one field of two that is another":  {filter{Label: to.Ptr("order"), To: to.Ptr("x")}, false},
		"properties of every type":          {filter{Properties: map[string]any{"text": "v", "int": int64(7), "long": int64(1 << 40), "double": 1.5, "yes": true, "at": at}}, true},
		"a number of another type":          {filter{Properties: map[string]any{"int": 7.0, "whole": int64(2)}}, true},
		"a text is no number":               {filter{Properties: map[string]any{"int": "7"}}, false},
		"another text":                      {filter{Properties: map[string]any{"text": "V"}}, false},
		"another number":                    {filter{Properties: map[string]any{"long": int64(1<<40 + 1)}}, false},
		"another truth":                     {filter{Properties: map[string]any{"yes": false}}, false},
		"another moment":                    {filter{Properties: map[string]any{"at": at.Add(time.Second)}}, false},
		"a property that is not there":      {filter{Properties: map[string]any{"none": "v"}}, false},
		"a property's name in another case": {filter{Properties: map[string]any{"TEXT": "v"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			inMemory(t, news(servicebus.Subscription{Name: "s", Rules: []servicebus.Rule{{Name: "r", Filter: tc.filter}}}), func(t *testing.T, b *bed) {
				sendAll(t, b.sender(t, "news"), full(), text("bare"))
				want := ""
				if tc.wants {
					want = "m"
				}
				require.Equal(t, want, bodies(peek(t, b.subscriber(t, "s", nil), 10)))
			})
		})
	}
}

// What one subscriber does to its copy, no other sees.
func TestSubscriptionsKnowNothingOfEachOther(t *testing.T) {
	o := news(servicebus.Subscription{Name: "ours", MaxDeliveryCount: 2, LockDuration: 20 * time.Second}, servicebus.Subscription{Name: "theirs"})
	inMemory(t, o, func(t *testing.T, b *bed) {
		send(t, b.sender(t, "news"), "done", "failed", "refused", "aside", "lost")
		ours, theirs := b.subscriber(t, "ours", nil), b.subscriber(t, "theirs", nil)
		got := receive(t, ours, 5)
		require.NoError(t, ours.RenewMessageLock(within(t), got[0], nil))
		complete(t, ours, got[0])
		require.NoError(t, ours.AbandonMessage(within(t), got[1], &azservicebus.AbandonMessageOptions{PropertiesToModify: map[string]any{"seen": "by us"}}))
		require.NoError(t, ours.DeadLetterMessage(within(t), got[2], &azservicebus.DeadLetterOptions{Reason: to.Ptr("Ours"), ErrorDescription: to.Ptr("d")}))
		deferMessage(t, ours, got[3])
		require.NoError(t, b.LoseLock("news/subscriptions/OURS", got[4].LockToken))
		for _, m := range receive(t, ours, 2) {
			require.EqualValues(t, 2, m.DeliveryCount)
			require.NoError(t, ours.AbandonMessage(within(t), m, nil))
		}
		counts, err := b.Counts("news/Subscriptions/ours")
		require.NoError(t, err)
		require.Equal(t, servicebus.Counts{Active: 1, Deferred: 1, DeadLetter: 3}, counts)
		dead := receive(t, b.subscriber(t, "ours", deadLetters), 3)
		require.Equal(t, "failed refused lost", bodies(sortedBySequence(dead)))
		require.Equal(t, "MaxDeliveryCountExceeded", *sortedBySequence(dead)[0].DeadLetterReason)
		require.Equal(t, "news/Subscriptions/ours", *dead[0].DeadLetterSource)
		byNumber, err := ours.ReceiveDeferredMessages(within(t), []int64{*got[3].SequenceNumber}, nil)
		require.NoError(t, err)
		complete(t, ours, byNumber...)

		for _, m := range receive(t, theirs, 5) {
			require.EqualValues(t, 1, m.DeliveryCount)
			require.Empty(t, m.ApplicationProperties)
			require.Equal(t, azservicebus.MessageStateActive, m.State)
		}
		counts, err = b.Counts("news/Subscriptions/theirs")
		require.NoError(t, err)
		require.Equal(t, servicebus.Counts{Active: 5, Locked: 5}, counts)
	})
}

// Items 77, 78 and 106, for a topic.
func TestDuplicatesAndSchedulesAreTheTopics(t *testing.T) {
	o := servicebus.Options{Topics: []servicebus.Topic{{Name: "news", DuplicateDetection: true, DuplicateWindow: 30 * time.Second,
		Subscriptions: []servicebus.Subscription{{Name: "a"}, {Name: "b"}}}}}
	inMemory(t, o, func(t *testing.T, b *bed) {
		s, r := b.sender(t, "news"), b.subscriber(t, "a", nil)
		sendAll(t, s, identified("1", "1"), identified("dropped", "1"))
		require.NoError(t, b.CreateRule("news/Subscriptions/b", labelled("x", "x")))
		require.NoError(t, b.DeleteRule("news/Subscriptions/b", servicebus.DefaultRule))
		due := time.Now().Add(time.Minute)
		numbers, err := s.ScheduleMessages(within(t), []*azservicebus.Message{identified("cancelled", "2"), identified("by call", "3")}, due, nil)
		require.NoError(t, err)
		later := identified("by annotation", "4")
		later.ScheduledEnqueueTime = &due
		sendAll(t, s, later)
		require.NoError(t, s.CancelScheduledMessages(within(t), numbers[:1], nil))
		counts, err := b.Counts("NEWS")
		require.NoError(t, err)
		require.Equal(t, servicebus.Counts{Scheduled: 2}, counts)
		got := receiveOne(t, r)
		require.Equal(t, "1", string(got.Body))
		complete(t, r, got)
		nothing(t, r)
		time.Sleep(time.Until(due))
		got2 := receive(t, r, 2)
		require.Equal(t, "by call by annotation", bodies(got2))
		require.WithinDuration(t, due, *got2[0].EnqueuedTime, time.Second)
		sendAll(t, s, identified("again", "1")) // the window is over
		require.Equal(t, "again", string(receiveOne(t, r).Body))
		require.Equal(t, "1", bodies(peek(t, b.subscriber(t, "b", nil), 10)), "rules hold at the moment at which a message goes out")
	})
}

// Items 31 and 32: who may attach where, in any case of letters.
func TestATopicIsSentToAndASubscriptionReceivedFrom(t *testing.T) {
	inMemory(t, news(servicebus.Subscription{Name: "All"}), func(t *testing.T, b *bed) {
		_, err := b.receiver(t, "news").ReceiveMessages(within(t), 1, nil)
		requireCondition(t, err, "amqp:not-allowed")
		for _, path := range []string{"news/Subscriptions/all", "news/subscriptions/all/$DeadLetterQueue"} {
			requireCondition(t, b.sender(t, path).SendMessage(within(t), text("x"), nil), "amqp:not-allowed")
		}
		_, err = b.sender(t, "news/Subscriptions/all").ScheduleMessages(within(t), []*azservicebus.Message{text("x")}, time.Now().Add(time.Hour), nil)
		require.Error(t, err, "nor by the management node")
		for _, missing := range []string{"news/Subscriptions/none", "none/Subscriptions/all", "news/$DeadLetterQueue"} {
			_, err = b.receiver(t, missing).ReceiveMessages(within(t), 1, nil)
			requireCode(t, err, azservicebus.CodeNotFound)
		}
		send(t, b.sender(t, "NEWS"), "x")
		m := receiveOne(t, b.receiver(t, "News/sUBSCRIPTIONS/aLL"))
		require.Equal(t, "x", string(m.Body))
	})
}

func TestWhatIsDeletedIsGoneForWhoeverHoldsALink(t *testing.T) {
	inMemory(t, news(servicebus.Subscription{Name: "a"}, servicebus.Subscription{Name: "b"}), func(t *testing.T, b *bed) {
		s, ra, rb := b.sender(t, "news"), b.subscriber(t, "a", nil), b.subscriber(t, "b", nil)
		send(t, s, "1")
		receiveOne(t, ra)
		complete(t, rb, receiveOne(t, rb))
		require.NoError(t, b.DeleteSubscription("news/Subscriptions/a"))
		_, err := b.subscriber(t, "a", nil).ReceiveMessages(within(t), 1, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
		send(t, s, "2")
		complete(t, rb, receiveOne(t, rb))
		require.NoError(t, b.CreateSubscription(servicebus.Subscription{Topic: "news", Name: "a"}))
		send(t, s, "3")
		require.Equal(t, "3", bodies(peek(t, b.subscriber(t, "a", nil), 10)), "it begins anew")
		require.NoError(t, b.DeleteTopic("news"))
		require.Empty(t, b.Topics())
		requireCode(t, s.SendMessage(within(t), text("4"), nil), azservicebus.CodeNotFound)
		_, err = b.subscriber(t, "b", deadLetters).ReceiveMessages(within(t), 1, nil)
		requireCode(t, err, azservicebus.CodeNotFound)
		require.NoError(t, b.CreateQueue(servicebus.Queue{Name: "News"}), "the name is free again")
		require.ErrorContains(t, b.CreateTopic(servicebus.Topic{Name: "news"}), "already exists")
	})
}

// Item 105, for a subscription: the shortest time to live counts.
func TestTheTimesToLiveOfTopicAndSubscriptionAreBothCeilings(t *testing.T) {
	o := servicebus.Options{Topics: []servicebus.Topic{{Name: "news", DefaultTTL: time.Hour, Subscriptions: []servicebus.Subscription{
		{Name: "plain"}, {Name: "short", DefaultTTL: time.Minute, DeadLetterExpired: true}, {Name: "long", DefaultTTL: 2 * time.Hour},
	}}}}
	inMemory(t, o, func(t *testing.T, b *bed) {
		own := text("own")
		own.TimeToLive = to.Ptr(10 * time.Second)
		sendAll(t, b.sender(t, "news"), text("m"), own)
		for name, want := range map[string]time.Duration{"plain": time.Hour, "short": time.Minute, "long": time.Hour} {
			got := peek(t, b.subscriber(t, name, nil), 10)
			require.Equal(t, want, *got[0].TimeToLive, name)
			require.Equal(t, 10*time.Second, *got[1].TimeToLive, name)
		}
		time.Sleep(2 * time.Minute)
		require.Equal(t, "m", bodies(peek(t, b.subscriber(t, "plain", nil), 10)))
		require.Empty(t, peek(t, b.subscriber(t, "short", nil), 10))
		for _, m := range peek(t, b.subscriber(t, "short", deadLetters), 10) {
			require.Equal(t, "TTLExpiredException", *m.DeadLetterReason)
		}
	})
}

// Item 108, for topics. A message for a subscription that is switched off waits in it.
func TestAStatusClosesATopicOrOneSubscription(t *testing.T) {
	inMemory(t, news(servicebus.Subscription{Name: "a"}, servicebus.Subscription{Name: "b", Status: servicebus.StatusDisabled}), func(t *testing.T, b *bed) {
		s := b.sender(t, "news")
		send(t, s, "1")
		_, err := b.subscriber(t, "b", nil).ReceiveMessages(within(t), 1, nil)
		requireCondition(t, err, "com.microsoft:entity-disabled")
		receiveOne(t, b.subscriber(t, "a", nil))
		require.NoError(t, b.UpdateSubscription(servicebus.Subscription{Topic: "news", Name: "b"}))
		require.Equal(t, "1", string(receiveOne(t, b.subscriber(t, "b", nil)).Body))
		require.NoError(t, b.UpdateTopic(servicebus.Topic{Name: "news", Status: servicebus.StatusSendDisabled}))
		requireCondition(t, s.SendMessage(within(t), text("2"), nil), "com.microsoft:entity-disabled")
	})
}

func TestATopicIsFullTogetherWithItsSubscriptions(t *testing.T) {
	o := servicebus.Options{Topics: []servicebus.Topic{{Name: "news", MaxSizeMegabytes: 1, Subscriptions: []servicebus.Subscription{{Name: "a"}, {Name: "b"}}}}}
	inMemory(t, o, func(t *testing.T, b *bed) {
		s, body := b.sender(t, "news"), string(make([]byte, 200<<10))
		send(t, s, body, body)
		require.NoError(t, s.SendMessage(within(t), text(body), nil)) // 400 KiB twice: there is room
		requireCondition(t, s.SendMessage(within(t), text(body), nil), "amqp:resource-limit-exceeded")
		ra := b.subscriber(t, "a", nil)
		complete(t, ra, receive(t, ra, 3)...)
		send(t, s, body)
		require.Error(t, s.SendMessage(within(t), text(string(make([]byte, 300<<10))), nil))
	})
}

func TestNamesThatCannotBeAreRefused(t *testing.T) {
	t.Parallel()
	b := newBed(t, news(servicebus.Subscription{Name: "a"}))
	require.ErrorContains(t, b.CreateQueue(servicebus.Queue{Name: "news/Subscriptions/x"}), "is not the name of a queue")
	require.ErrorContains(t, b.CreateTopic(servicebus.Topic{Name: "x/subscriptions/y"}), "is not the name of a topic")
	require.ErrorContains(t, b.CreateSubscription(servicebus.Subscription{Topic: "news", Name: "x/y"}), "is not the name of a subscription")
	require.ErrorContains(t, b.CreateSubscription(servicebus.Subscription{Topic: "news", Name: "A"}), "already exists")
	require.ErrorContains(t, b.CreateSubscription(servicebus.Subscription{Topic: "q", Name: "a"}), "could not be found")
	require.ErrorContains(t, b.CreateRule("news/Subscriptions/a", servicebus.Rule{Name: servicebus.DefaultRule, Filter: servicebus.TrueFilter{}}), "already exists")
	require.ErrorContains(t, b.CreateRule("news/Subscriptions/a", servicebus.Rule{Name: "no name", Filter: servicebus.TrueFilter{}}), "is not the name of a rule")
	require.ErrorContains(t, b.CreateRule("news/Subscriptions/a", servicebus.Rule{Name: "x"}), "has no filter")
	require.ErrorContains(t, b.DeleteRule("news/Subscriptions/a", "x"), "could not be found")
	_, err := servicebus.SQLFilter("sys.Label = 'x'")
	require.ErrorContains(t, err, "use a TrueFilter, a FalseFilter or a CorrelationFilter")
	for expression, want := range map[string]servicebus.Filter{"1=1": servicebus.TrueFilter{}, " 1 = 0 ": servicebus.FalseFilter{}} {
		got, err := servicebus.SQLFilter(expression)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

// Senders, receivers, rules and subscriptions come and go at once; a subscription that stays gets everything once.
func TestASubscriptionThatStaysMissesNothingOfATopicThatChanges(t *testing.T) {
	b := overTCP(t, news(servicebus.Subscription{Name: "stays"}))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for i := range 50 {
			s := servicebus.Subscription{Topic: "news", Name: fmt.Sprintf("s%d", i)}
			if b.CreateSubscription(s) != nil || b.CreateRule(s.Path(), labelled("x", "x")) != nil || b.DeleteSubscription(s.Path()) != nil {
				return
			}
		}
	}()
	s := b.sender(t, "news")
	send(t, s, numbered(300)...)
	<-ended
	r := b.subscriber(t, "stays", nil)
	require.Equal(t, strings.Join(numbered(300), " "), bodies(sortedBySequence(receive(t, r, 300)))) // what comes between two calls goes back, and comes later
	names, err := b.Subscriptions("news")
	require.NoError(t, err)
	require.Equal(t, []string{"stays"}, names)
}

func sortedBySequence(all []*azservicebus.ReceivedMessage) []*azservicebus.ReceivedMessage {
	sorted := slices.Clone(all)
	slices.SortFunc(sorted, func(a, b *azservicebus.ReceivedMessage) int { return cmp.Compare(*a.SequenceNumber, *b.SequenceNumber) })
	return sorted
}
