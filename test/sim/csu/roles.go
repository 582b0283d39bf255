package csu

import (
	"net/http"
	"slices"
	"strings"
)

// Role is what a token lets its bearer do. Roles are checked per operation.
type Role string

// The roles: the first three are of registered clients.
const (
	RoleApplication Role = "Application"
	RoleEmployee    Role = "Employee"
	RoleCustomer    Role = "Customer"
	RoleAnonymous   Role = "Anonymous" // of who presents no token, with Options.Anonymous
)

// unknownOperation counts what matches no operation, under one name however many paths are tried.
const unknownOperation = "Unknown"

type operation struct {
	name     string
	commerce bool   // under /Commerce: wants a token, and faults for "any operation" apply
	channel  bool   // wants the OUN header
	write    bool   // goes on when its client has gone
	roles    []Role // nil: anyone
	lab      []Role // besides, with Options.LabRoles
	serve    func(*call) (reply, *apiError)
}

// Operations lists the names that a fault may be limited to.
func Operations() []string {
	var names []string
	for _, op := range table {
		if !slices.Contains(names, op.name) {
			names = append(names, op.name)
		}
	}
	slices.Sort(names)
	return names
}

// route finds the operation and the entity key of a request; a miss is the status to refuse with.
func route(r *http.Request) (op operation, key string, args map[string]string, miss int) {
	resource, key, args, ok := resourceOf(r.URL.EscapedPath())
	if ok {
		if op, ok = table[r.Method+" "+resource]; ok {
			return op, key, args, 0
		}
		for route := range table {
			if _, known, _ := strings.Cut(route, " "); known == resource {
				return operation{name: unknownOperation}, "", nil, http.StatusMethodNotAllowed
			}
		}
	}
	return operation{name: unknownOperation}, "", nil, http.StatusNotFound
}

// admit decides whether the caller may use the operation, in the order of the real service: token, role,
// version, channel.
func (c *call) admit() *apiError {
	if _, refuse := c.fault(Unauthorized); refuse {
		return unauthenticated(idAuthenticationFailed, "authentication failed")
	}
	role, err := c.authenticate()
	if err != nil {
		return err
	}
	permitted := slices.Contains(c.op.roles, role) || slices.Contains(c.op.lab, role) && c.sim.options().LabRoles
	if _, refuse := c.fault(Forbid); refuse || !permitted {
		return &apiError{http.StatusForbidden, typeAuthorization, idAuthorizationFailed, "the caller may not use this operation", nil}
	}
	if v, given := c.r.URL.Query()["api-version"]; given && !slices.Contains([]string{"7.1", "7.2", "7.3"}, v[0]) {
		return badRequest(idAPIVersion, "the api-version is not supported")
	}
	return c.chooseChannel()
}

// chooseChannel reads the OUN header: a wrong one is always refused, an absent one only where it is needed.
func (c *call) chooseChannel() *apiError {
	if c.oun == "" && !c.op.channel {
		return nil
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	for _, ch := range c.sim.opts.Channels {
		if ch.OUN == c.oun {
			c.channel = ch
			return nil
		}
	}
	return invalid(idInvalidChannel, "the operating unit number is not known")
}
