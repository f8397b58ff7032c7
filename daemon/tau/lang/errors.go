package lang

import (
	"errors"
	"fmt"
	"sort"
	"strings"
)

// Pos is a place in a source text; both count from 1, columns in characters.
type Pos struct{ Line, Col int }

// Error is one finding of the lexer, the parser or the checker.
type Error struct {
	File   string // as given to Parse
	Pos    Pos
	Msg    string // what was found, what was expected, and why
	Source string // the line of the finding, without its line end
}

// Error gives "file:line:col: message", the source line and a caret under the column.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: %s", e.File, e.Pos.Line, e.Pos.Col, e.Msg)
	if e.Source == "" {
		return b.String()
	}
	line, col := window([]rune(e.Source), e.Pos.Col)
	b.WriteString("\n    " + string(line) + "\n    ")
	for _, r := range line[:min(col-1, len(line))] {
		if r != '\t' { // a tab is as wide as the terminal says, so it is repeated, not counted
			r = ' '
		}
		b.WriteRune(r)
	}
	b.WriteByte('^')
	return b.String()
}

// window cuts a long line around column col (from 1), so that a formula of thousands of characters on one line still
// gives a readable message. It returns the part and the column within it.
func window(line []rune, col int) ([]rune, int) {
	const before, after = 60, 60
	if start := col - 1 - before; start > 0 && len(line) > before+after {
		line, col = line[start:], before+1
	}
	if len(line) > before+after {
		line = line[:before+after]
	}
	return line, col
}

// specErrors holds all findings about one spec, in the order of the text; Findings takes them out.
type specErrors []*Error

// Error gives all findings, one after the other.
func (l specErrors) Error() string {
	s := make([]string, len(l))
	for i, e := range l {
		s[i] = e.Error()
	}
	return strings.Join(s, "\n")
}

// Unwrap gives the findings to errors.As and errors.Is.
func (l specErrors) Unwrap() []error {
	errs := make([]error, len(l))
	for i, e := range l {
		errs[i] = e
	}
	return errs
}

// Findings returns the single findings in err, or nil when err came from elsewhere.
func Findings(err error) []*Error {
	var list specErrors
	if errors.As(err, &list) {
		return list
	}
	var one *Error
	if errors.As(err, &one) {
		return []*Error{one}
	}
	return nil
}

// source is a text that errors can point into.
type source struct {
	file  string
	lines []string
}

func newSource(file string, src []byte) *source {
	lines := strings.Split(string(src), "\n")
	for i := range lines {
		lines[i] = strings.TrimSuffix(lines[i], "\r")
	}
	return &source{file: file, lines: lines}
}

func (s *source) errorf(pos Pos, format string, args ...any) *Error {
	e := &Error{File: s.file, Pos: pos, Msg: fmt.Sprintf(format, args...)}
	if pos.Line >= 1 && pos.Line <= len(s.lines) {
		e.Source = strings.ToValidUTF8(s.lines[pos.Line-1], "\uFFFD")
	}
	return e
}

// sorted orders findings by place and returns nil for none, so that callers can return it as an error.
func (l specErrors) sorted() error {
	if len(l) == 0 {
		return nil
	}
	sort.SliceStable(l, func(i, j int) bool {
		a, b := l[i].Pos, l[j].Pos
		return a.Line < b.Line || a.Line == b.Line && a.Col < b.Col
	})
	return l
}
