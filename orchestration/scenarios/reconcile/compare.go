package reconcile

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/scenarios/products"
)

// mostSuspects is how many records one sweep heals. A sink that has lost more than that wants everything told again.
const mostSuspects = 2000

// sink is who is asked.
func (c reconcile) sink(r *run) (feed.Digests, error) {
	if !slices.Contains(r.Channel.Sinks, r.In.Sink) {
		return nil, fault.New(fault.Permanent, fault.BusinessRule, "the channel has no sink of that name; name one of channels[].sinks, then publish it again")
	}
	d, ok := c.Digests(r.In.Sink)
	if !ok {
		return nil, fault.New(fault.Permanent, fault.BusinessRule, "the sink "+r.In.Sink+" cannot be asked what it has; set digests_url in its row of the sink table, then replay")
	}
	if typ := r.In.RecordType(); c.Wants != nil && !c.Wants(r.In.Sink, typ) {
		return nil, fault.New(fault.Permanent, fault.BusinessRule, "the sink "+r.In.Sink+" is not told of "+typ+", so it has none; add that to types in its row of the sink table, or compare it no more")
	}
	return d, nil
}

func query(r *run) feed.DigestQuery {
	return feed.DigestQuery{Source: feed.Source(r.Channel, r.In.apart()), Type: r.In.RecordType()}
}

// compareBuckets finds the buckets that differ in its first round, and then what differs in each.
func (c reconcile) compareBuckets(ctx context.Context, r *run) (bool, error) {
	sink, err := c.sink(r)
	if err != nil {
		return false, err
	}
	if r.State.Calls > 0 {
		return true, c.compareBucket(ctx, r, sink)
	}
	theirs, err := sink.Buckets(ctx, query(r))
	if err != nil {
		return false, err
	}
	r.State.Calls = 1
	entries, _, err := c.Memory.Walk(ctx, feedOf(r), 0, everything)
	if err != nil {
		return false, feed.Failed(err)
	}
	ours := map[int]map[string]string{}
	for id, digest := range feed.Records(entries) {
		b := feed.Bucket(id)
		if ours[b] == nil {
			ours[b] = map[string]string{}
		}
		ours[b][id] = digest
		r.State.Compared++
	}
	var differ []int
	start := feed.Bucket(r.Event.ID) // another one each time: what is partial must not be so at the same end for ever
	for i := range feed.Buckets {
		b := (start + i) % feed.Buckets
		digest := ""
		if len(ours[b]) > 0 {
			digest = feed.BucketDigest(ours[b])
		}
		if theirs[b] != digest {
			differ = append(differ, b)
		}
	}
	if most := (r.In.calls() - 1) / 2; len(differ) > most { // each is looked at twice
		differ, r.State.Partial = differ[:most], true
	}
	r.State.Buckets = differ
	return true, nil
}

// everything is more than any feed has.
const everything = 1 << 40

// compareBucket takes the next bucket that differs.
func (c reconcile) compareBucket(ctx context.Context, r *run, sink feed.Digests) error {
	b := r.State.Buckets[0]
	found, err := c.differences(ctx, r, sink, b)
	if err != nil {
		return err
	}
	r.State.Buckets = r.State.Buckets[1:]
	if len(r.State.Suspects)+len(found) > mostSuspects {
		r.State.Buckets, r.State.Partial = nil, true
		return nil
	}
	if len(found) == 0 {
		return nil
	}
	if r.State.Suspects == nil {
		r.State.Suspects = map[string]suspect{}
	}
	maps.Copy(r.State.Suspects, found)
	r.State.Found = time.Now()
	r.State.Again = append(r.State.Again, b)
	return nil
}

// differences compares the records of a bucket.
func (c reconcile) differences(ctx context.Context, r *run, sink feed.Digests, bucket int) (map[string]suspect, error) {
	theirs, err := sink.Records(ctx, query(r), bucket)
	if err != nil {
		return nil, err
	}
	r.State.Calls++
	entries, err := c.Memory.Bucket(ctx, feedOf(r), bucket)
	if err != nil {
		return nil, feed.Failed(err)
	}
	ours, found := feed.Records(entries), map[string]suspect{}
	for id, digest := range ours {
		switch is, has := theirs[id]; {
		case !has:
			found[id] = suspect{missing, digest}
		case is != digest:
			found[id] = suspect{differs, digest}
		}
	}
	for id := range theirs {
		if _, told := ours[id]; !told {
			found[id] = suspect{Is: extra}
		}
	}
	return found, nil
}

// lookAgain looks at the next bucket once more, after what was on its way has had time to arrive. What differs as it did then is wrong.
func (c reconcile) lookAgain(ctx context.Context, r *run) (bool, error) {
	if left := r.In.settle() - time.Since(r.State.Found); left > 0 {
		return false, &fault.Error{Kind: fault.Dependency, Class: "not_found", Wait: left, Detail: "what differs may be on its way to the sink, and is looked at again after that"}
	}
	sink, err := c.sink(r)
	if err != nil {
		return false, err
	}
	found, err := c.differences(ctx, r, sink, r.State.Again[0])
	if err != nil {
		return false, err
	}
	r.State.Again = r.State.Again[1:]
	if r.State.Wrong == nil {
		r.State.Wrong = map[string]mismatch{}
	}
	for id, s := range found {
		if r.State.Suspects[id] == s {
			r.State.Wrong[id] = s.Is
		}
	}
	return true, nil
}

// compareSource compares some products as they were told with the CSU: the changes that the feed had may not have been all.
func (c reconcile) compareSource(ctx context.Context, r *run) (bool, error) {
	if r.In.Of != "products" {
		return false, fault.New(fault.Permanent, fault.BusinessRule, "only products are compared with the CSU: the exports of the others read all of them each time; leave source out")
	}
	entries, _, err := c.Memory.Walk(ctx, feedOf(r), feed.Bucket(r.Event.ID), r.In.Source)
	if err != nil {
		return false, feed.Failed(err)
	}
	ids := slices.Sorted(maps.Keys(entries))
	ids = ids[:min(r.In.Source, len(ids))]
	now, err := products.Digests(ctx, c.Catalogue(r.Channel), r.In.As.Catalog, ids)
	if err != nil {
		return false, err
	}
	r.State.Sampled, r.State.Outdated = len(ids), nil
	for _, id := range ids {
		if now[id] != entries[id].Digest {
			r.State.Outdated = append(r.State.Outdated, id)
		}
	}
	return true, nil
}
