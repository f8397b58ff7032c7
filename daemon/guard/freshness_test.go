package guard_test

import (
	"cmp"
	"errors"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

const now = 10_000 // Unix milliseconds at which the quotes of a table are judged

func val(s string) fixed.Value { return fixed.MustParse(s) }

func quote(price string, published int64) guard.Quote {
	return guard.Quote{Price: val(price), Published: published}
}

// agree are quotes of now.
func agree(prices ...string) (qs []guard.Quote) {
	for _, p := range prices {
		qs = append(qs, quote(p, now))
	}
	return qs
}

func TestFreshness(t *testing.T) {
	limits := guard.FreshnessLimits{MinQuorum: 2, ToleranceBps: 50, MaxAgeMS: []int64{1000, 2000, 500, 500}}
	broken := guard.Quote{Price: val("100"), Published: now, Err: "timeout"}
	for _, c := range []struct {
		name   string
		quotes []guard.Quote
		want   guard.FreshnessResult
	}{
		{"no source at all is not fresh", nil, guard.FreshnessResult{Reason: "no fresh source"}},
		{"three that agree are fresh", agree("100", "100", "100"), guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 3, Quorum: 3}},
		{"a quote exactly as old as its source's maximum age is fresh",
			[]guard.Quote{quote("100", now-1000), quote("100", now-2000)}, guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 2, Quorum: 2}},
		{"one millisecond older is not",
			[]guard.Quote{quote("100", now-1001), quote("100", now-2000)}, guard.FreshnessResult{Median: val("100"), Fresh: 1, Quorum: 1, Reason: "quorum too small"}},
		{"each source is judged by its own maximum age", // 1500 ms: above 1000 and 500, below 2000
			[]guard.Quote{quote("100", now-1500), quote("101", now-1500), quote("102", now-1500)},
			guard.FreshnessResult{Median: val("101"), Fresh: 1, Quorum: 1, Reason: "quorum too small"}},
		{"a publish time ahead of us by the maximum age is a clock that differs",
			[]guard.Quote{quote("100", now+1000), quote("100", now+2000)}, guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 2, Quorum: 2}},
		{"one further ahead is no price of ours",
			[]guard.Quote{quote("100", now+1001), quote("100", now+2001)}, guard.FreshnessResult{Reason: "no fresh source"}},
		{"a publish time at either end of time is not fresh",
			[]guard.Quote{quote("100", -1<<63), quote("100", 1<<63-1)}, guard.FreshnessResult{Reason: "no fresh source"}},
		{"a source with an error does not count, whatever else it says",
			[]guard.Quote{broken, quote("100", now)}, guard.FreshnessResult{Median: val("100"), Fresh: 1, Quorum: 1, Reason: "quorum too small"}},
		{"a price of zero or below does not count",
			agree("0", "-1", "100"), guard.FreshnessResult{Median: val("100"), Fresh: 1, Quorum: 1, Reason: "quorum too small"}},
		{"the median of three is the middle one, in whatever order they come",
			agree("100.2", "99.9", "100.1"), guard.FreshnessResult{OK: true, Median: val("100.1"), Fresh: 3, Quorum: 3}},
		{"the median of two is half of their sum", agree("100", "100.5"), guard.FreshnessResult{OK: true, Median: val("100.25"), Fresh: 2, Quorum: 2}},
		{"half of an odd sum is rounded down", // (100.000000001 + 100.000000002) / 2
			agree("100.000000002", "100.000000001"), guard.FreshnessResult{OK: true, Median: val("100.000000001"), Fresh: 2, Quorum: 2}},
		{"the median of the largest prices does not overflow", // their sum would
			[]guard.Quote{{Price: fixed.Max, Published: now}, {Price: fixed.Max - 2, Published: now}},
			guard.FreshnessResult{OK: true, Median: fixed.Max - 1, Fresh: 2, Quorum: 2}},
		{"exactly at the tolerance is within it", // 50 bps of 100 are 0.5
			agree("99.5", "100", "100.5"), guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 3, Quorum: 3}},
		{"one unit beyond it is outside, below and above",
			agree("99.499999999", "100", "100.500000001"), guard.FreshnessResult{Median: val("100"), Fresh: 3, Quorum: 1, Reason: "quorum too small"}},
		{"the tolerance is rounded down", // 50 bps of 199 units are 0.995 units, so none
			agree("0.000000198", "0.000000199", "0.0000002"), guard.FreshnessResult{Median: val("0.000000199"), Fresh: 3, Quorum: 1, Reason: "quorum too small"}},
		{"two pairs far apart have a median that none agrees with", // (100 + 102) / 2 = 101, tolerance 0.505
			agree("100", "100", "102", "102"), guard.FreshnessResult{Median: val("101"), Fresh: 4, Quorum: 0, Reason: "quorum too small"}},
		{"the volume is the largest that a fresh source gave",
			[]guard.Quote{{Price: val("100"), Published: now, Volume: val("3")}, {Price: val("100"), Published: now, Volume: val("7")},
				{Price: val("100"), Published: now - 501, Volume: val("9")}},
			guard.FreshnessResult{OK: true, Median: val("100"), Fresh: 2, Quorum: 2, Volume: val("7")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := guard.Freshness(limits, c.quotes, now)
			if err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Fatalf("expected %+v\nfound    %+v", c.want, got)
			}
		})
	}
}

// TestASourceOfAnotherClockIsNotFresh: its server's clock is known, and differs by more than the limit of 2 s.
func TestASourceOfAnotherClockIsNotFresh(t *testing.T) {
	limits := guard.FreshnessLimits{MinQuorum: 2, ToleranceBps: 50, MaxAgeMS: []int64{1500, 1500, 1500}, MaxSkewMS: 2000}
	says := func(server int64) guard.Quote {
		return guard.Quote{Price: val("100"), Published: now, Asked: now, Received: now + 80, Server: server}
	}
	for _, c := range []struct {
		name      string
		server    int64 // of the third source; the first two say nothing
		wantFresh int
	}{
		{"a source that states no clock is judged by its price alone", 0, 3},
		{"one of our clock is fresh", now, 3},
		{"one that is ahead by exactly the limit is", now + 80 + 2000, 3},
		{"one a millisecond further ahead is not", now + 80 + 2001, 2},
		{"one behind by the limit and the second that it may have cut off is", now - 2000 - 999, 3},
		{"one a millisecond further behind is not", now - 2000 - 1000, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			quotes := append(agree("100", "100"), says(c.server))
			got, err := guard.Freshness(limits, quotes, now)
			if want := (guard.FreshnessResult{OK: true, Median: val("100"), Fresh: c.wantFresh, Quorum: c.wantFresh}); err != nil || got != want {
				t.Fatalf("expected %+v, found %+v, %v", want, got, err)
			}
			open := limits
			open.MaxSkewMS = 0
			if got, _ := guard.Freshness(open, quotes, now); got.Fresh != 3 {
				t.Fatalf("without a limit: expected all to be fresh, found %+v", got)
			}
		})
	}
}

func TestWhyASourceIsNotFreshIsSaid(t *testing.T) {
	limits := guard.FreshnessLimits{MaxAgeMS: []int64{1500}, MaxSkewMS: 2000}
	for _, c := range []struct {
		name  string
		quote guard.Quote
		want  string
	}{
		{"a fresh one has no reason", quote("100", now-1500), ""},
		{"one that failed has its own", guard.Quote{Err: "connect: connection refused"}, "connect: connection refused"},
		{"one without a price", guard.Quote{Published: now}, "no price"},
		{"an old one", quote("100", now-1501), "published 1501 ms ago, at most 1500 expected"},
		{"one of the future", quote("100", now+1501), "published 1501 ms ahead of our clock, at most 1500 expected"},
		{"one of another clock", guard.Quote{Price: 1, Published: now, Server: now + 2500, Asked: now, Received: now}, "its clock is 2500 ms ahead of ours (negative: behind), at most 2000 expected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := limits.Why(0, &c.quote, now); got != c.want {
				t.Fatalf("expected %q, found %q", c.want, got)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) { // there is a reason exactly if the guard does not count it
		at := rapid.OneOf(rapid.Int64Range(now-3000, now+3000), rapid.Int64())
		q := guard.Quote{
			Price: fixed.Value(rapid.Int64Range(-1, 2).Draw(t, "price")), Err: rapid.SampledFrom([]string{"", "", "down"}).Draw(t, "err"),
			Published: at.Draw(t, "published"), Server: rapid.OneOf(rapid.Just[int64](0), at).Draw(t, "server"), Asked: at.Draw(t, "asked"), Received: at.Draw(t, "received"),
		}
		l := limits
		l.MinQuorum, l.MaxSkewMS = 1, rapid.SampledFrom([]int64{0, 2000}).Draw(t, "skew")
		r, err := guard.Freshness(l, []guard.Quote{q}, now)
		if why := l.Why(0, &q, now); err != nil || r.OK != (why == "") {
			t.Fatalf("%+v: fresh=%t, %v, and the reason is %q", q, r.OK, err, why)
		}
	})
}

func TestFreshnessOverflowIsAnErrorAndNotFresh(t *testing.T) {
	l := guard.FreshnessLimits{MinQuorum: 1, ToleranceBps: 20_000, MaxAgeMS: []int64{1000}} // twice Max is no Value
	got, err := guard.Freshness(l, []guard.Quote{{Price: fixed.Max, Published: now}}, now)
	if !errors.Is(err, fixed.ErrOverflow) || got.OK || got.Quorum != 0 || got.Reason != "overflow" {
		t.Fatalf("expected an overflow that is not OK, found %+v, %v", got, err)
	}
}

func TestFreshnessLeavesTheQuotesAsTheyAre(t *testing.T) {
	quotes := agree("102", "100", "101")
	before := slices.Clone(quotes)
	if _, err := guard.Freshness(guard.FreshnessLimits{MinQuorum: 1, MaxAgeMS: []int64{1, 1, 1}}, quotes, now); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(quotes, before) {
		t.Fatalf("expected %v, found %v", before, quotes)
	}
}

// TestMedianAndQuorumAreTheExactOnes compares with the definitions in numbers without bounds, which need no rounding of the tolerance:
// p lies within it exactly if 10000 * |p - median| <= tolerance * median.
func TestMedianAndQuorumAreTheExactOnes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		prices := rapid.SliceOfN(rapid.OneOf(
			rapid.Int64Range(1, 400), // small, so that the tolerance's edge is met
			rapid.Int64Range(1, int64(fixed.Max)),
		), 1, 9).Draw(t, "prices")
		l := guard.FreshnessLimits{
			MinQuorum: rapid.IntRange(1, 9).Draw(t, "min quorum"), ToleranceBps: rapid.Int64Range(0, 10_000).Draw(t, "tolerance"),
			MaxAgeMS: make([]int64, len(prices)),
		}
		quotes := make([]guard.Quote, len(prices))
		for i, p := range prices {
			quotes[i] = guard.Quote{Price: fixed.Value(p), Published: now}
		}
		got, err := guard.Freshness(l, quotes, now)
		if err != nil {
			t.Fatal(err)
		}

		slices.SortFunc(prices, cmp.Compare)
		lo, hi := prices[(len(prices)-1)/2], prices[len(prices)/2]
		median := new(big.Int).Add(big.NewInt(lo), big.NewInt(hi))
		median.Rsh(median, 1)
		quorum := 0
		for _, p := range prices {
			d := new(big.Int).Sub(big.NewInt(p), median)
			d.Abs(d).Mul(d, big.NewInt(10_000))
			if d.Cmp(new(big.Int).Mul(median, big.NewInt(l.ToleranceBps))) <= 0 {
				quorum++
			}
		}
		if big.NewInt(int64(got.Median)).Cmp(median) != 0 || got.Quorum != quorum || got.OK != (quorum >= l.MinQuorum) || got.Fresh != len(prices) {
			t.Fatalf("expected median %s, quorum %d of %d, found %+v", median, quorum, len(prices), got)
		}
	})
}
