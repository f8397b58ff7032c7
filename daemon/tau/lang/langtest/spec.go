// Package langtest draws random specs and inputs for tests: of the language, and of whatever else runs a spec.
package langtest

import (
	"fmt"
	"slices"
	"strings"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// Shape bounds what is drawn. Its zero value allows the whole subset.
type Shape struct {
	BitsOnly bool // no bit-vectors
	Flat     bool // no conditionals
}

// Draw gives the text of a spec in the subset. Most are accepted; some are refused for the rules about time, which a
// generator that kept them all would have to contain. Every stream's path is its name.
func (shape Shape) Draw(t *rapid.T) string {
	g := &generator{t: t, looked: map[string]bool{}, back: rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3}).Draw(t, "back")}
	width := rapid.SampledFrom([]int{1, 2, 7, 8, 16, 63, 64}).Draw(t, "width")
	types, nesting := []int{0, 0, width}, 2
	if shape.BitsOnly {
		types = []int{0}
	}
	if shape.Flat {
		nesting = 0
	}
	return g.spec(types, nesting)
}

type generator struct {
	t       *rapid.T
	inputs  []stream
	outputs []stream // in the order of evaluation
	back    int      // largest look-back used
	looked  map[string]bool
}

type stream struct {
	name string
	bits int
}

func (s stream) typ() string {
	if s.bits == 0 {
		return "sbf"
	}
	return fmt.Sprintf("bv[%d]", s.bits)
}

func (g *generator) spec(types []int, nesting int) string {
	t := g.t
	for i := range rapid.IntRange(1, 4).Draw(t, "inputs") {
		g.inputs = append(g.inputs, stream{fmt.Sprintf("i%d", i), rapid.SampledFrom(types).Draw(t, "type")})
	}
	for i := range rapid.IntRange(1, 6).Draw(t, "outputs") {
		g.outputs = append(g.outputs, stream{fmt.Sprintf("o%d", i), rapid.SampledFrom(types).Draw(t, "type")})
	}
	var clauses []string
	for i, o := range g.outputs {
		clauses = append(clauses, g.clause(o, g.outputs[:i], rapid.IntRange(0, nesting).Draw(t, "nesting")))
	}
	for _, o := range g.outputs {
		for row := range g.back {
			if g.looked[o.name] && (o.bits > 0 || rapid.Bool().Draw(t, "initial")) {
				clauses = append(clauses, fmt.Sprintf("%s[%d] = %s", o.name, row, g.constant(o.bits)))
			}
		}
	}
	var b strings.Builder
	for _, s := range g.inputs {
		fmt.Fprintf(&b, "%s : %s := in file(%q).\n", s.name, s.typ(), s.name)
	}
	for _, s := range rapid.Permutation(g.outputs).Draw(t, "declared") {
		fmt.Fprintf(&b, "%s : %s := out file(%q).\n", s.name, s.typ(), s.name)
	}
	fmt.Fprintf(&b, "always (%s).\n", strings.Join(rapid.Permutation(clauses).Draw(t, "clauses"), ") &&\n  ("))
	return b.String()
}

func (g *generator) clause(o stream, before []stream, nesting int) string {
	if nesting == 0 {
		return fmt.Sprintf("%s[t] = %s", o.name, g.term(o.bits, before))
	}
	return fmt.Sprintf("(%s) ? (%s) : (%s)", g.condition(before, 2), g.clause(o, before, nesting-1), g.clause(o, before, nesting-1))
}

func (g *generator) condition(before []stream, depth int) string {
	if depth > 0 && rapid.Bool().Draw(g.t, "joined") {
		op := rapid.SampledFrom([]string{"&&", "||"}).Draw(g.t, "join")
		return fmt.Sprintf("(%s) %s (%s)", g.condition(before, depth-1), op, g.condition(before, depth-1))
	}
	in := rapid.SampledFrom(g.inputs).Draw(g.t, "compared")
	op := rapid.SampledFrom([]string{"=", "!=", "<", "<=", ">", ">="}).Draw(g.t, "comparison")
	return fmt.Sprintf("%s[t] %s %s", in.name, op, g.term(in.bits, before))
}

func (g *generator) term(bits int, before []stream) string {
	if bits > 0 && rapid.IntRange(0, 2).Draw(g.t, "arithmetic") == 0 {
		return g.sum(bits, before)
	}
	return g.bitwise(bits, before, rapid.IntRange(0, 4).Draw(g.t, "depth"))
}

func (g *generator) bitwise(bits int, before []stream, depth int) string {
	if depth == 0 {
		if refs := g.refs(bits, before); len(refs) > 0 && rapid.IntRange(0, 5).Draw(g.t, "leaf") > 0 {
			return g.use(rapid.SampledFrom(refs).Draw(g.t, "ref"))
		}
		return g.constant(bits)
	}
	switch op := rapid.SampledFrom([]string{"&", "|", "^", "'", "()"}).Draw(g.t, "op"); op {
	case "'":
		return "(" + g.bitwise(bits, before, depth-1) + ")'"
	case "()":
		return "(" + g.bitwise(bits, before, depth-1) + ")"
	default:
		return g.bitwise(bits, before, depth-1) + " " + op + " " + g.bitwise(bits, before, depth-1)
	}
}

func (g *generator) sum(bits int, before []stream) string {
	refs := rapid.Permutation(g.refs(bits, before)).Draw(g.t, "operands")
	parts := []string{g.constant(bits)}
	for _, r := range refs[:min(len(refs), 3)] {
		parts = append(parts, g.use(r))
	}
	parts = rapid.Permutation(parts).Draw(g.t, "order")
	return g.joined(parts)
}

// joined puts signs between the parts, and parentheses around the rest where it draws them.
func (g *generator) joined(parts []string) string {
	if len(parts) == 1 {
		return parts[0]
	}
	sign := rapid.SampledFrom([]string{" + ", " - "}).Draw(g.t, "sign")
	if rapid.IntRange(0, 3).Draw(g.t, "nested") == 0 {
		return parts[0] + sign + "(" + g.joined(parts[1:]) + ")"
	}
	last := len(parts) - 1
	return g.joined(parts[:last]) + sign + parts[last]
}

// refs lists what a value of this type may be made of.
func (g *generator) refs(bits int, before []stream) (list []string) {
	for _, s := range slices.Concat(g.inputs, before) {
		if s.bits == bits {
			list = append(list, s.name+"[t]")
		}
	}
	for _, s := range g.outputs {
		for back := 1; back <= g.back; back++ {
			if s.bits == bits {
				list = append(list, fmt.Sprintf("%s[t-%d]", s.name, back))
			}
		}
	}
	return list
}

func (g *generator) use(ref string) string {
	if name, _, back := strings.Cut(ref, "[t-"); back {
		g.looked[name] = true
	}
	return ref
}

func (g *generator) constant(bits int) string {
	if bits == 0 {
		return rapid.SampledFrom([]string{"0", "1"}).Draw(g.t, "bit")
	}
	v := rapid.Uint64Max(lang.Stream{Bits: bits}.Max()).Draw(g.t, "constant")
	return fmt.Sprintf("{%d}:bv[%d]", v, bits)
}
