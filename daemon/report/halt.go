package report

import (
	"context"
	"errors"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// Halted is what is left of a daemon that must not tick.
type Halted struct {
	// Report as far as it is known, with Reason (one word, such as LedgerDamaged) and Message (what was expected, found, where, and what to do).
	// Halt sets phase, health and time.
	Report v1alpha1.Report
	// Detail for /statusz.
	Detail any
	// Ordered: a command on the Lease ordered the halt, which ends when it is taken back.
	Ordered bool
	// Released, if set, says that a person on this machine ends the halt.
	Released func() bool
	// Server that goes on answering. Required.
	Server *Server
	// Tenure that is held already; nil if there is none.
	Tenure lease.Tenure
	// Acquire gets a tenure where there is none, so that the operator hears of the halt; nil outside Kubernetes.
	Acquire func(context.Context) (lease.Tenure, error)
	// Log. The zero Logger discards.
	Log logr.Logger
}

const (
	// haltBeat is how often a halted daemon renews its report; how often that is sent is for the tenure to say.
	haltBeat = time.Second
	// releaseTime bounds the giving back of the Lease.
	releaseTime = 5 * time.Second
)

// Halt keeps the process answering and reporting, and nothing else, until ctx ends: no crash loop that would hide the reason, and a pod that can
// be entered. It keeps the Lease, so that no other daemon takes the account while a person looks, and gives it back at the end. A halt that was ordered
// ends too when the order is taken back, and a person's halt with the release: then again is true, and the daemon is to boot anew, as it does at any start.
func Halt(ctx context.Context, h Halted) (again bool) {
	if h.Log.GetSink() == nil {
		h.Log = logr.Discard()
	}
	h.Report.Phase, h.Report.Healthy = v1alpha1.PhaseHalted, false
	show := func() v1alpha1.Report {
		h.Report.UnixMilli = time.Now().UnixMilli()
		h.Server.Set(Snapshot{Report: h.Report, Detail: h.Detail})
		return h.Report
	}
	show()
	h.Log.Error(errors.New(h.Report.Message), "halted: no tick, no ledger write, no venue call until a person has looked", "reason", h.Report.Reason)

	if h.Tenure == nil && h.Acquire != nil {
		t, err := h.Acquire(ctx)
		if err != nil {
			h.Log.Error(err, "halted without a Lease: only /statusz and this log say why")
		} else {
			h.Tenure, h.Report.Epoch = t, t.Epoch()
			h.Server.SetFence(t)
		}
	}
	if h.Tenure == nil {
		<-ctx.Done()
		return false
	}

	beat := time.NewTicker(haltBeat)
	defer beat.Stop()
	for ctx.Err() == nil {
		h.Tenure.Publish(show())
		if h.Ordered && h.Tenure.Commands().Halt == "" {
			h.Log.Info("the order to halt was taken back: the daemon boots anew")
			again = true
			break
		}
		if h.Released != nil && h.Released() {
			h.Log.Info("a release waits: the daemon boots anew, and takes it up")
			again = true
			break
		}
		select {
		case <-beat.C:
		case <-ctx.Done():
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseTime)
	defer cancel()
	if err := h.Tenure.Release(ctx, show()); err != nil {
		h.Log.Error(err, "the Lease was not given back")
	}
	return again
}
