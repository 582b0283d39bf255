package producer

import (
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azservicebus"
	"github.com/google/uuid"
)

// namespace of the message ids that are made of source and id; a fixed random UUID.
var namespace = uuid.MustParse("0f5a6b62-6c0e-4a43-9f5e-1b9d5b8a7d21")

// Message is the event as a message, in CloudEvents' binary mode. Its message id is made of source and id, so that a queue which detects
// duplicates drops one that is sent again soon; Signalbox itself goes by source and id.
func (e Event) Message() *azservicebus.Message {
	properties := map[string]any{"cloudEvents_specversion": "1.0", "cloudEvents_time": e.Time.UTC().Format(time.RFC3339Nano)}
	for _, f := range e.named() {
		if f.value != "" {
			properties["cloudEvents_"+f.name] = f.value
		}
	}
	id, contentType, label := uuid.NewSHA1(namespace, []byte(e.Source+"\x00"+e.ID)).String(), "application/json", e.Type
	m := &azservicebus.Message{MessageID: &id, ContentType: &contentType, Subject: &label, ApplicationProperties: properties, Body: e.Data}
	if e.CorrelationID != "" {
		correlation := e.CorrelationID
		m.CorrelationID = &correlation
	}
	return m
}
