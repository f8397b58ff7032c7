package ledger

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

const (
	// MaxRecord is the largest record in bytes, without its LF: the limit of an entry in a C2SP tlog-tiles bundle.
	MaxRecord = 65_535

	// maxNumber bounds the header's numbers: 2^53-1, the last integer that every JSON reader holds exactly.
	maxNumber = 1<<53 - 1
)

// Kind says what a record is about.
type Kind string

// The kinds of records. A ledger begins with a KindBoot.
const (
	KindBoot     Kind = "boot"     // a process opened the ledger: what it runs and on whose word
	KindTick     Kind = "tick"     // one tick: facts, verdicts, decision and the intent, before it leaves the process
	KindOutcome  Kind = "outcome"  // what became of an intent
	KindCommand  Kind = "command"  // what a person or the operator ordered
	KindSnapshot Kind = "snapshot" // the core's whole state
	KindShutdown Kind = "shutdown" // the process ended in order
)

// kinds lists every kind. A record's bytes are compared with these, so that decoding makes no strings.
var kinds = [...]Kind{KindTick, KindOutcome, KindSnapshot, KindCommand, KindBoot, KindShutdown}

// kindOf returns the kind spelled name, or "" when there is none.
func kindOf(name []byte) Kind {
	for _, k := range kinds {
		if string(name) == string(k) {
			return k
		}
	}
	return ""
}

const kindList = "boot, tick, outcome, command, snapshot or shutdown"

// Hash is a SHA-256 hash: a record's leaf hash or a tree's root. The zero Hash stands for "none".
type Hash [32]byte

// String returns h as 64 lowercase hexadecimal digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the zero Hash.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText returns h as 64 lowercase hexadecimal digits.
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText reads what MarshalText writes, and nothing else.
func (h *Hash) UnmarshalText(text []byte) error {
	parsed, err := ParseHash(string(text))
	if err == nil {
		*h = parsed
	}
	return err
}

// ParseHash reads a hash of exactly 64 lowercase hexadecimal digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	if len(s) != 64 || !parseHex(&h, []byte(s)) {
		return Hash{}, fmt.Errorf("hash: expected 64 lowercase hexadecimal digits, found %s", quote([]byte(s)))
	}
	return h, nil
}

// parseHex sets h from 64 lowercase hexadecimal digits. Uppercase is refused: one hash has one spelling.
func parseHex(h *Hash, digits []byte) bool {
	for i := range h {
		hi, lo := hexValue[digits[2*i]], hexValue[digits[2*i+1]]
		if hi|lo > 15 {
			return false
		}
		h[i] = hi<<4 | lo
	}
	return true
}

var hexValue = func() (table [256]byte) {
	for i := range table {
		table[i] = 0xff
	}
	for i, c := range []byte("0123456789abcdef") {
		table[c] = byte(i)
	}
	return table
}()

// leafHash returns the RFC 6962 leaf hash of a line without its LF.
func leafHash(line []byte) Hash { return Hash(tlog.RecordHash(line)) }

// Record is one record as it was read.
type Record struct {
	Seq       uint64 // position in the ledger, from 0
	Prev      Hash   // leaf hash of record Seq-1; zero for record 0
	Kind      Kind
	UnixMilli int64  // the writer's clock, milliseconds
	Epoch     uint64 // the writer's fencing epoch
	Line      []byte // the exact bytes, without LF: what Leaf is the hash of
	Leaf      Hash

	body int // where in Line the body's first member begins, or the closing brace
}

// Body returns the body's members as a JSON object of its own, {} when there are none.
// To decode a record into a struct, Line does as well: the header's members are part of it.
func (r *Record) Body() json.RawMessage {
	return append(json.RawMessage{'{'}, r.Line[r.body:]...)
}

// restoreMember begins the body of a restore record: the record that Restore writes, and that founds a new lineage.
const restoreMember = `"restore":`

// founds reports whether the ledger's origin is made from r: record 0, or a restore record.
func (r *Record) founds() bool {
	return r.Seq == 0 || r.Kind == KindCommand && bytes.HasPrefix(r.Line[r.body:], []byte(restoreMember))
}

// RecordError says what is wrong with one record's bytes, or with what was given to Commit.
type RecordError struct {
	Field    string // v, seq, prev, kind, ms, epoch, body or line
	Expected string
	Found    string
}

// Error says field, expected, found.
func (e *RecordError) Error() string {
	return fmt.Sprintf("field %s: expected %s, found %s", e.Field, e.Expected, e.Found)
}

// appendRecord appends the record's line, without LF, to buf. body is a JSON object or empty.
// What it returns decodeRecord accepts; it checks all that it is given.
func appendRecord(buf []byte, seq uint64, prev Hash, kind Kind, ms int64, epoch uint64, body []byte) ([]byte, error) {
	if kindOf([]byte(kind)) == "" {
		return nil, &RecordError{"kind", kindList, strconv.Quote(string(kind))}
	}
	if ms < 0 || ms > maxNumber {
		return nil, &RecordError{"ms", "0 to 9007199254740991", strconv.FormatInt(ms, 10)}
	}
	if epoch > maxNumber {
		return nil, &RecordError{"epoch", "0 to 9007199254740991", strconv.FormatUint(epoch, 10)}
	}
	start := len(buf)
	buf = append(buf, `{"v":1,"seq":`...)
	buf = strconv.AppendUint(buf, seq, 10)
	buf = append(buf, `,"prev":"`...)
	buf = hex.AppendEncode(buf, prev[:])
	buf = append(buf, `","kind":"`...)
	buf = append(buf, kind...)
	buf = append(buf, `","ms":`...)
	buf = strconv.AppendInt(buf, ms, 10)
	buf = append(buf, `,"epoch":`...)
	buf = strconv.AppendUint(buf, epoch, 10)

	if len(body) == 0 || string(body) == "{}" {
		return append(buf, '}'), nil
	}
	if body[0] != '{' {
		return nil, &RecordError{"body", "a JSON object", quote(body)}
	}
	if size := len(buf) - start + len(body); size > MaxRecord {
		return nil, &RecordError{"line", "at most 65535 bytes", strconv.Itoa(size)}
	}
	if err := checkMembers(body[1:]); err != nil {
		return nil, err
	}
	buf = append(buf, ',')
	return append(buf, body[1:]...), nil
}

// decodeRecord reads a line without its LF. It accepts exactly the lines that appendRecord makes.
// The record it returns shares line and has no Leaf yet.
func decodeRecord(line []byte) (Record, *RecordError) {
	if len(line) > MaxRecord {
		return Record{}, &RecordError{"line", "at most 65535 bytes", strconv.Itoa(len(line))}
	}
	r := Record{Line: line}
	d := headerDecoder{line: line}
	d.field = "v"
	d.literal(`{"v":`)
	if version := d.number(); d.err == nil && version != 1 {
		d.fail("format version 1", strconv.FormatUint(version, 10))
	}
	d.field = "seq"
	d.literal(`,"seq":`)
	r.Seq = d.number()
	d.field = "prev"
	d.literal(`,"prev":"`)
	d.hash(&r.Prev)
	d.field = "kind"
	d.literal(`","kind":"`)
	r.Kind = d.kind()
	d.field = "ms"
	d.literal(`","ms":`)
	r.UnixMilli = int64(d.number())
	d.field = "epoch"
	d.literal(`,"epoch":`)
	r.Epoch = d.number()
	if d.err != nil {
		return Record{}, d.err
	}

	rest := line[d.at:]
	switch {
	case len(rest) == 1 && rest[0] == '}':
		r.body = d.at
		return r, nil
	case len(rest) > 1 && rest[0] == ',':
		r.body = d.at + 1
		if err := checkMembers(rest[1:]); err != nil {
			return Record{}, err
		}
		return r, nil
	}
	return Record{}, &RecordError{"body", `"}" or "," after the epoch`, quote(rest)}
}

// headerDecoder steps through a line's header. After the first error it does nothing more.
type headerDecoder struct {
	line  []byte
	at    int
	field string
	err   *RecordError
}

func (d *headerDecoder) fail(expected, found string) {
	if d.err == nil {
		d.err = &RecordError{d.field, expected, found}
	}
}

func (d *headerDecoder) literal(want string) {
	if d.err != nil {
		return
	}
	if rest := d.line[d.at:]; len(rest) < len(want) || string(rest[:len(want)]) != want {
		d.fail(want, quote(rest[:min(len(rest), len(want))]))
		return
	}
	d.at += len(want)
}

func (d *headerDecoder) number() uint64 {
	if d.err != nil {
		return 0
	}
	rest := d.line[d.at:]
	var n uint64
	i := 0
	for i < len(rest) && i < 17 && rest[i]-'0' <= 9 {
		n = n*10 + uint64(rest[i]-'0')
		i++
	}
	if i == 0 || (i > 1 && rest[0] == '0') || n > maxNumber {
		d.fail("a decimal number from 0 to 9007199254740991 without leading zeros", quote(rest[:min(len(rest), 20)]))
		return 0
	}
	d.at += i
	return n
}

func (d *headerDecoder) hash(h *Hash) {
	if d.err != nil {
		return
	}
	rest := d.line[d.at:]
	if len(rest) < 64 || !parseHex(h, rest[:64]) {
		d.fail("64 lowercase hexadecimal digits", quote(rest[:min(len(rest), 64)]))
		return
	}
	d.at += 64
}

func (d *headerDecoder) kind() Kind {
	if d.err != nil {
		return ""
	}
	rest := d.line[d.at:]
	end := max(bytes.IndexByte(rest[:min(len(rest), 16)], '"'), 0)
	k := kindOf(rest[:end])
	if k == "" {
		d.fail(kindList, quote(rest[:min(len(rest), 16)]))
		return ""
	}
	d.at += end
	return k
}

// quote shows up to 80 bytes of b in an error, escaped so that damage cannot reach a terminal raw.
func quote(b []byte) string {
	if len(b) == 0 {
		return "nothing"
	}
	if len(b) > 80 {
		return fmt.Sprintf("%q... (%d bytes)", b[:80], len(b))
	}
	return strconv.Quote(string(b))
}
