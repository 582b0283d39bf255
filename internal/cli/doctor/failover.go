package doctor

import (
	"context"
	"fmt"
	"strconv"

	"github.com/signalbox/signalbox/internal/redislink"
	"github.com/signalbox/signalbox/internal/redisurl"
	"github.com/signalbox/signalbox/orchestration/redisstore"
)

// cluster says whether all keys of the fleet are on one node, and whether redis.url knows that it is one of several.
func (e redisExam) cluster(ctx context.Context) Finding {
	slot := redislink.Slot(e.Keys.Prefix())
	switch {
	case !e.inCluster() && e.kind() == redisurl.Cluster:
		return fail(checkRedisCluster, "", "is no node of a Cluster, though redis.url says so", "begin redis.url with rediss:// or redis://")
	case !e.inCluster():
		return ok(checkRedisCluster, "", "is no node of a Cluster: all keys are on one server")
	case e.kind() != redisurl.Cluster:
		return fail(checkRedisCluster, "", "is a node of a Cluster, and redis.url names it as one server: when the slot moves, nobody follows",
			"write redis.url as rediss+cluster://user:password@host1,host2")
	}
	view, err := e.Client.ClusterNodes(ctx).Result()
	switch {
	case err != nil:
		return unknown(checkRedisCluster, "", "CLUSTER NODES is refused", "let the user do it; docs/reference/doctor.md has the whole access list")
	case !redislink.HasAll(view, slot):
		return warn(checkRedisCluster, "", fmt.Sprintf("slot %d, which has all keys, is being moved to another node: events that are new wait, without an attempt", slot),
			"let the move end, or end it: redis-cli --cluster fix")
	}
	return ok(checkRedisCluster, "", fmt.Sprintf("all keys are in slot %d, on this node", slot))
}

// failover says what would become of a fleet whose primary is lost.
func (e redisExam) failover() Finding {
	replicas, _ := strconv.Atoi(e.info["connected_slaves"])
	managed := e.kind() == redisurl.Sentinel || e.kind() == redisurl.Cluster || replicas > 0
	_, guarded := e.info["min_slaves_good_slaves"] // only there with min-replicas-to-write
	switch confirm := redisstore.Confirming(e.info); {
	case !managed:
		return ok(checkRedisFailover, "", "there is none: a primary that dies comes back by itself, or is somebody else's concern")
	case replicas == 0:
		return warn(checkRedisFailover, "", "no replica is connected: nothing can take the primary's place", "see that its replicas run and reach it")
	case confirm == 0:
		return warn(checkRedisFailover, "", fmt.Sprintf("none of %d replicas is in step: a fail-over would lose the last writes", replicas), "see in INFO replication why they lag")
	case !guarded && !e.inCluster():
		return warn(checkRedisFailover, "", "min-replicas-to-write is 0: a primary that is cut off from the others goes on granting claims, and another one does, too",
			"set min-replicas-to-write to 1 and min-replicas-max-lag to 10")
	default:
		return ok(checkRedisFailover, "", fmt.Sprintf("%d of %d replicas are in step; a finish waits for one", confirm, replicas))
	}
}
