package ledger

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// Checkpoint is what a signed checkpoint states: the ledger Origin had Size records, and Root is the RFC 6962 tree hash over them.
type Checkpoint struct {
	Origin string `json:"origin"`
	Size   uint64 `json:"size"`
	Root   Hash   `json:"root"`
}

// text is the body that is signed, as C2SP tlog-checkpoint has it.
func (c Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatUint(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

// sign returns the checkpoint as a signed note.
func (c Checkpoint) sign(k signingKey) ([]byte, error) {
	return note.Sign(&note.Note{Text: c.text()}, k.signer(c.Origin))
}

// SignatureError says that a text is not signed by the key it was held against, or is no signed text at all.
type SignatureError struct {
	What     string // the file or the kind of text
	Expected string
	Found    string
}

// Error says what, expected, found.
func (e *SignatureError) Error() string {
	return fmt.Sprintf("%s: expected %s, found %s", e.What, e.Expected, e.Found)
}

// ParseCheckpoint reads a signed checkpoint and checks its signature against verifierKey, a note verifier key
// ("name+hash+base64", the content of ledger.pub) whose name is the ledger's origin. Signatures of other keys, such as
// witnesses', are let pass and not checked. Errors: [*SignatureError].
func ParseCheckpoint(signed []byte, verifierKey string) (Checkpoint, error) {
	verifier, err := note.NewVerifier(strings.TrimSuffix(verifierKey, "\n"))
	if err != nil {
		return Checkpoint{}, &SignatureError{"verifier key", "a note verifier key (name+hash+base64)", quote([]byte(verifierKey))}
	}
	text, err := openNote("checkpoint", signed, verifier)
	if err != nil {
		return Checkpoint{}, err
	}
	c, err := parseCheckpointText(text)
	if err != nil {
		return Checkpoint{}, err
	}
	if c.Origin != verifier.Name() {
		return Checkpoint{}, &SignatureError{"checkpoint", "the origin " + verifier.Name() + " that the key is for", c.Origin}
	}
	return c, nil
}

func parseCheckpointText(text string) (Checkpoint, error) {
	bad := func(expected, found string) (Checkpoint, error) {
		return Checkpoint{}, &SignatureError{"checkpoint", expected, quote([]byte(found))}
	}
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" || lines[0] == "" {
		return bad("three lines: origin, size, root", text)
	}
	size, err := strconv.ParseUint(lines[1], 10, 64)
	if err != nil || strconv.FormatUint(size, 10) != lines[1] || size > maxNumber {
		return bad("a size, decimal and without leading zeros", lines[1])
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != len(Hash{}) || base64.StdEncoding.EncodeToString(root) != lines[2] {
		return bad("a root, 32 bytes in base64", lines[2])
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: Hash(root)}, nil
}

// openNote returns the text of a note that verifier's key has signed.
func openNote(what string, signed []byte, verifier note.Verifier) (string, error) {
	n, err := note.Open(signed, note.VerifierList(verifier))
	var unverified *note.UnverifiedNoteError
	var invalid *note.InvalidSignatureError
	switch {
	case err == nil:
		return n.Text, nil
	case errors.As(err, &unverified):
		var names []string
		for _, s := range unverified.Note.UnverifiedSigs {
			names = append(names, fmt.Sprintf("%s+%08x", s.Name, s.Hash))
		}
		return "", &SignatureError{what, fmt.Sprintf("a signature by %s+%08x", verifier.Name(), verifier.KeyHash()), strings.Join(names, ", ")}
	case errors.As(err, &invalid):
		return "", &SignatureError{what, fmt.Sprintf("a valid signature by %s+%08x", verifier.Name(), verifier.KeyHash()), "an invalid one: text or signature was changed"}
	}
	return "", &SignatureError{what, "a signed note", err.Error()}
}
