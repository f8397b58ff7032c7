package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/bits"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// part is a segment as Verify and the scrubber check it: by itself, and so in parallel with others. How the parts hang
// together is for join to say.
type part struct {
	dir   string
	name  string
	first uint64
	plain *segment // nil for a sealed one
	entry *entry   // the manifest's word on a sealed one
	last  bool     // it may end in a torn tail
	limit uint64   // records from here on are not looked at
	sizes []uint64 // the sizes at which the state is wanted, ascending
	slow  func(bytes int) error

	// What was found.
	facts      entry
	prev       Hash   // the first record's
	firstEpoch uint64 // the first record's
	tree       frontier
	states     []state
	byKind     map[Kind]uint64
	founder    Hash // leaf hash of the newest founding record, zero when there is none
	torn       *TornTail
	read       int64
}

// state is what a part knows of the ledger after so many records.
type state struct {
	size uint64
	leaf Hash
	tree frontier // of the part's records
}

// check reads the part's records and holds them against themselves, the manifest and the tree file.
func (p *part) check() error {
	p.tree = frontier{from: p.first, size: p.first}
	p.byKind = map[Kind]uint64{}
	stored, err := p.openTree()
	if err != nil {
		return err
	}
	if stored != nil {
		defer stored.close()
	}
	if p.entry != nil && p.entry.Pruned {
		return p.checkPruned(stored)
	}
	sum := sha256.New()
	var file io.ReadCloser
	if p.plain != nil {
		file, err = openSegment(p.dir, *p.plain)
	} else {
		file, err = openPacked(filepath.Join(p.dir, p.name), sum)
	}
	if errors.Is(err, os.ErrNotExist) {
		if gone, again := prunedSince(p.dir, p.first); again == nil && gone != nil {
			return p.pruned(gone)
		}
	}
	if err != nil {
		return err
	}
	defer file.Close()
	var in io.Reader = file
	if p.slow != nil {
		in = &slowReader{file, p.slow}
	}
	lines, release := newLineReader(in)
	defer release()
	c := chain{next: p.first, free: true}
	whole, rest, err := readSegment(lines, p.name, &c, func(r *Record) error {
		if r.Seq >= p.limit {
			return errStop
		}
		if r.Seq == p.first {
			p.prev, p.firstEpoch = r.Prev, r.Epoch
		}
		p.facts.note(r)
		p.byKind[r.Kind]++
		if r.founds() {
			p.founder = r.Leaf
		}
		return p.push(r.Leaf, stored)
	})
	p.read = whole + rest
	if err == errStop {
		return nil
	}
	if err != nil {
		return err
	}
	if rest > 0 {
		if !p.last {
			return unended(p.name, whole, rest, c.next)
		}
		p.torn = &TornTail{Segment: p.name, Offset: whole, Bytes: rest}
	}
	if p.entry == nil {
		return nil
	}
	p.facts.Packed, p.facts.SHA256 = p.entry.Packed, Hash(sum.Sum(nil))
	if got, want := p.facts.line(), p.entry.line(); !bytes.Equal(got, want) {
		return &CorruptionError{Segment: p.name, Seq: p.first, Problem: "not the segment of the manifest", Expected: string(want), Found: string(got)}
	}
	return nil
}

// push takes the next leaf, and holds what it completes against the tree file.
func (p *part) push(leaf Hash, stored *treeFile) error {
	seq := p.tree.size
	if stored == nil {
		p.tree.add(node{0, tlog.Hash(leaf)}, nil)
	} else {
		if err := stored.compare(tlog.Hash(leaf), 0, seq); err != nil {
			return err
		}
		var bad error
		level := uint8(0)
		p.tree.add(node{0, tlog.Hash(leaf)}, func(n node, start uint64) {
			level = n.level
			if err := stored.compare(n.hash, n.level, seq); bad == nil {
				bad = err
			}
		})
		if bad != nil {
			return bad
		}
		// What reaches back beyond the part is compared when the parts are joined.
		stored.skip(bits.TrailingZeros64(^seq) - int(level))
	}
	if slices.Contains(p.sizes, seq+1) {
		p.states = append(p.states, state{seq + 1, leaf, p.tree.clone()})
	}
	return nil
}

// pruned goes on with a segment that the writer has pruned since the folder was listed.
func (p *part) pruned(gone *entry) error {
	p.entry, p.plain, p.name, p.last = gone, nil, packedName(gone.First), false
	stored, err := p.openTree()
	if err != nil {
		return err
	}
	defer stored.close()
	return p.checkPruned(stored)
}

// checkPruned takes the leaf hashes of a pruned segment from its tree file: they still make the root.
func (p *part) checkPruned(stored *treeFile) error {
	p.facts = *p.entry
	for seq := p.first; seq < min(p.entry.next(), p.limit); seq++ {
		leaf, err := stored.peek()
		if err != nil {
			return err
		}
		if err := p.push(Hash(leaf), stored); err != nil {
			return err
		}
		p.facts.Records, p.facts.Leaf = seq+1-p.first, Hash(leaf)
		if p.entry.Founder != nil && *p.entry.Founder == seq {
			p.founder = Hash(leaf)
		}
		if seq+1 == p.entry.next() && Hash(leaf) != p.entry.Leaf {
			return &CorruptionError{Segment: treeName(p.first), Seq: seq, Problem: "leaf hash of a pruned segment's last record",
				Expected: p.entry.Leaf.String() + " (manifest)", Found: Hash(leaf).String()}
		}
	}
	return nil
}

func (p *part) openTree() (*treeFile, error) {
	if p.entry == nil {
		return nil, nil
	}
	f, err := os.Open(filepath.Join(p.dir, treeName(p.first)))
	if os.IsNotExist(err) {
		return nil, &CorruptionError{Segment: treeName(p.first), Seq: p.first, Problem: "file missing",
			Expected: "the stored hashes of the segment (the next start of taud, or taud ledger repair, makes them again)", Found: "none"}
	}
	if err != nil {
		return nil, err
	}
	return &treeFile{name: treeName(p.first), file: f, in: bufio.NewReaderSize(f, 64<<10)}, nil
}

// treeFile is a tree file that is compared from its beginning to its end.
type treeFile struct {
	name string
	file *os.File
	in   *bufio.Reader
	at   int64
}

func (t *treeFile) close() { t.file.Close() }

func (t *treeFile) peek() (h tlog.Hash, err error) {
	b, err := t.in.Peek(tlog.HashSize)
	if err != nil {
		return h, fmt.Errorf("read %s at offset %d: %w", t.name, t.at, err)
	}
	return tlog.Hash(b), nil
}

func (t *treeFile) compare(want tlog.Hash, level uint8, seq uint64) error {
	got, err := t.peek()
	if err != nil {
		return err
	}
	if got != want {
		return wrongNode(t.name, t.at, seq, level, want, got)
	}
	t.skip(1)
	return nil
}

func (t *treeFile) skip(n int) {
	_, _ = t.in.Discard(n * tlog.HashSize) // an end too early is found by the next peek, or was by the length
	t.at += int64(n) * tlog.HashSize
}

func wrongNode(name string, at int64, seq uint64, level uint8, want, got tlog.Hash) error {
	return &CorruptionError{Segment: name, Offset: at, Seq: seq, Problem: fmt.Sprintf("stored hash of level %d", level),
		Expected: Hash(want).String(), Found: Hash(got).String()}
}

// slowReader tells what it reads, so that the scrubber leaves the disk to the ticks.
type slowReader struct {
	in   io.Reader
	slow func(int) error
}

func (s *slowReader) Read(b []byte) (int, error) {
	n, err := s.in.Read(b)
	if wait := s.slow(n); wait != nil {
		return n, wait
	}
	return n, err
}

// joiner puts parts together, in order.
type joiner struct {
	dir   string
	tally tally
	marks []mark
}

// follows checks that the part's first record follows from the part before.
func (j *joiner) follows(p *part) error {
	if p.facts.Records == 0 || p.entry != nil && p.entry.Pruned {
		return nil
	}
	if p.prev != j.tally.leaf {
		return damagedLine(p.name, 0, p.first, wrongPrev(j.tally.leaf, p.prev))
	}
	if p.firstEpoch < j.tally.epoch {
		return damagedLine(p.name, 0, p.first, fallingEpoch(j.tally.epoch, p.firstEpoch))
	}
	return nil
}

// join takes the next part, which was checked and follows.
func (j *joiner) join(p *part) error {
	if p.facts.Records == 0 {
		return nil // an empty segment after a crash; or nothing of it was wanted
	}
	for _, s := range p.states {
		whole := j.tally.tree.clone()
		whole.join(&s.tree, nil)
		root := whole.root()
		for i := range j.marks {
			if j.marks[i].size != s.size {
				continue
			}
			if err := j.marks[i].compare(s.leaf, root); err != nil {
				return err
			}
		}
	}
	var bad error
	stored := hashes{dir: j.dir}
	if p.entry != nil {
		stored.sealed = []entry{*p.entry}
	}
	j.tally.tree.join(&p.tree, func(n node, start uint64) {
		if p.entry == nil || bad != nil {
			return
		}
		// Of the nodes that reach back beyond this part: each is stored with the record that completes it.
		index := tlog.StoredHashIndex(int(n.level), int64(start>>n.level))
		got, err := stored.ReadHashes([]int64{index})
		if err != nil {
			bad = err
		} else if got[0] != n.hash {
			bad = wrongNode(treeName(p.first), (index-storedIndex(p.first))*tlog.HashSize, start+1<<n.level-1, n.level, n.hash, got[0])
		}
	})
	if bad != nil {
		return bad
	}
	j.tally.leaf, j.tally.epoch = p.facts.Leaf, p.facts.Epoch
	if !p.founder.IsZero() {
		j.tally.founder = p.founder
	}
	return nil
}

// complete checks the marks that need the whole ledger.
func (j *joiner) complete() error {
	for i := range j.marks {
		if err := j.marks[i].complete(j.tally.tree.size, j.tally.founder); err != nil {
			return err
		}
	}
	return nil
}
