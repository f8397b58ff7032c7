package lease

import (
	"fmt"
	"math"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
)

// self is who asks.
type self struct {
	podUID, bootID string
	// ledgerLocked: this process holds the flock of the ledger, so no other container of this pod does.
	ledgerLocked bool
	// epoch that this process took; 0 before it took one.
	epoch int64
	// duration that this process would write: the guess for a holder that wrote none.
	duration time.Duration
}

// holder is the identity as the Lease carries it.
func (s self) holder() string { return s.podUID + "/" + s.bootID }

type verdict int

const (
	take verdict = iota // free, or its holder is proven to be unable to act
	wait                // another may still act
	ours                // held by this process
	lost                // was held by this process, and is not any more
)

type decision struct {
	verdict verdict
	// after: for wait, how long until the holder's time is over if it stays silent.
	after time.Duration
	// why, as a sentence for the log and for /readyz.
	why string
}

// classify is the choice with consequences: two processes that both think the Lease is theirs would trade one account twice. seen is when this
// process RECEIVED the first answer that showed the Lease at its present resourceVersion, and now the same clock's present time. The send time would
// not do for seen: the holder may have renewed after the question left and before it was answered.
func classify(l *coordinationv1.Lease, me self, seen, now time.Duration) decision {
	holder := deref(l.Spec.HolderIdentity)
	epoch := int64(deref(l.Spec.LeaseTransitions))

	if me.epoch > 0 {
		// Even an emptied holder is a loss: somebody else may have held it and gone, and have acted in between.
		if holder == me.holder() && epoch == me.epoch {
			return decision{verdict: ours}
		}
		return decision{verdict: lost, why: fmt.Sprintf("expected holder %q at epoch %d, found %q at epoch %d", me.holder(), me.epoch, holder, epoch)}
	}

	switch {
	case holder == me.holder():
		// The answer to our own taking got lost on its way.
		return decision{verdict: ours}
	case holder == "":
		return decision{verdict: take}
	case me.ledgerLocked && me.podUID != "" && strings.HasPrefix(holder, me.podUID+"/"):
		// An earlier boot in this pod. Its process is gone: the kernel gave its flock to us.
		return decision{verdict: take}
	}

	// On another node there may be a process that we cannot see, cut off from the API, acting until its deadline. It reckons that from its own send
	// time, which is before our sighting, so the wait is long enough if its clock is not slower than ours by more than the tenth added here.
	d := time.Duration(deref(l.Spec.LeaseDurationSeconds)) * time.Second
	if d <= 0 {
		d = me.duration
	}
	left := d + d/10 - (now - seen)
	if left <= 0 {
		return decision{verdict: take}
	}
	return decision{verdict: wait, after: left, why: fmt.Sprintf("held by %q at epoch %d, waiting until it has been silent for %v", holder, epoch, d+d/10)}
}

// nextEpoch is one above all that are known. It fails where a Lease cannot carry it.
func nextEpoch(l *coordinationv1.Lease, atLeast int64) (int64, error) {
	e := max(int64(deref(l.Spec.LeaseTransitions)), atLeast)
	if e < 0 || e >= math.MaxInt32 {
		return 0, fmt.Errorf("epoch: expected the highest one known to be from 0 to %d, found %d", math.MaxInt32-1, e)
	}
	return e + 1, nil
}

func deref[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}
