package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// leastRetention is what a configuration, and the resource's schema, ask for at least. An order for less is a mistake, and what is deleted is gone.
const leastRetention = time.Hour

// retention is what may be deleted of the ledger now.
type retention struct {
	keepMS int64 // how long records are kept, in milliseconds; 0 is for good
	anchor ledger.Checkpoint
}

// pruneBehind tells of a snapshot of that Unix time in milliseconds. It does not wait: who is still pruning sees to it at the next.
func (l *Loop) pruneBehind(ms int64) {
	select {
	case l.snapshots <- ms:
	default:
	}
}

// retain deletes, after each snapshot and beside the ticks, the sealed segments that are older than they are to be kept, behind a checkpoint that is kept
// elsewhere. The age is that at the snapshot, on the clock that the records are stamped by. It ends with ctx, and when a segment is found damaged: what
// is left is then evidence.
func (l *Loop) retain(ctx context.Context) {
	said := ""
	for {
		var ms int64
		select {
		case <-ctx.Done():
			return
		case ms = <-l.snapshots:
		}
		done, err := l.prune(ctx, ms)
		switch {
		case ctx.Err() != nil:
			return
		case errors.As(err, new(*ledger.CorruptionError)):
			l.Log.Error(err, "a segment that was to be pruned is damaged; nothing more is pruned")
			l.found(ctx, err)
			return
		case err != nil && err.Error() != said:
			l.Log.Error(err, "the ledger is not pruned")
		case done.Segments > 0:
			l.Log.Info("pruned the ledger", "segments", done.Segments, "records", done.Records, "bytes", done.Bytes)
		}
		if said = ""; err != nil {
			said = err.Error()
		}
	}
}

// prune deletes what may go at a snapshot's time.
func (l *Loop) prune(ctx context.Context, ms int64) (ledger.Pruned, error) {
	r, err := l.retention()
	if err != nil || r.keepMS == 0 {
		return ledger.Pruned{}, err
	}
	return l.Ledger.Prune(ctx, ledger.PruneOptions{BeforeMS: ms - r.keepMS, Anchor: r.anchor, BytesPerSecond: scrubRate})
}

// retention is the operator's order, whose anchor is the head that it has witnessed; without one, that of the configuration, whose anchor is a file.
func (l *Loop) retention() (r retention, err error) {
	if c := l.Tenure.Commands().Retention; c.KeepMillis != 0 {
		if c.KeepMillis < leastRetention.Milliseconds() {
			return r, fmt.Errorf("retention: expected an order for at least %d ms, found one for %d", leastRetention.Milliseconds(), c.KeepMillis)
		}
		r.keepMS = c.KeepMillis
		r.anchor.Origin, r.anchor.Size = c.Origin, uint64(max(c.Size, 0))
		if r.anchor.Root, err = ledger.ParseHash(c.Root); err != nil {
			return r, fmt.Errorf("retention: the root of the witnessed head: %w", err)
		}
		return r, nil
	}
	if r.keepMS = l.Config.Ledger.Retention.Milliseconds(); r.keepMS == 0 {
		return r, nil
	}
	text, err := os.ReadFile(l.Config.Ledger.Anchor)
	if err != nil {
		return r, fmt.Errorf("retention: ledger.anchor: expected a checkpoint of this ledger: %w", err)
	}
	key, err := l.Ledger.Key()
	if err == nil {
		r.anchor, err = ledger.ParseCheckpoint(text, key)
	}
	if err != nil {
		err = fmt.Errorf("retention: ledger.anchor %s: %w", l.Config.Ledger.Anchor, err)
	}
	return r, err
}
