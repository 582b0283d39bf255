package redislink

import "strings"

// Slots is how many hash slots a Cluster has.
const Slots = 16384

// Slot is the hash slot of a key: of what stands between its first { and the } behind that, if it has such a tag. It is
// the CRC-16 of XMODEM, as the specification of Redis Cluster says.
func Slot(key string) int {
	if _, behind, ok := strings.Cut(key, "{"); ok {
		if tag, _, ok := strings.Cut(behind, "}"); ok && tag != "" {
			key = tag
		}
	}
	var crc uint16
	for i := range len(key) {
		crc ^= uint16(key[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % Slots
}
