package store

import "math/bits"

// index is a set of entries ordered by sequence number: a tree of 64-way nodes that is as deep as the largest
// number needs (four levels hold 16 million). Numbers grow and messages leave at the front, which would keep a
// balanced tree busy; here put, remove and next touch one node per level.
type index struct {
	root   *node
	levels int
	size   int
}

type node struct {
	used    uint64 // bit i: slot i holds something
	kids    *[64]*node
	entries *[64]*entry
}

func newNode(level int) *node {
	if level == 0 {
		return &node{entries: new([64]*entry)}
	}
	return &node{kids: new([64]*node)}
}

func slot(seq int64, level int) int { return int(seq>>(6*level)) & 63 }

func (x *index) put(e *entry) {
	if x.root == nil {
		x.root, x.levels = newNode(0), 1
	}
	for e.seq>>(6*x.levels) != 0 {
		top := newNode(x.levels)
		top.kids[0] = x.root
		if x.root.used != 0 {
			top.used = 1
		}
		x.root = top
		x.levels++
	}
	n := x.root
	for level := x.levels - 1; level > 0; level-- {
		i := slot(e.seq, level)
		if n.kids[i] == nil {
			n.kids[i] = newNode(level - 1)
		}
		n.used |= 1 << i
		n = n.kids[i]
	}
	i := slot(e.seq, 0)
	if n.used&(1<<i) == 0 {
		x.size++
	}
	n.used |= 1 << i
	n.entries[i] = e
}

func (x *index) remove(seq int64) {
	if x.root != nil && seq>>(6*x.levels) == 0 && x.root.remove(seq, x.levels-1) {
		x.size--
	}
	if x.size == 0 {
		x.root = nil
	}
}

func (n *node) remove(seq int64, level int) bool {
	i := slot(seq, level)
	if n.used&(1<<i) == 0 {
		return false
	}
	if level == 0 {
		n.entries[i] = nil
		n.used &^= 1 << i
		return true
	}
	removed := n.kids[i].remove(seq, level-1)
	if n.kids[i].used == 0 {
		n.kids[i] = nil
		n.used &^= 1 << i
	}
	return removed
}

// get returns the entry with this number, or nil.
func (x *index) get(seq int64) *entry {
	if e := x.next(seq); e != nil && e.seq == seq {
		return e
	}
	return nil
}

// next returns the entry with the smallest number that is not below from, or nil.
func (x *index) next(from int64) *entry {
	from = max(from, 0)
	if x.root == nil || from>>(6*x.levels) != 0 {
		return nil
	}
	return x.root.next(from, x.levels-1)
}

func (n *node) next(from int64, level int) *entry {
	i := slot(from, level)
	for rest := n.used >> i << i; rest != 0; rest &= rest - 1 {
		j := bits.TrailingZeros64(rest)
		if level == 0 {
			return n.entries[j]
		}
		if j != i {
			from = 0
		}
		if e := n.kids[j].next(from, level-1); e != nil {
			return e
		}
	}
	return nil
}
