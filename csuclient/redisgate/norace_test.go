//go:build !race

package redisgate_test

const racing = false
