package redisurl_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/internal/redisurl"
)

func TestAURLSaysWhereRedisIsAndHowItIsRun(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]redisurl.URL{
		"redis://localhost":      {Kind: redisurl.Standalone, Hosts: []string{"localhost:6379"}},
		"redis://localhost:1/":   {Kind: redisurl.Standalone, Hosts: []string{"localhost:1"}},
		"redis://[::1]:6380/3":   {Kind: redisurl.Standalone, Hosts: []string{"[::1]:6380"}, DB: 3},
		"redis://[::1]":          {Kind: redisurl.Standalone, Hosts: []string{"[::1]:6379"}},
		"REDIS://:p@localhost:1": {Kind: redisurl.Standalone, Hosts: []string{"localhost:1"}, Password: "p"},
		"rediss://fleet:a%2Fb%3Fc%23d%40e%3Af@cache.example.com:6380/0?ca_file=/etc/ca.pem&cert_file=/c&key_file=/k&server_name=redis.example.com": {
			Kind: redisurl.Standalone, Username: "fleet", Password: "a/b?c#d@e:f", Hosts: []string{"cache.example.com:6380"}, TLS: true,
			CAFile: "/etc/ca.pem", CertFile: "/c", KeyFile: "/k", ServerName: "redis.example.com"},
		"redis+sentinel://u:p@a,b:1,[::1]:2/mymaster":    {Kind: redisurl.Sentinel, Username: "u", Password: "p", Hosts: []string{"a:26379", "b:1", "[::1]:2"}, Master: "mymaster"},
		"rediss+sentinel://u:p@a/main%20one/2":           {Kind: redisurl.Sentinel, Username: "u", Password: "p", Hosts: []string{"a:26379"}, Master: "main one", DB: 2, TLS: true},
		"rediss+cluster://u:p@a.example.com,b:7/0":       {Kind: redisurl.Cluster, Username: "u", Password: "p", Hosts: []string{"a.example.com:6379", "b:7"}, TLS: true},
		"redis+cluster://u:p+1 @127.0.0.1:7000,10.0.0.1": {Kind: redisurl.Cluster, Username: "u", Password: "p+1 ", Hosts: []string{"127.0.0.1:7000", "10.0.0.1:6379"}},
	} {
		got, problems := redisurl.Parse(text)
		require.Empty(t, problems, text)
		require.Equal(t, want, got, text)
	}
}

func TestABadURLIsExplainedAndNeverQuoted(t *testing.T) {
	t.Parallel()
	const canary = "tulip"
	for text, want := range map[string]string{
		"":                                      "begins with none of redis://",
		canary:                                  "begins with none of redis://",
		"http://u:tulip@h":                      "begins with none of redis://",
		"redis-sentinel://u:tulip@h/m":          "begins with none of redis://",
		"redis://u:tulip%zz@h":                  "a % that is not followed by two hexadecimal digits",
		"redis://u:tulip#x@h":                   "holds a #",
		"redis://u:tu/lip@h":                    "host number 1 is expected is no host:port",
		"redis://u:tulip":                       "host number 1 is expected is no host:port",
		"redis://":                              "host number 1 is expected is no host:port",
		"redis://u:p@h:0":                       "host number 1 is expected is no host:port",
		"redis://u:p@h:tulip":                   "host number 1 is expected is no host:port",
		"redis+cluster://u:p@h:1,:2":            "host number 2 is expected is no host:port",
		"redis+cluster://u:p@h:1,tulip?x":       "has 1 options in its query that are not known",
		"redis://u:p@a,b":                       "several hosts for one server",
		"redis://u:p@h/tulip":                   "a database that is no number",
		"redis://u:p@h/-1":                      "a database that is no number",
		"redis://u:p@h/0/tulip":                 "has too long a path",
		"redis+sentinel://u:p@h":                "does not say what the Sentinels call the primary",
		"redis+sentinel://u:p@h/m/tulip":        "a database that is no number",
		"redis+cluster://u:p@h/1":               "names a database of a Cluster",
		"rediss://u:p@h?skip_verify=1":          "switches the check of the server's certificate off",
		"rediss://u:p@h?tulip=1&pool_size=3":    "has 2 options in its query that are not known",
		"rediss://u:p@h?ca_file=%zz":            "has a query that cannot be read",
		"redis://u:p@h?ca_file=/x":              "names certificates but uses no TLS",
		"rediss://u:p@h?cert_file=/x":           "one of cert_file and key_file without the other",
		"redis+cluster://u:p@h/1?ca_file=tulip": "names certificates but uses no TLS",
	} {
		_, problems := redisurl.Parse(text)
		require.NotEmpty(t, problems, text)
		var all strings.Builder
		for _, p := range problems {
			all.WriteString(p.What + " | " + p.Do + "\n")
			require.NotEmpty(t, p.Do)
		}
		require.Contains(t, all.String(), want, text)
		require.NotContains(t, all.String(), canary)
	}
}

func TestNearIsEveryHostOnThisMachine(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"redis://localhost": true, "redis+cluster://127.0.0.1:1,[::1]:2": true, "redis+cluster://127.0.0.1:1,10.0.0.1:2": false, "redis://cache": false,
	} {
		u, _ := redisurl.Parse(text)
		require.Equal(t, want, u.Near(), text)
	}
}
