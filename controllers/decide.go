package controllers

import (
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

// flattenLimit bounds how long a stop waits for the position to be sold. Past it the stop goes on and the position is kept.
const flattenLimit = 2 * time.Minute

// plan is what a pass will do.
type plan struct {
	// Stalled says what a person has to change; nil otherwise. Stalled by a taken name or venue account applies nothing; by an invalid configuration it keeps the
	// approved template going, so that a bad edit neither stops a running daemon nor keeps it from being suspended.
	Stalled *problem
	// Waiting says which earlier resource's children have to go first; "" otherwise.
	Waiting string
	// HandsOff: nothing is applied but the commands.
	HandsOff bool

	// Template to apply: the wanted or the approved one; nil if there is none yet.
	Template *desired.Template
	// Held says why the wanted template is not applied, or the pod not replaced, yet; "" otherwise.
	Held string
	// Replicas of the StatefulSet.
	Replicas int32
	// DeletePod is the UID of a pod of an old template that is to be replaced now; "" otherwise.
	DeletePod types.UID

	// Commands for the daemon, and what it has to know of the witnessed heads.
	Commands  v1alpha1.Commands
	Witnessed v1alpha1.Witnessed
	// Anchor to be written to the volume claim; nil if none is due.
	Anchor *desired.Anchor
	// Flattening: the stop waits for the position to be sold; GaveUp: it no longer does, and says why.
	Flattening bool
	GaveUp     string
	// ReleaseFinalizer lets the deletion go on.
	ReleaseFinalizer bool
}

// problem is a reason that a person has to deal with.
type problem struct{ Reason, Message string }

// decide says what to do about what was observed. It is pure: every rule that has consequences is here.
func decide(o *observed) *plan {
	if o.unchanged() {
		return o.memory.settled
	}
	p := &plan{
		Commands:  v1alpha1.Commands{Acknowledge: o.TauDaemon.Spec.Quarantine.Acknowledge, Halt: o.Witnessing.halt(), Retention: o.retention()},
		Witnessed: o.toTell(), Anchor: o.anchorDue(),
	}
	decideStop(o, p)
	if !o.TauDaemon.DeletionTimestamp.IsZero() {
		// The garbage collector deletes the children; whatever were applied now would come back behind it.
		p.HandsOff = true
		p.ReleaseFinalizer = !p.Flattening
		return p
	}
	decideStalled(o, p)
	if !p.HandsOff {
		decideTemplate(o, p)
	}
	return p
}

// decideStop says whether the daemon is to run, and lets Flatten sell the position before it stops.
func decideStop(o *observed, p *plan) {
	td := o.TauDaemon
	stopping := td.Spec.Suspend || !td.DeletionTimestamp.IsZero()
	if !stopping {
		p.Replicas = 1
		return
	}
	running := o.Pod != nil && o.StatefulSet != nil && o.liveReplicas() > 0
	if td.Spec.OnStop != v1alpha1.StopFlatten || o.Pod == nil {
		return
	}
	// The order stays as long as the pod does: a daemon on its way down must not buy again.
	p.Commands.Flatten = true
	if !running || flat(o.Heard.current()) {
		return
	}
	switch report := o.Heard.current(); {
	case report != nil && report.Phase != v1alpha1.PhaseRunning:
		p.GaveUp = fmt.Sprintf("the daemon is %s and cannot sell", report.Phase)
	case !o.memory.flattenSince.IsZero() && o.Now.Sub(o.memory.flattenSince) >= flattenLimit:
		p.GaveUp = fmt.Sprintf("the position was not sold within %s", flattenLimit)
	default:
		p.Flattening = true
		p.Replicas = 1
	}
}

// flat tells whether the report says that the flatten command was heard and nothing is left to sell. Draining matters: a report from before the
// command may be of a daemon that is about to buy.
func flat(r *v1alpha1.Report) bool {
	return r != nil && r.Draining && !r.OpenIntent && r.Position.Quantity == "0"
}

// decideStalled finds what keeps the operator from applying anything, or anything new.
func decideStalled(o *observed, p *plan) {
	v := o.TauDaemon.Spec.Ledger.Volume
	switch {
	case len(o.Taken) > 0:
		p.HandsOff = true
		p.Stalled = &problem{v1alpha1.ReasonNameTaken, o.Taken[0] + " exists and is not of this resource; it is left alone: delete or rename it"}
	case o.Claim != nil && mismatch(o.Claim, v) != "":
		p.HandsOff = true
		p.Stalled = &problem{ReasonVolumeMismatch, mismatch(o.Claim, v)}
	case o.AccountUser != "":
		// Nothing that could send an order is made; what is there, and should not be, is stopped. A stop keeps the position.
		p.Replicas, p.HandsOff = 0, o.StatefulSet == nil
		p.Stalled = &problem{v1alpha1.ReasonAccountInUse, fmt.Sprintf("the venue account (%s) is in use by %s, and one account is for one daemon: delete that one, or name another account",
			desired.Account(o.TauDaemon), o.AccountUser)}
	case o.WantedErr != nil:
		p.Stalled = &problem{v1alpha1.ReasonInvalidConfig, o.WantedErr.Error()}
	}
	if len(o.Leaving) > 0 {
		p.Waiting = o.Leaving[0] + " of an earlier resource is being deleted"
	}
}

// mismatch says in what a claim that was adopted differs from the spec where a claim cannot be changed; "" if in nothing.
func mismatch(claim *corev1.PersistentVolumeClaim, v v1alpha1.VolumeSpec) string {
	if v.StorageClassName != nil && claim.Spec.StorageClassName != nil && *v.StorageClassName != *claim.Spec.StorageClassName {
		return fmt.Sprintf("PersistentVolumeClaim %s: storageClassName: expected %q as in spec.ledger.volume, found %q, and it cannot be changed",
			claim.Name, *v.StorageClassName, *claim.Spec.StorageClassName)
	}
	if len(claim.Spec.AccessModes) != 1 || claim.Spec.AccessModes[0] != v.AccessMode {
		return fmt.Sprintf("PersistentVolumeClaim %s: accessModes: expected [%s] as in spec.ledger.volume, found %v, and they cannot be changed",
			claim.Name, v.AccessMode, claim.Spec.AccessModes)
	}
	return ""
}

// decideTemplate chooses between the wanted and the approved template. Under OnDelete a recreated pod takes whatever template is there, so the
// wanted one is applied only when the pod may be replaced; until then the approved one is applied again.
func decideTemplate(o *observed, p *plan) {
	if o.StatefulSet == nil {
		if o.Wanted != nil && p.Waiting == "" {
			p.Template = o.Wanted.Template
		}
		return
	}
	approved := o.approved()
	if o.Wanted == nil {
		p.Template = approved
		return
	}
	wanted := o.Wanted.Template
	p.Template = wanted
	changed := approved == nil || approved.Digest != wanted.Digest
	outdated := o.Pod != nil && o.podDigest() != wanted.Digest
	// With no pod and none asked for, nothing is replaced. With none and one asked for, it is about to be created anew, perhaps after its
	// node was lost: not a moment that updatePolicy allows.
	if !outdated && (!changed || o.Pod != nil || o.liveReplicas() == 0) {
		return
	}
	if p.Held = held(o); p.Held != "" {
		if approved != nil {
			p.Template = approved
		}
		return
	}
	// The pod goes only in a later pass, when the StatefulSet controller has seen the template: sooner, it might create the next pod from the one
	// before, and the pod would be replaced twice.
	seen := !changed && o.StatefulSet.Status.ObservedGeneration >= o.StatefulSet.Generation
	if outdated && seen && p.Replicas > 0 && !p.Flattening && o.Pod.DeletionTimestamp.IsZero() {
		p.DeletePod = o.Pod.UID
	}
}

// approved is the template that was approved last; nil if it cannot be applied again, because its record or its ConfigMap was taken away by hand.
func (o *observed) approved() *desired.Template {
	t, err := desired.ApprovedTemplate(o.StatefulSet)
	if err != nil || o.configMap(t.ConfigMap) == nil {
		return nil
	}
	return t
}

// held says why updatePolicy does not allow the pod to be replaced now; "" if it does.
//
// Manual: a pod that is on its way out by a person's delete may be replaced, so the wanted template is applied while it terminates. A pod that
// is evicted, preempted or lost with its node carries the condition DisruptionTarget: it comes back with the approved template. So does one that
// is gone before the operator saw it terminate (a forced delete); then another delete is needed. While suspended nothing runs, so
// nothing is rolled and the template follows the spec.
func held(o *observed) string {
	switch o.TauDaemon.Spec.UpdatePolicy {
	case v1alpha1.UpdateManual:
		if o.Pod != nil && !o.Pod.DeletionTimestamp.IsZero() && !disrupted(o.Pod) {
			return ""
		}
		return fmt.Sprintf("updatePolicy Manual: delete pod %s to run the new configuration", desired.PodName(o.TauDaemon.Name))
	case v1alpha1.UpdateOnQuiet:
		if reason := unquiet(o); reason != "" {
			return "updatePolicy OnQuiet: " + reason
		}
	}
	return ""
}

// unquiet says why the daemon is not known to be quiet; "" if it is. What is not known counts as not quiet, but for a resource that never had a
// ledger: its pod may be one that cannot start.
func unquiet(o *observed) string {
	r := o.Heard.current()
	switch {
	case o.TauDaemon.Status.Ledger == nil && (o.Heard.Verdict == reportNone || r != nil && r.Ledger == nil):
		return ""
	case r == nil:
		return "waiting for a report of the daemon: " + o.Heard.Detail
	case r.Position.Quantity != "0":
		return fmt.Sprintf("waiting for the position of %s to be sold", r.Position.Quantity)
	case r.OpenIntent:
		return "waiting for the outcome of an order"
	case r.Quarantine.Active:
		return fmt.Sprintf("waiting for the end of quarantine %s (%s)", r.Quarantine.Incident, r.Quarantine.Reason)
	}
	return ""
}

func disrupted(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.DisruptionTarget && c.Status == corev1.ConditionTrue {
			return true
		}
	}
	return false
}

func (o *observed) liveReplicas() int32 {
	if o.StatefulSet == nil {
		return 0
	}
	if o.StatefulSet.Spec.Replicas == nil {
		return 1
	}
	return *o.StatefulSet.Spec.Replicas
}

// podDigest tells which template the pod was made from; "" without a pod.
func (o *observed) podDigest() string {
	if o.Pod == nil {
		return ""
	}
	return o.Pod.Annotations[desired.AnnotationTemplateDigest]
}
