package ledger

import (
	"context"
	"time"
)

// Scrub reads every sealed segment once and checks it as Verify does, at most bytesPerSecond of lines, so that the ticks keep the disk. It returns
// nil after a whole pass, ctx's error when that ended, and a [*CorruptionError] for the first damage. Run it again and again: a disk
// loses bits in what nobody reads.
func (l *Ledger) Scrub(ctx context.Context, bytesPerSecond int64) error {
	l.state.Lock()
	f := &folder{dir: l.dir, entries: l.entries}
	l.state.Unlock()
	begun, read := time.Now(), int64(0)
	slow := func(n int) error {
		read += int64(n)
		rate := max(bytesPerSecond, 1)
		due := time.Duration(read/rate)*time.Second + time.Duration(read%rate)*time.Second/time.Duration(rate)
		wait := time.NewTimer(due - time.Since(begun))
		defer wait.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-wait.C:
			return nil
		}
	}
	for i := range f.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.checkSealed(i, slow); err != nil && !l.prunedSince(f.entries[i].First) {
			return err
		}
	}
	return ctx.Err()
}

// prunedSince reports whether retention took the segment while it was being read.
func (l *Ledger) prunedSince(first uint64) bool {
	l.state.Lock()
	defer l.state.Unlock()
	for i := range l.entries {
		if l.entries[i].First == first {
			return l.entries[i].Pruned
		}
	}
	return false
}
