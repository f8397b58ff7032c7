package controllers

import (
	"context"
	"fmt"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Finalizer holds a resource's deletion back until its position is sold, for at most flattenLimit. It is there only while onStop is Flatten:
// with Keep, nothing of the operator's is needed to delete the resource.
const Finalizer = "taudaemon.io/flatten"

// finalize sees that the finalizer is there exactly while onStop is Flatten. A resource that is being deleted can be given none any more.
func (r *Reconciler) finalize(ctx context.Context, td *v1alpha1.TauDaemon) error {
	if td.Spec.OnStop != v1alpha1.StopFlatten {
		return r.releaseFinalizer(ctx, td)
	}
	if !td.DeletionTimestamp.IsZero() || controllerutil.ContainsFinalizer(td, Finalizer) {
		return nil
	}
	return r.patchFinalizers(ctx, td, func() { controllerutil.AddFinalizer(td, Finalizer) })
}

func (r *Reconciler) releaseFinalizer(ctx context.Context, td *v1alpha1.TauDaemon) error {
	if !controllerutil.ContainsFinalizer(td, Finalizer) {
		return nil
	}
	return r.patchFinalizers(ctx, td, func() { controllerutil.RemoveFinalizer(td, Finalizer) })
}

// patchFinalizers changes the list under an optimistic lock: a merge patch replaces it whole, and another's finalizer must not be lost.
func (r *Reconciler) patchFinalizers(ctx context.Context, td *v1alpha1.TauDaemon, change func()) error {
	before := td.DeepCopy()
	change()
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, td, patch, client.FieldOwner(FieldOwner)); err != nil {
		return fmt.Errorf("patch finalizers of TauDaemon %s/%s: %w", td.Namespace, td.Name, client.IgnoreNotFound(err))
	}
	return nil
}
