// Package rediskey builds every Redis key of Signalbox, in one place.
//
// All keys of one CSU share a hash tag, sb1:{c:<csu>}:, so that one script may touch all of them; a Redis Cluster then
// means any shard, one per CSU. Business keys appear as keyed hashes only.
//
//	run:<hash(source,id)>   a run: a hash while it lasts, a small string once done    14 days
//	ent:<hash(entity)>      who holds the entity, its taints and its last runs        14 days
//	nat:<hash(key)>         the same for a natural key; the D365 id learned under it  14 days
//	map:<hash(entity)>      the binding, with the last applied version                kept; a version without a binding: 14 days
//	mapr:<hash(target)>     the binding backwards: a field per source                 kept
//	corr:<correlation id>   the run, or a set of runs, of a correlation               14 days
//	waits                   runs that wait, by scenario, cause and step                members: until claimed
//	wait:<hash(entity)>     the runs that wait for its binding, and where their copies are    14 days
//	wakes                   entities that were bound while somebody waited             14 days
//	switch                  which scenarios an operator has switched off, until when, and which on again       until then
//	off:<scenario>          the events that wait for it to be on, and where their copies are   14 days after the last
//	schedules               what became of each schedule's last tick                   kept; of a schedule that is gone until the next leader
//	audit                   what operators did last, chained                           kept
//	gone:<queue>            dead letters that are to be taken out of a queue            14 days after the last
//	stub:<id>               which of the stubs of a message without its body is its dead letter    14 days
//	job:<id>                one thing an operator does to many dead letters            14 days
//	jobs                    the jobs, by when they began                               14 days after the last
//	gate                    what is known of the CSU's limits, while it limits        15 min after the last refusal
//	feed:<hash(feed)>       how far the list of a feed's changes was read              kept
//	feed:<hash(feed)>:<bucket>    what was told last of the records in a bucket        kept
//	lease:<role>            the process that leads in a role                          15 s
//	members                 the processes of the fleet: until when each is believed to live, and what it holds    a day after a death
//	epoch                   the server's run id; until when claims may only look      kept
package rediskey

import (
	"fmt"

	"github.com/signalbox/signalbox/internal/keyhash"
	"github.com/signalbox/signalbox/internal/pii"
	"github.com/signalbox/signalbox/mapping"
)

// Schema is the version of the key layout.
const Schema = "sb1"

// Keys builds the keys of one CSU. Safe for concurrent use.
type Keys struct {
	prefix string
	h      *keyhash.Hasher
}

// New makes the keys of a CSU, named as in the configuration.
func New(csu string, h *keyhash.Hasher) Keys { return Keys{Schema + ":{c:" + csu + "}:", h} }

// Prefix is what every key of the CSU begins with.
func (k Keys) Prefix() string { return k.prefix }

// RunID is the short name of a run: the keyed hash of source and id.
func (k Keys) RunID(source, id string) string { return k.h.Sum("run", source, id) }

// Run is the key of a run by its short name.
func (k Keys) Run(runID string) string { return k.prefix + "run:" + runID }

// EntityID is the keyed hash of a reference.
func (k Keys) EntityID(r mapping.Ref) string {
	return k.h.Sum("entity", r.Kind, r.Scope, r.Source, r.ID)
}

// Entity is the key of an entity's holder.
func (k Keys) Entity(r mapping.Ref) string { return k.EntityNamed(k.EntityID(r)) }

// EntityNamed is the same by the entity's short name, its EntityID.
func (k Keys) EntityNamed(id string) string { return k.prefix + "ent:" + id }

// Natural is the key of a natural key's holder.
func (k Keys) Natural(scope, kind string, value pii.Text) string {
	return k.prefix + "nat:" + k.h.Sum("natural", scope, kind, value.Reveal())
}

// Map is the key of a binding.
func (k Keys) Map(r mapping.Ref) string { return k.MapNamed(k.EntityID(r)) }

// MapNamed is the same by the entity's short name.
func (k Keys) MapNamed(id string) string { return k.prefix + "map:" + id }

// MapBack is the key of a binding backwards.
func (k Keys) MapBack(t mapping.Target) string {
	return k.prefix + "mapr:" + k.h.Sum("target", t.Kind, t.Scope, t.ID)
}

// Correlation is the key of a correlation's runs. Correlation IDs are GUIDs.
func (k Keys) Correlation(id string) string { return k.prefix + "corr:" + id }

// Waits is the key of the index of waiting runs.
func (k Keys) Waits() string { return k.prefix + "waits" }

// Gate is the key of the CSU's budget.
func (k Keys) Gate() string { return k.prefix + "gate" }

// Circuits is the key of the CSU's open circuits.
func (k Keys) Circuits() string { return k.prefix + "circuits" }

// Wait is the key of the runs that wait for an entity's binding, by the entity's short name.
func (k Keys) Wait(entity string) string { return k.prefix + "wait:" + entity }

// Wakes is the key of the entities that were bound while somebody waited for it.
func (k Keys) Wakes() string { return k.prefix + "wakes" }

// Switch is the key of the scenarios that an operator has switched off or on again.
func (k Keys) Switch() string { return k.prefix + "switch" }

// Off is the key of the events that wait for a scenario to be on.
func (k Keys) Off(scenario string) string { return k.prefix + "off:" + scenario }

// Schedules is the key of what is remembered of schedules.
func (k Keys) Schedules() string { return k.prefix + "schedules" }

// Audit is the key of what operators did.
func (k Keys) Audit() string { return k.prefix + "audit" }

// Removals is the key of the dead letters that are to be taken out of a queue.
func (k Keys) Removals(queue string) string { return k.prefix + "gone:" + queue }

// Stub is the key of which stub of a message is its dead letter, by the stub's message ID, a UUID.
func (k Keys) Stub(id string) string { return k.prefix + "stub:" + id }

// Job is the key of a job.
func (k Keys) Job(id string) string { return k.prefix + "job:" + id }

// Jobs is the key of the list of jobs.
func (k Keys) Jobs() string { return k.prefix + "jobs" }

// Feed is the key of how far a feed has come.
func (k Keys) Feed(channel, name string) string {
	return k.prefix + "feed:" + k.h.Sum("feed", channel, name)
}

// FeedBucket is the key of what was told of a bucket of its records.
func (k Keys) FeedBucket(channel, name string, bucket int) string {
	return fmt.Sprintf("%s:%03x", k.Feed(channel, name), bucket)
}

// Lease is the key of who leads in a role, such as watch.
func (k Keys) Lease(role string) string { return k.prefix + "lease:" + role }

// Members is the key of the processes of the fleet.
func (k Keys) Members() string { return k.prefix + "members" }

// Epoch is the key of the store's birth.
func (k Keys) Epoch() string { return k.prefix + "epoch" }
