package loop

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// smallDisk is a file system of its own, of so many bytes, that other files fill.
type smallDisk struct {
	t    *testing.T
	path string
}

func newSmallDisk(t *testing.T, bytes string) *smallDisk {
	path := t.TempDir()
	if err := unix.Mount("taud-test", path, "tmpfs", 0, "size="+bytes); err != nil {
		t.Skip("a small disk is a tmpfs of its own, and this process may not mount one: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(path, unix.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return &smallDisk{t, path}
}

func (d *smallDisk) free() int64 {
	d.t.Helper()
	var at unix.Statfs_t
	if err := unix.Statfs(d.path, &at); err != nil {
		d.t.Fatal(err)
	}
	return int64(at.Bavail) * at.Bsize
}

// leave lets others take so much of the disk that this many bytes are free.
func (d *smallDisk) leave(free int64) {
	d.t.Helper()
	path := filepath.Join(d.path, "of others")
	if err := os.RemoveAll(path); err != nil {
		d.t.Fatal(err)
	}
	if free >= d.free() {
		return
	}
	f, err := os.Create(path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer f.Close()
	for more := d.free() - free; more > 0; more = d.free() - free { // the ledger seals beside this, which gives back some
		if _, err := io.CopyN(f, zeros{}, more); err != nil && !errors.Is(err, unix.ENOSPC) {
			d.t.Fatal(err)
		}
	}
}

type zeros struct{}

func (zeros) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// filling is a rig on a small disk, which trades at every other tick.
func filling(t *testing.T) (*rig, *smallDisk) {
	d, r := newSmallDisk(t, "8m"), newRig(t)
	r.dir, r.durability, r.segmentBytes = filepath.Join(d.path, "ledger"), ledger.Always, 64<<10
	r.space = ledger.SpaceOptions{Warn: 1 << 20, Stop: 256 << 10}
	r.price = func(tick uint64) string { return []string{"100", "101", "103", "99.5", "98", "100.25"}[tick%6] }
	r.must(r.begin())
	r.must(r.ticks(20))
	return r, d
}

// holding ticks on until there is a position.
func (r *rig) holding() {
	r.t.Helper()
	for range 50 {
		if r.loop.state.Position.Qty > 0 && r.loop.state.Open == nil {
			return
		}
		r.must(r.ticks(1))
	}
	r.t.Fatal("no position in 50 ticks")
}

// lowTicks are the ticks from record from on that say that the disk is low, those that buy, and those that sell.
func (r *rig) lowTicks(from uint64) (low, bought, sold int) {
	r.t.Helper()
	for rec, err := range ledger.Scan(r.dir, from) {
		r.must(err)
		if rec.Kind != ledger.KindTick {
			continue
		}
		var tick core.Tick
		r.must(decode(rec, &tick))
		for _, a := range tick.Anomalies {
			if a.Code == core.DiskLow {
				low++
			}
		}
		switch {
		case tick.Act == nil:
		case tick.Act.Side == core.Buy:
			bought++
		default:
			sold++
		}
	}
	return low, bought, sold
}

func TestADiskThatFillsIsToldThenQuarantinesAndTheExitStillFits(t *testing.T) {
	r, d := filling(t)
	if low, _, _ := r.lowTicks(0); low > 0 {
		t.Fatalf("%d ticks call an empty disk low", low)
	}

	r.holding()
	from := r.ledger.Head().Size
	d.leave(600 << 10) // below the warning mark
	r.must(r.ticks(3))
	if low, _, _ := r.lowTicks(from); low != 1 {
		t.Errorf("below the warning mark: expected one anomaly, found %d", low)
	}
	if a := r.loop.state.Quarantine; a.Reason != core.DiskLow {
		t.Errorf("expected a quarantine of it, found %+v", a)
	}
	r.must(r.ticks(20))
	if low, bought, _ := r.lowTicks(from); low != 1 || bought == 0 || r.loop.state.Quarantine.Active {
		t.Errorf("above the stop mark: expected the warning once, and trades after it, found %d and %d", low, bought)
	}

	r.holding()
	from = r.ledger.Head().Size
	d.leave(100 << 10) // below the stop mark
	r.must(r.ticks(20))
	low, bought, sold := r.lowTicks(from)
	if low != 20 || bought != 0 || sold == 0 || r.loop.state.Position.Qty != 0 || r.loop.state.Quarantine.Reason != core.DiskLow {
		t.Errorf("below the stop mark: expected an anomaly at each of 20 ticks, no buy and the exit, found %d, %d, %d, holding %s", low, bought, sold, r.loop.state.Position.Qty)
	}
	d.leave(0)
	r.must(r.ticks(5))
	r.must(r.loop.shutdown(context.Background()))
	r.crash()
	recs := r.records()
	if last := recs[len(recs)-1]; last.Kind != ledger.KindShutdown {
		t.Errorf("expected a shutdown record, found %s", last.Kind)
	}
	r.goesOn(d)
}

// TestADiskThatIsFullAtOnceLeavesRoomForTheExitAndTheShutdown: from one tick to the next nothing is free, with a position held.
func TestADiskThatIsFullAtOnceLeavesRoomForTheExitAndTheShutdown(t *testing.T) {
	r, d := filling(t)
	r.holding()
	from := r.ledger.Head().Size
	d.leave(0)
	r.must(r.ticks(10))
	if low, bought, sold := r.lowTicks(from); low != 10 || bought != 0 || sold == 0 || r.loop.state.Position.Qty != 0 {
		t.Errorf("expected an anomaly at each of 10 ticks, no buy and the exit, found %d, %d, %d, holding %s", low, bought, sold, r.loop.state.Position.Qty)
	}
	r.must(r.loop.shutdown(context.Background()))
	r.crash()
	r.goesOn(d)
}

// TestADiskThatStaysFullEndsTheTickingInOrderAndLosesNothing ticks on a full disk until nothing more fits: the ledger says so, and what was committed is there.
func TestADiskThatStaysFullEndsTheTickingInOrderAndLosesNothing(t *testing.T) {
	r, d := filling(t)
	r.holding()
	from := r.ledger.Head().Size
	d.leave(0)
	var halt *HaltError
	for {
		err := r.ticks(1)
		if err == nil {
			continue
		}
		if !errors.As(err, &halt) || halt.Reason != "LedgerPoisoned" || !errors.Is(err, unix.ENOSPC) {
			t.Fatalf("expected the ledger to be poisoned by a full disk, found %v", err)
		}
		break
	}
	head := r.ledger.Head()
	if head.Size < from+30 || r.loop.state.Position != (core.Position{}) {
		t.Errorf("expected the exit and some ticks more, found %d records more, holding %s", head.Size-from, r.loop.state.Position.Qty)
	}
	t.Logf("%d records fitted after the disk was full", head.Size-from)
	if err := r.ledger.Close(); err != nil && !errors.Is(err, ledger.ErrPoisoned) {
		t.Log("close: ", err)
	}
	d.leave(4 << 20)
	if v := r.verified(); v.Head.Size < head.Size {
		t.Fatalf("%d records were committed, %d are there", head.Size, v.Head.Size)
	}
	r.goesOn(d)
}

// goesOn is the next start, with room: nothing is lost, and it trades again.
func (r *rig) goesOn(d *smallDisk) {
	r.t.Helper()
	d.leave(4 << 20)
	from := r.verified().Head.Size
	r.must(r.begin())
	r.must(r.ticks(40))
	if low, bought, _ := r.lowTicks(from); low > 0 || bought == 0 || r.loop.state.Quarantine.Active {
		r.t.Errorf("with room again: %d ticks with a low disk, %d buys, quarantine %+v", low, bought, r.loop.state.Quarantine)
	}
	if r.loop.state.Position.Qty > fixed.MustParse("1") {
		r.t.Errorf("holding %s", r.loop.state.Position.Qty)
	}
	if _, err := Replay(r.dir, nil); err != nil {
		r.t.Error(err)
	}
	r.crash()
}
