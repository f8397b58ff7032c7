package lang

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestAReferenceIsDeadExactlyWhenNoAssignmentShowsIt compares the decision diagram with trying all values, for bits
// and for two-bit words, where opaque sums and comparisons are left out.
func TestAReferenceIsDeadExactlyWhenNoAssignmentShowsIt(t *testing.T) {
	dead := 0
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.SampledFrom([]int{0, 2}).Draw(t, "bits")
		e := drawExpr(t, bits, 4, 4)
		u := findUsage(e)
		for _, r := range u.dead {
			dead++
			if matters(e, r.ref, bits) {
				t.Fatalf("%v was called dead in %s", r.ref, show(e))
			}
		}
		for _, r := range u.live {
			if !matters(e, r.ref, bits) {
				t.Fatalf("%v was called live in %s", r.ref, show(e))
			}
		}
	})
	if dead == 0 {
		t.Error("expected some references to cancel, found none: the test shows nothing")
	}
}

func drawExpr(t *rapid.T, bits, vars, depth int) *expr {
	if depth == 0 {
		if rapid.IntRange(0, 4).Draw(t, "leaf") == 0 {
			return &expr{op: OpConst, bits: bits, value: rapid.Uint64Max(maxValue(bits)).Draw(t, "constant")}
		}
		return &expr{op: OpRef, bits: bits, ref: ref{dir: Out, stream: rapid.IntRange(0, vars-1).Draw(t, "ref"), back: 1}}
	}
	sub := func() *expr { return drawExpr(t, bits, vars, depth-1) }
	switch op := rapid.SampledFrom([]Op{OpAnd, OpOr, OpXor, OpNot, OpCond}).Draw(t, "op"); op {
	case OpNot:
		return &expr{op: op, a: sub(), bits: bits}
	case OpCond: // its condition compares bits, which the diagram sees through
		rel := rapid.SampledFrom([]Op{OpEq, OpNe, OpLt, OpLe, OpGt, OpGe}).Draw(t, "rel")
		c := &expr{op: rel, a: drawExpr(t, 0, 1, depth-1), b: drawExpr(t, 0, 1, depth-1)}
		for _, r := range references(c) {
			r.ref = ref{dir: In, stream: 0} // bits of their own
		}
		return &expr{op: op, a: c, b: sub(), c: sub(), bits: bits}
	default:
		return &expr{op: op, a: sub(), b: sub(), bits: bits}
	}
}

// matters tries all values of all references.
func matters(e *expr, target ref, bits int) bool {
	values := map[ref]uint64{}
	var refs []ref
	for _, r := range references(e) {
		if _, ok := values[r.ref]; !ok && r.ref != target {
			values[r.ref] = 0
			refs = append(refs, r.ref)
		}
	}
	width := func(r ref) int {
		if r.dir == In {
			return 0
		}
		return bits
	}
	var try func(i int) bool
	try = func(i int) bool {
		if i < len(refs) {
			for v := range maxValue(width(refs[i])) + 1 {
				values[refs[i]] = v
				if try(i + 1) {
					return true
				}
			}
			return false
		}
		values[target] = 0
		first := evaluate(e, values)
		for v := range maxValue(width(target)) + 1 {
			values[target] = v
			if evaluate(e, values) != first {
				return true
			}
		}
		return false
	}
	return try(0)
}

func evaluate(e *expr, values map[ref]uint64) uint64 {
	switch e.op {
	case OpConst:
		return e.value
	case OpRef:
		return values[e.ref]
	case OpNot:
		return maxValue(e.bits) - evaluate(e.a, values)
	case OpCond:
		if evaluate(e.a, values) == 1 {
			return evaluate(e.b, values)
		}
		return evaluate(e.c, values)
	default:
		return evaluateBoth(e, values)
	}
}

func evaluateBoth(e *expr, values map[ref]uint64) uint64 {
	a, b := evaluate(e.a, values), evaluate(e.b, values)
	switch e.op {
	case OpAnd:
		return a & b
	case OpOr:
		return a | b
	case OpXor:
		return a ^ b
	case OpEq:
		return bit(a == b)
	case OpNe:
		return bit(a != b)
	case OpLt:
		return bit(a < b)
	case OpLe:
		return bit(a <= b)
	case OpGt:
		return bit(a > b)
	default:
		return bit(a >= b)
	}
}

func show(e *expr) string {
	if e == nil {
		return ""
	}
	if e.op == OpRef || e.op == OpConst {
		return fmt.Sprint(e.ref, e.value)
	}
	return "(" + strings.Join([]string{string(e.op), show(e.a), show(e.b), show(e.c)}, " ") + ")"
}

// TestATooLargeDiagramCallsEverythingLive: an equation beyond the limit is taken at its word.
func TestATooLargeDiagramCallsEverythingLive(t *testing.T) {
	// A multiplexer whose data come before its choice in the order has a diagram of 2^n nodes.
	const n = 20
	var left, right []*expr
	for i := range n {
		left = append(left, &expr{op: OpRef, ref: ref{dir: In, stream: i}})
		right = append(right, &expr{op: OpRef, ref: ref{dir: In, stream: n + i}})
	}
	var e *expr
	for i := range n { // all the left ones first, so that they come first in the order
		e = fold(OpAnd, e, left[i])
	}
	same := (*expr)(nil)
	for i := range n {
		same = fold(OpOr, same, &expr{op: OpAnd, a: left[i], b: right[i]})
	}
	u := findUsage(&expr{op: OpXor, a: e, b: same})
	if len(u.live) != 2*n || len(u.dead) != 0 {
		t.Errorf("expected %d live and 0 dead, found %d and %d", 2*n, len(u.live), len(u.dead))
	}
	if f := (&finder{bdd: newBDD(), index: map[string]int32{}, live: map[ref]bool{}}); f.bit(&expr{op: OpXor, a: e, b: same}, 0) >= 0 && !f.bdd.full {
		t.Error("expected the diagram to reach its limit, it did not: the test shows nothing")
	}
}

func fold(op Op, a, b *expr) *expr {
	if a == nil {
		return b
	}
	return &expr{op: op, a: a, b: b}
}
