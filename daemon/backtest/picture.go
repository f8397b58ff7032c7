package backtest

import (
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Picture is a run as a report shows it: long series in columns that keep their lowest and highest values, and every action.
type Picture struct{}

// Mark is an action in the picture.
type Mark struct {
	Tick   uint64
	MS     int64
	Side   core.Side
	Price  fixed.Value
	Qty    fixed.Value
	Reason string
}

func (p *Picture) begin(*feed)                                                             {}
func (p *Picture) tick(*core.Observation, *core.Decision, *core.State, fixed.Value, int64) {}
func (p *Picture) mark(Mark)                                                               {}
