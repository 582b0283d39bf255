package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// QueueProperties are the settings of one queue; a zero field takes the default of the service.
type QueueProperties struct {
	LockDuration       time.Duration // default 1 min, at most 5 min
	MaxDeliveryCount   int           // failed attempts before the dead-letter queue; default 10
	MaxMessageBytes    int           // default 262144, at most 104857600
	MaxSizeMegabytes   int           // of the queue and its dead letters together; default 1024
	DefaultTTL         time.Duration // default and ceiling of a message's time to live; default: messages live for ever
	DeadLetterExpired  bool          // what expires is dead-lettered, not dropped
	DuplicateDetection bool          // a message id that was seen within the window is accepted and dropped; fixed at creation
	DuplicateWindow    time.Duration // default 10 min, at most 7 days
	Status             Status        // default Active

	Metadata string // text of the owner's, at most 1024 characters
	Kept     any    // what else the owner wants to find again; it has no effect
}

// Status says what a queue and its dead-letter queue can be used for.
type Status string

// The statuses, in the service's words.
const (
	StatusActive          Status = "Active"
	StatusDisabled        Status = "Disabled"
	StatusSendDisabled    Status = "SendDisabled"
	StatusReceiveDisabled Status = "ReceiveDisabled"
)

// Sends says whether a queue of this status lets anybody send.
func (s Status) Sends() bool { return s == StatusActive || s == StatusReceiveDisabled }

// Receives says whether it lets anybody receive.
func (s Status) Receives() bool { return s == StatusActive || s == StatusSendDisabled }

// The limits of the service and of its emulator, whichever is the wider.
const (
	maxLockDuration = 5 * time.Minute
	maxMessageBytes = 100 << 20
	maxSize         = 80 << 10 // megabytes
	minTTL          = time.Second
	minWindow       = 5 * time.Second
	maxWindow       = 7 * 24 * time.Hour
	maxMetadata     = 1024
)

func (p QueueProperties) withDefaults() QueueProperties {
	if p.LockDuration == 0 {
		p.LockDuration = time.Minute
	}
	if p.MaxDeliveryCount == 0 {
		p.MaxDeliveryCount = 10
	}
	if p.MaxMessageBytes == 0 {
		p.MaxMessageBytes = 262144
	}
	if p.MaxSizeMegabytes == 0 {
		p.MaxSizeMegabytes = 1024
	}
	if p.DuplicateWindow == 0 {
		p.DuplicateWindow = 10 * time.Minute
	}
	if p.Status == "" {
		p.Status = StatusActive
	}
	return p
}

// PropertyError says what of a queue's name and settings is out of its range.
type PropertyError []string

// Error lists every problem.
func (e PropertyError) Error() string { return strings.Join(e, "; ") }

// check reports every property that is out of its range, as a PropertyError.
func (p QueueProperties) check() error {
	var problems PropertyError
	unless := func(ok bool, format string, args ...any) {
		if !ok {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	unless(p.LockDuration > 0 && p.LockDuration <= maxLockDuration, "a lock duration of %v; it is at most %v", p.LockDuration, maxLockDuration)
	unless(p.MaxDeliveryCount > 0, "a maximum delivery count of %d; it is at least 1", p.MaxDeliveryCount)
	unless(p.MaxMessageBytes > 0 && p.MaxMessageBytes <= maxMessageBytes, "a maximum message size of %d bytes; it is at most %d", p.MaxMessageBytes, maxMessageBytes)
	unless(p.MaxSizeMegabytes > 0 && p.MaxSizeMegabytes <= maxSize, "a maximum size of %d megabytes; it is 1 to %d", p.MaxSizeMegabytes, maxSize)
	unless(p.DefaultTTL == 0 || p.DefaultTTL >= minTTL, "a time to live of %v; it is at least %v", p.DefaultTTL, minTTL)
	unless(p.DuplicateWindow >= minWindow && p.DuplicateWindow <= maxWindow, "a duplicate detection window of %v; it is %v to %v", p.DuplicateWindow, minWindow, maxWindow)
	unless(p.Status == StatusActive || p.Status == StatusDisabled || p.Status == StatusSendDisabled || p.Status == StatusReceiveDisabled, "a status %q", p.Status)
	unless(utf8.RuneCountInString(p.Metadata) <= maxMetadata, "metadata of more than %d characters", maxMetadata)
	if problems == nil {
		return nil
	}
	return problems
}

// Properties returns the settings, defaults filled in. A dead-letter queue has its queue's.
func (q *Queue) Properties() QueueProperties {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.props
}

// set gives a queue and its dead-letter queue new settings. They hold from now on: a lock, a time to live or a place
// that a message has already stays as it is.
func (q *Queue) set(p QueueProperties, now time.Time) {
	for _, one := range q.both() {
		one.mu.Lock()
		defer one.mu.Unlock()
	}
	for _, one := range q.both() {
		one.props, one.updated = p, now
		one.settleDown()
	}
}

// Description is a snapshot of all that there is to know of a queue but its messages.
type Description struct {
	Path                       string
	Properties                 QueueProperties
	Counts                     Counts
	Bytes                      int64 // of the messages, dead letters among them
	Created, Updated, Accessed time.Time

	Subscriptions, CorrelationFilters int // of a topic
}

// Describe takes the snapshot.
func (q *Queue) Describe() Description {
	q.mu.Lock()
	defer q.mu.Unlock()
	d := Description{
		Path: q.path, Properties: q.props, Counts: q.counts(), Bytes: q.bytes.Load(),
		Created: q.created, Updated: q.updated, Accessed: q.accessed,
	}
	if q.topic != nil {
		d.Subscriptions, d.CorrelationFilters = q.topic.size()
	}
	return d
}
