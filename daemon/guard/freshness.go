package guard

import (
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Quote is what one source said when it was asked.
type Quote struct {
	// Source is the source's name.
	Source string `json:"src"`
	// Price in quote units a base unit; above zero unless Err is set.
	Price fixed.Value `json:"px,omitzero"`
	// Confidence is how far the source itself says that the price may be off, to either side, in quote units; zero where it says nothing.
	Confidence fixed.Value `json:"conf,omitzero"`
	// Volume traded since the last answer, in base units; zero where the source gives none.
	Volume fixed.Value `json:"vol,omitzero"`
	// Published is the source's own time of the price, Received is when the answer was in; Unix milliseconds. A source that gives no publish
	// time has that of receipt.
	Published int64 `json:"pub,omitzero"`
	Received  int64 `json:"rcv,omitzero"`
	// Server is the time of the source's server when it answered, as it stated it, and Asked is when it was asked; Unix milliseconds. Zero where
	// it states none: a publish time says when the price was made, not what time it is.
	Server int64 `json:"srv,omitzero"`
	Asked  int64 `json:"asked,omitzero"`
	// Err says why there is no price; empty if there is one.
	Err string `json:"err,omitempty"`
}

// Clock of the source's server.
func (q *Quote) Clock() Clock { return Clock{Server: q.Server, Asked: q.Asked, Received: q.Received} }

// FreshnessLimits configure Freshness.
type FreshnessLimits struct {
	// MinQuorum of sources, at least 1.
	MinQuorum int `json:"min_quorum"`
	// ToleranceBps around the median, in basis points.
	ToleranceBps int64 `json:"tolerance_bps"`
	// MaxAgeMS of each source's publish time, by the order of the sources, in milliseconds.
	MaxAgeMS []int64 `json:"max_age_ms"`
	// MaxSkewMS between our clock and a source's server's, in milliseconds; 0 is no limit.
	MaxSkewMS int64 `json:"max_skew_ms,omitzero"`
}

// FreshnessResult is the guard's finding.
type FreshnessResult struct {
	// OK: Quorum is at least MinQuorum.
	OK bool `json:"ok"`
	// Median of the fresh sources (the lower half of the sum of the middle two when their number is even); 0 without any.
	Median fixed.Value `json:"median"`
	// Fresh is the number of sources that are fresh, Quorum those of them within the tolerance of the median.
	Fresh  int `json:"fresh"`
	Quorum int `json:"quorum"`
	// Volume is the largest volume that a fresh source gave.
	Volume fixed.Value `json:"vol,omitzero"`
	// Reason why OK is false.
	Reason string `json:"why,omitempty"`
}

// Freshness judges the quotes, which are in the order of the configured sources, at nowMS (Unix milliseconds).
//
// A quote is fresh if it has a price, its publish time is neither older than its source's maximum age nor as far in the future, and its
// source's clock is not known to differ from ours by more than MaxSkewMS: a publish time of another clock would say nothing. The only error is an overflow of the tolerance's arithmetic.
func Freshness(l FreshnessLimits, quotes []Quote, nowMS int64) (FreshnessResult, error) {
	var r FreshnessResult
	prices := make([]fixed.Value, 0, len(quotes))
	for i := range quotes {
		if !l.fresh(i, &quotes[i], nowMS) {
			continue
		}
		prices = append(prices, quotes[i].Price)
		r.Volume = max(r.Volume, quotes[i].Volume)
	}
	r.Fresh = len(prices)
	if r.Fresh == 0 {
		r.Reason = "no fresh source"
		return r, nil
	}
	slices.Sort(prices)
	r.Median = median(prices)
	width, err := r.Median.MulBps(l.ToleranceBps, fixed.Floor)
	if err != nil {
		return FreshnessResult{Fresh: r.Fresh, Median: r.Median, Reason: "overflow"}, err
	}
	for _, p := range prices {
		if p-r.Median <= width && r.Median-p <= width { // both above zero: no overflow
			r.Quorum++
		}
	}
	if r.OK = r.Quorum >= l.MinQuorum; !r.OK {
		r.Reason = "quorum too small"
	}
	return r, nil
}

// Oldest is the age of that member of the quorum which is nearest to its limit, and the limit, in milliseconds; 0 and 0 if the quorum is
// empty. A publish time in the future is an age of 0.
func Oldest(l FreshnessLimits, quotes []Quote, r FreshnessResult, nowMS int64) (ageMS, maxAgeMS uint64) {
	width, err := r.Median.MulBps(l.ToleranceBps, fixed.Floor)
	if err != nil {
		return 0, 0
	}
	found := false
	for i := range quotes {
		q := &quotes[i]
		if !l.fresh(i, q, nowMS) || q.Price-r.Median > width || r.Median-q.Price > width {
			continue
		}
		age, limit := uint64(max(nowMS-q.Published, 0)), uint64(l.MaxAgeMS[i])
		if !found || limit-age < maxAgeMS-ageMS {
			found, ageMS, maxAgeMS = true, age, limit
		}
	}
	return ageMS, maxAgeMS
}

// Why says for people why the quote of source i is not fresh, and nothing if it is.
func (l *FreshnessLimits) Why(i int, q *Quote, nowMS int64) string {
	age, most := minus(nowMS, q.Published), l.MaxAgeMS[i]
	switch {
	case q.Err != "":
		return q.Err
	case q.Price <= 0:
		return "no price"
	case age > most:
		return fmt.Sprintf("published %d ms ago, at most %d expected", age, most)
	case age < -most:
		return fmt.Sprintf("published %d ms ahead of our clock, at most %d expected", -age, most)
	case l.MaxSkewMS != 0 && q.Clock().beyond(l.MaxSkewMS):
		return fmt.Sprintf("its clock is %d ms ahead of ours (negative: behind), at most %d expected", q.Clock().AheadMS(), l.MaxSkewMS)
	}
	return ""
}

// fresh judges the quote of source i.
func (l *FreshnessLimits) fresh(i int, q *Quote, nowMS int64) bool {
	age := minus(nowMS, q.Published)
	return q.Err == "" && q.Price > 0 && age <= l.MaxAgeMS[i] && age >= -l.MaxAgeMS[i] && (l.MaxSkewMS == 0 || !q.Clock().beyond(l.MaxSkewMS))
}

// median of sorted prices above zero.
func median(sorted []fixed.Value) fixed.Value {
	n := len(sorted)
	hi := sorted[n/2]
	if n%2 == 1 {
		return hi
	}
	lo := sorted[n/2-1]
	return lo + (hi-lo)/2
}
