package lang

import (
	"fmt"
	"strings"
)

// expr is a resolved, typed value: what an output is at a tick. Conditionals over equations have become conditional
// values (OpCond with condition A), one for each output, so an expr tree has no equations left. Conditions are exprs
// too, with OpConj, OpDisj and the comparisons.
type expr struct {
	op      Op
	a, b, c *expr
	bits    int // type of the value; of a comparison: type of its operands
	pos     Pos

	ref   ref    // OpRef
	value uint64 // OpConst
}

// ref is one stream at one time.
type ref struct {
	dir    Dir
	stream int // index among the inputs or the outputs
	back   int // ticks ago
}

// model is a checked spec, resolved to indices.
type model struct {
	inputs, outputs []Decl
	def             []*expr        // by output: its value at t
	init            map[row]uint64 // initial values
	lookback        int            // k
	depth           []int          // by output: how far back it is looked at, 0 for never
	dead            []map[ref]bool // by output: references that cancel in its equation
	order           []int          // outputs so that each follows those it reads at t
}

type row struct{ output, row int }

// Check says whether the spec is in the subset that both engines run alike. Findings gives the places of the
// error, which holds all that was found.
func (s *Spec) Check() error {
	_, err := s.resolve()
	return err
}

func (s *Spec) resolve() (*model, error) {
	c := &checker{spec: s, model: &model{init: map[row]uint64{}}, streams: map[string]ref{}, initAt: map[row]Pos{}}
	c.declarations()
	if len(c.errs) == 0 {
		c.equations()
	}
	if len(c.errs) == 0 {
		c.time()
	}
	if err := c.errs.sorted(); err != nil {
		return nil, err
	}
	return c.model, nil
}

type checker struct {
	*model
	spec    *Spec
	streams map[string]ref // by name
	initAt  map[row]Pos
	errs    specErrors
}

func (c *checker) errorf(pos Pos, format string, args ...any) {
	c.errs = append(c.errs, c.spec.src.errorf(pos, format, args...))
}

// reserved names the words that the binary's own grammar could read instead of a stream.
var reserved = map[string]bool{"in": true, "out": true, "i": true, "o": true}

func (c *checker) declarations() {
	paths := map[string]string{}
	for i := range c.spec.Decls {
		d := c.spec.Decls[i]
		want, other := "i", "an input"
		if d.Dir == Out {
			want, other = "o", "an output"
		}
		switch _, twice := c.streams[d.Name]; {
		case twice:
			c.errorf(d.Pos, "expected each stream to be declared once, found %s again", d.Name)
			continue
		case !strings.HasPrefix(d.Name, want):
			c.errorf(d.Pos, "expected the name of %s to start with %q, found %s: the binary takes the direction from the first letter", other, want, d.Name)
		case reserved[d.Name]:
			c.errorf(d.Pos, "expected a longer stream name, found %s", d.Name)
		}
		if first, taken := paths[d.Path]; taken && d.Path != "" {
			c.errorf(d.Pos, "expected a file for each stream, found %q for %s and for %s", d.Path, first, d.Name)
		}
		paths[d.Path] = d.Name
		if d.Dir == In {
			c.streams[d.Name] = ref{dir: In, stream: len(c.inputs)}
			c.inputs = append(c.inputs, d)
		} else {
			c.streams[d.Name] = ref{dir: Out, stream: len(c.outputs)}
			c.outputs = append(c.outputs, d)
		}
	}
	start := Pos{1, 1}
	if len(c.inputs) == 0 {
		c.errorf(start, "expected at least one input stream, found none: without one the binary waits for a key at every step")
	}
	if len(c.outputs) == 0 {
		c.errorf(start, "expected at least one output stream, found none")
	}
}

// definition is an output's value with the place of its equation.
type definition struct {
	value *expr
	pos   Pos
}

type definitions map[int]definition

func (c *checker) equations() {
	defs := definitions{}
	c.body(c.spec.Formula, defs, true)
	c.def = make([]*expr, len(c.outputs))
	for i, d := range c.outputs {
		if def, ok := defs[i]; ok {
			c.def[i] = def.value
		} else if len(c.errs) == 0 { // a bad equation has been reported already; a second message would mislead
			c.errorf(d.Pos, "expected an equation %s[t] = ..., found none: the solver would choose the value", d.Name)
		}
	}
}

// body collects the definitions of a conjunction of clauses. top is false inside a conditional.
func (c *checker) body(n *Node, defs definitions, top bool) {
	switch n.Op {
	case OpConj:
		c.body(n.A, defs, top)
		c.body(n.B, defs, top)
	case OpEq:
		c.equation(n, defs, top)
	case OpCond:
		c.conditional(n, defs)
	default:
		c.errorf(n.Pos, "expected equations o[t] = term and conditionals, joined by &&, found %q: it would leave an output to the solver", n.Op)
	}
}

func (c *checker) equation(n *Node, defs definitions, top bool) {
	left := n.A
	at, ok := c.streams[left.Name]
	switch {
	case left.Op != OpRef:
		c.errorf(n.Pos, "expected an output on the left of =, as in o[t] = term, found a term")
		return
	case !ok:
		c.undeclared(left)
		return
	case at.dir == In:
		c.errorf(left.Pos, "expected an output on the left of =, found the input %s: this would be an assumption on the input", left.Name)
		return
	case left.Row && !top:
		c.errorf(left.Pos, "expected initial values beside the conditionals, found %s[%d] inside one", left.Name, left.At)
		return
	case left.Row:
		c.initial(n, at.stream)
		return
	case left.At != 0:
		c.errorf(left.Pos, "expected %s[t] on the left of =, found %s[t-%d]", left.Name, left.Name, left.At)
		return
	}
	if first, twice := defs[at.stream]; twice {
		c.errorf(left.Pos, "expected one equation for %s[t], found a second one (the first is at %d:%d)", left.Name, first.pos.Line, first.pos.Col)
		return
	}
	defs[at.stream] = definition{c.term(n.B, c.outputs[at.stream].Bits), left.Pos}
}

func (c *checker) initial(n *Node, output int) {
	name, bits, r := n.A.Name, c.outputs[output].Bits, row{output, n.A.At}
	if n.B.Op != OpConst {
		c.errorf(n.B.Pos, "expected a constant as the initial value of %s, found a term", name)
		return
	}
	if first, twice := c.initAt[r]; twice {
		c.errorf(n.A.Pos, "expected one initial value for %s[%d], found a second one (the first is at %d:%d)", name, r.row, first.Line, first.Col)
		return
	}
	c.init[r] = c.term(n.B, bits).value
	c.initAt[r] = n.A.Pos
}

func (c *checker) conditional(n *Node, defs definitions) {
	for _, part := range []struct {
		n    *Node
		name string
	}{{n.A, "condition"}, {n.B, "then part"}, {n.C, "else part"}} {
		if !part.n.Paren {
			c.errorf(n.Pos, "expected the %s of ?: in parentheses, and the whole conditional too before &&: "+
				"&& binds tighter than ?:, so what follows would belong to the else part alone", part.name)
			return
		}
	}
	cond, then, els := c.condition(n.A), definitions{}, definitions{}
	c.body(n.B, then, false)
	c.body(n.C, els, false)
	for i, d := range c.outputs {
		a, inThen := then[i]
		b, inElse := els[i]
		first, twice := defs[i]
		switch {
		case !inThen && !inElse:
		case inThen != inElse:
			where, pos := "else", a.pos
			if inElse {
				where, pos = "then", b.pos
			}
			c.errorf(pos, "expected %s[t] in both parts of the conditional, found none in the %s part: the solver would choose the value there", d.Name, where)
		case twice:
			c.errorf(a.pos, "expected one equation for %s[t], found a second one (the first is at %d:%d)", d.Name, first.pos.Line, first.pos.Col)
		default:
			defs[i] = definition{&expr{op: OpCond, a: cond, b: a.value, c: b.value, bits: d.Bits, pos: n.Pos}, a.pos}
		}
	}
}

func (c *checker) undeclared(n *Node) {
	c.errorf(n.Pos, "expected a declared stream, found %s: the binary would read or write it on the console", n.Name)
}

func typeName(bits int) string {
	if bits == 0 {
		return "sbf"
	}
	return fmt.Sprintf("bv[%d]", bits)
}
