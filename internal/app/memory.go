package app

import (
	"context"

	"github.com/signalbox/signalbox/orchestration/feed"
	"github.com/signalbox/signalbox/orchestration/redisfeed"
)

// memory is what was told of feeds, in the store, which is opened after the scenarios are made.
type memory struct{ a *App }

func (m memory) kept() *redisfeed.Memory { return redisfeed.New(m.a.redis, m.a.keys()) }

func (m memory) Cursor(ctx context.Context, f feed.Feed) (string, error) {
	return m.kept().Cursor(ctx, f)
}

func (m memory) Advance(ctx context.Context, f feed.Feed, was, to string) error {
	return m.kept().Advance(ctx, f, was, to)
}

func (m memory) Recall(ctx context.Context, f feed.Feed, ids []string) (map[string]feed.Entry, error) {
	return m.kept().Recall(ctx, f, ids)
}

func (m memory) Keep(ctx context.Context, f feed.Feed, entries map[string]feed.Entry) error {
	return m.kept().Keep(ctx, f, entries)
}

func (m memory) Settle(ctx context.Context, f feed.Feed, token string, kept map[string]feed.Entry, gone []string) error {
	return m.kept().Settle(ctx, f, token, kept, gone)
}

func (m memory) Bucket(ctx context.Context, f feed.Feed, bucket int) (map[string]feed.Entry, error) {
	return m.kept().Bucket(ctx, f, bucket)
}

func (m memory) Walk(ctx context.Context, f feed.Feed, from, least int) (map[string]feed.Entry, int, error) {
	return m.kept().Walk(ctx, f, from, least)
}
