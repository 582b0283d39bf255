package csu

import (
	"net/http"
	"slices"
	"strings"
)

// Role is what a token lets its bearer do. Roles are checked per operation.
type Role string

// The roles that a registered client may have.
const (
	RoleApplication Role = "Application"
	RoleEmployee    Role = "Employee"
	RoleCustomer    Role = "Customer"
)

// Names of operations, as faults, ledger and statistics use them.
const (
	OpToken            = "Token"
	OpHealthCheck      = "HealthCheck"
	OpEnvironment      = "GetEnvironmentConfiguration"
	OpCreateCustomer   = "CreateCustomer"
	OpGetCustomer      = "GetCustomer"
	OpUpdateCustomer   = "UpdateCustomer"
	OpSearchByFields   = "SearchByFields"
	OpByNumbers        = "GetByAccountNumbers"
	OpCountries        = "GetCountryRegionsByLanguageId"
	OpStates           = "GetStateProvinces"
	OpZipCode          = "GetAddressFromZipCode"
	OpGroups           = "GetCustomerGroups"
	OpPurposes         = "GetAddressPurposes"
	OpOrgUnit          = "GetOrgUnitConfiguration"
	OpUploadOrder      = "UploadSalesOrder"
	OpOrderByReference = "GetOrderByChannelReferenceLookupCriteria"
	OpProductsByIDs    = "GetByIds"
)

// unknownOperation counts what matches no operation, under one name however many paths are tried.
const unknownOperation = "Unknown"

type operation struct {
	name     string
	commerce bool   // under /Commerce: wants a token, and faults for "any operation" apply
	channel  bool   // wants the OUN header
	write    bool   // goes on when its client has gone
	roles    []Role // nil: anyone
	serve    func(*call) (reply, *apiError)
}

// operations is the table of what is served: method and resource, with the roles of the public API list.
func operations() map[string]operation {
	lookUp := func(name string, serve func(*call) (reply, *apiError)) operation {
		return operation{name: name, commerce: true, channel: true, serve: serve, roles: []Role{RoleEmployee, RoleCustomer, RoleApplication}}
	}
	return map[string]operation{
		"POST token/v1":   {name: OpToken, serve: (*call).tokenV1},
		"POST token/v2":   {name: OpToken, serve: (*call).tokenV2},
		"GET HealthCheck": {name: OpHealthCheck, serve: (*call).health},
		"GET GetEnvironmentConfiguration()": {name: OpEnvironment, commerce: true, serve: (*call).environment,
			roles: []Role{RoleEmployee, RoleApplication}},
		"POST Customers": {name: OpCreateCustomer, commerce: true, channel: true, write: true, serve: (*call).createCustomer,
			roles: []Role{RoleEmployee, RoleApplication}},
		// No document lists roles for the read by key; Microsoft's samples use an application token.
		"GET Customers(key)": {name: OpGetCustomer, commerce: true, channel: true, serve: (*call).getCustomer,
			roles: []Role{RoleEmployee, RoleCustomer, RoleApplication}},
		"PATCH Customers(key)": {name: OpUpdateCustomer, commerce: true, channel: true, write: true, serve: (*call).updateCustomer,
			roles: []Role{RoleEmployee, RoleCustomer, RoleApplication}},
		"POST Customers/SearchByFields": {name: OpSearchByFields, commerce: true, channel: true, serve: (*call).searchByFields,
			roles: []Role{RoleEmployee, RoleCustomer, RoleApplication}},
		"POST SalesOrders": {name: OpUploadOrder, commerce: true, channel: true, write: true, serve: (*call).uploadOrder,
			roles: []Role{RoleEmployee, RoleApplication}},
		"POST SalesOrders/GetOrderByChannelReferenceLookupCriteria": lookUp(OpOrderByReference, (*call).orderByReference),
		"POST Products/GetByIds":                                    lookUp(OpProductsByIDs, (*call).productsByIDs),
		"POST Customers/GetByAccountNumbers":                        lookUp(OpByNumbers, (*call).accountsByNumber),
		"POST GetCountryRegionsByLanguageId":                        lookUp(OpCountries, (*call).countryRegions),
		"POST GetStateProvinces":                                    lookUp(OpStates, (*call).stateProvinces),
		"POST GetAddressFromZipCode":                                lookUp(OpZipCode, (*call).addressFromZipCode),
		"GET GetCustomerGroups()":                                   lookUp(OpGroups, (*call).customerGroups),
		"GET GetAddressPurposes()":                                  lookUp(OpPurposes, (*call).addressPurposes),
		"POST OrgUnits/GetOrgUnitConfiguration":                     lookUp(OpOrgUnit, (*call).channelConfiguration),
	}
}

var table = operations()

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
func route(r *http.Request) (op operation, key string, miss int) {
	resource, key, ok := resourceOf(r.URL.EscapedPath())
	if ok {
		if op, ok = table[r.Method+" "+resource]; ok {
			return op, key, 0
		}
		for route := range table {
			if _, known, _ := strings.Cut(route, " "); known == resource {
				return operation{name: unknownOperation}, "", http.StatusMethodNotAllowed
			}
		}
	}
	return operation{name: unknownOperation}, "", http.StatusNotFound
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
	if _, refuse := c.fault(Forbid); refuse || !slices.Contains(c.op.roles, role) {
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
