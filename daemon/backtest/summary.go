package backtest

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Summary is what came of a run. Amounts are in quote units and strings in JSON, shares in basis points.
type Summary struct {
	Data DataSummary `json:"data"`
	// Ticks run, and of them those with a quorum of fresh prices and those in quarantine.
	Ticks            uint64 `json:"ticks"`
	FreshTicks       uint64 `json:"fresh_ticks"`
	QuarantinedTicks uint64 `json:"quarantined_ticks"`
	// Buys and Sells that were filled, and orders that were refused.
	Buys          int `json:"buys"`
	Sells         int `json:"sells"`
	RefusedOrders int `json:"refused_orders"`
	// Trips from flat to flat, and how many of them won.
	Trips []Trip `json:"trips"`
	Won   int    `json:"won"`
	PnL   PnL    `json:"pnl"`
	// Burned of the realised profits.
	Burned fixed.Value `json:"burned"`
	// EquityStart and EquityEnd; what was burned is gone from the latter: EquityEnd = EquityStart + net - Burned.
	EquityStart fixed.Value `json:"equity_start"`
	EquityEnd   fixed.Value `json:"equity_end"`
	// OpenQty is the position at the end, in base units; it counts at the last price, without the costs of selling it.
	OpenQty fixed.Value `json:"open_qty"`
	// MaxDrawdown from a peak of equity (with what was burned added back), and the largest one in basis points of its peak.
	MaxDrawdown    fixed.Value `json:"max_drawdown"`
	MaxDrawdownBps int64       `json:"max_drawdown_bps"`
	// ExposureBps is the share of ticks after which a position was held.
	ExposureBps int64         `json:"exposure_bps"`
	Quarantines []Quarantines `json:"quarantines"`
	Ledger      LedgerSummary `json:"ledger"`
	// Notes are what a reader of these figures must know.
	Notes []string `json:"notes"`
	// Took is the run's time, ledger included, in nanoseconds. It is the only thing here that differs between two runs.
	Took time.Duration `json:"took_ns"`
}

// DataSummary is the recording.
type DataSummary struct {
	Kind      Kind   `json:"kind"`
	Rows      int    `json:"rows"`
	Digest    string `json:"digest"`
	SpacingMS int64  `json:"spacing_ms,omitempty"`
	// FirstMS and LastMS are when the first and the last row are known.
	FirstMS int64 `json:"first_ms"`
	LastMS  int64 `json:"last_ms"`
}

// LedgerSummary is the ledger that the run left.
type LedgerSummary struct {
	Origin  string `json:"origin"`
	Records uint64 `json:"records"`
	Head    string `json:"head"`
	Root    string `json:"root"`
}

// PnL is profit and loss: Net = Gross - Fees - Slippage - Gas, exactly.
type PnL struct {
	// Gross is what the trades would have made at the prices that they were decided at; an open position counts at the last price.
	Gross fixed.Value `json:"gross"`
	Costs
	Net fixed.Value `json:"net"`
}

// Costs of trading; all against us if above 0.
type Costs struct {
	Fees     fixed.Value `json:"fees"`
	Slippage fixed.Value `json:"slippage"`
	Gas      fixed.Value `json:"gas"`
}

func (c *Costs) total(m *checked) fixed.Value { return m.add(m.add(c.Fees, c.Slippage), c.Gas) }

func (c *Costs) plus(d *Costs, m *checked) {
	c.Fees, c.Slippage, c.Gas = m.add(c.Fees, d.Fees), m.add(c.Slippage, d.Slippage), m.add(c.Gas, d.Gas)
}

// Trip is a position from flat to flat.
type Trip struct {
	EntryTick uint64 `json:"entry_tick"`
	EntryMS   int64  `json:"entry_ms"`
	ExitTick  uint64 `json:"exit_tick"`
	ExitMS    int64  `json:"exit_ms"`
	// Qty bought, in base units; Entry and Exit are the average prices of the fills.
	Qty   fixed.Value `json:"qty"`
	Entry fixed.Value `json:"entry"`
	Exit  fixed.Value `json:"exit"`
	// Gross, costs and net as in PnL; a burn's gas is in none of the trips.
	Gross fixed.Value `json:"gross"`
	Costs
	Net fixed.Value `json:"net"`
	// Burned of the trip's profit.
	Burned fixed.Value `json:"burned"`
	// Reason of the exit, and whether it was a forced one.
	Reason string `json:"reason"`
	Forced bool   `json:"forced,omitempty"`

	paid, sold, got fixed.Value
}

// Quarantines are those of one reason.
type Quarantines struct {
	Reason    core.Code `json:"reason"`
	Incidents int       `json:"incidents"`
	Ticks     uint64    `json:"ticks"`
}

// Print writes the summary for a person.
func (s *Summary) Print(w io.Writer) error {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	row := func(name, format string, args ...any) { fmt.Fprintf(t, name+"\t"+format+"\n", args...) }
	row("data", "%d %s, %s to %s", s.Data.Rows, s.Data.Kind, moment(s.Data.FirstMS), moment(s.Data.LastMS))
	row("ticks", "%d, %s with fresh prices, %s in quarantine", s.Ticks, share(s.FreshTicks, s.Ticks), share(s.QuarantinedTicks, s.Ticks))
	row("round trips", "%d, %d won; %d buys, %d sells, %d orders refused", len(s.Trips), s.Won, s.Buys, s.Sells, s.RefusedOrders)
	row("gross", "%s", s.PnL.Gross)
	row("  fees", "%s", s.PnL.Fees)
	row("  slippage", "%s", s.PnL.Slippage)
	row("  gas", "%s", s.PnL.Gas)
	row("net", "%s", s.PnL.Net)
	row("burned", "%s", s.Burned)
	row("equity", "%s to %s", s.EquityStart, s.EquityEnd)
	if s.OpenQty > 0 {
		row("open position", "%s at the last price", s.OpenQty)
	}
	row("max drawdown", "%s, at most %s of a peak", s.MaxDrawdown, percent(s.MaxDrawdownBps))
	row("exposure", "%s of the ticks", percent(s.ExposureBps))
	for i, q := range s.Quarantines {
		name := "quarantines"
		if i > 0 {
			name = ""
		}
		row(name, "%d %s, %d ticks", q.Incidents, q.Reason, q.Ticks)
	}
	row("ledger", "%d records, %s", s.Ledger.Records, s.Ledger.Origin)
	row("head", "%s", s.Ledger.Head)
	row("took", "%v", s.Took.Round(time.Millisecond))
	for _, n := range s.Notes {
		row("note", "%s", n)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func moment(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04:05.000Z") }

// percent shows basis points.
func percent(bps int64) string { return fmt.Sprintf("%d.%02d %%", bps/100, bps%100) }

func share(n, of uint64) string {
	if of == 0 {
		return percent(0)
	}
	return percent(int64(n * 10_000 / of))
}
