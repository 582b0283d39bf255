package app

import (
	"github.com/signalbox/signalbox/config"
	"github.com/signalbox/signalbox/internal/keyhash"
)

// Hasher makes the keyed hashes of a configuration, for whoever looks at a fleet's store from outside.
func Hasher(cfg *config.Config) *keyhash.Hasher {
	return keyhash.New(cfg.Hash.KeyID, cfg.Hash.Bytes())
}
