package signal_test

import (
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

func vals(list string) (vs []fixed.Value) {
	for s := range strings.FieldsSeq(list) {
		vs = append(vs, val(s))
	}
	return vs
}

func TestNext(t *testing.T) {
	cold := signal.Bits{VolumeHigh: true}
	for _, c := range []struct {
		name    string
		params  signal.Params
		prices  string // the ticks before, oldest first
		price   string
		entry   string
		want    signal.Bits
		windows string // the prices after
	}{
		{"the first tick is not warm", signal.Params{BandWindow: 2}, "", "100", "0", cold, "100"},
		{"one tick short of the band's window is not warm, however low the price", signal.Params{BandWindow: 2}, "100", "1", "0", cold, "100 1"},
		{"nor is one tick short of the trend's", signal.Params{BandWindow: 1, TrendWindow: 3}, "1 2", "9", "0", cold, "1 2 9"},
		{"with the band's window full it is", signal.Params{BandWindow: 2}, "100 100", "101", "0",
			signal.Bits{Warm: true, TrendUp: true, VolumeHigh: true}, "100 101"},
		// The mean of 99 and 101 is 100; 1 % below it is 99.
		{"exactly at the band is low", signal.Params{BandWindow: 2, BandBps: 100}, "99 101", "99", "0",
			signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}, "101 99"},
		{"one unit above the band is not", signal.Params{BandWindow: 2, BandBps: 100}, "99 101", "99.000000001", "0",
			signal.Bits{Warm: true, TrendUp: true, VolumeHigh: true}, "101 99.000000001"},
		{"a band below zero lies above the mean", signal.Params{BandWindow: 2, BandBps: -100}, "99 101", "101", "0",
			signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}, "101 101"},
		{"the band is of the newest prices only", signal.Params{BandWindow: 1, TrendWindow: 3}, "500 500 100", "101", "0",
			signal.Bits{Warm: true, VolumeHigh: true}, "500 100 101"},
		{"this tick's own price is not in the mean", signal.Params{BandWindow: 2}, "100 100", "100", "0",
			signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}, "100 100"},
		{"the trend is up above the price of so many ticks ago", signal.Params{BandWindow: 1, TrendWindow: 2}, "100 105", "100.000000001", "0",
			signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}, "105 100.000000001"},
		{"at that price it is not", signal.Params{BandWindow: 1, TrendWindow: 2}, "100 105", "100", "0",
			signal.Bits{Warm: true, BelowBand: true, VolumeHigh: true}, "105 100"},
		{"the trend looks past a longer band", signal.Params{BandWindow: 3, TrendWindow: 1}, "100 100 90", "91", "0",
			signal.Bits{Warm: true, BelowBand: true, TrendUp: true, VolumeHigh: true}, "100 90 91"},
		// 1 % above an entry at 100 is 101.
		{"exactly at the target is above it", signal.Params{BandWindow: 2, TargetBps: 100}, "100", "101", "100",
			signal.Bits{AboveTarget: true, VolumeHigh: true}, "100 101"},
		{"one unit below the target is not", signal.Params{BandWindow: 2, TargetBps: 100}, "100", "100.999999999", "100", cold, "100 100.999999999"},
		{"the target is rounded up", signal.Params{BandWindow: 2, TargetBps: 1}, "", "0.000000001", "0.000000001", cold, "0.000000001"},
		{"flat there is no target", signal.Params{BandWindow: 2, TargetBps: 100}, "100", "900", "0", cold, "100 900"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, next, err := signal.Next(c.params, signal.State{Prices: vals(c.prices)}, val(c.price), 0, val(c.entry))
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want || !slices.Equal(next.Prices, vals(c.windows)) {
				t.Fatalf("expected %+v, window %s\nfound    %+v, window %v", c.want, c.windows, got, next.Prices)
			}
		})
	}
}

func TestVolumeIsSummedOverItsWindowThisTickIncluded(t *testing.T) {
	p := signal.Params{BandWindow: 1, VolumeWindow: 3, MinVolume: val("10")}
	var s signal.State
	for i, c := range []struct {
		volume, window string
		high           bool
	}{
		{"9", "9", false},
		{"1", "9 1", true}, // exactly the minimum
		{"0", "9 1 0", true},
		{"8.999999999", "1 0 8.999999999", false}, // 9.999999999
		{"1.000000001", "0 8.999999999 1.000000001", true},
	} {
		b, next, err := signal.Next(p, s, val("100"), val(c.volume), 0)
		if err != nil {
			t.Fatal(err)
		}
		if b.VolumeHigh != c.high || !slices.Equal(next.Volumes, vals(c.window)) {
			t.Fatalf("tick %d: expected %t of %s, found %t of %v", i, c.high, c.window, b.VolumeHigh, next.Volumes)
		}
		s = next
	}
}

func TestWithoutAMinimumVolumeIsAlwaysHighAndNotKept(t *testing.T) {
	b, next, err := signal.Next(signal.Params{BandWindow: 1, VolumeWindow: 3}, signal.State{Volumes: vals("1 2")}, val("100"), 0, 0)
	if err != nil || !b.VolumeHigh || next.Volumes != nil {
		t.Fatalf("%+v %+v %v", b, next, err)
	}
}

func TestAnOverflowIsAnErrorThatNamesWhatAndLeavesTheWindows(t *testing.T) {
	for _, c := range []struct {
		what   string
		params signal.Params
		volume fixed.Value
		entry  fixed.Value
	}{
		{"price band", signal.Params{BandWindow: 1, BandBps: -1}, 0, 0},
		{"price target", signal.Params{BandWindow: 1, TargetBps: 1}, 0, fixed.Max},
		{"volume", signal.Params{BandWindow: 1, VolumeWindow: 2, MinVolume: 1}, fixed.Max, 0},
	} {
		s := signal.State{Prices: []fixed.Value{fixed.Max}, Volumes: []fixed.Value{1}}
		b, next, err := signal.Next(c.params, s, 100, c.volume, c.entry)
		if !errors.Is(err, fixed.ErrOverflow) || !strings.HasPrefix(err.Error(), c.what+": ") {
			t.Errorf("expected an overflow of the %s, found %v", c.what, err)
		}
		if b != (signal.Bits{}) || fmt.Sprint(next) != fmt.Sprint(s) {
			t.Errorf("%s: expected no bits and the windows as they were, found %+v %v", c.what, b, next)
		}
	}
}

// TestNextNeverChangesTheStateItWasGiven keeps every state of a run, and the room behind it in memory, and looks at all of them at the end.
func TestNextNeverChangesTheStateItWasGiven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyParams.Draw(t, "params")
		var states []signal.State
		var prints []string
		room := func(s signal.State) string {
			return fmt.Sprint(s.Prices[:cap(s.Prices)], s.Volumes[:cap(s.Volumes)], len(s.Prices), len(s.Volumes))
		}
		s := signal.State{Prices: make([]fixed.Value, 1, 4), Volumes: make([]fixed.Value, 1, 4)}
		for range rapid.IntRange(1, 20).Draw(t, "ticks") {
			states, prints = append(states, s), append(prints, room(s))
			from := rapid.SampledFrom(states).Draw(t, "from") // an earlier state may be stepped again
			_, next, err := signal.Next(p, from, price(t), price(t), price(t))
			if err != nil {
				t.Fatal(err)
			}
			s = next
		}
		for i, s := range states {
			if got := room(s); got != prints[i] {
				t.Fatalf("state %d: expected %s, found %s", i, prints[i], got)
			}
		}
	})
}

// TestTheBandIsThatOfTheExactMean compares with the mean in numbers without bounds.
func TestTheBandIsThatOfTheExactMean(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := signal.Params{BandWindow: rapid.IntRange(1, 12).Draw(t, "window")}
		amount := rapid.OneOf(rapid.Int64Range(1, 50), rapid.Int64Range(1, int64(fixed.Max))) // the sum of large ones overflows
		var s signal.State
		sum := new(big.Int)
		for range p.BandWindow {
			v := amount.Draw(t, "price")
			s.Prices = append(s.Prices, fixed.Value(v))
			sum.Add(sum, big.NewInt(v))
		}
		mean := sum.Div(sum, big.NewInt(int64(p.BandWindow))).Int64()
		// With a band of 0 the price is low exactly up to the mean: it and its neighbour tell what the mean is.
		for _, c := range []struct {
			price int64
			low   bool
		}{{mean, true}, {mean + 1, false}} {
			if c.price < mean {
				continue // Max has no neighbour above
			}
			b, _, err := signal.Next(p, s, fixed.Value(c.price), 0, 0)
			if err != nil || b.BelowBand != c.low {
				t.Fatalf("mean %d of %v: at %d expected low=%t, found %t, %v", mean, s.Prices, c.price, c.low, b.BelowBand, err)
			}
		}
	})
}

func price(t *rapid.T) fixed.Value {
	return fixed.Value(rapid.Int64Range(1, 1_000*fixed.Scale).Draw(t, "value"))
}

var anyParams = rapid.Custom(func(t *rapid.T) signal.Params {
	return signal.Params{
		BandWindow: rapid.IntRange(1, 5).Draw(t, "band window"), BandBps: rapid.Int64Range(-1_000, 1_000).Draw(t, "band"),
		TargetBps: rapid.Int64Range(0, 1_000).Draw(t, "target"), TrendWindow: rapid.IntRange(0, 5).Draw(t, "trend window"),
		VolumeWindow: rapid.IntRange(1, 5).Draw(t, "volume window"), MinVolume: fixed.Value(rapid.Int64Range(0, 10).Draw(t, "volume")),
	}
})
