package ledger

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Repaired is what Repair did.
type Repaired struct {
	Trees    []string `json:"trees"`    // tree files made again from the records
	Segments []string `json:"segments"` // sealed segments taken from the backup
	Kept     []string `json:"kept"`     // damaged files, set aside
	Head     Head     `json:"head"`
}

// Repair mends the sealed part of the ledger in dir, and nothing that it can't prove: a damaged tree file is made again from its records,
// a damaged sealed segment is taken from the folder backup ("" for none) if its copy there has the very bytes that the signed manifest
// names. Damaged files are set aside with the suffix .broken. Damage anywhere else (in the records after the sealed ones, in
// manifest, checkpoint or key) is no case for a repair: Restore makes a new lineage of a backup. The whole ledger is verified at the end; progress is that of a
// verification, and begins anew after each file that was mended.
func Repair(dir, backup string, progress Progress) (Repaired, error) {
	lock, err := lockFolder(dir)
	if err != nil {
		return Repaired{}, err
	}
	defer lock.Close()
	var done Repaired
	// Every round mends one file, and a file is mended once.
	mended := map[string]bool{}
	for {
		result, err := Verify(dir, VerifyOptions{Progress: progress})
		if err == nil {
			done.Head = result.Head
			return done, nil
		}
		var damage *CorruptionError
		if !errors.As(err, &damage) || mended[damage.Segment] {
			return done, err
		}
		mended[damage.Segment] = true
		first, suffix, numbered := parseName(damage.Segment)
		switch {
		case numbered && suffix == treeSuffix:
			err = done.remakeTree(dir, first, err)
		case numbered && suffix == packedSuffix && backup != "":
			err = done.fetchSegment(dir, backup, first, err)
		}
		if err != nil {
			return done, err
		}
	}
}

// setAside renames a damaged file: it is evidence.
func (r *Repaired) setAside(dir, name string) error {
	path := filepath.Join(dir, name)
	if !exists(path) {
		return nil
	}
	kept := fmt.Sprintf("%s-%d%s", name[:nameDigits], time.Now().UnixMilli(), brokenSuffix)
	r.Kept = append(r.Kept, kept)
	return errors.Join(osDisk{}.rename(path, filepath.Join(dir, kept)), osDisk{}.syncDir(dir))
}

func (r *Repaired) remakeTree(dir string, first uint64, why error) error {
	if err := r.setAside(dir, treeName(first)); err != nil {
		return err
	}
	f, err := openFolder(dir)
	if err != nil {
		return errors.Join(why, err)
	}
	l := &Ledger{dir: dir, disk: osDisk{}}
	if err := l.rebuildTrees(f); err != nil {
		return errors.Join(why, err)
	}
	r.Trees = append(r.Trees, treeName(first))
	return nil
}

func (r *Repaired) fetchSegment(dir, backup string, first uint64, why error) error {
	name := packedName(first)
	f, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		return errors.Join(why, err)
	}
	public, err := FolderKey(dir)
	if err != nil {
		return err
	}
	e, err := manifestEntry(f, public, first)
	if err != nil {
		return errors.Join(why, err)
	}
	copied := part{dir: backup, name: name, first: first, entry: e, limit: 1<<63 - 1}
	if err := copied.check(); err != nil {
		return errors.Join(why, fmt.Errorf("and the backup's copy is not the one of the manifest: %w", err))
	}
	if err := r.setAside(dir, name); err != nil {
		return err
	}
	content, err := os.ReadFile(filepath.Join(backup, name))
	if err != nil {
		return err
	}
	r.Segments = append(r.Segments, name)
	return replace(osDisk{}, dir, name, content, sealedPerm)
}
