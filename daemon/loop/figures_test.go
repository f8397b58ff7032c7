package loop

import (
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// BenchmarkLiveTick is a tick of the running daemon: three sources, nine specs in the embedded engine, the paper venue, the record on a file
// system in memory where the machine has one, status and metrics. It reports the latency that half of the ticks and 99 of 100 stay within.
//
//	go test ./daemon/loop -run '^$' -bench LiveTick
func BenchmarkLiveTick(b *testing.B) {
	r := newRig(b)
	r.price = wave
	if dir, err := os.MkdirTemp("/dev/shm", "taud-bench"); err == nil {
		b.Cleanup(func() { _ = os.RemoveAll(dir) })
		r.dir = dir
	}
	r.durability = ledger.Always
	r.must(r.begin())
	r.must(r.ticks(500)) // the windows are full, and the first collections over
	took := make([]time.Duration, 0, b.N)
	for b.Loop() {
		begun := time.Now()
		r.must(r.ticks(1))
		took = append(took, time.Since(begun))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	r.crash()
}

// TestTheHeapStaysFlat runs two and a half hours of 250 ms ticks.
func TestTheHeapStaysFlat(t *testing.T) {
	r := newRig(t)
	r.price = wave
	r.must(r.begin())
	const all, parts, most = 36_000, 5, 30 << 20
	var early uint64
	for part := range parts {
		r.must(r.ticks(all / parts))
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		t.Logf("after %5d ticks: heap %.1f MiB, %d objects", (part+1)*all/parts, float64(m.HeapAlloc)/(1<<20), m.HeapObjects)
		if m.HeapAlloc > most { // also while a segment is packed
			t.Fatalf("expected a heap of at most 30 MiB, found %d bytes", m.HeapAlloc)
		}
		switch {
		case part == parts/2: // by then the paper venue forgets as many orders as it learns
			early = m.HeapObjects
		case part > parts/2 && m.HeapObjects > early+early/10+10_000:
			t.Fatalf("expected a heap that stays at %d objects, found %d", early, m.HeapObjects)
		}
	}
	r.crash()
}
