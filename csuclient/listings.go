package csuclient

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/signalbox/signalbox/orchestration/fault"
)

// What the publish status of a channel may be.
const (
	PublishNone       = 0
	PublishDraft      = 1
	PublishInProgress = 2
	PublishPublished  = 3
	PublishFailed     = 4
)

// Listing is a product in one language of one catalogue, in an external shop.
type Listing struct {
	Product  int64  `json:"ProductId"`
	Language string `json:"LanguageId"`
	Catalog  int64  `json:"CatalogId"`
	Tag      string `json:"Tag"` // whatever it was reported with
}

// DeletedListings pages through what was reported as published, and gives those of it that are not sold any more: a page without any is not the
// last unless more is false. They stay until they are reported as deleted; report them only after the last page, since that moves the pages.
func (ch *Channel) DeletedListings(ctx context.Context, catalog int64, skip, top int) (listings []Listing, more bool, err error) {
	if skip < 0 || top < 1 || top > tablePage {
		return nil, false, opListingsDeleted.bug("no page that may be asked for")
	}
	var got struct {
		More     *bool     `json:"HasMorePublishedListings"`
		Listings []Listing `json:"DeletedListings"`
	}
	err = ch.client.do(ctx, call{
		op: opListingsDeleted, method: http.MethodPost, path: "Products/GetDeletedListings", oun: ch.oun,
		body: map[string]any{"catalogId": catalog, "skip": skip, "top": top}, // the one operation with its paging in the body
		read: func(a *answer) *fault.Error {
			if f := a.decode(opListingsDeleted, &got); f != nil {
				return f
			}
			if got.More == nil {
				return opListingsDeleted.unreadable(a, "the answer says nothing of listings")
			}
			return nil
		},
	})
	if err != nil {
		return nil, false, err
	}
	return got.Listings, *got.More, nil
}

// ListingAction is what was done in the external shop.
type ListingAction int

// The actions.
const (
	ListingPublish ListingAction = 1
	ListingDelete  ListingAction = 2
	ListingExpire  ListingAction = 3
)

// ListingState is how far that is.
type ListingState int

// The states. Only what is done counts for DeletedListings.
const (
	ListingInProgress ListingState = 2
	ListingDone       ListingState = 3
	ListingFailed     ListingState = 4
)

// ListingStatus reports what became of a listing.
type ListingStatus struct {
	Listing
	Action     ListingAction
	State      ListingState
	ExternalID string    // in the external shop
	Message    string    // for people in headquarters
	At         time.Time // to the second, as headquarters keeps it; zero: now
}

const listingsAtOnce = 100

// ReportListings tells the CSU what is published. Reporting the same again changes nothing, so what was not answered may be reported again.
func (ch *Channel) ReportListings(ctx context.Context, statuses []ListingStatus) error {
	if len(statuses) == 0 {
		return nil
	}
	unit, err := ch.OrgUnit(ctx)
	if err != nil {
		return err
	}
	for some := range slices.Chunk(statuses, listingsAtOnce) {
		rows := make([]wireListing, len(some))
		for i, s := range some {
			if s.At.IsZero() {
				s.At = time.Now()
			}
			rows[i] = wireListing{unit.ChannelID, s.Catalog, s.Product, s.Language, s.ExternalID, int(s.State), int(s.Action), s.At.UTC().Truncate(time.Second), s.Message, s.Tag}
		}
		err := ch.client.do(ctx, call{op: opListingsReport, method: http.MethodPost, path: "Products/UpdateListingPublishingStatus", oun: ch.oun,
			body: map[string]any{"publishingStatuses": rows}, read: nothing})
		if err != nil {
			return err
		}
	}
	return nil
}

// PublishStatus gives the publish status of the channel.
func (ch *Channel) PublishStatus(ctx context.Context) (int, error) {
	var got struct {
		Value *int `json:"value"`
	}
	err := ch.client.do(ctx, call{
		op: opPublishStatus, method: http.MethodGet, path: "GetOnlineChannelPublishStatus()", oun: ch.oun,
		read: func(a *answer) *fault.Error {
			if f := a.decode(opPublishStatus, &got); f != nil {
				return f
			}
			if got.Value == nil {
				return opPublishStatus.unreadable(a, "the answer is no status")
			}
			return nil
		},
	})
	if err != nil {
		return 0, err
	}
	return *got.Value, nil
}

// SetPublishStatus sets the publish status of the channel, with a message for people in headquarters. The first run that succeeds makes
// PublishInProgress PublishPublished; one that cannot go on says PublishFailed.
func (ch *Channel) SetPublishStatus(ctx context.Context, status int, message string) error {
	return ch.client.do(ctx, call{op: opPublishSet, method: http.MethodPost, path: "SetOnlineChannelPublishStatus", oun: ch.oun,
		body: map[string]any{"publishingStatus": status, "statusMessage": message}, read: nothing})
}

type wireListing struct {
	ChannelID               int64  `json:"ChannelId"`
	CatalogID               int64  `json:"CatalogId"`
	ProductID               int64  `json:"ProductId"`
	LanguageID              string `json:"LanguageId"`
	ChannelListingID        string `json:"ChannelListingId"`
	PublishStatusValue      int
	AppliedActionValue      int
	ListingModifiedDateTime time.Time
	StatusMessage           string
	Tag                     string
}
