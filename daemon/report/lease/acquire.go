package lease

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/go-logr/logr"
	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Options of Acquire. API, PodUID, BootID, Duration and ReportInterval are required.
type Options struct {
	API API
	// PodUID, from the downward API, and BootID, from NewBootID, make the holder.
	PodUID, BootID string
	// LedgerLocked: this process holds the ledger's flock. Without it, also a Lease of an earlier boot in this pod is waited for.
	LedgerLocked bool
	// AtLeast is the highest epoch known from elsewhere: the ledger's, or one that was given. The epoch taken is above it.
	AtLeast int64
	// Duration of the lease, at least one second.
	Duration time.Duration
	// ReportInterval between two reports that nobody waits for, at least one second.
	ReportInterval time.Duration
	// Attest signs the ledger head of a report that is about to be sent, and proves that it continues the first from records (0: none). It may run
	// beside the loop, and is given half a second. nil sends reports as they are.
	Attest func(r *v1alpha1.Report, from int64) error
	// Clock that goes on in a suspend; Boottime where nil.
	Clock func() time.Duration
	// Log of what happens to the Lease. The zero Logger discards.
	Log logr.Logger
	// Waiting, if set, hears why the Lease was not taken yet, whenever that changes.
	Waiting func(why string)
}

// NewBootID gives this start of the process its random name: 16 hex digits.
func NewBootID() string {
	var b [8]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return hex.EncodeToString(b[:])
}

const (
	// pollInterval: a Lease that another holds is looked at this often, so that a release is seen soon.
	pollInterval = time.Second
	// maxBackoff between tries while the API does not answer.
	maxBackoff = 5 * time.Second
	// maxWatchPause between tries of a watch that fails: each renewal that conflicts brings the commands too.
	maxWatchPause = 30 * time.Second
	// minGap between two PUTs.
	minGap = time.Second
)

// requestTimeout leaves room for several tries between a renewal's due time, a third of the duration, and the deadline.
func requestTimeout(duration time.Duration) time.Duration {
	return min(max(duration/6, time.Second), 5*time.Second)
}

// Acquire waits for the Lease and takes it. It goes on trying while the Lease is missing (the operator makes it), held by another, or the API is
// away; it fails when ctx ends, or when no epoch is left. ctx bounds only the taking: the tenure lasts until Release or its loss, so that a
// process that is told to end can still settle its orders.
func Acquire(ctx context.Context, o Options) (*Held, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	a := &acquisition{Options: o, me: self{podUID: o.PodUID, bootID: o.BootID, ledgerLocked: o.LedgerLocked, duration: o.Duration}}
	backoff := pollInterval
	for {
		h, again, err := a.try(ctx)
		switch {
		case h != nil:
			return h, nil
		case errors.Is(err, errNoEpoch):
			return nil, err
		case ctx.Err() != nil: // below
		case err != nil:
			a.say(err.Error())
			again, backoff = backoff, min(2*backoff, maxBackoff)
		default:
			backoff = pollInterval
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("lease not acquired: %w (%s)", ctx.Err(), a.said)
		case <-time.After(again):
		}
	}
}

var errNoEpoch = errors.New("no epoch left")

func (o *Options) complete() error {
	switch {
	case o.API == nil:
		return errors.New("lease: expected an API, found none")
	case o.PodUID == "" || o.BootID == "":
		return fmt.Errorf("lease: expected a pod UID and a boot id, found %q and %q", o.PodUID, o.BootID)
	case o.Duration < time.Second || o.Duration > math.MaxInt32*time.Second:
		return fmt.Errorf("lease: expected a duration of at least 1s, found %v", o.Duration)
	case o.ReportInterval < minGap:
		return fmt.Errorf("lease: expected a report interval of at least %v, found %v", minGap, o.ReportInterval)
	}
	if o.Clock == nil {
		o.Clock = Boottime
	}
	if o.Log.GetSink() == nil {
		o.Log = logr.Discard()
	}
	return nil
}

// acquisition is what is remembered between two looks at the Lease.
type acquisition struct {
	Options
	me      self
	version string        // resourceVersion that was seen last
	seen    time.Duration // when it was seen first
	said    string
}

func (a *acquisition) say(why string) {
	if why == a.said {
		return
	}
	a.said = why
	a.Log.Info("waiting for the Lease", "why", why)
	if a.Waiting != nil {
		a.Waiting(why)
	}
}

// try looks at the Lease once, and takes it if it may. Otherwise it says when to look again.
func (a *acquisition) try(ctx context.Context) (_ *Held, again time.Duration, _ error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout(a.Duration))
	defer cancel()
	l, err := a.API.Get(ctx)
	received := a.Clock()
	if apierrors.IsNotFound(err) {
		a.say("the Lease does not exist: the operator makes it")
		return nil, pollInterval, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("get Lease: %w", err)
	}
	if l.ResourceVersion != a.version {
		a.version, a.seen = l.ResourceVersion, received
	}

	epoch := int64(deref(l.Spec.LeaseTransitions))
	d := classify(l, a.me, a.seen, received)
	switch {
	case d.verdict == wait:
		a.say(d.why)
		return nil, min(d.after, pollInterval), nil
	case d.verdict == ours && epoch > a.AtLeast:
		// An earlier try arrived though its answer did not: it took this epoch for us.
	default:
		if epoch, err = nextEpoch(l, a.AtLeast); err != nil {
			return nil, 0, fmt.Errorf("%w: %w", errNoEpoch, err)
		}
	}

	next := l.DeepCopy()
	now := metav1.NewMicroTime(time.Now())
	next.Spec.HolderIdentity = new(a.me.holder())
	next.Spec.LeaseTransitions = new(int32(epoch))
	next.Spec.LeaseDurationSeconds = new(wholeSeconds(a.Duration))
	next.Spec.AcquireTime, next.Spec.RenewTime = &now, &now
	sent := a.Clock()
	stored, err := a.API.Update(ctx, next)
	if apierrors.IsConflict(err) {
		return nil, 100 * time.Millisecond, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("take Lease: %w", err)
	}
	a.Log.Info("Lease taken", "lease", l.Namespace+"/"+l.Name, "epoch", epoch, "from", deref(l.Spec.HolderIdentity), "duration", a.Duration.String())
	me := a.me
	me.epoch = epoch
	return newHeld(a.Options, me, stored, sent), 0, nil //nolint:contextcheck // the tenure outlives the taking: see Acquire
}

// wholeSeconds rounds up: another that waits for what is written never waits for less than this process means.
func wholeSeconds(d time.Duration) int32 { return int32((d + time.Second - 1) / time.Second) }

// mine reports whether the Lease still says what this tenure wrote.
func mine(l *coordinationv1.Lease, me self) (bool, string) {
	d := classify(l, me, 0, 0)
	return d.verdict == ours, d.why
}
