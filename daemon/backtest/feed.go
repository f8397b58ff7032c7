package backtest

import (
	"context"
	"strconv"
	"time"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

// feed is a recording as the loop sees it: the clock that it moves, and the sources that it stands for.
type feed struct {
	rows  []Row
	names []string
	// begun and now are Unix milliseconds, step is the tick's interval.
	begun, now, step int64
	started          bool
	// next is the first row that is not known yet.
	next   int
	quotes []guard.Quote
}

func newFeed(d *Data, sources int, interval time.Duration) *feed {
	f := &feed{rows: d.Rows, begun: d.Rows[0].MS, now: d.Rows[0].MS, step: interval.Milliseconds(), quotes: make([]guard.Quote, sources)}
	for i := range sources {
		f.names = append(f.names, "backtest-"+strconv.Itoa(i+1))
	}
	return f
}

// ticks is how many there will be.
func (f *feed) ticks() uint64 {
	return uint64((f.rows[len(f.rows)-1].MS-f.begun)/f.step) + 1
}

// beat moves the clock to the next tick; false after the last.
func (f *feed) beat() bool {
	if !f.started {
		f.started = true
		return true
	}
	if f.now+f.step > f.rows[len(f.rows)-1].MS {
		return false
	}
	f.now += f.step
	return true
}

// clock stands still within a tick: no deadline of it ever passes.
func (f *feed) clock() loop.Clock {
	return loop.Clock{
		Wall: func() time.Time { return time.UnixMilli(f.now) },
		Boot: func() time.Duration { return time.Duration(f.now-f.begun) * time.Millisecond },
		Within: func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
			return ctx, func() {}
		},
	}
}

// gather is what the sources say at a tick: all the same, the newest row that is known, with the volume of all that became known since the
// tick before. The loop uses it up before it asks again.
func (f *feed) gather(_ context.Context, _ uint64, ms int64) []guard.Quote {
	var volume fixed.Value
	for ; f.next < len(f.rows) && f.rows[f.next].MS <= ms; f.next++ {
		volume += f.rows[f.next].Volume // bounded by Read
	}
	known := &f.rows[f.next-1] // the first tick is when the first row is known
	for i := range f.quotes {
		f.quotes[i] = guard.Quote{Source: f.names[i], Price: known.Price, Volume: volume, Published: known.MS, Received: ms}
	}
	return f.quotes
}
