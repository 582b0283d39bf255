package inventoryvisibility

import "context"

// The operations of Authorize, by which its errors say who gave no token.
const (
	OperationEntra    = "Entra.Token"
	OperationSecurity = "SecurityService.Token"
)

// Authorize sees that there is a token, and asks for one if there is none; it asks the service nothing. Its error says by its Operation who gave
// none. Safe for concurrent use.
func (c *Client) Authorize(ctx context.Context) error {
	if _, f := c.tokens.get(ctx, ""); f != nil {
		return f
	}
	return nil
}
