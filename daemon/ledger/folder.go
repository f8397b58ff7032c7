package ledger

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// folder is a ledger's folder as a reader found it: which file holds which records, and what was signed about them. The
// signatures are checked, the records are not yet.
type folder struct {
	dir        string
	public     string // the verifier key in ledger.pub, "" when there is none
	entries    []entry
	tail       []segment   // the segments after the sealed ones, in order
	spare      []string    // files that a crash left, and that the next Open removes
	missing    []entry     // sealed segments whose tree file is missing
	checkpoint *Checkpoint // nil when there is none
	signed     []byte      // the checkpoint's file
	manifest   []byte      // the manifest's file
}

// sealedEnd is the sequence number after the last sealed record.
func (f *folder) sealedEnd() uint64 {
	if len(f.entries) == 0 {
		return 0
	}
	return f.entries[len(f.entries)-1].next()
}

// errMoving is returned when a writer seals segments while they are listed.
var errMoving = errors.New("segments are being sealed")

// lookTries is how often a reader looks again when the writer was at it: a seal takes milliseconds, once in a segment.
const lookTries = 100

// openFolder reads dir's names, manifest and checkpoint. Errors: *CorruptionError, else the file system's.
func openFolder(dir string) (*folder, error) {
	for try := range lookTries {
		f, err := tryFolder(dir)
		if !errors.Is(err, errMoving) {
			return f, err
		}
		time.Sleep(time.Duration(try/10) * time.Millisecond)
	}
	return nil, fmt.Errorf("%s: %w: expected a moment of rest in %d tries, found none", dir, errMoving, lookTries)
}

func tryFolder(dir string) (*folder, error) {
	f := &folder{dir: dir}
	// A writer publishes the key, then the checkpoint, then the manifest, then removes what was sealed. Read the other way round,
	// whatever one of them speaks of is there.
	manifest, err := readOptional(dir, manifestName)
	if err != nil {
		return nil, err
	}
	if f.signed, err = readOptional(dir, checkpointName); err != nil {
		return nil, err
	}
	public, err := readOptional(dir, publicName)
	if err != nil {
		return nil, err
	}
	f.public = strings.TrimSuffix(string(public), "\n")
	f.manifest = manifest
	if err := f.checkSignatures(manifest); err != nil {
		return nil, err
	}
	found, err := f.list()
	if err == nil {
		err = f.arrange(found)
	}
	if err != nil {
		// A writer may have pruned a segment between the looks.
		if now, again := readOptional(dir, manifestName); again == nil && string(now) != string(manifest) {
			return nil, errMoving
		}
		return nil, err
	}
	return f, nil
}

// list finds the segments' files. A writer may go on meanwhile, and a folder is not listed in one instant: what comes and goes during a listing may be in it
// or not. So it is listed twice, and the manifest read again after that. What the manifest has more than before was sealed since; it is still listed as a plain
// segment, and openSegment finds it packed. Of the others counts what is no later than the last in the first list: all before that was there before the second
// list, and has stayed. So nothing is missing that was there before the look, and nothing between.
func (f *folder) list() (files, error) {
	first, err := listFiles(f.dir)
	if err != nil {
		return files{}, err
	}
	found, err := listFiles(f.dir)
	if err != nil {
		return files{}, err
	}
	last := uint64(0)
	if n := len(first.plain); n > 0 {
		last = first.plain[n-1].first
	}
	found.plain = slices.DeleteFunc(found.plain, func(s segment) bool { return s.first > last })
	now, err := readOptional(f.dir, manifestName)
	if err != nil || string(now) == string(f.manifest) {
		return found, err
	}
	verifier, err := note.NewVerifier(f.public)
	if err != nil {
		return files{}, errMoving // the first manifest came with the key, after the key was looked for
	}
	entries, err := parseManifest(now, verifier)
	if err != nil {
		return files{}, err
	}
	for _, e := range entries[min(len(f.entries), len(entries)):] {
		if e.Pruned {
			return files{}, errMoving
		}
		s := segment{name: segmentName(e.First), first: e.First, size: e.Bytes}
		if at, there := slices.BinarySearchFunc(found.plain, s, func(a, b segment) int { return cmp.Compare(a.first, b.first) }); there {
			found.plain[at] = s
		} else {
			found.plain = slices.Insert(found.plain, at, s)
		}
		sealed := func(s segment) bool { return s.first == e.First }
		found.packed, found.trees = slices.DeleteFunc(found.packed, sealed), slices.DeleteFunc(found.trees, sealed)
	}
	return found, nil
}

func (f *folder) checkSignatures(manifest []byte) error {
	if manifest == nil && f.signed == nil {
		return nil
	}
	if f.public == "" {
		return missingFile(publicName, "the public key of what is signed here")
	}
	if f.signed == nil {
		return missingFile(checkpointName, "a checkpoint, as there is a manifest")
	}
	verifier, err := note.NewVerifier(f.public)
	if err != nil {
		return damagedFile(publicName, &SignatureError{publicName, "a note verifier key", quote([]byte(f.public))})
	}
	if manifest != nil {
		if f.entries, err = parseManifest(manifest, verifier); err != nil {
			return damagedFile(manifestName, err)
		}
	}
	c, err := ParseCheckpoint(f.signed, f.public)
	if err != nil {
		return damagedFile(checkpointName, err)
	}
	f.checkpoint = &c
	if c.Size < f.sealedEnd() {
		return &CorruptionError{Segment: checkpointName, Seq: c.Size, Problem: "an older checkpoint than the manifest needs",
			Expected: fmt.Sprintf("at least %d records", f.sealedEnd()), Found: fmt.Sprint(c.Size)}
	}
	return nil
}

// arrange sorts the files into sealed segments, the tail and what is left over.
func (f *folder) arrange(found files) error {
	f.spare = found.temps
	plain := map[uint64]bool{}
	for _, s := range found.plain {
		plain[s.first] = true
		if s.first < f.sealedEnd() {
			f.spare = append(f.spare, s.name) // a crash came after the manifest and before the removal
		} else {
			f.tail = append(f.tail, s)
		}
	}
	trees := map[uint64]segment{}
	for _, s := range found.trees {
		trees[s.first] = s
	}
	packed := map[uint64]segment{}
	for _, s := range found.packed {
		packed[s.first] = s
	}
	for _, e := range f.entries {
		s, there := packed[e.First]
		switch {
		case !there && !e.Pruned:
			return &CorruptionError{Segment: packedName(e.First), Seq: e.First, Problem: "sealed segment missing",
				Expected: fmt.Sprintf("a file of %d bytes, as in the manifest", e.Packed), Found: "none"}
		case there && e.Pruned:
			f.spare = append(f.spare, s.name)
		case there && s.size != e.Packed:
			return &CorruptionError{Segment: s.name, Seq: e.First, Problem: "sealed segment's length",
				Expected: fmt.Sprintf("%d bytes, as in the manifest", e.Packed), Found: fmt.Sprint(s.size)}
		}
		delete(packed, e.First)
		tree, there := trees[e.First]
		want := treeFileSize(e.First, e.next())
		switch {
		case !there && e.Pruned:
			return &CorruptionError{Segment: treeName(e.First), Seq: e.First, Problem: "tree file of a pruned segment missing",
				Expected: fmt.Sprintf("a file of %d bytes", want), Found: "none"}
		case !there:
			f.missing = append(f.missing, e)
		case tree.size != want:
			return &CorruptionError{Segment: tree.name, Seq: e.First, Problem: "tree file's length",
				Expected: fmt.Sprintf("%d bytes, for %d records", want, e.Records), Found: fmt.Sprint(tree.size)}
		}
		delete(trees, e.First)
	}
	// What is left was being sealed when a crash came: the plain segment is still there, and counts.
	for _, list := range [][]segment{found.packed, found.trees} {
		for _, s := range list {
			_, isPacked := packed[s.first]
			_, isTree := trees[s.first]
			if !(s.packed && isPacked || !s.packed && isTree) {
				continue
			}
			if !plain[s.first] {
				return &CorruptionError{Segment: s.name, Seq: s.first, Problem: "sealed file that the manifest does not have",
					Expected: "an entry in the manifest, or the segment's plain file beside it", Found: "neither"}
			}
			f.spare = append(f.spare, s.name)
		}
	}
	return nil
}

// hashes reads the tree of the sealed records.
func (f *folder) hashes() *hashes { return &hashes{dir: f.dir, sealed: f.entries} }

// readOptional returns a file's content, nil when there is no such file.
func readOptional(dir, name string) ([]byte, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	return b, err
}

func missingFile(name, expected string) error {
	return &CorruptionError{Segment: name, Problem: "file missing", Expected: expected, Found: "none"}
}

// damagedFile makes a CorruptionError of what is wrong with a signed file.
func damagedFile(name string, err error) error {
	var bad *SignatureError
	if errors.As(err, &bad) {
		return &CorruptionError{Segment: name, Problem: "not what was signed", Expected: bad.Expected, Found: bad.Found}
	}
	return err
}
