package lang

// condition resolves the condition of a conditional.
func (c *checker) condition(n *Node) *expr {
	switch n.Op {
	case OpConj, OpDisj:
		return &expr{op: n.Op, a: c.condition(n.A), b: c.condition(n.B), pos: n.Pos}
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe:
		bits, ok := c.typeOf(n.A)
		if !ok {
			bits, ok = c.typeOf(n.B)
		}
		if !ok {
			c.errorf(n.Pos, "expected a stream or a typed constant on one side of %q, found only bare constants", n.Op)
			return &expr{op: OpConst}
		}
		return &expr{op: n.Op, a: c.term(n.A, bits), b: c.term(n.B, bits), bits: bits, pos: n.Pos}
	default:
		c.errorf(n.Pos, "expected comparisons joined by && and || as a condition, found %q", n.Op)
		return &expr{op: OpConst}
	}
}

// typeOf finds the first stream or typed constant of a term and gives its type.
func (c *checker) typeOf(n *Node) (bits int, ok bool) {
	switch n.Op {
	case OpConst:
		return n.Bits, n.Bits > 0
	case OpRef:
		at, ok := c.streams[n.Name]
		if !ok {
			return 0, false
		}
		return c.decl(at).Bits, true
	default:
		if bits, ok := c.typeOf(n.A); ok || n.B == nil {
			return bits, ok
		}
		return c.typeOf(n.B)
	}
}

func (c *checker) decl(at ref) Decl {
	if at.dir == In {
		return c.inputs[at.stream]
	}
	return c.outputs[at.stream]
}

// term resolves a value that has to have the type bits.
func (c *checker) term(n *Node, bits int) *expr {
	if isArithmetic(n.Op) {
		seen := map[ref]bool{}
		return c.sum(n, bits, seen)
	}
	return c.bitwise(n, bits)
}

func isArithmetic(op Op) bool { return op == OpAdd || op == OpSub }

func (c *checker) bitwise(n *Node, bits int) *expr {
	switch n.Op {
	case OpRef:
		return c.reference(n, bits)
	case OpConst:
		return c.constant(n, bits)
	case OpNot:
		return &expr{op: OpNot, a: c.bitwise(n.A, bits), bits: bits, pos: n.Pos}
	case OpAnd, OpXor, OpOr:
		return &expr{op: n.Op, a: c.bitwise(n.A, bits), b: c.bitwise(n.B, bits), bits: bits, pos: n.Pos}
	default:
		c.errorf(n.Pos, "expected only & ^ | ' in this term, found %q: the binary's results for sums mixed with bitwise operators are not reliable", n.Op)
		return &expr{op: OpConst, bits: bits}
	}
}

// sum resolves a sum or difference of streams and constants.
func (c *checker) sum(n *Node, bits int, seen map[ref]bool) *expr {
	switch {
	case isArithmetic(n.Op) && bits == 0:
		c.errorf(n.Pos, "expected & ^ | ' between bits, found %q: sums are for bit-vectors", n.Op)
		return &expr{op: OpConst}
	case isArithmetic(n.Op):
		return &expr{op: n.Op, a: c.sum(n.A, bits, seen), b: c.sum(n.B, bits, seen), bits: bits, pos: n.Pos}
	case n.Op == OpRef:
		e := c.reference(n, bits)
		if e.op == OpRef {
			if seen[e.ref] {
				c.errorf(n.Pos, "expected each stream once in a sum, found %s twice: the binary's results for that are not reliable", n.Name)
			}
			seen[e.ref] = true
		}
		return e
	case n.Op == OpConst:
		return c.constant(n, bits)
	}
	c.errorf(n.Pos, "expected streams and constants in a sum, found %q: the binary's results for sums mixed with bitwise operators are not reliable", n.Op)
	return &expr{op: OpConst, bits: bits}
}

func (c *checker) reference(n *Node, bits int) *expr {
	at, ok := c.streams[n.Name]
	bad := &expr{op: OpConst, bits: bits}
	switch {
	case !ok:
		c.undeclared(n)
		return bad
	case n.Row:
		c.errorf(n.Pos, "expected %s[t] or %s[t-1] in a term, found the fixed row %s[%d]", n.Name, n.Name, n.Name, n.At)
		return bad
	case at.dir == In && n.At > 0:
		c.errorf(n.Pos, "expected %s[t], found %s[t-%d]: a look-back at an input makes the binary read lines too early; "+
			"look back at a mirror output, om[t] = %s[t]", n.Name, n.Name, n.At, n.Name)
		return bad
	}
	if d := c.decl(at); d.Bits != bits {
		c.errorf(n.Pos, "expected a value of type %s, found %s of type %s", typeName(bits), n.Name, typeName(d.Bits))
		return bad
	}
	at.back = n.At
	return &expr{op: OpRef, ref: at, bits: bits, pos: n.Pos}
}

func (c *checker) constant(n *Node, bits int) *expr {
	switch {
	case n.Bits == 0 && bits > 0 && n.Value == 1:
		c.errorf(n.Pos, "expected {1}:bv[%d] for one or {%d}:bv[%d] for all ones, found a bare 1, which the binary takes for all ones", bits, maxValue(bits), bits)
	case n.Bits != bits && (n.Bits != 0 || n.Value != 0): // a bare 0 has any type
		c.errorf(n.Pos, "expected a value of type %s, found a constant of type %s", typeName(bits), typeName(n.Bits))
	}
	return &expr{op: OpConst, value: n.Value, bits: bits, pos: n.Pos}
}
