package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
	"github.com/taudaemon/taudaemon/daemon/venue/uniswapv2"
)

// newVenue is the configured venue: a line for each kind, the paper venue where none is set. s is the state of the ledger's own fills, first says
// that the ledger is new.
func newVenue(c *config.Config, s *core.State, first bool) (venue.Venue, error) {
	switch v := c.Venue; {
	case v.Kraken != nil:
		return kraken.New(*v.Kraken, loop.SystemClock().Wall)
	case v.UniswapV2 != nil:
		return uniswapV2Venue(c)
	}
	return paperVenue(c, s, first), nil
}

// paperVenue has what the ledger's own fills leave; a first boot has the configured balance.
func paperVenue(c *config.Config, s *core.State, first bool) venue.Venue {
	quote := s.Cash
	if first {
		quote = c.Venue.Paper.QuoteBalance
	}
	return paper.New(paper.Configured(c, loop.SystemClock().Wall), s.Position.Qty, quote)
}

// uniswapV2Venue reads the account's key; the node is asked later.
func uniswapV2Venue(c *config.Config) (*uniswapv2.Venue, error) {
	u, e := c.Venue.UniswapV2, c.Economics
	url := u.RPCURL
	if u.RPCURLFile != "" {
		text, err := os.ReadFile(u.RPCURLFile)
		if err != nil {
			return nil, fmt.Errorf("the file with the node's URL: %w", err)
		}
		url = strings.TrimSpace(string(text))
	}
	return uniswapv2.New(uniswapv2.Config{
		RPCURL: url, ChainID: u.ChainID, Router: u.Router, Base: u.Base, Quote: u.Quote, Account: u.Account, BurnAddress: u.BurnAddress,
		KeyFile: u.KeyFile, PasswordFile: u.PasswordFile, FeeBpsBuy: e.FeeBpsBuy, FeeBpsSell: e.FeeBpsSell, TradeQty: e.TradeQty,
		Confirmations: u.Confirmations, GasMarginBps: u.GasMarginBps, MaxGasPriceGwei: u.MaxGasPriceGwei, NativePrice: u.NativePrice,
	})
}
