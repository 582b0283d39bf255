//go:build race

package redisgate_test

// racing: the detector looks at accesses, so one fleet is enough for it.
const racing = true
