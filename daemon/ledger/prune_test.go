package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// stateAt is what the ledger was after size records, as a checkpoint kept elsewhere has it.
func stateAt(t testing.TB, l *Ledger, size uint64) Checkpoint {
	t.Helper()
	h, err := l.tree(size)
	if err != nil {
		t.Fatal(err)
	}
	root, err := h.root(size)
	if err != nil {
		t.Fatal(err)
	}
	return Checkpoint{Origin: l.Origin(), Size: size, Root: root}
}

func TestPrunedRecordsAreGoneAndProofsGoOn(t *testing.T) {
	dir := t.TempDir()
	buildSealed(t, dir, 95, 2000)
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	before := l.Head()
	pruned, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: stateAt(t, l, 60)})
	if err != nil || pruned.Segments == 0 {
		t.Fatalf("%+v, %v", pruned, err)
	}
	fill(t, l, 120)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	result, err := Verify(dir, VerifyOptions{Known: before})
	if err != nil || result.Pruned != pruned.Records || result.Head != l.Head() {
		t.Fatalf("%+v, %v", result, err)
	}
	gone := 0
	for seq := range uint64(120) {
		p, err := Prove(dir, seq)
		if errors.As(err, new(*PrunedError)) {
			gone++
			continue
		}
		if err != nil {
			t.Fatalf("proof of %d: %v", seq, err)
		}
		if _, _, err := p.Verify(result.Key); err != nil {
			t.Fatal(err)
		}
	}
	if uint64(gone) != pruned.Records {
		t.Errorf("%d records pruned, %d gone", pruned.Records, gone)
	}
	again, recovery := open(t, dir, Options{SegmentBytes: 2000, Known: before})
	if recovery.Boot == nil || recovery.Snapshot.Seq != 110 {
		t.Errorf("%+v", recovery)
	}
	again.Close()
	_, err = Export(dir, filepath.Join(t.TempDir(), "tiles"), nil)
	if err != nil {
		t.Error(err)
	}
}

// sealedOf makes entries out of words, a segment each, of ten records and a second of time: b is a segment with a boot record, s one with a snapshot, bs one
// with both in that order, x one that was pruned before.
func sealedOf(words string) (entries []entry) {
	for i, word := range strings.Fields(words) {
		e := entry{First: uint64(i) * 10, Records: 10, FromMS: int64(i) * 1000, ToMS: int64(i)*1000 + 999, Pruned: strings.Contains(word, "x")}
		for at, kind := range word {
			seq := e.First + uint64(at)
			switch kind {
			case 'b':
				e.Boot = &seq
			case 's':
				e.Snapshot = &seq
			}
		}
		entries = append(entries, e)
	}
	return entries
}

func TestWhatAStartNeedsIsNeverPruned(t *testing.T) {
	for name, c := range map[string]struct {
		sealed string
		before uint64
		ms     int64
		gone   []int
	}{
		"nothing is sealed":                                                   {"", 1e6, 1e6, nil},
		"no snapshot is sealed: a start would read all":                       {"b - - -", 1e6, 1e6, nil},
		"all before the newest snapshot but its boot":                         {"b - s - -", 1e6, 1e6, []int{1}},
		"from the newest of several snapshots on":                             {"b s s - s -", 1e6, 1e6, []int{1, 2, 3}},
		"the boot under the snapshot, and the newest":                         {"b - s - b -", 1e6, 1e6, []int{1}},
		"the boot under the snapshot may be before another in its segment":    {"b - b - sb - -", 1e6, 1e6, []int{0, 1, 3}},
		"boots of earlier lives":                                              {"b s b s b s -", 1e6, 1e6, []int{0, 1, 2, 3}},
		"what is gone does not go again":                                      {"bx x x b s", 1e6, 1e6, nil},
		"only what the anchor covers whole":                                   {"b - - - s", 29, 1e6, []int{1}},
		"an anchor at a segment's end covers it":                              {"b - - - s", 30, 1e6, []int{1, 2}},
		"only what is older as a whole":                                       {"b - - - s", 1e6, 2999, []int{1}},
		"a segment whose newest record is a millisecond older":                {"b - - - s", 1e6, 3000, []int{1, 2}},
		"an anchor of nothing":                                                {"b - - - s", 0, 1e6, nil},
		"a snapshot in the last sealed segment, and the boot in the same one": {"- - bs", 1e6, 1e6, []int{0, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := prunable(sealedOf(c.sealed), c.before, c.ms); !slices.Equal(got, c.gone) {
				t.Errorf("%q before record %d, older than %d: expected %v to go, found %v", c.sealed, c.before, c.ms, c.gone, got)
			}
		})
	}
}

// TestWhateverIsPrunedTheNextStartFindsSnapshotAndBoot writes ledgers of random lives in small segments, prunes all that may go between them, and opens
// each again: the newest snapshot is there, and so is the boot record that was newest when it was written.
func TestWhateverIsPrunedTheNextStartFindsSnapshotAndBoot(t *testing.T) {
	dir, n, pruned := fastDir(t), 0, 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		dir := filepath.Join(dir, fmt.Sprint(n))
		var boot, snapshot, under uint64
		has := false
		for life := range rapid.IntRange(2, 4).Draw(t, "lives") {
			l, found, err := Open(dir, Options{SegmentBytes: 1000, Durability: AtSeal, sealing: sealInLine})
			if err != nil {
				t.Fatal(err)
			}
			if has {
				r, err := mustFolder(t, dir).record(under)
				if err != nil || r.Kind != KindBoot {
					t.Fatalf("life %d: expected boot record %d, under which the newest snapshot was written, found %v", life, under, err)
				}
				if found.Snapshot == nil || found.Snapshot.Seq != snapshot || found.Boot == nil || found.Boot.Seq != boot {
					t.Fatalf("life %d: expected snapshot %d and boot %d, found others", life, snapshot, boot)
				}
			}
			put := func(kind Kind) uint64 {
				r, err := l.Commit(kind, testMs, 1, []byte(`{"pad":"`+strings.Repeat("x", 100)+`"}`))
				if err != nil {
					t.Fatal(err)
				}
				return r.Seq
			}
			boot = put(KindBoot)
			for range rapid.IntRange(0, 40).Draw(t, "records") {
				if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
					snapshot, under, has = put(KindSnapshot), boot, true
				} else {
					put(KindTick)
				}
			}
			all := Checkpoint{Origin: l.Origin(), Size: l.Head().Size, Root: l.Head().Root}
			done, err := l.Prune(context.Background(), PruneOptions{BeforeMS: testMs + 1, Anchor: all})
			if err = errors.Join(err, l.Close()); err != nil {
				t.Fatal(err)
			}
			pruned += done.Segments
			result, err := Verify(dir, VerifyOptions{Known: Head{Size: all.Size, Root: all.Root}})
			if err != nil || result.Head.Size != all.Size {
				t.Fatalf("after pruning: %+v, %v", result, err)
			}
		}
	})
	if pruned == 0 {
		t.Error("nothing was ever pruned")
	}
}

func mustFolder(t interface{ Fatal(...any) }, dir string) *folder {
	f, err := openFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestNothingIsPrunedWithoutAnAnchorOfThisLedger(t *testing.T) {
	dir := t.TempDir()
	buildSealed(t, dir, 95, 2000)
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	good := stateAt(t, l, 60)
	for name, c := range map[string]struct {
		change func(*Checkpoint)
		want   string
	}{
		"none":                      {func(c *Checkpoint) { *c = Checkpoint{} }, "the origin"},
		"another ledger's":          {func(c *Checkpoint) { c.Origin = Origin(Hash{1}) }, "the origin"},
		"a forked one":              {func(c *Checkpoint) { c.Root[3] ^= 1 }, "the root"},
		"one of another size":       {func(c *Checkpoint) { c.Size++ }, "the root"},
		"one that is longer by far": {func(c *Checkpoint) { c.Size = 1 << 40 }, "at most the ledger's"},
	} {
		t.Run(name, func(t *testing.T) {
			anchor := good
			c.change(&anchor)
			if done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: anchor}); err == nil || !strings.Contains(err.Error(), c.want) || done != (Pruned{}) {
				t.Errorf("expected an error that names %s, found %+v, %v", c.want, done, err)
			}
		})
	}
	if done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: good}); err != nil || done.Segments == 0 {
		t.Errorf("with the good one: %+v, %v", done, err)
	}
}

func TestADamagedSegmentIsNotPruned(t *testing.T) {
	dir := t.TempDir()
	buildSealed(t, dir, 95, 2000)
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	name := packedName(l.entries[1].First)
	path := filepath.Join(dir, name)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 1
	if err := errors.Join(os.Remove(path), os.WriteFile(path, content, 0o600)); err != nil {
		t.Fatal(err)
	}
	var damage *CorruptionError
	done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: stateAt(t, l, 90)})
	if !errors.As(err, &damage) || damage.Segment != name || done != (Pruned{}) {
		t.Fatalf("expected the damage of %s and nothing pruned, found %+v, %v", name, done, err)
	}
	if now, err := os.ReadFile(path); err != nil || string(now) != string(content) {
		t.Fatalf("the evidence: %v", err)
	}
}

// stuckDisk does not come back from a removal, or from the manifest's rename, until it is let go.
type stuckDisk struct {
	osDisk
	at       func(path string) bool
	stuck    chan struct{} // closed when it is stuck
	released chan struct{}
}

func (d *stuckDisk) wait(path string) {
	if d.at(path) {
		close(d.stuck)
		<-d.released
	}
}

func (d *stuckDisk) remove(path string) error { d.wait(path); return d.osDisk.remove(path) }

func (d *stuckDisk) rename(from, to string) error { d.wait(to); return d.osDisk.rename(from, to) }

// TestCommitDoesNotWaitForPrune holds Prune at each of its slow steps, and commits over several segments meanwhile.
func TestCommitDoesNotWaitForPrune(t *testing.T) {
	for name, suffix := range map[string]string{"while the manifest is replaced": manifestName, "while a file goes": packedSuffix} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			buildSealed(t, dir, 95, 2000)
			d := &stuckDisk{stuck: make(chan struct{}), released: make(chan struct{})}
			pruning := false
			d.at = func(path string) bool {
				if !pruning || !strings.HasSuffix(path, suffix) {
					return false
				}
				pruning = false
				return true
			}
			l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealNever, disk: d})
			anchor := stateAt(t, l, 90)
			pruning = true
			pruned := make(chan error, 1)
			go func() {
				done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1000, Anchor: anchor})
				if err == nil && done.Segments == 0 {
					err = errors.New("nothing was pruned")
				}
				pruned <- err
			}()
			<-d.stuck
			fill(t, l, 150) // it would never return if it waited
			close(d.released)
			if err := <-pruned; err != nil {
				t.Fatal(err)
			}
			head := l.Head()
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if result, err := Verify(dir, VerifyOptions{Known: head}); err != nil || result.Pruned == 0 {
				t.Fatalf("%+v, %v", result, err)
			}
		})
	}
}
