package ledger

import (
	"encoding/binary"
	"math/bits"
)

// wellFormed is a quick look at what checkMembers checks: true only for what passes there, and for nearly all that does. A text with escapes, characters
// beyond ASCII, exponents or more than quickNames top-level names is left to the other. A verification is a hash and this for each record, so it reads eight
// bytes at a time where it can.
func wellFormed(b []byte) bool {
	var names nameSet
	depth, objects := 1, uint64(1<<1) // bit d is set when the container at depth d is an object
	i, n := 0, len(b)
next:
	for {
		if objects>>depth&1 == 1 {
			if i >= n || b[i] != '"' {
				return false
			}
			begin := i + 1
			if i = stringEnd(b, begin); i == 0 || i >= n || b[i] != ':' {
				return false
			}
			if depth == 1 && !names.add(b, begin, i-1) {
				return false
			}
			i++
		}
		if i >= n {
			return false
		}
		switch c := b[i]; c {
		case '"':
			if i = stringEnd(b, i+1); i == 0 {
				return false
			}
		case '{', '[':
			i++
			if depth++; depth >= maxDepth || i >= n {
				return false
			}
			objects &^= 1 << depth
			if c == '{' {
				objects |= 1 << depth
			}
			if b[i] != c+2 { // the closing one of either
				continue next
			}
		case 't', 'n':
			if n-i < 4 || string(b[i:i+4]) != "true" && string(b[i:i+4]) != "null" {
				return false
			}
			i += 4
		case 'f':
			if n-i < 5 || string(b[i:i+5]) != "false" {
				return false
			}
			i += 5
		default:
			if i = numberEnd(b, i); i == 0 {
				return false
			}
		}
		for {
			if i >= n {
				return false
			}
			switch b[i] {
			case ',':
				i++
				continue next
			case '}', ']':
				if (b[i] == '}') != (objects>>depth&1 == 1) {
					return false
				}
				i++
				if depth--; depth == 0 {
					return i == n
				}
			default:
				return false
			}
		}
	}
}

const (
	everyByte = 0x0101010101010101
	topBits   = 0x80 * everyByte
)

// stringEnd returns the place after the closing quote of a string whose text begins at i; 0 where it isn't plain ASCII, or does not end.
func stringEnd(b []byte, i int) int {
	for i+8 <= len(b) {
		w := binary.LittleEndian.Uint64(b[i:])
		quote, escape := w^'"'*everyByte, w^'\\'*everyByte
		// A byte's top bit is set where it is a quote, an escape, a control character or beyond ASCII. Above the lowest such byte it may be set without reason,
		// where a borrow came from below; only the lowest counts.
		if odd := (w | (quote-everyByte)&^quote | (escape-everyByte)&^escape | (w-' '*everyByte)&^w) & topBits; odd != 0 {
			i += bits.TrailingZeros64(odd) / 8
			if b[i] == '"' {
				return i + 1
			}
			return 0
		}
		i += 8
	}
	for ; i < len(b); i++ {
		if b[i] == '"' {
			return i + 1
		}
		if !plain[b[i]] || b[i] >= 0x80 {
			return 0
		}
	}
	return 0
}

// numberEnd returns the place after the number that begins at i; 0 where there is none, or one with an exponent.
func numberEnd(b []byte, i int) int {
	if i < len(b) && b[i] == '-' {
		i++
	}
	begin := i
	for i < len(b) && b[i]-'0' <= 9 {
		i++
	}
	if i == begin || b[begin] == '0' && i > begin+1 {
		return 0
	}
	if i < len(b) && b[i] == '.' {
		begin = i + 1
		for i = begin; i < len(b) && b[i]-'0' <= 9; i++ {
		}
		if i == begin {
			return 0
		}
	}
	return i
}

// quickNames bounds the top-level names of a text that wellFormed looks at.
const quickNames = 32

// nameSet holds the top-level names of b, of which none may come twice: of each its first bytes and its length in one number, and where it lies.
type nameSet struct {
	keys  [quickNames]uint64
	spans [quickNames]span
	count int
}

// nameKey of a name of plain ASCII. Those of up to seven bytes have one of their own.
func nameKey(name []byte) uint64 {
	key := uint64(len(name)) << 56
	for i, c := range name[:min(len(name), 7)] {
		key |= uint64(c) << (8 * i)
	}
	return key
}

// headerKeys are those of the header's names, which are taken: see doc.go.
var headerKeys = [...]uint64{
	nameKey([]byte("v")), nameKey([]byte("seq")), nameKey([]byte("prev")), nameKey([]byte("kind")), nameKey([]byte("ms")), nameKey([]byte("epoch")),
}

// add takes the name in b[from:to], and reports whether it was not there yet.
func (s *nameSet) add(b []byte, from, to int) bool {
	name := b[from:to]
	key := nameKey(name)
	if len(name) <= 5 {
		for _, taken := range headerKeys {
			if key == taken {
				return false
			}
		}
	}
	for i, other := range s.keys[:s.count] {
		if other == key && (len(name) <= 7 || string(b[s.spans[i].from:s.spans[i].to]) == string(name)) {
			return false
		}
	}
	if s.count == quickNames {
		return false
	}
	s.keys[s.count], s.spans[s.count] = key, span{uint16(from), uint16(to)}
	s.count++
	return true
}
