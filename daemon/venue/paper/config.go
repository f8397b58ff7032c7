package paper

import (
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Config of the venue. The zero value fills everything at once and for nothing.
type Config struct {
	// SlippageBps by which each fill is worse than the reference price, in basis points.
	SlippageBps int64
	// FeeBpsBuy and FeeBpsSell of the notional, in basis points, rounded up.
	FeeBpsBuy, FeeBpsSell int64
	// Gas of each action, in quote units.
	Gas fixed.Value

	// Seed of what happens to orders.
	Seed int64
	// Latency until an order is carried out, in whole milliseconds.
	Latency time.Duration
	// PartialBps, RejectBps and AmbiguousBps are the shares of orders that are filled in parts, refused, answered ambiguously; 0 to 10000 each.
	PartialBps, RejectBps, AmbiguousBps int64
	// Now is the venue's clock; nil is one that stands still.
	Now func() time.Time
}

// Configured is what a configuration says of the venue.
func Configured(c *config.Config, now func() time.Time) Config {
	e, p := &c.Economics, &c.Venue.Paper
	return Config{
		SlippageBps: p.SlippageBps, FeeBpsBuy: e.FeeBpsBuy, FeeBpsSell: e.FeeBpsSell, Gas: e.GasUnitCost,
		Seed: p.Seed, Latency: p.Latency, PartialBps: p.PartialBps, RejectBps: p.RejectBps, AmbiguousBps: p.AmbiguousBps, Now: now,
	}
}
