package lang

import (
	"fmt"
	"strings"
)

// String writes the spec in one canonical form: a declaration a line, a clause a line, and only the parentheses that
// the grammar needs. Comments are not kept. Parsing the result gives the same spec, and printing that the same text.
func (s *Spec) String() string {
	var b strings.Builder
	for _, d := range s.Decls {
		b.WriteString(d.String() + "\n")
	}
	b.WriteString("always\n    ")
	for i, clause := range s.Clauses() {
		if i > 0 {
			b.WriteString(" &&\n    ")
		}
		b.WriteString("(" + clause.String() + ")")
	}
	b.WriteString(".\n")
	return b.String()
}

// Clauses lists the parts of the formula that && joins, in the order of the text.
func (s *Spec) Clauses() []*Node {
	var list []*Node
	var walk func(n *Node)
	walk = func(n *Node) {
		if n.Op == OpConj {
			walk(n.A)
			walk(n.B)
			return
		}
		list = append(list, n)
	}
	walk(s.Formula)
	return list
}

// String writes the declaration as the binary reads it.
func (d Decl) String() string {
	dir := "in"
	if d.Dir == Out {
		dir = "out"
	}
	where := "console"
	if d.Path != "" {
		where = fmt.Sprintf(`file("%s")`, d.Path)
	}
	return fmt.Sprintf("%s : %s := %s %s.", d.Name, typeName(d.Bits), dir, where)
}

// String writes a formula or term on one line.
func (n *Node) String() string {
	var b strings.Builder
	n.write(&b)
	return b.String()
}

func (n *Node) write(b *strings.Builder) {
	switch n.Op {
	case OpRef:
		switch {
		case n.Row:
			fmt.Fprintf(b, "%s[%d]", n.Name, n.At)
		case n.At > 0:
			fmt.Fprintf(b, "%s[t-%d]", n.Name, n.At)
		default:
			b.WriteString(n.Name + "[t]")
		}
	case OpConst:
		if n.Bits > 0 {
			fmt.Fprintf(b, "{%d}:bv[%d]", n.Value, n.Bits)
		} else {
			fmt.Fprint(b, n.Value)
		}
	case OpNot:
		n.A.operand(b, n.A.Op.binding() < 9)
		b.WriteByte('\'')
	case OpCond:
		n.A.operand(b, true)
		b.WriteString(" ? ")
		n.B.operand(b, true)
		b.WriteString(" : ")
		n.C.operand(b, true)
	default:
		level := n.Op.binding()
		n.A.operand(b, n.A.Op.binding() < level)
		fmt.Fprintf(b, " %s ", n.Op)
		n.B.operand(b, n.B.Op.binding() <= level)
	}
}

func (n *Node) operand(b *strings.Builder, parens bool) {
	if parens {
		b.WriteByte('(')
	}
	n.write(b)
	if parens {
		b.WriteByte(')')
	}
}
