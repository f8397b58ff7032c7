package signal

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Params configure the signal.
type Params struct {
	// BandWindow is the number of past prices in the mean, at least 1.
	BandWindow int `json:"band_window"`
	// BandBps: the price is low at or below mean * (1 - BandBps); in basis points, may be negative.
	BandBps int64 `json:"band_bps"`
	// TargetBps: the price is above target at or above entry * (1 + TargetBps), in basis points.
	TargetBps int64 `json:"target_bps"`
	// TrendWindow: the trend is up if the price is above that of so many ticks ago; 0 means always up.
	TrendWindow int `json:"trend_window"`
	// VolumeWindow is the number of ticks over which volume is summed, this one included; at least 1.
	VolumeWindow int `json:"volume_window"`
	// MinVolume: volume is high if the sum is at least this, in base units; 0 means always high.
	MinVolume fixed.Value `json:"min_volume"`
}

// State is the windows: past prices and volumes, oldest first.
type State struct {
	Prices  []fixed.Value `json:"prices,omitempty"`
	Volumes []fixed.Value `json:"volumes,omitempty"`
}

// Bits are the market bits of a tick.
type Bits struct {
	// Warm: the windows are full. While it is false, BelowBand and TrendUp are false too.
	Warm bool `json:"warm"`
	// BelowBand: the price is low.
	BelowBand bool `json:"low"`
	// AboveTarget: the price is above the target of the held position; false while none is held.
	AboveTarget bool `json:"target"`
	// VolumeHigh: the summed volume is high.
	VolumeHigh bool `json:"vol"`
	// TrendUp: the price is above that of TrendWindow ticks ago.
	TrendUp bool `json:"up"`
}

// Next judges the price and volume of a fresh tick against the windows, and returns them with the tick added. entry is the held position's
// price a unit, 0 while flat. The error is an overflow and names what overflowed.
func Next(p Params, s State, price, volume, entry fixed.Value) (Bits, State, error) {
	var b Bits
	b.Warm = len(s.Prices) >= max(p.BandWindow, p.TrendWindow)
	if b.Warm {
		limit, err := mean(s.Prices[len(s.Prices)-p.BandWindow:]).MulBps(10_000-p.BandBps, fixed.Floor)
		if err != nil {
			return Bits{}, s, fmt.Errorf("price band: %w", err)
		}
		b.BelowBand = price <= limit
		b.TrendUp = p.TrendWindow == 0 || price > s.Prices[len(s.Prices)-p.TrendWindow]
	}
	if entry > 0 {
		target, err := entry.MulBps(10_000+p.TargetBps, fixed.Ceil)
		if err != nil {
			return Bits{}, s, fmt.Errorf("price target: %w", err)
		}
		b.AboveTarget = price >= target
	}
	next := State{Prices: push(s.Prices, price, max(p.BandWindow, p.TrendWindow))}
	b.VolumeHigh = p.MinVolume == 0
	if p.MinVolume > 0 {
		next.Volumes = push(s.Volumes, volume, p.VolumeWindow)
		var sum fixed.Value
		for _, v := range next.Volumes {
			var err error
			if sum, err = sum.Add(v); err != nil {
				return Bits{}, s, fmt.Errorf("volume: %w", err)
			}
		}
		b.VolumeHigh = sum >= p.MinVolume
	}
	return b, next, nil
}

// push returns a new window of at most n values with v as the newest.
func push(w []fixed.Value, v fixed.Value, n int) []fixed.Value {
	if over := len(w) + 1 - n; over > 0 {
		w = w[over:]
	}
	out := make([]fixed.Value, len(w)+1)
	copy(out, w)
	out[len(w)] = v
	return out
}

// mean is floor(sum / n) of values above zero, without a sum that could overflow.
func mean(w []fixed.Value) fixed.Value {
	n := fixed.Value(len(w))
	var whole, rest fixed.Value
	for _, v := range w {
		whole += v / n
		rest += v % n
	}
	return whole + rest/n
}
