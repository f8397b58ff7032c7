package lang

// builder makes the nodes of all equations, each distinct one once, and simplifies as it goes. Simplification here is
// for speed only: what cancels was settled by the checker.
type builder struct {
	model  *model
	nodes  []node
	index  map[node]int
	output []int // by output: the node of its value at t
	memo   map[*expr]int
}

type nodeKind uint8

const (
	constant nodeKind = iota
	input
	past // an output, some ticks ago
	computed
)

type node struct {
	kind    nodeKind
	value   uint64 // constant
	stream  int    // input, past
	back    int    // past
	op      opcode // computed
	a, b, c int    // operands, indices of nodes
}

func newBuilder(m *model) *builder {
	return &builder{model: m, index: map[node]int{}, output: make([]int, len(m.outputs))}
}

func (b *builder) intern(n node) int {
	id, ok := b.index[n]
	if !ok {
		id = len(b.nodes)
		b.nodes = append(b.nodes, n)
		b.index[n] = id
	}
	return id
}

func (b *builder) constant(v uint64) int { return b.intern(node{kind: constant, value: v}) }

func (b *builder) isConst(id int) (uint64, bool) {
	n := b.nodes[id]
	return n.value, n.kind == constant
}

// value builds the equation of output o. Comparisons share the memo of one equation only, because which references
// cancel differs between equations.
func (b *builder) value(o int, e *expr) int {
	b.memo = map[*expr]int{}
	return b.expr(e, b.model.dead[o])
}

func (b *builder) expr(e *expr, dead map[ref]bool) int {
	if id, ok := b.memo[e]; ok {
		return id
	}
	id := b.build(e, dead)
	b.memo[e] = id
	return id
}

func (b *builder) build(e *expr, dead map[ref]bool) int {
	switch e.op {
	case OpConst:
		return b.constant(e.value)
	case OpRef:
		return b.reference(e.ref, dead)
	case OpNot:
		return b.xor(b.expr(e.a, dead), b.constant(maxValue(e.bits)))
	case OpCond:
		return b.choose(b.expr(e.a, dead), b.expr(e.b, dead), b.expr(e.c, dead))
	default:
		return b.combine(e, b.expr(e.a, dead), b.expr(e.b, dead))
	}
}

// combine builds an operation of two operands.
func (b *builder) combine(e *expr, x, y int) int {
	switch e.op {
	case OpAnd, OpConj:
		return b.and(x, y)
	case OpOr, OpDisj:
		return b.or(x, y)
	case OpXor:
		return b.xor(x, y)
	case OpAdd:
		return b.wrap(b.binary(opAdd, x, y), e.bits)
	case OpSub:
		return b.wrap(b.binary(opSub, x, y), e.bits)
	case OpEq:
		return b.binary(opEq, x, y)
	case OpNe:
		return b.binary(opNe, x, y)
	case OpLt:
		return b.binary(opLt, x, y)
	case OpLe:
		return b.binary(opLe, x, y)
	case OpGt:
		return b.binary(opLt, y, x)
	default: // OpGe
		return b.binary(opLe, y, x)
	}
}

func (b *builder) reference(r ref, dead map[ref]bool) int {
	switch {
	case dead[r]:
		return b.constant(0) // any value does; this one keeps the state as small as the binary's
	case r.dir == In:
		return b.intern(node{kind: input, stream: r.stream})
	case r.back == 0:
		return b.output[r.stream] // built before: outputs come in the checker's order
	}
	return b.intern(node{kind: past, stream: r.stream, back: r.back})
}

// wrap reduces a sum modulo 2^bits. At 64 bits the machine word does it.
func (b *builder) wrap(id, bits int) int { return b.and(id, b.constant(maxValue(bits))) }

func (b *builder) and(x, y int) int {
	x, y = order(x, y)
	vx, cx := b.isConst(x)
	vy, cy := b.isConst(y)
	switch {
	case x == y || cy && vy == ^uint64(0):
		return x
	case cx && vx == ^uint64(0):
		return y
	case cx && vx == 0 || cy && vy == 0:
		return b.constant(0)
	}
	if z, ok := b.bitComplement(y); ok && b.isBit(x) {
		return b.binary(opAndNot, x, z)
	}
	if z, ok := b.bitComplement(x); ok && b.isBit(y) {
		return b.binary(opAndNot, y, z)
	}
	return b.binary(opAnd, x, y)
}

func (b *builder) or(x, y int) int {
	x, y = order(x, y)
	vx, cx := b.isConst(x)
	vy, cy := b.isConst(y)
	switch {
	case x == y || cy && vy == 0:
		return x
	case cx && vx == 0:
		return y
	}
	return b.binary(opOr, x, y)
}

func (b *builder) xor(x, y int) int {
	x, y = order(x, y)
	vx, cx := b.isConst(x)
	vy, cy := b.isConst(y)
	switch {
	case x == y:
		return b.constant(0)
	case cx && vx == 0:
		return y
	case cy && vy == 0:
		return x
	}
	if z, ok := b.bitComplement(x); ok && cy && vy == 1 { // x'' of a bit
		return z
	}
	if z, ok := b.bitComplement(y); ok && cx && vx == 1 {
		return z
	}
	return b.binary(opXor, x, y)
}

func (b *builder) choose(c, x, y int) int {
	if v, ok := b.isConst(c); ok {
		if v == 1 {
			return x
		}
		return y
	}
	if x == y {
		return x
	}
	vx, cx := b.isConst(x)
	vy, cy := b.isConst(y)
	if cx && cy && vx == 1 && vy == 0 { // (c) ? (o = 1) : (o = 0): the condition itself
		return c
	}
	return b.intern(node{kind: computed, op: opSelect, a: x, b: y, c: c})
}

func (b *builder) binary(op opcode, x, y int) int {
	if op != opAndNot && op != opSub && op != opLt && op != opLe {
		x, y = order(x, y)
	}
	vx, cx := b.isConst(x)
	vy, cy := b.isConst(y)
	if cx && cy {
		return b.constant(apply(op, vx, vy))
	}
	return b.intern(node{kind: computed, op: op, a: x, b: y})
}

// bitComplement gives x when the node is x' of a single bit.
func (b *builder) bitComplement(id int) (int, bool) {
	n := b.nodes[id]
	if n.kind != computed || n.op != opXor {
		return 0, false
	}
	for _, pair := range [][2]int{{n.a, n.b}, {n.b, n.a}} {
		if v, ok := b.isConst(pair[1]); ok && v == 1 && b.isBit(pair[0]) {
			return pair[0], true
		}
	}
	return 0, false
}

// isBit says whether a node is known to be 0 or 1.
func (b *builder) isBit(id int) bool {
	n := b.nodes[id]
	switch n.kind {
	case constant:
		return n.value <= 1
	case input:
		return b.model.inputs[n.stream].Max() == 1
	case past:
		return b.model.outputs[n.stream].Max() == 1
	default: // computed: below
	}
	switch n.op {
	case opEq, opNe, opLt, opLe:
		return true
	case opAnd:
		return b.isBit(n.a) || b.isBit(n.b)
	case opAndNot:
		return b.isBit(n.a)
	case opOr, opXor, opSelect:
		return b.isBit(n.a) && b.isBit(n.b)
	default: // sums
		return false
	}
}

func order(x, y int) (int, int) {
	if x > y {
		return y, x
	}
	return x, y
}

// apply computes one instruction on constants.
func apply(op opcode, x, y uint64) uint64 {
	switch op {
	case opAnd:
		return x & y
	case opAndNot:
		return x &^ y
	case opOr:
		return x | y
	case opXor:
		return x ^ y
	case opAdd:
		return x + y
	case opSub:
		return x - y
	case opEq:
		return bit(x == y)
	case opNe:
		return bit(x != y)
	case opLt:
		return bit(x < y)
	default: // opLe
		return bit(x <= y)
	}
}

// bit is 1 for true. The compiler makes a flag instruction of it, not a branch.
func bit(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}
