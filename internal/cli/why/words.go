package why

import (
	"fmt"
	"strings"
	"time"

	"github.com/signalbox/signalbox/internal/cli/trace"
)

// moment is a time in UTC and how far it is from now; zero now: the time alone.
func moment(t, now time.Time) string {
	if t.IsZero() {
		return "an unknown time"
	}
	text := t.UTC().Format("2006-01-02T15:04:05Z")
	if now.IsZero() {
		return text
	}
	d := now.Sub(t).Round(time.Second)
	switch {
	case d < 0:
		return text + " (in " + short(-d) + ")"
	case d == 0:
		return text + " (now)"
	}
	return text + " (" + short(d) + " ago)"
}

// short writes the two largest units of a duration.
func short(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%dd%dh", d/(24*time.Hour), d%(24*time.Hour)/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	}
	return d.String()
}

func after(steps []string) string {
	if len(steps) == 0 {
		return ""
	}
	return " after step " + strings.Join(steps, ", ")
}

func atStep(step string) string {
	if step == "" {
		return ""
	}
	return " at step " + step
}

func ofTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", of " + moment(t, time.Time{}) + ","
}

func orUnknown(text string) string {
	if text == "" {
		return "unknown"
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if strings.HasSuffix(what, "s") {
		what += "e"
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// inQueue says where a message is that will come again.
func inQueue(m trace.Message, there bool) string {
	if !there || m.DeadLetter {
		return ""
	}
	return fmt.Sprintf(" (in queue %s, number %d)", m.Queue, m.Sequence)
}

// gone says that no message was found that could bring a run back.
func gone(f trace.Found, queue string) string {
	if queue != "" || len(f.Unfinished) > 0 || len(f.Problems) > 0 {
		return ""
	}
	return " and no message of it is in a queue: if that stays so, publish it again"
}
