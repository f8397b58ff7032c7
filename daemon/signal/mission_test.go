package signal_test

import (
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/signal"
)

// TestTheSignalWithTheMissionsNumbers: a mean of 20 ticks, a band 50 bps below it, a target 100 bps above the entry, a trend of one tick, and
// volume switched off. It is not warm before its 21st tick, and no bit that lets a buy in is set until then, whatever the price.
func TestTheSignalWithTheMissionsNumbers(t *testing.T) {
	mission := signal.Params{BandWindow: 20, BandBps: 50, TargetBps: 100, TrendWindow: 1, VolumeWindow: 1}
	full := strings.TrimSpace(strings.Repeat("100 ", 20))
	for _, c := range []struct {
		name         string
		prices       string // the ticks before
		price, entry string
		want         signal.Bits
	}{
		{"the first tick", "", "1", "0", signal.Bits{VolumeHigh: true}},
		{"the 20th, however low and rising", full[4:], "99.5", "0", signal.Bits{VolumeHigh: true}},
		{"the 21st is warm: 50 bps below the mean is low, and falling", full, "99.5", "0", signal.Bits{Warm: true, BelowBand: true, VolumeHigh: true}},
		{"a unit above is not low", full, "99.500000001", "0", signal.Bits{Warm: true, VolumeHigh: true}},
		{"low and rising is what a buy needs", full[4:] + " 99", "99.4", "0", signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}}, // mean 99.95, band 99.45025
		{"as low as the tick before is not rising", full[4:] + " 99", "99", "0", signal.Bits{Warm: true, BelowBand: true, VolumeHigh: true}},
		{"held at 100, the target of 101", full, "101", "100", signal.Bits{Warm: true, AboveTarget: true, TrendUp: true, VolumeHigh: true}},
		{"a unit below it", full, "100.999999999", "100", signal.Bits{Warm: true, TrendUp: true, VolumeHigh: true}},
		{"the target counts also while warming up: a position may have outlived its windows", "", "101", "100", signal.Bits{AboveTarget: true, VolumeHigh: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, next, err := signal.Next(mission, signal.State{Prices: vals(c.prices)}, val(c.price), 0, val(c.entry))
			if err != nil || got != c.want || len(next.Prices) > 20 {
				t.Fatalf("expected %+v\nfound    %+v, %d prices, %v", c.want, got, len(next.Prices), err)
			}
		})
	}
}
