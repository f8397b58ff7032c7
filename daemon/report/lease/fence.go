package lease

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// ErrLost is wrapped by Fence.Err when another took the Lease: this process must not act again.
var ErrLost = errors.New("lease lost")

// ErrReleased is what Fence.Err gives after Release.
var ErrReleased = errors.New("lease released")

// Fence says whether, and until when, this process may act. All methods are safe for concurrent use.
type Fence interface {
	// Epoch that this process took: higher than that of any process before it.
	Epoch() int64
	// Margin is what is left until the deadline; at zero or below nothing may leave the process. It can come back (the API was away), unless Err says otherwise.
	Margin() time.Duration
	// Commands last seen on the Lease.
	Commands() v1alpha1.Commands
	// Changed wakes its one reader when the commands changed or the fence was lost. Several changes may give one wake-up.
	Changed() <-chan struct{}
	// Err is nil while the fence holds or may hold again, and wraps ErrLost or ErrReleased once it never will.
	Err() error
}

// Tenure is a Fence with the duties that keep it: what the loop and main hold.
type Tenure interface {
	Fence
	// Progress says that the tick loop is alive. Without it the Lease is not renewed. Cheap; to be called at every tick, and in a wait longer than a
	// sixth of the lease's duration.
	Progress()
	// Publish replaces the report that waits to be sent, and counts as Progress. It never blocks. A change of phase, health, quarantine,
	// acknowledgement or draining goes out at once, anything else every report interval, never more than one a second. Version, PodUID, BootID and
	// Epoch are filled in here. A report that is too long loses the end of its message.
	Publish(v1alpha1.Report)
	// Release gives the Lease back, with a last report, and ends the tenure whether or not that works: Margin is zero from its start. On an error the
	// successor has to wait for the lease's duration.
	Release(ctx context.Context, last v1alpha1.Report) error
}

// Unfenced is the Tenure of a process outside Kubernetes, where the ledger's flock keeps others out.
type Unfenced struct{ epoch int64 }

// NewUnfenced gives the Tenure of a process that took epoch by itself: the ledger's highest plus one.
func NewUnfenced(epoch int64) *Unfenced { return &Unfenced{epoch: epoch} }

// Epoch that was given.
func (u *Unfenced) Epoch() int64 { return u.epoch }

// Margin never ends.
func (u *Unfenced) Margin() time.Duration { return math.MaxInt64 }

// Commands are always empty: nobody sends any.
func (u *Unfenced) Commands() v1alpha1.Commands { return v1alpha1.Commands{} }

// Changed never wakes.
func (u *Unfenced) Changed() <-chan struct{} { return nil }

// Err is always nil.
func (u *Unfenced) Err() error { return nil }

// Progress has nobody to tell.
func (u *Unfenced) Progress() {}

// Publish has nobody to tell: the HTTP server shows the same report.
func (u *Unfenced) Publish(v1alpha1.Report) {}

// Release has nothing to give back.
func (u *Unfenced) Release(context.Context, v1alpha1.Report) error { return nil }
