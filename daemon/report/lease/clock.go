package lease

import (
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Boottime reads CLOCK_BOOTTIME: time since the machine's start, suspend included. Go's own monotonic clock stops in a suspend, and would let a
// resumed process act on a Lease that ran out while it slept.
func Boottime() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		// Linux has had this clock since 2.6.39. Without it no deadline can be kept.
		panic(fmt.Sprintf("lease: clock_gettime(CLOCK_BOOTTIME): %v", err))
	}
	return time.Duration(ts.Nano())
}
