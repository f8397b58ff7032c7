package lang

import (
	"strings"
	"unicode/utf8"
)

// kind is a token's class. Punctuation is its own text.
type kind string

const (
	tEOF   kind = "end of file"
	tName  kind = "name"
	tInt   kind = "number"
	tText  kind = "text in double quotes"
	tConst kind = "constant in braces"
)

type token struct {
	kind kind
	text string // a name, digits, what stands between quotes or braces, or the punctuation itself
	pos  Pos
}

// String is the token as an error message shows it.
func (t token) String() string {
	switch t.kind {
	case tEOF:
		return "end of file"
	case tText:
		return `"` + t.text + `"`
	case tConst:
		return "{" + t.text + "}"
	default:
		return "'" + t.text + "'"
	}
}

// punctuation, longest first. Some of it is outside the subset: the parser then says what to write instead, which
// helps more than "unexpected character".
var punctuation = []string{
	"<->", ":=", "&&", "||", "^^", "->", "<-", "!=", "<=", ">=", "==", "<<", ">>",
	":", ".", ",", "[", "]", "(", ")", "'", "&", "^", "|", "+", "-", "=", "<", ">", "?", "!", "*", "/", "%", "~",
}

type lexer struct {
	src  *source
	text string
	pos  Pos
}

// next returns the next token, tEOF for ever after the last.
func (l *lexer) next() (token, *Error) {
	l.skipSpace()
	t := token{kind: tEOF, pos: l.pos}
	if l.text == "" {
		return t, nil
	}
	switch c := l.text[0]; {
	case isLetter(c):
		t.kind, t.text = tName, l.take(func(c byte) bool { return isLetter(c) || isDigit(c) })
		return t, nil
	case isDigit(c):
		t.kind, t.text = tInt, l.take(isDigit)
		return t, nil
	case c == '"':
		return l.quoted(tText, '"')
	case c == '{':
		return l.quoted(tConst, '}')
	}
	for _, p := range punctuation {
		if strings.HasPrefix(l.text, p) {
			l.advance(len(p))
			t.kind, t.text = kind(p), p
			return t, nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.text)
	if r == '’' || r == '‘' || r == '′' {
		return t, l.src.errorf(l.pos, "expected ' (the plain apostrophe) for the complement, found %q", r)
	}
	return t, l.src.errorf(l.pos, "expected Tau text, found the character %q", r)
}

// quoted reads up to the closing character on the same line.
func (l *lexer) quoted(k kind, end byte) (token, *Error) {
	t := token{kind: k, pos: l.pos}
	for i := 1; i < len(l.text) && l.text[i] != '\n'; i++ {
		if l.text[i] == end {
			t.text = strings.TrimSpace(l.text[1:i])
			l.advance(i + 1)
			return t, nil
		}
	}
	return t, l.src.errorf(l.pos, "expected %q before the end of the line", end)
}

func (l *lexer) take(ok func(byte) bool) string {
	n := 0
	for n < len(l.text) && ok(l.text[n]) {
		n++
	}
	s := l.text[:n]
	l.advance(n)
	return s
}

func (l *lexer) skipSpace() {
	for l.text != "" {
		switch l.text[0] {
		case ' ', '\t', '\r', '\n':
			l.advance(1)
		case '#':
			if n := strings.IndexByte(l.text, '\n'); n >= 0 {
				l.advance(n)
			} else {
				l.advance(len(l.text))
			}
		default:
			return
		}
	}
}

func (l *lexer) advance(n int) {
	for _, r := range l.text[:n] {
		if r == '\n' {
			l.pos = Pos{l.pos.Line + 1, 1}
		} else {
			l.pos.Col++
		}
	}
	l.text = l.text[n:]
}

func isLetter(c byte) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
