package csu

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"
)

// The values of OnlineChannelPublishStatusType.
const (
	StatusNone       = 0
	StatusDraft      = 1
	StatusInProgress = 2
	StatusPublished  = 3
	StatusFailed     = 4
)

// Of PublishingAction, and of ListingPublishingActionStatus.
const (
	actionPublish = 1
	actionDelete  = 2
	actionExpire  = 3
	statusDone    = 3
)

type channelStatus struct {
	status  int
	message string
}

// channelStatus is a channel's publish status for whoever holds the lock; Published unless it was set.
func (s *Simulator) channelStatus(oun string) channelStatus {
	if is, set := s.store.publishing.channels[oun]; set {
		return is
	}
	return channelStatus{status: StatusPublished}
}

func (c *call) refuseUnpublished() *apiError {
	if is := c.sim.channelStatus(c.oun).status; is != StatusPublished && is != StatusInProgress {
		return &apiError{http.StatusBadRequest, typeConfiguration, idChannelUnpublished, "the channel is not published", nil}
	}
	return nil
}

// getPublishStatus answers GetOnlineChannelPublishStatus().
func (c *call) getPublishStatus() (reply, *apiError) {
	c.sim.mu.Lock()
	defer c.sim.mu.Unlock()
	return reply{status: http.StatusOK, body: map[string]any{"@odata.context": c.origin() + "$metadata#Edm.Int32", "value": c.sim.channelStatus(c.oun).status}}, nil
}

// setPublishStatus answers SetOnlineChannelPublishStatus.
func (c *call) setPublishStatus() (reply, *apiError) {
	body, err := c.parameters("publishingStatus", "statusMessage")
	if err != nil {
		return reply{}, err
	}
	if err := needNumbers(body, "publishingStatus"); err != nil {
		return reply{}, err
	}
	if !text.accepts(body["statusMessage"]) {
		return reply{}, badRequest(idModelError, "statusMessage is no text")
	}
	to := channelStatus{int(num(body, "publishingStatus")), str(body, "statusMessage")}
	if to.status < StatusNone || to.status > StatusFailed {
		return reply{}, invalid(idInvalidRequest, "there is no such publish status")
	}
	return c.commitPublishing(func(db *publishing) *apiError {
		db.channels[c.oun] = to
		return nil
	})
}

// commitPublishing waits until the write is due, then makes it.
func (c *call) commitPublishing(make func(*publishing) *apiError) (reply, *apiError) {
	if !c.wait(PointCommit) {
		return reply{}, gone
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.generation != c.generation {
		return reply{}, gone
	}
	if err := make(&s.store.publishing); err != nil {
		return reply{}, err
	}
	return reply{status: http.StatusNoContent, effect: s.record(c, "", "")}, nil
}

// PublishStatus is a channel's, with its message.
func (s *Simulator) PublishStatus(oun string) (status int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	is := s.channelStatus(oun)
	return is.status, is.message
}

// SetPublishStatus does what a publisher, or a person in headquarters, does to the status of a channel.
func (s *Simulator) SetPublishStatus(oun string, status int, message string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if status < StatusNone || status > StatusFailed {
		return fmt.Errorf("%d is no publish status", status)
	}
	if !slices.ContainsFunc(s.opts.Channels, func(ch Channel) bool { return ch.OUN == oun }) {
		return fmt.Errorf("there is no channel %q", oun)
	}
	s.store.publishing.channels[oun] = channelStatus{status, message}
	return nil
}

// Listing is a product that somebody reported as published.
type Listing struct {
	OUN       string    `json:"oun"`
	Catalog   int64     `json:"catalog"`
	Product   int64     `json:"product"`
	Language  string    `json:"language"`
	Tag       string    `json:"tag,omitempty"`
	ChannelID string    `json:"channelListingId,omitempty"` // in the external shop
	Modified  time.Time `json:"modified"`
}

type listingKey struct {
	oun      string
	catalog  int64
	product  int64
	language string
}

// Listings lists what is published, as far as it was reported.
func (s *Simulator) Listings() []Listing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.listings(func(Listing) bool { return true })
}

func (s *Simulator) listings(wanted func(Listing) bool) []Listing {
	out := []Listing{}
	for _, l := range s.store.publishing.listings {
		if wanted(l) {
			out = append(out, l)
		}
	}
	slices.SortFunc(out, func(a, b Listing) int {
		return cmp.Or(cmp.Compare(a.OUN, b.OUN), cmp.Compare(a.Catalog, b.Catalog), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Language, b.Language))
	})
	return out
}

type identityRow struct {
	ProductID  int64  `json:"ProductId"`
	LanguageID string `json:"LanguageId"`
	CatalogID  int64  `json:"CatalogId"`
	Tag        string `json:"Tag"`
}

// deletedListings answers Products/GetDeletedListings. Its pages are of what is published (the result says whether more is), and of each it gives
// those that are not sold any more: a page without any is not the last one (inferred from the name of the member and from the sample).
func (c *call) deletedListings() (reply, *apiError) {
	body, err := c.parameters("catalogId", "skip", "top")
	if err != nil {
		return reply{}, err
	}
	if err := needNumbers(body, "catalogId", "skip", "top"); err != nil {
		return reply{}, err
	}
	catalog, skip, top := num(body, "catalogId"), int(num(body, "skip")), int(num(body, "top"))
	if skip < 0 || top < 0 {
		return reply{}, badRequest(idBadRequest, "skip and top are not negative")
	}
	s := c.sim
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := c.refuseUnpublished(); err != nil {
		return reply{}, err
	}
	if err := c.knownCatalog(s.opts, catalog); err != nil {
		return reply{}, err
	}
	published := s.listings(func(l Listing) bool { return l.OUN == c.oun && l.Catalog == catalog })
	end, rows := min(skip+min(top, maxTop), len(published)), []identityRow{}
	for _, l := range published[min(skip, len(published)):end] {
		if _, sold := s.opts.sold(l.Product, c.oun); !sold {
			rows = append(rows, identityRow{l.Product, l.Language, l.Catalog, l.Tag})
		}
	}
	return reply{status: http.StatusOK, body: map[string]any{
		"@odata.context":           c.origin() + "$metadata#Microsoft.Dynamics.Commerce.Runtime.DataModel.DeletedListingsResult",
		"HasMorePublishedListings": end < len(published), "DeletedListings": rows,
	}}, nil
}

var listingMembers = declare(map[memberType]string{
	key:        "LanguageId",
	text:       "ChannelListingId StatusMessage Tag",
	integer32:  "PublishStatusValue AppliedActionValue",
	integer64:  "ChannelId CatalogId ProductId",
	moment:     "ListingModifiedDateTime",
	collection: "ExtensionProperties",
})

// updateListings answers Products/UpdateListingPublishingStatus: all of them or none. Only what is done changes what is published.
func (c *call) updateListings() (reply, *apiError) {
	body, err := c.parameters("publishingStatuses")
	if err != nil {
		return reply{}, err
	}
	if _, ok := body["publishingStatuses"].([]any); !ok {
		return reply{}, badRequest(idMissingArgument, "publishingStatuses is missing")
	}
	if err := listingMembers.takeAll("publishingStatuses", body["publishingStatuses"]); err != nil {
		return reply{}, err
	}
	statuses := entries(body, "publishingStatuses")
	o := c.sim.options()
	for _, status := range statuses {
		if err := c.refuseStatus(o, status); err != nil {
			return reply{}, err
		}
	}
	return c.commitPublishing(func(db *publishing) *apiError {
		for _, status := range statuses {
			db.report(c.oun, status)
		}
		return nil
	})
}

func (c *call) refuseStatus(o Options, status map[string]any) *apiError {
	for _, name := range []string{"ChannelId", "CatalogId", "ProductId"} {
		if _, given := status[name].(json.Number); !given {
			return invalid(idRequired, name+" is required")
		}
	}
	if str(status, "LanguageId") == "" {
		return invalid(idRequired, "LanguageId is required")
	}
	if err := c.ownChannel(o, num(status, "ChannelId")); err != nil {
		return err
	}
	return c.knownCatalog(o, num(status, "CatalogId"))
}

func (db *publishing) report(oun string, status map[string]any) {
	k := listingKey{oun, num(status, "CatalogId"), num(status, "ProductId"), str(status, "LanguageId")}
	if num(status, "PublishStatusValue") != statusDone {
		return
	}
	switch num(status, "AppliedActionValue") {
	case actionPublish:
		at, err := time.Parse(time.RFC3339, str(status, "ListingModifiedDateTime"))
		if err != nil {
			at = time.Now()
		}
		// Headquarters keeps it to the second.
		db.listings[k] = Listing{k.oun, k.catalog, k.product, k.language, str(status, "Tag"), str(status, "ChannelListingId"), at.UTC().Truncate(time.Second)}
	case actionDelete, actionExpire:
		delete(db.listings, k)
	}
}
