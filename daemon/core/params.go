package core

import (
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// StallLimit is the number of ticks in a row that a position may be held without the kernel's progress, or with an exit owed, before 05 calls
// it a stall; with the long-hold kernel, beyond the ticks that a position may be held.
const StallLimit = 4

// Params are what decides, out of the configuration: they stand in every boot record, so that a ledger can be replayed by itself.
type Params struct {
	// FailHoldTicks for which the failure echo is held after an anomaly's tick, 2 to 63.
	FailHoldTicks uint64 `json:"fail_hold_ticks"`
	// ClearTicks clean ticks in a row end an Auto quarantine, at least 1.
	ClearTicks uint64 `json:"clear_ticks"`
	// ManualRelease: every quarantine waits for an acknowledgement.
	ManualRelease bool `json:"manual_release"`
	// Freshness limits, with one maximum age for each source in the order of the configuration.
	Freshness guard.FreshnessLimits `json:"freshness"`
	// MaxMoveBps of the median from one tick with a quorum to the next; 0 is no limit.
	MaxMoveBps int64 `json:"max_move_bps,omitzero"`
	// Costs of trading.
	Costs guard.Costs `json:"costs"`
	// TradeQty of one buy, in base units, above 0.
	TradeQty fixed.Value `json:"trade_qty"`
	// MinProfit that the profit guard must see exceeded, in quote units.
	MinProfit fixed.Value `json:"min_profit"`
	// BurnShareBps of a realised profit is burned, 0 to 10000.
	BurnShareBps int64 `json:"burn_share_bps"`
	// EmergencySlippageBps is the limit of a forced exit below the last good price.
	EmergencySlippageBps int64 `json:"emergency_slippage_bps"`
	// CooldownTicks after a sell without an entry; 0 means no cooldown.
	CooldownTicks uint64 `json:"cooldown_ticks"`
	// Risk limits.
	Risk guard.RiskLimits `json:"risk"`
	// Signal windows and limits.
	Signal signal.Params `json:"signal"`
	// ExitOnLeaseRisk: a thin margin of the Lease is an anomaly, so the position is sold while it still may be.
	ExitOnLeaseRisk bool `json:"exit_on_lease_risk"`
}
