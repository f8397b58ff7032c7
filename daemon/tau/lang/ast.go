package lang

// Dir says whether a stream is read or written.
type Dir bool

// The two directions. The first letter of a stream's name must agree: the binary goes by it alone.
const (
	In  Dir = false
	Out Dir = true
)

// Stream describes one input or output stream of a spec.
type Stream struct {
	Name string
	Bits int    // 0 for sbf (one bit), else the width of the bit-vector, 1..64
	Path string // the file's path as declared; "" for the console
}

// Max is the largest value that the stream can carry.
func (s Stream) Max() uint64 { return maxValue(s.Bits) }

func maxValue(bits int) uint64 {
	if bits == 0 {
		return 1
	}
	return ^uint64(0) >> (64 - bits)
}

// Decl is one declaration.
type Decl struct {
	Stream
	Dir Dir
	Pos Pos
}

// Spec is a parsed spec. Check says whether it means something.
type Spec struct {
	Decls   []Decl // in the order of the text
	Formula *Node  // what stands after "always"
	src     *source
}

// Op is what a node of a formula does.
type Op string

// The operators. Equality and comparison are formulas over terms; And joins terms, Conj formulas.
const (
	OpRef   Op = "stream"
	OpConst Op = "constant"
	OpNot   Op = "'"
	OpAnd   Op = "&"
	OpXor   Op = "^"
	OpOr    Op = "|"
	OpAdd   Op = "+"
	OpSub   Op = "-"
	OpEq    Op = "="
	OpNe    Op = "!="
	OpLt    Op = "<"
	OpLe    Op = "<="
	OpGt    Op = ">"
	OpGe    Op = ">="
	OpConj  Op = "&&"
	OpDisj  Op = "||"
	OpCond  Op = "?"
)

// Node is one node of a formula.
type Node struct {
	Op      Op
	A, B, C *Node // operands; of a conditional: condition, then, else
	Pos     Pos   // of the operator, the name or the constant
	Paren   bool  // stands in parentheses of its own

	Name string // OpRef: the stream
	Row  bool   // OpRef: At counts rows from the start (oX[0]); else ticks back from now (oX[t-1])
	At   int

	Value uint64 // OpConst
	Bits  int    // OpConst: width of a constant in braces; 0 for a bare 0 or 1
}

// binding is the strength of an operator: a larger one binds tighter. 0 is the conditional's, 9 the complement's.
func (op Op) binding() int {
	switch op {
	case OpCond:
		return 0
	case OpDisj:
		return 1
	case OpConj:
		return 2
	case OpEq, OpNe, OpLt, OpLe, OpGt, OpGe:
		return 3
	case OpAdd, OpSub:
		return 4
	case OpOr:
		return 5
	case OpXor:
		return 6
	case OpAnd:
		return 7
	default: // the complement, streams, constants
		return 9
	}
}

// isTerm says whether the node is a value; else it is a formula.
func (n *Node) isTerm() bool { return n.Op.binding() > 3 }
