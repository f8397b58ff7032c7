package guard

import "math"

// Clock is what a server said of its own clock, with the times on ours between which it read it.
type Clock struct {
	// Server is its time in Unix milliseconds; 0 where it said none. Servers state whole seconds (an HTTP Date, Kraken's unixtime), so up to
	// 999 ms may have been cut off.
	Server int64
	// Asked is when the question left, Received when the answer was in, on our clock; Unix milliseconds.
	Asked, Received int64
}

// cutOff is how much less than its clock a server may state.
const cutOff = 999

// AheadMS is by how much the server's clock is ahead of ours (negative: behind), as far as it is certain: the smallest difference that agrees
// with what was seen. It is 0 where the clocks may be equal, and where the server said no time.
func (c Clock) AheadMS() int64 {
	if c.Server == 0 {
		return 0
	}
	if least := minus(c.Server, c.Received); least > 0 {
		return least
	}
	if most := minus(min(c.Server, math.MaxInt64-cutOff)+cutOff, c.Asked); most < 0 {
		return most
	}
	return 0
}

// beyond says that the clocks certainly differ by more than maxMS.
func (c Clock) beyond(maxMS int64) bool {
	ahead := c.AheadMS()
	return ahead > maxMS || ahead < -maxMS
}

// minus is a - b, at the nearest end of the numbers where it does not fit.
func minus(a, b int64) int64 {
	d := a - b
	switch {
	case a >= 0 && b < 0 && d < 0:
		return math.MaxInt64
	case a < 0 && b > 0 && d > 0:
		return math.MinInt64
	}
	return d
}

// SkewResult is the guard's finding.
type SkewResult struct {
	// OK: our clock agrees with the venue's, and with those of at least half of the sources that say theirs.
	OK bool `json:"ok"`
	// WorstMS is the largest difference seen, as of Clock.AheadMS.
	WorstMS int64 `json:"ms"`
	// Known is the number of clocks seen, Beyond those of them that differ by more than the limit.
	Known  int `json:"known"`
	Beyond int `json:"beyond,omitzero"`
	// Reason why OK is false.
	Reason string `json:"why,omitempty"`
}

// Skew judges our clock by those of the sources' servers and of the venue's. One source's clock that differs is that source's trouble: its
// prices are not fresh (Freshness). If most of them differ it is ours that is wrong; and against the venue's an order's deadline means another time.
// A clock that nobody states says nothing: without any, OK is true.
func Skew(maxMS int64, quotes []Quote, venue Clock) SkewResult {
	var r SkewResult
	look := func(c Clock) (beyond bool) {
		if c.Server == 0 {
			return false
		}
		r.Known++
		ahead := c.AheadMS()
		if size(ahead) > size(r.WorstMS) {
			r.WorstMS = ahead
		}
		if beyond = c.beyond(maxMS); beyond {
			r.Beyond++
		}
		return beyond
	}
	for i := range quotes {
		look(quotes[i].Clock())
	}
	mostSources := 2*r.Beyond > r.Known
	switch venueBeyond := look(venue); {
	case venueBeyond:
		r.Reason = "the venue's clock differs"
	case mostSources:
		r.Reason = "the clocks of most sources differ"
	default:
		r.OK = true
	}
	return r
}

func size(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
