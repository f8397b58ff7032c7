package witness

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// maxSize is 2^53-1, the most records that a ledger can have.
const maxSize = 1<<53 - 1

// parsed is a head in its binary form.
type parsed struct {
	*v1alpha1.LedgerReport
	size       int64
	leaf, root tlog.Hash
}

func parse(r *v1alpha1.LedgerReport) (*parsed, *mismatch) {
	p := &parsed{LedgerReport: r, size: r.Size}
	if r.Size < 1 || r.Size > maxSize {
		return nil, &mismatch{"a size of 1 to 2^53-1", strconv.FormatInt(r.Size, 10)}
	}
	for _, h := range []struct {
		name, text string
		into       *tlog.Hash
	}{{"head", r.Head, &p.leaf}, {"root", r.Root, &p.root}} {
		b, err := hex.DecodeString(h.text)
		if err != nil || len(b) != len(h.into) || strings.ToLower(h.text) != h.text {
			return nil, &mismatch{h.name + " of 64 lowercase hexadecimal digits", clip(h.text)}
		}
		*h.into = tlog.Hash(b)
	}
	return p, nil
}

// checkpoint is the text that the head's signature is over.
func (p *parsed) checkpoint() string {
	return fmt.Sprintf("%s\n%d\n%s\nleaf %x\n", p.Origin, p.size, p.root, p.leaf[:])
}

// signed checks the head's own signature.
func (p *parsed) signed() *mismatch {
	return verify(p.Origin, p.Key, p.checkpoint(), p.Signature)
}

// rotated checks that the key before has signed for the one of the head.
func rotated(before string, head *v1alpha1.LedgerReport) *mismatch {
	if head.Rotation == "" {
		return &mismatch{"the pinned key " + before, head.Key + ", without a rotation"}
	}
	if err := verify(head.Origin, before, head.Origin+"\nledger key rotation v1\n"+head.Key+"\n", head.Rotation); err != nil {
		return &mismatch{"a rotation signed by the pinned key " + before, head.Key + ", with a rotation that is not"}
	}
	return nil
}

// verify checks one signature of a note: that the key is for origin, and that it has signed text.
func verify(origin, key, text, signature string) *mismatch {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return &mismatch{"a note verifier key (name+hash+base64)", clip(key)}
	}
	if verifier.Name() != origin {
		return &mismatch{"a key of " + clip(origin), "one of " + clip(verifier.Name())}
	}
	expected := fmt.Sprintf("a signature by %s+%08x", origin, verifier.KeyHash())
	// One signature, in its one spelling: what is quoted into a note must not become a part of it.
	if b, err := base64.StdEncoding.Strict().DecodeString(signature); err != nil || base64.StdEncoding.EncodeToString(b) != signature {
		return &mismatch{expected + " in base64", clip(signature)}
	}
	opened, err := note.Open([]byte(text+"\n— "+origin+" "+signature+"\n"), note.VerifierList(verifier))
	if err != nil {
		var unknown *note.UnverifiedNoteError
		if errors.As(err, &unknown) {
			return &mismatch{expected, "one by another key"}
		}
		return &mismatch{expected, "one that is not over this origin, size, root and head"}
	}
	if opened.Text != text {
		return &mismatch{expected, "one over another text"}
	}
	return nil
}

func parseBase64(text string) (h tlog.Hash, ok bool) {
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if err != nil || len(b) != len(h) || base64.StdEncoding.EncodeToString(b) != text {
		return h, false
	}
	return tlog.Hash(b), true
}
