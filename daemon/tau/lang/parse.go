package lang

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits on a spec. They bound the parser's stack, the state and the time of a check; a real spec is far below them.
const (
	MaxSource   = 1 << 18 // bytes
	MaxNesting  = 500     // parentheses and conditionals within each other
	MaxLookback = 4096    // J in oX[t-J]
)

// Parse reads a spec. Findings gives the error's places.
func Parse(file string, src []byte) (*Spec, error) {
	s := newSource(file, src)
	if len(src) > MaxSource {
		return nil, &Error{File: file, Pos: Pos{1, 1}, Msg: fmt.Sprintf("expected at most %d bytes, found %d", MaxSource, len(src))}
	}
	for i, line := range s.lines {
		if !utf8.ValidString(line) {
			return nil, s.errorf(Pos{i + 1, 1}, "expected UTF-8, found other bytes in this line")
		}
	}
	p := &parser{lexer: lexer{src: s, text: string(src), pos: Pos{1, 1}}}
	spec, err := p.spec()
	if err != nil {
		return nil, err
	}
	return spec, nil
}

// parser has one token of look-ahead. Its methods give up at the first error by panicking with *Error, which spec
// turns into a return value: what follows a syntax error is seldom a second, independent one.
type parser struct {
	lexer
	tok   token
	depth int
}

func (p *parser) spec() (spec *Spec, err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			spec, err = nil, e
		default:
			panic(e)
		}
	}()
	p.advanceToken()
	spec = &Spec{src: p.src}
	for p.tok.kind == tName && p.tok.text != "always" {
		spec.Decls = append(spec.Decls, p.decl())
	}
	if p.tok.text != "always" || p.tok.kind != tName {
		if p.tok.kind == "/" {
			p.failf("expected # at the start of a comment, found '/'")
		}
		p.fail(`a declaration (name : type := in file("...").) or "always"`)
	}
	p.advanceToken()
	spec.Formula = p.formula()
	if p.tok.kind == "." {
		p.advanceToken()
		if p.tok.kind == tName {
			p.failf("a spec has declarations first and then ONE always formula; expected end of file, found %v", p.tok)
		}
		if p.tok.kind != tEOF {
			p.fail("end of file")
		}
	}
	if p.tok.kind != tEOF {
		p.failAfterOperand(p.tok)
	}
	return spec, nil
}

func (p *parser) decl() Decl {
	d := Decl{Pos: p.tok.pos}
	d.Name = p.expect(tName, "a stream's name").text
	if p.tok.kind == "[" {
		panic(p.src.errorf(d.Pos, `expected a declaration (name : type := ...) or "always" before the formula, found %s[`, d.Name))
	}
	p.expect(":", "':' and the stream's type")
	d.Bits = p.typ()
	if p.tok.kind == "=" {
		p.failf("expected ':=', found '=' (the form of Tau releases before 0.7)")
	}
	p.expect(":=", "':='")
	switch dir := p.expect(tName, `"in" or "out"`); dir.text {
	case "in":
		d.Dir = In
	case "out":
		d.Dir = Out
	default:
		panic(p.src.errorf(dir.pos, `expected "in" or "out", found %v`, dir))
	}
	switch where := p.expect(tName, `file("...") or console`); where.text {
	case "console":
	case "file":
		p.expect("(", "'('")
		path := p.expect(tText, "the file's path in double quotes")
		if path.text == "" || strings.ContainsFunc(path.text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			panic(p.src.errorf(path.pos, "expected a file path without control characters, found %q", path.text))
		}
		d.Path = path.text
		p.expect(")", "')'")
	default:
		panic(p.src.errorf(where.pos, `expected file("...") or console, found %v`, where))
	}
	p.expect(".", "'.' at the end of a declaration")
	return d
}

func (p *parser) typ() int {
	t := p.expect(tName, "a type, sbf or bv[N]")
	switch t.text {
	case "sbf":
		return 0
	case "bv":
		return p.width()
	}
	panic(p.src.errorf(t.pos, "expected a type, sbf or bv[N], found %v", t))
}

func (p *parser) width() int {
	p.expect("[", "'[' and the width of the bit-vector")
	n := p.expect(tInt, "the width of the bit-vector, 1 to 64")
	w, err := strconv.Atoi(n.text)
	if err != nil || w < 1 || w > 64 {
		panic(p.src.errorf(n.pos, "expected a width of 1 to 64, found %s", n.text))
	}
	p.expect("]", "']'")
	return w
}

// formula reads a formula or term of any kind: which of both a node is follows from its operator, and the operators
// of formulas bind weaker than those of terms, so one ladder serves both and no backtracking is needed.
func (p *parser) formula() *Node {
	p.enter()
	defer p.leave()
	cond := p.binary(1)
	if p.tok.kind != "?" {
		return cond
	}
	n := &Node{Op: OpCond, Pos: p.tok.pos, A: cond}
	p.wantFormula(cond, "?")
	p.advanceToken()
	n.B = p.formula()
	p.wantFormula(n.B, "? :")
	if p.tok.kind != ":" {
		p.fail("':' and the else part of the conditional")
	}
	p.advanceToken()
	n.C = p.formula()
	p.wantFormula(n.C, "? :")
	return n
}

// binary reads operators that bind at least as tight as level.
func (p *parser) binary(level int) *Node {
	left := p.postfix()
	for {
		op := Op(p.tok.kind)
		if !isBinary(op) || op.binding() < level {
			return left
		}
		n := &Node{Op: op, Pos: p.tok.pos, A: left}
		p.advanceToken()
		n.B = p.binary(op.binding() + 1)
		p.checkOperands(n)
		left = n
	}
}

func (p *parser) checkOperands(n *Node) {
	for _, operand := range []*Node{n.A, n.B} {
		if n.Op == OpConj || n.Op == OpDisj {
			p.wantFormula(operand, string(n.Op))
		} else if !operand.isTerm() {
			panic(p.src.errorf(n.Pos, "expected a value on each side of %q, found a formula (%q)", n.Op, operand.Op))
		}
	}
}

func (p *parser) wantFormula(n *Node, by string) {
	if n.isTerm() {
		panic(p.src.errorf(n.Pos, "expected an equation or comparison beside %q, found a value (did you mean & | ' for bits, or = 1?)", by))
	}
}

// postfix reads an operand and its complements.
func (p *parser) postfix() *Node {
	n := p.operand()
	for primes := 1; p.tok.kind == "'"; primes++ {
		if primes > MaxNesting {
			p.tooDeep()
		}
		if !n.isTerm() {
			p.failf("expected a value before ', found a formula: ' is the complement of a value")
		}
		n = &Node{Op: OpNot, Pos: p.tok.pos, A: n}
		p.advanceToken()
	}
	return n
}

func (p *parser) operand() *Node {
	t := p.tok
	switch t.kind {
	case "(":
		p.advanceToken()
		n := p.formula()
		if p.tok.kind != ")" {
			p.fail(fmt.Sprintf("')' for the '(' at %d:%d, or an operator", t.pos.Line, t.pos.Col))
		}
		p.advanceToken()
		n.Paren = true
		return n
	case tName:
		return p.ref()
	case tInt:
		if t.text != "0" && t.text != "1" {
			p.failf("expected 0, 1 or a constant such as {%s}:bv[8], found the bare number %s", t.text, t.text)
		}
		p.advanceToken()
		return &Node{Op: OpConst, Pos: t.pos, Value: uint64(t.text[0] - '0')}
	case tConst:
		return p.constant()
	case "!", "~":
		p.failf("expected a value or '(', found %v: the complement of a value is written after it, x'; a negated comparison with !=", t)
	default:
		p.fail("a stream, a constant or '('")
	}
	return nil
}

func (p *parser) ref() *Node {
	n := &Node{Op: OpRef, Pos: p.tok.pos, Name: p.tok.text}
	p.advanceToken()
	if p.tok.kind != "[" {
		p.failf("expected '[' after %s (a stream is read at a time, as in %s[t]), found %v", n.Name, n.Name, p.tok)
	}
	p.advanceToken()
	at := p.tok
	switch {
	case at.kind == tInt:
		n.Row, n.At = true, p.number("a row")
	case at.kind == tName && at.text == "t":
		p.advanceToken()
		if p.tok.kind == "+" {
			p.failf("expected [t] or [t-1] and so on, found a look-ahead: no engine knows the future")
		}
		if p.tok.kind == "-" {
			p.advanceToken()
			if n.At = p.number("how many ticks to look back"); n.At == 0 {
				panic(p.src.errorf(at.pos, "expected a look-back of at least 1, found t-0: write [t]"))
			}
		}
	default:
		p.fail("t, t-1 and so on, or a row number")
	}
	p.expect("]", "']'")
	return n
}

func (p *parser) number(what string) int {
	t := p.expect(tInt, what)
	n, err := strconv.Atoi(t.text)
	if err != nil || n > MaxLookback {
		panic(p.src.errorf(t.pos, "expected %s, 0 to %d, found %s", what, MaxLookback, t.text))
	}
	return n
}

func (p *parser) constant() *Node {
	t := p.tok
	p.advanceToken()
	p.expect(":", fmt.Sprintf("':' and the type of the constant, as in {%s}:bv[8]", t.text))
	if typ := p.expect(tName, "bv[N]"); typ.text != "bv" {
		panic(p.src.errorf(typ.pos, "expected bv[N], found %v: only bit-vector constants stand in braces, bits are a bare 0 or 1", typ))
	}
	n := &Node{Op: OpConst, Pos: t.pos, Bits: p.width()}
	digits, base := t.text, 10
	if d, ok := strings.CutPrefix(digits, "#x"); ok {
		digits, base = d, 16
	} else if d, ok := strings.CutPrefix(digits, "#b"); ok {
		digits, base = d, 2
	}
	v, err := strconv.ParseUint(digits, base, 64)
	if digits == "" || strings.ContainsAny(digits, "+-_") || errors.Is(err, strconv.ErrSyntax) {
		panic(p.src.errorf(t.pos, "expected a number in braces (decimal, #x... or #b...), found {%s}", t.text))
	}
	if err != nil || v > maxValue(n.Bits) {
		panic(p.src.errorf(t.pos, "expected a value that fits bv[%d], at most %d, found {%s}", n.Bits, maxValue(n.Bits), t.text))
	}
	n.Value = v
	return n
}

func isBinary(op Op) bool { b := op.binding(); return b >= 1 && b <= 7 }

// outside says what to write instead of an operator that Tau has and the subset does not.
var outside = map[kind]string{
	"->":  "write an implication as a conditional, ((c) ? (a) : (b)), that defines the output in both branches",
	"<->": "write o[t] = term for bits, or a conditional",
	"<-":  "write a conditional, ((c) ? (a) : (b))",
	"^^":  "write != between values",
	"==":  "equality is a single =",
	"*":   "the binary's results for * are not reliable: let the daemon multiply",
	"/":   "the binary's results for / are not reliable: let the daemon divide",
	"%":   "the binary's results for % are not reliable: let the daemon divide",
	"<<":  "the subset has no shifts: let the daemon shift",
	">>":  "the subset has no shifts: let the daemon shift",
}

// failAfterOperand reports a token that cannot follow a complete formula.
func (p *parser) failAfterOperand(t token) {
	if why, ok := outside[t.kind]; ok {
		p.failf("%v is outside the subset: %s", t, why)
	}
	p.fail("an operator, '.' or end of file")
}

func (p *parser) enter() {
	if p.depth++; p.depth > MaxNesting {
		p.tooDeep()
	}
}

func (p *parser) leave() { p.depth-- }

func (p *parser) tooDeep() {
	p.failf("expected at most %d levels of nesting", MaxNesting)
}

func (p *parser) advanceToken() {
	t, err := p.next()
	if err != nil {
		panic(err)
	}
	p.tok = t
}

func (p *parser) expect(k kind, what string) token {
	if p.tok.kind != k {
		p.fail(what)
	}
	t := p.tok
	p.advanceToken()
	return t
}

// fail reports the current token as the wrong one.
func (p *parser) fail(expected string) {
	if why, ok := outside[p.tok.kind]; ok {
		p.failf("expected %s, found %v: %s", expected, p.tok, why)
	}
	p.failf("expected %s, found %v", expected, p.tok)
}

func (p *parser) failf(format string, args ...any) {
	panic(p.src.errorf(p.tok.pos, format, args...))
}
