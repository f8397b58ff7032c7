package ledger

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strconv"

	"golang.org/x/mod/sumdb/tlog"
)

// Attestation is what a ledger says of its first Size records to one who must not have to believe it.
type Attestation struct {
	Checkpoint
	// Leaf is the leaf hash of the last of these records.
	Leaf Hash
	// Key is the note verifier key, and Signature the base64 of a signature line of it, as in C2SP signed-note, over Text.
	Key, Signature string
	// Rotation is the signature, in the same form, of the key before this one for this one; "" where there was none. See [RotateKey].
	Rotation string
	// Proof is the RFC 6962 consistency proof from the size that was asked for.
	Proof []Hash
}

// Text is what the signature is over: the C2SP checkpoint, with the extension line "leaf " and the last record's leaf hash, so that no one can show
// another last record with it.
func (a *Attestation) Text() string { return a.text() + "leaf " + a.Leaf.String() + "\n" }

// Attest signs the state of the first size records, which are durable, and proves that they continue the first from of them; from is 0 to size. It reads
// O(log size) hashes and writes nothing.
func (l *Ledger) Attest(size, from uint64) (*Attestation, error) {
	head, origin := l.durable()
	if size == 0 || size > head.Size || from > size {
		return nil, &RecordError{"size", fmt.Sprintf("1 to %d, which are durable, and no less than %d", head.Size, from), strconv.FormatUint(size, 10)}
	}
	h, err := l.tree(size)
	if err != nil {
		return nil, err
	}
	a := &Attestation{Checkpoint: Checkpoint{Origin: origin, Size: size}, Rotation: l.rotation}
	if a.Leaf, err = h.leaf(size - 1); err != nil {
		return nil, err
	}
	if a.Root, err = h.root(size); err != nil {
		return nil, err
	}
	if a.Key, err = l.key.verifierKey(origin); err != nil {
		return nil, err
	}
	if from > 0 && from < size {
		proof, err := tlog.ProveTree(int64(size), int64(from), h)
		if err != nil {
			return nil, err
		}
		a.Proof = toHashes(proof)
	}
	a.Signature, err = l.key.line(origin, a.Text())
	return a, err
}

// line is the base64 of a signature line of a note: the key's hash and the signature.
func (k signingKey) line(origin, text string) (string, error) {
	s := k.signer(origin)
	sig, err := s.Sign([]byte(text))
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(append(binary.BigEndian.AppendUint32(nil, s.KeyHash()), sig...)), nil
}
