package csu

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Pages of a collection; no document gives the numbers (inferred from the $top of samples).
const (
	defaultTop = 250
	maxTop     = 1000
)

var (
	keyed    = regexp.MustCompile(`^([A-Za-z]+)\('((?:[^']|'')*)'\)$`)
	function = regexp.MustCompile(`^([A-Za-z]+)\(([A-Za-z]+=.*)\)$`)
	argument = regexp.MustCompile(`^([A-Za-z]+)=('(?:[^']|'')*'|[^',]*)(?:,|$)`)
)

// resourceOf turns an escaped path into the resource of the operation table and the entity key. Segments are split
// before they are unescaped, so a key may hold %2F; a raw slash inside the quotes belongs to the key as well.
//
// A function's parameters, name=value with text in quotes, are its args; the resource has (args) in their place.
func resourceOf(escaped string) (resource, key string, args map[string]string, ok bool) {
	if escaped == "/HealthCheck" {
		return "HealthCheck", "", nil, true
	}
	rest, commerce := strings.CutPrefix(escaped, "/Commerce/")
	if !commerce {
		resource, key, ok = tokenResource(escaped)
		return resource, key, nil, ok
	}
	var parts []string
	for _, segment := range splitSegments(rest) {
		plain, err := url.PathUnescape(segment)
		if err != nil {
			return "", "", nil, false
		}
		if m := keyed.FindStringSubmatch(plain); m != nil {
			key = strings.ReplaceAll(m[2], "''", "'")
			plain = m[1] + "(key)"
		} else if m := function.FindStringSubmatch(plain); m != nil {
			if args, ok = argumentsOf(m[2]); !ok {
				return "", "", nil, false
			}
			plain = m[1] + "(args)"
		}
		parts = append(parts, plain)
	}
	return strings.Join(parts, "/"), key, args, true
}

// argumentsOf reads name=value,name='text'.
func argumentsOf(list string) (map[string]string, bool) {
	args := map[string]string{}
	for list != "" {
		m := argument.FindStringSubmatch(list)
		if m == nil {
			return nil, false
		}
		value := m[2]
		if text, quoted := strings.CutPrefix(value, "'"); quoted {
			value = strings.ReplaceAll(strings.TrimSuffix(text, "'"), "''", "'")
		}
		args[m[1]], list = value, list[len(m[0]):]
	}
	return args, true
}

func tokenResource(path string) (string, string, bool) {
	tenant, endpoint, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch endpoint {
	case "oauth2/token":
		return "token/v1", tenant, tenant != ""
	case "oauth2/v2.0/token":
		return "token/v2", tenant, tenant != ""
	}
	return "", "", false
}

// splitSegments splits at slashes that are not between quotes, raw or percent-encoded.
func splitSegments(escaped string) []string {
	var out []string
	start, quoted := 0, false
	for i := 0; i < len(escaped); i++ {
		switch {
		case escaped[i] == '\'', strings.HasPrefix(escaped[i:], "%27"):
			quoted = !quoted
		case escaped[i] == '/' && !quoted:
			out = append(out, escaped[start:i])
			start = i + 1
		}
	}
	return append(out, escaped[start:])
}

// quoteKey is the reverse: an entity key as it stands in a path.
func quoteKey(key string) string {
	return url.PathEscape("'" + strings.ReplaceAll(key, "'", "''") + "'")
}

// paging reads $top and $skip; a top over the maximum is cut, as a server's page limit does.
func paging(q url.Values) (top, skip int, err *apiError) {
	number := func(name string, otherwise int) int {
		text := q.Get(name)
		if text == "" || err != nil {
			return otherwise
		}
		n, bad := strconv.Atoi(text)
		if bad != nil || n < 0 {
			err = badRequest(idBadRequest, name+" is not a non-negative integer")
		}
		return n
	}
	top, skip = min(number("$top", defaultTop), maxTop), number("$skip", 0)
	return top, skip, err
}

// pageOf answers with the page of rows that $top and $skip ask for; $count adds how many there are.
func pageOf[T any](c *call, of string, rows []T) (reply, *apiError) {
	query := c.r.URL.Query()
	top, skip, err := paging(query)
	if err != nil {
		return reply{}, err
	}
	body := map[string]any{
		"@odata.context": c.origin() + "$metadata#Collection(Microsoft.Dynamics.Commerce.Runtime.DataModel." + of + ")",
		"value":          append([]T{}, rows[min(skip, len(rows)):min(skip+top, len(rows))]...), // never null
	}
	if query.Get("$count") == "true" {
		body["@odata.count"] = len(rows)
	}
	return reply{status: http.StatusOK, body: body}, nil
}

// wantsRepresentation says whether a PATCH is to answer with the entity.
func wantsRepresentation(r *http.Request) bool {
	for _, value := range r.Header.Values("Prefer") {
		for p := range strings.SplitSeq(value, ",") {
			if strings.EqualFold(strings.ReplaceAll(strings.TrimSpace(p), `"`, ""), "return=representation") {
				return true
			}
		}
	}
	return false
}

// object decodes the body, which must be one JSON object sent as JSON. Numbers stay as they came: a record id does
// not survive a float64.
func (c *call) object() (map[string]any, *apiError) {
	if media, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return nil, &apiError{http.StatusUnsupportedMediaType, typeBadRequest, idBadRequest, "the content type is not application/json", nil}
	}
	d := json.NewDecoder(bytes.NewReader(c.body))
	d.UseNumber()
	var body map[string]any
	if err := d.Decode(&body); err != nil || d.More() || body == nil {
		return nil, badRequest(idBadRequest, "the request body is not one JSON object")
	}
	return body, nil
}

// strictMembers holds an object of an action's parameters to what the metadata declares: names are case-sensitive, and
// unlike a member of an entity an unknown one is refused. Annotations (@odata.type) are let through.
func strictMembers(where string, object map[string]any, known ...string) *apiError {
	for name := range object {
		if strings.Contains(name, "@") {
			continue
		}
		if !slices.Contains(known, name) {
			return badRequest(idBadRequest, fmt.Sprintf("%s has an unknown member", where))
		}
	}
	return nil
}

// marshal is json.Marshal that leaves <, > and & readable, as the real service does.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
