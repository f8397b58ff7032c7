package evm

import (
	"context"
	"math/big"
	"strings"
	"testing"
	"time"

	ethereum "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/core/types"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
)

func callMsg(to common.Address, data []byte) ethereum.CallMsg {
	return ethereum.CallMsg{To: &to, Data: data}
}

func val(s string) fixed.Value { return fixed.MustParse(s) }

const dead = "0x000000000000000000000000000000000000dEaD"

// settings of the venue on the chain: final after two blocks.
func (c *chain) settings() uniswapv2.Config {
	return uniswapv2.Config{
		RPCURL: c.url, ChainID: simulatedChainID, Router: c.router.Hex(), Base: c.base.Hex(), Quote: c.quote.Hex(),
		Account: addressOf(c.trader).Hex(), BurnAddress: dead, KeyFile: c.keyFile(c.trader),
		FeeBpsBuy: 30, FeeBpsSell: 30, TradeQty: val("2"), Confirmations: 2, GasMarginBps: 2_000, MaxGasPriceGwei: 100, NativePrice: val("2000"),
		Now: func() time.Time { return time.Unix(int64(c.head().Time), 0) },
	}
}

// trades is a venue with its chain and the orders of a test.
type trades struct {
	*chain
	v   *uniswapv2.Venue
	ctx context.Context
}

// trading is a venue of the settings, after a change of them.
func (c *chain) trading(change func(*uniswapv2.Config)) *trades {
	c.t.Helper()
	s := c.settings()
	if change != nil {
		change(&s)
	}
	v, err := uniswapv2.New(s)
	c.must(err)
	return &trades{c, v, context.Background()}
}

// order made at this moment, to expire a minute after the newest block.
func (c *trades) order(side core.Side, qty, limit string) venue.Order {
	c.t.Helper()
	a := c.v.Account(c.ctx)
	if a.Err != "" {
		c.t.Fatal(a.Err)
	}
	return venue.Order{ID: "test", Action: core.Action{
		Side: side, Qty: val(qty), Limit: val(limit), Reference: val("100"), Expires: int64(c.head().Time+60) * 1000, Ticket: a.Ticket,
	}}
}

// want fails unless the answer is that, with its reason containing the text.
func (c *trades) want(a venue.Answer, result core.Result, text string) venue.Answer {
	c.t.Helper()
	if a.Result != result || !strings.Contains(a.Reason, text) {
		c.t.Fatalf("expected %s: %s, found %+v", result, text, a)
	}
	return a
}

// does sends the order, and returns its transaction as the node has it.
func (c *trades) does(o venue.Order) *types.Transaction {
	c.t.Helper()
	a := c.want(c.v.Do(c.ctx, o), core.Pending, "sent as 0x")
	tx, _, err := c.Client().TransactionByHash(c.ctx, common.HexToHash(strings.TrimPrefix(a.Reason, "sent as ")))
	c.must(err)
	return tx
}

// fills carries the order out, to its end.
func (c *trades) fills(o venue.Order) core.Fill {
	c.t.Helper()
	c.does(o)
	c.blocks(2)
	return c.filled(c.v.Query(c.ctx, o))
}

func (c *trades) filled(a venue.Answer) core.Fill {
	c.t.Helper()
	c.want(a, core.Filled, "")
	if len(a.Fills) != 1 || a.Gas <= 0 {
		c.t.Fatalf("expected one fill and gas, found %+v", a)
	}
	return a.Fills[0]
}

// expire lets two minutes of the chain's time pass.
func (c *chain) expire() {
	c.t.Helper()
	c.must(c.AdjustTime(2 * time.Minute))
	c.blocks(3)
}

// native balance of the trader.
func (c *chain) native() *big.Int {
	c.t.Helper()
	b, err := c.Client().BalanceAt(context.Background(), addressOf(c.trader), nil)
	c.must(err)
	return b
}

// inQuote is an amount of the native coin at 2000, in Value's units rounded up.
func inQuote(native *big.Int) fixed.Value {
	n := evm.MulDiv(fixed.Ceil, []*big.Int{native, big.NewInt(2000)}, []*big.Int{big.NewInt(1e9)})
	return fixed.Value(n.Int64())
}

func TestABuyASellAndABurnThroughTheRealRouter(t *testing.T) {
	c := startUniswap(t).trading(nil)
	before, native := c.v.Account(c.ctx), c.native()
	if before.Err != "" || before.Base != 0 || before.Quote != val("10000") || !strings.Contains(before.Ticket, "nonce=2 ") {
		t.Fatalf("found %+v", before)
	}

	buy := c.order(core.Buy, "2", "101")
	c.does(buy)
	c.want(c.v.Query(c.ctx, buy), core.Pending, "waits to be mined")
	c.want(c.v.Do(c.ctx, buy), core.Pending, "waits to be mined") // the same order once more is asked for, not sent
	c.Commit()
	c.want(c.v.Query(c.ctx, buy), core.Pending, "in block")
	c.want(c.v.Cancel(c.ctx, buy), core.Pending, "in block")
	c.Commit()
	answer := c.v.Query(c.ctx, buy)
	fill := c.filled(answer)
	after := c.v.Account(c.ctx)
	// 100 and the slippage of 2 out of 1,000: x*y=k gives 200.4008..., and 0.3 % of what is paid is the pool's.
	if after.Base != val("2") || fill.Qty != val("2") || fill.Price < val("100.2") || fill.Price > val("100.21") {
		t.Fatalf("found %+v and %+v", fill, after)
	}
	cost, _ := fill.Qty.Mul(fill.Price, fixed.Ceil)
	if cost+fill.Fee != before.Quote-after.Quote {
		t.Fatalf("expected %s paid, found %+v", before.Quote-after.Quote, fill)
	}
	if spent := new(big.Int).Sub(native, c.native()); answer.Gas != inQuote(spent) {
		t.Fatalf("expected gas worth %s, found %s", inQuote(spent), answer.Gas)
	}

	before = after
	fill = c.fills(c.order(core.Sell, "2", "99"))
	after = c.v.Account(c.ctx)
	worth, _ := fill.Qty.Mul(fill.Price, fixed.Floor)
	if worth-fill.Fee != after.Quote-before.Quote || after.Base != 0 || fill.Price < val("99") {
		t.Fatalf("expected %s got, found %+v", after.Quote-before.Quote, fill)
	}

	before = after
	burn := c.order(core.Burn, "1.5", "0")
	c.does(burn)
	c.blocks(2)
	if a := c.want(c.v.Query(c.ctx, burn), core.Filled, ""); a.Gas <= 0 || len(a.Fills) != 0 {
		t.Fatalf("found %+v", a)
	}
	got := new(big.Int).SetBytes(c.call(c.quote, evm.BalanceOf.Pack(common.HexToAddress(dead))))
	if after = c.v.Account(c.ctx); before.Quote-after.Quote != val("1.5") || got.Int64() != 1_500_000 {
		t.Fatalf("expected 1.5 burned, found %s less and %s at the burn address", before.Quote-after.Quote, got)
	}
}

// TestOtherTokensAndKinds: the wrapped native coin as base, whose price books the gas; a quote token of 18 decimals; and a burn by its function.
func TestTheWrappedCoinForATokenThatBurnsItself(t *testing.T) {
	c := startNode(t)
	c.weth = c.deploy("WETH")
	c.factory = c.deploy("Factory", word(addressOf(c.owner)))
	c.router = c.deploy("Router", word(c.factory), word(c.weth))
	c.base, c.quote = c.weth, c.deploy("Token", word(uint8(18)), word(times(1_000_000_000, ether)))
	c.mines(c.owner, &c.weth, times(500, ether), deposit.Pack())
	c.pool(times(500, ether), times(1_000_000, ether)) // 2000 for one
	c.sends(c.owner, c.quote, transfer.Pack(addressOf(c.trader), times(10_000, ether)))
	v := c.trading(func(s *uniswapv2.Config) { s.NativePrice, s.BurnAddress, s.TradeQty = 0, "", val("0.5") })

	var said []string
	tenThousand := val("10000")
	ten := val("10")
	approving := make(chan error, 1)
	go func() {
		approving <- v.v.Approve(v.ctx, &ten, &tenThousand, func(s string) { said = append(said, s) })
	}()
	for waiting := true; waiting; {
		select {
		case err := <-approving:
			c.must(err)
			waiting = false
		case <-time.After(50 * time.Millisecond):
			c.Commit()
		}
	}
	if len(said) != 4 || !strings.Contains(said[1], "the allowance is 10000000000000000000 units") {
		t.Fatalf("found %q", said)
	}

	o := v.order(core.Buy, "0.5", "2020")
	o.Reference = val("2000")
	native := c.native()
	v.does(o)
	c.blocks(2)
	a := v.v.Query(v.ctx, o)
	v.filled(a)
	if spent := new(big.Int).Sub(native, c.native()); a.Gas != inQuote(spent) {
		t.Fatalf("expected gas at the order's reference, %s, found %s", inQuote(spent), a.Gas)
	}
	supply := func() *big.Int {
		return new(big.Int).SetBytes(c.call(c.quote, evm.NewMethod("totalSupply()", "uint256").Pack()))
	}
	before := supply()
	burn := v.order(core.Burn, "3", "0")
	burn.Reference = 0
	v.does(burn)
	c.blocks(2)
	if a := v.want(v.v.Query(v.ctx, burn), core.Filled, ""); a.Gas <= 0 { // at the pool's own price
		t.Fatalf("found %+v", a)
	}
	if burned := new(big.Int).Sub(before, supply()); burned.Cmp(times(3, ether)) != 0 {
		t.Fatalf("expected 3 burned, found %s", burned)
	}
}

func TestAReplyThatIsLostIsAmbiguousAndThenFound(t *testing.T) {
	c := startUniswap(t)
	p := newProxy(t, c.url)
	v := c.trading(func(s *uniswapv2.Config) { s.RPCURL = p.URL })
	for _, f := range []fault{loseReply, cut, gateway} {
		o := v.order(core.Buy, "2", "103")
		sent := p.count("eth_sendRawTransaction")
		p.on(f, "eth_sendRawTransaction")
		v.want(v.v.Do(v.ctx, o), core.Ambiguous, "no answer")
		p.on(pass)
		if n := p.count("eth_sendRawTransaction") - sent; n != 1 {
			t.Fatalf("expected one try, found %d", n)
		}
		if f != loseReply { // it never arrived: a buy is not given to the node again
			o.Resend = true
			v.want(v.v.Query(v.ctx, o), core.Pending, "the node does not know it")
			c.expire()
			a := v.want(v.v.Query(v.ctx, o), core.NotFound, "its deadline")
			if a.Replay || a.Gas != 0 {
				t.Fatalf("found %+v", a)
			}
			continue
		}
		v.want(v.v.Query(v.ctx, o), core.Pending, "waits to be mined")
		c.blocks(2)
		v.filled(v.v.Query(v.ctx, o))
	}
	p.on(cut) // a node that is away
	if a := v.v.Account(v.ctx); !strings.Contains(a.Err, "the answer was cut") || a.Ticket != "" {
		t.Fatalf("found %+v", a)
	}
}

func TestATransactionThatIsDroppedIsGivenToTheNodeAgainAsItWas(t *testing.T) {
	c := startUniswap(t).trading(nil)
	c.fills(c.order(core.Buy, "2", "101"))
	sell := c.order(core.Sell, "2", "98")
	c.does(sell)
	c.Rollback()
	c.want(c.v.Query(c.ctx, sell), core.Pending, "the node does not know it")
	sell.Resend = true
	c.want(c.v.Query(c.ctx, sell), core.Pending, "was given it again: pending")
	c.want(c.v.Query(c.ctx, sell), core.Pending, "waits to be mined")
	c.blocks(2)
	c.filled(c.v.Query(c.ctx, sell))
	if a := c.v.Account(c.ctx); a.Base != 0 {
		t.Fatalf("found %+v", a)
	}
}

func TestABlockThatIsReorganisedAwayTakesItsFillsBackAndLosesNone(t *testing.T) {
	c := startUniswap(t).trading(func(s *uniswapv2.Config) { s.Confirmations = 3 })
	buy := c.order(core.Buy, "2", "101")
	parent := c.head().Hash()
	tx := c.does(buy)
	c.blocks(2)
	c.want(c.v.Query(c.ctx, buy), core.Pending, "in block")
	// Another branch, longer, without the transaction.
	c.must(c.Fork(parent))
	c.Rollback()
	c.blocks(4)
	c.want(c.v.Query(c.ctx, buy), core.Pending, "the node does not know it")
	if a := c.v.Account(c.ctx); a.Base != 0 {
		t.Fatalf("found %+v", a)
	}
	// A branch in which it is mined after all, once.
	c.must(c.Client().SendTransaction(c.ctx, tx))
	c.blocks(2)
	c.want(c.v.Query(c.ctx, buy), core.Pending, "in block")
	c.Commit()
	c.filled(c.v.Query(c.ctx, buy))
	if a := c.v.Account(c.ctx); a.Base != val("2") {
		t.Fatalf("found %+v", a)
	}
}

func TestAnOrderThatCannotBeExecutedAnyMoreIsNotFound(t *testing.T) {
	c := startUniswap(t).trading(nil)
	c.fills(c.order(core.Buy, "2", "101"))

	// Another wallet with the account's key uses the nonce, and pays more.
	sell := c.order(core.Sell, "2", "98")
	c.does(sell)
	to := addressOf(c.owner)
	other := c.sign(c.trader, c.nonce(c.trader), 50, &to, big.NewInt(1), nil)
	c.must(c.Client().SendTransaction(c.ctx, other))
	c.Commit()
	c.want(c.v.Query(c.ctx, sell), core.Pending, "its nonce 3")
	c.Commit()
	if a := c.want(c.v.Query(c.ctx, sell), core.NotFound, "another transaction used its nonce 3"); !a.Replay || a.Gas != 0 {
		t.Fatalf("found %+v", a)
	}
	// Before it was sent, that is a refusal.
	late := c.order(core.Sell, "2", "98")
	c.mines(c.trader, &to, big.NewInt(1), nil)
	if a := c.want(c.v.Do(c.ctx, late), core.Refused, "not sent: expected the account's next nonce to be the ticket's 4, found 5"); !a.Replay {
		t.Fatalf("found %+v", a)
	}

	// A sell that is not mined in time is given up, and made again with the same nonce and a higher price. If somebody then brings the old one back,
	// it reverts, and what it took is booked with the one that it made impossible.
	first := c.order(core.Sell, "2", "98")
	old := c.does(first)
	c.Rollback()
	c.expire()
	c.want(c.v.Query(c.ctx, first), core.NotFound, "passed without it")
	second := c.order(core.Sell, "2", "98")
	c.does(second)
	c.Rollback()
	native := c.native()
	c.must(c.Client().SendTransaction(c.ctx, old))
	c.blocks(2)
	a := c.want(c.v.Query(c.ctx, second), core.NotFound, "another transaction used its nonce 5")
	if spent := new(big.Int).Sub(native, c.native()); a.Replay || a.Gas != inQuote(spent) {
		t.Fatalf("expected gas of %s, found %+v", inQuote(spent), a)
	}
	c.fills(c.order(core.Sell, "2", "98"))
}

func TestARevertIsARefusalWithItsGas(t *testing.T) {
	c := startUniswap(t).trading(nil)
	c.fills(c.order(core.Buy, "2", "101"))

	// The node sees that it would revert: nothing is sent.
	tight := c.order(core.Sell, "2", "100.5")
	c.want(c.v.Do(c.ctx, tight), core.Refused, "not sent: it would revert: UniswapV2Router: INSUFFICIENT_OUTPUT_AMOUNT")

	// It does not see a larger sell that gets in before it, in the same block.
	c.sends(c.owner, c.base, approve.Pack(c.router, times(100, ether)))
	sell := c.order(core.Sell, "2", "99")
	native := c.native()
	c.does(sell)
	path := []common.Address{c.base, c.quote}
	front := c.sign(c.owner, c.nonce(c.owner), 50, &c.router, nil, swapIn.Pack(times(50, ether), big.NewInt(1), path, addressOf(c.owner), forever))
	c.must(c.Client().SendTransaction(c.ctx, front))
	c.blocks(2)
	a := c.want(c.v.Query(c.ctx, sell), core.Refused, "reverted: the price had moved beyond the limit")
	if spent := new(big.Int).Sub(native, c.native()); a.Gas != inQuote(spent) || len(a.Fills) != 0 {
		t.Fatalf("expected gas of %s, found %+v", inQuote(spent), a)
	}
	if a := c.v.Account(c.ctx); a.Base != val("2") {
		t.Fatalf("found %+v", a)
	}
}

func TestGasThatWasEstimatedTooLowIsARefusalAndTheNextHasMore(t *testing.T) {
	c := startUniswap(t).trading(nil)
	c.fills(c.order(core.Buy, "2", "101"))
	c.sends(c.owner, c.base, greedyAfter.Pack(c.head().Number.Add(c.head().Number, big.NewInt(1))))
	sell := c.order(core.Sell, "2", "98")
	c.does(sell) // the node estimates at the newest block, after which the token takes 1,200,000 more
	c.blocks(2)
	if a := c.want(c.v.Query(c.ctx, sell), core.Refused, "reverted: it ran out of gas, 118"); a.Gas <= 0 {
		t.Fatalf("found %+v", a)
	}
	c.fills(c.order(core.Sell, "2", "98"))

	// A process that does not know it yet sees the estimate, before anything is sent.
	c.fills(c.order(core.Buy, "2", "101"))
	fresh := c.trading(nil)
	fresh.want(fresh.v.Do(fresh.ctx, fresh.order(core.Sell, "2", "98")), core.Refused, "not sent: expected a gas limit of at least")
	fresh.fills(fresh.order(core.Sell, "2", "98"))
}

func TestWhatCannotSucceedIsNotSent(t *testing.T) {
	c := startUniswap(t)
	for _, test := range []struct {
		name   string
		before func(*trades)
		change func(*venue.Order)
		want   string
	}{
		{"more than the account has", nil, func(o *venue.Order) { o.Qty, o.Limit = val("200"), val("200") }, "expected a balance of at least 40120361083 units, found 10000000000"},
		{"a price that is better than the pool's", nil, func(o *venue.Order) { o.Limit = val("99") }, "it would revert: UniswapV2Router: EXCESSIVE_INPUT_AMOUNT"},
		{"a deadline that no block can meet", nil, func(o *venue.Order) { o.Expires = int64(c.head().Time) * 1000 }, "expected a deadline no earlier than the next block's time"},
		{"an allowance that is too small for the exit", func(v *trades) { v.sends(v.trader, v.base, approve.Pack(v.router, big.NewInt(5))) },
			func(*venue.Order) {}, "expected a allowance of the base token, for the exit, of at least 2000000000000000000 units, found 5"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := c.trading(nil)
			v.t = t
			if test.before != nil {
				test.before(v)
			}
			nonce := c.nonce(c.trader)
			o := v.order(core.Buy, "2", "101")
			test.change(&o)
			v.want(v.v.Do(v.ctx, o), core.Refused, "not sent: "+test.want)
			c.Commit()
			if n := c.nonce(c.trader); n != nonce {
				t.Fatalf("expected nothing sent, found nonce %d after %d", n, nonce)
			}
		})
	}
}

func TestSettingsThatDoNotFitTheChainAreSaid(t *testing.T) {
	c := startUniswap(t)
	for _, test := range []struct {
		name   string
		change func(*uniswapv2.Config)
		want   string
	}{
		{"another chain", func(s *uniswapv2.Config) { s.ChainID = 1 }, "expected a node of chain 1, found one of chain 1337"},
		{"a router that is none", func(s *uniswapv2.Config) { s.Router = addressOf(c.owner).Hex() }, "factory: expected an answer, found none"},
		{"a router that is another contract", func(s *uniswapv2.Config) { s.Router = c.base.Hex() }, "router " + c.base.Hex()},
		{"a token that is none", func(s *uniswapv2.Config) { s.Quote = addressOf(c.owner).Hex() }, "quote token: decimals: expected an answer, found none"},
		{"tokens without a pair", func(s *uniswapv2.Config) { s.Quote = c.weth.Hex() }, "expected a pair of"},
		{"no price of the native coin", func(s *uniswapv2.Config) { s.NativePrice = 0 }, "expected a native price, or the wrapped native coin " + c.weth.Hex()},
		{"a node that stands still", func(s *uniswapv2.Config) {
			now := s.Now
			s.Now = func() time.Time { return now().Add(time.Hour) }
		}, "expected a newest block at most"},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := c.trading(test.change)
			if a := v.v.Account(v.ctx); !strings.Contains(a.Err, test.want) || a.Ticket != "" {
				t.Fatalf("expected %q, found %+v", test.want, a)
			}
			o := venue.Order{Action: core.Action{Side: core.Buy, Qty: val("2"), Limit: val("101"), Expires: 1, Ticket: "x"}}
			if a := v.v.Do(v.ctx, o); a.Result != core.Refused || !strings.Contains(a.Reason, "not sent") {
				t.Fatalf("found %+v", a)
			}
			if a := v.v.Query(v.ctx, o); a.Result != core.Pending && a.Result != core.Ambiguous {
				t.Fatalf("found %+v", a)
			}
		})
	}
}

// TestAnExitThatIsAuthorisedInAdvanceIsFoundByItsNonce: nobody knows whether it left, or when.
func TestAnExitThatIsAuthorisedInAdvanceIsFoundByItsNonce(t *testing.T) {
	c := startUniswap(t).trading(nil)
	buy := c.order(core.Buy, "2", "101")
	c.does(buy)
	c.blocks(2)
	answer := c.v.Query(c.ctx, buy)
	c.filled(answer)
	exit := venue.Order{ID: "exit", Action: core.Action{Side: core.Sell, Qty: val("2"), Limit: val("98"), Reference: val("100"), Ticket: c.v.Next(buy, answer)}}
	asked := exit // without a deadline: that is made when it leaves
	c.want(c.v.Query(c.ctx, asked), core.NotFound, "its nonce is not used")

	exit.Expires = int64(c.head().Time+60) * 1000
	c.does(exit)
	again := c.trading(nil) // another process
	again.want(again.v.Query(c.ctx, asked), core.Pending, "a transaction with its nonce 3 waits")
	c.Commit()
	again.want(again.v.Query(c.ctx, asked), core.Pending, "in a block that is not final")
	c.Commit()
	again.filled(again.v.Query(c.ctx, asked))

	// The nonce of another exit is used by something else.
	c.fills(c.order(core.Buy, "2", "102"))
	next := c.order(core.Sell, "2", "98")
	asked.Ticket = c.v.Next(next, venue.Answer{})
	c.fills(next)
	again.want(again.v.Query(c.ctx, asked), core.NotFound, "another transaction used its nonce")
}
