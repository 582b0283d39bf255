package csu

import (
	"net/http"

	"github.com/google/uuid"
)

// acceptPoint answers Carts('id')/GetCardPaymentAcceptPoint: where a shopper's card is entered. The page itself is not served: any
// access code but an empty one stands for a card that was entered there.
func (c *call) acceptPoint() (reply, *apiError) {
	if _, err := c.parameters("cardPaymentAcceptSettings", "extensionProperties"); err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	if _, err := c.sim.cartOf(c.key); err != nil {
		return reply{}, err
	}
	if len(c.sim.opts.Connectors) == 0 {
		return reply{}, paymentError(idNoConnector, "no payment connector is set up for the channel")
	}
	page := c.origin() + "CardPage?code=" + uuid.NewString()
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.CardPaymentAcceptPoint",
		"AcceptPageUrl":  page, "AcceptPageSubmitUrl": page, "MessageOrigin": c.origin(), "AcceptPageContent": "", "PaymentConnectorId": c.sim.opts.Connectors[0].ID,
	}}, nil
}

// acceptResult answers Carts/RetrieveCardPaymentAcceptResult: the token of the card that was entered.
func (c *call) acceptResult() (reply, *apiError) {
	body, err := c.parameters("resultAccessCode", "extensionProperties", "cartId", "settings")
	if err != nil {
		return reply{}, err
	}
	code, connectors := str(body, "resultAccessCode"), c.sim.options().Connectors
	if code == "" || len(connectors) == 0 {
		return reply{}, paymentError(idAcceptResult, "there is no result of that access code")
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.CardPaymentAcceptResult",
		"AccessCode":     code, "TenderLine": nil, "PaymentSdkErrors": []any{},
		"TokenizedPaymentCard": map[string]any{"CardTypeId": cardTypes[0], "CardTokenInfo": map[string]any{
			"CardToken": "<token " + code + ">", "UniqueCardId": code, "ServiceAccountId": connectors[0].ServiceAccount, "MaskedCardNumber": "************1111"}},
	}}, nil
}
