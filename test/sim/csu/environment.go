package csu

import "net/http"

// noTenant is the tenant id of a simulator that answers for any tenant.
const noTenant = "00000000-0000-0000-0000-000000000000"

// health answers the probe at the host root, which wants no token. The text of the real answer is not documented.
func (c *call) health() (reply, *apiError) {
	return reply{status: http.StatusOK, html: "<html><body>success</body></html>\n"}, nil
}

// environment answers GetEnvironmentConfiguration: the cheapest call that proves a token.
func (c *call) environment() (reply, *apiError) {
	c.sim.mu.Lock()
	tenant := c.sim.opts.Tenant
	c.sim.mu.Unlock()
	if tenant == "" {
		tenant = noTenant
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context":  c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.EnvironmentConfiguration",
		"EnvironmentId":   "csu-simulator",
		"EnvironmentName": "CSU simulator",
		"TenantId":        tenant,
		"BaseVersion":     "9.23",
	}}, nil
}
