// Package redisurl reads the one URL that says where Redis is and how it is run: alone, behind Sentinels, or as a Cluster.
//
//	redis://user:password@host:6379/0
//	redis+sentinel://user:password@host1:26379,host2:26379,host3:26379/mymaster/0
//	redis+cluster://user:password@host1:6379,host2:6379
//
// With rediss in place of redis every connection is TLS, those to Sentinels and between redirects included. Ports may be
// left out (6379; 26379 for Sentinels), and so may the database (0; a Cluster has no other). The query names files and how
// the server's certificate is checked: ca_file, cert_file, key_file, server_name.
//
// Errors say what is wrong and where by counting, and never quote the URL: whatever stands in the wrong place of it may be
// a password.
package redisurl

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// Kind is how Redis is run.
type Kind string

// The kinds.
const (
	Standalone Kind = "standalone" // one server, or a service behind one address
	Sentinel   Kind = "sentinel"   // a primary and replicas; the hosts of the URL are Sentinels
	Cluster    Kind = "cluster"    // the hosts of the URL are some of the nodes
)

// schemes are all that a URL may begin with.
var schemes = map[string]struct {
	kind Kind
	tls  bool
	port string
}{
	"redis": {Standalone, false, "6379"}, "rediss": {Standalone, true, "6379"},
	"redis+sentinel": {Sentinel, false, "26379"}, "rediss+sentinel": {Sentinel, true, "26379"},
	"redis+cluster": {Cluster, false, "6379"}, "rediss+cluster": {Cluster, true, "6379"},
}

// URL is what was read.
type URL struct {
	Kind     Kind
	Username string // of Redis itself, not of Sentinels
	Password string
	Hosts    []string // host:port
	Master   string   // what Sentinels call the primary
	DB       int

	TLS        bool
	CAFile     string // PEM; empty: the authorities this machine trusts
	CertFile   string // PEM, with KeyFile: this client's certificate
	KeyFile    string
	ServerName string // that servers' certificates must be for; empty: the host that was dialled
}

// Problem says what is wrong, and what to do.
type Problem struct{ What, Do string }

// Error is what is wrong.
func (p Problem) Error() string { return p.What }

const example = "write it as rediss://user:password@host:6380/0, rediss+sentinel://user:password@host1,host2,host3/mymaster or rediss+cluster://user:password@host1,host2"

// Parse reads a URL, and reports everything that is wrong with it.
func Parse(text string) (URL, []Problem) {
	name, rest, found := strings.Cut(text, "://")
	scheme, known := schemes[strings.ToLower(name)]
	if !found || !known {
		return URL{}, []Problem{{"is no Redis URL: it begins with none of redis://, redis+sentinel:// and redis+cluster://, nor with one of them as rediss", example}}
	}
	u := URL{Kind: scheme.kind, TLS: scheme.tls}
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, _ := strings.Cut(rest, "/")
	if strings.Contains(text, "#") {
		return u, []Problem{{"is no Redis URL: it holds a #", "write a # in a password as %23"}}
	}
	return u, slices.Concat(u.setUser(&authority), u.setHosts(authority, scheme.port), u.setPath(path), u.setQuery(query))
}

// setUser takes user:password@ off the authority.
func (u *URL) setUser(authority *string) []Problem {
	i := strings.LastIndex(*authority, "@")
	if i < 0 {
		return nil
	}
	name, password, _ := strings.Cut((*authority)[:i], ":")
	*authority = (*authority)[i+1:]
	var err, err2 error
	u.Username, err = url.PathUnescape(name)
	u.Password, err2 = url.PathUnescape(password)
	if err != nil || err2 != nil {
		return []Problem{{"is no Redis URL: the user or the password holds a % that is not followed by two hexadecimal digits", "write a % in a password as %25"}}
	}
	return nil
}

func (u *URL) setHosts(authority, port string) []Problem {
	var problems []Problem
	hosts := strings.Split(authority, ",")
	if u.Kind == Standalone && len(hosts) > 1 {
		return []Problem{{"names several hosts for one server", "name one, or write redis+sentinel:// or redis+cluster://"}}
	}
	for i, h := range hosts {
		addr, ok := address(h, port)
		if !ok {
			problems = append(problems, Problem{fmt.Sprintf("is no Redis URL: what stands where host number %d is expected is no host:port", i+1),
				example + "; in a password write / as %2F, ? as %3F, # as %23, @ as %40 and : as %3A"})
		}
		u.Hosts = append(u.Hosts, addr)
	}
	return problems
}

// address adds the port if there is none.
func address(text, port string) (string, bool) {
	host := text
	if h, p, err := net.SplitHostPort(text); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", false
	}
	_, err := netip.ParseAddr(host)
	return net.JoinHostPort(host, port), err == nil || host != "" && !strings.ContainsFunc(host, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

// setPath reads /db, /master/db or nothing.
func (u *URL) setPath(path string) []Problem {
	parts := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if u.Kind == Sentinel {
		name, err := url.PathUnescape(parts[0])
		if err != nil || name == "" {
			return []Problem{{"does not say what the Sentinels call the primary", "write it behind the hosts: rediss+sentinel://user:password@host1,host2,host3/mymaster"}}
		}
		u.Master, parts = name, parts[1:]
	}
	var err error
	switch {
	case len(parts) == 0 || len(parts) == 1 && parts[0] == "":
		return nil
	case len(parts) > 1:
		return []Problem{{"has too long a path", example}}
	}
	u.DB, err = strconv.Atoi(parts[0])
	switch {
	case err != nil || u.DB < 0:
		return []Problem{{"names a database that is no number", "end the URL with /0 or with nothing; in a password write / as %2F"}}
	case u.Kind == Cluster && u.DB != 0:
		return []Problem{{"names a database of a Cluster, which has only 0", "take it out"}}
	}
	return nil
}

func (u *URL) setQuery(query string) []Problem {
	values, err := url.ParseQuery(query)
	if err != nil {
		return []Problem{{"has a query that cannot be read", "write it as ?ca_file=/path&server_name=host; in a password write ? as %3F"}}
	}
	var problems []Problem
	if values.Has("skip_verify") {
		problems = append(problems, Problem{"switches the check of the server's certificate off", "take skip_verify out and trust the right authority instead, with ca_file"})
		values.Del("skip_verify")
	}
	named := false
	for name, field := range map[string]*string{"ca_file": &u.CAFile, "cert_file": &u.CertFile, "key_file": &u.KeyFile, "server_name": &u.ServerName} {
		*field = values.Get(name)
		named = named || values.Has(name)
		values.Del(name)
	}
	if len(values) > 0 {
		problems = append(problems, Problem{fmt.Sprintf("has %d options in its query that are not known", len(values)), "leave only ca_file, cert_file, key_file and server_name; in a password write ? as %3F"})
	}
	if named && !u.TLS {
		problems = append(problems, Problem{"names certificates but uses no TLS", "begin it with rediss"})
	}
	if (u.CertFile == "") != (u.KeyFile == "") {
		problems = append(problems, Problem{"has one of cert_file and key_file without the other", "name both or none"})
	}
	return problems
}

// Near says whether every host is this machine.
func (u URL) Near() bool {
	return !slices.ContainsFunc(u.Hosts, func(addr string) bool {
		host, _, _ := net.SplitHostPort(addr)
		a, err := netip.ParseAddr(host)
		return host != "localhost" && (err != nil || !a.IsLoopback())
	})
}
