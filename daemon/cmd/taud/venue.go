package main

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/kraken"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// newVenue is the configured venue: a line for each kind, the paper venue where none is set. s is the state of the ledger's own fills, first says
// that the ledger is new.
func newVenue(c *config.Config, s *core.State, first bool) (venue.Venue, error) {
	switch v := c.Venue; {
	case v.Kraken != nil:
		return kraken.New(*v.Kraken, loop.SystemClock().Wall)
	case v.UniswapV2 != nil:
		return nil, fmt.Errorf("venue: expected kraken or paper, found %s, which this build cannot trade on", v.Kind())
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
