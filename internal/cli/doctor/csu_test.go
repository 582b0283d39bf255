package doctor_test

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/internal/cli/doctor"
	"github.com/signalbox/signalbox/internal/cli/exit"
	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
	"github.com/signalbox/signalbox/test/sim/csu"
	"github.com/signalbox/signalbox/test/sim/servicebus"
	adapter "github.com/signalbox/signalbox/worker/servicebus"
)

// unit is a CSU that tests change, behind a server whose clock they set.
type unit struct {
	t     *testing.T
	sim   *csu.Simulator
	url   string
	ahead time.Duration
	cfg   *config.Config
}

func newUnit(t *testing.T) *unit {
	t.Helper()
	u := &unit{t: t, sim: csu.New(csu.Options{}), cfg: settings()}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Date", time.Now().Add(u.ahead).UTC().Format(http.TimeFormat))
		u.sim.Handler().ServeHTTP(w, r)
	}))
	u.url = server.URL
	t.Cleanup(func() { u.sim.Close(); server.Close() })
	return u
}

func (u *unit) examined(change ...func(*csuclient.Options)) doctor.Report {
	u.t.Helper()
	date := &doctor.DateWatch{}
	o := csuclient.Options{BaseURL: u.url, TokenURL: u.url + "/contoso/oauth2/token", ClientID: csu.DefaultClientID, ClientSecret: secret.New(csu.DefaultClientSecret),
		Resource: u.url, Transport: csuclient.Transport{Wrap: date.Wrap}}
	for _, c := range change {
		c(&o)
	}
	client, err := csuclient.New(o)
	require.NoError(u.t, err)
	defer client.Close()
	return examine(u.t, doctor.CSU(u.cfg, client, date.Ahead))
}

func TestEachClashOfTheCSUIsExplained(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	require.Empty(t, said(u.examined()))
	require.Empty(t, u.sim.Ledger())

	row := &u.cfg.Channels[0]
	for want, change := range map[string]func(*orchestration.Channel){
		"fail csu.channel main: operating unit HOUSTON belongs to legal entity usrt, not dert": func(c *orchestration.Channel) { c.LegalEntity = "dert" },
		"warn csu.channel main: operating unit HOUSTON has currency USD, not EUR":              func(c *orchestration.Channel) { c.Currency = "EUR" },
	} {
		was := *row
		change(row)
		require.Equal(t, []string{want}, said(u.examined()))
		*row = was
	}
	row.OUN = "NOWHERE"
	require.Contains(t, said(u.examined())[0], "fail csu.channel main: operating unit NOWHERE: OrgUnits.")
	row.OUN = "HOUSTON"
	u.ahead = time.Minute
	require.Regexp(t, `^warn csu.clock : is (1m0s|59s) ahead of this machine's$`, strings.Join(said(u.examined()), "\n"), "it tells whole seconds")
	u.ahead = 0

	_, err := u.sim.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpSearchByFields})
	require.NoError(t, err)
	require.Contains(t, said(u.examined())[0], "fail csu.role main: a search for customers fails: Customers.SearchByFields 403")
	u.sim.ClearFaults()
	_, err = u.sim.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpOrgUnit})
	require.NoError(t, err)
	require.Contains(t, said(u.examined())[0], "unknown csu.channel main: our role may not read")
	u.sim.ClearFaults()
	_, err = u.sim.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpCountries})
	require.NoError(t, err)
	require.Equal(t, []string{"warn csu.tables main: the table of countries in en-us is empty, or not shown to our role"}, said(u.examined()))
}

func TestACSUThatLetsNobodyInIsTold(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	r := u.examined(func(o *csuclient.Options) { o.ClientSecret = secret.New("tulip") })
	require.Contains(t, said(r)[0], "fail csu.token : no token: Token 401")
	require.Equal(t, exit.Failed, exit.From(r.Verdict()).Code)
	r = u.examined(func(o *csuclient.Options) { o.TokenURL = "http://127.0.0.1:1/t/oauth2/token" })
	require.Contains(t, said(r)[0], "fail csu.token : no token: Token network")
	require.Equal(t, exit.Unreachable, exit.From(r.Verdict()).Code)
	r = u.examined(func(o *csuclient.Options) { o.BaseURL = "http://127.0.0.1:1" })
	require.Contains(t, said(r)[0], "fail csu.reach : GetEnvironmentConfiguration network")
	require.Equal(t, exit.Unreachable, exit.From(r.Verdict()).Code)
	_, err := u.sim.Inject(csu.Fault{Kind: csu.Forbid})
	require.NoError(t, err)
	r = u.examined()
	require.Contains(t, said(r)[0], "fail csu.reach : GetEnvironmentConfiguration 403")
	require.NotContains(t, strings.Join(said(r), " "), u.url)
}

func TestASinkIsReachedWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	l := listen(t)
	defer l.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler()) // whose certificate nobody trusts
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	folder := t.TempDir()
	cfg := settings()
	require.Equal(t, "no sink is told anything", examine(t, doctor.Sinks(cfg)).Findings[0].What)
	cfg.Sinks = []config.SinkRow{
		{Name: "plain", Type: config.SinkWebhook, URL: "http://" + l.Addr().String() + "/hook"},
		{Name: "gone", Type: config.SinkWebhook, SecretURL: secret.New("http://127.0.0.1:1/hook?sig=canary")},
		{Name: "doubtful", Type: config.SinkWebhook, URL: secure.URL},
		{Name: "file", Type: config.SinkFile, Path: filepath.Join(folder, "events.jsonl")},
		{Name: "elsewhere", Type: config.SinkFile, Path: filepath.Join(folder, "nowhere", "events.jsonl")},
	}
	require.Equal(t, []string{"fail sink.reach gone: takes no connection", "fail sink.reach doubtful: its certificate is not trusted, or it speaks no TLS",
		"warn sink.reach elsewhere: its folder is not on this machine"}, said(examine(t, doctor.Sinks(cfg))))
}

func TestTheQueueOfASinkIsReachedWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	broker, err := servicebus.New(servicebus.Options{Queues: []servicebus.Queue{{Name: "outcomes"}, {Name: "off", Status: servicebus.StatusDisabled}, {Name: "shut"}}})
	require.NoError(t, err)
	l, served := listen(t), make(chan struct{})
	go func() { defer close(served); _ = broker.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, broker.Close())
		<-served
	})
	require.NoError(t, broker.DenyTokens("shut", true))
	cfg := settings()
	cfg.ServiceBus.ConnectionString = secret.New(broker.ConnectionString(l.Addr().String()))
	for _, name := range []string{"outcomes", "off", "shut", "none"} {
		cfg.Sinks = append(cfg.Sinks, config.SinkRow{Name: name, Type: config.SinkServiceBus, Entity: name})
	}
	cfg.Sinks = append(cfg.Sinks, config.SinkRow{Name: "odd", Type: config.SinkServiceBus, Entity: "x", Connection: secret.New("canary")})
	require.Equal(t, []string{"fail sink.reach off: takes no link to send by", "fail sink.reach shut: may not be sent to", "fail sink.reach none: its queue or topic is not there",
		"fail sink.reach odd: its connection string cannot be used"},
		said(examine(t, doctor.Sinks(cfg))))
	counts, err := broker.Counts("outcomes")
	require.NoError(t, err)
	require.Zero(t, counts.Active)
}

func TestWhatAConfiguredStepCallsIsReachedWithoutSendingAnything(t *testing.T) {
	t.Parallel()
	l := listen(t)
	defer l.Close()
	cfg := settings()
	require.Equal(t, "no configured step calls another system", examine(t, doctor.Steps(cfg)).Findings[0].What)
	cfg.Scenarios.Steps = []config.StepRow{{Scenario: "orders", Name: "score-fraud", URL: "http://" + l.Addr().String()}, {Scenario: "orders", Name: "check-credit", URL: "http://127.0.0.1:1"},
		{Scenario: "orders", Name: "check-country"}}
	r := examine(t, doctor.Steps(cfg))
	require.Len(t, r.Findings, 2)
	require.Equal(t, []string{"fail step.reach orders/check-credit: takes no connection"}, said(r))
}

func TestAReportIsALineForEachFindingInTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	_, err := config.Load(config.Sources{})
	r := doctor.OfConfig(config.Problems(err))
	require.Positive(t, r.Counts[doctor.Fail])
	require.Equal(t, exit.Failed, exit.From(r.Verdict()).Code)

	r = examine(t, doctor.Sinks(settings()), doctor.Broker(settings(), bus{}, administration{counts: adapter.QueueCounts{SizeBytes: 9, MaxSizeBytes: 10}}), doctor.Configured(settings()))
	var out strings.Builder
	require.NoError(t, r.Print(&out))
	lines := strings.Split(out.String(), "\n")
	require.Equal(t, "ok    config                    is valid: 1 source queues, 1 channels, 0 sinks", lines[0])
	require.Contains(t, out.String(), "warn  queue.size        in      0 active, 0 scheduled, 0 dead letters; 90 % of its size. A full queue takes nothing, our own copies neither; dead letters count. "+
		"Do: handle its dead letters, and see why it is not drained: signalbox deadletter groups.\n")
	require.Regexp(t, `\n\d+ ok, 4 to look at, 0 failed, 0 unknown\n$`, out.String())
	require.NoError(t, r.Verdict(), "what should be looked at has not failed")
}

func TestAChannelOfCartsNeedsACSUThatKeepsTheirIDs(t *testing.T) {
	t.Parallel()
	u := newUnit(t)
	u.cfg.Channels[0].OrderMode = orchestration.OrderCart
	for range 2 { // the second time the cart is there
		require.Equal(t, []string{"warn csu.carts main: ids of carts that we make are kept; orders cannot be looked for by them, since our role may not"}, said(u.examined()))
	}
	require.Len(t, u.sim.Carts(), 1)
	u.sim.Configure(func(o *csu.Options) { o.LabRoles = true })
	require.Empty(t, said(u.examined()))

	_, err := u.sim.Inject(csu.Fault{Kind: csu.Forbid, Operation: csu.OpCreateCart})
	require.NoError(t, err)
	require.Contains(t, said(u.examined())[0], "fail csu.carts main: a cart cannot be made: Carts.Create 403")

	own := newUnit(t)
	own.cfg.Channels[0].OrderMode = orchestration.OrderCart
	own.sim.Configure(func(o *csu.Options) { o.OwnCartIDs = true })
	r := own.examined()
	require.Equal(t, []string{"fail csu.carts main: the CSU makes ids of carts of its own"}, said(r))
	require.Equal(t, exit.Failed, exit.From(r.Verdict()).Code)
}
