package evm

import (
	"context"
	"testing"
	"time"

	ethereum "github.com/ethereum/go-ethereum"
	"github.com/ethereum/go-ethereum/common"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
)

func callMsg(to common.Address, data []byte) ethereum.CallMsg { return ethereum.CallMsg{To: &to, Data: data} }

func val(s string) fixed.Value { return fixed.MustParse(s) }

// settings of the venue on the chain.
func (c *chain) settings() uniswapv2.Config {
	return uniswapv2.Config{
		RPCURL: c.url, ChainID: simulatedChainID, Router: c.router.Hex(), Base: c.base.Hex(), Quote: c.quote.Hex(),
		Account: addressOf(c.trader).Hex(), BurnAddress: "0x000000000000000000000000000000000000dEaD", KeyFile: c.keyFile(c.trader),
		FeeBpsBuy: 30, FeeBpsSell: 30, TradeQty: val("2"), Confirmations: 2, BlockTime: time.Second, GasLimit: 500_000, GasMarginBps: 2_000,
		MaxGasPriceGwei: 100, NativePrice: val("2000"),
	}
}

// venue of the settings, after a change of them.
func (c *chain) venue(change func(*uniswapv2.Config)) *uniswapv2.Venue {
	c.t.Helper()
	s := c.settings()
	if change != nil {
		change(&s)
	}
	v, err := uniswapv2.New(s)
	c.must(err)
	return v
}

// order made at this moment, to expire a minute after the newest block.
func (c *chain) order(v *uniswapv2.Venue, side core.Side, qty, limit string) venue.Order {
	c.t.Helper()
	a := v.Account(context.Background())
	if a.Err != "" {
		c.t.Fatal(a.Err)
	}
	return venue.Order{ID: "test", Action: core.Action{
		Side: side, Qty: val(qty), Limit: val(limit), Reference: val("100"), Expires: int64(c.head().Time+60) * 1000, Ticket: a.Ticket,
	}}
}

func TestABuyAndASellThroughTheRealRouter(t *testing.T) {
	c := startUniswap(t)
	v := c.venue(nil)
	ctx := context.Background()
	a := v.Account(ctx)
	t.Logf("%+v", a)
	buy := c.order(v, core.Buy, "2", "101")
	t.Logf("%+v", v.Do(ctx, buy))
	t.Logf("%+v", v.Query(ctx, buy))
	c.Commit()
	t.Logf("%+v", v.Query(ctx, buy))
	c.Commit()
	t.Logf("%+v", v.Query(ctx, buy))
	sell := c.order(v, core.Sell, "2", "99")
	t.Logf("%+v", v.Do(ctx, sell))
	c.blocks(2)
	t.Logf("%+v", v.Query(ctx, sell))
	burn := c.order(v, core.Burn, "2", "0")
	t.Logf("%+v", v.Do(ctx, burn))
	c.blocks(2)
	t.Logf("%+v", v.Query(ctx, burn))
}
