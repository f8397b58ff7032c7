package ledger

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// proofHeader is the first line of a C2SP tlog-proof.
const proofHeader = "c2sp.org/tlog-proof@v1"

// Proof shows, by itself and offline, that one record is in a ledger that a key has signed.
type Proof struct {
	Seq        uint64
	Line       []byte // the record, without LF
	Path       []Hash // RFC 6962 audit path, from the leaf's sibling upward
	Checkpoint []byte // the signed checkpoint, verbatim
}

// Prove makes the proof of one record of the ledger in dir, against the checkpoint in the folder. It needs no lock and may run
// beside the writer; a record that is newer than the checkpoint has no proof yet.
func Prove(dir string, seq uint64) (*Proof, error) {
	f, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	if f.checkpoint == nil {
		return nil, errors.New("prove: expected a checkpoint in the folder, found none: it is written with each snapshot record and when the ledger is closed")
	}
	if seq >= f.checkpoint.Size {
		return nil, fmt.Errorf("prove: expected a sequence number below %d, the size of the folder's checkpoint, found %d", f.checkpoint.Size, seq)
	}
	r, err := f.record(seq)
	if err != nil {
		return nil, err
	}
	h, err := f.hashesTo(f.checkpoint.Size)
	if err != nil {
		return nil, err
	}
	path, err := tlog.ProveRecord(int64(f.checkpoint.Size), int64(seq), h)
	if err != nil {
		return nil, err
	}
	p := &Proof{Seq: seq, Line: r.Line, Path: toHashes(path), Checkpoint: f.signed}
	if err := CheckInclusion(p.Path, f.checkpoint.Size, f.checkpoint.Root, seq, r.Leaf); err != nil {
		return nil, &CorruptionError{Segment: treeName(seq), Seq: seq, Problem: "stored hashes", Expected: "a path to the root of the checkpoint", Found: err.Error()}
	}
	return p, nil
}

// hashesTo reads the tree of the first size records: of the tail's from its records, as these have no tree file yet.
func (f *folder) hashesTo(size uint64) (*hashes, error) {
	h := f.hashes()
	if size <= f.sealedEnd() {
		return h, nil
	}
	tree, err := frontierAt(f.sealedEnd(), h)
	if err != nil {
		return nil, err
	}
	err = f.scan(f.sealedEnd(), func(r *Record) error {
		if r.Seq >= size {
			return errStop
		}
		h.tail = append(h.tail, tlog.Hash(r.Leaf))
		tree.add(node{0, tlog.Hash(r.Leaf)}, func(n node, _ uint64) { h.tail = append(h.tail, n.hash) })
		return nil
	})
	if err != nil && !errors.Is(err, errStop) {
		return nil, err
	}
	return h, nil
}

// Marshal returns the proof as a C2SP tlog-proof, whose extra data is the record's line.
func (p *Proof) Marshal() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nextra %s\nindex %d\n", proofHeader, base64.StdEncoding.EncodeToString(p.Line), p.Seq)
	for _, h := range p.Path {
		b.WriteString(base64.StdEncoding.EncodeToString(h[:]) + "\n")
	}
	b.WriteByte('\n')
	b.Write(p.Checkpoint)
	return b.Bytes()
}

// ParseProof reads what Marshal writes. It checks the form only: see Verify.
func ParseProof(text []byte) (*Proof, error) {
	bad := func(line int, expected, found string) (*Proof, error) {
		return nil, &SignatureError{fmt.Sprintf("proof, line %d", line), expected, quote([]byte(found))}
	}
	head, checkpoint, found := bytes.Cut(text, []byte("\n\n"))
	if !found {
		return bad(1, "lines, an empty line and a checkpoint", string(text))
	}
	lines := strings.Split(string(head), "\n")
	if lines[0] != proofHeader {
		return bad(1, proofHeader, lines[0])
	}
	if len(lines) < 3 {
		return bad(len(lines), "the lines extra and index", lines[len(lines)-1])
	}
	p := &Proof{Checkpoint: checkpoint}
	extra, ok := strings.CutPrefix(lines[1], "extra ")
	var err error
	if p.Line, err = decodeBase64(extra); !ok || err != nil || len(p.Line) > MaxRecord {
		return bad(2, `"extra " and a record in base64`, lines[1])
	}
	index, ok := strings.CutPrefix(lines[2], "index ")
	if p.Seq, err = strconv.ParseUint(index, 10, 64); !ok || err != nil || strconv.FormatUint(p.Seq, 10) != index || p.Seq > maxNumber {
		return bad(3, `"index " and a sequence number`, lines[2])
	}
	if len(lines)-3 > 64 {
		return bad(68, "at most 64 hashes", fmt.Sprint(len(lines)-3))
	}
	for i, line := range lines[3:] {
		h, err := decodeBase64(line)
		if err != nil || len(h) != len(Hash{}) {
			return bad(i+4, "32 bytes in base64", line)
		}
		p.Path = append(p.Path, Hash(h))
	}
	return p, nil
}

// decodeBase64 accepts the one spelling that encoding gives: line breaks too are refused, which the decoder would skip.
func decodeBase64(s string) ([]byte, error) {
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	if err == nil && base64.StdEncoding.EncodeToString(b) != s {
		err = errors.New("not canonical")
	}
	return b, err
}

// Verify checks the proof against a verifier key, and returns the record and the checkpoint. Everything it needs is in the proof and the
// key. Errors: [*SignatureError], and [*RecordError] for a line that is no record.
func (p *Proof) Verify(key string) (*Record, Checkpoint, error) {
	c, err := ParseCheckpoint(p.Checkpoint, key)
	if err != nil {
		return nil, Checkpoint{}, err
	}
	r, bad := decodeRecord(p.Line)
	if bad != nil {
		return nil, Checkpoint{}, bad
	}
	if r.Seq != p.Seq {
		return nil, Checkpoint{}, &SignatureError{"proof", fmt.Sprintf("record %d", p.Seq), fmt.Sprintf("record %d", r.Seq)}
	}
	r.Leaf = leafHash(p.Line)
	if err := CheckInclusion(p.Path, c.Size, c.Root, p.Seq, r.Leaf); err != nil {
		return nil, Checkpoint{}, err
	}
	return &r, c, nil
}

// FolderKey returns the verifier key that a ledger's folder brings along, "" when it has none. Who takes it on trust has to have
// reason to trust the folder.
func FolderKey(dir string) (string, error) {
	b, err := readOptional(dir, publicName)
	return strings.TrimSuffix(string(b), "\n"), err
}
