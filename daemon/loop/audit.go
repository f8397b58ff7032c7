package loop

import (
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// Replayed is what Replay found: every record that it counts is, byte by byte, what its predecessors lead to.
type Replayed struct {
	Records uint64 `json:"records"` // that were replayed
	Ticks   uint64 `json:"ticks"`   // of them
	Pruned  uint64 `json:"pruned"`  // that retention has deleted
	Passed  uint64 `json:"passed"`  // that are there, but behind a gap and before the snapshot that the replay goes on from; their chain was checked
	// Trusted are the snapshots, by their records, that were taken on their word because what led to them is pruned. The tree binds them to it.
	Trusted []uint64 `json:"trusted,omitempty"`
}

// Replay runs core and specs again from the records of the ledger in dir alone, and compares every verdict, decision and byte. It needs no lock and may
// run beside the writer. Where records were pruned it goes on from the next snapshot. progress, if not nil, is called now and then with the bytes of
// lines read so far, and of all that there were at the start.
//
// Errors: [*DivergedError] for a record that does not follow, [*ledger.CorruptionError] for damage, else the file system's own.
func Replay(dir string, progress func(done, total int64)) (Replayed, error) {
	total, err := ledger.Bytes(dir)
	if err != nil {
		return Replayed{}, err
	}
	a := audit{dir: dir, started: true}
	read := func(n int) {
		if a.done += int64(n); progress != nil && a.done-a.told >= progressBytes {
			a.told = a.done
			progress(a.done, max(total, a.done))
		}
	}
	for from := uint64(0); ; {
		err := a.stretch(from, read)
		var gap *ledger.PrunedError
		if !errors.As(err, &gap) {
			if err == nil && a.found.Records == 0 {
				err = fmt.Errorf("replay of %s: expected a snapshot to go on from after what was pruned, found none", dir)
			}
			return a.found, err
		}
		a.found.Pruned += gap.To - gap.From
		a.replayer, a.started, from = Replayer{}, false, gap.To
	}
}

// progressBytes between two calls of a progress function.
const progressBytes = 1 << 20

type audit struct {
	dir        string
	replayer   Replayer
	started    bool
	found      Replayed
	done, told int64
}

// stretch replays the records from sequence number from on, up to the ledger's end or what is pruned.
func (a *audit) stretch(from uint64, read func(int)) error {
	for rec, err := range ledger.Scan(a.dir, from) {
		if err != nil {
			return err
		}
		read(len(rec.Line) + 1)
		if !a.started {
			if err := a.start(rec); err != nil {
				return err
			}
			continue
		}
		if err := a.replayer.Apply(rec); err != nil {
			return err
		}
		a.found.Records++
		if rec.Kind == ledger.KindTick {
			a.found.Ticks++
		}
	}
	return nil
}

// start takes the record as the one to go on from, if it is a snapshot whose boot record is still there.
func (a *audit) start(rec *ledger.Record) error {
	if rec.Kind != ledger.KindSnapshot {
		a.found.Passed++
		return nil
	}
	var snap core.Snapshot
	if err := decode(rec, &snap); err != nil {
		return err
	}
	switch err := a.replayer.restore(a.dir, rec, &snap); {
	case errors.As(err, new(*ledger.PrunedError)):
		a.replayer = Replayer{}
		a.found.Passed++
		return nil
	case err != nil:
		return err
	}
	a.started = true
	a.found.Records++
	a.found.Trusted = append(a.found.Trusted, rec.Seq)
	return nil
}
