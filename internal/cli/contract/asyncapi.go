package contract

import "strings"

// Document is an AsyncAPI document (https://www.asyncapi.com/docs/reference/specification/v3.0.0).
type Document struct {
	AsyncAPI           string               `json:"asyncapi"`
	Info               Info                 `json:"info"`
	DefaultContentType string               `json:"defaultContentType"`
	Channels           map[string]Channel   `json:"channels"`
	Operations         map[string]Operation `json:"operations"`
	Components         Components           `json:"components"`
}

// Info says whose document it is.
type Info struct {
	Title       string `json:"title"`
	Version     string `json:"version"`
	Description string `json:"description"`
}

// Channel is where messages of some types are.
type Channel struct {
	Address     *string        `json:"address"` // nil: it is configuration, or there are several
	Title       string         `json:"title"`
	Description string         `json:"description"`
	Messages    map[string]Ref `json:"messages"`
}

// Ref refers to another part of the document.
type Ref struct {
	To string `json:"$ref"`
}

// Operation is what Signalbox does with the messages of a channel.
type Operation struct {
	Action   string `json:"action"` // receive or send
	Channel  Ref    `json:"channel"`
	Summary  string `json:"summary"`
	Messages []Ref  `json:"messages"`
}

// Components are what others refer to.
type Components struct {
	Messages map[string]Message `json:"messages"`
}

// Message is one type of event, as a CloudEvent in its JSON format.
type Message struct {
	Name        string  `json:"name"`
	Title       string  `json:"title"`
	Summary     string  `json:"summary,omitempty"`
	ContentType string  `json:"contentType"`
	Payload     Payload `json:"payload"`
}

// Payload is a schema with its format, since it is newer than AsyncAPI's own.
type Payload struct {
	Format string `json:"schemaFormat"`
	Schema any    `json:"schema"`
}

const (
	formatJSONSchema = "application/schema+json;version=2020-12"
	structured       = "application/cloudevents+json"
	channelIn        = "events"
	channelOut       = "outcomes"
)

// AsyncAPI gives the document. queues are those that sources may send events to, none where they are not known; version is the program's.
func (c Contract) AsyncAPI(version string, queues []string) Document {
	d := Document{AsyncAPI: "3.0.0", DefaultContentType: structured,
		Info: Info{Title: "Signalbox", Version: version, Description: "Events that sources send to Signalbox, and events that it tells to sinks. Each is a CloudEvent 1.0; " +
			"over AMQP its attributes may also be application properties (cloudEvents_id, ...), with the data alone as the body."},
		Channels: map[string]Channel{
			channelIn:  {Title: "Source queues", Description: "Azure Service Bus queues of servicebus.queues.", Messages: map[string]Ref{}},
			channelOut: {Title: "Sinks", Description: "Webhooks, queues and topics of Azure Service Bus, and files: those of the sink table. A delivery may come twice, under the same id.", Messages: map[string]Ref{}},
		},
		Operations: map[string]Operation{
			"takeEvents":   {Action: "receive", Channel: Ref{"#/channels/" + channelIn}, Summary: "Takes events from sources: each has one effect, or is a dead letter that says why.", Messages: []Ref{}},
			"tellOutcomes": {Action: "send", Channel: Ref{"#/channels/" + channelOut}, Summary: "Tells sinks how events ended, each at least once under one id.", Messages: []Ref{}},
		},
		Components: Components{Messages: map[string]Message{}},
	}
	in := d.Channels[channelIn]
	switch len(queues) {
	case 0:
	case 1:
		in.Address = &queues[0]
	default:
		in.Description = "One of these, each of which takes every type: " + strings.Join(queues, ", ") + "."
	}
	d.Channels[channelIn] = in
	for _, t := range c.Types {
		channel, operation := channelIn, "takeEvents"
		if t.Direction == Told {
			channel, operation = channelOut, "tellOutcomes"
		}
		d.Components.Messages[t.Name] = Message{Name: t.Name, Title: t.Name, Summary: t.Description, ContentType: structured, Payload: Payload{formatJSONSchema, t.envelope()}}
		d.Channels[channel].Messages[t.Name] = Ref{"#/components/messages/" + t.Name}
		o := d.Operations[operation]
		o.Messages = append(o.Messages, Ref{"#/channels/" + channel + "/messages/" + t.Name})
		d.Operations[operation] = o
	}
	return d
}

// envelope is the JSON Schema of a whole event of the type. What the data's own schema refers to inside stands where it refers to it: tools
// for AsyncAPI look for it in the whole document, where it is not.
func (t Type) envelope() any {
	type property = map[string]any
	text := func(description string) property {
		return property{"type": "string", "minLength": 1, "description": description}
	}
	properties := property{
		"specversion": property{"const": "1.0"}, "type": property{"const": t.Name},
		"id": text("Of the event, once per source; a repeat is the same event."), "source": text("Who says it."),
		"time":    property{"type": "string", "format": "date-time", "description": "When it became true."},
		"subject": text("What it is about, as its source numbers it."), "correlationid": text("A GUID that follows what comes of it."),
		"datacontenttype": property{"const": "application/json"}, "data": true,
	}
	switch t.Direction {
	case Accepted:
		properties["signalboxchannel"] = text("The row of the channel table, where the source does not decide it.")
	case Told:
		properties["signalboxchannel"] = text("The row of the channel table that it belongs to.")
		properties["sequence"] = text("Of two events about one subject the greater, compared as text, is the newer, whatever their times.")
	}
	if t.Schema != nil {
		properties["data"] = whole(t.Schema)
	}
	return property{"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "required": []string{"specversion", "type", "id", "source", "time", "data"}, "properties": properties}
}
