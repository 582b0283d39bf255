package csuclient

import (
	"context"
	"fmt"
	"net/http"

	"github.com/signalbox/signalbox/orchestration/fault"
)

const tablePage = 1000 // rows asked for at once; a scale unit may give fewer

// Country is a country or region as headquarters knows it.
type Country struct {
	ID   string `json:"CountryRegionId"` // what an address names: ISO 3166-1 alpha-3, unless headquarters was filled otherwise
	Name string `json:"ShortName"`
	ISO  string `json:"ISOCode"` // two letters
}

// State is a state or province of a country.
type State struct {
	ID   string `json:"StateId"` // what an address names
	Name string `json:"StateName"`
}

// Countries lists the countries that the CSU knows in a language, such as en-us. None: it has no such table, or does not show
// it to our role. Lists are kept for an hour, for all channels; a fresh one was read within the last minute.
func (ch *Channel) Countries(ctx context.Context, language string, fresh bool) ([]Country, error) {
	return ch.client.countries.get(ctx, opCountries, language, fresh, func(ctx context.Context) ([]Country, error) {
		return pages(func(skip int) ([]Country, error) {
			return list[Country](ctx, ch, call{op: opCountries, method: http.MethodPost, path: "GetCountryRegionsByLanguageId", query: page(skip),
				body: map[string]string{"languageId": language}})
		})
	})
}

// States lists the states of a country, by the id that Countries gives it. None: the CSU has no table of them, and takes what it
// is given. Lists are kept as those of Countries.
func (ch *Channel) States(ctx context.Context, country string, fresh bool) ([]State, error) {
	return ch.client.states.get(ctx, opStates, country, fresh, func(ctx context.Context) ([]State, error) {
		return pages(func(skip int) ([]State, error) {
			return list[State](ctx, ch, call{op: opStates, method: http.MethodPost, path: "GetStateProvinces", query: page(skip),
				body: map[string]string{"countryRegionId": country}})
		})
	})
}

// CustomerGroup is a group that customers may be in.
type CustomerGroup struct {
	Number string `json:"CustomerGroupNumber"`
	Name   string `json:"CustomerGroupName"`
}

// ReadCustomerGroups lists the customer groups of the channel's legal entity.
func (ch *Channel) ReadCustomerGroups(ctx context.Context) ([]CustomerGroup, error) {
	return pages(func(skip int) ([]CustomerGroup, error) {
		return list[CustomerGroup](ctx, ch, call{op: opGroups, method: http.MethodGet, path: "GetCustomerGroups()", query: page(skip)})
	})
}

// AddressPurpose is a purpose that addresses may have.
type AddressPurpose struct {
	RecordID int64  `json:"RecordId"`
	Type     int    `json:"AddressType"` // as in Address
	Name     string `json:"Name"`
}

// ReadAddressPurposes lists the purposes.
func (ch *Channel) ReadAddressPurposes(ctx context.Context) ([]AddressPurpose, error) {
	return pages(func(skip int) ([]AddressPurpose, error) {
		return list[AddressPurpose](ctx, ch, call{op: opPurposes, method: http.MethodGet, path: "GetAddressPurposes()", query: page(skip)})
	})
}

// OrgUnit is how headquarters has set up the channel of an operating unit.
type OrgUnit struct {
	ChannelID   int64  `json:"RecordId"`
	LegalEntity string `json:"InventLocationDataAreaId"`
	Currency    string `json:"Currency"` // ISO 4217
	Language    string `json:"DefaultLanguageId"`
	Country     string `json:"CountryRegionId"`
	PickupMode  string `json:"PickupDeliveryModeCode"` // of delivery: how orders are picked up in stores
}

// ReadOrgUnit reads the set-up of the channel itself.
func (ch *Channel) ReadOrgUnit(ctx context.Context) (OrgUnit, error) {
	var got OrgUnit
	err := ch.client.do(ctx, call{
		op: opOrgUnit, method: http.MethodPost, path: "OrgUnits/GetOrgUnitConfiguration", oun: ch.oun, body: struct{}{},
		read: func(a *answer) *fault.Error { return a.decode(opOrgUnit, &got) },
	})
	return whole(got, err)
}

// OrgUnit is ReadOrgUnit, kept for an hour.
func (ch *Channel) OrgUnit(ctx context.Context) (OrgUnit, error) {
	rows, err := ch.client.orgUnits.get(ctx, opOrgUnit, ch.oun, false, func(ctx context.Context) ([]OrgUnit, error) {
		unit, err := ch.ReadOrgUnit(ctx)
		return []OrgUnit{unit}, err
	})
	if err != nil {
		return OrgUnit{}, err
	}
	if len(rows) == 0 { // refused, for good
		return OrgUnit{}, opOrgUnit.fault(fault.Permanent, classInvalid, "the CSU does not show the set-up of its channel to our role")
	}
	return rows[0], nil
}

func page(skip int) string {
	if skip == 0 {
		return fmt.Sprintf("&$top=%d", tablePage)
	}
	return fmt.Sprintf("&$top=%d&$skip=%d", tablePage, skip)
}
