package lang

import (
	"fmt"
	"slices"
	"strings"
)

// usage says which references of an equation can change its value and which cancel. One entry for each stream and
// time, the first place in the text standing for all.
type usage struct{ live, dead []*expr }

// findUsage decides by a binary decision diagram for each bit position of the value: a reference matters if and only
// if it is in the support of one of them. Sums and comparisons of bit-vectors are opaque variables of the diagram.
func findUsage(e *expr) *usage {
	f := &finder{bdd: newBDD(), index: map[string]int32{}, live: map[ref]bool{}}
	for bit := range positions(e) {
		if !f.support(f.bit(e, bit), map[int32]bool{}) {
			break
		}
	}
	u := &usage{}
	seen := map[ref]bool{}
	for _, r := range references(e) {
		if seen[r.ref] {
			continue
		}
		seen[r.ref] = true
		if f.live[r.ref] || f.bdd.full {
			u.live = append(u.live, r)
		} else {
			u.dead = append(u.dead, r)
		}
	}
	return u
}

func positions(e *expr) int { return max(e.bits, 1) }

// finder turns bits of an expr into diagrams.
type finder struct {
	bdd   *bdd
	vars  []*expr // by variable: the reference, sum or comparison it stands for
	index map[string]int32
	live  map[ref]bool
}

// bit gives the diagram of one bit of a value, or of a condition (bit 0).
func (f *finder) bit(e *expr, n int) int32 {
	if f.bdd.full {
		return bddFalse
	}
	switch e.op {
	case OpConst:
		return int32(e.value >> n & 1)
	case OpRef:
		return f.variable(e, fmt.Sprintf("%v.%d", e.ref, n))
	case OpNot:
		return f.bdd.ite(f.bit(e.a, n), bddFalse, bddTrue)
	case OpAnd, OpConj:
		return f.bdd.ite(f.bit(e.a, n), f.bit(e.b, n), bddFalse)
	case OpOr, OpDisj:
		return f.bdd.ite(f.bit(e.a, n), bddTrue, f.bit(e.b, n))
	case OpXor:
		return f.bdd.xor(f.bit(e.a, n), f.bit(e.b, n))
	case OpCond:
		return f.bdd.ite(f.bit(e.a, 0), f.bit(e.b, n), f.bit(e.c, n))
	case OpAdd, OpSub:
		return f.variable(e, fmt.Sprintf("%s.%d", key(e), n))
	default:
		return f.comparison(e)
	}
}

func (f *finder) comparison(e *expr) int32 {
	if e.bits > 0 {
		return f.variable(e, key(e))
	}
	a, b := f.bit(e.a, 0), f.bit(e.b, 0)
	switch e.op {
	case OpEq:
		return f.bdd.ite(f.bdd.xor(a, b), bddFalse, bddTrue)
	case OpNe:
		return f.bdd.xor(a, b)
	case OpLt:
		return f.bdd.ite(a, bddFalse, b)
	case OpLe:
		return f.bdd.ite(a, b, bddTrue)
	case OpGt:
		return f.bdd.ite(b, bddFalse, a)
	default: // OpGe
		return f.bdd.ite(b, a, bddTrue)
	}
}

func (f *finder) variable(e *expr, key string) int32 {
	v, ok := f.index[key]
	if !ok {
		v = int32(len(f.vars))
		f.index[key] = v
		f.vars = append(f.vars, e)
	}
	return f.bdd.node(v, bddFalse, bddTrue)
}

// support marks what the diagram depends on; it is false when the diagram grew too large to say.
func (f *finder) support(root int32, seen map[int32]bool) bool {
	if f.bdd.full {
		return false
	}
	if root <= bddTrue || seen[root] {
		return true
	}
	seen[root] = true
	n := f.bdd.nodes[root]
	f.mark(f.vars[n.v])
	f.support(n.lo, seen)
	f.support(n.hi, seen)
	return true
}

// mark notes what a variable of the diagram stands for. In an opaque comparison a bitwise side may cancel in itself.
func (f *finder) mark(e *expr) {
	switch {
	case e.op == OpRef:
		f.live[e.ref] = true
	case isArithmetic(e.op):
		for _, r := range references(e) {
			f.live[r.ref] = true
		}
	default:
		for _, side := range []*expr{e.a, e.b} {
			for _, r := range findUsage(side).live {
				f.live[r.ref] = true
			}
		}
	}
}

// key writes an opaque value so that equal ones share a variable.
func key(e *expr) string {
	var b strings.Builder
	var walk func(e *expr)
	walk = func(e *expr) {
		switch e.op {
		case OpRef:
			fmt.Fprint(&b, e.ref)
		case OpConst:
			fmt.Fprint(&b, e.value)
		default:
			b.WriteString("(" + string(e.op))
			for _, k := range []*expr{e.a, e.b} {
				if k != nil {
					b.WriteByte(' ')
					walk(k)
				}
			}
			b.WriteByte(')')
		}
	}
	walk(e)
	return b.String()
}

// bdd is a reduced ordered binary decision diagram, enough of one to ask for a function's support.
type bdd struct {
	nodes  []bddNode
	unique map[bddNode]int32
	cache  map[[3]int32]int32
	full   bool // too large: nothing is known
}

type bddNode struct{ v, lo, hi int32 }

const (
	bddFalse, bddTrue = int32(0), int32(1)
	bddLimit          = 50_000 // nodes; a hand-written equation needs fewer than a hundred
)

func newBDD() *bdd {
	leaf := bddNode{v: 1 << 30}
	return &bdd{nodes: slices.Repeat([]bddNode{leaf}, 2), unique: map[bddNode]int32{}, cache: map[[3]int32]int32{}}
}

func (d *bdd) node(v, lo, hi int32) int32 {
	if lo == hi {
		return lo
	}
	n := bddNode{v, lo, hi}
	id, ok := d.unique[n]
	if !ok {
		if len(d.nodes) >= bddLimit {
			d.full = true
			return bddFalse
		}
		id = int32(len(d.nodes))
		d.nodes = append(d.nodes, n)
		d.unique[n] = id
	}
	return id
}

func (d *bdd) xor(a, b int32) int32 { return d.ite(a, d.ite(b, bddFalse, bddTrue), b) }

// ite is "if c then a else b".
func (d *bdd) ite(c, a, b int32) int32 {
	switch {
	case d.full || c == bddFalse:
		return b
	case c == bddTrue || a == b:
		return a
	}
	k := [3]int32{c, a, b}
	if r, ok := d.cache[k]; ok {
		return r
	}
	v := min(d.nodes[c].v, d.nodes[a].v, d.nodes[b].v)
	split := func(n int32) (lo, hi int32) {
		if d.nodes[n].v == v {
			return d.nodes[n].lo, d.nodes[n].hi
		}
		return n, n
	}
	c0, c1 := split(c)
	a0, a1 := split(a)
	b0, b1 := split(b)
	r := d.node(v, d.ite(c0, a0, b0), d.ite(c1, a1, b1))
	d.cache[k] = r
	return r
}
