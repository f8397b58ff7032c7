package process

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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

// BenchmarkRealSessionOverhead is the same with the real binary, which does not say how long it took: every second tick is
// one of the session, every other one the least that anyone has to do on the same pipes, writes and reads without a
// deadline or a check. The difference of the medians is ours.
func BenchmarkRealSessionOverhead(b *testing.B) {
	e := start(b, specs.KernelV35, spec(b, specs.KernelV35), useReal(b, ProtocolSession)).(*Session)
	rng, out := rand.New(rand.NewPCG(1, 2)), make([]uint64, len(e.Info().Outputs))
	var session, bare []time.Duration
	for b.Loop() {
		in := randomInputs(rng, e.Info())
		begin := time.Now()
		if err := e.Step(context.Background(), in, out); err != nil {
			b.Fatal(err)
		}
		session = append(session, time.Since(begin))
		bare = append(bare, bareTick(b, e, randomInputs(rng, e.Info())))
	}
	b.ReportMetric(microseconds(median(session)), "session-us")
	b.ReportMetric(microseconds(median(bare)), "bare-us")
	b.ReportMetric(microseconds(median(session)-median(bare)), "own-us")
	b.ReportMetric(microseconds(slices.Max(session)), "longest-us")
}

// bareTick gives the binary a tick's lines and reads one from each output.
func bareTick(b *testing.B, e *Session, in []uint64) time.Duration {
	b.Helper()
	lines, buf := make([][]byte, len(in)), make([]byte, pipeBuffer)
	for i, v := range in {
		lines[i] = appendValue(nil, v)
	}
	waits, row := make([]unix.PollFd, 1), make([]uint64, len(e.link.outs))
	begin := time.Now()
	for i, p := range e.link.ins {
		if _, err := unix.Write(int(p.fd), lines[i]); err != nil {
			b.Fatal(err)
		}
	}
	for i, p := range e.link.outs {
		n, err := unix.Read(int(p.fd), buf)
		for errors.Is(err, unix.EAGAIN) {
			waits[0] = unix.PollFd{Fd: p.fd, Events: unix.POLLIN}
			if _, err = unix.Poll(waits, -1); err == nil || errors.Is(err, unix.EINTR) {
				n, err = unix.Read(int(p.fd), buf)
			}
		}
		if err != nil || n == 0 || buf[n-1] != '\n' {
			b.Fatalf("output %s: expected a line, found %q, %v", p.stream.Name, buf[:max(n, 0)], err)
		}
		row[i] = uint64(buf[0] - '0') // the kernel is bits only
	}
	took := time.Since(begin)
	e.advance(row)
	return took
}
