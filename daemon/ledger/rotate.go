package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
)

// RotateKey gives the ledger in dir a new signing key, signed for by the old one, which is then gone: for the case that somebody else may have seen it.
// No daemon may have the ledger open. It returns both verifier keys. Checkpoint and manifest are first signed by both, so that whenever it is cut short
// they are good under the key that is published; called again it ends what it began. Only the last rotation is kept: who pinned the key must see each.
func RotateKey(dir string) (before, after string, err error) { return rotateKey(dir, osDisk{}) }

func rotateKey(dir string, d disk) (before, after string, err error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return "", "", err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	f, err := openFolder(dir)
	if err != nil {
		return "", "", err
	}
	if f.checkpoint == nil {
		return "", "", missingFile(checkpointName, "a ledger with a checkpoint")
	}
	origin := f.checkpoint.Origin
	ended, err := endRotation(dir, d, f)
	if ended != "" || err != nil {
		return ended, f.public, err
	}
	l := &Ledger{dir: dir, disk: d}
	if err := l.loadKey(f); err != nil {
		return "", "", err
	}
	next, err := newSigningKey()
	if err != nil {
		return "", "", err
	}
	if after, err = next.verifierKey(origin); err != nil {
		return "", "", err
	}
	rotation, err := note.Sign(&note.Note{Text: rotationText(origin, after)}, l.key.signer(origin))
	if err != nil {
		return "", "", err
	}
	both := func(text string) ([]byte, error) {
		return note.Sign(&note.Note{Text: text}, l.key.signer(origin), next.signer(origin))
	}
	checkpoint, err := both(f.checkpoint.text())
	if err != nil {
		return "", "", err
	}
	steps := []replacement{{nextKeyName, next.text(), keyPerm}, {rotationName, rotation, filePerm}, {checkpointName, checkpoint, filePerm}}
	if f.manifest != nil {
		manifest, err := both(manifestText(origin, f.entries))
		if err != nil {
			return "", "", err
		}
		steps = append(steps, replacement{manifestName, manifest, filePerm})
	}
	steps = append(steps, replacement{publicName, []byte(after + "\n"), filePerm})
	for _, s := range steps {
		if err := replace(d, dir, s.name, s.content, s.perm); err != nil {
			return "", "", fmt.Errorf("rotation of the key, %s: %w", s.name, err)
		}
	}
	return f.public, after, takeNextKey(dir, d)
}

type replacement struct {
	name    string
	content []byte
	perm    os.FileMode
}

// endRotation ends a rotation that was cut short after the new key was published: before is the old key, "" if there was none to end.
func endRotation(dir string, d disk, f *folder) (before string, err error) {
	text, err := readOptional(dir, nextKeyName)
	if err != nil || text == nil {
		return "", err
	}
	next, err := parseSigningKey(text)
	if err != nil {
		return "", err
	}
	public, err := next.verifierKey(f.checkpoint.Origin)
	if err != nil || public != f.public {
		return "", err // it was cut short before: it begins anew
	}
	old, err := readOptional(dir, keyName)
	if err != nil {
		return "", err
	}
	k, err := parseSigningKey(old)
	if err != nil {
		return "", err
	}
	if before, err = k.verifierKey(f.checkpoint.Origin); err != nil {
		return "", err
	}
	return before, takeNextKey(dir, d)
}

// takeNextKey is the last step: from it on the ledger can be opened again.
func takeNextKey(dir string, d disk) error {
	return errors.Join(d.rename(filepath.Join(dir, nextKeyName), filepath.Join(dir, keyName)), d.syncDir(dir))
}

// rotationText is what the key before signs.
func rotationText(origin, key string) string {
	return origin + "\nledger key rotation v1\n" + key + "\n"
}

// loadRotation reads the old key's signature for the published one; "" where there is none, or one for another key.
func loadRotation(dir, origin, public string) (string, error) {
	signed, err := readOptional(dir, rotationName)
	if err != nil {
		return "", err
	}
	line, ours := strings.CutPrefix(string(signed), rotationText(origin, public)+"\n— "+origin+" ")
	if !ours {
		return "", nil
	}
	return strings.TrimSuffix(line, "\n"), nil
}
