package ledger

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestReadersBesideTheWriterNeverRaiseAFalseAlarm reads a ledger in every way, again and again, while it is written, sealed and pruned in segments of a few
// records, so that hardly a read meets a folder at rest. Nothing may look damaged, and nothing that was there may be missing.
func TestReadersBesideTheWriterNeverRaiseAFalseAlarm(t *testing.T) {
	for _, c := range []struct {
		name    string
		sealing sealMode
		prune   bool
	}{{"a writer", sealNever, false}, {"a writer that seals", sealBeside, false}, {"a writer that seals and prunes", sealBeside, true}} {
		t.Run(c.name, func(t *testing.T) {
			dir, scratch := fastDir(t), fastDir(t)
			l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: c.sealing})
			commit(t, l, KindBoot, 1, ``)
			if _, err := l.Checkpoint(); err != nil { // else there is nothing to export yet
				t.Fatal(err)
			}
			b := &beside{t: t, l: l, dir: dir, scratch: scratch}
			readers := map[string]func() error{"verify": b.verify, "scan": b.scan, "prove": b.prove, "show": b.show, "export": b.export, "backup": b.backup}
			done := make(chan struct{})
			var running sync.WaitGroup
			counts := map[string]*atomic.Int64{}
			for name, read := range readers {
				count := new(atomic.Int64)
				counts[name] = count
				running.Go(func() {
					for {
						select {
						case <-done:
							return
						default:
						}
						if err := read(); err != nil {
							t.Errorf("%s, after %d that found nothing: %v", name, count.Load(), err)
							return
						}
						count.Add(1)
					}
				})
			}
			pruned := 0
			unfinished := func() bool {
				return !t.Failed() && (c.prune && pruned < 20 || slices.ContainsFunc(slices.Collect(values(counts)), func(n *atomic.Int64) bool { return n.Load() < 3 }))
			}
			for n := 1; n < 1500 || n < 10_000 && unfinished(); n++ {
				kind := KindTick
				if n%10 == 0 {
					kind = KindSnapshot
				}
				commit(t, l, kind, 1, fmt.Sprintf(`{"tick":%d,"price":"4242.000"}`, n))
				if n%50 == 0 && c.sealing == sealBeside { // a machine with other work may keep the sealer waiting
					for l.waitingCount() > 5 {
						time.Sleep(time.Millisecond)
					}
				}
				if c.prune && n%50 == 0 {
					done, err := l.Prune(t.Context(), PruneOptions{BeforeMS: testMs + 1, Anchor: stateAt(t, l, l.Head().Size)})
					if err != nil {
						t.Fatal(err)
					}
					pruned += done.Segments
				}
			}
			close(done)
			running.Wait()
			if c.prune && pruned < 20 {
				t.Errorf("only %d segments were pruned", pruned)
			}
			for name, n := range counts {
				if n.Load() == 0 {
					t.Errorf("%s never came to its end", name)
				}
			}
			t.Logf("%d records, %d segments pruned; reads: %v", l.Head().Size, pruned, func() (all []string) {
				for name, n := range counts {
					all = append(all, fmt.Sprintf("%s %d", name, n.Load()))
				}
				slices.Sort(all)
				return all
			}())
		})
	}
}

func values[K comparable, V any](m map[K]V) func(yield func(V) bool) {
	return func(yield func(V) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

// beside are the readers of a ledger that is written at the same time.
type beside struct {
	t            testing.TB
	l            *Ledger
	dir, scratch string
	copies       atomic.Int64
}

func (b *beside) verify() error {
	known := b.l.Head()
	result, err := Verify(b.dir, VerifyOptions{Known: known})
	if err == nil && result.Head.Size < known.Size {
		err = fmt.Errorf("expected %d records or more, found %d", known.Size, result.Head.Size)
	}
	return err
}

// scan reads all, over what was pruned, without a gap that is not told.
func (b *beside) scan() error {
	least, next := b.l.Head().Size, uint64(0)
	for {
		var gap *PrunedError
		for r, err := range Scan(b.dir, next) {
			if errors.As(err, &gap) {
				break
			}
			if err != nil {
				return err
			}
			if r.Seq != next {
				return fmt.Errorf("expected record %d, found %d", next, r.Seq)
			}
			next++
		}
		if gap == nil {
			break
		}
		if gap.From != next || gap.To <= next {
			return fmt.Errorf("expected a gap from record %d on, found one from %d to %d", next, gap.From, gap.To)
		}
		next = gap.To
	}
	if next < least {
		return fmt.Errorf("expected %d records or more, found %d", least, next)
	}
	return nil
}

func (b *beside) prove() error {
	result, err := openFolder(b.dir)
	if err != nil {
		return err
	}
	size := result.checkpoint.Size
	for _, seq := range []uint64{0, size / 3, size / 2, size - 1} {
		p, err := Prove(b.dir, seq)
		if errors.As(err, new(*PrunedError)) {
			continue
		}
		if err != nil {
			return err
		}
		if _, _, err := p.Verify(result.public); err != nil {
			return err
		}
	}
	return nil
}

func (b *beside) show() error { return Show(io.Discard, b.dir, ShowFilter{JSON: true}) }

func (b *beside) export() error {
	out := filepath.Join(b.scratch, fmt.Sprint("export", b.copies.Add(1)))
	_, err := Export(b.dir, out, nil)
	return errors.Join(err, os.RemoveAll(out))
}

func (b *beside) backup() error {
	out := filepath.Join(b.scratch, fmt.Sprint("backup", b.copies.Add(1)))
	least := b.l.Head().Size
	result, err := Backup(b.dir, out, nil)
	if err == nil && result.Head.Size < least {
		err = fmt.Errorf("expected %d records or more, found %d", least, result.Head.Size)
	}
	return errors.Join(err, os.RemoveAll(out))
}
