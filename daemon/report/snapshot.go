package report

import (
	"fmt"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// Snapshot is the daemon after a tick, as the server shows it. Nothing that it points to may be modified after Set.
type Snapshot struct {
	// Report, the same that is published.
	Report v1alpha1.Report
	// Equity in quote units, a decimal: cash and position at the median. "" if unknown.
	Equity string
	// Sources of prices at the last tick.
	Sources []Source
	// Solver is shown as JSON by /statusz: what the costs make of the present price. It is worked out when it is asked for.
	Solver any
	// Detail is shown as JSON by /statusz: the last guards, anomalies, verdicts.
	Detail any
}

// Source is one price source at the last tick.
type Source struct {
	Name string `json:"name"`
	// OK: its price was fresh and usable.
	OK bool `json:"ok"`
	// Price, and how far the source itself says that it may be off, decimals; "" if there was none.
	Price      string `json:"price,omitempty"`
	Confidence string `json:"confidence,omitempty"`
	// PublishedMillis is the source's own time of the price, ReceivedMillis when its answer was in, both Unix milliseconds; AgeMillis is the price's
	// age at the tick, negative for one ahead of our clock.
	PublishedMillis int64  `json:"publishedMs,omitempty"`
	ReceivedMillis  int64  `json:"receivedMs,omitempty"`
	AgeMillis       *int64 `json:"ageMs,omitempty"`
	// ClockAheadMillis is by how much the clock of the source's server is ahead of ours, as far as is certain; absent where it states none.
	ClockAheadMillis *int64 `json:"clockAheadMs,omitempty"`
	// Why it was not OK.
	Why string `json:"why,omitempty"`
}

// state is a Snapshot with the time at which its tick ended.
type state struct {
	Snapshot
	// ticked is on Go's monotonic clock: a machine's suspend is not a wedged loop.
	ticked time.Time
}

// wedgeLimit is how long a running daemon may go without a tick.
func wedgeLimit(interval time.Duration) time.Duration { return max(10*interval, time.Minute) }

// wedged says why a restart would help, or "".
func wedged(s *state, now time.Time, limit time.Duration) string {
	if s == nil || s.Report.Phase != v1alpha1.PhaseRunning {
		return ""
	}
	if age := now.Sub(s.ticked); age > limit {
		return fmt.Sprintf("no tick for %v, at most %v expected; last tick %d", age.Round(time.Millisecond), limit, s.Report.Tick)
	}
	return ""
}

// notReady says why the daemon is not at work, or "". Quarantine is work.
func notReady(s *state, f lease.Fence, waiting string, now time.Time, limit time.Duration) string {
	switch {
	case s == nil && waiting != "":
		return "starting: " + waiting
	case s == nil:
		return "starting"
	case s.Report.Phase == v1alpha1.PhaseHalted:
		return fmt.Sprintf("halted: %s: %s", s.Report.Reason, s.Report.Message)
	case s.Report.Phase != v1alpha1.PhaseRunning:
		return fmt.Sprintf("phase %s", s.Report.Phase)
	case f == nil:
		return "no fence yet"
	case f.Err() != nil:
		return f.Err().Error()
	case f.Margin() <= 0:
		return fmt.Sprintf("the Lease ran out %v ago", -f.Margin().Round(time.Millisecond))
	}
	return wedged(s, now, limit)
}
