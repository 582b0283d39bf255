package csu

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ownContext names the first channel and the default catalogue.
const ownContext = `"Context":{"ChannelId":9007199254739993,"CatalogId":0}`

func (c *client) begin(token string) map[string]any {
	c.t.Helper()
	got := c.do("POST", "Products/BeginReadChangedProducts", `{"changedProductSearchCriteria":{`+ownContext+`,"SynchronizationToken":"`+token+`","DataLevelValue":2}}`)
	require.Equal(c.t, 200, got.status, got.raw)
	return got.body
}

func (c *client) readPage(session map[string]any, skip, top int) answerOf {
	return c.do("POST", fmt.Sprintf("Products/ReadChangedProducts?$top=%d&$skip=%d", top, skip),
		`{"productSearchCriteria":{`+ownContext+`,"Session":{"Id":"`+str(session, "Id")+`"}},"skipProductPriceCalculation":true}`)
}

func (c *client) ids(a answerOf) []int64 {
	c.t.Helper()
	require.Equal(c.t, 200, a.status, a.raw)
	out := []int64{}
	for _, row := range entries(a.body, "value") {
		out = append(out, num(row, "RecordId"))
	}
	return out
}

// changed reads all that changed after a token.
func (c *client) changed(token string) (ids []int64, next string) {
	c.t.Helper()
	session := c.begin(token)
	ids = c.ids(c.readPage(session, 0, 1000))
	require.Equal(c.t, 204, c.do("POST", "Products/EndReadChangedProducts", `{"session":{"Id":"`+str(session, "Id")+`"}}`).status)
	return ids, str(session, "NextSynchronizationToken")
}

const p0, p1, p2, p3 = int64(firstProduct), int64(firstProduct + 1), int64(firstProduct + 2), int64(firstProduct + 3)

func TestWhoHasNoTokenGetsEveryProductAndThenOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(3)})
	all, token := c.changed("")
	require.Equal(t, []int64{p0, p1, p2}, all)
	none, same := c.changed(token)
	require.Empty(t, none)

	bread := c.sim.Products()[1]
	bread.Name = "Rye bread"
	c.sim.PutProducts(bread)
	c.sim.Configure(func(o *Options) { o.Products = append(slices.Clone(o.Products), MakeProducts(4)[3]) })
	ids, _ := c.changed(same)
	require.Equal(t, []int64{p1, p3}, ids, "whoever changed them")

	bread.Price = "99"
	c.sim.Configure(func(o *Options) { o.Products = slices.Clone(o.Products); o.Products[1] = bread })
	_, token = c.changed("")
	bread.Price = "98"
	c.sim.Configure(func(o *Options) { o.Products = slices.Clone(o.Products); o.Products[1] = bread })
	ids, _ = c.changed(token)
	require.Empty(t, ids, "a price is not the product")
	c.sim.PutProducts(bread)
	ids, _ = c.changed(token)
	require.Equal(t, []int64{p1}, ids, "what is put counts as changed, without a difference too")
	require.Zero(t, c.sim.Sessions())
}

func TestATokenThatIsUnknownOrTooOldMeansEverything(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(2)})
	old := str(c.begin(""), "NextSynchronizationToken")
	require.Equal(t, false, c.begin(old)["IsInitialSync"])
	for _, token := range []string{"", "nonsense", str(overPipe(t, Options{}).begin(""), "NextSynchronizationToken")} {
		session := c.begin(token)
		require.Equal(t, true, session["IsInitialSync"], token)
		require.EqualValues(t, "2", session["TotalNumberOfProducts"])
	}
	c.sim.ForgetChanges()
	require.Equal(t, true, c.begin(old)["IsInitialSync"])
	require.Equal(t, false, c.begin(str(c.begin(""), "NextSynchronizationToken"))["IsInitialSync"])
}

func TestASessionKeepsItsListAndShowsProductsAsTheyAreNow(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(5)})
	session := c.begin("")
	require.Equal(t, []int64{p0, p1}, c.ids(c.readPage(session, 0, 2)))

	renamed := c.sim.Products()[3]
	renamed.Name = "Renamed"
	c.sim.PutProducts(renamed, Product{RecordID: 7, ItemID: "new", Unit: "ea", Price: "1"})
	c.sim.RemoveProducts(p2)
	page := c.readPage(session, 2, 2)
	require.Equal(t, []int64{p3}, c.ids(page), "the page of one that is not sold any more is short, and not the last")
	require.Equal(t, "Renamed", entries(page.body, "value")[0]["Name"])
	require.Len(t, c.ids(c.readPage(session, 4, 2)), 1)
	require.Empty(t, c.ids(c.readPage(session, 6, 2)), "what came later is for the next session")
	ids, _ := c.changed(str(session, "NextSynchronizationToken"))
	require.Equal(t, []int64{p3, 7}, ids)
}

func TestASessionEndsByItselfOrByAnother(t *testing.T) {
	inBubble(t, Options{TokenLifetime: 5 * time.Hour, Channels: []Channel{{OUN: DefaultOUN}, {OUN: "OTHER"}}}, func(t *testing.T, c *client) {
		first := c.begin("")
		<-time.After(time.Hour - time.Second)
		require.Equal(t, 200, c.readPage(first, 0, 1).status)
		second := c.begin("")
		require.Equal(t, 2, c.sim.Sessions())
		<-time.After(time.Second)
		gone := c.readPage(first, 0, 1)
		require.Equal(t, []any{404, "ObjectNotFound"}, []any{gone.status, gone.errorID()})
		require.Equal(t, 404, c.do("POST", "Products/EndReadChangedProducts", `{"session":{"Id":"`+str(first, "Id")+`"}}`).status)

		other := `{"productSearchCriteria":{"Session":{"Id":"` + str(second, "Id") + `"}}}`
		require.Equal(t, 404, c.do("POST", "Products/ReadChangedProducts", other, "OUN", "OTHER").status, "it is its channel's")
		require.Equal(t, 200, c.do("POST", "Products/ReadChangedProducts", other).status)

		c.sim.Configure(func(o *Options) { o.OneSession = true; o.SessionLife = time.Minute })
		third := c.begin("")
		require.Equal(t, 404, c.readPage(second, 0, 1).status)
		require.Equal(t, 200, c.readPage(third, 0, 1).status)
		require.Equal(t, 1, c.sim.Sessions())
		<-time.After(time.Minute)
		require.Zero(t, c.sim.Sessions())
	})
}

func TestTheCriteriaOfAReadHaveTwoNames(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	id := str(c.begin(""), "Id")
	for _, name := range []string{"productSearchCriteria", "changedProductSearchCriteria"} {
		require.Equal(t, 200, c.do("POST", "Products/ReadChangedProducts?$top=1", `{"`+name+`":{`+ownContext+`,"Session":{"Id":"`+id+`"}}}`).status, name)
	}
}

func TestEndKeepsATokenThatItIsGiven(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	properties := func() []map[string]any {
		return entries(c.do("POST", "OrgUnits/GetOrgUnitConfiguration", `{}`).body, "Properties")
	}
	c.do("POST", "Products/EndReadChangedProducts", `{"session":{"Id":"`+str(c.begin(""), "Id")+`","NextSynchronizationToken":""}}`)
	require.Empty(t, properties())
	c.do("POST", "Products/EndReadChangedProducts", `{"session":{"Id":"`+str(c.begin(""), "Id")+`","NextSynchronizationToken":"abc"}}`)
	require.Equal(t, []map[string]any{{"Name": "SyncAnchor", "Value": "abc"}}, properties())
}

func TestPublishingIsStrict(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Clients: []Client{{ID: DefaultClientID, Secret: DefaultClientSecret}, {ID: "till", Secret: "x", Role: RoleEmployee}}, Catalogs: []int64{5637144576}})
	id := str(c.begin(""), "Id")
	for request, want := range map[string]string{
		`Products/BeginReadChangedProducts {}`:                                                                                    "MissingRequiredArgument",
		`Products/BeginReadChangedProducts {"changedProductSearchCriteria":{},"more":1}`:                                          "BadRequest",
		`Products/BeginReadChangedProducts {"changedProductSearchCriteria":{"Token":""}}`:                                         "BadRequest",
		`Products/BeginReadChangedProducts {"changedProductSearchCriteria":{"SynchronizationToken":1}}`:                           "ODataModelError",
		`Products/BeginReadChangedProducts {"changedProductSearchCriteria":{"Context":{"ChannelId":1}}}`:                          "CrossStoreProductSearchNotSupportedInOnlineChannel",
		`Products/BeginReadChangedProducts {"changedProductSearchCriteria":{` + strings.Replace(ownContext, ":0", ":1", 1) + `}}`: "ObjectNotFound",
		`Products/ReadChangedProducts {"productSearchCriteria":{}}`:                                                               "MissingRequiredArgument",
		`Products/ReadChangedProducts {"productSearchCriteria":{"Session":{"Id":"x"}}}`:                                           "ODataModelError",
		`Products/ReadChangedProducts {"productSearchCriteria":{"Session":{"Id":"` + id + `","Total":1}}}`:                        "BadRequest",
		`Products/ReadChangedProducts {"productSearchCriteria":{"Session":{"Id":"` + id + `"}},"skipProductPriceCalculation":1}`:  "ODataModelError",
		`Products/ReadChangedProducts?$top=-1 {"productSearchCriteria":{"Session":{"Id":"` + id + `"}}}`:                          "BadRequest",
		`Products/GetDeletedListings {"catalogId":0,"skip":0}`:                                                                    "MissingRequiredArgument",
		`Products/GetDeletedListings {"catalogId":0,"skip":0,"top":1.5}`:                                                          "ODataModelError",
		`Products/GetDeletedListings {"catalogId":0,"skip":-1,"top":1}`:                                                           "BadRequest",
		`Products/GetDeletedListings {"catalogId":4,"skip":0,"top":1}`:                                                            "ObjectNotFound",
		`Products/UpdateListingPublishingStatus {"publishingStatuses":[{"ProductId":1}]}`:                                         "RequiredValueNotFound",
		`Products/UpdateListingPublishingStatus {"publishingStatuses":[{"ProductId":"1"}]}`:                                       "ODataModelError",
		`SetOnlineChannelPublishStatus {"publishingStatus":9}`:                                                                    "InvalidRequest",
		`SetOnlineChannelPublishStatus {}`:                                                                                        "MissingRequiredArgument",
		`Products/Search {"productSearchCriteria":{}}`:                                                                            "InvalidRequest",
		`Products/Search {"productSearchCriteria":{"Ids":["1"]}}`:                                                                 "ODataModelError",
		`Products/Search {"productSearchCriteria":{"IDs":[1]}}`:                                                                   "BadRequest",
		`Categories/GetCategories {}`:                                                                                             "MissingRequiredArgument",
		`Categories/GetCategories {"channelId":5}`:                                                                                "CrossStoreProductSearchNotSupportedInOnlineChannel",
	} {
		path, body, _ := strings.Cut(request, " ")
		got := c.do("POST", path, body)
		require.Equal(t, want, strings.TrimPrefix(got.errorID(), serverID), "%s: %s", request, got.raw)
		require.NotEqual(t, 200, got.status)
	}
	require.Equal(t, 200, c.do("POST", "Products/GetDeletedListings", `{"catalogId":5637144576,"skip":0,"top":1}`).status)
	till := "id_token " + str(c.form("/contoso/oauth2/token", "client_id", "till", "client_secret", "x", "resource", c.base).body, "access_token")
	for _, path := range []string{"BeginReadChangedProducts", "ReadChangedProducts", "EndReadChangedProducts", "GetDeletedListings", "UpdateListingPublishingStatus"} {
		require.Equal(t, 403, c.do("POST", "Products/"+path, `{}`, "Authorization", till).status, path)
	}
}

func TestOnlyAPublishedChannelIsRead(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	status := func() any { return c.do("GET", "GetOnlineChannelPublishStatus()", "").body["value"] }
	require.EqualValues(t, "3", status())
	for to, want := range map[int]int{StatusDraft: 400, StatusFailed: 400, StatusInProgress: 200, StatusPublished: 200} {
		require.Equal(t, 204, c.do("POST", "SetOnlineChannelPublishStatus", `{"publishingStatus":`+strconv.Itoa(to)+`,"statusMessage":"so"}`).status)
		require.EqualValues(t, strconv.Itoa(to), status())
		got := c.do("POST", "Products/BeginReadChangedProducts", `{"changedProductSearchCriteria":{}}`)
		require.Equal(t, want, got.status, to)
		if want != 200 {
			require.Equal(t, "ChannelIsNotPublished", got.errorID())
		}
		is, message := c.sim.PublishStatus(DefaultOUN)
		require.Equal(t, []any{to, "so"}, []any{is, message})
	}
	require.Len(t, c.sim.Ledger(), 4)
}

func report(product int64, language string, action, status int) string {
	return fmt.Sprintf(`{"ChannelId":9007199254739993,"CatalogId":0,"ProductId":%d,"LanguageId":%q,"AppliedActionValue":%d,"PublishStatusValue":%d,"Tag":"t","ListingModifiedDateTime":"2026-01-02T03:04:05.6Z"}`,
		product, language, action, status)
}

func (c *client) report(statuses ...string) {
	c.t.Helper()
	got := c.do("POST", "Products/UpdateListingPublishingStatus", `{"publishingStatuses":[`+strings.Join(statuses, ",")+`]}`)
	require.Equal(c.t, 204, got.status, got.raw)
}

func (c *client) deleted(skip, top int) (ids []int64, more any) {
	c.t.Helper()
	got := c.do("POST", "Products/GetDeletedListings", fmt.Sprintf(`{"catalogId":0,"skip":%d,"top":%d}`, skip, top))
	require.Equal(c.t, 200, got.status, got.raw)
	for _, l := range entries(got.body, "DeletedListings") {
		ids = append(ids, num(l, "ProductId"))
	}
	return ids, got.body["HasMorePublishedListings"]
}

func TestDeletedIsWhatWasPublishedAndIsNotSoldAnyMore(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(4)})
	c.report(report(p0, "en-us", 1, 3), report(p1, "en-us", 1, 3), report(p1, "de-de", 1, 3), report(p2, "en-us", 1, 3), report(p3, "en-us", 1, 4))
	require.Len(t, c.sim.Listings(), 4, "what failed is not published")
	require.Equal(t, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), c.sim.Listings()[0].Modified)
	ids, more := c.deleted(0, 10)
	require.Empty(t, ids)
	require.Equal(t, false, more)

	require.Equal(t, 2, c.sim.RemoveProducts(p1, p3, 1))
	ids, more = c.deleted(0, 1)
	require.Empty(t, ids)
	require.Equal(t, true, more, "pages are of what is published: an empty one is not the last")
	ids, more = c.deleted(1, 2)
	require.Equal(t, []int64{p1, p1}, ids)
	require.Equal(t, true, more)

	c.report(report(p1, "en-us", 2, 3), report(p1, "de-de", 2, 4))
	ids, _ = c.deleted(0, 10)
	require.Equal(t, []int64{p1}, ids, "until it is done, in each language")
	c.report(report(p1, "de-de", 3, 3))
	ids, more = c.deleted(0, 10)
	require.Empty(t, ids)
	require.Equal(t, false, more)
	c.sim.Reset()
	require.Empty(t, c.sim.Listings())
}

func TestAMasterIsListedWithItsVariantsAndWhatIsKnownOfIt(t *testing.T) {
	t.Parallel()
	shirt := MakeVariants(Product{RecordID: p0, ItemID: "SHIRT", Number: "91001", Name: "Shirt", SearchName: "shirt", Description: "Plain", Unit: "ea", Units: []string{"ea", "dz"},
		Price: "20", Categories: []int64{firstCategory + 4, firstCategory}, Images: []Image{{"https://img.example.com/1.png", "front"}}, Linked: []int64{p1}, Related: []int64{p2},
		Attributes: []Attribute{{Key: "Material", Names: map[string]string{"de-de": "Stoff"}, Values: map[string]string{"": "cotton", "de-de": "Baumwolle"}}},
	}, []string{"Red", "Blue"}, []string{"S", "M"})
	c := overPipe(t, Options{Products: append([]Product{shirt}, MakeProducts(3)[1:]...)})
	row := entries(c.readPage(c.begin(""), 0, 1).body, "value")[0]
	require.Equal(t, []any{"91001", "Shirt", "shirt", "Plain", true, false, "en-us", "0"},
		[]any{row["ProductNumber"], row["Name"], row["SearchName"], row["Description"], row["IsMasterProduct"], row["IsKit"], row["Locale"], fmt.Sprint(row["Price"])})
	information, _ := row["CompositionInformation"].(map[string]any)["VariantInformation"].(map[string]any)
	variants := entries(information, "Variants")
	require.Len(t, variants, 4)
	require.Equal(t, []any{"Red", "M", "91001 : M : Red", "68719600001"}, []any{variants[1]["Color"], variants[1]["Size"], variants[1]["ProductNumber"], fmt.Sprint(variants[1]["DistinctProductVariantId"])})
	properties := entries(row, "ProductProperties")
	require.Len(t, properties, 2)
	german := entries(properties[0], "TranslatedProperties")[0]
	require.Equal(t, []any{"de-de", "Material", "Stoff", "Baumwolle"}, []any{properties[0]["TranslationLanguage"], german["KeyName"], german["FriendlyName"], german["ValueString"]})
	require.Equal(t, "cotton", entries(properties[1], "TranslatedProperties")[0]["ValueString"])

	require.Equal(t, []any{"SHIRT"}, c.rows("Products/GetByIds", `{"channelId":1,"productIds":[68719600003]}`, "ItemId"), "a variant is sold")
	_, token := c.changed("")
	require.Equal(t, 1, c.sim.RemoveProducts(68719600003))
	ids, _ := c.changed(token)
	require.Equal(t, []int64{p0}, ids, "a variant that goes changes its master")
}

func TestProductsAreSearchedByIDsCategoriesAndWords(t *testing.T) {
	t.Parallel()
	products := MakeProducts(120)
	products[5] = MakeVariants(products[5], []string{"Red"}, []string{"S"})
	products[0].Attributes = []Attribute{{Key: "Origin", Values: map[string]string{"": "here"}}}
	c := overPipe(t, Options{Products: products})
	search := func(criteria string) []map[string]any {
		return entries(c.do("POST", "Products/Search?$top=1000", `{"productSearchCriteria":{`+ownContext+`,`+criteria+`}}`).body, "value")
	}
	rows := search(`"Ids":[68719600500,1,68719490000,68719490005]`)
	require.Equal(t, []int64{p0 + 5, p0}, []int64{num(rows[0], "RecordId"), num(rows[1], "RecordId")}, "a variant finds its master, each once")
	require.Empty(t, rows[1]["ProductProperties"])
	require.NotEmpty(t, search(`"Ids":[68719490000],"IncludeAttributes":true`)[0]["ProductProperties"])
	many := make([]string, 120)
	for i := range many {
		many[i] = strconv.FormatInt(p0+int64(i), 10)
	}
	require.Len(t, search(`"Ids":[`+strings.Join(many, ",")+`]`), mostIDs)
	require.Len(t, search(`"CategoryIds":[68719478002]`), 40)
	require.Empty(t, search(`"CategoryIds":[68719478001]`))
	require.Len(t, search(`"CategoryIds":[68719478001],"IncludeProductsFromDescendantCategories":true`), 80)
	require.Equal(t, []any{"Product 99"}, c.rows("Products/SearchByCriteria", `{"searchCriteria":{"SearchCondition":"product 99"}}`, "Name"))
	require.Len(t, c.rows("Products/SearchByCategory(channelId=9007199254739993,catalogId=0,categoryId=68719478003)", "", "Name"), 40)
}

func TestCategoriesAreATree(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{})
	require.Equal(t, []any{"Contoso", "Groceries", "Bread", "Drinks", "Household"}, c.rows("Categories/GetCategories", `{"channelId":9007199254739993}`, "Name"))
	require.Equal(t, []any{"Bread", "Drinks"}, c.rows("Categories/GetChildren", `{"channelId":9007199254739993,"categoryId":68719478001}`, "Name"))
}

func TestAdminChangesTheCatalogue(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Products: MakeProducts(2)})
	_, token := c.changed("")
	require.Equal(t, 200, admin(t, c.sim, "POST", "/products", `{"products":[{"recordId":7,"itemId":"X7","name":"Seven","unit":"ea","price":7.5,"variants":[{"recordId":8,"size":"S"}]}]}`, nil))
	ids, _ := c.changed(token)
	require.Equal(t, []int64{7}, ids)
	var removed map[string]int
	admin(t, c.sim, "DELETE", "/products?id=68719490000&id=8", "", &removed)
	require.Equal(t, 2, removed["removed"])
	var products []Product
	admin(t, c.sim, "GET", "/products", "", &products)
	require.Len(t, products, 2)
	require.Equal(t, 200, admin(t, c.sim, "POST", "/publishing/status", `{"oun":"HOUSTON","status":1}`, nil))
	c.report(report(p1, "en-us", 1, 3))
	var state publishingState
	admin(t, c.sim, "GET", "/publishing", "", &state)
	require.Equal(t, []any{0, 1, 1}, []any{state.Sessions, len(state.Listings), state.Channels[0].Status})
	require.Equal(t, 200, admin(t, c.sim, "POST", "/publishing/status", `{"oun":"HOUSTON","status":3}`, nil))
	require.Equal(t, 200, admin(t, c.sim, "POST", "/publishing/forget", "", nil))
	require.Equal(t, true, c.begin(token)["IsInitialSync"])
	require.Equal(t, 200, admin(t, c.sim, "POST", "/publishing/end", "", nil))
	require.Zero(t, c.sim.Sessions())
	for request, body := range map[string]string{"POST /products": `{"products":[{"recordId":7}]}`, "DELETE /products?id=x": ``, "POST /publishing/status": `{"oun":"NONE","status":3}`} {
		method, path, _ := strings.Cut(request, " ")
		require.Equal(t, 400, admin(t, c.sim, method, path, body, nil), request)
	}
	require.Equal(t, 400, admin(t, c.sim, "POST", "/publishing/status", `{"oun":"HOUSTON","status":7}`, nil))
}

func TestAProductIsSoldInTheChannelsThatHaveItInTheirAssortment(t *testing.T) {
	t.Parallel()
	c := overPipe(t, Options{Channels: []Channel{{OUN: DefaultOUN}, {OUN: "OTHER"}}, Products: MakeProducts(2)})
	c.report(report(p1, "en-us", 1, 3))
	_, token := c.changed("")
	elsewhere := MakeVariants(c.sim.Products()[1], []string{"Red"}, []string{"S"})
	elsewhere.Channels = []string{"OTHER"}
	c.sim.PutProducts(elsewhere)
	ids, _ := c.changed(token)
	require.Empty(t, ids)
	ids, _ = c.deleted(0, 9)
	require.Equal(t, []int64{p1}, ids, "it is not sold here any more")
	all, _ := c.changed("")
	require.Equal(t, []int64{p0}, all)
	both := fmt.Sprint(p0, ",", p1)
	require.Len(t, c.active(both+",68719600100", ""), 1)
	rows, _ := c.stock(both, `,"DefaultWarehouseOnly":true`)
	require.Len(t, rows, 1)
	require.Len(t, c.rows("Products/GetByIds", `{"channelId":1,"productIds":[`+both+`]}`, "ItemId"), 1)
	require.Len(t, c.rows("Products/Search", `{"productSearchCriteria":{"SearchCondition":"product"}}`, "ItemId"), 1)

	c.header.Set("OUN", "OTHER")
	require.Len(t, c.rows("Products/GetByIds", `{"channelId":1,"productIds":[`+both+`,68719600100]}`, "ItemId"), 3)
	began := c.do("POST", "Products/BeginReadChangedProducts", `{"changedProductSearchCriteria":{"SynchronizationToken":"`+token+`"}}`)
	require.EqualValues(t, "1", began.body["TotalNumberOfProducts"])
	require.Equal(t, 1, c.sim.EndSessions())
	require.Zero(t, c.sim.Sessions())
}
