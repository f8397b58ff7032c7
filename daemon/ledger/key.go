package ledger

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// keyHeader begins the file of the signing key; what follows is the Ed25519 seed in base64.
const keyHeader = "taudaemon ledger key v1 "

// signingKey is the ledger's Ed25519 key. It has no name of its own: it signs under the ledger's origin, which is not known
// before record 0 is.
type signingKey struct{ private ed25519.PrivateKey }

func newSigningKey() (signingKey, error) {
	_, private, err := ed25519.GenerateKey(nil)
	return signingKey{private}, err
}

func parseSigningKey(text []byte) (signingKey, error) {
	line, ended := strings.CutSuffix(string(text), "\n")
	encoded, ours := strings.CutPrefix(line, keyHeader)
	seed, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if !ended || !ours || err != nil || len(seed) != ed25519.SeedSize {
		// Not what was found: it may be most of a key.
		return signingKey{}, fmt.Errorf("expected %q, 32 bytes in base64 and a line's end, found something else", keyHeader)
	}
	return signingKey{ed25519.NewKeyFromSeed(seed)}, nil
}

func (k signingKey) text() []byte {
	return []byte(keyHeader + base64.StdEncoding.EncodeToString(k.private.Seed()) + "\n")
}

func (k signingKey) public() ed25519.PublicKey { return k.private.Public().(ed25519.PublicKey) }

// verifierKey is the public key as a note verifier key under the name origin.
func (k signingKey) verifierKey(origin string) (string, error) {
	return note.NewEd25519VerifierKey(origin, k.public())
}

// signer signs notes under the name origin.
func (k signingKey) signer(origin string) note.Signer { return originSigner{origin, k} }

type originSigner struct {
	origin string
	key    signingKey
}

func (s originSigner) Name() string { return s.origin }

// KeyHash is the first four bytes of SHA-256(name LF 0x01 public key), as C2SP signed-note has it.
func (s originSigner) KeyHash() uint32 {
	h := sha256.Sum256(append([]byte(s.origin+"\n\x01"), s.key.public()...))
	return binary.BigEndian.Uint32(h[:])
}

func (s originSigner) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key.private, msg), nil }
