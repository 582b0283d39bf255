package servicebus_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus/admin"
	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// Item 110, for topics.
func TestATopicIsCreatedShownChangedAndDeleted(t *testing.T) {
	b, c, _ := administered(t, servicebus.Queue{Name: "q"})
	ctx := within(t)
	missing, err := c.GetTopic(ctx, "news/all", nil)
	require.NoError(t, err)
	require.Nil(t, missing)
	wanted := admin.TopicProperties{
		MaxSizeInMegabytes: to.Ptr(int32(2048)), RequiresDuplicateDetection: to.Ptr(true), DefaultMessageTimeToLive: to.Ptr("P7D"),
		DuplicateDetectionHistoryTimeWindow: to.Ptr("PT30S"), EnableBatchedOperations: to.Ptr(true), Status: to.Ptr(admin.EntityStatusActive),
		AutoDeleteOnIdle: to.Ptr("PT1H"), EnablePartitioning: to.Ptr(false), SupportOrdering: to.Ptr(true), UserMetadata: to.Ptr("<mine>"), MaxMessageSizeInKilobytes: to.Ptr(int64(1024)),
		AuthorizationRules: []admin.AuthorizationRule{{AccessRights: []admin.AccessRight{admin.AccessRightSend}, KeyName: to.Ptr("k"), PrimaryKey: to.Ptr("p")}},
	}
	created, err := c.CreateTopic(ctx, "news/all", &admin.CreateTopicOptions{Properties: &wanted})
	require.NoError(t, err)
	require.Equal(t, "news/all", created.TopicName)
	require.Equal(t, wanted, created.TopicProperties)
	for _, again := range []func() error{
		func() error { _, err := c.CreateTopic(ctx, "News/All", nil); return err },
		func() error { _, err := c.CreateQueue(ctx, "news/all", nil); return err },
	} {
		requireStatus(t, again(), http.StatusConflict, "already exists")
	}
	wanted.Status, wanted.UserMetadata = to.Ptr(admin.EntityStatusSendDisabled), nil
	updated, err := c.UpdateTopic(ctx, "news/all", wanted, nil)
	require.NoError(t, err)
	require.Equal(t, wanted, updated.TopicProperties)
	requireCondition(t, b.sender(t, "news/all").SendMessage(within(t), text("a"), nil), "com.microsoft:entity-disabled")
	wanted.RequiresDuplicateDetection = to.Ptr(false)
	_, err = c.UpdateTopic(ctx, "news/all", wanted, nil)
	requireStatus(t, err, http.StatusBadRequest, "chosen at creation")
	_, err = c.UpdateQueue(ctx, "news/all", admin.QueueProperties{}, nil)
	requireStatus(t, err, http.StatusBadRequest, "it is no QueueDescription")
	queues := c.NewListQueuesPager(nil)
	page, err := queues.NextPage(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"q"}, names(page.Queues, func(q admin.QueueItem) string { return q.QueueName }), "a topic is no queue")
	_, err = c.DeleteTopic(ctx, "NEWS/all", nil)
	require.NoError(t, err)
	_, err = c.DeleteTopic(ctx, "news/all", nil)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
}

// Item 110, for subscriptions: with the service's defaults, and with settings of one's own.
func TestASubscriptionIsCreatedShownChangedAndDeleted(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	_, err := c.CreateSubscription(ctx, "news", "s", nil)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
	_, err = c.CreateTopic(ctx, "news", nil)
	require.NoError(t, err)
	plain, err := c.CreateSubscription(ctx, "news", "s", nil)
	require.NoError(t, err)
	require.Equal(t, "news", plain.TopicName)
	require.Equal(t, "s", plain.SubscriptionName)
	require.Equal(t, admin.SubscriptionProperties{
		LockDuration: to.Ptr("PT1M"), RequiresSession: to.Ptr(false), DefaultMessageTimeToLive: to.Ptr("P10675199DT2H48M5.4775807S"),
		DeadLetteringOnMessageExpiration: to.Ptr(false), EnableDeadLetteringOnFilterEvaluationExceptions: to.Ptr(false), MaxDeliveryCount: to.Ptr(int32(10)),
		EnableBatchedOperations: to.Ptr(true), Status: to.Ptr(admin.EntityStatusActive), AutoDeleteOnIdle: to.Ptr("P10675199DT2H48M5.4775807S"),
	}, plain.SubscriptionProperties)
	wanted := plain.SubscriptionProperties
	wanted.LockDuration, wanted.MaxDeliveryCount, wanted.UserMetadata = to.Ptr("PT30S"), to.Ptr(int32(2)), to.Ptr("ours")
	updated, err := c.UpdateSubscription(ctx, "news", "S", wanted, nil)
	require.NoError(t, err)
	require.Equal(t, wanted, updated.SubscriptionProperties)
	got, err := c.GetSubscription(ctx, "NEWS", "s", nil)
	require.NoError(t, err)
	require.Equal(t, wanted, got.SubscriptionProperties)

	send(t, b.sender(t, "news"), "x")
	m := receiveOne(t, b.subscriber(t, "s", nil))
	require.WithinDuration(t, time.Now().Add(30*time.Second), *m.LockedUntil, 5*time.Second)

	_, err = c.CreateSubscription(ctx, "news", "s", nil)
	requireStatus(t, err, http.StatusConflict, "already exists")
	for name, p := range map[string]admin.SubscriptionProperties{
		"message sessions": {RequiresSession: to.Ptr(true)}, "forwarding": {ForwardTo: to.Ptr("q")}, "forwarding (": {ForwardDeadLetteredMessagesTo: to.Ptr("q")},
	} {
		_, err := c.CreateSubscription(ctx, "news", "p", &admin.CreateSubscriptionOptions{Properties: &p})
		requireStatus(t, err, http.StatusNotImplemented, name)
	}
	_, err = c.CreateSubscription(ctx, "news", "no name", nil)
	requireStatus(t, err, http.StatusBadRequest, "is not the name of a subscription")
	_, err = c.DeleteSubscription(ctx, "news", "s", nil)
	require.NoError(t, err)
	none, err := c.GetSubscription(ctx, "news", "s", nil)
	require.NoError(t, err)
	require.Nil(t, none)
}

// Item 110, for rules: every filter that there is comes back as it was, and works.
func TestARuleIsCreatedShownChangedAndDeleted(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	_, err := c.CreateTopic(ctx, "news", nil)
	require.NoError(t, err)
	filter := &admin.CorrelationFilter{Subject: to.Ptr("order"), ContentType: to.Ptr("application/json"), ApplicationProperties: map[string]any{
		"text": "a & b", "int": int64(7), "double": 1.5, "yes": true, "at": time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}}
	_, err = c.CreateSubscription(ctx, "news", "s", &admin.CreateSubscriptionOptions{Properties: &admin.SubscriptionProperties{
		DefaultRule: &admin.RuleProperties{Name: "first", Filter: filter}}})
	require.NoError(t, err)
	first, err := c.GetRule(ctx, "news", "s", "FIRST", nil)
	require.NoError(t, err)
	require.Equal(t, admin.RuleProperties{Name: "first", Filter: filter}, first.RuleProperties)

	_, err = c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{Name: to.Ptr("never"), Filter: &admin.FalseFilter{}})
	require.NoError(t, err)
	_, err = c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{})
	require.NoError(t, err)
	_, err = c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{})
	requireStatus(t, err, http.StatusConflict, "already exists")
	rules, err := c.NewListRulesPager("news", "s", nil).NextPage(ctx)
	require.NoError(t, err)
	require.Equal(t, []admin.RuleProperties{{Name: "$Default", Filter: &admin.TrueFilter{}}, {Name: "first", Filter: filter}, {Name: "never", Filter: &admin.FalseFilter{}}}, rules.Rules)

	r, s := b.subscriber(t, "s", nil), b.sender(t, "news")
	send(t, s, "by default")
	_, err = c.DeleteRule(ctx, "news", "s", "$Default", nil)
	require.NoError(t, err)
	send(t, s, "dropped")
	match := about("order", "by filter")
	match.ContentType, match.ApplicationProperties = to.Ptr("application/json"), map[string]any{
		"text": "a & b", "int": int32(7), "double": 1.5, "yes": true, "at": time.Date(2026, 11, 1, 9, 0, 0, 0, time.UTC)}
	sendAll(t, s, match)
	_, err = c.UpdateRule(ctx, "news", "s", admin.RuleProperties{Name: "never", Filter: &admin.CorrelationFilter{Subject: to.Ptr("price")}})
	require.NoError(t, err)
	sendAll(t, s, about("price", "by update"))
	require.Equal(t, "by default by filter by update", bodies(peek(t, r, 10)))

	for _, name := range []string{"first", "never"} {
		_, err = c.DeleteRule(ctx, "news", "s", name, nil)
		require.NoError(t, err)
	}
	_, err = c.DeleteRule(ctx, "news", "s", "first", nil)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
	missing, err := c.GetRule(ctx, "news", "s", "first", nil)
	require.NoError(t, err)
	require.Nil(t, missing)
	send(t, s, "for nobody")
	require.Len(t, peek(t, r, 10), 3, "without rules nothing comes")
}

// What a rule can be in the service and not here is refused with the names of what can.
func TestAFilterThatIsNotToBeHadIsRefusedAndSaysWhatIs(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	require.NoError(t, b.CreateTopic(servicebus.Topic{Name: "news", Subscriptions: []servicebus.Subscription{{Name: "s"}}}))
	for name, o := range map[string]admin.CreateRuleOptions{
		"sql":    {Name: to.Ptr("r"), Filter: &admin.SQLFilter{Expression: "sys.Label = 'x'"}},
		"action": {Name: to.Ptr("r"), Filter: &admin.TrueFilter{}, Action: &admin.SQLAction{Expression: "SET sys.Label = 'y'"}},
	} {
		_, err := c.CreateRule(ctx, "news", "s", &o)
		requireStatus(t, err, http.StatusNotImplemented, "use a TrueFilter, a FalseFilter or a CorrelationFilter")
		_, err = c.CreateSubscription(ctx, "news", name, &admin.CreateSubscriptionOptions{Properties: &admin.SubscriptionProperties{
			DefaultRule: &admin.RuleProperties{Name: "r", Filter: o.Filter, Action: o.Action}}})
		requireStatus(t, err, http.StatusNotImplemented, "CorrelationFilter")
	}
	for expression, want := range map[string]admin.RuleFilter{"1=1": &admin.TrueFilter{}, "1 = 0": &admin.FalseFilter{}} {
		made, err := c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{Name: to.Ptr("r"), Filter: &admin.SQLFilter{Expression: expression}})
		require.NoError(t, err)
		require.Equal(t, want, made.Filter)
		_, err = c.DeleteRule(ctx, "news", "s", "r", nil)
		require.NoError(t, err)
	}
	_, err := c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{Name: to.Ptr("r"), Filter: &admin.CorrelationFilter{}})
	requireStatus(t, err, http.StatusBadRequest, "compares nothing")
	_, err = c.CreateRule(ctx, "news", "s", &admin.CreateRuleOptions{Name: to.Ptr("no name"), Filter: &admin.TrueFilter{}})
	requireStatus(t, err, http.StatusBadRequest, "is not the name of a rule")
	names, err := b.Subscriptions("news")
	require.NoError(t, err)
	require.Equal(t, []string{"s"}, names)
}

// Item 111, for topics, subscriptions and rules. The lists of subscriptions and rules have paths that the SDK ends in ways of its own.
func TestListsBelowATopicArePagedThrough(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	var want []string
	for i := range 105 {
		want = append(want, fmt.Sprintf("n%03d", i))
		require.NoError(t, b.CreateTopic(servicebus.Topic{Name: want[i]}))
		require.NoError(t, b.CreateSubscription(servicebus.Subscription{Topic: "n000", Name: want[i]}))
		require.NoError(t, b.CreateRule("n000/Subscriptions/n000", labelled(want[i], "x")))
	}
	for _, size := range []int32{0, 1, 7, 100, 1000} {
		var topics, subscriptions, rules []string
		for p := c.NewListTopicsPager(&admin.ListTopicsOptions{MaxPageSize: size}); p.More(); {
			page, err := p.NextPage(ctx)
			require.NoError(t, err)
			topics = append(topics, names(page.Topics, func(i admin.TopicItem) string { return i.TopicName })...)
		}
		for p := c.NewListSubscriptionsPager("n000", &admin.ListSubscriptionsOptions{MaxPageSize: size}); p.More(); {
			page, err := p.NextPage(ctx)
			require.NoError(t, err)
			subscriptions = append(subscriptions, names(page.Subscriptions, func(i admin.SubscriptionPropertiesItem) string { return i.SubscriptionName })...)
		}
		for p := c.NewListRulesPager("n000", "n000", &admin.ListRulesOptions{MaxPageSize: size}); p.More(); {
			page, err := p.NextPage(ctx)
			require.NoError(t, err)
			rules = append(rules, names(page.Rules, func(r admin.RuleProperties) string { return r.Name })...)
		}
		require.Equal(t, want, topics, size)
		require.Equal(t, want, subscriptions, size)
		require.Equal(t, append([]string{"$Default"}, want...), rules, size)
	}
	_, err := c.NewListSubscriptionsPager("none", nil).NextPage(ctx)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
	_, err = c.NewListRulesPager("n000", "none", nil).NextPage(ctx)
	requireStatus(t, err, http.StatusNotFound, "could not be found")
}

// Item 112, for topics and subscriptions.
func TestCountsOfTopicsAndSubscriptionsMatchReality(t *testing.T) {
	b, c, _ := administered(t)
	ctx := within(t)
	require.NoError(t, b.CreateTopic(servicebus.Topic{Name: "news", Subscriptions: []servicebus.Subscription{{Name: "a"}, {Name: "b", Rules: []servicebus.Rule{labelled("r", "x")}}}}))
	s, r := b.sender(t, "news"), b.subscriber(t, "a", nil)
	send(t, s, "1", "2", "3")
	_, err := s.ScheduleMessages(ctx, []*azservicebus.Message{text("later")}, time.Now().Add(time.Hour), nil)
	require.NoError(t, err)
	got := receive(t, r, 2)
	require.NoError(t, r.DeadLetterMessage(ctx, got[0], nil))
	a, err := c.GetSubscriptionRuntimeProperties(ctx, "news", "a", nil)
	require.NoError(t, err)
	require.Equal(t, admin.SubscriptionRuntimeProperties{TotalMessageCount: 3, ActiveMessageCount: 2, DeadLetterMessageCount: 1,
		AccessedAt: a.AccessedAt, CreatedAt: a.CreatedAt, UpdatedAt: a.UpdatedAt}, a.SubscriptionRuntimeProperties)
	topic, err := c.GetTopicRuntimeProperties(ctx, "news", nil)
	require.NoError(t, err)
	require.EqualValues(t, 1, topic.ScheduledMessageCount)
	require.EqualValues(t, 2, topic.SubscriptionCount)
	require.Positive(t, topic.SizeInBytes)
	empty, err := c.GetSubscriptionRuntimeProperties(ctx, "news", "b", nil)
	require.NoError(t, err)
	require.Zero(t, empty.TotalMessageCount)
	missing, err := c.GetSubscriptionRuntimeProperties(ctx, "news", "none", nil)
	require.NoError(t, err)
	require.Nil(t, missing)
}

// What the JavaScript SDK reads of a topic's, a subscription's and a rule's document.
func TestTheDocumentsOfTopicsHaveWhatOtherClientsRead(t *testing.T) {
	b, _, server := administered(t)
	require.NoError(t, b.CreateTopic(servicebus.Topic{Name: "news", Subscriptions: []servicebus.Subscription{{Name: "s", Rules: []servicebus.Rule{
		{Name: "r", Filter: servicebus.CorrelationFilter{Label: to.Ptr("x"), Properties: map[string]any{"k": "v"}}}}}}}))
	for path, parts := range map[string][]string{
		"/news": {`<TopicDescription xmlns=`, `<SupportOrdering>true</SupportOrdering>`, `<SubscriptionCount>1</SubscriptionCount>`, `<CorrelationFilterCount>1</CorrelationFilterCount>`,
			`<CountDetails xmlns:d2p1=`, `<EnableExpress>false</EnableExpress>`, `<EntityAvailabilityStatus>Available</EntityAvailabilityStatus>`},
		"/news/subscriptions/S": {`<title type="text">s</title>`, `/news/Subscriptions/s</id>`, `<SubscriptionDescription xmlns=`, `<MessageCount>0</MessageCount>`,
			`<DeadLetteringOnFilterEvaluationExceptions>false</DeadLetteringOnFilterEvaluationExceptions>`, `<CountDetails xmlns:d2p1=`},
		"/news/Subscriptions/s/Rules/r": {`/news/Subscriptions/s/Rules/r</id>`, `<RuleDescription xmlns=`, `xmlns:i="http://www.w3.org/2001/XMLSchema-instance"`,
			`<Filter i:type="CorrelationFilter"><Label>x</Label><Properties><KeyValueOfstringanyType><Key>k</Key><Value i:type="d6p1:string" xmlns:d6p1="http://www.w3.org/2001/XMLSchema">v</Value>`,
			`<Action i:type="EmptyRuleAction"></Action>`, `<Name>r</Name>`},
	} {
		request, err := http.NewRequestWithContext(within(t), http.MethodGet, server.URL+path, nil)
		require.NoError(t, err)
		request.Header.Set("Authorization", "any")
		resp, err := server.Client().Do(request)
		require.NoError(t, err)
		doc, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode, string(doc))
		for _, part := range parts {
			require.True(t, strings.Contains(string(doc), part), "%s: no %s in %s", path, part, doc)
		}
	}
}

func names[T any](all []T, name func(T) string) (out []string) {
	for _, one := range all {
		out = append(out, name(one))
	}
	return out
}
