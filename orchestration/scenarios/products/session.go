package products

import (
	"cmp"
	"context"
	"errors"

	"github.com/signalbox/signalbox/csuclient"
	"github.com/signalbox/signalbox/orchestration/fault"
	"github.com/signalbox/signalbox/orchestration/feed"
)

// begin makes a session. Beginning once more is harmless: a session that nobody reads ends by itself.
func (p products) begin(ctx context.Context, r *run) error {
	if err := feed.Known(r.Channel, r.In.Sinks); err != nil {
		return err
	}
	if len(r.Channel.Sinks) == 0 {
		return fault.New(fault.Permanent, fault.BusinessRule, "the channel has no sinks, so nobody would be told of its products; name some in channels, then replay")
	}
	switch status, err := p.Catalogue(r.Channel).PublishStatus(ctx); {
	case err != nil:
		return err
	case status != csuclient.PublishPublished && status != csuclient.PublishInProgress: // else the CSU says of everything that it is misconfigured
		return fault.New(fault.Permanent, fault.BusinessRule, "headquarters has not published the channel, so it has no catalogue to give; publish it there, let the jobs run, then replay")
	}
	was, err := p.Memory.Cursor(ctx, feedOf(r))
	if err != nil {
		return feed.Failed(err)
	}
	r.State.Was, r.State.Token = was, was
	if r.In.Full || was == noToken {
		r.State.Token = ""
	}
	return p.beginWith(ctx, r)
}

func (p products) beginWith(ctx context.Context, r *run) error {
	s, err := p.Catalogue(r.Channel).BeginChangedProducts(ctx, r.In.Catalog, r.State.Token)
	if err != nil {
		return err
	}
	r.State.Session, r.State.Skip, r.State.Done = s, 0, false
	return nil
}

// mostLost is how many sessions one run may lose.
const mostLost = 5

// readPage reads the next page. A session that the CSU has lost is begun again with the same token: what was told of it is known by
// its digest.
func (p products) readPage(ctx context.Context, r *run) (bool, error) {
	if err := p.keepTold(ctx, r); err != nil {
		return false, err
	}
	listed, err := p.Catalogue(r.Channel).ChangedProducts(ctx, r.In.Catalog, r.State.Token, r.State.Session, r.State.Skip, p.PageSize)
	if errors.Is(err, csuclient.ErrNotFound) && r.State.Again < mostLost {
		r.State.Again++
		if err := p.beginWith(ctx, r); err != nil {
			return false, err
		}
		listed, err = p.Catalogue(r.Channel).ChangedProducts(ctx, r.In.Catalog, r.State.Token, r.State.Session, 0, p.PageSize)
	}
	if errors.Is(err, csuclient.ErrNotFound) {
		return false, &fault.Error{Kind: fault.Transient, Class: "not_found", Detail: "the CSU does not keep the session of changed products; see that nobody else publishes the channel"}
	}
	if err != nil {
		return false, err
	}
	if err := p.fill(ctx, r, listed); err != nil {
		return false, err
	}
	r.State.Skip += p.PageSize
	r.State.Done = r.State.Skip >= r.State.Session.Total
	return true, nil
}

// isSaved says whether the token is, and what was told last is kept.
func (p products) isSaved(ctx context.Context, r *run) (bool, error) {
	if len(r.State.Told.Told) > 0 {
		return false, nil
	}
	if r.In.chosen() {
		return true, nil
	}
	at, err := p.Memory.Cursor(ctx, feedOf(r))
	return at != r.State.Was || at == next(r), feed.Failed(err)
}

// noToken is where the feed has come to when the CSU gave no token: all was published, and all is read again next time.
const noToken = "-"

func next(r *run) string { return cmp.Or(r.State.Session.Next, noToken) }

// saveToken keeps what the last page told, then the token to begin with next time: all of its records are in the broker.
func (p products) saveToken(ctx context.Context, r *run) error {
	if err := p.keepTold(ctx, r); err != nil {
		return err
	}
	r.State.Told = feed.Pending{}
	if r.In.chosen() {
		return nil
	}
	return feed.Failed(p.Memory.Advance(ctx, feedOf(r), r.State.Was, next(r)))
}

func (p products) end(ctx context.Context, r *run) error {
	return p.Catalogue(r.Channel).EndChangedProducts(ctx, r.State.Session)
}

// isPublished says whether the channel is anything but waiting for its first publication.
func (p products) isPublished(ctx context.Context, r *run) (bool, error) {
	status, err := p.Catalogue(r.Channel).PublishStatus(ctx)
	return status != csuclient.PublishInProgress, err
}

func (p products) publishChannel(ctx context.Context, r *run) error {
	return p.Catalogue(r.Channel).SetPublishStatus(ctx, csuclient.PublishPublished, "Published by Signalbox.")
}
