package lang_test

import (
	"math/big"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// reference is a naive evaluator to compare the compiled one with: it walks the parsed formula anew for every value of
// every row, keeps all rows, counts in big integers, and knows nothing of the checker's or compiler's model.
type reference struct {
	spec   *lang.Spec
	k      int
	inputs [][]uint64         // by input line
	bits   map[string]int     // by stream
	isIn   map[string]int     // index of an input
	memo   []map[string]value // by row
}

type value = *big.Int

func newReference(s *lang.Spec, inputs [][]uint64) *reference {
	r := &reference{spec: s, inputs: inputs, bits: map[string]int{}, isIn: map[string]int{}}
	for _, d := range s.Decls {
		r.bits[d.Name] = max(d.Bits, 1)
		if d.Dir == lang.In {
			r.isIn[d.Name] = len(r.isIn)
		}
	}
	r.k = largest(s.Formula)
	return r
}

// largest is the largest look-back in the text: in an accepted spec none is larger than those that matter.
func largest(n *lang.Node) int {
	if n == nil {
		return 0
	}
	k := max(largest(n.A), largest(n.B), largest(n.C))
	if n.Op == lang.OpRef && !n.Row {
		k = max(k, n.At)
	}
	return k
}

// rows gives all rows of all outputs, the initial ones included.
func (r *reference) rows() (rows [][]uint64) {
	for t := range r.k + len(r.inputs) {
		r.memo = append(r.memo, map[string]value{})
		var row []uint64
		for _, d := range r.spec.Decls {
			if d.Dir == lang.Out {
				row = append(row, r.at(d.Name, t).Uint64())
			}
		}
		rows = append(rows, row)
	}
	return rows
}

func (r *reference) at(name string, t int) value {
	if i, ok := r.isIn[name]; ok {
		return new(big.Int).SetUint64(r.inputs[t-r.k][i])
	}
	if v, ok := r.memo[t][name]; ok {
		return v
	}
	v := r.search(r.spec.Formula, name, t)
	if v == nil {
		v = new(big.Int)
	}
	r.memo[t][name] = v
	return v
}

// search finds the clause that says what the output is in row t.
func (r *reference) search(n *lang.Node, name string, t int) value {
	switch n.Op {
	case lang.OpConj:
		if v := r.search(n.A, name, t); v != nil {
			return v
		}
		return r.search(n.B, name, t)
	case lang.OpCond:
		if t < r.k || !mentions(n, name) {
			return nil
		}
		if r.holds(n.A, t) {
			return r.search(n.B, name, t)
		}
		return r.search(n.C, name, t)
	default: // an equation or an initial value
		initial := n.A.Row && n.A.At == t && t < r.k
		if n.A.Name == name && (initial || !n.A.Row && t >= r.k) {
			return r.eval(n.B, t, r.bits[name])
		}
		return nil
	}
}

// mentions says whether a conditional defines the output, so that searching another one does not evaluate it.
func mentions(n *lang.Node, name string) bool {
	switch n.Op {
	case lang.OpConj:
		return mentions(n.A, name) || mentions(n.B, name)
	case lang.OpCond:
		return mentions(n.B, name)
	default:
		return n.A.Name == name
	}
}

func (r *reference) holds(n *lang.Node, t int) bool {
	switch n.Op {
	case lang.OpConj:
		return r.holds(n.A, t) && r.holds(n.B, t)
	case lang.OpDisj:
		return r.holds(n.A, t) || r.holds(n.B, t)
	default:
		bits := r.width(n)
		return compare(n.Op, r.eval(n.A, t, bits).Cmp(r.eval(n.B, t, bits)))
	}
}

// compare says what a comparison makes of the sign of a - b.
func compare(op lang.Op, sign int) bool {
	return map[lang.Op]bool{
		lang.OpEq: sign == 0, lang.OpNe: sign != 0, lang.OpLt: sign < 0, lang.OpLe: sign <= 0, lang.OpGt: sign > 0, lang.OpGe: sign >= 0,
	}[op]
}

func (r *reference) width(n *lang.Node) int {
	if n == nil {
		return 0
	}
	if n.Op == lang.OpRef {
		return r.bits[n.Name]
	}
	return max(n.Bits, r.width(n.A), r.width(n.B))
}

func (r *reference) eval(n *lang.Node, t, bits int) value {
	v, size := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(bits))
	switch n.Op {
	case lang.OpRef:
		return r.at(n.Name, t-n.At)
	case lang.OpConst:
		return v.SetUint64(n.Value)
	case lang.OpNot:
		v.Sub(size, big.NewInt(1))
		return v.Sub(v, r.eval(n.A, t, bits))
	case lang.OpAnd:
		return v.And(r.eval(n.A, t, bits), r.eval(n.B, t, bits))
	case lang.OpOr:
		return v.Or(r.eval(n.A, t, bits), r.eval(n.B, t, bits))
	case lang.OpXor:
		return v.Xor(r.eval(n.A, t, bits), r.eval(n.B, t, bits))
	case lang.OpAdd:
		v.Add(r.eval(n.A, t, bits), r.eval(n.B, t, bits))
	default: // lang.OpSub
		v.Sub(r.eval(n.A, t, bits), r.eval(n.B, t, bits))
	}
	return v.Mod(v, size) // Euclidean: never negative
}
