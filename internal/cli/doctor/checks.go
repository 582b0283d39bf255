package doctor

// The names of the checks. They are stable: scripts depend on them, and docs/reference/doctor.md lists them.
const (
	checkConfig = "config"

	checkQueueReach      = "queue.reach"
	checkQueueSend       = "queue.send"
	checkQueueSeen       = "queue.properties"
	checkQueueStatus     = "queue.status"
	checkQueueSessions   = "queue.sessions"
	checkQueueForwarding = "queue.forwarding"
	checkQueueDuplicates = "queue.duplicates"
	checkQueueExpiry     = "queue.expiry"
	checkQueueDeliveries = "queue.deliveries"
	checkQueueLock       = "queue.lock"
	checkQueueSize       = "queue.size"
	checkQueueRules      = "queue.rules"
	checkBrokerClock     = "broker.clock"

	checkRedisReach       = "redis.reach"
	checkRedisVersion     = "redis.version"
	checkRedisRole        = "redis.role"
	checkRedisCluster     = "redis.cluster"
	checkRedisFailover    = "redis.failover"
	checkRedisEviction    = "redis.eviction"
	checkRedisPersistence = "redis.persistence"
	checkRedisCommands    = "redis.commands"
	checkRedisPowers      = "redis.powers"
	checkRedisScripts     = "redis.scripts"
	checkRedisClock       = "redis.clock"
	checkRedisEpoch       = "redis.epoch"
	checkRedisHash        = "redis.hash"
	checkRedisMemory      = "redis.memory"

	checkCSUToken   = "csu.token" // the name of a check, no credential
	checkCSUReach   = "csu.reach"
	checkCSUClock   = "csu.clock"
	checkCSUChannel = "csu.channel"
	checkCSURole    = "csu.role"
	checkCSUTables  = "csu.tables"
	checkCSUCarts   = "csu.carts"

	checkVisibilityToken  = "visibility.token" // the name of a check, no credential
	checkVisibilityReach  = "visibility.reach"
	checkVisibilityPlaces = "visibility.warehouses"

	checkSinkReach = "sink.reach"
	checkStepReach = "step.reach"

	checkFleetAlive     = "fleet.alive"
	checkFleetSchedules = "fleet.schedules"
	checkFleetWaiting   = "fleet.waiting"
	checkFleetPromotion = "fleet.promotion"
)

// Check is one thing that is looked at.
type Check struct {
	Name  string
	Looks string // what it looks at
	Why   string // it matters
}

// checks lists every check in the order of the report.
var checks = []Check{
	{checkConfig, "the configuration, as `config check` does", "a fleet does not start on a configuration that is not valid"},

	{checkQueueReach, "each source queue, source subscription and own queue is there, and may be listened to", "a fleet takes events from its source queues and its own queues"},
	{checkQueueSend, "our own queues may be sent to; with the heartbeat on, the source queues, too, but for subscriptions, which get none", "what must wait goes as a copy to our own queue before its original is completed; a heartbeat goes through every queue"},
	{checkQueueSeen, "the properties of the queues can be read", "clashes of the next checks lose events in silence, and only the administration API shows them"},
	{checkQueueStatus, "no queue is disabled", "a disabled queue gives or takes nothing"},
	{checkQueueSessions, "no queue demands sessions", "messages of a queue with sessions are received by session only, and copies would have none"},
	{checkQueueForwarding, "no queue forwards its messages or its dead letters", "what is forwarded never arrives here, and dead letters are looked for in the queue's own dead-letter queue"},
	{checkQueueDuplicates, "our own queues do not detect duplicates", "the broker would drop a copy that it takes for one sent before, and its original is completed"},
	{checkQueueExpiry, "no queue drops what has expired; our own queues let nothing expire while it waits", "an expired message is dropped in silence unless dead-lettering on expiry is on"},
	{checkQueueDeliveries, "the greatest delivery count is what the configuration says, and at least 50 on our own queues", "over half of it a message is rescheduled, before the broker gives it up as MaxDeliveryCountExceeded"},
	{checkQueueLock, "locks last long enough to be renewed and short enough to be taken over", "a lock that runs out before it is renewed gives the message to two workers; one that lasts long keeps it from the others when its worker has died"},
	{checkQueueSize, "no queue is nearly full", "a full queue takes nothing, our own copies neither; dead letters count"},
	{checkQueueRules, "each source subscription has a rule that may select messages", "a subscription without one gets nothing, and nobody hears of it"},
	{checkBrokerClock, "the broker's clock against this machine's", "an event whose time is more than five minutes ahead of the broker's clock is dead-lettered"},

	{checkRedisReach, "Redis answers", "without it nothing is claimed, and work stands still"},
	{checkRedisVersion, "the server's version", "scripts and users need Redis 6.2; it is tested with 7"},
	{checkRedisRole, "the server is a primary, with or without replicas", "a replica refuses writes"},
	{checkRedisCluster, "in a Cluster: redis.url says so, and the slot that has all keys is on one node", "whoever takes one node for the whole does not follow when the slot moves; while it moves, scripts are refused that need keys on both sides"},
	{checkRedisFailover, "with Sentinels, in a Cluster or with replicas: a replica is in step, and a primary that is cut off stops taking writes", "what no replica has is lost with the primary; two primaries at once grant one claim twice"},
	{checkRedisEviction, "`maxmemory-policy` is `noeviction`", "any other drops bindings and claims when memory is short, and then effects happen twice"},
	{checkRedisPersistence, "data is kept on disk", "losing it costs a pause and the order of states that wait; losing bindings costs searches"},
	{checkRedisCommands, "the user may use every command that is needed", "a script that is refused half-way leaves an event unclaimed"},
	{checkRedisPowers, "the user may not do more than it must", "whoever has the fleet's password could wipe or read everything"},
	{checkRedisScripts, "the scripts can be loaded", "every claim and save is a script"},
	{checkRedisClock, "the server's clock against this machine's", "times that traces show are the server's"},
	{checkRedisEpoch, "the store knows its memory to be good", "after a restart or a wipe claims are for looking only, until whatever was on its way has landed"},
	{checkRedisHash, "bindings that are there can be found under `hash.key` and the channels", "under another key, or another legal entity, nothing of what is stored is found: records are made again, and nothing is recognised as done"},
	{checkRedisMemory, "memory in use, and what the event rate comes to over `run.keep`", "a server that is full refuses every claim"},

	{checkCSUToken, "the token endpoint gives a token", "no call goes without one"},
	{checkCSUReach, "the CSU answers `GetEnvironmentConfiguration`", "that is the call that a fleet which is locked out tries until it goes through"},
	{checkCSUClock, "the CSU's clock against this machine's", "a clock that is wrong makes tokens look expired and states come in the wrong order"},
	{checkCSUChannel, "each channel's operating unit is known, and its legal entity and currency are what the channel says", "an operating unit that is wrong sends customers to another company"},
	{checkCSURole, "our role may search for customers", "an operation that is refused ends every event that needs it as NotPermitted"},
	{checkCSUTables, "the tables of countries can be read", "without them addresses are sent as they come, and the CSU refuses what it does not know"},

	{checkCSUCarts, "where `order_mode` is `cart`: the CSU keeps the id of a cart that we make, and lets us look for its order; for that one empty cart is made, which is forgotten", "an order is placed once because its cart has one id for good; by an id of the CSU's own it could be placed twice"},

	{checkVisibilityToken, "with Inventory Visibility: Entra and the security service give a token", "no request goes without one"},
	{checkVisibilityReach, "with Inventory Visibility: it answers a query of one item that nobody has, for each legal entity of its warehouses", "stock is not told, and orders are not reserved, until it answers"},
	{checkVisibilityPlaces, "with Inventory Visibility: each channel's legal entity has a warehouse", "an export of stock for a channel without one is a dead letter"},

	{checkSinkReach, "each sink's address takes a connection, or its queue or topic a link to send by; nothing is sent", "outcomes wait until their sink takes them"},
	{checkStepReach, "the address of each `http-call` of the step table takes a connection; nothing is sent", "events wait until the step's system takes requests"},

	{checkFleetAlive, "a process of the fleet leads the watch", "if none runs, nothing is worked on"},
	{checkFleetSchedules, "with schedules that are on: a process leads them, and the last event of each came to a good end", "without a leader no event is published on time; what a schedule asks for is not told while its runs fail"},
	{checkFleetWaiting, "what waits, by cause, with the longest", "an event that waits for long is late"},
	{checkFleetPromotion, "customers and orders that headquarters has not made its own records of", "they have a provisional id until then; changes of such customers, and their orders, wait"},
}

// Checks lists every check.
func Checks() []Check { return checks }

func whyOf(name string) string {
	for _, c := range checks {
		if c.Name == name {
			return c.Why
		}
	}
	return ""
}
