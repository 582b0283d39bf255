package csuclient_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/test/sim/csu"
)

// sells makes a simulator that sells n products.
func sells(n int) func(*csu.Options, *csuclient.Options) {
	return func(o *csu.Options, _ *csuclient.Options) {
		o.Products, o.TokenLifetime = csu.MakeProducts(n), 24*time.Hour
	}
}

// changed reads all that changed, as a publisher would.
func (u unit) changed(t *testing.T, token string) (ids []int64, next string) {
	t.Helper()
	s, err := u.channel.BeginChangedProducts(t.Context(), 0, token)
	require.NoError(t, err)
	for skip := 0; skip < s.Total; skip += 40 {
		page, err := u.channel.ChangedProducts(t.Context(), 0, token, s, skip, 40)
		require.NoError(t, err)
		for _, p := range page {
			ids = append(ids, p.ID)
		}
	}
	require.NoError(t, u.channel.EndChangedProducts(t.Context(), s))
	return ids, s.Next
}

func TestAPublisherReadsEverythingOnceAndThenWhatChanged(t *testing.T) {
	onSim(t, sells(100), func(t *testing.T, u unit) {
		all, token := u.changed(t, "")
		require.Len(t, all, 100)
		require.Zero(t, u.sim.Sessions())
		u.sim.PutProducts(u.sim.Products()[7])
		some, next := u.changed(t, token)
		require.Equal(t, []int64{firstProduct + 7}, some)
		none, _ := u.changed(t, next)
		require.Empty(t, none)
		require.NotContains(t, u.seen.results(), "Products.ReadChangedProducts error")
		u.sim.ForgetChanges()
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, next)
		require.NoError(t, err)
		require.True(t, s.Initial)
		require.Equal(t, 100, s.Total)
	})
}

func TestASessionTravelsAsJSONAndGoesOnElsewhere(t *testing.T) {
	onSim(t, sells(3), func(t *testing.T, u unit) {
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		text, err := json.Marshal(s)
		require.NoError(t, err)
		var again csuclient.Session
		require.NoError(t, json.Unmarshal(text, &again))
		page, err := u.client.Channel(csu.DefaultOUN).ChangedProducts(t.Context(), 0, "", again, 2, 40)
		require.NoError(t, err)
		require.Len(t, page, 1)
	})
}

func TestASessionThatIsGoneIsToldAndNeedsNoEnd(t *testing.T) {
	onSim(t, sells(1), func(t *testing.T, u unit) {
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		<-time.After(csu.DefaultSessionLife)
		_, err = u.channel.ChangedProducts(t.Context(), 0, "", s, 0, 1)
		require.ErrorIs(t, err, csuclient.ErrNotFound)
		require.NoError(t, u.channel.EndChangedProducts(t.Context(), s))
	})
}

func TestASessionThatWasNotAnsweredLeavesNothingOpenToDoubt(t *testing.T) {
	onSim(t, sells(1), func(t *testing.T, u unit) {
		_, err := u.channel.OrgUnit(t.Context())
		require.NoError(t, err)
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		u.inject(t, csu.Fault{Kind: csu.Drop})
		_, err = u.channel.BeginChangedProducts(t.Context(), 0, "")
		requireKind(t, fault.Transient, err)
		requireKind(t, fault.Transient, u.channel.EndChangedProducts(t.Context(), s))
		requireKind(t, fault.Ambiguous, u.channel.SetPublishStatus(t.Context(), csuclient.PublishPublished, ""))
		requireKind(t, fault.Ambiguous, u.channel.ReportListings(t.Context(), []csuclient.ListingStatus{{}}))
	})
}

func TestAListedProductHasWhatACatalogueNeeds(t *testing.T) {
	shirt := csu.MakeVariants(csu.Product{RecordID: firstProduct, ItemID: "SHIRT", Number: "91001", Name: "Shirt", SearchName: "shirt", Description: "Plain", Unit: "ea",
		Units: []string{"ea", "dz"}, Price: "20", Categories: []int64{68719478004, 68719478000}, Images: []csu.Image{{URL: "https://img.example.com/1.png", Alt: "front"}},
		Linked: []int64{1}, Related: []int64{2}, Blocks: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC),
		Attributes: []csu.Attribute{{Key: "Material", Names: map[string]string{"de-de": "Stoff"}, Values: map[string]string{"": "cotton", "de-de": "Baumwolle"}}},
	}, []string{"Red"}, []string{"S", "M"})
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Products = []csu.Product{shirt} }, func(t *testing.T, u unit) {
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		page, err := u.channel.ChangedProducts(t.Context(), 0, "", s, 0, 1)
		require.NoError(t, err)
		want := csuclient.ListedProduct{
			ID: firstProduct, Number: "91001", ItemID: "SHIRT", Name: "Shirt", SearchName: "shirt", Description: "Plain", Locale: "en-us", Unit: "ea", Units: []string{"ea", "dz"},
			Master: true, Category: 68719478004, Categories: []int64{68719478004, 68719478000}, Images: []csuclient.Image{{URL: "https://img.example.com/1.png", Alt: "front"}},
			Linked: []int64{1}, Related: []int64{2}, Active: true, BlockedBy: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Modified: time.Now().UTC(),
			Variants: []csuclient.Variant{
				{ID: 68719600000, Number: "91001 : S : Red", ItemID: "SHIRT", Dimension: "DIM68719600000", Color: "Red", Size: "S"},
				{ID: 68719600001, Number: "91001 : M : Red", ItemID: "SHIRT", Dimension: "DIM68719600001", Color: "Red", Size: "M"}},
			Properties: map[string][]csuclient.Property{"en-us": {{Key: "Material", Name: "Material", Value: "cotton"}}, "de-de": {{Key: "Material", Name: "Stoff", Value: "Baumwolle"}}},
		}
		want.Modified = page[0].Modified
		require.False(t, want.Modified.IsZero())
		require.Equal(t, []csuclient.ListedProduct{want}, page)

		full, err := u.channel.FullProducts(t.Context(), 0, []int64{68719600001, firstProduct, 5})
		require.NoError(t, err)
		require.Equal(t, []csuclient.ListedProduct{want}, full, "a variant's id gives its master")
	})
}

func TestManyProductsAreReadInChunks(t *testing.T) {
	onSim(t, sells(120), func(t *testing.T, u unit) {
		ids := []int64{firstProduct}
		for i := range int64(121) {
			ids = append(ids, firstProduct+i)
		}
		full, err := u.channel.FullProducts(t.Context(), 0, ids)
		require.NoError(t, err)
		require.Len(t, full, 120)
		require.EqualValues(t, 3, u.asked(csu.OpSearchProducts))
	})
}

func TestAPageThatIsTooLargeIsReadInParts(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.Products = csu.MakeProducts(8)
		for i := range o.Products {
			o.Products[i].Description = strings.Repeat("x", 1<<20)
		}
	}, func(t *testing.T, u unit) {
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		page, err := u.channel.ChangedProducts(t.Context(), 0, "", s, 0, 10)
		require.NoError(t, err)
		require.Len(t, page, 8)
		for i, p := range page {
			require.Equal(t, firstProduct+int64(i), p.ID)
		}
	})
}

func TestAPageThatTheScaleUnitCutsShortIsReadToItsEnd(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) { o.Products, o.PageLimit = csu.MakeProducts(50), 16 }, func(t *testing.T, u unit) {
		s, err := u.channel.BeginChangedProducts(t.Context(), 0, "")
		require.NoError(t, err)
		u.sim.RemoveProducts(firstProduct+3, firstProduct+20, firstProduct+39, firstProduct+49)
		var ids []int64
		for skip := 0; skip < s.Total; skip += 40 {
			page, err := u.channel.ChangedProducts(t.Context(), 0, "", s, skip, 40)
			require.NoError(t, err)
			for _, p := range page {
				ids = append(ids, p.ID)
			}
		}
		require.Len(t, ids, 46)
		seen := map[int64]bool{}
		for _, id := range ids {
			require.False(t, seen[id], "each once")
			seen[id] = true
		}
	})
}

func TestWhatIsNotSoldAnyMoreIsDeletedUntilThatIsReported(t *testing.T) {
	onSim(t, sells(250), func(t *testing.T, u unit) {
		ctx := t.Context()
		var statuses []csuclient.ListingStatus
		for i := range int64(250) {
			statuses = append(statuses, csuclient.ListingStatus{Listing: csuclient.Listing{Product: firstProduct + i, Language: "en-us", Tag: "shop"}, Action: csuclient.ListingPublish,
				State: csuclient.ListingDone, ExternalID: fmt.Sprint(i)})
		}
		require.NoError(t, u.channel.ReportListings(ctx, statuses))
		require.EqualValues(t, 3, u.asked(csu.OpUpdateListings))
		require.Len(t, u.sim.Listings(), 250)
		u.sim.RemoveProducts(firstProduct+1, firstProduct+249)

		var gone []csuclient.Listing
		for skip, more := 0, true; more; skip += 100 {
			var page []csuclient.Listing
			var err error
			page, more, err = u.channel.DeletedListings(ctx, 0, skip, 100)
			require.NoError(t, err)
			gone = append(gone, page...)
		}
		require.Equal(t, []csuclient.Listing{{Product: firstProduct + 1, Language: "en-us", Tag: "shop"}, {Product: firstProduct + 249, Language: "en-us", Tag: "shop"}}, gone)
		require.NoError(t, u.channel.ReportListings(ctx, []csuclient.ListingStatus{{Listing: gone[0], Action: csuclient.ListingDelete, State: csuclient.ListingDone},
			{Listing: gone[1], Action: csuclient.ListingDelete, State: csuclient.ListingFailed}}))
		page, more, err := u.channel.DeletedListings(ctx, 0, 0, 1000)
		require.NoError(t, err)
		require.Equal(t, gone[1:], page, "what failed is tried again")
		require.False(t, more)
	})
}

func TestAChannelThatIsNotPublishedIsNotRead(t *testing.T) {
	onSim(t, nil, func(t *testing.T, u unit) {
		ctx := t.Context()
		is, err := u.channel.PublishStatus(ctx)
		require.NoError(t, err)
		require.Equal(t, csuclient.PublishPublished, is)
		require.NoError(t, u.channel.SetPublishStatus(ctx, csuclient.PublishFailed, "no room"))
		is, err = u.channel.PublishStatus(ctx)
		require.NoError(t, err)
		require.Equal(t, csuclient.PublishFailed, is)
		_, message := u.sim.PublishStatus(csu.DefaultOUN)
		require.Equal(t, "no room", message)
		_, err = u.channel.BeginChangedProducts(ctx, 0, "")
		requireKind(t, fault.Blocked, err)
		require.Equal(t, "ChannelIsNotPublished", fault.As(err).Code)
	})
}

func TestTheTreeOfCategoriesIsReadWholeAndKept(t *testing.T) {
	onSim(t, func(o *csu.Options, _ *csuclient.Options) {
		o.Categories = csu.DefaultCategories()
		for i := range int64(1200) {
			o.Categories = append(o.Categories, csu.Category{RecordID: 100 + i, Parent: 68719478000, Name: fmt.Sprint("K", i)})
		}
	}, func(t *testing.T, u unit) {
		for range 2 {
			tree, err := u.channel.Categories(t.Context(), false)
			require.NoError(t, err)
			require.Len(t, tree, 1205)
			require.Equal(t, []any{int64(68719478002), int64(68719478001), "Bread", "Brot", "1"}, []any{tree[2].ID, tree[2].Parent, tree[2].Name, tree[2].Names["de-de"], tree[2].Order.String()})
		}
		require.EqualValues(t, 3, u.asked(csu.OpCategories), "two pages and an empty one, once")
	})
}

func TestAnAnswerThatIsNoSessionOrStatusIsNotTakenForOne(t *testing.T) {
	t.Parallel()
	s := newStub(t, false, saysJSON(200, `{"RecordId":1,"InventLocationDataAreaId":"usrt","Id":"x"}`), nil)
	_, err := s.channel.BeginChangedProducts(t.Context(), 0, "")
	requireKind(t, fault.Transient, err)
	_, err = s.channel.PublishStatus(t.Context())
	requireKind(t, fault.Transient, err)
	_, _, err = s.channel.DeletedListings(t.Context(), 0, 0, 1)
	requireKind(t, fault.Transient, err)
	before := len(s.received())
	for _, page := range [][2]int{{-1, 1}, {0, 0}, {0, 100}} {
		_, err = s.channel.ChangedProducts(t.Context(), 0, "", csuclient.Session{ID: "x"}, page[0], page[1])
		require.Equal(t, fault.Bug, fault.As(err).Reason)
	}
	require.Len(t, s.received(), before)
}

func TestSessionsAreAskedForAsTheMetadataNamesThem(t *testing.T) {
	t.Parallel()
	const id = "6b1d3f2e-0000-4000-8000-000000000001"
	s := newStub(t, false, saysJSON(200, `{"RecordId":7,"Id":"`+id+`","TotalNumberOfProducts":240,"NextSynchronizationToken":"next","value":[]}`), nil)
	ctx := t.Context()
	session, err := s.channel.BeginChangedProducts(ctx, 3, "before")
	require.NoError(t, err)
	_, err = s.channel.ChangedProducts(ctx, 3, "before", session, 40, 20)
	require.NoError(t, err)
	require.NoError(t, s.channel.EndChangedProducts(ctx, session))
	_, err = s.channel.FullProducts(ctx, 3, []int64{9})
	require.NoError(t, err)
	asked := s.received()[1:]
	for i, want := range []string{
		`{"changedProductSearchCriteria":{"Context":{"ChannelId":7,"CatalogId":3},"SynchronizationToken":"before","DataLevelValue":2}}`,
		`{"productSearchCriteria":{"Context":{"ChannelId":7,"CatalogId":3},"SynchronizationToken":"before","DataLevelValue":2,
			"Session":{"Id":"` + id + `","TotalNumberOfProducts":240,"NextSynchronizationToken":"next","IsInitialSync":false}},"skipProductPriceCalculation":true}`,
		`{"session":{"Id":"` + id + `","TotalNumberOfProducts":240,"NextSynchronizationToken":"","IsInitialSync":false}}`,
		`{"productSearchCriteria":{"Ids":[9],"Context":{"ChannelId":7,"CatalogId":3},"IncludeAttributes":true,"DataLevelValue":4}}`,
	} {
		require.JSONEq(t, want, asked[i].body)
	}
	require.Equal(t, "/Commerce/Products/ReadChangedProducts?api-version=7.3&$top=20&$skip=40", asked[1].uri)
}
