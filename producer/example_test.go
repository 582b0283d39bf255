package producer_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"

	"github.com/signalbox/signalbox/producer"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// Customer is a customer as the shop has it, in the words of the schema: signalbox schema signalbox.customer.changed.v1.
type Customer struct {
	ID        string `json:"id"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

func Example() {
	ana := Customer{ID: "1001", Email: "ana@example.com", FirstName: "Ana", LastName: "Contoso"}
	ev, err := producer.Build(producer.Attributes{
		ID:     "customer-1001-v7", // the shop's number of the customer, and of this state of it
		Source: "https://shop.example.com",
		Type:   producer.CustomerChanged,
		Time:   time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), // when the customer became so
	}, ana)
	if err != nil {
		fmt.Println(err)
		return
	}
	sender, done := senderOf("signalbox-in")
	defer done()
	for _, r := range producer.Send(context.Background(), sender, ev) {
		fmt.Println(r.Event.ID, r.Outcome)
	}
	// Output: customer-1001-v7 sent
}

func ExampleValidate() {
	ev, err := producer.Build(producer.Attributes{ID: "customer-1002-v1", Source: "https://shop.example.com", Type: producer.CustomerChanged,
		Time: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}, map[string]any{"id": "1002", "firstName": "Bo", "lastName": "Ek"})
	fmt.Println(err)
	fmt.Println(producer.Validate(ev))
	// Output:
	// <nil>
	// poison (SchemaInvalid): /data: the data lacks email
}

func ExampleTypes() {
	for _, t := range producer.Types() {
		if t.Order == "state" {
			fmt.Println(t.Name)
		}
	}
	// Output: signalbox.customer.changed.v1
}

func ExampleEvent_Message() {
	ev, _ := producer.Build(producer.Attributes{ID: "customer-1001-v7", Source: "https://shop.example.com", Type: producer.CustomerChanged,
		Time: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)}, Customer{ID: "1001"})
	m := ev.Message()
	fmt.Println(*m.ContentType, m.ApplicationProperties["cloudEvents_type"], string(m.Body))
	// Output: application/json signalbox.customer.changed.v1 {"id":"1001","email":"","firstName":"","lastName":""}
}

// senderOf is a sender to a queue of a broker on this machine. In production: azservicebus.NewClient, and NewSender.
func senderOf(queue string) (sender *azservicebus.Sender, done func()) {
	broker, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{{Name: queue}}})
	must(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go broker.Serve(listener) // until Close
	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(listener.Addr().String()), nil)
	must(err)
	sender, err = client.NewSender(queue, nil)
	must(err)
	return sender, func() {
		must(client.Close(context.Background()))
		must(broker.Close())
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
