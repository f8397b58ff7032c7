package ledger

import (
	"errors"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

// Key returns the ledger's verifier key under its origin, "" while it has no record.
func (l *Ledger) Key() (string, error) {
	origin := l.Origin()
	if origin == "" {
		return "", nil
	}
	return l.key.verifierKey(origin)
}

// Checkpoint writes a checkpoint of all that is durable, and returns it as a signed note. A ledger without a record has none: nil.
func (l *Ledger) Checkpoint() ([]byte, error) {
	if err := l.writeCheckpoint(0); err != nil {
		return nil, err
	}
	l.sign.Lock()
	defer l.sign.Unlock()
	if l.signed.Size == 0 {
		return nil, nil
	}
	return l.signed.sign(l.key)
}

// durable is the head that a power loss can't take away.
func (l *Ledger) durable() (head Head, origin string) {
	l.state.Lock()
	defer l.state.Unlock()
	if l.tally.tree.size == 0 {
		return Head{}, ""
	}
	if l.durability == AtSeal {
		return l.synced, Origin(l.tally.founder)
	}
	return l.tally.head(), Origin(l.tally.founder)
}

// writeCheckpoint signs the durable head and puts it in the folder, unless the checkpoint there counts as much already, or
// enough: least records, if least is not 0.
func (l *Ledger) writeCheckpoint(least uint64) error {
	l.sign.Lock()
	defer l.sign.Unlock()
	head, origin := l.durable()
	if head.Size == 0 || head.Size <= l.signed.Size && l.signed.Origin == origin || least > 0 && l.signed.Size >= least {
		return nil
	}
	c := Checkpoint{Origin: origin, Size: head.Size, Root: head.Root}
	signed, err := c.sign(l.key)
	if err != nil {
		return err
	}
	if err := l.publishKey(origin); err != nil {
		return err
	}
	if err := replace(l.disk, l.dir, checkpointName, signed, filePerm); err != nil {
		return err
	}
	l.signed = c
	return nil
}

// publishKey puts the verifier key beside what it verifies.
func (l *Ledger) publishKey(origin string) error {
	public, err := l.key.verifierKey(origin)
	if err != nil {
		return err
	}
	there, err := readOptional(l.dir, publicName)
	if err != nil || string(there) == public+"\n" {
		return err
	}
	return replace(l.disk, l.dir, publicName, []byte(public+"\n"), filePerm)
}

// loadKey reads the signing key, or makes it when the ledger has none yet.
func (l *Ledger) loadKey(f *folder) error {
	text, err := readOptional(l.dir, keyName)
	if err != nil {
		return err
	}
	if text == nil {
		if f.checkpoint != nil {
			return missingFile(keyName, "the key that signs for "+f.public+": bring it back from where the volume was copied, or restore the copy under a new lineage with taud ledger restore")
		}
		return nil // made once all is checked
	}
	if l.key, err = parseSigningKey(text); err != nil {
		return &CorruptionError{Segment: keyName, Problem: "not a signing key", Expected: strings.TrimPrefix(err.Error(), "expected "), Found: "something else"}
	}
	if f.checkpoint == nil {
		return nil
	}
	public, err := l.key.verifierKey(f.checkpoint.Origin)
	if err == nil && public != f.public {
		err = &CorruptionError{Segment: keyName, Problem: "another ledger's key", Expected: "the key of " + f.public + hintRotation(l.dir), Found: public}
	}
	if err != nil {
		return err
	}
	l.rotation, err = loadRotation(l.dir, f.checkpoint.Origin, public)
	return err
}

// hintRotation says how a key is brought back that a rotation left behind.
func hintRotation(dir string) string {
	if !exists(filepath.Join(dir, nextKeyName)) {
		return ""
	}
	return " (a rotation was cut short: taud ledger rotate-key ends it)"
}

func (l *Ledger) makeKey() error {
	if l.key.private != nil {
		return nil
	}
	k, err := newSigningKey()
	if err != nil {
		return err
	}
	l.key = k
	return replace(l.disk, l.dir, keyName, k.text(), keyPerm)
}

// ProveInclusion returns the RFC 6962 audit path of record seq in the tree of the first size records.
func (l *Ledger) ProveInclusion(seq, size uint64) ([]Hash, error) {
	h, err := l.tree(size)
	if err != nil {
		return nil, err
	}
	if seq >= size {
		return nil, &RecordError{"seq", "less than the size", quote([]byte(segmentName(seq)[:nameDigits]))}
	}
	p, err := tlog.ProveRecord(int64(size), int64(seq), h)
	return toHashes(p), err
}

// ProveConsistency returns the RFC 6962 proof that the tree of the first size records begins with that of the first old ones. It
// is empty when old is 0 or equals size.
func (l *Ledger) ProveConsistency(old, size uint64) ([]Hash, error) {
	h, err := l.tree(size)
	if err != nil || old == 0 || old == size {
		return nil, err
	}
	if old > size {
		return nil, errors.New("consistency: expected the older size first, found the greater")
	}
	p, err := tlog.ProveTree(int64(size), int64(old), h)
	return toHashes(p), err
}

// tree reads the ledger's stored hashes as they are now; size records are in it.
func (l *Ledger) tree(size uint64) (*hashes, error) {
	l.state.Lock()
	defer l.state.Unlock()
	if size > l.tally.tree.size {
		return nil, &RecordError{"size", "at most the ledger's", quote([]byte(segmentName(size)[:nameDigits]))}
	}
	return &hashes{dir: l.dir, sealed: l.entries, tail: l.hashes}, nil
}

func toHashes(in []tlog.Hash) []Hash {
	var out []Hash
	for _, h := range in {
		out = append(out, Hash(h))
	}
	return out
}

// CheckInclusion checks that proof shows the record with leaf hash leaf at place seq of the tree of that size and root.
func CheckInclusion(proof []Hash, size uint64, root Hash, seq uint64, leaf Hash) error {
	if size > maxNumber || seq >= size {
		return &SignatureError{"inclusion proof", "a sequence number below the size", quote([]byte(segmentName(seq)[:nameDigits]))}
	}
	if tlog.CheckRecord(fromHashes(proof), int64(size), tlog.Hash(root), int64(seq), tlog.Hash(leaf)) != nil {
		return &SignatureError{"inclusion proof", "a path from the record to the root " + root.String(), "one that does not lead there"}
	}
	return nil
}

// CheckConsistency checks that proof shows the tree of the newer size and root to begin with that of the older. Any tree begins with
// the empty one, and with itself; both need an empty proof.
func CheckConsistency(proof []Hash, older uint64, olderRoot Hash, newer uint64, newerRoot Hash) error {
	bad := &SignatureError{"consistency proof", "a proof that the tree " + newerRoot.String() + " begins with " + olderRoot.String(), "one that does not show it"}
	switch {
	case older > newer || newer > maxNumber:
		return bad
	case older == 0 || older == newer:
		if len(proof) > 0 || older == newer && olderRoot != newerRoot {
			return bad
		}
		return nil
	}
	if tlog.CheckTree(fromHashes(proof), int64(newer), tlog.Hash(newerRoot), int64(older), tlog.Hash(olderRoot)) != nil {
		return bad
	}
	return nil
}

func fromHashes(in []Hash) []tlog.Hash {
	var out []tlog.Hash
	for _, h := range in {
		out = append(out, tlog.Hash(h))
	}
	return out
}
