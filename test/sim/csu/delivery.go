package csu

import (
	"encoding/json"
	"maps"
	"slices"
	"time"
)

// The values of DeliveryPreferenceType.
const (
	deliverToAddress     = 1
	deliverAtStore       = 2
	deliverByMail        = 3
	deliverPerLine       = 4
	filterNonCarrier     = 1 // FilterDeliveryModeOption: no pickup and no electronic mode
	filterNonPickup      = 4 // pickup modes only
	deliveryModeStandard = "99"
	deliveryModePickup   = "60"
)

// DeliveryMode is a way in which a line gets to its customer.
type DeliveryMode struct {
	Code, Description string
	Charge            json.Number // of an order by this mode, as a shipping charge; empty: none
	Pickup            bool        // in a store
	Electronic        bool        // by e-mail
	Countries         []string    // ISO 3166-1 alpha-3, where it delivers; empty: everywhere
}

// DefaultDeliveryModes are those of a simulator that was told none; the first costs nothing.
func DefaultDeliveryModes() []DeliveryMode {
	return []DeliveryMode{
		{Code: deliveryModeStandard, Description: "Standard"}, {Code: "11", Description: "Express", Charge: "14.90"},
		{Code: deliveryModePickup, Description: "Customer pickup", Pickup: true}, {Code: "90", Description: "Electronic", Electronic: true},
	}
}

func (d DeliveryMode) goesTo(country string) bool {
	return country == "" || len(d.Countries) == 0 || slices.Contains(d.Countries, country)
}

func (d DeliveryMode) preference() int64 {
	switch {
	case d.Pickup:
		return deliverAtStore
	case d.Electronic:
		return deliverByMail
	}
	return deliverToAddress
}

// deliveryMode finds a mode for whoever holds the lock.
func (c *call) deliveryMode(code string) (DeliveryMode, bool) {
	at := slices.IndexFunc(c.sim.opts.DeliveryModes, func(d DeliveryMode) bool { return d.Code == code })
	if at < 0 {
		return DeliveryMode{}, false
	}
	return c.sim.opts.DeliveryModes[at], true
}

// updateLineDelivery answers Carts('id')/UpdateLineDeliverySpecifications: all lines or none.
func (c *call) updateLineDelivery() (reply, *apiError) {
	body, err := c.parameters("lineDeliverySpecifications")
	if err != nil {
		return reply{}, err
	}
	wanted, err := objects(body, "lineDeliverySpecifications", declare(map[memberType]string{text: "LineId", complexType: "DeliverySpecification"}))
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError {
		for _, w := range wanted {
			l := k.line(str(w, "LineId"))
			if l == nil {
				return cartError(idObjectNotFound, "there is no such line")
			}
			spec, err := c.specification(w["DeliverySpecification"], false)
			if err != nil {
				return err
			}
			c.deliver(l, spec)
		}
		return nil
	})
}

// updateDelivery answers Carts('id')/UpdateDeliverySpecification: the header's, and with it every line's (inferred), unless it says
// that each line has its own.
func (c *call) updateDelivery() (reply, *apiError) {
	body, err := c.parameters("deliverySpecification")
	if err != nil {
		return reply{}, err
	}
	return c.changeCart(nil, func(k *cart) *apiError {
		spec, err := c.specification(body["deliverySpecification"], true)
		if err != nil || num(spec, "DeliveryPreferenceTypeValue") == deliverPerLine {
			return err
		}
		for _, l := range k.lines() {
			c.deliver(l, spec)
		}
		k.members["DeliveryMode"], k.members["ShippingAddress"] = spec["DeliveryModeId"], spec["DeliveryAddress"]
		k.members["RequestedDeliveryDate"] = spec["RequestedDeliveryDate"]
		return nil
	})
}

// specification reads a DeliverySpecification and refuses one that cannot be delivered; the caller holds the lock.
func (c *call) specification(sent any, header bool) (map[string]any, *apiError) {
	object, ok := sent.(map[string]any)
	if !ok {
		return nil, badRequest(idMissingArgument, "the delivery specification is missing")
	}
	spec, err := deliveryMembers.take("DeliverySpecification", object)
	if err != nil {
		return nil, err
	}
	if a, given := spec["DeliveryAddress"].(map[string]any); given {
		if spec["DeliveryAddress"], err = addressMembers.take("Address", a); err != nil {
			return nil, err
		}
	}
	preference := num(spec, "DeliveryPreferenceTypeValue")
	if preference == deliverPerLine && header {
		return spec, nil
	}
	if preference < deliverToAddress || preference > deliverByMail {
		return nil, cartError(idDeliveryPreference, "the delivery preference is not known")
	}
	mode, known := c.deliveryMode(str(spec, "DeliveryModeId"))
	if !known || mode.preference() != preference {
		if preference == deliverAtStore && !slices.ContainsFunc(c.sim.opts.DeliveryModes, func(d DeliveryMode) bool { return d.Pickup }) {
			return nil, cartError(idNoPickup, "there is no delivery mode for pickup")
		}
		return nil, cartError(idDeliveryMode, "the delivery mode is not known or not of this preference")
	}
	if at, err := time.Parse(time.RFC3339, str(spec, "RequestedDeliveryDate")); err == nil && at.Year() > 1900 && at.Before(time.Now().Add(-24*time.Hour)) {
		return nil, cartError(idShippingDate, "the wished date is over")
	}
	switch preference {
	case deliverAtStore:
		return spec, c.refusePickup(spec)
	case deliverByMail:
		if !mailAddress(str(spec, "ElectronicDeliveryEmailAddress")) {
			return nil, cartError(idInvalidEmail, "the e-mail address is missing or not valid")
		}
		return spec, nil
	}
	return spec, c.refuseShipping(spec, mode)
}

// refuseShipping holds an address against what the scale unit knows of places, and against where the mode goes.
func (c *call) refuseShipping(spec map[string]any, mode DeliveryMode) *apiError {
	if from := str(spec, "ShipFromStoreId"); from != "" {
		if s, known := c.store(from); !known || !s.Ships {
			return cartError(idStoreNumber, "there is no such store that ships")
		}
	}
	a, _ := spec["DeliveryAddress"].(map[string]any)
	return c.refuseAddress(a, mode)
}

func (c *call) refuseAddress(a map[string]any, mode DeliveryMode) *apiError {
	if len(a) == 0 || empty(a) {
		return cartError(idShippingAddress, "the delivery address is missing")
	}
	v := &validation{limits: c.sim.opts.Limits, tables: c.sim.opts.places}
	v.addresses([]map[string]any{a})
	if len(v.results) > 0 {
		return cartError(idShippingAddress, "the delivery address is not valid", v.results...)
	}
	if !mode.goesTo(str(a, "ThreeLetterISORegionName")) {
		return cartError(idNoDelivery, "the delivery mode does not go there")
	}
	return nil
}

// deliver puts a specification into a line: its warehouse follows from the store.
func (c *call) deliver(l, spec map[string]any) {
	l["DeliveryMode"], l["ShippingAddress"] = spec["DeliveryModeId"], spec["DeliveryAddress"]
	l["RequestedDeliveryDate"] = spec["RequestedDeliveryDate"]
	l["ElectronicDeliveryEmail"], l["ElectronicDeliveryEmailContent"] = spec["ElectronicDeliveryEmailAddress"], spec["ElectronicDeliveryEmailContent"]
	l["PickupTimeslotStartDateTime"], l["PickupTimeslotEndDateTime"] = spec["PickupTimeslotStartDateTime"], spec["PickupTimeslotEndDateTime"]
	l["FulfillmentStoreId"], l["WarehouseId"] = "", c.warehouse()
	number := str(spec, "ShipFromStoreId")
	if num(spec, "DeliveryPreferenceTypeValue") == deliverAtStore {
		number = str(spec, "PickUpStoreId")
	}
	if s, known := c.store(number); known {
		l["FulfillmentStoreId"], l["WarehouseId"] = s.Number, s.Warehouse
	}
	if own := str(spec, "ShipFromWarehouseId"); own != "" {
		l["WarehouseId"] = own
	}
}

// deliveryPreferences answers Carts('id')/GetDeliveryPreferences.
func (c *call) deliveryPreferences() (reply, *apiError) {
	if _, err := c.parameters(); err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	k, err := c.sim.cartOf(c.key)
	if err != nil {
		return reply{}, err
	}
	kinds := map[int64]bool{}
	for _, d := range c.sim.opts.DeliveryModes {
		kinds[d.preference()] = true
	}
	all := slices.Sorted(maps.Keys(kinds))
	lines := []map[string]any{}
	for _, l := range k.lines() {
		lines = append(lines, map[string]any{"LineId": l["LineId"], "DeliveryPreferenceTypeValues": all})
	}
	return reply{status: 200, body: map[string]any{
		"@odata.context":                     c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.CartDeliveryPreferences",
		"HeaderDeliveryPreferenceTypeValues": append(slices.Clone(all), deliverPerLine),
		"CartLineDeliveryPreferences":        lines,
	}}, nil
}

type optionRow struct {
	Code                string           `json:"Code"`
	Description         string           `json:"Description"`
	ChargeGroup         string           `json:"ChargeGroup"`
	RecordID            int64            `json:"RecordId"`
	TotalChargeAmount   json.Number      `json:"TotalChargeAmount"`
	ShippingCharge      json.Number      `json:"ShippingChargeAmount"`
	DeliveryChargeLines []map[string]any `json:"DeliveryChargeLines"`
}

// options are the modes that go to a country, as a filter wants them.
func (c *call) optionsFor(country string, filter int64) []optionRow {
	rows := []optionRow{}
	for i, d := range c.sim.opts.DeliveryModes {
		if !d.goesTo(country) || filter == filterNonCarrier && d.preference() != deliverToAddress || filter == filterNonPickup && !d.Pickup {
			continue
		}
		charge, _ := toDecimal(d.Charge)
		row := optionRow{Code: d.Code, Description: d.Description, RecordID: firstRecordID - 500 + int64(i), TotalChargeAmount: money(charge), ShippingCharge: money(charge), DeliveryChargeLines: []map[string]any{}}
		if !charge.IsZero() {
			row.DeliveryChargeLines = append(row.DeliveryChargeLines, map[string]any{"ChargeCode": freight, "CurrencyCode": c.channel.withDefaults().Currency,
				"CalculatedAmount": money(charge), "Description": "Freight", "IsRefundable": true, "IsShipping": true})
		}
		rows = append(rows, row)
	}
	return rows
}

// cartDeliveryOptions answers Carts('id')/GetDeliveryOptions.
func (c *call) cartDeliveryOptions() (reply, *apiError) {
	body, err := c.parameters("shippingAddress", "cartLineIds", "filterOption", "ignoreLinesWithDeliveryMode")
	if err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	rows, err := c.optionsOf(body["shippingAddress"], num(body, "filterOption"))
	c.sim.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	return pageOf(c, "DeliveryOption", rows)
}

// optionsOf are the modes for a line of the call's cart that goes to an address; none at all is a refusal.
func (c *call) optionsOf(sent any, filter int64) ([]optionRow, *apiError) {
	if _, err := c.sim.cartOf(c.key); err != nil {
		return nil, err
	}
	address, _ := sent.(map[string]any)
	if len(address) > 0 {
		if err := c.refuseAddress(address, DeliveryMode{}); err != nil {
			return nil, err
		}
	}
	rows := c.optionsFor(str(address, "ThreeLetterISORegionName"), filter)
	if len(rows) == 0 {
		return nil, cartError(idNoDelivery, "no delivery mode goes there")
	}
	return rows, nil
}

// lineDeliveryOptions answers Carts('id')/GetLineDeliveryOptions.
func (c *call) lineDeliveryOptions() (reply, *apiError) {
	body, err := c.parameters("lineShippingAddresses", "filterOption")
	if err != nil {
		return reply{}, err
	}
	wanted, err := objects(body, "lineShippingAddresses", declare(map[memberType]string{text: "LineId", complexType: "ShippingAddress"}))
	if err != nil {
		return reply{}, err
	}
	c.sim.mu.Lock()
	rows := []map[string]any{}
	for _, w := range wanted {
		var options []optionRow
		if options, err = c.optionsOf(w["ShippingAddress"], num(body, "filterOption")); err != nil {
			break
		}
		rows = append(rows, map[string]any{"SalesLineId": str(w, "LineId"), "DeliveryOptions": options})
	}
	c.sim.mu.Unlock()
	if err != nil {
		return reply{}, err
	}
	return pageOf(c, "SalesLineDeliveryOption", rows)
}

// channelDeliveryOptions answers the unbound GetDeliveryOptions(): every mode of the channel.
func (c *call) channelDeliveryOptions() (reply, *apiError) {
	c.sim.mu.Lock()
	rows := c.optionsFor("", 0)
	c.sim.mu.Unlock()
	return pageOf(c, "DeliveryOption", rows)
}
