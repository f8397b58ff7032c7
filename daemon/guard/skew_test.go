package guard_test

import (
	"math"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/guard"
)

func TestHowFarAnotherClockIsAheadIsOnlyWhatIsCertain(t *testing.T) {
	for _, c := range []struct {
		name                    string
		server, asked, received int64
		want                    int64
	}{
		{"no clock is no difference", 0, 5000, 6000, 0},
		{"a clock that was cut to the second while it was asked agrees", 5000, 5200, 5400, 0},
		{"and one that was read at any moment between", 6000, 5200, 6100, 0},
		{"ahead: it shows at our receipt what ours will show only later", 9000, 5200, 6000, 3000},
		{"behind: even with the rest of its second it is behind our question", 2000, 5200, 6000, -2201}, // at most 2999 at 5200
		{"a slow answer hides a difference", 9000, 5200, 9000, 0},
		{"a millisecond less does not", 9000, 5200, 8999, 1},
		{"the ends of the numbers do not wrap", math.MaxInt64, math.MinInt64, math.MinInt64, math.MaxInt64},
		{"nor do the other ones", math.MinInt64, math.MaxInt64, math.MaxInt64, math.MinInt64},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := (guard.Clock{Server: c.server, Asked: c.asked, Received: c.received}).AheadMS(); got != c.want {
				t.Fatalf("expected %d, found %d", c.want, got)
			}
		})
	}
}

// TestNoHonestClockIsEverCalledSkewed: a server whose clock is ours plus a difference, read at some moment of the request and cut to a second.
func TestNoHonestClockIsEverCalledSkewed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		asked := rapid.Int64Range(1e12, 2e12).Draw(t, "asked")
		read := asked + rapid.Int64Range(0, 5000).Draw(t, "until read")
		received := read + rapid.Int64Range(0, 5000).Draw(t, "until received")
		ahead := rapid.Int64Range(-1e7, 1e7).Draw(t, "ahead")
		c := guard.Clock{Server: (read + ahead) / 1000 * 1000, Asked: asked, Received: received}
		switch got := c.AheadMS(); {
		case ahead >= 0 && (got < 0 || got > ahead), ahead <= 0 && (got > 0 || got < ahead):
			t.Fatalf("%+v is ahead by %d, found %d", c, ahead, got)
		case got == 0 && (ahead > received-asked+1000 || ahead < asked-received-1000):
			t.Fatalf("%+v is ahead by %d, which is certain, found 0", c, ahead)
		}
	})
}

func TestSkew(t *testing.T) {
	const limit = 2000
	clock := func(server int64) guard.Clock {
		if server != 0 {
			server += now
		}
		return guard.Clock{Server: server, Asked: now, Received: now}
	}
	const venue, most = "the venue's clock differs", "the clocks of most sources differ"
	for _, c := range []struct {
		name    string
		sources []int64 // ahead of us by so many ms; 0 states none
		venue   int64
		want    guard.SkewResult
	}{
		{"nobody states a clock, so nothing is known", []int64{0, 0, 0}, 0, guard.SkewResult{OK: true}},
		{"no source at all", nil, 0, guard.SkewResult{OK: true}},
		{"all agree within the limit", []int64{1, 2000, -2999}, 5, guard.SkewResult{OK: true, WorstMS: 2000, Known: 4}},
		{"one source of three is that source's trouble", []int64{5000, 1, 1}, 1, guard.SkewResult{OK: true, WorstMS: 5000, Known: 4, Beyond: 1}},
		{"two of three mean that it is ours", []int64{5000, 5000, 1}, 1, guard.SkewResult{WorstMS: 5000, Known: 4, Beyond: 2, Reason: most}},
		{"those that say nothing have no voice", []int64{-9000, 0, 0}, 0, guard.SkewResult{WorstMS: -8001, Known: 1, Beyond: 1, Reason: most}},
		{"one of two is no majority", []int64{5000, 1}, 0, guard.SkewResult{OK: true, WorstMS: 5000, Known: 2, Beyond: 1}},
		{"the venue's alone is enough", []int64{1, 1, 1}, -9000, guard.SkewResult{WorstMS: -8001, Known: 4, Beyond: 1, Reason: venue}},
		{"the venue's comes first", []int64{5000}, 5000, guard.SkewResult{WorstMS: 5000, Known: 2, Beyond: 2, Reason: venue}},
		{"exactly the limit agrees", []int64{2000}, 2000, guard.SkewResult{OK: true, WorstMS: 2000, Known: 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var quotes []guard.Quote
			for _, ahead := range c.sources {
				at := clock(ahead)
				quotes = append(quotes, guard.Quote{Err: "price", Server: at.Server, Asked: at.Asked, Received: at.Received}) // a source without a price still has a clock
			}
			if got := guard.Skew(limit, quotes, clock(c.venue)); got != c.want {
				t.Fatalf("expected %+v\nfound    %+v", c.want, got)
			}
		})
	}
}
