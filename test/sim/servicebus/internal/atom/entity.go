// Package atom reads and writes the documents of Service Bus's administration API: Atom entries and feeds whose
// content describes a queue, a topic, a subscription or a rule. It knows their shape and nothing of what those do.
//
// Input is read by namespace-blind element names, because every client chooses its own prefixes; unknown elements are
// passed over. Output has every element that a known client reads, in the service's order: the JavaScript SDK throws
// over a missing one, and wants CountDetails to have exactly one xmlns attribute and prefixed children.
// Source: the models of the Go and JavaScript SDKs' administration clients.
package atom

import (
	"encoding/xml"
	"time"

	"github.com/signalbox/signalbox/internal/isoduration"
)

// The namespaces of the documents.
const (
	nsAtom       = "http://www.w3.org/2005/Atom"
	nsServiceBus = "http://schemas.microsoft.com/netservices/2010/10/servicebus/connect"
	nsInstance   = "http://www.w3.org/2001/XMLSchema-instance"
	nsCounts     = "http://schemas.microsoft.com/netservices/2011/06/servicebus"
)

// Duration is written as ISO 8601; isoduration.Endless is the service's largest.
type Duration time.Duration

// UnmarshalText reads a duration.
func (d *Duration) UnmarshalText(text []byte) error {
	got, err := isoduration.Parse(string(text))
	*d = Duration(got)
	return err
}

// MarshalText writes it.
func (d Duration) MarshalText() ([]byte, error) {
	return []byte(isoduration.Format(time.Duration(d))), nil
}

// Moment is a time; the zero one is written as the service writes "never".
type Moment time.Time

// MarshalText writes it in UTC.
func (m Moment) MarshalText() ([]byte, error) {
	if time.Time(m).IsZero() {
		return []byte("0001-01-01T00:00:00"), nil
	}
	return time.Time(m).UTC().AppendFormat(nil, "2006-01-02T15:04:05.9999999Z"), nil
}

// UnmarshalText passes over what clients send back of it.
func (*Moment) UnmarshalText([]byte) error { return nil }

// Entity is the description of a queue, a topic or a subscription, by the name of its element. The service has three of them, and
// what they share means the same in each. A nil field is not there; the zero durations and numbers of a request are.
type Entity struct {
	XMLName xml.Name
	NS      string `xml:"xmlns,attr"`
	XSI     string `xml:"xmlns:i,attr"`

	LockDuration                     *Duration `xml:"LockDuration"`
	MaxSizeInMegabytes               *int      `xml:"MaxSizeInMegabytes"`
	RequiresDuplicateDetection       *bool     `xml:"RequiresDuplicateDetection"`
	RequiresSession                  *bool     `xml:"RequiresSession"`
	DefaultMessageTimeToLive         *Duration `xml:"DefaultMessageTimeToLive"`
	DeadLetteringOnMessageExpiration *bool     `xml:"DeadLetteringOnMessageExpiration"`

	DeadLetteringOnFilterEvaluationExceptions *bool        `xml:"DeadLetteringOnFilterEvaluationExceptions"`
	DefaultRule                               *DefaultRule `xml:"DefaultRuleDescription"`

	DuplicateDetectionHistoryTimeWindow *Duration           `xml:"DuplicateDetectionHistoryTimeWindow"`
	MaxDeliveryCount                    *int                `xml:"MaxDeliveryCount"`
	EnableBatchedOperations             *bool               `xml:"EnableBatchedOperations"`
	SizeInBytes                         *int64              `xml:"SizeInBytes"`
	MessageCount                        *int64              `xml:"MessageCount"`
	FilteringMessagesBeforePublishing   *bool               `xml:"FilteringMessagesBeforePublishing"`
	IsAnonymousAccessible               *bool               `xml:"IsAnonymousAccessible"`
	AuthorizationRules                  []AuthorizationRule `xml:"AuthorizationRules>AuthorizationRule"`
	Status                              *string             `xml:"Status"`
	CreatedAt                           *Moment             `xml:"CreatedAt"`
	UpdatedAt                           *Moment             `xml:"UpdatedAt"`
	AccessedAt                          *Moment             `xml:"AccessedAt"`
	SupportOrdering                     *bool               `xml:"SupportOrdering"`
	CountDetails                        *Counts             `xml:"CountDetails"`
	AutoDeleteOnIdle                    *Duration           `xml:"AutoDeleteOnIdle"`
	EnablePartitioning                  *bool               `xml:"EnablePartitioning"`
	EntityAvailabilityStatus            *string             `xml:"EntityAvailabilityStatus"`
	EnableSubscriptionPartitioning      *bool               `xml:"EnableSubscriptionPartitioning"`
	EnableExpress                       *bool               `xml:"EnableExpress"`
	ForwardTo                           *string             `xml:"ForwardTo"`
	ForwardDeadLetteredMessagesTo       *string             `xml:"ForwardDeadLetteredMessagesTo"`
	UserMetadata                        *string             `xml:"UserMetadata"`
	SubscriptionCount                   *int                `xml:"SubscriptionCount"`
	SqlFilterCount                      *int                `xml:"SqlFilterCount"`
	CorrelationFilterCount              *int                `xml:"CorrelationFilterCount"`
	MaxMessageSizeInKilobytes           *int64              `xml:"MaxMessageSizeInKilobytes"`
}

// Counts is a CountDetails.
type Counts struct {
	NS                 string `xml:"xmlns:d2p1,attr"`
	Active             int    `xml:"d2p1:ActiveMessageCount"`
	DeadLetter         int    `xml:"d2p1:DeadLetterMessageCount"`
	Scheduled          int    `xml:"d2p1:ScheduledMessageCount"`
	Transfer           int    `xml:"d2p1:TransferMessageCount"`
	TransferDeadLetter int    `xml:"d2p1:TransferDeadLetterMessageCount"`
}

// AuthorizationRule is a shared access rule of a queue.
type AuthorizationRule struct {
	Type         string   `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr"`
	ClaimType    string   `xml:"ClaimType"`
	ClaimValue   string   `xml:"ClaimValue"`
	Rights       []string `xml:"Rights>AccessRights"`
	CreatedTime  string   `xml:"CreatedTime,omitempty"`
	ModifiedTime string   `xml:"ModifiedTime,omitempty"`
	KeyName      string   `xml:"KeyName"`
	PrimaryKey   string   `xml:"PrimaryKey,omitempty"`
	SecondaryKey string   `xml:"SecondaryKey,omitempty"`
}
