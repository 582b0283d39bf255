package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/signalbox/signalbox/internal/cli/bindings"
	"github.com/signalbox/signalbox/mapping"
	"github.com/signalbox/signalbox/mapping/redistable"
)

// sampleBindings are enough to tell a wrong key, under which none is found, from a channel that was taken out.
const sampleBindings = 200

// hash looks for some of the bindings under the keys that this configuration makes.
func (e redisExam) hash(ctx context.Context) Finding {
	found, lost := 0, 0
	enough := errors.New("enough")
	err := redistable.New(e.Client, e.Keys).Walk(ctx, bindings.Places(e.Kinds, e.Config.Channels), func(b mapping.Entry) error {
		if b.Ref.Kind == "" {
			lost++
		} else {
			found++
		}
		if found+lost == sampleBindings {
			return enough
		}
		return nil
	})
	switch {
	case err != nil && !errors.Is(err, enough):
		return unknown(checkRedisHash, "", err.Error(), "")
	case found+lost == 0:
		return ok(checkRedisHash, "", "nothing is bound yet")
	case found == 0:
		return fail(checkRedisHash, "", fmt.Sprintf("none of %d bindings is found", lost), "give the hash.key and the channels that they were made with")
	case lost > 0:
		return warn(checkRedisHash, "", fmt.Sprintf("%d of %d bindings belong to no channel", lost, found+lost), "add the channel that they were made for, if its events still come")
	}
	return ok(checkRedisHash, "", fmt.Sprintf("%d of the bindings were looked for and found", found))
}
