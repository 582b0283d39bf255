package csuclient

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// MostChangedProducts are asked for in one page: Microsoft wants pages below 100.
const MostChangedProducts = 99

// Session is a list of changed products that the CSU keeps for a while, to be read page by page. Which products it has is fixed when it begins;
// what they are is not. It may be kept and used from anywhere.
type Session struct {
	ID      string `json:"id"`
	Total   int    `json:"total"`   // products to page through
	Next    string `json:"next"`    // the token to begin with next time, once all of this has been dealt with
	Initial bool   `json:"initial"` // it has every product: the token was empty, unknown or too old
}

// BeginChangedProducts makes a session of what changed since a token; empty: of everything. Catalogue 0 is the channel's own. Beginning again is
// harmless: a session that nobody reads ends by itself. A channel that is not published is Blocked, with the code ChannelIsNotPublished.
func (ch *Channel) BeginChangedProducts(ctx context.Context, catalog int64, token string) (Session, error) {
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return Session{}, err
	}
	var got wireSession
	err = ch.client.do(ctx, call{
		op: opChangedBegin, method: http.MethodPost, path: "Products/BeginReadChangedProducts", oun: ch.oun,
		body: map[string]any{"changedProductSearchCriteria": wireChanged{Context: wireDomain{unit.ChannelID, catalog}, SynchronizationToken: token, DataLevelValue: dataStandard}},
		read: func(a *answer) *fault.Error {
			if f := a.decode(opChangedBegin, &got); f != nil {
				return f
			}
			if _, err := uuid.Parse(got.ID); err != nil || got.TotalNumberOfProducts < 0 {
				return opChangedBegin.unreadable(a, "the answer is no session")
			}
			return nil
		},
	})
	return whole(Session{got.ID, got.TotalNumberOfProducts, got.NextSynchronizationToken, got.IsInitialSync}, err)
}

// ChangedProducts reads a page of a session, with the token and the catalogue that it was begun with. A product that was taken from sale since is left
// out, so a page is short without being the last: the last one is where skip + top reaches Session.Total. A session that is not there any
// more is errors.Is(err, ErrNotFound): begin again, with the token from before. A page too large for one answer, or cut short by the scale unit, is read
// in parts.
//
// It always says skipProductPriceCalculation, which is newer than the metadata of 9.23: prices are no part of what is read here, and the CSU would
// compute them by putting the page's products into one cart. A scale unit too old to know the parameter refuses it, which is Permanent: better
// than a catalogue that is slow to read without a reason to be seen.
func (ch *Channel) ChangedProducts(ctx context.Context, catalog int64, token string, s Session, skip, top int) ([]ListedProduct, error) {
	if s.ID == "" || skip < 0 || top < 1 || top > MostChangedProducts {
		return nil, opChangedRead.bug("no session, or no page that may be asked for")
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	body := map[string]any{"skipProductPriceCalculation": true, "productSearchCriteria": wireChanged{
		Context: wireDomain{unit.ChannelID, catalog}, SynchronizationToken: token, DataLevelValue: dataStandard, Session: s.wire(s.Next)}}
	return inHalves(skip, min(skip+top, max(s.Total, skip+1)), tooLarge, func(from, to int) ([]ListedProduct, error) {
		return toTheEnd(from, to, func(from, to int) ([]ListedProduct, error) {
			return listed(ctx, ch, call{op: opChangedRead, method: http.MethodPost, path: "Products/ReadChangedProducts", query: fmt.Sprintf("&$top=%d&$skip=%d", to-from, from), body: body})
		})
	})
}

// toTheEnd reads a page that may come short: because of products that are not sold any more, or because the scale unit gives no more at once, and then
// what is missing would never be read. The answer does not say which, so the places behind what came are asked for, until nothing new comes. (Where a scale unit gives few at once and not one of
// those is sold any more, the rest of the page stays unread until it changes again.)
func toTheEnd(from, to int, read func(from, to int) ([]ListedProduct, error)) ([]ListedProduct, error) {
	var all []ListedProduct
	seen := map[int64]bool{}
	for from < to {
		rows, err := read(from, to)
		if err != nil {
			return nil, err
		}
		before := len(all)
		for _, p := range rows {
			if !seen[p.ID] {
				seen[p.ID] = true
				all = append(all, p)
			}
		}
		if len(all) == before {
			break
		}
		from += len(rows)
	}
	return all, nil
}

// EndChangedProducts ends a session; one that is not there has ended. It does not give the CSU the session's token: that would overwrite what
// another publisher may keep there.
func (ch *Channel) EndChangedProducts(ctx context.Context, s Session) error {
	if s.ID == "" {
		return opChangedEnd.bug("no session to end")
	}
	err := ch.client.do(ctx, call{op: opChangedEnd, method: http.MethodPost, path: "Products/EndReadChangedProducts", oun: ch.oun,
		body: map[string]any{"session": s.wire("")}, read: nothing})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

// FullProducts reads products as they are now, by their ids; those of variants give their masters. What is not sold is left out.
func (ch *Channel) FullProducts(ctx context.Context, catalog int64, ids []int64) ([]ListedProduct, error) {
	return ch.wholeProducts(ctx, catalog, ids, true)
}

func (ch *Channel) wholeProducts(ctx context.Context, catalog int64, ids []int64, attributes bool) ([]ListedProduct, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return nil, err
	}
	return inChunks(ids, productsAtOnce, tooLarge, func(ids []int64) ([]ListedProduct, error) {
		criteria := map[string]any{"Ids": ids, "Context": wireDomain{unit.ChannelID, catalog}, "IncludeAttributes": attributes, "DataLevelValue": dataComplete}
		return listed(ctx, ch, call{op: opProductsSearch, method: http.MethodPost, path: "Products/Search", query: fmt.Sprintf("&$top=%d", len(ids)),
			body: map[string]any{"productSearchCriteria": criteria}})
	})
}

// listed reads rows of whole products.
func listed(ctx context.Context, ch *Channel, r call) ([]ListedProduct, error) {
	rows, err := list[wireListed](ctx, ch, r)
	if err != nil {
		return nil, err
	}
	out := make([]ListedProduct, len(rows))
	for i, row := range rows {
		out[i] = row.product()
	}
	return out, nil
}

// nothing reads an answer that says no more than that it worked.
func nothing(*answer) *fault.Error { return nil }

// Of CommerceEntityDataLevel.
const (
	dataStandard = 2
	dataComplete = 4
)

type wireDomain struct {
	ChannelID int64 `json:"ChannelId"`
	CatalogID int64 `json:"CatalogId"`
}

type wireChanged struct {
	Context              wireDomain
	SynchronizationToken string
	DataLevelValue       int
	Session              *wireSession `json:",omitempty"`
}

type wireSession struct {
	ID                       string `json:"Id"`
	TotalNumberOfProducts    int
	NextSynchronizationToken string
	IsInitialSync            bool
}

func (s Session) wire(token string) *wireSession {
	return &wireSession{s.ID, s.Total, token, s.Initial}
}
