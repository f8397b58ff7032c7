package ledger

import "context"

// Scrub reads every sealed segment once and checks it as Verify does, at most bytesPerSecond of lines, so that the ticks keep the disk. It returns
// nil after a whole pass, ctx's error when that ended, and a [*CorruptionError] for the first damage. Run it again and again: a disk
// loses bits in what nobody reads.
func (l *Ledger) Scrub(ctx context.Context, bytesPerSecond int64) error {
	l.state.Lock()
	f := &folder{dir: l.dir, entries: l.entries}
	l.state.Unlock()
	slow := slowly(ctx, max(bytesPerSecond, 1))
	for i := range f.entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.checkSealed(i, slow); err != nil {
			return err
		}
	}
	return ctx.Err()
}
