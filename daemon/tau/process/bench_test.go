package process

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/specs"
)

// BenchmarkSessionOverhead measures a kernel tick of the session against the double, which evaluates at once, and what
// the double says it took itself, from its last input line to its last output line. The median of the difference is
// ours: own-us beside the binary's time, pipes and the kernel's scheduling included.
func BenchmarkSessionOverhead(b *testing.B) {
	file := filepath.Join(b.TempDir(), "times")
	o := useDouble(b, ProtocolSession, "TAU_DOUBLE_TIMES="+file)
	e := start(b, specs.KernelV35, spec(b, specs.KernelV35), o)
	rng, out := rand.New(rand.NewPCG(1, 2)), make([]uint64, len(e.Info().Outputs))
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	whole := make([]time.Duration, 0, b.N)
	for b.Loop() {
		in := randomInputs(rng, e.Info())
		begin := time.Now()
		if err := e.Step(ctx, in, out); err != nil {
			b.Fatal(err)
		}
		whole = append(whole, time.Since(begin))
	}
	data, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	lines := strings.Fields(string(data))
	var ours, theirs []time.Duration
	for i := range min(len(whole), len(lines)) {
		ns, err := strconv.ParseInt(lines[i], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		theirs = append(theirs, time.Duration(ns))
		ours = append(ours, whole[i]-time.Duration(ns))
	}
	b.ReportMetric(microseconds(median(whole)), "whole-us")
	b.ReportMetric(microseconds(median(theirs)), "double-us")
	b.ReportMetric(microseconds(median(ours)), "own-us")
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

func microseconds(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }
