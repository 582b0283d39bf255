package csuclient

import (
	"errors"
	"slices"
)

// tooLarge says that the answer was larger than what is read.
func tooLarge(err error) bool { return errors.Is(err, errTooLarge) }

// inHalves reads the places from up to to, and where that is too much, one half after the other.
func inHalves[T any](from, to int, tooMuch func(error) bool, read func(from, to int) ([]T, error)) ([]T, error) {
	rows, err := read(from, to)
	if err == nil || to-from < 2 || !tooMuch(err) {
		return rows, err
	}
	middle := from + (to-from)/2
	if rows, err = inHalves(from, middle, tooMuch, read); err != nil {
		return nil, err
	}
	rest, err := inHalves(middle, to, tooMuch, read)
	if err != nil {
		return nil, err
	}
	return append(rows, rest...), nil
}

// inChunks does so for ids, of which no more than so many are asked for at once, and none twice.
func inChunks[T any](ids []int64, atOnce int, tooMuch func(error) bool, read func(ids []int64) ([]T, error)) ([]T, error) {
	var all []T
	for some := range slices.Chunk(distinct(ids), atOnce) {
		rows, err := inHalves(0, len(some), tooMuch, func(from, to int) ([]T, error) { return read(some[from:to]) })
		if err != nil {
			return nil, err
		}
		all = append(all, rows...)
	}
	return all, nil
}

func distinct(ids []int64) []int64 {
	seen, out := make(map[int64]bool, len(ids)), make([]int64, 0, len(ids))
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			out = append(out, id)
		}
	}
	return out
}
