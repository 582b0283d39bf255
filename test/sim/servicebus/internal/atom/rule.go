package atom

import (
	"encoding/xml"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const nsSchema = "http://www.w3.org/2001/XMLSchema"

// Rule is a RuleDescription. Filter and Action must be there in an answer: the Go SDK panics over a missing one.
type Rule struct {
	XMLName   xml.Name `xml:"RuleDescription"`
	NS        string   `xml:"xmlns,attr"`
	XSI       string   `xml:"xmlns:i,attr"`
	Filter    *Filter  `xml:"Filter"`
	Action    *Action  `xml:"Action"`
	CreatedAt *Moment  `xml:"CreatedAt"`
	Name      string   `xml:"Name"`
}

// DefaultRule is the rule that a subscription is created with.
type DefaultRule struct {
	Filter *Filter `xml:"Filter"`
	Action *Action `xml:"Action"`
	Name   string  `xml:"Name"`
}

// Type is the type of a filter, an action or a value: read by the attribute's namespace, because every client chooses its own
// prefix, and written with the one that the JavaScript SDK looks for.
type Type struct {
	Read  string `xml:"http://www.w3.org/2001/XMLSchema-instance type,attr,omitempty"`
	Write string `xml:"i:type,attr,omitempty"`
}

// Filter is a filter of any type.
type Filter struct {
	Type
	CorrelationID      *string     `xml:"CorrelationId"`
	MessageID          *string     `xml:"MessageId"`
	To                 *string     `xml:"To"`
	ReplyTo            *string     `xml:"ReplyTo"`
	Label              *string     `xml:"Label"`
	SessionID          *string     `xml:"SessionId"`
	ReplyToSessionID   *string     `xml:"ReplyToSessionId"`
	ContentType        *string     `xml:"ContentType"`
	Properties         *Properties `xml:"Properties"`
	SQLExpression      *string     `xml:"SqlExpression"`
	CompatibilityLevel *int        `xml:"CompatibilityLevel"`
}

// Action is what a rule does to the messages that it selects.
type Action struct {
	Type
}

// NoAction is the action of a rule that does nothing.
func NoAction() *Action { return &Action{Type{Write: "EmptyRuleAction"}} }

// Properties are names with typed values.
type Properties struct {
	All []Property `xml:"KeyValueOfstringanyType"`
}

// Property is one of them.
type Property struct {
	Key   string `xml:"Key"`
	Value Value  `xml:"Value"`
}

// Value is text of a type of XML Schema.
type Value struct {
	Type
	NS   string `xml:"xmlns:d6p1,attr,omitempty"`
	Text string `xml:",chardata"`
}

// NewValue writes a value as the service does.
func NewValue(v any) Value {
	name, text := "string", fmt.Sprint(v)
	switch v := v.(type) {
	case bool:
		name = "boolean"
	case int64:
		name = "int"
		if int64(int32(v)) != v {
			name = "long"
		}
	case float64:
		name = "double"
	case time.Time:
		name, text = "dateTime", v.UTC().Format(time.RFC3339Nano)
	}
	return Value{Type: Type{Write: "d6p1:" + name}, NS: nsSchema, Text: text}
}

// Go gives the value as a string, an int64, a float64, a bool or a time.Time.
func (v Value) Go() (any, error) {
	_, name, prefixed := strings.Cut(v.Read, ":")
	if !prefixed {
		name = v.Read
	}
	switch name {
	case "string":
		return v.Text, nil
	case "int", "long":
		return strconv.ParseInt(v.Text, 10, 64)
	case "double":
		return strconv.ParseFloat(v.Text, 64)
	case "boolean":
		return strconv.ParseBool(v.Text)
	case "dateTime":
		return time.Parse(time.RFC3339Nano, v.Text)
	}
	return nil, errors.New("it is none of string, int, long, double, boolean and dateTime")
}
