package ledger

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// withoutRace skips a test that has no goroutines to race, and thousands of ledgers or hundreds of processes: hack/test/run runs these once more,
// without the race detector.
func withoutRace(t *testing.T) {
	t.Helper()
	if underRace {
		t.Skip("run without the race detector, by hack/test/run")
	}
}

// run is one life of a ledger on a disk: what was acknowledged, in order.
type run struct {
	acked    []Hash // leaf hashes
	inFlight bool   // a Commit has begun and not returned
	tail     string // the torn tail that the ledger began with, "" for none
}

// tornTail is what tornLedger leaves unterminated.
const tornTail = `{"v":1,"seq":9,"pre`

// tornLedger makes a ledger of three segments that ends in a torn tail, and returns its whole records' leaf hashes.
func tornLedger(t testing.TB, dir string) []Hash {
	t.Helper()
	build(t, dir, 9, 600)
	leaves := leavesOf(t, dir)
	names := segmentNames(t, dir)
	f, err := os.OpenFile(filepath.Join(dir, names[len(names)-1]), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(tornTail); err != nil {
		t.Fatal(err)
	}
	return leaves
}

func linesOf(t testing.TB, dir string) [][]byte {
	var lines [][]byte
	for _, r := range records(t, dir, 0) {
		lines = append(lines, r.Line)
	}
	return lines
}

func leavesOf(t testing.TB, dir string) []Hash {
	var leaves []Hash
	for _, r := range records(t, dir, 0) {
		leaves = append(leaves, r.Leaf)
	}
	return leaves
}

// live opens the ledger on d, commits some records over several segments and closes it. It ends at the
// first error, after checking that the error stays.
func (r *run) live(t testing.TB, d *modelDisk, dir string, durability Durability) error {
	t.Helper()
	l, recovery, err := Open(dir, Options{SegmentBytes: 600, Durability: durability, disk: d, sealing: sealInLine})
	if err != nil {
		return err
	}
	defer l.Close()
	if got := recovery.Head.Size; got < uint64(len(r.acked)) {
		t.Fatalf("%d records acknowledged, %d recovered", len(r.acked), got)
	}
	r.acked = leavesOf(t, dir)
	for i := len(r.acked); i < 20; i++ {
		kind := KindTick
		if i == 0 {
			kind = KindBoot
		} else if i%7 == 6 {
			kind = KindSnapshot
		}
		r.inFlight = true
		receipt, err := l.Commit(kind, testMs, 1, fmt.Appendf(nil, `{"tick":%d}`, i))
		if err != nil {
			before := d.steps
			if _, again := l.Commit(KindTick, testMs, 1, nil); !errors.Is(err, ErrPoisoned) || !errors.Is(again, ErrPoisoned) || d.steps != before {
				t.Fatalf("expected the ledger to be poisoned, found %v, then %v after %d more steps", err, again, d.steps-before)
			}
			// After a snapshot's record its checkpoint can fail: the record is there, and not acknowledged.
			if got := l.Head().Size; got != uint64(len(r.acked)) && (kind != KindSnapshot || got != uint64(len(r.acked))+1) {
				t.Fatalf("the head counts a record that was not acknowledged: %d of %d", got, len(r.acked))
			}
			return err
		}
		r.inFlight = false
		r.acked = append(r.acked, receipt.Leaf)
	}
	return l.Close()
}

// check opens a ledger after a fault: everything acknowledged is there, in order, at most one record more, and it goes on.
func (r *run) check(t testing.TB, dir, when string, durability Durability) {
	t.Helper()
	l, recovery, err := Open(dir, Options{SegmentBytes: 600, disk: newModelDisk(t, dir), sealing: sealInLine})
	if err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	defer l.Close()
	leaves := leavesOf(t, dir)
	missing := len(r.acked) - len(leaves)
	if missing > 0 && durability == Always || missing < -1 || missing == -1 && !r.inFlight {
		t.Fatalf("%s: %d records acknowledged, %d found", when, len(r.acked), len(leaves))
	}
	for i := range min(len(leaves), len(r.acked)) {
		if leaves[i] != r.acked[i] {
			t.Fatalf("%s: record %d was %s and is %s", when, i, r.acked[i], leaves[i])
		}
	}
	if r.tail != "" && !slices.Contains(slices.Collect(maps.Values(contents(t, dir))), r.tail) {
		t.Fatalf("%s: the torn tail is cut and not kept", when)
	}
	kind := KindTick
	if len(leaves) == 0 {
		kind = KindBoot
	}
	if _, err := l.Commit(kind, testMs, 1, nil); err != nil {
		t.Fatalf("%s: going on: %v", when, err)
	}
	if recovery.Head.Size != uint64(len(leaves)) {
		t.Fatalf("%s: recovered %d, found %d", when, recovery.Head.Size, len(leaves))
	}
}

// starts are the ledgers that faults are tried on.
var starts = []struct {
	name string
	make func(testing.TB, string) run
}{
	{"a new ledger", func(testing.TB, string) run { return run{} }},
	{"a ledger with a torn tail", func(t testing.TB, dir string) run { return run{acked: tornLedger(t, dir), tail: tornTail} }},
}

func TestAFailureAtAnyStepPoisonsAndLosesNothing(t *testing.T) {
	withoutRace(t)
	t.Parallel()
	for _, start := range starts {
		t.Run(start.name, func(t *testing.T) {
			failures := map[string]int{}
			for at := 1; ; at++ {
				dir := fastDir(t)
				r := start.make(t, dir)
				d := newModelDisk(t, dir)
				d.failAt = at
				err := r.live(t, d, dir, Always)
				if d.failed == "" {
					if err != nil || len(r.acked) != 20 {
						t.Fatalf("the run without a fault: %d records, %v", len(r.acked), err)
					}
					break
				}
				// A segment that cannot be sealed stays as it is, and is tried again: nothing is owed to the caller.
				sealing := err == nil && len(r.acked) == 20 && d.failed != "datasync"
				if !errors.Is(err, errInjected) && !sealing {
					t.Fatalf("%s at step %d failed, and the ledger said %v", d.failed, at, err)
				}
				failures[d.failed]++
				when := fmt.Sprintf("after a failed %s at step %d", d.failed, at)

				// A new process on the running system sees bytes that a failed sync never brought to the
				// disk. What it reports must survive a power loss right after.
				l, recovery, err := Open(dir, Options{SegmentBytes: 600, disk: d, sealing: sealInLine})
				if err != nil {
					t.Fatalf("%s: %v", when, err)
				}
				reported := run{acked: leavesOf(t, dir), tail: r.tail}
				if uint64(len(reported.acked)) != recovery.Head.Size || len(reported.acked) < len(r.acked) {
					t.Fatalf("%s: %d acknowledged, %d recovered, %d read", when, len(r.acked), recovery.Head.Size, len(reported.acked))
				}
				reported.check(t, place(t, d.powerLoss(0, false)), when+", an open and a power loss", Always)
				l.Close()
				r.check(t, dir, when, Always)
			}
			t.Logf("failures injected: %v", failures)
		})
	}
}

func TestAPowerLossAfterAnyStepLosesNothing(t *testing.T) {
	withoutRace(t)
	t.Parallel()
	for _, durability := range []Durability{Always, AtSeal} {
		for _, start := range starts {
			t.Run(fmt.Sprintf("durability %d, %s", durability, start.name), func(t *testing.T) {
				dir := fastDir(t)
				r := start.make(t, dir)
				d := newModelDisk(t, dir)
				tried := map[string]bool{} // two losses that leave the same and owe the same are one
				d.after = func() {
					for _, tear := range []float64{0, 0.3, 0.999, 1} {
						for _, newNames := range []bool{false, true} {
							files := d.powerLoss(tear, newNames)
							state := fmt.Sprintf("%q %d %v", files, len(r.acked), r.inFlight)
							if tried[state] {
								continue
							}
							tried[state] = true
							left := place(t, files)
							r.check(t, left, fmt.Sprintf("power loss after step %d, tear %v, new names %v", d.steps, tear, newNames), durability)
							os.RemoveAll(left)
						}
					}
				}
				if err := r.live(t, d, dir, durability); err != nil {
					t.Fatal(err)
				}
				t.Logf("%d distinct power losses at %d steps", len(tried), d.steps)
				r.inFlight = false
				r.check(t, place(t, d.powerLoss(0, false)), "power loss after Close", Always)
			})
		}
	}
}

func TestATornTailIsCutKeptAndReportedAtEveryLength(t *testing.T) {
	withoutRace(t)
	t.Parallel()
	origin := t.TempDir()
	build(t, origin, 6, 500)
	good := contents(t, origin)
	names := segmentNames(t, origin)
	last := names[len(names)-1]
	for length := range len(good[last]) + 1 {
		files := map[string]string{}
		for name, content := range good {
			files[name] = content
		}
		files[last] = good[last][:length]
		dir := place(t, files)
		l, recovery, err := Open(dir, Options{disk: newModelDisk(t, dir), sealing: sealInLine})
		if err != nil {
			t.Fatalf("cut to %d bytes: %v", length, err)
		}
		whole := wholeLines(good[last][:length])
		switch torn := recovery.TornTail; {
		case whole == length:
			if torn != nil {
				t.Fatalf("cut to %d bytes, a line's end: torn tail %+v", length, torn)
			}
		case torn == nil || torn.Segment != last || torn.Offset != int64(whole) || torn.Bytes != int64(length-whole):
			t.Fatalf("cut to %d bytes: expected a torn tail from %d, found %+v", length, whole, torn)
		default:
			if kept := contents(t, dir)[torn.Kept]; kept != good[last][whole:length] {
				t.Fatalf("cut to %d bytes: expected %q kept, found %q", length, good[last][whole:length], kept)
			}
		}
		commit(t, l, KindTick, 1, `{"after":"repair"}`)
		head := l.Head()
		l.Close()
		if result, err := Verify(dir, VerifyOptions{}); err != nil || result.Head != head {
			t.Fatalf("cut to %d bytes: after repair %+v, %v", length, result.Head, err)
		}
	}
}

func wholeLines(s string) int {
	for i := len(s); i > 0; i-- {
		if s[i-1] == '\n' {
			return i
		}
	}
	return 0
}

// Two crashes at the same place with other bytes: both tails are kept.
func TestASecondTornTailAtTheSamePlaceDoesNotReplaceTheFirst(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, 2, 0)
	path := filepath.Join(dir, segmentName(0))
	good, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, tail := range []string{"one", "two", "two", "three"} {
		if err := os.WriteFile(path, append(good[:len(good):len(good)], tail...), 0o600); err != nil {
			t.Fatal(err)
		}
		l, recovery, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		l.Close()
		want := fmt.Sprintf("00000000000000000000-%d%s.broken", len(good), []string{"", "-2", "-2", "-3"}[i])
		if recovery.TornTail.Kept != want || contents(t, dir)[want] != tail {
			t.Errorf("expected %q kept in %s, found %+v", tail, want, recovery.TornTail)
		}
	}
}
