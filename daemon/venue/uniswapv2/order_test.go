package uniswapv2

import (
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"testing"

	"github.com/ethereum/go-ethereum/accounts/abi"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/common/hexutil"
	"github.com/ethereum/go-ethereum/core/types"
	"github.com/ethereum/go-ethereum/crypto"
	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
)

func val(s string) fixed.Value { return fixed.MustParse(s) }

func whole(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

// testKey is the private key of EIP-155's example.
var testKey, _ = crypto.HexToECDSA("4646464646464646464646464646464646464646464646464646464646464646")

func testMarket(baseDecimals, quoteDecimals uint8) *market {
	dead := common.HexToAddress("0xdead")
	return &market{
		chainID: big.NewInt(1), router: common.HexToAddress("0x10"), base: common.HexToAddress("0x20"), quote: common.HexToAddress("0x30"),
		account: crypto.PubkeyToAddress(testKey.PublicKey), burnTo: &dead, baseDecimals: baseDecimals, quoteDecimals: quoteDecimals,
	}
}

func testTicket(m *market) *ticket {
	return &ticket{nonce: 7, tip: big.NewInt(1_000_000_000), price: big.NewInt(30_000_000_000), gas: 500_000, block: 19_000_000, feeBuy: 30, feeSell: 30, venue: m.fingerprint()}
}

func order(m *market, side core.Side, qty, limit string) *venue.Order {
	return &venue.Order{ID: "id", Action: core.Action{
		Side: side, Qty: val(qty), Limit: val(limit), Reference: val("2000"), Expires: 1_700_000_000_999, Ticket: testTicket(m).String(),
	}}
}

func TestATicketIsReadAsItWasWrittenAndNothingElseIs(t *testing.T) {
	m := testMarket(18, 6)
	text := testTicket(m).String()
	if got, err := parseTicket(text); err != nil || got.String() != text || got.nonce != 7 || got.price.Int64() != 30_000_000_000 || got.feeSell != 30 {
		t.Fatalf("found %+v %v", got, err)
	}
	for _, bad := range []string{"x", text + " ", " " + text, text + " gas=1", strings.Replace(text, "nonce=7", "nonce=07", 1), strings.Replace(text, "nonce=7", "nonce=-7", 1), strings.Replace(text, "tip=", "tips=", 1)} {
		if _, err := parseTicket(bad); err == nil || errors.Is(err, errNoTicket) {
			t.Errorf("%q: found %v", bad, err)
		}
	}
	if _, err := parseTicket(""); !errors.Is(err, errNoTicket) {
		t.Errorf("found %v", err)
	}
}

func TestFeesCoverABaseFeeThatDoublesUpToTheCap(t *testing.T) {
	g := func(n int64) *big.Int { return new(big.Int).Mul(big.NewInt(n), gwei) }
	waiting := &ticket{tip: g(4), price: g(80)}
	for _, c := range []struct {
		name            string
		base, tip, most int64
		replaced        *ticket
		wantTip, want   *big.Int
	}{
		{"twice the base fee and the tip", 20, 2, 100, nil, g(2), g(42)},
		{"never more than the cap", 60, 2, 100, nil, g(2), g(100)},
		{"a tip above the cap is cut", 1, 200, 100, nil, g(100), g(100)},
		{"a fourth more than a transaction that waits", 20, 2, 200, waiting, new(big.Int).Add(g(5), big.NewInt(1)), new(big.Int).Add(g(100), big.NewInt(1))},
		{"a market that is dearer anyhow counts", 200, 9, 1000, waiting, g(9), g(409)},
		{"but never more than the cap", 20, 2, 90, waiting, new(big.Int).Add(g(5), big.NewInt(1)), g(90)},
	} {
		t.Run(c.name, func(t *testing.T) {
			tip, price := fees(g(c.base), g(c.tip), g(c.most), c.replaced)
			if tip.Cmp(c.wantTip) != 0 || price.Cmp(c.want) != 0 {
				t.Fatalf("expected %s of %s, found %s of %s", c.wantTip, c.want, tip, price)
			}
		})
	}
}

// arguments of a call's data, by the types of its signature.
func arguments(t *testing.T, data []byte, types ...string) []any {
	t.Helper()
	var a abi.Arguments
	for _, name := range types {
		typ, err := abi.NewType(name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		a = append(a, abi.Argument{Type: typ})
	}
	values, err := a.Unpack(data[4:])
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestWhatAnOrderComesToOnTheChain(t *testing.T) {
	for _, c := range []struct {
		name                 string
		base, quote          uint8
		side                 core.Side
		qty, limit           string
		first, second        string // the swap's first two arguments
		wantSpends, wantGets string
	}{
		// 2 at 1990 are 3980, without 0.3 % 3968.06.
		{"a sell brings at least its worth without the fee", 18, 6, core.Sell, "2", "1990", "2000000000000000000", "3968060000", "2000000000000000000", "3968060000"},
		{"and that is rounded up", 18, 6, core.Sell, "0.000001", "0.7", "1000000000000", "1", "1000000000000", "1"},
		{"a sell at no limit brings something", 18, 6, core.Sell, "2", "0", "2000000000000000000", "1", "2000000000000000000", "1"},
		// 2 at 2010 are 4020; with the fee inside 4020 / 0.997 = 4032.0962888...
		{"a buy pays at most its worth with the fee inside, rounded down", 18, 6, core.Buy, "2", "2010", "2000000000000000000", "4032096288", "4032096288", "2000000000000000000"},
		{"a token of 8 decimals", 8, 18, core.Sell, "0.12345678", "30000", "12345678", "3692592289800000000000", "12345678", "3692592289800000000000"}, // 3703.7034 * 0.997
		{"a sell of what the token cannot show leaves it", 6, 18, core.Sell, "1.0000009", "1", "1000000", "997000000000000000", "1000000", "997000000000000000"},
		{"quote of no decimals", 18, 0, core.Buy, "1", "10", "1000000000000000000", "10", "10", "1000000000000000000"}, // 10.03 down
	} {
		t.Run(c.name, func(t *testing.T) {
			m := testMarket(c.base, c.quote)
			made, err := m.make(order(m, c.side, c.qty, c.limit), testKey)
			if err != nil {
				t.Fatal(err)
			}
			args := arguments(t, made.tx.Data(), "uint256", "uint256", "address[]", "address", "uint256")
			path, selector := []common.Address{m.base, m.quote}, "38ed1739"
			if c.side == core.Buy {
				path, selector = []common.Address{m.quote, m.base}, "8803dbee"
			}
			if args[0].(*big.Int).Cmp(whole(c.first)) != 0 || args[1].(*big.Int).Cmp(whole(c.second)) != 0 || args[3] != m.account ||
				args[4].(*big.Int).Int64() != 1_700_000_000 || hex.EncodeToString(made.tx.Data()[:4]) != selector {
				t.Fatalf("found %x %v", made.tx.Data()[:4], args)
			}
			if got := args[2].([]common.Address); len(got) != 2 || got[0] != path[0] || got[1] != path[1] || made.spends != path[0] {
				t.Fatalf("found path %v, spends %s", got, made.spends)
			}
			if made.most.Cmp(whole(c.wantSpends)) != 0 || made.gets.Cmp(whole(c.wantGets)) != 0 || made.deadline != 1_700_000_000 {
				t.Fatalf("found %s for %s", made.most, made.gets)
			}
			tx := made.tx
			if tx.Type() != types.DynamicFeeTxType || tx.Nonce() != 7 || tx.Gas() != 500_000 || tx.GasFeeCap().Int64() != 30_000_000_000 ||
				tx.GasTipCap().Int64() != 1_000_000_000 || *tx.To() != m.router || tx.Value().Sign() != 0 || tx.ChainId().Int64() != 1 {
				t.Fatalf("found %+v", tx)
			}
		})
	}
}

func TestABurnSendsTheQuoteTokenAwayOrCallsItsBurn(t *testing.T) {
	m := testMarket(18, 6)
	o := order(m, core.Burn, "1.9999999", "0")
	made, err := m.make(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	args := arguments(t, made.tx.Data(), "address", "uint256")
	if *made.tx.To() != m.quote || args[0] != *m.burnTo || args[1].(*big.Int).Int64() != 1_999_999 || made.deadline != 0 {
		t.Fatalf("found %v", args)
	}
	m.burnTo = nil
	if _, err := m.make(o, testKey); !errors.Is(err, errOtherSettings) {
		t.Fatalf("another way to burn gives another transaction: found %v", err)
	}
	o.Ticket = testTicket(m).String()
	made, err = m.make(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	if args := arguments(t, made.tx.Data(), "uint256"); *made.tx.To() != m.quote || args[0].(*big.Int).Int64() != 1_999_999 || hex.EncodeToString(made.tx.Data()[:4]) != "42966c68" {
		t.Fatalf("found %x", made.tx.Data())
	}
}

func TestTheSameOrderIsTheSameTransaction(t *testing.T) {
	m := testMarket(18, 6)
	first, err := m.make(order(m, core.Sell, "2", "1990"), testKey)
	if err != nil {
		t.Fatal(err)
	}
	again, err := m.make(order(m, core.Sell, "2", "1990"), testKey)
	if err != nil || first.tx.Hash() != again.tx.Hash() {
		t.Fatalf("found %s and %s, %v", first.tx.Hash(), again.tx.Hash(), err)
	}
	// A fixed text: another release, or the other implementation of the curve (with cgo), must give the same bytes.
	const want = "0x26b2c2e19578bcd85c3812e7bc516c4571b8448194d9d002dce462f3b862d482"
	if got := first.tx.Hash().Hex(); got != want {
		t.Errorf("expected %s, found %s", want, got)
	}
	for name, change := range map[string]func(*venue.Order){
		"quantity": func(o *venue.Order) { o.Qty++ },
		"limit":    func(o *venue.Order) { o.Limit++ },
		"deadline": func(o *venue.Order) { o.Expires += 1000 },
		"nonce":    func(o *venue.Order) { o.Ticket = strings.Replace(o.Ticket, "nonce=7", "nonce=8", 1) },
		"gas":      func(o *venue.Order) { o.Ticket = strings.Replace(o.Ticket, "gas=500000", "gas=500001", 1) },
		"fee":      func(o *venue.Order) { o.Ticket = strings.Replace(o.Ticket, "fee=30,30", "fee=30,25", 1) },
	} {
		o := order(m, core.Sell, "2", "1990")
		change(o)
		if other, err := m.make(o, testKey); err != nil || other.tx.Hash() == first.tx.Hash() {
			t.Errorf("another %s gives the same transaction: %v", name, err)
		}
	}
}

func TestSignaturesAreThoseOfEIP155(t *testing.T) {
	tx := types.NewTransaction(9, common.HexToAddress("0x3535353535353535353535353535353535353535"), whole("1000000000000000000"), 21_000, big.NewInt(20_000_000_000), nil)
	signed, err := types.SignTx(tx, types.NewEIP155Signer(big.NewInt(1)), testKey)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := signed.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	// The signed transaction of the example in EIP-155.
	const want = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f761aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83"
	if got := hex.EncodeToString(raw); got != want {
		t.Errorf("expected\n%s\nfound\n%s", want, got)
	}
}

func TestWhatCannotBeATransactionWasNeverOne(t *testing.T) {
	m := testMarket(6, 6)
	for name, c := range map[string]struct {
		change func(*venue.Order)
		want   error
	}{
		"no ticket":                      {func(o *venue.Order) { o.Ticket = "" }, errImpossible},
		"no deadline":                    {func(o *venue.Order) { o.Expires = 0 }, errImpossible},
		"a buy of what there is none of": {func(o *venue.Order) { o.Side, o.Qty = core.Buy, val("1.0000001") }, errImpossible},
		"a sell of less than a unit":     {func(o *venue.Order) { o.Qty = val("0.0000009") }, errImpossible},
		"a buy for nothing":              {func(o *venue.Order) { o.Side, o.Limit = core.Buy, 0 }, errImpossible},
		"a burn of less than a unit":     {func(o *venue.Order) { o.Side, o.Qty = core.Burn, val("0.0000009") }, errImpossible},
		"less than nothing":              {func(o *venue.Order) { o.Qty = -1 }, errImpossible},
		"a side that is none":            {func(o *venue.Order) { o.Side = "short" }, errImpossible},
		"another venue's ticket":         {func(o *venue.Order) { o.Ticket = "lot=3" }, errOtherSettings},
		"other settings": {func(o *venue.Order) {
			o.Ticket = testTicket(testMarket(6, 18)).String()
		}, errOtherSettings},
	} {
		o := order(m, core.Sell, "1", "2000")
		c.change(o)
		if _, err := m.make(o, testKey); !errors.Is(err, c.want) {
			t.Errorf("%s: expected %v, found %v", name, c.want, err)
		}
	}
}

// logOf is a Transfer of that many units.
func logOf(token, from, to common.Address, units *big.Int) *types.Log {
	return &types.Log{
		Address: token, Topics: []common.Hash{transferTopic, common.BytesToHash(from[:]), common.BytesToHash(to[:])}, Data: common.LeftPadBytes(units.Bytes(), 32),
	}
}

var pool = common.HexToAddress("0x40")

func swapReceipt(m *market, side core.Side, base, quote *big.Int) *receipt {
	if side == core.Buy {
		return &receipt{Status: 1, Logs: []*types.Log{logOf(m.quote, m.account, pool, quote), logOf(m.base, pool, m.account, base)}}
	}
	return &receipt{Status: 1, Logs: []*types.Log{logOf(m.base, m.account, pool, base), logOf(m.quote, pool, m.account, quote)}}
}

func TestFillsAreExact(t *testing.T) {
	for _, c := range []struct {
		name        string
		base, quote uint8
		side        core.Side
		qty, limit  string
		gotBase     string
		gotQuote    string
		want        core.Fill
	}{
		// 4011 paid: 0.3 % of it is the pool's, so 3998.967 for 2.
		{"a buy", 18, 6, core.Buy, "2", "2010", "2000000000000000000", "4011000000", core.Fill{Qty: val("2"), Price: val("1999.4835"), Fee: val("12.033")}},
		// 3970 got are 99.7 % of 3981.9458375..., so 1990.97291875627 for one.
		{"a sell", 18, 6, core.Sell, "2", "1990", "2000000000000000000", "3970000000", core.Fill{Qty: val("2"), Price: val("1990.972918757"), Fee: val("11.945837514")}},
		{"what is paid is rounded up", 18, 18, core.Buy, "1", "10", "1000000000000000000", "1000000000000000001", core.Fill{Qty: val("1"), Price: val("0.997"), Fee: val("0.003000001")}},
		{"what is got is rounded down", 18, 18, core.Sell, "1", "0", "1000000000000000000", "1000000000999999999", core.Fill{Qty: val("1"), Price: val("1.003009029"), Fee: val("0.003009029")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := testMarket(c.base, c.quote)
			o := order(m, c.side, c.qty, c.limit)
			made, err := m.make(o, testKey)
			if err != nil {
				t.Fatal(err)
			}
			f, err := m.fill(o, made, swapReceipt(m, c.side, whole(c.gotBase), whole(c.gotQuote)))
			if err != nil || f != c.want {
				t.Fatalf("expected %+v, found %+v %v", c.want, f, err)
			}
		})
	}
}

// TestAFillMovesExactlyWhatTheChainMoved holds fills against the ledger's own arithmetic: cash changes by what was paid, rounded up to 1e-9, or got,
// rounded down; and a swap that the router allowed is never beyond the limit.
func TestAFillMovesExactlyWhatTheChainMoved(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := testMarket(uint8(rapid.IntRange(0, 18).Draw(t, "base decimals")), uint8(rapid.IntRange(0, 18).Draw(t, "quote decimals")))
		step := fixed.Value(1)
		for range max(0, fixed.Digits-int(m.baseDecimals)) {
			step *= 10
		}
		o := order(m, core.Sell, "1", "1")
		if rapid.Bool().Draw(t, "buy") {
			o.Side = core.Buy
		}
		o.Qty = step * fixed.Value(rapid.Int64Range(1, 1_000_000).Draw(t, "quantity"))
		o.Limit = fixed.Value(rapid.Int64Range(1, 1e12).Draw(t, "limit"))
		made, err := m.make(o, testKey)
		if errors.Is(err, errImpossible) {
			t.Skip("not sent")
		}
		if err != nil {
			t.Fatal(err)
		}
		bound := made.gets // of a sell, the least quote; it may bring up to twice as much
		if o.Side == core.Buy {
			bound = made.most
		}
		share := rapid.Int64Range(0, 1_000_000).Draw(t, "share")
		quote := new(big.Int).Quo(new(big.Int).Mul(bound, big.NewInt(share)), big.NewInt(1_000_000))
		base, rounding := made.gets, fixed.Ceil
		if o.Side == core.Sell {
			quote.Add(quote, bound)
			base, rounding = made.most, fixed.Floor
		} else {
			quote = larger(quote, big.NewInt(1))
		}
		f, err := m.fill(o, made, swapReceipt(m, o.Side, base, quote))
		if errors.Is(err, evm.ErrTooLarge) || errors.Is(err, fixed.ErrOverflow) {
			t.Skip("too large")
		}
		if err != nil {
			t.Fatal(err)
		}
		flow, err := evm.FromUnits(quote, m.quoteDecimals, rounding)
		if err != nil {
			t.Skip("too large")
		}
		worth, err := f.Qty.Mul(f.Price, rounding)
		if err != nil {
			t.Fatal(err)
		}
		if o.Side == core.Buy && (worth+f.Fee != flow || f.Price > o.Limit) || o.Side == core.Sell && (worth-f.Fee != flow || f.Price < o.Limit) || f.Qty != o.Qty {
			t.Fatalf("%+v: worth %s, flow %s of %+v", f, worth, flow, o.Action)
		}
	})
}

func TestAReceiptThatShowsNoSwapIsNoFill(t *testing.T) {
	m := testMarket(18, 6)
	o := order(m, core.Sell, "2", "1990")
	made, err := m.make(o, testKey)
	if err != nil {
		t.Fatal(err)
	}
	stranger := common.HexToAddress("0x99")
	for name, r := range map[string]*receipt{
		"no logs":              {Status: 1},
		"only what left":       {Status: 1, Logs: []*types.Log{logOf(m.base, m.account, pool, big.NewInt(1e18))}},
		"somebody else's":      {Status: 1, Logs: []*types.Log{logOf(m.base, stranger, pool, big.NewInt(1e18)), logOf(m.quote, pool, stranger, big.NewInt(1))}},
		"the other way round":  swapReceipt(m, core.Buy, big.NewInt(1e18), big.NewInt(1e9)),
		"another token's":      {Status: 1, Logs: []*types.Log{logOf(stranger, m.account, pool, big.NewInt(1e18)), logOf(m.quote, pool, m.account, big.NewInt(1))}},
		"of another event":     {Status: 1, Logs: []*types.Log{{Address: m.base, Topics: []common.Hash{{1}, {}, {}}, Data: make([]byte, 32)}}},
		"without an amount":    {Status: 1, Logs: []*types.Log{{Address: m.base, Topics: []common.Hash{transferTopic, {}, {}}}}},
		"what came went again": {Status: 1, Logs: append(swapReceipt(m, core.Sell, big.NewInt(1e18), big.NewInt(5)).Logs, logOf(m.quote, m.account, stranger, big.NewInt(5)))},
	} {
		if f, err := m.fill(o, made, r); err == nil {
			t.Errorf("%s: found %+v", name, f)
		}
	}
}

func TestGasIsRoundedUpIntoQuoteUnits(t *testing.T) {
	price := hexutil.Big(*big.NewInt(30_000_000_000))
	fee := hexutil.Big(*big.NewInt(1))
	r := &receipt{GasUsed: 123_456, GasPrice: &price, L1Fee: &fee}
	cost, err := r.cost()
	if err != nil || cost.Cmp(whole("3703680000000001")) != 0 {
		t.Fatalf("found %s %v", cost, err)
	}
	if v, err := inQuote(cost, val("2000")); err != nil || v != val("7.407360001") { // 7.407360000000002
		t.Fatalf("found %s %v", v, err)
	}
	if _, err := (&receipt{}).cost(); err == nil {
		t.Fatal("a receipt without the price of gas")
	}
}
