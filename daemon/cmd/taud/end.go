package main

import (
	"context"
	"errors"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/report"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// errAgain ends a run whose halt was ended.
var errAgain = errors.New("the halt was ended")

// asked says that a run outside a pod ended because a person ordered it: that is as good an end as a signal. In a pod the process stays, since it
// would only be started again.
func (d *daemon) asked(err error) bool {
	var halt *loop.HaltError
	return errors.As(err, &halt) && halt.Reason == loop.ReasonHaltOrdered && d.podUID == ""
}

// refuse ends a run that could not begin: outside a pod with nothing started, in a pod halted.
func (d *daemon) refuse(ctx context.Context, reason string, err error) error {
	if d.podUID == "" {
		return err
	}
	if listenErr := d.listen(ctx, defaultListen, time.Second); listenErr != nil {
		return errors.Join(err, listenErr)
	}
	return d.end(ctx, nil, &loop.HaltError{Reason: reason, Err: err})
}

// end is every end of a run: asked for, lost, or halted.
func (d *daemon) end(ctx context.Context, l *loop.Loop, err error) error {
	if d.setup != nil { // at once, since a halted daemon stays
		if err := oracle.Close(d.sources); err != nil {
			d.log.Error(err, "the sources were not closed in order")
		}
	}
	if d.setup != nil && d.specs != nil {
		defer func() {
			if err := d.specs.Close(); err != nil {
				d.log.Error(err, "the engines were not closed in order")
			}
		}()
	}
	if d.ledger != nil {
		defer func() {
			if err := d.ledger.Close(); err != nil {
				d.log.Error(err, "the ledger was not closed in order")
			}
		}()
	}
	var halt *loop.HaltError
	switch {
	case errors.As(err, &halt) && d.podUID != "":
		if report.Halt(ctx, d.halted(l, halt)) {
			return errAgain
		}
		return nil
	case err != nil && ctx.Err() != nil && l == nil:
		d.log.Info("asked to stop before the first tick")
		err = nil
	case errors.As(err, &halt):
		return found(err)
	case err != nil:
		return err
	}
	if d.tenure == nil {
		return err
	}
	last := d.known.report // what an earlier process said is still what is known of the ledger
	last.Phase = v1alpha1.PhaseStopped
	if l != nil {
		last = l.Report(v1alpha1.PhaseStopped)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	return d.tenure.Release(ctx, last)
}

// halted says what is known: the ledger's head stays the one that was reported before, so that nobody takes a damaged one for it. Where the operator ordered
// the halt, it needs to see the present head, to know when it may take the order back.
func (d *daemon) halted(l *loop.Loop, halt *loop.HaltError) report.Halted {
	r := d.known.report
	ordered := halt.Reason == loop.ReasonHaltOrdered && d.tenure != nil && d.tenure.Commands().Halt != "" // not by a person on this machine
	switch {
	case l != nil:
		r = l.Report(v1alpha1.PhaseHalted)
	case ordered && d.ledger.Head().Size > 0:
		r.Ledger = loop.LedgerHead(d.ledger)
	}
	r.Reason, r.Message = halt.Reason, d.clean(halt.Err.Error())
	h := report.Halted{Report: r, Server: d.server, Log: d.log, Tenure: d.tenure, Ordered: ordered}
	if l != nil && halt.Reason == loop.ReasonHaltOrdered && !ordered {
		h.Released = d.inbox.Released
	}
	if d.tenure == nil && d.api != nil {
		h.Acquire = func(ctx context.Context) (lease.Tenure, error) {
			o := lease.Options{
				API: d.api, PodUID: d.podUID, BootID: d.bootID, LedgerLocked: d.ledger != nil, AtLeast: d.known.report.Epoch,
				Duration: 30 * time.Second, ReportInterval: 10 * time.Second, Attest: d.attest, Log: d.log.WithName("lease"), Waiting: d.server.Waiting,
			}
			if d.setup != nil {
				o.Duration, o.ReportInterval = d.config.Report.LeaseDuration, d.config.Report.Interval
			}
			return lease.Acquire(ctx, o)
		}
	}
	return h
}
