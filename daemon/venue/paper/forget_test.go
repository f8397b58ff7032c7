package paper

import (
	"context"
	"strconv"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

func TestTheVenueForgetsWhatIsLongFinished(t *testing.T) {
	ctx := context.Background()
	v := New(Config{}, 0, fixed.MustParse("1000"))
	price := fixed.MustParse("1")
	order := func(n int) venue.Order {
		side := core.Buy
		if n%2 == 1 {
			side = core.Sell
		}
		return venue.Order{ID: strconv.Itoa(n), Action: core.Action{Side: side, Qty: price, Limit: price, Reference: price}}
	}
	const many = 3 * remembered
	for n := range many {
		if a := v.Do(ctx, order(n)); a.Result != core.Filled {
			t.Fatalf("order %d: %+v", n, a)
		}
	}
	if len(v.orders) > 2*remembered || len(v.ids) != len(v.orders) {
		t.Fatalf("expected at most %d orders, found %d and %d ids", 2*remembered, len(v.orders), len(v.ids))
	}
	if a := v.Query(ctx, order(many-remembered)); a.Result != core.Filled {
		t.Fatalf("expected a recent order to be known, found %+v", a)
	}
	if a := v.Query(ctx, order(0)); a.Result != core.NotFound {
		t.Fatalf("expected the first order to be forgotten, found %+v", a)
	}
}
