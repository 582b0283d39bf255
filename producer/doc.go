// Package producer makes the events that Signalbox takes, checks them as Signalbox will, and sends them with the Service Bus SDK.
//
//	ev, err := producer.Build(producer.Attributes{ID: "customer-1001-v1", Source: "https://shop.example.com",
//		Type: producer.CustomerChanged, Time: changed}, customer)
//	…
//	for _, r := range producer.Send(ctx, sender, ev) {
//		if r.Outcome != producer.Sent { … }
//	}
//
// An event is known by its source and id: sent once more, it is recognised and does nothing twice. So what is not known to have arrived is
// simply sent again, under the same id.
//
// It knows schemas and the SDK, and nothing of the rest of Signalbox: no engine, no Redis, no logger.
//
// Errors of Build and Validate are *fault.Error with the reason that the event's dead letter would have, a JSON pointer, and one sentence; none
// quotes a value, so they may be logged.
// Concurrency: everything here may be used by many goroutines at once.
// Source: CloudEvents 1.0.2; CloudEvents AMQP Protocol Binding 1.0.2, binary mode.
package producer
