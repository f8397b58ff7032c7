package guard

import "github.com/taudaemon/taudaemon/daemon/fixed"

// RiskLimits configure Risk.
type RiskLimits struct {
	// MaxPositionTicks since the fill.
	MaxPositionTicks uint64 `json:"max_position_ticks"`
	// MaxPositionQty in base units.
	MaxPositionQty fixed.Value `json:"max_position_qty"`
	// MaxDrawdownBps from the peak of equity, in basis points.
	MaxDrawdownBps int64 `json:"max_drawdown_bps"`
}

// RiskFacts are what Risk judges.
type RiskFacts struct {
	// Quantity held, in base units, and TicksHeld since its fill.
	Quantity  fixed.Value
	TicksHeld uint64
	// Equity marked to the median, and its Peak, in quote units. Without a price Equity is that of the last one.
	Equity, Peak fixed.Value
}

// RiskResult is the guard's finding.
type RiskResult struct {
	// OK: no limit is breached. While holding, a breach is a reason to sell; while flat, one not to buy.
	OK bool `json:"ok"`
	// DrawdownBps from the peak, rounded up; 0 at or above it.
	DrawdownBps int64 `json:"dd_bps"`
	// Drawdown: its limit is breached.
	Drawdown bool `json:"dd,omitempty"`
	// Excess quantity above the limit, in base units.
	Excess fixed.Value `json:"excess,omitzero"`
	// Reason why OK is false.
	Reason string `json:"why,omitempty"`
}

// Risk judges the position against its limits in quantity, in ticks and in drawdown.
func Risk(l RiskLimits, f RiskFacts) (RiskResult, error) {
	r := RiskResult{OK: true}
	if f.Quantity > 0 && f.TicksHeld >= l.MaxPositionTicks {
		r.OK, r.Reason = false, "held too long"
	}
	if f.Quantity > l.MaxPositionQty {
		excess, err := f.Quantity.Sub(l.MaxPositionQty)
		if err != nil {
			return RiskResult{Reason: "overflow"}, err
		}
		r.OK, r.Reason, r.Excess = false, "position too large", excess
	}
	dd, err := drawdownBps(f.Equity, f.Peak)
	if err != nil {
		return RiskResult{Reason: "overflow"}, err
	}
	r.DrawdownBps = dd
	if dd >= l.MaxDrawdownBps {
		r.OK, r.Drawdown, r.Reason = false, true, "drawdown"
	}
	return r, nil
}

// drawdownBps is ceil((peak - equity) * 10000 / peak); a peak at or below zero has no drawdown.
func drawdownBps(equity, peak fixed.Value) (int64, error) {
	if peak <= 0 || equity >= peak {
		return 0, nil
	}
	lost, err := peak.Sub(equity)
	if err != nil {
		return 0, err
	}
	bps, err := fixed.MulDiv(lost, 10_000, peak, fixed.Ceil)
	return int64(bps), err
}
