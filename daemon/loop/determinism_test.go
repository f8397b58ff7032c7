package loop

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// folder is every file of the ledger's folder with its bytes, but for the lock.
func (r *rig) folder() map[string]string {
	r.t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(r.dir)
	r.must(err)
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(r.dir, e.Name()))
		r.must(err)
		files[e.Name()] = string(b)
	}
	return files
}

// TestALiveRunWithEveryFaultGivesTheSameFolder with one processor and with eight: venue and sources asked beside each other, a venue that is late,
// fills in parts, refuses and loses replies, a person who releases, a restart, and segments that are packed beside the ticks.
func TestALiveRunWithEveryFaultGivesTheSameFolder(t *testing.T) {
	const key = "taudaemon ledger key v1 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
	before := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(before)
	var first map[string]string
	for _, n := range []int{1, 8} {
		runtime.GOMAXPROCS(n)
		r, data := ordering(t)
		// Deadlines pass by themselves here, so that calls run beside each other; a slow machine must not reach one.
		r.real, r.price, r.segmentBytes = true, wave, 64<<10
		r.config = strings.Replace(testConfig, "[daemon]", "[daemon]\ntick_period_ms = 60_000", 1) + "[report]\nlease_duration_ms = 300_000\n"
		r.must(os.WriteFile(filepath.Join(r.dir, "ledger.key"), []byte(key), 0o600))
		r.withMarket(paper.Config{
			FeeBpsBuy: 10, FeeBpsSell: 10, SlippageBps: 3, Seed: 11, Latency: 1500 * time.Millisecond, PartialBps: 3000, RejectBps: 1500, AmbiguousBps: 500,
		})
		r.must(r.begin())
		for i := range 400 {
			if q := r.loop.state.Quarantine; q.Manual && q.Clean > 3 {
				r.order(data, command.Order{Release: true, Incident: q.Incident})
			}
			if i == 200 {
				r.must(r.loop.shutdown(context.Background()))
				r.crash()
				r.must(r.begin())
			}
			r.must(r.ticks(1))
		}
		r.must(r.loop.shutdown(context.Background()))
		r.crash()
		r.replayed()
		folder := r.folder()
		if first == nil {
			first = folder
			r.showsEveryFault()
			continue
		}
		for name, content := range first {
			if folder[name] != content {
				t.Errorf("with %d processors %s differs: %d bytes, then %d", n, name, len(content), len(folder[name]))
			}
		}
		if len(folder) != len(first) || len(folder) < 8 {
			t.Errorf("expected the same files, and segments among them, found %d and %d", len(first), len(folder))
		}
	}
}

// showsEveryFault fails where the records have not all that a faulty venue can do.
func (r *rig) showsEveryFault() {
	r.t.Helper()
	seen := map[core.Result]int{}
	twoFills := 0
	for _, rec := range r.records() {
		if rec.Kind != ledger.KindOutcome {
			continue
		}
		var out core.Outcome
		r.must(decode(rec, &out))
		if seen[out.Result]++; len(out.Fills) > 0 && out.Result == core.Pending {
			twoFills++
		}
	}
	for _, want := range []core.Result{core.Filled, core.Partial, core.Refused, core.Pending, core.Ambiguous} {
		if seen[want] == 0 {
			r.t.Errorf("the run has no outcome %s: it shows nothing: %v", want, seen)
		}
	}
	r.t.Logf("outcomes %v, of which %d tell of a first part", seen, twoFills)
}
