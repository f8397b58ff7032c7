package kraken

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken/krakentest"
)

func TestTheAccountIsWhatNoOrderHoldsWithTheExchangesClock(t *testing.T) {
	m := newMarket(t, nil)
	at := m.clock.Now().UnixMilli()
	if got, want := m.venue.Account(m.ctx()), (core.Account{Base: val("1"), Quote: val("1000"), Server: at, Asked: at, Received: at}); got != want {
		t.Fatalf("expected %+v, found %+v", want, got)
	}
	m.server.Hold()
	if a := m.do(m.order(core.Sell, "0.4", "1990")); a.Result != core.Pending {
		t.Fatalf("%+v", a)
	}
	if got := m.venue.Account(m.ctx()); got.Base != val("0.6") {
		t.Fatalf("expected 0.6 free, found %+v", got)
	}
}

func TestBalancesAreNotReadMoreOftenThanTheExchangeTakes(t *testing.T) {
	m := newMarket(t, nil)
	for range 5 {
		m.venue.Account(m.ctx())
		m.clock.add(time.Second) // the 5th is 4 s after the 1st
	}
	if got := m.calls(); got != "BalanceEx BalanceEx" {
		t.Errorf("expected 2 reads in 5 s, found %q", got)
	}
	m.do(m.order(core.Buy, "0.01", "2001"))
	m.venue.Account(m.ctx())
	if got := m.calls(); got != "BalanceEx BalanceEx AddOrder QueryOrders BalanceEx" {
		t.Errorf("expected a read after an order, found %q", got)
	}
	m.clock.add(-time.Hour) // a clock that was set back must not keep an old balance for an hour
	m.venue.Account(m.ctx())
	if got := m.calls(); !strings.HasSuffix(got, "BalanceEx BalanceEx") {
		t.Errorf("expected a read, found %q", got)
	}
}

func TestAnAssetThatIsNotListedIsOneWeHaveNothingOf(t *testing.T) {
	m := newMarket(t, func(o *krakentest.Options) { delete(o.Balances, "XETH") })
	if got := m.venue.Account(m.ctx()); got.Err != "" || got.Base != 0 || got.Quote != val("1000") {
		t.Errorf("found %+v", got)
	}
}

func TestAPairThatIsNotAsConfiguredIsAnErrorUntilItIs(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*market)
		want   string
	}{
		"another base":     {func(m *market) { m.venue.config.BaseAsset = "ETH" }, "expected base ETH, quote ZUSD, 8 decimals of quantity, 2 of price and a lot multiplier of 1 as configured, found XETH, ZUSD, 8, 2, 1"},
		"another quote":    {func(m *market) { m.venue.config.QuoteAsset = "USD" }, "quote USD"},
		"finer quantities": {func(m *market) { m.venue.config.QuantityDecimals = 9 }, "9 decimals of quantity"},
		"finer prices":     {func(m *market) { m.venue.config.PriceDecimals = 3 }, "3 of price"},
		"an unknown pair":  {func(m *market) { m.venue.config.Pair = "XETHZEUR" }, "pair XETHZEUR: EQuery:Unknown asset pair"},
		"two pairs": {func(m *market) {
			m.server.Fail(krakentest.Fault{Method: "AssetPairs", Body: `{"error":[],"result":{"A":{},"B":{}}}`})
		}, "expected one description, found 2"},
		"a server that errs": {func(m *market) { m.server.Fail(krakentest.Fault{Method: "AssetPairs", Status: 503}) }, "expected status 200, found 503"},
		"no time": {func(m *market) {
			m.server.Fail(krakentest.Fault{Method: "Time", Body: `{"error":[],"result":{"rfc1123":"x"}}`})
		}, "time: expected Unix seconds, found 0"},
		"balances of no form": {func(m *market) {
			m.server.Fail(krakentest.Fault{Method: "BalanceEx", Body: `{"error":[],"result":{"XETH":{"balance":"many"}}}`})
		},
			"balance of XETH: "},
		"a negative balance": {func(m *market) {
			m.server.Fail(krakentest.Fault{Method: "BalanceEx", Body: `{"error":[],"result":{"XETH":{"balance":"-1"}}}`})
		},
			`balance of XETH: expected an amount of at least 0, found "-1"`},
		"a wrong key": {func(m *market) { put(m.t, m.config.KeyFile, "other") }, "balances: EAPI:Invalid key"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			test.change(m)
			for _, wantErr := range []bool{true, false} {
				got := m.venue.Account(m.ctx())
				if wantErr && (!strings.Contains(got.Err, test.want) || got.Base != 0) {
					t.Fatalf("expected an error with %q, found %+v", test.want, got)
				}
				if !wantErr && got.Err != "" {
					t.Fatalf("mended: found %+v", got)
				}
				m.venue.config = m.config
				put(t, m.config.KeyFile, testKey)
			}
		})
	}
}

func TestAnOrderIsFilledAsFarAsTheBookGoes(t *testing.T) {
	for name, test := range map[string]struct {
		side        core.Side
		qty, limit  string
		want        venue.Answer
		base, quote string
	}{
		"a buy at the best price": {core.Buy, "0.1", "2005", venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: val("0.1"), Price: val("2001"), Fee: val("0.52026")}}}, "1.1", "799.37974"},
		"a buy over two levels": {core.Buy, "0.000025", "2002.009", venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: val("0.000025"), Price: val("2001.2"), Fee: val("0.00013")}}},
			"1.000025", "999.94984"},
		"a sell":                     {core.Sell, "0.5", "1998.999", venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: val("0.5"), Price: val("1999"), Fee: val("2.5987")}}}, "0.5", "1996.9013"},
		"a buy that finds nobody":    {core.Buy, "0.1", "2000.99", venue.Answer{Result: core.Cancelled, Reason: "canceled: IOC order canceled"}, "1", "1000"},
		"a sell that finds nobody":   {core.Sell, "0.1", "1999.001", venue.Answer{Result: core.Cancelled, Reason: "canceled: IOC order canceled"}, "1", "1000"},
		"a sell at any price":        {core.Sell, "0.1", "0", venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: val("0.1"), Price: val("1999"), Fee: val("0.51974")}}}, "0.9", "1199.38026"},
		"a buy of more than is paid": {core.Buy, "0.6", "2005", venue.Answer{Result: core.Refused, Reason: "EOrder:Insufficient funds"}, "1", "1000"},
		"a quantity finer than the pair's is rounded down": {core.Buy, "0.100000009", "2005", venue.Answer{Result: core.Filled, Fills: []core.Fill{{Qty: val("0.1"), Price: val("2001"), Fee: val("0.52026")}}}, "1.1", "799.37974"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			if name == "a buy over two levels" {
				m.server.SetBook(nil, []krakentest.Level{{Price: val("2001"), Qty: val("0.00002")}, {Price: val("2002"), Qty: val("1")}})
			}
			if got := m.do(m.order(test.side, test.qty, test.limit)); !reflect.DeepEqual(got, test.want) {
				t.Errorf("expected %+v\nfound    %+v", test.want, got)
			}
			if base, quote := m.server.Balance("XETH"), m.server.Balance("ZUSD"); base != val(test.base) || quote != val(test.quote) {
				t.Errorf("expected %s and %s at the exchange, found %s and %s", test.base, test.quote, base, quote)
			}
		})
	}
}

func TestASellOfADustyPartIsFilledInPart(t *testing.T) {
	m := newMarket(t, nil)
	m.server.SetBook([]krakentest.Level{{Price: val("1999"), Qty: val("0.2")}}, nil)
	got := m.do(m.order(core.Sell, "0.5", "1990"))
	if got.Result != core.Partial || len(got.Fills) != 1 || got.Fills[0].Qty != val("0.2") || got.Reason == "" {
		t.Errorf("found %+v", got)
	}
}

func TestAnOrderSaysEverythingThatBoundsIt(t *testing.T) {
	m := newMarket(t, nil)
	o := m.order(core.Buy, "0.1", "2005.019")
	m.do(o)
	want := "AddOrder cl_ord_id=" + o.ID + "&deadline=2023-11-14T22%3A13%3A41.000Z&oflags=fciq&ordertype=limit&pair=XETHZUSD&price=2005.01&timeinforce=IOC&type=buy&volume=0.1"
	if got := m.server.Log()[0]; got != want {
		t.Errorf("expected %s\nfound    %s", want, got)
	}
	o = m.order(core.Sell, "0.1", "1990.001")
	o.Expires = 0 // as late as the exchange takes
	m.do(o)
	if got := m.server.Log()[2]; !strings.Contains(got, "price=1990.01&") || !strings.Contains(got, "deadline=2023-11-14T22%3A14%3A16.000Z") {
		t.Errorf("expected a limit that is rounded up, and a deadline in 55 s; found %s", got)
	}
}

func TestWhatCannotBeSentIsNotSent(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*venue.Order)
		want   string
	}{
		"a burn":                      {func(o *venue.Order) { o.Side = core.Burn }, "nothing can be burned at the exchange"},
		"a side that is none":         {func(o *venue.Order) { o.Side = "short" }, `expected buy or sell, found "short"`},
		"an id that is too short":     {func(o *venue.Order) { o.ID = "abc" }, `expected a client order id of 32 hex digits, found "abc"`},
		"an id of other characters":   {func(o *venue.Order) { o.ID = strings.Repeat("G", 32) }, "expected a client order id of 32 hex digits"},
		"less than the smallest":      {func(o *venue.Order) { o.Qty = val("0.000000009") }, "expected a quantity of at least 0.00000001, found 0.000000009"},
		"less than nothing":           {func(o *venue.Order) { o.Qty = -1 }, "expected a quantity of at least"},
		"a buy for nothing":           {func(o *venue.Order) { o.Limit = val("0.009") }, "expected a limit of at least 0.01, found 0.009"},
		"a sell beyond all":           {func(o *venue.Order) { o.Side, o.Limit = core.Sell, fixed.Max }, "expected a limit of at least"},
		"what expires too soon":       {func(o *venue.Order) { o.Expires -= 17_501 }, "it expires in 2.499s, and the exchange takes no deadline in less than 2.5s"},
		"what has expired long since": {func(o *venue.Order) { o.Expires = 1 }, "it expires in -"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			o := m.order(core.Buy, "0.1", "2005")
			test.change(&o)
			got := m.do(o)
			if got.Result != core.Refused || !strings.HasPrefix(got.Reason, "not sent: ") || !strings.Contains(got.Reason, test.want) {
				t.Errorf("expected it not sent for %q, found %+v", test.want, got)
			}
			if m.calls() != "" {
				t.Errorf("expected no call, found %q", m.calls())
			}
		})
	}
}

// TestOnlyACertainRefusalIsOne: each way in which a call can fail, with and without the order having been executed. What was executed is found by
// the next question, once; what was not is known not to be there when the exchange would have dropped it.
func TestOnlyACertainRefusalIsOne(t *testing.T) {
	for name, test := range map[string]struct {
		fault  krakentest.Fault
		result core.Result
		reason string
		replay bool
	}{
		"the connection is reset":            {krakentest.Fault{Cut: true}, core.Ambiguous, "", false},
		"a bad gateway":                      {krakentest.Fault{Status: http.StatusBadGateway}, core.Ambiguous, "expected status 200, found 502", false},
		"asked too often, says the gateway":  {krakentest.Fault{Status: http.StatusTooManyRequests}, core.Ambiguous, "expected status 200, found 429", false},
		"an error of the gateway's own":      {krakentest.Fault{Status: 520}, core.Ambiguous, "expected status 200, found 520", false},
		"away for maintenance":               {krakentest.Fault{Status: http.StatusServiceUnavailable}, core.Ambiguous, "expected status 200, found 503", false},
		"locked out for a while":             {krakentest.Fault{Errors: []string{"EGeneral:Temporary lockout"}}, core.Refused, "EGeneral:Temporary lockout", false},
		"a signature that is wrong":          {krakentest.Fault{Errors: []string{"EAPI:Invalid signature"}}, core.Refused, "EAPI:Invalid signature", false},
		"forbidden, says the gateway":        {krakentest.Fault{Status: http.StatusForbidden}, core.Ambiguous, "expected status 200, found 403", false},
		"a redirect":                         {krakentest.Fault{Status: http.StatusTemporaryRedirect}, core.Ambiguous, "expected status 200, found 307", false},
		"no JSON":                            {krakentest.Fault{Body: "<html>maintenance</html>"}, core.Ambiguous, "expected an answer in JSON", false},
		"half of an answer":                  {krakentest.Fault{Body: `{"error":[],"result":{"txid":["O`}, core.Ambiguous, "expected an answer in JSON", false},
		"an answer without errors":           {krakentest.Fault{Body: `{"result":{"txid":["O"]}}`}, core.Ambiguous, "found no list of errors", false},
		"an answer without a result":         {krakentest.Fault{Body: `{"error":[]}`}, core.Ambiguous, "expected a result of the documented form", false},
		"an answer without a name":           {krakentest.Fault{Body: `{"error":[],"result":{"descr":{"order":"x"}}}`}, core.Ambiguous, "expected the exchange's name of the order, found 0", false},
		"a result of another form":           {krakentest.Fault{Body: `{"error":[],"result":{"txid":"O"}}`}, core.Ambiguous, "expected a result of the documented form", false},
		"an endless answer":                  {krakentest.Fault{Body: `{"error":[],"pad":"` + strings.Repeat("x", maxAnswerBytes) + `"}`}, core.Ambiguous, "expected an answer of at most", false},
		"the engine is away":                 {krakentest.Fault{Errors: []string{"EService:Unavailable"}}, core.Ambiguous, "EService:Unavailable", false},
		"busy":                               {krakentest.Fault{Errors: []string{"EService:Busy"}}, core.Ambiguous, "EService:Busy", false},
		"timed out within":                   {krakentest.Fault{Errors: []string{"EService:Timeout"}}, core.Ambiguous, "EService:Timeout", false},
		"the deadline is over":               {krakentest.Fault{Errors: []string{"EService:Deadline elapsed"}}, core.Ambiguous, "EService:Deadline elapsed", false},
		"an internal error":                  {krakentest.Fault{Errors: []string{"EGeneral:Internal error"}}, core.Ambiguous, "EGeneral:Internal error", false},
		"an error that nobody knows":         {krakentest.Fault{Errors: []string{"EOrder:Something new"}}, core.Ambiguous, "EOrder:Something new", false},
		"a certain error beside one":         {krakentest.Fault{Errors: []string{"EOrder:Insufficient funds", "EService:Timeout"}}, core.Ambiguous, "EOrder:Insufficient funds, EService:Timeout", false},
		"an error beside a result":           {krakentest.Fault{Body: `{"error":["EOrder:Insufficient funds"],"result":{"txid":["O1"]}}`}, core.Ambiguous, "EOrder:Insufficient funds", false},
		"an id that is there already":        {krakentest.Fault{Errors: []string{"EOrder:Duplicate client order id"}}, core.Ambiguous, "EOrder:Duplicate client order id", true},
		"no funds":                           {krakentest.Fault{Errors: []string{"EOrder:Insufficient funds"}}, core.Refused, "EOrder:Insufficient funds", false},
		"too small":                          {krakentest.Fault{Errors: []string{"EOrder:Order minimum not met"}}, core.Refused, "EOrder:Order minimum not met", false},
		"asked too often":                    {krakentest.Fault{Errors: []string{"EAPI:Rate limit exceeded"}}, core.Refused, "EAPI:Rate limit exceeded", false},
		"too many orders":                    {krakentest.Fault{Errors: []string{"EOrder:Rate limit exceeded"}}, core.Refused, "EOrder:Rate limit exceeded", false},
		"throttled":                          {krakentest.Fault{Errors: []string{"EService:Throttled:1700000000"}}, core.Refused, "EService:Throttled:1700000000", false},
		"a market that only cancels":         {krakentest.Fault{Errors: []string{"EService:Market in cancel_only mode"}}, core.Refused, "EService:Market in cancel_only mode", false},
		"a nonce that was used":              {krakentest.Fault{Errors: []string{"EAPI:Invalid nonce"}}, core.Refused, "EAPI:Invalid nonce", true},
		"no right to trade":                  {krakentest.Fault{Errors: []string{"EGeneral:Permission denied"}}, core.Refused, "EGeneral:Permission denied", false},
		"a bad argument":                     {krakentest.Fault{Errors: []string{"EGeneral:Invalid arguments:deadline"}}, core.Refused, "EGeneral:Invalid arguments:deadline", false},
		"a key that it repeats":              {krakentest.Fault{Errors: []string{"EAPI:Invalid key:" + testKey}}, core.Refused, "EAPI:Invalid key:(key)", false},
		"an error of unprintable characters": {krakentest.Fault{Errors: []string{"EAPI:Invalid key\n\x1b[31m\u202e" + strings.Repeat("x", 500)}}, core.Refused, "EAPI:Invalid key??[31m?" + strings.Repeat("x", 80), false},
		"a warning beside nothing":           {krakentest.Fault{Body: `{"error":["WGeneral:Slow"],"result":{}}`}, core.Ambiguous, "expected a result of the documented form", false},
	} {
		for _, executed := range []bool{false, true} {
			if executed && test.result == core.Refused {
				continue // it says that it was not
			}
			t.Run(name+map[bool]string{false: ", not executed", true: ", executed"}[executed], func(t *testing.T) {
				m := newMarket(t, nil)
				fault := test.fault
				fault.Method, fault.Unexecuted = "AddOrder", !executed
				m.server.Fail(fault)
				o := m.order(core.Buy, "0.1", "2005")
				got := m.do(o)
				if got.Result != test.result || !strings.Contains(got.Reason, test.reason) || got.Reason == "" || got.Replay != test.replay || got.Fills != nil {
					t.Fatalf("expected %s for %q, found %+v", test.result, test.reason, got)
				}
				if test.result == core.Refused {
					return
				}
				// The same order again is a question, never a second order.
				for range 2 {
					again := m.do(o)
					if want := map[bool]core.Result{true: core.Filled, false: core.Pending}[executed]; again.Result != want {
						t.Fatalf("asked again: expected %s, found %+v", want, again)
					}
				}
				m.clock.add(30*time.Second - time.Millisecond) // 20 s of the order, and 10 of the lists; the exchange tells whole seconds
				if got := m.venue.Query(m.ctx(), o); !executed && got.Result != core.Pending {
					t.Fatalf("before it would be dropped: found %+v", got)
				}
				m.clock.add(time.Second)
				if got := m.venue.Query(m.ctx(), o); !executed && got.Result != core.NotFound || executed && got.Result != core.Filled {
					t.Fatalf("when it is dropped: found %+v", got)
				}
				if orders := m.server.Orders(); len(orders) > 1 || executed != (len(orders) == 1) {
					t.Fatalf("found %d orders at the exchange", len(orders))
				}
			})
		}
	}
}

func TestAServerThatIsNotThereRefusesAndOneThatIsSlowDoesNot(t *testing.T) {
	m := newMarket(t, nil)
	m.http.Close()
	if got := m.do(m.order(core.Buy, "0.1", "2005")); got.Result != core.Refused || got.Reason != "not sent: connection refused" {
		t.Errorf("nobody listens: found %+v", got)
	}
	m = newMarket(t, nil)
	m.venue.client.url = "http://no-such-host.invalid"
	if got := m.do(m.order(core.Buy, "0.1", "2005")); got.Result != core.Refused || !strings.Contains(got.Reason, "not sent: ") {
		t.Errorf("no such host: found %+v", got)
	}
	m = newMarket(t, nil)
	release := make(chan struct{})
	m.server.Fail(krakentest.Fault{Method: "AddOrder", Before: func() { <-release }})
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	o := m.order(core.Buy, "0.1", "2005")
	if got := m.venue.Do(ctx, o); got.Result != core.Ambiguous || got.Reason != "no answer in time" {
		t.Errorf("no answer: found %+v", got)
	}
	// It arrives after the question for it: the exchange takes no nonce below the last one.
	if got := m.venue.Query(m.ctx(), o); got.Result != core.Pending {
		t.Errorf("not there yet: found %+v", got)
	}
	close(release)
	m.http.Close() // waits for it
	if n := len(m.server.Orders()); n != 0 {
		t.Errorf("expected no order, found %d", n)
	}
}

// TestAConnectionThatWasClosedWhileIdleDoesNotMakeAnOrderAmbiguous: nothing was written to it.
func TestAConnectionThatWasClosedWhileIdleDoesNotMakeAnOrderAmbiguous(t *testing.T) {
	m := newMarket(t, nil)
	for i := range 5 {
		if got := m.venue.Account(m.ctx()); got.Err != "" {
			t.Fatal(got.Err)
		}
		m.http.CloseClientConnections()
		if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Filled && got.Result != core.Ambiguous {
			t.Fatalf("order %d: found %+v", i, got)
		}
	}
	if n := len(m.server.Orders()); n > 5 {
		t.Errorf("expected at most 5 orders, found %d", n)
	}
}

func TestAnOrderIsFoundByItsIDAfterARestart(t *testing.T) {
	for _, long := range []bool{false, true} {
		m := newMarket(t, func(o *krakentest.Options) { o.LongIDs = long })
		o := m.order(core.Buy, "0.1", "2005")
		first := m.do(o)
		m.do(m.order(core.Buy, "0.02", "2005"))
		m.restart()
		if got := m.venue.Query(m.ctx(), o); !reflect.DeepEqual(got, first) || got.Result != core.Filled {
			t.Errorf("long ids %t: expected %+v, found %+v", long, first, got)
		}
		o.Told = core.Told{Qty: val("0.1"), Notional: val("200.1"), Fee: val("0.52026")}
		if got := m.venue.Query(m.ctx(), o); got.Result != core.Filled || got.Fills != nil {
			t.Errorf("all told: found %+v", got)
		}
	}
}

func TestAnOrderThatTheListsDoNotShowYetIsNotLost(t *testing.T) {
	m := newMarket(t, nil)
	m.server.Hide(1)
	o := m.order(core.Buy, "0.1", "2005")
	if got := m.do(o); got.Result != core.Pending || !strings.Contains(got.Reason, "accepted") {
		t.Fatalf("found %+v", got)
	}
	for range 20 {
		if got := m.venue.Query(m.ctx(), o); got.Result != core.Pending {
			t.Fatalf("found %+v", got)
		}
		m.clock.add(time.Second)
	}
	m.server.Hide(0)
	if got := m.venue.Query(m.ctx(), o); got.Result != core.Filled || len(got.Fills) != 1 {
		t.Fatalf("found %+v", got)
	}
}

func TestAQuestionThatIsNotAnsweredIsNoAnswer(t *testing.T) {
	for name, fault := range map[string]krakentest.Fault{
		"the open orders":                     {Method: "OpenOrders", Status: 500},
		"the closed orders":                   {Method: "ClosedOrders", Errors: []string{"EService:Unavailable"}, Unexecuted: true},
		"asked too often":                     {Method: "OpenOrders", Errors: []string{"EAPI:Rate limit exceeded"}, Unexecuted: true},
		"a list of another form":              {Method: "ClosedOrders", Body: `{"error":[],"result":{"closed":[]}}`},
		"the time, of one that does not show": {Method: "Time", Status: 500},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			o := m.order(core.Buy, "0.1", "2005")
			m.clock.add(time.Hour)
			m.server.Fail(fault)
			if got := m.venue.Query(m.ctx(), o); got.Result != core.Ambiguous || got.Reason == "" {
				t.Errorf("found %+v", got)
			}
			if got := m.venue.Query(m.ctx(), o); got.Result != core.NotFound {
				t.Errorf("answered: found %+v", got)
			}
		})
	}
}

func TestTwoOrdersUnderOneIDAreLeftToAPerson(t *testing.T) {
	m := newMarket(t, nil)
	o := m.order(core.Buy, "0.1", "2005")
	m.do(o)
	m.restart()
	m.do(o) // the exchange takes the id of a closed order again: only that nobody sends it twice prevents it
	if n := len(m.server.Orders()); n != 2 {
		t.Fatalf("expected the exchange to take it twice, found %d", n)
	}
	if got := m.venue.Query(m.ctx(), o); got.Result != core.Ambiguous || !got.Replay || !strings.Contains(got.Reason, "2 orders under our id") {
		t.Errorf("found %+v", got)
	}
}

func TestAnExitOfUnknownTimeIsNotThereWhenTheListsHadTime(t *testing.T) {
	m := newMarket(t, nil)
	o := m.order(core.Sell, "0.1", "1990")
	o.Expires = 0
	if got := m.venue.Query(m.ctx(), o); got.Result != core.Pending {
		t.Errorf("just started: found %+v", got)
	}
	m.clock.add(listsLag)
	if got := m.venue.Query(m.ctx(), o); got.Result != core.NotFound {
		t.Errorf("found %+v", got)
	}
}

func TestALiveOrderIsTakenBack(t *testing.T) {
	m := newMarket(t, nil)
	m.server.Hold()
	o := m.order(core.Sell, "0.1", "1990")
	m.do(o)
	if got := m.venue.Cancel(m.ctx(), o); got.Result != core.Cancelled || got.Reason != "canceled: User requested" {
		t.Errorf("found %+v", got)
	}
	if got := m.venue.Cancel(m.ctx(), o); got.Result != core.Cancelled {
		t.Errorf("again: found %+v", got)
	}
	m.server.Resume()
	o = m.order(core.Sell, "0.1", "1990")
	m.do(o)
	if got := m.venue.Cancel(m.ctx(), o); got.Result != core.Filled || len(got.Fills) != 1 {
		t.Errorf("too late: found %+v", got)
	}
	m.server.Hold()
	o = m.order(core.Sell, "0.1", "1990")
	m.do(o)
	m.server.Fail(krakentest.Fault{Method: "CancelOrder", Errors: []string{"EService:Unavailable"}, Unexecuted: true})
	if got := m.venue.Cancel(m.ctx(), o); got.Result != core.Pending || !strings.Contains(got.Reason, "cancel: EService:Unavailable") {
		t.Errorf("not answered: found %+v", got)
	}
}

func TestTheDeadMansSwitchIsRenewedFourTimesAsOftenAsItMustBe(t *testing.T) {
	m := newMarket(t, nil)
	for range 61 {
		if err := m.venue.Renew(m.ctx()); err != nil {
			t.Fatal(err)
		}
		m.clock.add(time.Second)
	}
	if got := m.server.Renewals(); got != 5 { // at 0, 15, 30, 45 and 60 s
		t.Errorf("expected 5 renewals in 60 s, found %d", got)
	}
	m.server.Hold()
	o := m.order(core.Sell, "0.1", "1990")
	m.do(o)
	m.clock.add(61 * time.Second) // nobody renews
	if got := m.venue.Query(m.ctx(), o); got.Result != core.Cancelled || got.Reason != "canceled: Dead man's switch" {
		t.Errorf("found %+v", got)
	}
	m.server.Fail(krakentest.Fault{Method: "CancelAllOrdersAfter", Status: 503})
	if err := m.venue.Renew(m.ctx()); err == nil || !strings.Contains(err.Error(), "dead man's switch: expected status 200, found 503") {
		t.Errorf("found %v", err)
	}
	if err := m.venue.Renew(m.ctx()); err != nil {
		t.Errorf("after a failure: expected another try at once, found %v", err)
	}
	m.server.Fail(krakentest.Fault{Method: "CancelAllOrdersAfter", Body: `{"error":[],"result":{"currentTime":"x","triggerTime":"0"}}`})
	m.clock.add(time.Minute)
	if err := m.venue.Renew(m.ctx()); err == nil || !strings.Contains(err.Error(), "expected a time at which it triggers") {
		t.Errorf("not set: found %v", err)
	}
	before := m.server.Renewals()
	m.venue.config.DeadMan = 0
	if err := m.venue.Renew(m.ctx()); err != nil || m.server.Renewals() != before {
		t.Errorf("switched off: found %v, %d renewals", err, m.server.Renewals()-before)
	}
}

// TestEachErrorOfARead: what cannot be read is an error that says why, and after a limit nothing is read for a while.
func TestEachErrorOfARead(t *testing.T) {
	for name, test := range map[string]struct {
		fault   krakentest.Fault
		want    string
		limited bool
	}{
		"asked too often":               {krakentest.Fault{Errors: []string{"EAPI:Rate limit exceeded"}}, "balances: EAPI:Rate limit exceeded", true},
		"asked too often, by a gateway": {krakentest.Fault{Status: http.StatusTooManyRequests}, "balances: expected status 200, found 429", true},
		"locked out for a while":        {krakentest.Fault{Errors: []string{"EGeneral:Temporary lockout"}}, "balances: EGeneral:Temporary lockout", true},
		"throttled":                     {krakentest.Fault{Errors: []string{"EService:Throttled:1700000000"}}, "balances: EService:Throttled:1700000000", true},
		"unavailable":                   {krakentest.Fault{Errors: []string{"EService:Unavailable"}}, "balances: EService:Unavailable", false},
		"busy":                          {krakentest.Fault{Errors: []string{"EService:Busy"}}, "balances: EService:Busy", false},
		"a nonce that was used":         {krakentest.Fault{Errors: []string{"EAPI:Invalid nonce"}}, "balances: EAPI:Invalid nonce", false},
		"a key that was revoked":        {krakentest.Fault{Errors: []string{"EAPI:Invalid key"}}, "balances: EAPI:Invalid key", false},
		"no right to ask":               {krakentest.Fault{Errors: []string{"EGeneral:Permission denied"}}, "balances: EGeneral:Permission denied", false},
		"an internal error":             {krakentest.Fault{Errors: []string{"EGeneral:Internal error"}}, "balances: EGeneral:Internal error", false},
		"an error of the gateway's own": {krakentest.Fault{Status: 520}, "balances: expected status 200, found 520", false},
		"away for maintenance":          {krakentest.Fault{Status: http.StatusServiceUnavailable}, "balances: expected status 200, found 503", false},
		"a page about maintenance":      {krakentest.Fault{Body: "<html>maintenance</html>"}, "balances: expected an answer in JSON", false},
		"a reset":                       {krakentest.Fault{Cut: true}, "balances: ", false},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMarket(t, nil)
			fault := test.fault
			fault.Method, fault.Unexecuted = "BalanceEx", true
			m.server.Fail(fault)
			if got := m.venue.Account(m.ctx()); !strings.HasPrefix(got.Err, test.want) || got.Base != 0 || got.Quote != 0 {
				t.Fatalf("expected %q and no balances, found %+v", test.want, got)
			}
			before := len(m.server.Log())
			again := m.venue.Account(m.ctx())
			if paused := strings.HasPrefix(again.Err, "asked too often: no question before "); paused != test.limited || (len(m.server.Log()) == before) != test.limited {
				t.Errorf("at once: expected to wait %t, found %+v", test.limited, again)
			}
			m.clock.add(limitedPause)
			if got := m.venue.Account(m.ctx()); got.Err != "" || got.Base != val("1") {
				t.Errorf("after the pause: found %+v", got)
			}
		})
	}
}

func TestAfterALimitNothingIsReadForAWhileAndOrdersDoNotWait(t *testing.T) {
	m := newMarket(t, func(o *krakentest.Options) { o.Calls, o.CallsPerSecond = 2, 0.33 })
	m.venue.Account(m.ctx())
	m.clock.add(4 * time.Second)
	m.venue.Account(m.ctx())
	m.server.Fail(krakentest.Fault{Method: "BalanceEx", Errors: []string{"EAPI:Rate limit exceeded"}})
	m.clock.add(4 * time.Second)
	if got := m.venue.Account(m.ctx()); got.Err != "balances: EAPI:Rate limit exceeded" {
		t.Fatalf("found %+v", got)
	}
	before := m.calls()
	m.clock.add(9 * time.Second)
	if got := m.venue.Account(m.ctx()); !strings.HasPrefix(got.Err, "asked too often: no question before ") {
		t.Fatalf("found %+v", got)
	}
	if err := m.venue.Renew(m.ctx()); err == nil || !strings.Contains(err.Error(), "asked too often") {
		t.Fatalf("found %v", err)
	}
	if m.calls() != before {
		t.Errorf("expected no call, found %s", m.calls())
	}
	if got := m.do(m.order(core.Sell, "0.1", "1990")); got.Result != core.Filled {
		t.Errorf("an exit must not wait: found %+v", got)
	}
	m.clock.add(2 * time.Second)
	if got := m.venue.Account(m.ctx()); got.Err != "" {
		t.Errorf("after the pause: found %+v", got)
	}
}

func TestOrdersSinceATimeAreNamedOpenOrClosedOverAllPages(t *testing.T) {
	m := newMarket(t, func(o *krakentest.Options) { o.LongIDs = true; o.Balances["ZUSD"] = val("100000") })
	m.server.SetBook(nil, []krakentest.Level{{Price: val("2001"), Qty: val("100")}})
	var want []string
	var since int64
	for i := range 130 {
		m.clock.add(time.Second)
		o := m.order(core.Buy, "0.01", "2005")
		o.ID = strings.Repeat("0", 28) + string([]byte{"0123456789"[i/100], "0123456789"[i/10%10], "0123456789"[i%10], 'a'})
		if i == 129 {
			m.server.Hold()
		}
		m.do(o)
		if i == 10 {
			since = m.clock.Now().UnixMilli()
		}
		if i >= 10 {
			want = append(want, o.ID)
		}
	}
	got, err := m.venue.OrdersSince(m.ctx(), since)
	slices.Sort(got)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("expected %d ids, found %d, %v", len(want), len(got), err)
	}
	if got, err := m.venue.OrdersSince(m.ctx(), m.clock.Now().UnixMilli()+1); err != nil || len(got) != 0 {
		t.Errorf("none since: found %v, %v", got, err)
	}
	if got, err := m.venue.OrdersSince(m.ctx(), 0); err != nil || len(got) != 130 {
		t.Errorf("all: found %d, %v", len(got), err)
	}
	for _, method := range []string{"OpenOrders", "ClosedOrders"} {
		m.server.Fail(krakentest.Fault{Method: method, Status: 500})
		if got, err := m.venue.OrdersSince(m.ctx(), 0); err == nil || got != nil {
			t.Errorf("%s fails: expected an error, found %v", method, got)
		}
	}
}

func TestRotatedCredentialsAreTakenUpAtOnceAndLostOnesAreMissedByNobody(t *testing.T) {
	m := newMarket(t, nil)
	m.venue.Account(m.ctx())
	for _, file := range []string{m.config.KeyFile, m.config.SecretFile} {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Filled {
			t.Fatalf("without %s: expected the last good credentials, found %+v", file, got)
		}
	}
	put(t, m.config.KeyFile, "ANOTHER")
	put(t, m.config.SecretFile, testSecret)
	if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Refused || got.Reason != "EAPI:Invalid key" {
		t.Fatalf("another key: found %+v", got)
	}
	put(t, m.config.KeyFile, testKey)
	if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Filled {
		t.Fatalf("the key again: found %+v", got)
	}
	if err := os.Remove(m.config.KeyFile); err != nil {
		t.Fatal(err)
	}
	if _, err := New(m.config, m.clock.Now); err == nil || !strings.Contains(err.Error(), m.config.KeyFile) {
		t.Errorf("at the start: expected an error that names the file, found %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("found a request for %s with %s", r.URL, r.Header.Get("API-Key"))
	}))
	t.Cleanup(other.Close)
	m := newMarket(t, nil)
	redirect := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusPermanentRedirect))
	t.Cleanup(redirect.Close)
	m.venue.client.url = redirect.URL
	if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Ambiguous || got.Reason != "expected status 200, found 308" {
		t.Errorf("found %+v", got)
	}
}

func TestANonceThatIsBehindTheExchangesIsAReplayUntilTheClockIsPastIt(t *testing.T) {
	m := newMarket(t, nil)
	m.venue.Account(m.ctx())
	m.clock.add(-time.Minute) // and the process restarts
	m.restart()
	if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Refused || !got.Replay {
		t.Errorf("found %+v", got)
	}
	if got := m.venue.Account(m.ctx()); got.Err != "balances: EAPI:Invalid nonce" {
		t.Errorf("found %+v", got)
	}
	m.clock.add(time.Minute + time.Second)
	if got := m.do(m.order(core.Buy, "0.01", "2005")); got.Result != core.Filled {
		t.Errorf("past it: found %+v", got)
	}
}
