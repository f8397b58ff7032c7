package ledger

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"
)

// VerifyOptions of Verify. The zero value verifies everything in the folder, against the checkpoint and the key in it.
type VerifyOptions struct {
	// Size, when not 0, ends the verification after that many records: the head of a
	// ledger as it was. A ledger with fewer is refused.
	Size uint64
	// Known is a head known outside; see Options.Known.
	Known Head
	// Checkpoint is a signed checkpoint known outside: the ledger must contain what it counts.
	Checkpoint []byte
	// Key is the verifier key known outside (the content of ledger.pub). Without it the folder's own key is taken: that shows
	// damage, but not that the whole folder is another's.
	Key string
	// SinceMS, when not 0, leaves out the sealed segments whose records are all older, in Unix milliseconds. Of these the
	// tree's hashes are taken, which the signed checkpoint binds.
	SinceMS int64
	// Workers is how many segments are checked at a time. 0 means as many as there are processors.
	Workers int
	// Progress, when not nil, is called after each segment with the bytes of lines checked so far, and of all to check.
	Progress Progress
}

// VerifyResult is what Verify found in a ledger that is whole.
type VerifyResult struct {
	Head       Head            `json:"head"`
	Origin     string          `json:"origin,omitempty"`     // "" when there is no record
	Key        string          `json:"key,omitempty"`        // the verifier key that the signatures were checked with
	Checkpoint *Checkpoint     `json:"checkpoint,omitempty"` // the folder's, nil when it has none
	Segments   int             `json:"segments"`             // segments that hold the records
	Sealed     int             `json:"sealed"`               // of them, compressed
	Bytes      int64           `json:"bytes"`                // bytes of the records that were read, LFs included
	ByKind     map[Kind]uint64 `json:"byKind"`               // number of records of each kind, of those that were read
	From       uint64          `json:"from"`                 // the first record that was read; 0 unless SinceMS said otherwise
	Pruned     uint64          `json:"pruned"`               // records that retention has deleted: their hashes are in the tree, they themselves are gone
	TornTail   *TornTail       `json:"tornTail,omitempty"`
}

// Verify checks every byte of the ledger in dir, its signatures and its tree, and changes nothing. It needs no lock and may run
// beside the writer. A torn tail is no damage (the next Open cuts it); it is reported, and so are pruned records. Errors:
// [*CorruptionError] for damage, [*SignatureError] for a checkpoint or key given that does not fit, else the file system's own.
func Verify(dir string, o VerifyOptions) (VerifyResult, error) {
	if o.Size != 0 && o.Known.Size > o.Size {
		return VerifyResult{}, fmt.Errorf("verify: Size: expected 0 or at least the known head's size %d, found %d", o.Known.Size, o.Size)
	}
	f, err := openFolder(dir)
	if err != nil {
		return VerifyResult{}, err
	}
	return f.verify(o)
}

func (f *folder) verify(o VerifyOptions) (VerifyResult, error) {
	j := &joiner{dir: f.dir}
	j.marks = append(j.marks, o.Known.mark())
	key := f.public
	if o.Key != "" {
		key = o.Key
		if f.public != "" && f.public != o.Key {
			return VerifyResult{}, &SignatureError{publicName, "the key " + o.Key, f.public}
		}
	}
	if c := f.checkpoint; c != nil && (o.Size == 0 || c.Size <= o.Size) {
		j.marks = append(j.marks, c.mark("signed checkpoint in the folder"))
	}
	if o.Checkpoint != nil {
		if key == "" {
			return VerifyResult{}, errors.New("verify: Key: expected a verifier key, as there is no " + publicName + " in the folder, found none")
		}
		c, err := ParseCheckpoint(o.Checkpoint, key)
		if err != nil {
			return VerifyResult{}, err
		}
		j.marks = append(j.marks, c.mark("signed checkpoint given"))
	}
	if len(f.entries)+len(f.tail) == 0 && o.Known.Size == 0 && o.Size == 0 && o.Checkpoint == nil && f.checkpoint == nil {
		return VerifyResult{}, fmt.Errorf("no ledger in %s: expected a segment such as %s, found none", f.dir, segmentName(0))
	}
	result := VerifyResult{Key: key, Checkpoint: f.checkpoint, ByKind: map[Kind]uint64{}}
	parts, err := f.parts(&o, j, &result)
	if err != nil {
		return VerifyResult{}, err
	}
	if err := runParts(parts, &o, j, &result); err != nil {
		return VerifyResult{}, err
	}
	if o.Size > j.tally.tree.size {
		m := mark{size: o.Size, by: "asked for"}
		return VerifyResult{}, m.complete(j.tally.tree.size, Hash{})
	}
	if err := j.complete(); err != nil {
		return VerifyResult{}, err
	}
	result.Head = j.tally.head()
	if result.Head.Size > 0 {
		result.Origin = Origin(j.tally.founder)
	}
	return result, nil
}

// parts lists what there is to check. With SinceMS the joiner starts where the first segment of that time begins.
func (f *folder) parts(o *VerifyOptions, j *joiner, result *VerifyResult) ([]*part, error) {
	limit := uint64(math.MaxUint64)
	if o.Size != 0 {
		limit = o.Size
	}
	entries := f.entries
	if o.SinceMS > 0 {
		n := 0
		for n < len(entries) && entries[n].ToMS < o.SinceMS && entries[n].next() <= limit {
			n++
		}
		if n > 0 && f.checkpoint == nil {
			return nil, missingFile(checkpointName, "a signed checkpoint, which alone binds what is left out")
		}
		if err := f.startAt(n, j); err != nil {
			return nil, err
		}
		entries = entries[n:]
		result.From = j.tally.tree.size
	}
	sizes := sizesOf(j.marks)
	var parts []*part
	for i := range entries {
		e := &entries[i]
		if e.First >= limit {
			break
		}
		parts = append(parts, &part{dir: f.dir, name: packedName(e.First), first: e.First, entry: e, limit: limit, sizes: sizes})
	}
	for i := range f.tail {
		s := &f.tail[i]
		if s.first >= limit {
			break
		}
		parts = append(parts, &part{dir: f.dir, name: s.name, first: s.first, plain: s, last: i == len(f.tail)-1, limit: limit, sizes: sizes})
	}
	return parts, nil
}

// startAt lets the joiner begin after the first n sealed segments, on the word of the tree files, and checks the marks that lie there.
func (f *folder) startAt(n int, j *joiner) error {
	if n == 0 {
		return nil
	}
	last := &f.entries[n-1]
	h := f.hashes()
	var err error
	if j.tally.tree, err = frontierAt(last.next(), h); err != nil {
		return err
	}
	j.tally.leaf, j.tally.epoch = last.Leaf, last.Epoch
	if j.tally.founder, err = f.founderBefore(n, h); err != nil {
		return err
	}
	for i := range j.marks {
		if m := &j.marks[i]; m.size > 0 && m.size <= last.next() {
			if err := m.compareSealed(h, &j.tally.tree); err != nil {
				return err
			}
		}
	}
	leaf, err := h.leaf(last.next() - 1)
	if err == nil && leaf != last.Leaf {
		err = &CorruptionError{Segment: treeName(last.First), Seq: last.next() - 1, Problem: "leaf hash",
			Expected: last.Leaf.String() + " (manifest)", Found: leaf.String()}
	}
	return err
}

// founderBefore is the leaf hash of the newest founding record in the first n sealed segments.
func (f *folder) founderBefore(n int, h *hashes) (Hash, error) {
	for i := n - 1; i >= 0; i-- {
		if seq := f.entries[i].Founder; seq != nil {
			return h.leaf(*seq)
		}
	}
	return Hash{}, &CorruptionError{Segment: manifestName, Problem: "founding record", Expected: "record 0 in the first entry", Found: "none"}
}

// runParts checks the parts, several at a time, and joins them in order: the first damage in the ledger's order is the one
// that is reported.
func runParts(parts []*part, o *VerifyOptions, j *joiner, result *VerifyResult) error {
	workers := o.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var total, done int64
	for _, p := range parts {
		if p.plain != nil {
			total += p.plain.size
		} else if !p.entry.Pruned {
			total += p.entry.Bytes
		}
	}
	stop := make(chan struct{})
	results := make([]chan error, len(parts))
	for i := range results {
		results[i] = make(chan error, 1)
	}
	jobs := make(chan int)
	var running sync.WaitGroup
	for range min(workers, len(parts)) {
		running.Go(func() {
			for i := range jobs {
				results[i] <- parts[i].check()
			}
		})
	}
	running.Go(func() {
		defer close(jobs)
		for i := range parts {
			select {
			case jobs <- i:
			case <-stop:
				return
			}
		}
	})
	defer running.Wait()
	defer close(stop)
	for i, p := range parts {
		if p.first != j.tally.tree.size {
			return gap(p.name, j.tally.tree.size)
		}
		err := <-results[i]
		if wrong := j.follows(p); wrong != nil {
			return wrong // it comes before whatever is wrong inside
		}
		if err != nil {
			return err
		}
		if err := j.join(p); err != nil {
			return err
		}
		result.take(p)
		done += p.read
		if o.Progress != nil {
			o.Progress(done, total)
		}
		parts[i] = nil
	}
	return nil
}

func (r *VerifyResult) take(p *part) {
	r.Segments++
	if p.entry != nil {
		r.Sealed++
	}
	if p.torn != nil {
		r.TornTail = p.torn
	}
	if p.entry != nil && p.entry.Pruned {
		r.Pruned += p.facts.Records
		return
	}
	r.Bytes += p.facts.Bytes
	for kind, n := range p.byKind {
		r.ByKind[kind] += n
	}
}

// sizesOf lists the sizes at which the state is compared.
func sizesOf(marks []mark) []uint64 {
	var sizes []uint64
	for _, m := range marks {
		if m.size > 0 && !slices.Contains(sizes, m.size) {
			sizes = append(sizes, m.size)
		}
	}
	return sizes
}
