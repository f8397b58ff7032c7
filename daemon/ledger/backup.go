package ledger

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Backup copies the ledger in dir into the new folder out: all that is committed when it begins, without the signing key. It needs no lock and
// may run beside the writer. The copy is verified, byte by byte, before Backup returns. It is no ledger to go on with: Restore makes one of it.
func Backup(dir, out string, progress Progress) (VerifyResult, error) {
	for range lookTries {
		m := &meter{tell: progress}
		err := copyFolder(dir, out, m)
		if err == nil {
			return Verify(out, VerifyOptions{Progress: m.step()})
		}
		if !errors.Is(err, os.ErrNotExist) || !exists(dir) {
			return VerifyResult{}, err
		}
		// A segment was pruned while it was copied: the next look finds the new state.
		if err := os.RemoveAll(out); err != nil {
			return VerifyResult{}, err
		}
	}
	return VerifyResult{}, fmt.Errorf("backup of %s: %w: expected a moment of rest in %d tries, found none", dir, errMoving, lookTries)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// copyFolder copies what one look at the folder found, so that the copy is one state of it.
func copyFolder(dir, out string, m *meter) error {
	f, err := openFolder(dir)
	if err != nil {
		return err
	}
	m.total = f.files() + f.lines()
	if len(f.entries)+len(f.tail) == 0 {
		return fmt.Errorf("no ledger in %s: expected a segment such as %s, found none", dir, segmentName(0))
	}
	if err := os.Mkdir(out, 0o750); err != nil {
		return err
	}
	for _, e := range f.entries {
		if !e.Pruned {
			if err := copyFile(dir, out, packedName(e.First)); err != nil {
				return err
			}
			m.add(e.Packed)
		}
		if err := copyFile(dir, out, treeName(e.First)); err != nil {
			return err
		}
		m.add(treeFileSize(e.First, e.next()))
	}
	for _, s := range f.tail {
		// Up to the length that was listed: what came later may lack what lies in a segment after it. One that was sealed
		// since is copied unpacked: the manifest of this copy does not have it.
		in, err := openSegment(dir, s)
		if err != nil {
			return err
		}
		if err := copyTo(out, s.name, io.LimitReader(in, s.size)); err != nil {
			return errors.Join(err, in.Close())
		}
		in.Close()
		m.add(s.size)
	}
	for _, file := range []struct {
		name    string
		content []byte
	}{{publicName, []byte(f.public + "\n")}, {checkpointName, f.signed}, {manifestName, f.manifest}} {
		if len(file.content) < 2 {
			continue
		}
		if err := replace(osDisk{}, out, file.name, file.content, filePerm); err != nil {
			return err
		}
	}
	return osDisk{}.syncDir(filepath.Dir(out))
}

func copyFile(from, to, name string) error {
	in, err := os.Open(filepath.Join(from, name))
	if err != nil {
		return err
	}
	defer in.Close()
	return copyTo(to, name, in)
}

// copyTo writes a new file, durable but for its name.
func copyTo(dir, name string, in io.Reader) (err error) {
	out, err := osDisk{}.create(filepath.Join(dir, name), filePerm)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	if _, err := io.Copy(out, in); err != nil {
		return err
	}
	return out.sync()
}

// Restored is the record that founds a restored ledger's new lineage: the command record's member "restore".
type Restored struct {
	Origin string `json:"origin"` // of the ledger that the backup was taken of
	Size   uint64 `json:"size"`   // its head in the backup
	Leaf   Hash   `json:"leaf"`
	Root   Hash   `json:"root"`
	Key    string `json:"key,omitempty"` // its verifier key
	Nonce  string `json:"nonce"`         // 16 random bytes in hexadecimal: two restores of one backup are two lineages
}

// Restore makes a ledger in the new folder dir out of the backup in from. It has the backup's records, and after them a command
// record that names the backup's head and founds a new lineage: from that record on the ledger has another origin and another key. So the
// restored ledger and the original can never both pass as the original, and every checkpoint of the original up to the backup can be
// shown to be a beginning of both. ms is the record's time, Unix milliseconds.
func Restore(from, dir string, ms int64, progress Progress) (Restored, Head, error) {
	f, err := openFolder(from)
	if err != nil {
		return Restored{}, Head{}, err
	}
	m := &meter{tell: progress, total: f.files() + f.lines()}
	result, err := f.verify(VerifyOptions{Progress: m.step()})
	if err != nil {
		return Restored{}, Head{}, err
	}
	if err := copyFolder(from, dir, m); err != nil {
		return Restored{}, Head{}, err
	}
	r := Restored{Origin: result.Origin, Size: result.Head.Size, Leaf: result.Head.Leaf, Root: result.Head.Root, Key: result.Key}
	nonce := make([]byte, 16)
	if _, err := rand.Read(nonce); err != nil {
		return Restored{}, Head{}, err
	}
	r.Nonce = fmt.Sprintf("%x", nonce)
	head, err := found(dir, &r, ms)
	if err != nil {
		// Half a restore must not be taken for a ledger.
		return Restored{}, Head{}, errors.Join(err, os.RemoveAll(dir))
	}
	return r, head, nil
}

// found writes the founding record in a copied folder. What the old key signed is signed anew by a new one, under the new origin.
func found(dir string, r *Restored, ms int64) (Head, error) {
	f, err := openFolder(dir)
	if err != nil {
		return Head{}, err
	}
	entries := f.entries
	// The old signatures go: the new key can't stand for them, and the records they covered are in the tree.
	for _, name := range []string{checkpointName, manifestName, publicName} {
		if err := removeIfThere(osDisk{}, filepath.Join(dir, name)); err != nil {
			return Head{}, err
		}
	}
	l := &Ledger{dir: dir, disk: osDisk{}, segmentBytes: DefaultSegmentBytes}
	if l.lock, err = lockFolder(dir); err != nil {
		return Head{}, err
	}
	l.sealer.start(l, sealNever)
	f.checkpoint, f.signed, f.public = nil, nil, ""
	f.entries = entries
	recovery := &Recovery{}
	torn, err := l.examineAll(f, Head{Size: r.Size, Leaf: r.Leaf, Root: r.Root}, recovery)
	if err != nil {
		return Head{}, errors.Join(err, l.lock.Close())
	}
	err = func() error {
		if err := l.makeKey(); err != nil {
			return err
		}
		if err := l.continueTail(f, torn, recovery); err != nil {
			return err
		}
		body, err := json.Marshal(map[string]*Restored{"restore": r})
		if err != nil {
			return err
		}
		if _, err := l.append(l.tally.tree.size, KindCommand, ms, l.tally.epoch, body); err != nil {
			return err
		}
		if err := l.writeCheckpoint(0); err != nil {
			return err
		}
		if len(entries) > 0 {
			return l.writeManifest(entries)
		}
		return nil
	}()
	head := l.Head()
	return head, errors.Join(err, l.Close())
}
