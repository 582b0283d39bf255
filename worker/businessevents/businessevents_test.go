package businessevents_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/worker/businessevents"
)

const posted = `{"BusinessEventId":"SalesInvoicePostedBusinessEvent","BusinessEventLegalEntity":"USRT","ContextRecordSubject":"","ControlNumber":5637611083,
	"EventId":"{3C47A4CD-6EDC-4319-B893-3F862EED65FD}","EventTime":"/Date(1672408275000)/","EventTimeIso8601":"2022-12-30T13:51:15.2942742Z",
	"InitiatingUserAADObjectId":"{410A2690-5EC2-42EE-9F2A-E75B4E324930}","InvoiceAccount":"C-7","InvoiceId":"CIV-1","MajorVersion":10,"MinorVersion":11,
	"ParentContextRecordSubjects":[],"SalesOrderId":"SO-1"}`

var enqueued = time.Date(2023, 1, 5, 9, 0, 0, 0, time.UTC)

func translate(t *testing.T, text string, change ...func(*businessevents.Options)) (orchestration.Event, error) {
	t.Helper()
	o := businessevents.Options{Source: "urn:hq", Type: "t.v1", Channel: func(entity string) (string, bool) { return "web", entity == "" || entity == "USRT" }}
	for _, c := range change {
		c(&o)
	}
	return businessevents.New(o).Translate(orchestration.Event{Data: json.RawMessage(text), Origin: orchestration.Origin{Enqueued: enqueued}})
}

func TestABusinessEventSaysWhatBecameOfASalesOrderAndNothingOfWhose(t *testing.T) {
	t.Parallel()
	ev, err := translate(t, posted)
	require.NoError(t, err)
	require.Equal(t, []string{"urn:hq", "3c47a4cd-6edc-4319-b893-3f862eed65fd", "t.v1", "web", "2022-12-30T13:51:15.2942742Z"},
		[]string{ev.Source, ev.ID, ev.Type, ev.Channel, ev.Time.Format(time.RFC3339Nano)})
	require.JSONEq(t, `{"salesId":"SO-1","status":"invoiced","invoice":"CIV-1","businessEvent":"SalesInvoicePostedBusinessEvent"}`, string(ev.Data))
	require.Equal(t, orchestration.DeriveCorrelationID(ev.Source, ev.ID), ev.CorrelationID)
}

func TestAnotherSendingIsComparedByWhatItSaysAlone(t *testing.T) {
	t.Parallel()
	first, err := translate(t, posted)
	require.NoError(t, err)
	again, err := translate(t, strings.NewReplacer("5637611083", "5637611999", "1672408275000", "1672408276000", "15.2942742", "16", "410A2690", "510A2690").Replace(posted))
	require.NoError(t, err)
	require.Equal(t, first.ID, again.ID)
	require.Equal(t, string(first.AsReceived), string(again.AsReceived))
	other, err := translate(t, strings.Replace(posted, "C-7", "C-8", 1))
	require.NoError(t, err)
	require.NotEqual(t, string(first.AsReceived), string(other.AsReceived), "of which nothing is taken over, but it is another event under the same id")
}

func TestTheTimeIsReadInEitherForm(t *testing.T) {
	t.Parallel()
	ev, err := translate(t, strings.Replace(posted, `"EventTimeIso8601":"2022-12-30T13:51:15.2942742Z",`, "", 1))
	require.NoError(t, err)
	require.Equal(t, time.UnixMilli(1672408275000).UTC(), ev.Time)
	for _, none := range []string{"", "1900-01-01T00:00:00Z", "yesterday"} {
		text := strings.Replace(strings.Replace(posted, "2022-12-30T13:51:15.2942742Z", none, 1), "1672408275000", "-2208988800000", 1)
		_, err = translate(t, text)
		require.Equal(t, "/EventTimeIso8601", fault.As(err).Pointer, none)
		ev, err = translate(t, text, func(o *businessevents.Options) {
			o.Statuses = map[string]string{"SalesInvoicePostedBusinessEvent": businessevents.Ignored}
		})
		require.NoError(t, err)
		require.Equal(t, enqueued, ev.Time, "what is ignored needs none")
	}
}

func TestTheMemberWithTheSalesOrderIsTheFirstThatHoldsOne(t *testing.T) {
	t.Parallel()
	named := func(names ...string) func(*businessevents.Options) {
		return func(o *businessevents.Options) { o.SalesID = names }
	}
	ev, err := translate(t, posted, named("Missing", "ControlNumber", "InvoiceAccount"))
	require.NoError(t, err)
	require.Contains(t, string(ev.Data), `"salesId":"C-7"`)
	_, err = translate(t, posted, named("Missing"))
	require.Equal(t, []any{fault.SchemaInvalid, "/Missing"}, []any{fault.As(err).Reason, fault.As(err).Pointer})
	require.NotContains(t, err.Error(), "SO-1")
}

func TestAnUnknownBusinessEventIsKnownByItsNameUnlessThatIsNone(t *testing.T) {
	t.Parallel()
	for id, typ := range map[string]string{"OtherBusinessEvent": "OtherBusinessEvent", "an address, ana@example.com": ""} {
		ev, err := translate(t, strings.Replace(posted, "SalesInvoicePostedBusinessEvent", id, 1))
		require.Equal(t, fault.UnknownType, fault.As(err).Reason)
		require.Equal(t, typ, ev.Type)
		require.NotContains(t, err.Error(), id)
	}
}

func TestABusinessEventAsksForAnExportOfItsChannel(t *testing.T) {
	t.Parallel()
	exports := func(o *businessevents.Options) {
		o.Exports = map[string]string{"SalesInvoicePostedBusinessEvent": "prices.v1"} // whatever else it stands for
	}
	ev, err := translate(t, posted, exports)
	require.NoError(t, err)
	require.Equal(t, []string{"prices.v1", "web", "{}", "3c47a4cd-6edc-4319-b893-3f862eed65fd"}, []string{ev.Type, ev.Channel, string(ev.Data), ev.ID})
	ev, err = translate(t, posted, exports, func(o *businessevents.Options) { o.ExportOf = "outlet" })
	require.NoError(t, err)
	require.Equal(t, "outlet", ev.Channel)
	undated := strings.NewReplacer("2022-12-30T13:51:15.2942742Z", "", "/Date(1672408275000)/", "").Replace(posted)
	ev, err = translate(t, undated, exports)
	require.NoError(t, err)
	require.Equal(t, enqueued, ev.Time, "it asks for what is so now")
	_, err = translate(t, strings.Replace(posted, "USRT", "DEMF", 1), exports)
	require.Equal(t, fault.UnknownChannel, fault.As(err).Reason)
}
