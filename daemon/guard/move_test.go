package guard_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
)

func TestMove(t *testing.T) {
	const far = "moved too far"
	for _, c := range []struct {
		name         string
		last, median string
		want         guard.MoveResult
	}{
		{"the first median has no way behind it", "0", "100", guard.MoveResult{OK: true}},
		{"a price that stands still", "100", "100", guard.MoveResult{OK: true}},
		{"up by exactly the limit of 500 bps", "100", "105", guard.MoveResult{OK: true, Bps: 500}},
		{"up by a unit more", "100", "105.000000001", guard.MoveResult{Bps: 501, Reason: far}},
		{"down by exactly the limit", "100", "95", guard.MoveResult{OK: true, Bps: 500}},
		{"down by a unit more", "100", "94.999999999", guard.MoveResult{Bps: 501, Reason: far}},
		{"the way is measured from where it began", "95", "100", guard.MoveResult{Bps: 527, Reason: far}}, // 5/95 = 526.3
		{"all of it", "100", "0", guard.MoveResult{Bps: 10_000, Reason: far}},
		{"more than there is a number for", "0.000000001", "9223372036.854775807", guard.MoveResult{Bps: math.MaxInt64, Reason: far}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := guard.Move(500, val(c.last), val(c.median)); got != c.want {
				t.Fatalf("expected %+v, found %+v", c.want, got)
			}
		})
	}
}

func TestMoveIsTheExactOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last, median := anyAmount.Draw(t, "last"), anyAmount.Draw(t, "median")
		limit := rapid.Int64Range(0, 100_000).Draw(t, "limit")
		way := new(big.Int).Sub(bigOf(median), bigOf(last))
		way.Abs(way).Mul(way, big.NewInt(fixed.BpsScale))
		within := way.Cmp(new(big.Int).Mul(bigOf(last), big.NewInt(limit))) <= 0
		if got := guard.Move(limit, last, median); got.OK != within {
			t.Fatalf("from %s to %s, limit %d: expected %t, found %+v", last, median, limit, within, got)
		}
	})
}
