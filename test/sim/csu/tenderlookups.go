package csu

import (
	"net/http"
	"time"
)

type tenderTypeRow struct {
	TenderTypeID string `json:"TenderTypeId"`
	Name         string `json:"Name"`
	Function     int    `json:"Function"`
	OperationID  int    `json:"OperationId"`
	ConnectorID  string `json:"ConnectorId"`
}

// tenderTypes answers GetTenderTypes().
func (c *call) tenderTypes() (reply, *apiError) {
	o, rows := c.sim.options(), []tenderTypeRow{}
	for _, t := range o.TenderTypes {
		row := tenderTypeRow{TenderTypeID: t.ID, Name: t.Name, OperationID: t.Operation}
		if t.Operation == PayCard && len(o.Connectors) > 0 {
			row.Function, row.ConnectorID = 1, o.Connectors[0].ID
		}
		rows = append(rows, row)
	}
	return pageOf(c, "TenderType", rows)
}

// cardTypesTaken answers GetCardTypes, of the tender type that pays by card.
func (c *call) cardTypesTaken() (reply, *apiError) {
	if _, err := c.parameters(); err != nil {
		return reply{}, err
	}
	rows := []map[string]any{}
	for _, t := range c.sim.options().TenderTypes {
		for _, name := range cardTypes {
			if t.Operation == PayCard {
				rows = append(rows, map[string]any{"TypeId": name, "Name": name, "PaymentMethodId": t.ID, "CardTypeValue": 0})
			}
		}
	}
	return pageOf(c, "CardTypeInfo", rows)
}

// giftCard answers GetGiftCard, which asks headquarters.
func (c *call) giftCard() (reply, *apiError) {
	body, err := c.parameters("giftCardId", "tenderTypeId", "pin", "expirationMonth", "expirationYear")
	if err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	if c.headquartersAway() {
		return reply{}, headquartersUnreachable()
	}
	g, balance, known := c.cardOfGift(str(body, "giftCardId"))
	if !known || g.Pin != "" && g.Pin != str(body, "pin") {
		return reply{}, paymentError(idObjectNotFound, "the gift card is not known, or its pin is wrong")
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context": c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.GiftCard", "Id": g.ID, "Balance": money(balance),
		"BalanceCurrencyCode": g.Currency, "BalanceInCardCurrency": money(balance), "CardCurrencyCode": g.Currency, "GiftCardActiveFrom": time.Time{},
	}}, nil
}

// returnPolicy answers GetReturnPolicy().
func (c *call) returnPolicy() (reply, *apiError) {
	rows := []map[string]any{}
	for _, t := range c.sim.options().TenderTypes {
		if len(t.Refunds) > 0 {
			rows = append(rows, map[string]any{"OriginalTenderType": t.ID, "AllowedReturnTenderTypes": t.Refunds})
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{"RecordId": 1, "TenderTypePolicies": rows, "IsManagerOverrideEnabled": false}}, nil
}

// merchantInformation answers GetPaymentMerchantInformation, which is for devices.
func (c *call) merchantInformation() (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	merchants := c.merchants()
	if len(merchants) == 0 {
		return reply{}, paymentError(idNoConnector, "no payment connector is set up for the channel")
	}
	return reply{status: http.StatusOK, body: merchants[0]}, nil
}
