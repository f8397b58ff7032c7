package guard

import (
	"math"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// MoveResult is the guard's finding.
type MoveResult struct {
	// OK: the median moved by no more than the limit.
	OK bool `json:"ok"`
	// Bps that it moved, up or down, in basis points of where it was, rounded up; math.MaxInt64 for more than that.
	Bps int64 `json:"bps"`
	// Reason why OK is false.
	Reason string `json:"why,omitempty"`
}

// Move judges the way from the last median, that of the last tick with a quorum, to this tick's. Without a last one (0) there is no move.
func Move(maxBps int64, last, median fixed.Value) MoveResult {
	if last <= 0 {
		return MoveResult{OK: true}
	}
	bps, err := fixed.MulDiv(max(last, median)-min(last, median), fixed.BpsScale, last, fixed.Ceil) // both at least 0: the difference fits
	if err != nil {
		bps = math.MaxInt64 // a hundred thousand times any limit
	}
	if int64(bps) > maxBps {
		return MoveResult{Bps: int64(bps), Reason: "moved too far"}
	}
	return MoveResult{OK: true, Bps: int64(bps)}
}
