package servicebus_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/signalbox/signalbox/test/sim/servicebus"
)

// A message goes through the broker with nothing but the SDK.
func Example() {
	broker, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{{Name: "orders"}}})
	must(err)
	defer broker.Close() // it never fails
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	go broker.Serve(listener) // until Close

	client, err := azservicebus.NewClientFromConnectionString(broker.ConnectionString(listener.Addr().String()), nil)
	must(err)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	defer client.Close(ctx) // nothing is left to lose
	sender, err := client.NewSender("orders", nil)
	must(err)
	must(sender.SendMessage(ctx, &azservicebus.Message{Body: []byte("hello")}, nil))

	receiver, err := client.NewReceiverForQueue("orders", nil)
	must(err)
	messages, err := receiver.ReceiveMessages(ctx, 1, nil)
	must(err)
	must(receiver.CompleteMessage(ctx, messages[0], nil))
	counts, err := broker.Counts("orders")
	must(err)
	fmt.Printf("%s, %d left\n", messages[0].Body, counts.Active)
	// Output: hello, 0 left
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
