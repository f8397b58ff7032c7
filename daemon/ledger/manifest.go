package ledger

import (
	"bytes"
	"encoding/json"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// manifestHeader is the manifest's second line. No checkpoint has it there, so neither can be passed off as the other.
const manifestHeader = "ledger manifest v1"

// entry is what the manifest says of one sealed segment. All of it can be derived from the segment's records, and
// Verify does; Open relies on it for what it does not read.
type entry struct {
	First    uint64  `json:"first"`              // sequence number of the first record
	Records  uint64  `json:"records"`            // number of records, at least 1
	Leaf     Hash    `json:"leaf"`               // leaf hash of the last record
	Epoch    uint64  `json:"epoch"`              // epoch of the last record
	FromMS   int64   `json:"from_ms"`            // the lowest time of a record, Unix milliseconds
	ToMS     int64   `json:"to_ms"`              // the highest
	Boot     *uint64 `json:"boot,omitempty"`     // the newest boot record, if there is one
	Snapshot *uint64 `json:"snapshot,omitempty"` // the newest snapshot record
	Founder  *uint64 `json:"founder,omitempty"`  // the newest founding record (see Origin)
	Bytes    int64   `json:"bytes"`              // length of the lines, LFs included
	Packed   int64   `json:"packed"`             // length of the compressed file
	SHA256   Hash    `json:"sha256"`             // of the compressed file
	Pruned   bool    `json:"pruned,omitempty"`   // the compressed file was deleted by retention; the tree's hashes are kept
}

func (e *entry) next() uint64 { return e.First + e.Records }

// note takes up the next record of the segment.
func (e *entry) note(r *Record) {
	if e.Records == 0 {
		e.First, e.FromMS, e.ToMS = r.Seq, r.UnixMilli, r.UnixMilli
	}
	e.Records++
	e.Leaf, e.Epoch = r.Leaf, r.Epoch
	e.FromMS, e.ToMS = min(e.FromMS, r.UnixMilli), max(e.ToMS, r.UnixMilli)
	e.Bytes += int64(len(r.Line)) + 1
	if r.Kind == KindTick {
		return
	}
	seq := r.Seq
	if r.Kind == KindBoot {
		e.Boot = &seq
	}
	if r.Kind == KindSnapshot {
		e.Snapshot = &seq
	}
	if r.founds() {
		e.Founder = &seq
	}
}

func (e *entry) line() []byte {
	b, err := json.Marshal(e)
	if err != nil {
		panic(err) // numbers, booleans and hex: there is nothing that could fail
	}
	return b
}

// manifestText is the text that is signed.
func manifestText(origin string, entries []entry) string {
	var b strings.Builder
	b.WriteString(origin + "\n" + manifestHeader + "\n")
	for i := range entries {
		b.Write(entries[i].line())
		b.WriteByte('\n')
	}
	return b.String()
}

func signManifest(origin string, entries []entry, k signingKey) ([]byte, error) {
	return note.Sign(&note.Note{Text: manifestText(origin, entries)}, k.signer(origin))
}

// parseManifest reads a signed manifest; its entries follow each other without a gap from record 0.
func parseManifest(signed []byte, verifier note.Verifier) ([]entry, error) {
	text, err := openNote(manifestName, signed, verifier)
	if err != nil {
		return nil, err
	}
	return parseManifestText(text, verifier.Name())
}

func parseManifestText(text, origin string) ([]entry, error) {
	bad := func(expected, found string) ([]entry, error) {
		return nil, &SignatureError{manifestName, expected, quote([]byte(found))}
	}
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if lines[0] != origin {
		return bad("the origin "+origin, lines[0])
	}
	if len(lines) < 2 || lines[1] != manifestHeader {
		return bad(manifestHeader+" in the second line", text)
	}
	var entries []entry
	next := uint64(0)
	for _, line := range lines[2:] {
		var e entry
		// One spelling only: what another reader could take otherwise is refused.
		if json.Unmarshal([]byte(line), &e) != nil || !bytes.Equal(e.line(), []byte(line)) {
			return bad("a segment's entry in its one spelling", line)
		}
		if e.First != next || e.Records == 0 || e.next() > maxNumber || e.Bytes < 0 || e.Packed < 0 {
			return bad("the entry of the segment that begins with record "+segmentName(next)[:nameDigits], line)
		}
		next = e.next()
		entries = append(entries, e)
	}
	if manifestText(origin, entries) != text {
		return bad("a line's end after the last entry", text)
	}
	return entries, nil
}

// manifestEntry returns one segment's entry of a signed manifest.
func manifestEntry(signed []byte, key string, first uint64) (*entry, error) {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return nil, err
	}
	entries, err := parseManifest(signed, verifier)
	if err != nil {
		return nil, err
	}
	for i := range entries {
		if entries[i].First == first {
			return &entries[i], nil
		}
	}
	return nil, &SignatureError{manifestName, "an entry of the segment that begins with record " + segmentName(first)[:nameDigits], "none"}
}
