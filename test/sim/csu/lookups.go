package csu

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// CustomerGroup is a group that a customer may be in.
type CustomerGroup struct {
	Number string `json:"CustomerGroupNumber"`
	Name   string `json:"CustomerGroupName"`
}

// DefaultCustomerGroups are the groups of a simulator that was told none.
func DefaultCustomerGroups() []CustomerGroup {
	return []CustomerGroup{{"10", "Wholesale customers"}, {"20", "Major customers"}, {"3", "Retail customers"}, {"30", "Web customers"}}
}

// Components of an address format. The numbers are inferred: no document lists them.
const (
	componentStreet  = 0
	componentZipCode = 1
	componentCity    = 2
	componentState   = 4
	componentCountry = 5
)

type countryRow struct {
	CountryRegionID    string       `json:"CountryRegionId"`
	ShortName          string       `json:"ShortName"`
	LongName           string       `json:"LongName"`
	ISOCode            string       `json:"ISOCode"` // two letters
	LanguageID         string       `json:"LanguageId"`
	AddressFormatID    string       `json:"AddressFormatId"`
	AddressFormatLines []formatLine `json:"AddressFormatLines"`
}

type formatLine struct {
	CountryRegionID           string `json:"CountryRegionId"`
	AddressComponentNameValue int    `json:"AddressComponentNameValue"`
	LineNumber                int    `json:"LineNumber"`
	NewLine                   bool   `json:"NewLine"`
	Inactive                  bool   `json:"Inactive"`
}

type stateRow struct {
	CountryRegionID string `json:"CountryRegionId"`
	StateID         string `json:"StateId"`
	StateName       string `json:"StateName"`
}

type zipRow struct {
	CountryRegionID string `json:"CountryRegionId"`
	ZipPostalCode   string `json:"ZipPostalCode"`
	StateID         string `json:"StateId"`
	CityName        string `json:"CityName"`
}

// countryRegions answers GetCountryRegionsByLanguageId; a language that is none has no rows (inferred).
func (c *call) countryRegions() (reply, *apiError) {
	arguments, err := c.arguments("languageId")
	if err != nil {
		return reply{}, err
	}
	tag, bad := language.Parse(arguments["languageId"])
	if bad != nil {
		return pageOf(c, "CountryRegionInfo", []countryRow{})
	}
	names := display.Regions(tag)
	t := c.sim.options().places
	var rows []countryRow
	for _, region := range countries() {
		id := region.ISO3()
		row := countryRow{CountryRegionID: id, ShortName: id, LongName: id, ISOCode: region.String(), LanguageID: arguments["languageId"],
			AddressFormatID: "Standard", AddressFormatLines: t.format(id)}
		if names != nil {
			row.ShortName = names.Name(region)
			row.LongName = row.ShortName
		}
		rows = append(rows, row)
	}
	return pageOf(c, "CountryRegionInfo", rows)
}

// format is how a country's addresses are written: with a state where it has a table of them.
func (t tables) format(country string) (lines []formatLine) {
	for _, component := range []int{componentStreet, componentCity, componentState, componentZipCode, componentCountry} {
		lines = append(lines, formatLine{CountryRegionID: country, AddressComponentNameValue: component, LineNumber: len(lines) + 1,
			NewLine: component != componentState && component != componentZipCode, Inactive: component == componentState && len(t.states[country]) == 0})
	}
	return lines
}

// stateProvinces answers GetStateProvinces; a country without a table has no rows.
func (c *call) stateProvinces() (reply, *apiError) {
	arguments, err := c.arguments("countryRegionId")
	if err != nil {
		return reply{}, err
	}
	rows := []stateRow{}
	for _, s := range c.sim.options().places.states[arguments["countryRegionId"]] {
		rows = append(rows, stateRow{s.Country, s.ID, s.Name})
	}
	return pageOf(c, "StateProvinceInfo", rows)
}

// addressFromZipCode answers GetAddressFromZipCode.
func (c *call) addressFromZipCode() (reply, *apiError) {
	arguments, err := c.arguments("countryRegionId", "zipPostalCode")
	if err != nil {
		return reply{}, err
	}
	rows := []zipRow{}
	for _, z := range c.sim.options().places.zips[arguments["countryRegionId"]] {
		if strings.EqualFold(z.Code, arguments["zipPostalCode"]) {
			rows = append(rows, zipRow{z.Country, z.Code, z.State, z.City})
		}
	}
	return pageOf(c, "ZipCodeInfo", rows)
}

func (c *call) customerGroups() (reply, *apiError) {
	return pageOf(c, "CustomerGroup", c.sim.options().CustomerGroups)
}

type purposeRow struct {
	RecordID    int64  `json:"RecordId"`
	AddressType int    `json:"AddressType"`
	Name        string `json:"Name"`
}

func (c *call) addressPurposes() (reply, *apiError) {
	rows := []purposeRow{}
	for _, p := range []struct {
		kind int
		name string
	}{{1, "Invoice"}, {2, "Delivery"}, {5, "Payment"}, {7, "Home"}, {8, "Other"}, {9, "Business"}} {
		rows = append(rows, purposeRow{firstRecordID - 100 + int64(p.kind), p.kind, p.name})
	}
	return pageOf(c, "AddressPurpose", rows)
}

// accountsByNumber answers Customers/GetByAccountNumbers: those that are there, in the order asked for, each once.
func (c *call) accountsByNumber() (reply, *apiError) {
	body, err := c.object()
	if err != nil {
		return reply{}, err
	}
	if err := strictMembers("the request", body, "accountNumbers", "searchLocationValue"); err != nil {
		return reply{}, err
	}
	if _, given := body["searchLocationValue"].(json.Number); !given {
		return reply{}, badRequest(idMissingArgument, "searchLocationValue is missing")
	}
	numbers, ok := body["accountNumbers"].([]any)
	if !ok {
		return reply{}, badRequest(idMissingArgument, "accountNumbers is missing")
	}
	c.sim.mu.Lock()
	rows := c.sim.byNumbers(numbers)
	c.sim.mu.Unlock()
	return pageOf(c, "Customer", rows)
}

// channelConfiguration answers OrgUnits/GetOrgUnitConfiguration with what a client for customers needs.
func (c *call) channelConfiguration() (reply, *apiError) {
	if body, err := c.object(); err != nil || len(body) > 0 {
		return reply{}, badRequest(idBadRequest, "the action takes no parameters; send {}")
	}
	ch := c.channel.withDefaults()
	o := c.sim.options()
	iso2, _ := countryOf(ch.Country)
	pickup, electronic := "", ""
	for _, d := range o.DeliveryModes {
		if d.Pickup && pickup == "" {
			pickup = d.Code
		}
		if d.Electronic && electronic == "" {
			electronic = d.Code
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context":              c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.ChannelConfiguration",
		"RecordId":                    channelID(o, ch),
		"ChannelNaturalId":            ch.OUN,
		"InventLocation":              c.warehouse(),
		"InventLocationDataAreaId":    ch.LegalEntity,
		"Currency":                    ch.Currency,
		"CompanyCurrency":             ch.Currency,
		"PriceIncludesSalesTax":       ch.PriceIncludesTax,
		"PickupDeliveryModeCode":      pickup,
		"EmailDeliveryModeCode":       electronic,
		"DefaultLanguageId":           ch.Language,
		"Languages":                   []map[string]any{{"LanguageId": ch.Language, "IsDefault": true}},
		"CountryRegionId":             ch.Country,
		"ChannelCountryRegionISOCode": iso2,
		"TimeZoneInfoId":              "UTC",
		"Properties":                  c.channelProperties(),
		"ProfileProperties":           []any{},
		"ExtensionProperties":         []any{},
	}}, nil
}

// channelProperties hold the synchronization token that a publisher let the CSU keep.
func (c *call) channelProperties() []map[string]any {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	if token, kept := c.sim.store.publishing.anchors[c.oun]; kept {
		return []map[string]any{{"Name": "SyncAnchor", "Value": token}}
	}
	return []map[string]any{}
}

// channelID is a channel's record id.
func channelID(o Options, ch Channel) int64 {
	at := slices.IndexFunc(o.Channels, func(other Channel) bool { return other.OUN == ch.OUN })
	return firstRecordID - 1000 + int64(at)
}

// arguments decodes an action's parameters, all of them required text.
func (c *call) arguments(names ...string) (map[string]string, *apiError) {
	body, err := c.object()
	if err != nil {
		return nil, err
	}
	if err := strictMembers("the request", body, names...); err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range names {
		value, ok := body[name].(string)
		if !ok {
			return nil, badRequest(idMissingArgument, name+" is missing")
		}
		out[name] = value
	}
	return out, nil
}
