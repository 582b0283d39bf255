// Package subscription reads the address of a subscription: topic/Subscriptions/name, as Service Bus writes it. It is how a
// configuration, the command line, metrics and logs name one where they name a queue.
//
// Source: learn.microsoft.com, Service Bus "Resource format".
package subscription

import "strings"

// part stands between the names. No queue or topic may have it in its name, so an address is never both.
const part = "/Subscriptions/"

// Split takes an address apart, in any case of letters; ok is false for the name of a queue or topic.
func Split(address string) (topic, name string, ok bool) {
	for at := len(address) - len(part); at >= 0; at-- {
		if strings.EqualFold(address[at:at+len(part)], part) {
			return address[:at], address[at+len(part):], true
		}
	}
	return "", "", false
}

// Is says whether an address is that of a subscription.
func Is(address string) bool {
	_, _, ok := Split(address)
	return ok
}

// Join is the address of a subscription.
func Join(topic, name string) string { return topic + part + name }

// SendTo is where what is to reach an address is sent: the topic of a subscription, and then all of its subscriptions may get it;
// everything else is sent to itself.
func SendTo(address string) string {
	if topic, _, ok := Split(address); ok {
		return topic
	}
	return address
}
