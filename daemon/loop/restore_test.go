package loop

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/controllers/witness"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// backedUp makes a backup in the midst of the ticks, with a position or not.
func (r *rig) backedUp() (dir string, result ledger.VerifyResult) {
	r.t.Helper()
	dir = filepath.Join(r.t.TempDir(), "backup")
	type answer struct {
		ledger.VerifyResult
		err error
	}
	done := make(chan answer)
	go func() {
		result, err := ledger.Backup(r.dir, dir, nil)
		done <- answer{result, err}
	}()
	for {
		select {
		case a := <-done:
			r.must(a.err)
			return dir, a.VerifyResult
		default:
			r.must(r.ticks(1))
		}
	}
}

// restored makes a ledger of the backup, under a new lineage.
func (r *rig) restored(backup string) (dir string) {
	r.t.Helper()
	dir = filepath.Join(r.t.TempDir(), "restored")
	was, _, err := ledger.Restore(backup, dir, r.clock().Wall().UnixMilli(), nil)
	r.must(err)
	recs := (&rig{t: r.t, dir: dir}).records()
	last := recs[len(recs)-1]
	var body struct{ Restore ledger.Restored }
	if r.must(json.Unmarshal(last.Body(), &body)); body.Restore != was || last.Kind != ledger.KindCommand || was.Size != last.Seq {
		r.t.Fatalf("expected a last record that names the backup's head %+v, found %s", was, last.Body())
	}
	return dir
}

// TestABackupOfTheRunningDaemonIsRestoredUnderANewLineageThroughTheLoop does it at several moments of the market, so with a position and without one.
func TestABackupOfTheRunningDaemonIsRestoredUnderANewLineageThroughTheLoop(t *testing.T) {
	held := map[bool]bool{}
	for _, after := range []int{25, 26, 27, 28} {
		t.Run(fmt.Sprint(after, " ticks"), func(t *testing.T) {
			r, o := realRig(t), &operator{}
			r.segmentBytes = 20_000
			r.must(r.begin())
			r.must(r.ticks(after))
			o.accepts(r, "the original")
			backup, found := r.backedUp()
			dir := r.restored(backup)

			// What the copy begins with is the original's state at the backup's end.
			before := &Replayer{}
			for _, rec := range (&rig{t: t, dir: backup}).records() {
				r.must(before.Apply(rec))
			}
			held[before.State.Position.Qty > 0] = true
			restored := r.on(dir)
			if s := restored.loop.state; s.Tick != before.State.Tick || s.Position != before.State.Position || s.Realised != before.State.Realised {
				t.Fatalf("expected the state of tick %d, %+v, found that of tick %d, %+v", before.State.Tick, before.State.Position, s.Tick, s.Position)
			}
			if restored.ledger.Origin() == r.ledger.Origin() {
				t.Fatal("the copy passes for the original by its name")
			}
			restored.must(restored.ticks(40))
			if replayed, err := Replay(dir, nil); err != nil || replayed.Records != restored.ledger.Head().Size || replayed.Records <= found.Head.Size {
				t.Fatalf("replay of the copy: %+v, %v", replayed, err)
			}

			// Both go on. Of the two the operator believes one at any time, whichever it knew before.
			r.must(r.ticks(5))
			o.accepts(r, "the original goes on")
			o.refuses(restored, "the copy, which nobody has accepted", witness.ReasonNewOrigin)
			other := &operator{}
			other.accepts(restored, "the copy, to one who knows nothing")
			other.refuses(r, "the original, to who knows the copy", witness.ReasonNewOrigin)
			o.accept = restored.ledger.Origin()
			o.accepts(restored, "the copy, by name")
			r.must(r.ticks(5))
			o.refuses(r, "the original, once the copy has its place", witness.ReasonNewOrigin)
			restored.must(restored.ticks(5))
			o.accepts(restored, "the copy goes on")
			twice := r.on(r.restored(backup))
			o.refuses(twice, "a second copy of the same backup", witness.ReasonNewOrigin)
			for _, x := range []*rig{r, restored, twice} {
				x.crash()
				x.must(x.begin()) // and each is whole by itself
				x.crash()
			}
		})
	}
	if !held[true] || !held[false] {
		t.Errorf("expected backups with a position and without, found %v", held)
	}
}

func TestAPrunedLedgerIsBackedUpRestoredAndReplayed(t *testing.T) {
	r, c := aged(t)
	c.order(r.anchored(time.Hour))
	r.must(r.ticks(10))
	done, err := r.loop.prune(t.Context(), r.clock().Wall().UnixMilli())
	r.must(err)
	backup, found := r.backedUp()
	if found.Pruned != done.Records || done.Records == 0 {
		t.Fatalf("%d records were pruned, the backup lacks %d", done.Records, found.Pruned)
	}
	dir := filepath.Join(t.TempDir(), "restored")
	_, _, err = ledger.Restore(backup, dir, r.clock().Wall().UnixMilli(), nil)
	r.must(err)
	restored := r.on(dir)
	restored.must(restored.ticks(40))
	if reflect.DeepEqual(restored.ledger.Head(), r.ledger.Head()) || restored.ledger.Origin() == r.ledger.Origin() {
		t.Fatal("the copy is the original")
	}
	replayed, err := Replay(dir, nil)
	if err != nil || replayed.Pruned != done.Records || replayed.Records == 0 || replayed.Records+replayed.Passed+replayed.Pruned != restored.ledger.Head().Size {
		t.Fatalf("replay of the copy: %+v, %v", replayed, err)
	}
	restored.crash()
	r.crash()
}
