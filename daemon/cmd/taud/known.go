package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// remembered is what the Lease knows when the process starts.
type remembered struct {
	// report is what the daemon before said last.
	report v1alpha1.Report
	// witnessed is what the operator has to say of the ledger, if anything.
	witnessed v1alpha1.Witnessed
	// halt: the operator orders a halt, and why.
	halt string
}

// remember reads the Lease, for as long as that takes.
func (d *daemon) remember(ctx context.Context) error {
	for wait := time.Second; d.api != nil; wait = min(2*wait, 10*time.Second) {
		tryCtx, cancel := context.WithTimeout(ctx, 5*time.Second)
		l, err := d.api.Get(tryCtx)
		cancel()
		if err == nil {
			d.known, err = readLease(l)
			return err
		}
		d.log.Info("the Lease cannot be read yet", "error", err.Error(), "again", wait)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
	return nil
}

func readLease(l *coordinationv1.Lease) (k remembered, err error) {
	unreadable := func(reason, annotation string, err error) (remembered, error) {
		return remembered{}, &loop.HaltError{Reason: reason, Err: fmt.Errorf("annotation %s of the Lease: %w", annotation, err)}
	}
	if text := l.Annotations[v1alpha1.AnnotationReport]; text != "" {
		if err := json.Unmarshal([]byte(text), &k.report); err != nil {
			return unreadable("UndecodableReport", v1alpha1.AnnotationReport, err)
		}
	}
	if k.witnessed, err = lease.WitnessedOn(l); err != nil {
		return unreadable("UndecodableWitness", v1alpha1.AnnotationWitnessed, err)
	}
	var c v1alpha1.Commands
	if text := l.Annotations[v1alpha1.AnnotationCommands]; text != "" {
		if err := json.Unmarshal([]byte(text), &c); err != nil {
			return unreadable("UndecodableCommands", v1alpha1.AnnotationCommands, err)
		}
	}
	if k.halt = c.Halt; k.halt != "" {
		// What was said last may be the very head that is not believed: it is no measure for a ledger, and not said again.
		k.report.Ledger, k.report.Proof = nil, nil
	}
	return k, nil
}

// head is the highest head of the ledger that is known outside it, and its origin: the operator's, unless the daemon before has said a later one of the
// same ledger.
func (k *remembered) head() (h ledger.Head, origin string, err error) {
	r, w := k.report.Ledger, k.witnessed
	if w.Size > 0 && (r == nil || r.Origin != w.Origin || r.Size <= w.Size) {
		r = &v1alpha1.LedgerReport{Origin: w.Origin, Size: w.Size, Head: w.Head, Root: w.Root}
	}
	if r == nil || r.Size <= 0 {
		return h, "", nil
	}
	h.Size = uint64(r.Size)
	if h.Leaf, err = ledger.ParseHash(r.Head); err == nil && r.Root != "" {
		h.Root, err = ledger.ParseHash(r.Root)
	}
	if err != nil {
		return ledger.Head{}, "", fmt.Errorf("the ledger's head on the Lease: %w", err)
	}
	return h, r.Origin, nil
}

// openLedger opens the ledger, which must have the beginning of what is known outside it, unless a person has accepted another origin and the folder
// has a ledger of that.
func (d *daemon) openLedger() (*ledger.Recovery, error) {
	dir := d.config.Paths.LedgerDir
	known, origin, err := d.known.head()
	if err != nil {
		return nil, &loop.HaltError{Reason: "LedgerDamaged", Err: err}
	}
	key, err := ledger.FolderKey(dir)
	if err != nil {
		return nil, &loop.HaltError{Reason: "LedgerUnreadable", Err: err}
	}
	name, _, _ := strings.Cut(key, "+")
	accepted := known.Size > 0 && name != origin && name != "" && name == d.known.witnessed.AcceptOrigin
	if accepted {
		known = ledger.Head{}
		d.known.report.Ledger, d.known.report.Proof = nil, nil
		d.log.Info("a ledger of another origin, which spec.ledger.acceptOrigin names", "known", origin, "origin", name)
	}
	opened, recovery, err := ledger.Open(dir, ledger.Options{SegmentBytes: d.config.Ledger.SegmentBytes, Known: known, Space: marks(d.config)})
	if err != nil {
		return nil, &loop.HaltError{Reason: ledgerReason(err), Err: err}
	}
	d.ledger = opened
	if accepted && opened.Origin() != name {
		return nil, &loop.HaltError{Reason: "LedgerDamaged", Err: fmt.Errorf("the ledger's origin: expected %s, as in its ledger.pub, found %s", name, opened.Origin())}
	}
	return recovery, nil
}

// attest signs what is reported; a process that has no ledger open says what was said before it, with the signature of then.
func (d *daemon) attest(r *v1alpha1.Report, from int64) error {
	if d.ledger == nil {
		return nil
	}
	return loop.Attest(d.ledger, r, from)
}
