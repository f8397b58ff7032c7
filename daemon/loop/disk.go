package loop

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
)

const (
	// scrubRate bounds what the scrubber reads, so that the ticks keep the disk; in bytes a second.
	scrubRate = 4 << 20
	// scrubPause between two passes over the sealed segments.
	scrubPause = time.Hour
)

// space notes a disk that fills: once at the warning mark, and at every tick below the stop mark, so that no new risk is taken on while there
// may be no room left for its exit. A backtest's ledger can be made again, and is not watched.
func (l *Loop) space() {
	if l.Server == nil {
		return
	}
	s, err := l.Ledger.Space()
	switch {
	case err != nil:
		l.event(core.DiskLow, "free space of the ledger's disk: "+err.Error())
	case s.Stop:
		l.event(core.DiskLow, fmt.Sprintf("%d MiB free for the ledger, below the stop mark", s.Free>>20))
	case s.Warn && !l.diskWarned:
		l.event(core.DiskLow, fmt.Sprintf("%d MiB free for the ledger, below the warning mark", s.Free>>20))
	}
	l.diskWarned = err == nil && s.Warn
}

func (l *Loop) event(c core.Code, detail string) {
	l.events = append(l.events, core.Anomaly{Code: c, Detail: detail})
}

// keepHouse scrubs and prunes the ledger beside the ticks, until ctx ends or stop is called, which waits for both.
func (l *Loop) keepHouse(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() { l.scrub(ctx) })
	running.Go(func() { l.retain(ctx) })
	return func() { cancel(); running.Wait() }
}

// found sends damage to the next tick.
func (l *Loop) found(ctx context.Context, damage error) {
	select {
	case l.damage <- damage:
	case <-ctx.Done():
	}
}

// scrub reads the sealed segments again and again until ctx ends, and sends what it finds: a disk loses bits in what nobody reads.
func (l *Loop) scrub(ctx context.Context) {
	for {
		err := l.Ledger.Scrub(ctx, scrubRate)
		if ctx.Err() != nil {
			return
		}
		if err != nil {
			l.Log.Error(err, "the scrubber found damage in the ledger")
			l.found(ctx, err)
			return
		}
		select {
		case <-time.After(scrubPause):
		case <-ctx.Done():
			return
		}
	}
}

// scrubbed takes up what the scrubber found.
func (l *Loop) scrubbed() {
	select {
	case err := <-l.damage:
		l.event(core.LedgerDamaged, err.Error())
	default:
	}
	if err := l.Ledger.SealError(); err != nil && !errors.Is(err, l.sealError) {
		l.sealError = err
		l.Log.Error(err, "full segments stay uncompressed; their records are safe")
	}
}
