package controllers

import (
	"context"
	"errors"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// outcome is what apply did.
type outcome struct {
	// Wrote: at least one write request was sent.
	Wrote bool
	// Refused is what the API server refuses for a reason that trying again does not change.
	Refused *problem
	// Notes are Events about what was done, as opposed to what changed in status.
	Notes []note
	// Err is everything that went wrong.
	Err error
}

// apply carries the plan out. A step that fails does not keep the others from being tried (a volume that cannot grow must not keep a daemon from
// being suspended), but no pod is deleted unless everything before it is in place.
func (r *Reconciler) apply(ctx context.Context, o *observed, p *plan) (outcome, error) {
	done := outcome{}
	if p == o.memory.settled {
		return done, nil
	}
	a := applier{Reconciler: r, o: o, p: p, done: &done}
	a.do(a.orders(ctx, o.Lease))
	a.do(a.anchor(ctx))
	if p.HandsOff {
		if p.ReleaseFinalizer {
			a.do(r.releaseFinalizer(ctx, o.TauDaemon))
		}
	} else {
		a.children(ctx)
	}
	if p.GaveUp != "" && done.Err == nil {
		done.Notes = append(done.Notes, note{warning, "FlattenGaveUp", "Stop", "the position is kept: " + p.GaveUp})
	}
	if done.Err != nil {
		return done, fmt.Errorf("apply children of TauDaemon %s/%s: %w", o.TauDaemon.Namespace, o.TauDaemon.Name, done.Err)
	}
	return done, nil
}

// applier is one run of apply.
type applier struct {
	*Reconciler
	o    *observed
	p    *plan
	done *outcome
}

// do notes a step's error.
func (a *applier) do(err error) {
	if err == nil {
		return
	}
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) {
		a.done.Refused = &problem{ReasonApplyRefused, err.Error()}
	}
	a.done.Err = errors.Join(a.done.Err, err)
}

// children applies them in the order in which they need each other.
func (a *applier) children(ctx context.Context) {
	td, o, p := a.o.TauDaemon, a.o, a.p
	a.do(applyChild(ctx, a, o.ServiceAccount, desired.BuildServiceAccount(td)))
	a.do(applyChild(ctx, a, o.Role, desired.BuildRole(td)))
	a.do(applyChild(ctx, a, o.RoleBinding, desired.BuildRoleBinding(td)))
	a.do(applyChild(ctx, a, o.Service, desired.BuildService(td)))
	a.do(applyChild(ctx, a, o.Claim, desired.BuildVolumeClaim(td, o.Claim)))
	a.do(a.lease(ctx))
	if p.Template == nil {
		return
	}
	if o.Wanted != nil && p.Template == o.Wanted.Template {
		a.do(applyChild(ctx, a, o.configMap(p.Template.ConfigMap), o.Wanted.ConfigMap))
	}
	set, err := desired.BuildStatefulSet(td, p.Template, p.Replicas)
	if err == nil {
		err = applyChild(ctx, a, o.StatefulSet, set)
	}
	a.do(err)
	if a.done.Err == nil {
		a.do(a.roll(ctx))
		a.do(a.prune(ctx))
	}
}

// lease creates the Lease when it is gone. It is never applied: its spec is the daemon's.
func (a *applier) lease(ctx context.Context) error {
	if a.o.Lease != nil || a.leaving("Lease") {
		return nil
	}
	a.done.Wrote = true
	lease := desired.BuildLease(a.o.TauDaemon)
	if err := a.Client.Create(ctx, lease, client.FieldOwner(FieldOwner)); err != nil {
		return fmt.Errorf("create Lease %s: %w", lease.Name, err)
	}
	return a.orders(ctx, lease) // at once: a daemon that is already there may not start without them
}

// orders puts the commands, and what the daemon has to know of the witnessed heads, on the Lease, where they reach the running daemon without rolling
// it.
func (a *applier) orders(ctx context.Context, lease *coordinationv1.Lease) error {
	if lease == nil {
		return nil
	}
	commands, err := desired.EncodeCommands(a.p.Commands)
	if err != nil {
		return err
	}
	witnessed, err := desired.EncodeWitnessed(a.p.Witnessed)
	if err != nil || lease.Annotations[v1alpha1.AnnotationCommands] == commands && lease.Annotations[v1alpha1.AnnotationWitnessed] == witnessed {
		return err
	}
	a.done.Wrote = true
	ac := desired.BuildLeaseOrders(a.o.TauDaemon, lease.UID, commands, witnessed)
	if err := a.Client.Apply(ctx, ac, client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply commands to Lease %s: %w", lease.Name, err)
	}
	return nil
}

// anchor keeps the witnessed head on the volume claim.
func (a *applier) anchor(ctx context.Context) error {
	if a.p.Anchor == nil {
		return nil
	}
	encoded, err := desired.EncodeAnchor(*a.p.Anchor)
	if err != nil {
		return err
	}
	a.done.Wrote = true
	ac := desired.BuildClaimAnchor(a.o.TauDaemon, a.o.Claim.UID, encoded)
	if err := a.Client.Apply(ctx, ac, client.FieldOwner(AnchorOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply anchor to PersistentVolumeClaim %s: %w", a.o.Claim.Name, err)
	}
	return nil
}

// roll deletes the pod of an old template: once, by UID, and with its own grace period. The StatefulSet creates the next one when it is gone.
func (a *applier) roll(ctx context.Context) error {
	if a.p.DeletePod == "" {
		return nil
	}
	a.done.Wrote = true
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: a.o.Pod.Namespace, Name: a.o.Pod.Name}}
	err := a.Client.Delete(ctx, pod, client.Preconditions{UID: &a.p.DeletePod})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil // gone, or another pod by now
	}
	if err != nil {
		return fmt.Errorf("delete Pod %s: %w", pod.Name, err)
	}
	a.done.Notes = append(a.done.Notes, note{normal, "Rolled", "Roll",
		fmt.Sprintf("pod %s is replaced to run configuration %s", pod.Name, a.p.Template.ConfigMap)})
	return nil
}

// prune deletes the ConfigMaps that no template and no pod uses. It waits for a pass that found everything in place: until then a pod may still be
// created from the template before.
func (a *applier) prune(ctx context.Context) error {
	inPlace := a.o.podDigest() == a.p.Template.Digest || a.o.Pod == nil && a.p.Replicas == 0
	if a.done.Wrote || !inPlace {
		return nil
	}
	for i := range a.o.ConfigMaps {
		cm := &a.o.ConfigMaps[i]
		if cm.Name == a.p.Template.ConfigMap || !cm.DeletionTimestamp.IsZero() {
			continue
		}
		a.done.Wrote = true
		if err := a.Client.Delete(ctx, cm, client.Preconditions{UID: &cm.UID}); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("prune ConfigMap %s: %w", cm.Name, err)
		}
	}
	return nil
}

// leaving tells whether the child of that kind is of an earlier resource and still being deleted.
func (a *applier) leaving(kind string) bool {
	for _, name := range a.o.Leaving {
		if name == kind+" "+desired.ChildName(a.o.TauDaemon.Name) {
			return true
		}
	}
	return false
}

// applyConfiguration is what the generated apply configurations have in common.
type applyConfiguration[T any] interface {
	runtime.ApplyConfiguration
	WithAnnotations(map[string]string) T
	GetKind() *string
	GetName() *string
}

// applyChild applies one child if the live object lacks anything of it, or carries something that was applied before and is no longer wanted.
func applyChild[O client.Object, T applyConfiguration[T]](ctx context.Context, a *applier, live O, want T) error {
	kind, name := *want.GetKind(), *want.GetName()
	if a.leaving(kind) {
		return nil
	}
	digest, err := desired.Digest(want)
	if err != nil {
		return err
	}
	want.WithAnnotations(map[string]string{desired.AnnotationApplied: digest})
	if !isNil(live) && live.GetAnnotations()[desired.AnnotationApplied] == digest {
		same, err := covers(live, want)
		if err != nil || same {
			return err
		}
	}
	a.done.Wrote = true
	if err := a.Client.Apply(ctx, want, client.FieldOwner(FieldOwner), client.ForceOwnership); err != nil {
		return fmt.Errorf("apply %s %s: %w", kind, name, err)
	}
	return nil
}
