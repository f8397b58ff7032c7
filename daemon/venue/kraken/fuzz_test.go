package kraken

import (
	"reflect"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
)

// FuzzAnswer: whatever the exchange answers to a question for an order, it is read without a panic, nothing is final that is not of the documented
// form, fills are within the order, and no text that leaves has a character that a terminal would act on.
func FuzzAnswer(f *testing.F) {
	for _, seed := range []string{
		`{"error":[],"result":{"closed":{"O1":{"cl_ord_id":"` + strings.Repeat("ab", 16) + `","status":"closed","descr":{"type":"buy","ordertype":"limit"},"vol":"0.02","vol_exec":"0.02","cost":"40.004","fee":"0.1","oflags":"fciq"}}}}`,
		`{"error":[],"result":{"closed":{"O1":{"cl_ord_id":"abababab-abab-abab-abab-abababababab","status":"canceled","descr":{"type":"buy","ordertype":"limit"},"vol":0.02,"vol_exec":0.01,"cost":20.002,"fee":1e-2,"oflags":"post,fciq"}},"count":1}}`,
		`{"error":["EService:Unavailable"]}`, `{"error":["WGeneral:x","EAPI:Invalid nonce"],"result":null}`, `{"error":null}`, `{"error":[],"result":{}}`, `{"error":{}}`, `[]`, ``, `null`, `{"error":[],"result":{"closed":null}}`,
		`{"error":[],"result":{"closed":{"O1":{"vol":"-1","vol_exec":"99999999999999999999","cost":"1e400","fee":"NaN"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var list closedOrders
		if failed := decode(body, &list); failed != nil {
			a := failed.answer()
			if a.Result.Final() != failed.refused || a.Reason == "" || a.Fills != nil {
				t.Fatalf("%q: found %+v", body, a)
			}
			plain(t, body, a.Reason)
			return
		}
		o, _ := bought()
		for _, x := range list.Closed {
			if _, err := x.OpenTime.down(); err != nil {
				plain(t, body, err.Error())
			}
			a := settle(o, &x, 8)
			plain(t, body, a.Reason)
			switch {
			case len(a.Fills) > 1 || len(a.Fills) == 1 && !a.Result.Final():
				t.Fatalf("%q: found %+v", body, a)
			case len(a.Fills) == 0:
				continue
			}
			fill := a.Fills[0]
			if fill.Qty <= 0 || fill.Qty > o.Qty || fill.Price < 0 || fill.Fee < 0 || (a.Result == core.Filled) != (fill.Qty == o.Qty) {
				t.Fatalf("%q: found %+v", body, a)
			}
		}
		var balances map[string]balance
		if decode(body, &balances) == nil {
			for _, b := range balances {
				if v, err := b.free(); err == nil && v < 0 {
					t.Fatalf("%q: a balance of %s", body, v)
				}
			}
		}
		for _, into := range []any{new(serverTime), new(map[string]pair), new(placed), new(cancelled), new(openOrders)} {
			if failed := decode(body, into); failed != nil {
				plain(t, body, failed.text)
			} else if reflect.ValueOf(into).IsNil() {
				t.Fatal("decoded into nothing")
			}
		}
	})
}

func plain(t *testing.T, body []byte, text string) {
	t.Helper()
	for _, r := range text {
		if r < ' ' || r > '~' {
			t.Fatalf("%q: a text with %q: %q", body, r, text)
		}
	}
	if len(text) > 2000 && len(body) < 2000 {
		t.Fatalf("%q: a text of %d bytes", body, len(text))
	}
}
