package ledger

import (
	"sync"
	"unicode/utf8"
)

const (
	maxMembers = 256 // top-level members of a body; a bound, so that checking for doubles needs no memory
	maxDepth   = 64  // nesting, counted from the record itself
)

// checkMembers checks b, the rest of a record from its body's first member to the
// closing brace: JSON without whitespace, valid UTF-8, and at the top level names that
// no reader can mistake (see doc.go). It is why a line that passes is one JSON object for
// every reader, and holds no LF.
func checkMembers(b []byte) *RecordError {
	if wellFormed(b) {
		return nil
	}
	return slowCheck(b)
}

// slowCheck is checkMembers for every text, and says what is wrong.
func slowCheck(b []byte) *RecordError {
	if !utf8.Valid(b) {
		return &RecordError{"body", "UTF-8", "invalid bytes"}
	}
	c := bodyCheckers.Get().(*bodyChecker)
	defer func() { c.b = nil; bodyCheckers.Put(c) }()
	c.b, c.at, c.depth, c.objects, c.count, c.expected = b, 0, 1, 1<<1, 0, ""
	if !c.members() {
		return &RecordError{"body", c.expected, quote(b[min(c.at, len(b)):])}
	}
	return nil
}

// bodyCheckers keeps them: their names are too much to clear for each record.
var bodyCheckers = sync.Pool{New: func() any { return new(bodyChecker) }}

// bodyChecker walks a JSON text once, without recursion: a hostile line cannot exhaust the stack.
type bodyChecker struct {
	b        []byte
	at       int
	depth    int
	objects  uint64 // bit d is set when the container at depth d is an object
	names    [maxMembers]span
	count    int
	expected string // what was expected at at, when a step returned false
}

type span struct{ from, to uint16 } // a record is at most 65,535 bytes

// peek returns the byte at hand, 0 at the end: no valid text has a 0 there.
func (c *bodyChecker) peek() byte {
	if c.at < len(c.b) {
		return c.b[c.at]
	}
	return 0
}

func (c *bodyChecker) want(ok bool, expected string) bool {
	if !ok && c.expected == "" {
		c.expected = expected
	}
	return ok
}

func (c *bodyChecker) inObject() bool { return c.objects>>c.depth&1 == 1 }

func (c *bodyChecker) closer() byte {
	if c.inObject() {
		return '}'
	}
	return ']'
}

func (c *bodyChecker) members() bool {
	for {
		if c.inObject() && !c.name() {
			return false
		}
		opened, ok := c.value()
		if !ok {
			return false
		}
		if opened && c.peek() != c.closer() {
			continue
		}
		done, ok := c.afterValue()
		if done || !ok {
			return ok
		}
	}
}

// name reads a member's name and colon.
func (c *bodyChecker) name() bool {
	start := c.at
	if !c.want(c.peek() == '"', "a member's name in quotes") || !c.str() {
		return false
	}
	if c.depth == 1 && !c.topName(span{uint16(start + 1), uint16(c.at - 1)}) {
		return false
	}
	if !c.want(c.peek() == ':', `":"`) {
		return false
	}
	c.at++
	return true
}

// topName checks a top-level name: plain ASCII, not the header's, not there twice.
func (c *bodyChecker) topName(s span) bool {
	after := c.at
	c.at = int(s.from) // for the error
	name := c.b[s.from:s.to]
	for _, ch := range name {
		if !c.want(ch != '\\' && ch < utf8.RuneSelf, "a top-level name in plain ASCII without escapes") {
			return false
		}
	}
	switch string(name) {
	case "v", "seq", "prev", "kind", "ms", "epoch":
		return c.want(false, "a name that the header does not use")
	}
	if !c.want(c.count < maxMembers, "at most 256 members") {
		return false
	}
	for _, other := range c.names[:c.count] {
		if !c.want(string(c.b[other.from:other.to]) != string(name), "a name that is not there twice") {
			return false
		}
	}
	c.names[c.count] = s
	c.count++
	c.at = after
	return true
}

// value reads a scalar, or the opening of a container: opened says which.
func (c *bodyChecker) value() (opened, ok bool) {
	switch ch := c.peek(); ch {
	case '"':
		return false, c.str()
	case '{', '[':
		if !c.want(c.depth+1 < maxDepth, "nesting of less than 64 levels") {
			return false, false
		}
		c.at++
		c.depth++
		c.objects &^= 1 << c.depth
		if ch == '{' {
			c.objects |= 1 << c.depth
		}
		return true, true
	case 't':
		return false, c.word("true")
	case 'f':
		return false, c.word("false")
	case 'n':
		return false, c.word("null")
	default:
		return false, c.number()
	}
}

// afterValue reads what closes here and then the comma before the next value; done at the record's end.
func (c *bodyChecker) afterValue() (done, ok bool) {
	for {
		switch c.peek() {
		case ',':
			c.at++
			return false, true
		case c.closer():
			c.at++
			c.depth--
			if c.depth == 0 {
				return true, c.want(c.at == len(c.b), "the line's end after the closing brace")
			}
		default:
			return false, c.want(false, `"," or "`+string(rune(c.closer()))+`"`)
		}
	}
}

func (c *bodyChecker) word(w string) bool {
	if !c.want(len(c.b)-c.at >= len(w) && string(c.b[c.at:c.at+len(w)]) == w, "a JSON value") {
		return false
	}
	c.at += len(w)
	return true
}

// plain marks the bytes that may stand in a string as they are.
var plain = func() (table [256]bool) {
	for i := range table {
		table[i] = i >= 0x20 && i != '"' && i != '\\'
	}
	return table
}()

func (c *bodyChecker) str() bool {
	b, i := c.b, c.at+1
	for i < len(b) {
		if plain[b[i]] {
			i++
			continue
		}
		if b[i] == '"' {
			c.at = i + 1
			return true
		}
		c.at = i
		if !c.want(b[i] == '\\', "no control character in a string") {
			return false
		}
		n := escapeLength(b[i:])
		if !c.want(n > 0, "a JSON escape") {
			return false
		}
		i += n
	}
	c.at = len(b)
	return c.want(false, "the string's closing quote")
}

// escapeLength returns the length of the escape that b begins with, 0 when it is none.
func escapeLength(b []byte) int {
	if len(b) < 2 {
		return 0
	}
	switch b[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if len(b) < 6 {
			return 0
		}
		for _, ch := range b[2:6] {
			if 'A' <= ch && ch <= 'F' {
				ch |= 0x20
			}
			if hexValue[ch] > 15 {
				return 0
			}
		}
		return 6
	}
	return 0
}

func (c *bodyChecker) digits() bool {
	start := c.at
	for c.at < len(c.b) && c.b[c.at]-'0' <= 9 {
		c.at++
	}
	return c.want(c.at > start, "a JSON value")
}

func (c *bodyChecker) number() bool {
	if c.peek() == '-' {
		c.at++
	}
	if c.peek() == '0' {
		c.at++
	} else if !c.digits() {
		return false
	}
	if c.peek() == '.' {
		c.at++
		if !c.digits() {
			return false
		}
	}
	if c.peek()|0x20 == 'e' {
		c.at++
		if c.peek() == '+' || c.peek() == '-' {
			c.at++
		}
		return c.digits()
	}
	return true
}
