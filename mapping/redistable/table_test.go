package redistable_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/internal/rediskey"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/redisstore"
	simredis "github.com/signalbox/signalbox/test/sim/redis"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	scope  = "default/usrt"
	lease  = 15 * time.Second
	window = 150 * time.Second
)

var (
	hasher = keyhash.New("k1", []byte("0123456789abcdef0123456789abcdef"))
	keys   = rediskey.New("default", hasher)
	places = []mapping.Place{{Kind: "product", Scope: scope}, {Kind: "customer", Scope: "default/dert"}, {Kind: "customer", Scope: scope}}
)

// kit is a table, the store that runs write with, and the client of both, on a real server.
type kit struct {
	*redistable.Table
	t      *testing.T
	client *redis.Client
	store  *redisstore.Store
}

func newKit(t *testing.T) *kit {
	t.Helper()
	server, err := simredis.Start(t.Context(), simredis.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	epoch := redisstore.NewEpoch(keys, lease+window, nil)
	client := redis.NewClient(&redis.Options{Addr: server.Addr(), MaxRetries: -1, OnConnect: epoch.OnConnect})
	t.Cleanup(func() { _ = client.Close() })
	require.NoError(t, client.Ping(t.Context()).Err()) // so that the epoch knows the server
	require.NoError(t, epoch.WriteClean(t.Context(), client))
	return &kit{redistable.New(client, keys), t, client,
		redisstore.New(redisstore.Options{Client: client, Hasher: hasher, Epoch: epoch, Lease: lease, Window: window})}
}

func ref(source, id string) mapping.Ref {
	return mapping.Ref{Kind: "customer", Scope: scope, Source: source, ID: id}
}

func account(id string) mapping.Target {
	return mapping.Target{Kind: "customer", Scope: scope, ID: id}
}

func entry(source, id, d365 string) mapping.Entry {
	return mapping.Entry{Ref: ref(source, id), Target: account(d365)}
}

// bind binds one entry.
func (k *kit) bind(e mapping.Entry) mapping.Answer {
	k.t.Helper()
	answers, err := k.Bind(k.t.Context(), []mapping.Entry{e}, false)
	require.NoError(k.t, err)
	return answers[0]
}

func request(claim, source, id string) orchestration.Request {
	return orchestration.Request{ClaimID: claim, Owner: "w1", Scenario: "customers", Pipeline: 1, Scope: scope, CSU: "default", Entity: ref(source, id),
		Keys: []orchestration.Key{{Kind: "email", Value: pii.New(claim)}}, Version: "20260105090000.000000000//1", Fingerprint: "k1.x",
		Event: orchestration.Event{Source: source, ID: "e-" + claim, Generation: 1, CorrelationID: orchestration.DeriveCorrelationID(source, claim)}}
}

// run lets a run bind its entity, as a worker would.
func (k *kit) run(claim, source, id, d365, was string) {
	k.t.Helper()
	q := request(claim, source, id)
	g, err := k.store.Claim(k.t.Context(), q)
	require.NoError(k.t, err)
	require.Equal(k.t, orchestration.Go, g.Answer)
	require.NoError(k.t, k.store.Save(k.t.Context(), q, orchestration.Progress{Finish: true, Applied: true, Learned: []byte("{}"),
		Bindings: []mapping.Binding{{Ref: q.Entity, Target: account(d365), Was: was}}}))
}

// kept is what is stored of bindings.
func (k *kit) kept() map[string]map[string]string {
	k.t.Helper()
	all := map[string]map[string]string{}
	for _, pattern := range []string{"*:map:*", "*:mapr:*"} {
		names, err := k.client.Keys(k.t.Context(), pattern).Result()
		require.NoError(k.t, err)
		for _, name := range names {
			all[name], err = k.client.HGetAll(k.t.Context(), name).Result()
			require.NoError(k.t, err)
		}
	}
	return all
}

func (k *kit) walked() (all []mapping.Entry) {
	k.t.Helper()
	require.NoError(k.t, k.Walk(k.t.Context(), places, func(e mapping.Entry) error {
		all = append(all, e)
		return nil
	}))
	return all
}

func TestAnOperatorsBindingIsWhatARunWouldHaveWritten(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for _, id := range []string{"1001", "ana@example.com"} {
		k.run("c"+id, "shop", id, "000001-"+id[:2], "")
	}
	written := k.kept()
	require.NoError(t, k.client.FlushAll(t.Context()).Err())
	for _, id := range []string{"1001", "ana@example.com"} {
		e := entry("shop", id, "000001-"+id[:2])
		e.Version = "20260105090000.000000000//1"
		require.Equal(t, mapping.Answer{Result: mapping.Bound}, k.bind(e))
		require.Equal(t, mapping.Answer{Result: mapping.Unchanged}, k.bind(e))
	}
	require.Equal(t, written, k.kept())
}

func TestNothingThatIsBoundIsOverwritten(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	require.Equal(t, mapping.Bound, k.bind(entry("shop", "1001", "000001")).Result)
	require.Equal(t, mapping.Bound, k.bind(entry("crm", "77", "000001")).Result, "another source may share a record")
	before := k.kept()
	require.Equal(t, mapping.Answer{Result: mapping.OtherTarget, Is: "000001"}, k.bind(entry("shop", "1001", "000002")))
	require.Equal(t, mapping.Answer{Result: mapping.OtherReference, Is: "1001"}, k.bind(entry("shop", "1002", "000001")))
	require.Equal(t, before, k.kept())

	require.Equal(t, mapping.Bound, k.bind(entry("shop", "ben@example.com", "000003")).Result)
	require.Equal(t, mapping.Answer{Result: mapping.OtherReference}, k.bind(entry("shop", "1003", "000003")), "an id that looks personal is not kept")
}

func TestADryRunSaysTheSameAndWritesNothing(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.bind(entry("shop", "1001", "000001"))
	require.NoError(t, k.client.HDel(t.Context(), keys.MapBack(account("000001")), "shop").Err())
	k.bind(entry("shop", "1002", "000002"))
	before := k.kept()
	entries := []mapping.Entry{entry("shop", "1001", "000001"), entry("shop", "1002", "000002"), entry("shop", "1003", "000003"), entry("shop", "1002", "000009")}
	want := []mapping.Answer{{Result: mapping.Completed}, {Result: mapping.Unchanged}, {Result: mapping.Bound}, {Result: mapping.OtherTarget, Is: "000002"}}
	dry, err := k.Bind(t.Context(), entries, true)
	require.NoError(t, err)
	require.Equal(t, want, dry)
	require.Equal(t, before, k.kept())
	wet, err := k.Bind(t.Context(), entries, false)
	require.NoError(t, err)
	require.Equal(t, want, wet)
	none, err := k.Bind(t.Context(), nil, false)
	require.NoError(t, err)
	require.Empty(t, none)
}

// A run in hand looked before the binding was there: bound now, it would make a second record and fail.
func TestWhatARunHasInHandIsNotBoundBehindItsBack(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	q := request("c1", "shop", "1001")
	_, err := k.store.Claim(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, mapping.Busy, k.bind(entry("shop", "1001", "000001")).Result)
	require.NoError(t, k.store.Release(t.Context(), q, orchestration.Released{Step: "create-account", Taint: true}))
	require.Equal(t, mapping.Busy, k.bind(entry("shop", "1001", "000001")).Result, "a write of it may still land")
	require.Empty(t, k.walked())
	require.NoError(t, k.client.Del(t.Context(), keys.Entity(ref("shop", "1001"))).Err())
	require.Equal(t, mapping.Bound, k.bind(entry("shop", "1001", "000001")).Result)
	_, err = k.store.Claim(t.Context(), q)
	require.NoError(t, err)
	require.Equal(t, mapping.Unchanged, k.bind(entry("shop", "1001", "000001")).Result, "what is bound so is no news to anybody")
}

func TestAnOldFileLeadsToThePermanentRecord(t *testing.T) {
	t.Parallel()
	const provisional = "8ccc699f-7ad3-5941-9a2a-06e44a00ac02"
	k := newKit(t)
	k.run("c1", "shop", "1001", provisional, "")
	k.run("c2", "shop", "1001", "000001", provisional)
	require.Equal(t, mapping.Unchanged, k.bind(entry("shop", "1001", provisional)).Result, "it was promoted since")
	require.Equal(t, mapping.Bound, k.bind(entry("crm", "77", provisional)).Result)
	got, err := k.Find(t.Context(), ref("crm", "77"))
	require.NoError(t, err)
	require.Equal(t, account("000001"), got)
	require.Equal(t, mapping.Answer{Result: mapping.OtherReference, Is: "1001"}, k.bind(entry("shop", "1002", provisional)))

	// Two records that each go on as the other: nothing a fleet writes, but it must come to an end.
	for _, pair := range [][2]string{{"a", "b"}, {"b", "a"}} {
		require.NoError(t, k.client.HSet(t.Context(), keys.MapBack(account(pair[0])), ">", pair[1]).Err())
	}
	require.Equal(t, mapping.Busy, k.bind(entry("shop", "1009", "a")).Result)
}

func TestAVersionOnlyGrows(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	e := entry("shop", "1001", "000001")
	for _, version := range []string{"2026-02", "2026-01", ""} {
		e.Version = version
		k.bind(e)
		got, err := k.Entry(t.Context(), e.Ref)
		require.NoError(t, err)
		require.Equal(t, "2026-02", got.Version)
		require.Equal(t, "000001", got.Target.ID)
	}
	_, err := k.Entry(t.Context(), ref("shop", "nobody"))
	require.ErrorIs(t, err, mapping.ErrNotBound)
}

func TestAWalkFindsEveryBindingOnceAndWhereItBelongs(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	var entries []mapping.Entry
	for i := range 3000 {
		entries = append(entries, entry("shop", fmt.Sprint(i), fmt.Sprintf("%06d", i)))
	}
	entries = append(entries, entry("crm", "77", "000007"), entry("crm", "ana@example.com", "000008"))
	elsewhere := mapping.Entry{Ref: mapping.Ref{Kind: "customer", Scope: "gone/xx", Source: "shop", ID: "ana@example.com"}, Target: mapping.Target{Kind: "customer", Scope: "gone/xx", ID: "000009"}}
	_, err := k.Bind(t.Context(), append(entries, elsewhere), false)
	require.NoError(t, err)
	k.run("c1", "shop", "p1", "8ccc699f-7ad3-5941-9a2a-06e44a00ac02", "")
	k.run("c2", "shop", "p1", "P-1", "8ccc699f-7ad3-5941-9a2a-06e44a00ac02")
	require.NoError(t, k.client.HDel(t.Context(), keys.Map(ref("crm", "77")), "v").Err()) // one direction alone

	found := map[string]mapping.Entry{}
	for _, e := range k.walked() {
		require.NotContains(t, found, e.Name)
		found[e.Name] = e
	}
	require.Len(t, found, 3000+1+1+1)
	require.Equal(t, account("002999"), found[keys.EntityID(ref("shop", "2999"))].Target)
	require.Equal(t, ref("shop", "2999"), found[keys.EntityID(ref("shop", "2999"))].Ref)
	hashed := found[keys.EntityID(ref("crm", "ana@example.com"))]
	require.Equal(t, mapping.Entry{Ref: ref("crm", ""), Name: hashed.Name, Target: account("000008")}, hashed)
	require.Equal(t, account("P-1"), found[keys.EntityID(ref("shop", "p1"))].Target)
	nowhere := found[keys.EntityID(elsewhere.Ref)]
	require.Empty(t, nowhere.Ref.Kind+nowhere.Ref.Scope, "no place has it")
	require.Equal(t, "000009", nowhere.Target.ID)

	enough := errors.New("enough")
	require.ErrorIs(t, k.Walk(t.Context(), places, func(mapping.Entry) error { return enough }), enough)
}

func TestAHashedReferenceIsBoundByItsName(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	e := entry("crm", "ana@example.com", "000008")
	e.Name, e.Ref.ID = keys.EntityID(e.Ref), ""
	require.Equal(t, mapping.Bound, k.bind(e).Result)
	got, err := k.Find(t.Context(), ref("crm", "ana@example.com"))
	require.NoError(t, err)
	require.Equal(t, account("000008"), got)
}

func TestATableThatIsGoneIsAnError(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	require.NoError(t, k.client.Close())
	_, err := k.Bind(context.Background(), []mapping.Entry{entry("shop", "1", "2")}, false)
	require.ErrorContains(t, err, "load the script that binds")
	require.ErrorContains(t, k.Walk(context.Background(), places, nil), "walk the bindings")
	_, err = k.Entry(context.Background(), ref("shop", "1"))
	require.ErrorContains(t, err, "read a binding")
}

// Who may change a record depends on who else is bound to it, also in the time between two promotions.
func TestWhoIsStillBoundToTheProvisionalRecordIsFoundByThePermanentOne(t *testing.T) {
	t.Parallel()
	const provisional = "8ccc699f-7ad3-5941-9a2a-06e44a00ac02"
	k := newKit(t)
	both := []mapping.Ref{ref("crm", "77"), ref("shop", "1001")}
	k.run("c1", "shop", "1001", provisional, "")
	k.run("c2", "crm", "77", provisional, "")
	k.run("c3", "shop", "1001", "000001", provisional)
	bound := func() []mapping.Ref {
		got, err := k.Sources(t.Context(), account("000001"))
		require.NoError(t, err)
		return got
	}
	require.Equal(t, both, bound())
	require.Len(t, k.walked(), 2)
	k.run("c4", "crm", "77", "000001", provisional)
	require.Equal(t, both, bound())
	left, err := k.client.HKeys(t.Context(), keys.MapBack(account("000001"))).Result()
	require.NoError(t, err)
	require.ElementsMatch(t, []string{"shop", "crm"}, left, "no trace of the provisional one")
}
