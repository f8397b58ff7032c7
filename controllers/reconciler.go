package controllers

import (
	"context"
	"errors"

	"k8s.io/client-go/tools/events"
	"k8s.io/utils/clock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// FieldOwner is the field manager of everything that the operator writes.
const FieldOwner = "taudaemon-operator"

// AnchorOwner is the field manager of the ledger's anchor on a volume claim, which is applied apart from the claim.
const AnchorOwner = "taudaemon-operator-witness"

// Reconciler brings the cluster to what one TauDaemon says, and its status to what is.
type Reconciler struct {
	// Client reads from the cache, which holds labelled objects only, and writes.
	Client client.Client
	// Live reads from the API server: it finds the objects of a child's name that are not ours, and so not in the cache.
	Live client.Reader
	// Recorder writes Events.
	Recorder events.EventRecorder
	// Clock is the operator's own clock: the age of reports is measured on it.
	Clock clock.PassiveClock
	// Image of the daemon, where the spec names none.
	Image string
	// Specs are the Tau specs that the pod is given, by file name.
	Specs map[string]string

	memories memories
	accounts accounts
}

// Reconcile does one pass over one TauDaemon.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	td, err := r.load(ctx, req.NamespacedName)
	if td == nil || err != nil {
		return ctrl.Result{}, err
	}
	if err := r.finalize(ctx, td); err != nil {
		return ctrl.Result{}, err
	}
	seen, err := r.observe(ctx, td)
	if err != nil {
		return ctrl.Result{}, err
	}
	plan := decide(seen)
	done, applyErr := r.apply(ctx, seen, plan)
	// What went wrong is shown in status too, so the status is written before the error leads to another try.
	status := computeStatus(seen, plan, done)
	statusErr := r.writeStatus(ctx, td, status)
	if statusErr == nil {
		r.announce(td, transitions(&td.Status, status), done.Notes)
	}
	r.remember(seen, plan, done)
	return ctrl.Result{RequeueAfter: requeueAfter(seen, plan)}, errors.Join(applyErr, statusErr)
}
