package prove

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
)

// Limits are the configured limits that the composition is explored with.
type Limits struct {
	// FailHoldTicks for which the failure echo is held, 2 to 63. ClearTicks that end an Auto quarantine, at least 1.
	FailHoldTicks uint64 `json:"fail_hold_ticks"`
	ClearTicks    uint64 `json:"clear_ticks"`
	// CooldownTicks after a sell, 0 to 1023. MaxPositionTicks since the fill, at least 1.
	CooldownTicks    uint64 `json:"cooldown_ticks"`
	MaxPositionTicks uint64 `json:"max_position_ticks"`
	// ManualRelease: every quarantine waits for an acknowledgement. HoldOnLeaseRisk: a thin margin of the Lease is no anomaly.
	ManualRelease   bool `json:"manual_release,omitempty"`
	HoldOnLeaseRisk bool `json:"hold_on_lease_risk,omitempty"`
}

// The ranges of the limits; those of daemon/config are no wider.
const (
	minFailHold, maxFailHold = 2, 63
	maxCooldown              = 1023
)

func (l Limits) check() error {
	for _, c := range []struct {
		name      string
		v, lo, hi uint64
	}{
		{"fail_hold_ticks", l.FailHoldTicks, minFailHold, maxFailHold},
		{"clear_ticks", l.ClearTicks, 1, 1 << 32},
		{"cooldown_ticks", l.CooldownTicks, 0, maxCooldown},
		{"max_position_ticks", l.MaxPositionTicks, 1, 1 << 32},
	} {
		if c.v < c.lo || c.v > c.hi {
			return fmt.Errorf("%s: expected %d to %d, found %d", c.name, c.lo, c.hi, c.v)
		}
	}
	return nil
}

// LimitsOf are the limits among the parameters of a boot.
func LimitsOf(p core.Params) Limits {
	return Limits{
		FailHoldTicks: p.FailHoldTicks, ClearTicks: p.ClearTicks, CooldownTicks: p.CooldownTicks, MaxPositionTicks: p.Risk.MaxPositionTicks,
		ManualRelease: p.ManualRelease, HoldOnLeaseRisk: !p.ExitOnLeaseRisk,
	}
}
