package guard_test

import (
	"testing"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

func bits(s string) (list []bool) {
	for _, c := range s {
		list = append(list, c == '1')
	}
	return list
}

// TestEcho runs the echo as a tick does: On with the anomalies known before the kernel, Next with all of the tick's.
func TestEcho(t *testing.T) {
	for _, c := range []struct {
		name string
		hold uint64
		// At each tick: an anomaly known before the kernel ran, one found after it, and whether the echo is on.
		before, after, on string
	}{
		{"without an anomaly there is no echo", 2, "000", "000", "000"},
		{"an anomaly sets it at its own tick and for two more", 2, "010000", "000000", "011100"},
		{"one found after the kernel sets it from the next tick", 2, "000000", "010000", "001100"},
		{"an anomaly within the echo holds it anew", 2, "01010000", "00000000", "01111100"},
		{"an anomaly at every tick never lets it go", 2, "01111000", "00000000", "01111110"},
		{"a hold of three", 3, "1000000", "0000000", "1111000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var e guard.Echo
			before, after, on := bits(c.before), bits(c.after), bits(c.on)
			for i := range on {
				known, all := 0, 0
				if before[i] {
					known, all = 1, 1
				}
				if after[i] {
					all++
				}
				if got := e.Judge(known).On; got != on[i] {
					t.Fatalf("tick %d: expected %t, found %t", i, on[i], got)
				}
				e = e.Next(all, c.hold)
			}
		})
	}
}

func TestCooldown(t *testing.T) {
	for _, c := range []struct {
		name     string
		ticks    uint64
		sold, ok string
	}{
		{"without a sell an entry is allowed", 2, "000", "111"},
		{"a sell is cooled down from for two ticks after it", 2, "0100000", "1100111"},
		{"a sell during a cooldown starts it anew", 2, "10100000", "10000111"},
		{"a cooldown of zero ticks never refuses", 0, "0110", "1111"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var g guard.Cooldown
			sold, ok := bits(c.sold), bits(c.ok)
			for i := range ok {
				if got := g.Judge().OK; got != ok[i] {
					t.Fatalf("tick %d: expected %t, found %t", i, ok[i], got)
				}
				g = g.Next(sold[i], c.ticks)
			}
		})
	}
}
