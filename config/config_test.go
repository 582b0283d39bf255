package config

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/secret"
	"github.com/signalbox/signalbox/orchestration"
)

const canary = "canary-Zx9Q7pL2vT4mK8wR1nB6yH3c" // 31 characters, so that it is also too short a hash key

// enough is the least environment that loads; more overrides it.
func enough(more ...string) []string {
	return append([]string{
		"SIGNALBOX_SERVICEBUS_CONNECTION_STRING=Endpoint=sb://localhost;SharedAccessKeyName=all;SharedAccessKey=" + canary,
		"SIGNALBOX_REDIS_URL=redis://localhost:6379/0",
		"SIGNALBOX_CSU_URL=http://localhost:8080",
		"SIGNALBOX_CSU_TOKEN_URL=http://127.0.0.1:8080/token",
		"SIGNALBOX_CSU_CLIENT_ID=signalbox",
		"SIGNALBOX_CSU_CLIENT_SECRET=" + canary,
		"SIGNALBOX_CSU_RESOURCE=https://csu.example",
		`SIGNALBOX_CHANNELS=[{"name":"web","oun":"052","legal_entity":"usrt"}]`,
		"SIGNALBOX_HASH_KEY=" + base64.StdEncoding.EncodeToString([]byte("0123456789abcdefghijklmnopqrstuv")),
		"PATH=/bin",
	}, more...)
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

func TestEnvironmentAloneIsEnough(t *testing.T) {
	c, err := Load(Sources{Env: enough()})
	require.NoError(t, err)
	require.Equal(t, []string{"signalbox-in"}, c.ServiceBus.Queues)
	require.Equal(t, "signalbox-live", c.ServiceBus.OwnQueue.Live)
	require.Equal(t, 336*time.Hour, c.Run.Keep)
	require.Equal(t, []time.Duration{5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, time.Hour, 4 * time.Hour}, c.Run.Reschedule)
	require.Equal(t, "7.3", c.CSU.APIVersion)
	require.Equal(t, "127.0.0.1:9464", c.Admin.Listen, "metrics and health stay on loopback unless told otherwise")
	require.Equal(t, orchestration.Channels{{Name: "web", CSU: "default", OUN: "052", LegalEntity: "usrt"}}, c.Channels)
	require.Equal(t, "0123456789abcdefghijklmnopqrstuv", string(c.Hash.Bytes()))
	require.NoError(t, c.Check())
}

func TestLaterSourcesWin(t *testing.T) {
	file := write(t, "c.yaml", "run:\n  lease: 20s\n  renew: 4s\n")
	c, err := Load(Sources{File: file, Env: enough("SIGNALBOX_RUN_LEASE=30s", "SIGNALBOX_RUN_LEASE=40s")})
	require.NoError(t, err)
	require.Equal(t, 40*time.Second, c.Run.Lease)
	require.Equal(t, 4*time.Second, c.Run.Renew)

	at := map[string]Row{}
	for _, r := range c.Show(true) {
		at[r.Key] = r
	}
	require.Equal(t, Row{"run.lease", "40s", "SIGNALBOX_RUN_LEASE"}, at["run.lease"])
	require.Equal(t, Row{"run.renew", "4s", file}, at["run.renew"])
	require.Equal(t, Row{"run.max", "5m", "default"}, at["run.max"])
	require.Equal(t, Row{"redis.url", "***", "SIGNALBOX_REDIS_URL"}, at["redis.url"])
	require.Equal(t, `[{"name":"web","csu":"default","oun":"052","legal_entity":"usrt"}]`, at["channels"].Value)
	require.Empty(t, c.Show(false)[0].Origin)
}

func TestTheFileMayBeNamedByTheEnvironment(t *testing.T) {
	file := write(t, "c.yaml", "worker: {slots: 7}\n")
	c, err := Load(Sources{Env: enough("SIGNALBOX_CONFIG=" + file)})
	require.NoError(t, err)
	require.Equal(t, 7, c.Worker.Slots)
}

func TestEveryProblemIsReportedAtOnce(t *testing.T) {
	file := write(t, "c.yaml", strings.Join([]string{
		"run: {lease: 10s, renew: 9s, retry_for: 20, keep: 2h}",
		"worker: {slot: 3, slots: '9', drain: 3h}",
		"csu: {api_version: 7.3, url: 'http://csu.example'}",
		"queues: [a]",
		"redis: off",
	}, "\n"))
	_, err := Load(Sources{File: file, Env: []string{
		"SIGNALBOX_REDIS_URI=x", "SIGNALBOX_WORKER_MAX_BODY=12", "SIGNALBOX_SERVICEBUS_CONNECTION_STRING=Endpoint=" + canary,
	}})
	lines := strings.Split(err.Error(), "\n")
	for _, want := range []string{
		"worker.slot (" + file + "): is not a known key; the nearest is worker.slots",
		"queues (" + file + "): is not a known key; the nearest is servicebus.queues",
		"redis (" + file + "): is a section and holds no value of its own; its keys are redis.url, redis.allow_plaintext, redis.sentinel_username, redis.sentinel_password",
		"SIGNALBOX_REDIS_URI: is not a known variable; the nearest is SIGNALBOX_REDIS_URL",
		`run.retry_for (` + file + `): "20" is not a duration; write a number with its unit, such as 5m`,
		`worker.slots (` + file + `): "9" is not a whole number; write one, without quotes, from 1 to 10000`,
		`worker.drain (` + file + `): "3h" is out of range; choose one from 1s to 30m`,
		`worker.max_body (SIGNALBOX_WORKER_MAX_BODY): "12" is out of range; choose one from 1024 to 104857600`,
		"csu.api_version (" + file + "): is a number where text is expected; put it in quotes",
		"csu.url (" + file + "): is plain http to another host; use https, or set csu.allow_plaintext for a network that is encrypted below",
		"run.renew (" + file + "): is longer than run.lease, twice over (10s) allows; shorten it: one renewal that fails must not cost the claim",
		"run.keep (" + file + "): of 2h ends before the last attempt; choose more than 5h47m35s, the waits of run.reschedule and a run.max for each attempt",
		"run.patience (default): is longer than run.keep (2h) allows; shorten it: what waits must not be forgotten meanwhile",
		"servicebus.connection_string (SIGNALBOX_SERVICEBUS_CONNECTION_STRING): has no Endpoint=sb://…; copy the connection string of a shared access policy of the namespace",
		"servicebus.connection_string (SIGNALBOX_SERVICEBUS_CONNECTION_STRING): has no SharedAccessKeyName and SharedAccessKey; copy the connection string of a shared access policy of the namespace",
		"redis.url (default): is required and not set; set it in the file or as SIGNALBOX_REDIS_URL",
		"csu.token_url (default): is required and not set; set it in the file or as SIGNALBOX_CSU_TOKEN_URL",
		"csu.client_id (default): is required and not set; set it in the file or as SIGNALBOX_CSU_CLIENT_ID",
		"csu.client_secret (default): is required and not set; set it in the file or as SIGNALBOX_CSU_CLIENT_SECRET",
		"csu.resource (default): and csu.scope are both set or both missing; set csu.resource for a version 1 token endpoint, csu.scope for a version 2 one",
		"channels (default): is required and not set; set it in the file or as SIGNALBOX_CHANNELS",
		"hash.key (default): is required and not set; set it in the file or as SIGNALBOX_HASH_KEY",
	} {
		require.Contains(t, lines, want)
	}
	require.Len(t, lines, 22)
	require.Len(t, Problems(err), 22)
	require.NotContains(t, err.Error(), canary)
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct{ set, key, why string }{
		"a renewal that is nearly as long as the lease":   {"RUN_RENEW=14s", "run.renew", "run.lease, twice over"},
		"an order with one source twice":                  {"CUSTOMERS_AUTHORITY_PHONE=a,b,a", "customers.authority.phone", "has a source twice"},
		"a write that outlasts its taint":                 {"CSU_WRITE_TIMEOUT=3m", "csu.write_timeout", "csu.max_execution"},
		"a read that is longer than a write":              {"CSU_READ_TIMEOUT=101s", "csu.read_timeout", "csu.write_timeout"},
		"a run shorter than its lease":                    {"RUN_MAX=10s", "run.lease", "run.max"},
		"a retry longer than the run":                     {"RUN_RETRY_FOR=6m", "run.retry_for", "run.max"},
		"waits that go down":                              {"RUN_RESCHEDULE=30s,5s", "run.reschedule", "goes down"},
		"no waits":                                        {"RUN_RESCHEDULE=", "run.reschedule", "is not a duration"},
		"memory shorter than the waits":                   {"RUN_KEEP=5h", "run.keep", "before the last attempt"},
		"plain redis to another host":                     {"REDIS_URL=redis://u:" + canary + "@cache.example:6379", "redis.url", "plain redis://"},
		"redis without a password on another host":        {"REDIS_URL=rediss://cache.example:6380", "redis.url", "no password"},
		"redis without certificate check":                 {"REDIS_URL=rediss://u:" + canary + "@c.example:6380?skip_verify=1", "redis.url", "certificate"},
		"another scheme":                                  {"REDIS_URL=http://" + canary, "redis.url", "no Redis URL"},
		"an unparsable URL":                               {"REDIS_URL=redis://a:" + canary + "%zz@h", "redis.url", "no Redis URL"},
		"plain http to the service's administration":      {"SERVICEBUS_ADMIN_ENDPOINT=http://localhost:5300", "servicebus.admin_endpoint", "no emulator's"},
		"an administration API without a scheme":          {"SERVICEBUS_ADMIN_ENDPOINT=localhost:5300", "servicebus.admin_endpoint", "no address"},
		"an administration API with a path":               {"SERVICEBUS_ADMIN_ENDPOINT=https://h/path", "servicebus.admin_endpoint", "no address"},
		"plain http to a token endpoint elsewhere":        {"CSU_TOKEN_URL=http://login.example/token", "csu.token_url", "plain http"},
		"a URL with credentials":                          {"CSU_URL=https://u:" + canary + "@csu.example", "csu.url", "credentials"},
		"an unknown scheme word":                          {"CSU_SCHEME=basic", "csu.scheme", "neither"},
		"a resource and a scope":                          {"CSU_SCOPE=x/.default", "csu.resource", "both set"},
		"a connection string for one queue":               {"SERVICEBUS_CONNECTION_STRING=Endpoint=sb://h;SharedAccessSignature=" + canary + ";EntityPath=q", "servicebus.connection_string", "EntityPath"},
		"our own queue as a source":                       {"SERVICEBUS_QUEUES=in,Signalbox-Live", "servicebus.queues", "twice, or is our own"},
		"an impossible queue":                             {"SERVICEBUS_QUEUES=a b", "servicebus.queues", "no name of a queue"},
		"a subscription as our own queue":                 {"SERVICEBUS_OWN_QUEUE_LIVE=t/Subscriptions/s", "servicebus.own_queue.live", "would get our copies"},
		"a subscription without a topic":                  {"SERVICEBUS_QUEUES=/Subscriptions/s", "servicebus.queues", "no address of a subscription"},
		"a subscription without a name":                   {"SERVICEBUS_QUEUES=t/Subscriptions/", "servicebus.queues", "no address of a subscription"},
		"a subscription of a subscription":                {"SERVICEBUS_QUEUES=t/Subscriptions/a/Subscriptions/b", "servicebus.queues", "no address of a subscription"},
		"a subscription twice":                            {"SERVICEBUS_QUEUES=t/Subscriptions/s,T/subscriptions/S", "servicebus.queues", "twice"},
		"a topic that is a queue, too":                    {"SERVICEBUS_QUEUES=t/Subscriptions/s,t", "servicebus.queues", "the topic of"},
		"a topic that is our own queue, too":              {"SERVICEBUS_QUEUES=signalbox-live/Subscriptions/s", "servicebus.queues", "the topic of"},
		"a sampler that never rests":                      {"SAMPLER_INTERVAL=10ms", "sampler.interval", "too often"},
		"a sampler's connection string for one queue":     {"SAMPLER_CONNECTION_STRING=Endpoint=sb://h;SharedAccessSignature=" + canary + ";EntityPath=q", "sampler.connection_string", "EntityPath"},
		"a heartbeat that races":                          {"HEARTBEAT_INTERVAL=1s", "heartbeat.interval", "too often"},
		"a short hash key":                                {"HASH_KEY=" + canary, "hash.key", "fewer than 32"},
		"a hash key that was typed":                       {"HASH_KEY=" + strings.Repeat("ab", 22), "hash.key", "not random"},
		"a hash key id with a dot":                        {"HASH_KEY_ID=k.1", "hash.key_id", "no key id"},
		"a listener without a port":                       {"ADMIN_LISTEN=localhost", "admin.listen", "no address"},
		"an unknown level":                                {"LOG_LEVEL=trace", "log.level", "no level"},
		"debug without an end":                            {"LOG_LEVEL=debug", "log.level", "next 24 hours"},
		"half a flag":                                     {"LOG_SAMPLING=yes", "log.sampling", "neither true nor false"},
		"a time without a zone":                           {"LOG_DEBUG_UNTIL=2026-01-01", "log.debug_until", "not a time"},
		"a secret in a vault":                             {"HASH_KEY=keyvault://hash", "hash.key", "reads none by itself"},
		"a secret reference to nothing":                   {"HASH_KEY=env:NOWHERE", "hash.key", "NOWHERE, which is not set"},
		"a secret's file that is not there":               {"REDIS_URL_FILE=/nowhere/url", "redis.url", "set twice"},
		"an empty secret":                                 {"CSU_CLIENT_SECRET=", "csu.client_secret", "required"},
		"a table that is not JSON":                        {"CHANNELS=[{name:web}]", "channels", "no list of rows"},
		"an empty table":                                  {"CHANNELS=[]", "channels", "required"},
		"a row that is none":                              {"CHANNELS=[1]", "channels[0]", "no row"},
		"an unknown field of a row":                       {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u","legalentity":"u"}]`, "channels[0].legalentity", "nearest is legal_entity"},
		"a number for an operating unit":                  {`CHANNELS=[{"name":"w","oun":52,"legal_entity":"u"}]`, "channels[0].oun", "text is expected"},
		"a row of a CSU that is not there":                {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u","csu":"eu"}]`, "channels[0].csu", "cannot be"},
		"a row without operating unit":                    {`CHANNELS=[{"name":"w","legal_entity":"u"}]`, "channels[0].oun", "missing"},
		"a currency in small letters":                     {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u","currency":"eur"}]`, "channels[0].currency", "cannot be"},
		"two rows of one name":                            {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u"},{"name":"w","oun":"2","legal_entity":"u"}]`, "channels[1].name", "another row's"},
		"a source in two rows":                            {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u","sources":["s"]},{"name":"x","oun":"2","legal_entity":"u","sources":["s"]}]`, "channels[1].sources", `in row "w" too`},
		"the name of a CSU that would not fit Redis keys": {"CSU_NAME=a:b", "csu.name", "no plain name"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Sources{Env: enough("SIGNALBOX_" + tc.set)})
			problems := Problems(err)
			require.NotEmpty(t, problems)
			found := ""
			for _, p := range problems {
				if p.Key == tc.key {
					found += p.What + "; " + p.Do
				}
			}
			require.Contains(t, found, tc.why, "got %v", err)
			require.NotContains(t, err.Error(), canary)
		})
	}
}

func TestAllowed(t *testing.T) {
	for name, set := range map[string][]string{
		"plain redis elsewhere, on purpose": {"REDIS_URL=redis://u:p@cache:6379", "REDIS_ALLOW_PLAINTEXT=true"},
		"an emulator's administration":      {"SERVICEBUS_CONNECTION_STRING=Endpoint=sb://h;SharedAccessKeyName=k;SharedAccessKey=v;UseDevelopmentEmulator=true", "SERVICEBUS_ADMIN_ENDPOINT=http://h:5300"},
		"a way to the administration":       {"SERVICEBUS_ADMIN_ENDPOINT=https://proxy.example:444/"},
		"plain http elsewhere, on purpose":  {"CSU_URL=http://csu:80", "CSU_ALLOW_PLAINTEXT=true"},
		"subscriptions of one topic":        {"SERVICEBUS_QUEUES=in,events/all/Subscriptions/ours,events/all/subscriptions/more"},
		"a raw hash key":                    {"HASH_KEY=this is a raw key of 32 bytes !!"},
		"loopback by IPv6":                  {"REDIS_URL=redis://[::1]:6379"},
		"a shared access signature":         {"SERVICEBUS_CONNECTION_STRING=Endpoint=sb://h;SharedAccessSignature=x"},
		"a secret by reference":             {"HASH_KEY=env:ELSEWHERE", "REDIS_URL=env:REDIS"},
		"two rows without sources":          {`CHANNELS=[{"name":"w","oun":"1","legal_entity":"u"},{"name":"x","oun":"2","legal_entity":"u","csu":"default"}]`},
	} {
		t.Run(name, func(t *testing.T) {
			env := enough("ELSEWHERE=this is a raw key of 32 bytes !!", "REDIS=redis://localhost")
			for _, s := range set {
				env = append(env, "SIGNALBOX_"+s)
			}
			_, err := Load(Sources{Env: env})
			require.NoError(t, err)
		})
	}
}

func TestSecretsComeFromFilesAndReferences(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "url"), []byte("redis://localhost:1\r\n"), 0o600))
	file := filepath.Join(dir, "c.yaml")
	require.NoError(t, os.WriteFile(file, []byte("redis: {url: 'file:url'}\ncsu: {client_secret: 'env:ELSEWHERE'}\n"), 0o600))
	var env []string
	for _, v := range enough("ELSEWHERE=there") {
		if !strings.HasPrefix(v, "SIGNALBOX_REDIS_URL") && !strings.HasPrefix(v, "SIGNALBOX_CSU_CLIENT_SECRET") {
			env = append(env, v)
		}
	}
	c, err := Load(Sources{File: file, Env: env})
	require.NoError(t, err)
	require.Equal(t, secret.New("redis://localhost:1"), c.Redis.URL, "relative to the YAML file, without the line end")
	require.Equal(t, secret.New("there"), c.CSU.ClientSecret)
	require.Equal(t, file+" → file:url", c.origin("redis.url"))

	c, err = Load(Sources{Env: append(env, "SIGNALBOX_REDIS_URL_FILE="+filepath.Join(dir, "url"), "SIGNALBOX_CSU_CLIENT_SECRET=x")})
	require.NoError(t, err)
	require.Equal(t, "SIGNALBOX_REDIS_URL_FILE", c.origin("redis.url"))
	require.Equal(t, "redis://localhost:1", c.Redis.URL.Reveal())
}

func TestASecretInClearInTheFileIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"text":   "redis: {url: 'redis://:" + canary + "@localhost'}",
		"number": "redis: {url: 123456789}",
		"list":   "redis: {url: [" + canary + "]}",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Sources{File: write(t, "c.yaml", text), Env: enough()})
			require.ErrorContains(t, err, "redis.url")
			require.ErrorContains(t, err, "holds a secret in clear; write env:NAME or file:PATH there, or set SIGNALBOX_REDIS_URL instead")
			require.NotContains(t, err.Error(), canary)
		})
	}
}

func TestFilesThatCannotBe(t *testing.T) {
	for name, tc := range map[string]struct{ text, why string }{
		"not YAML":         {"a: [", "is not YAML"},
		"the same key":     {"run: {lease: 5s, lease: 6s}", "already defined"},
		"dots":             {"run.lease: 5s", "is written with dots; nest it"},
		"an empty value":   {"run: {lease: }", "has no value"},
		"too deep":         {"run: {lease: {seconds: 5}}", "is not a duration"},
		"a list for a key": {"csu: {scheme: [a]}", "is a list where text is expected"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Load(Sources{File: write(t, "c.yaml", tc.text), Env: enough()})
			require.ErrorContains(t, err, tc.why)
		})
	}
	_, err := Load(Sources{File: "/nowhere/c.yaml", Env: enough()})
	require.ErrorContains(t, err, "file (/nowhere/c.yaml): cannot be read: no such file or directory")

	_, err = Load(Sources{File: write(t, "c.yaml", "run:\n"), Env: enough()})
	require.NoError(t, err, "an empty section says nothing, and nothing is wrong with that")
}

func TestDebugEndsByItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		until := func(d time.Duration) error {
			_, err := Load(Sources{Env: enough("SIGNALBOX_LOG_LEVEL=debug", "SIGNALBOX_LOG_DEBUG_UNTIL="+time.Now().Add(d).Format(time.RFC3339))})
			return err
		}
		require.NoError(t, until(24*time.Hour))
		require.ErrorContains(t, until(25*time.Hour), "log.level")
		require.ErrorContains(t, until(-time.Second), "log.level")
	})
}

func TestServiceLinksOfKubernetesAreNotOurs(t *testing.T) {
	_, err := Load(Sources{Env: enough("SIGNALBOX_PORT=tcp://10.0.0.1:80", "SIGNALBOX_SERVICE_HOST=10.0.0.1",
		"SIGNALBOX_SERVICE_PORT_HTTP=80", "SIGNALBOX_PORT_9464_TCP_ADDR=10.0.0.1", "SIGNALBOX_METRICS_SERVICE_HOST=10.0.0.2")})
	require.NoError(t, err)
	for _, k := range keys {
		require.False(t, serviceLink.MatchString(k.env()), k.env())
	}
}

func TestWhatTheProgramChangesCanBeCheckedAgain(t *testing.T) {
	c, err := Load(Sources{Env: enough()})
	require.NoError(t, err)
	c.Run.Renew = time.Minute
	require.ErrorContains(t, c.Check(), "run.renew")
	require.Equal(t, "program", (&Config{}).origin("run.renew"))
}

func TestNothingPrintsASecret(t *testing.T) {
	c, err := Load(Sources{Env: enough()})
	require.NoError(t, err)
	for _, r := range c.Show(true) {
		require.NotContains(t, r.Value+r.Origin, canary)
	}
}

// Whoever pastes a secret into the wrong key gets back only its beginning.
func TestAPastedSecretIsCutShort(t *testing.T) {
	_, err := Load(Sources{Env: enough("SIGNALBOX_RUN_LEASE=" + canary)})
	require.ErrorContains(t, err, `run.lease (SIGNALBOX_RUN_LEASE): "canary-Z…" is not a duration`)
	require.NotContains(t, err.Error(), canary)
}
