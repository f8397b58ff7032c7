package controllers

import (
	"context"
	"fmt"
	"sort"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// shortHeadDigits is how much of the ledger's head the HEAD column shows.
const shortHeadDigits = 12

// computeStatus says what is: a pure function of what was observed, decided and done. Facts that only a report can tell stay as last reported
// while there is no report that may be believed, but no condition then says more than Unknown about them.
func computeStatus(o *observed, p *plan, done outcome) *v1alpha1.TauDaemonStatus {
	s := o.TauDaemon.Status.DeepCopy()
	s.ObservedGeneration = o.TauDaemon.Generation
	s.PodName, s.NodeName = "", ""
	if o.Pod != nil {
		s.PodName, s.NodeName = o.Pod.Name, o.Pod.Spec.NodeName
	}
	if p.Template != nil {
		s.ConfigMapName = p.Template.ConfigMap
	}
	s.Effective = effective(o, p, s.Effective)

	mirror(s, o.Heard.current())
	if head := o.Witnessing.witnessed(); head != nil {
		s.Ledger = head.DeepCopy()
		s.Ledger.ShortHead = head.Head[:min(shortHeadDigits, len(head.Head))]
	}
	s.RefusedHead = o.Witnessing.Refused.DeepCopy()
	v := view{o: o, p: p, done: done}
	for _, c := range conditions(v) {
		c.ObservedGeneration = o.TauDaemon.Generation
		setCondition(s, c, o.Now)
	}
	s.State = state(v, s)
	return s
}

// mirror copies a report that may be believed, but for its ledger head.
func mirror(s *v1alpha1.TauDaemonStatus, r *v1alpha1.Report) {
	if r == nil {
		// The last known health says nothing about now, and the column HEALTH has no room to say so.
		if s.Health != "" {
			s.Health = healthUnknown
		}
		return
	}
	s.Health = healthUnknown
	if r.Phase == v1alpha1.PhaseRunning {
		s.Health = "Unhealthy"
		if r.Healthy {
			s.Health = "Healthy"
		}
	}
	reported := metav1.NewTime(r.Time().Truncate(time.Second))
	s.ReportTime = &reported
	s.Epoch = r.Epoch
	s.ConfigDigest, s.SpecDigest = r.ConfigDigest, r.SpecDigest
	if r.Engine != "" {
		s.Engine = r.Engine
	}
	// A halted daemon may know nothing of its ledger: what was known stays.
	if r.Tick > 0 || r.Phase == v1alpha1.PhaseRunning {
		s.Tick = r.Tick
	}
	if r.Position.Quantity != "" {
		s.Holding = r.Position.Quantity
		s.Position = r.Position.DeepCopy()
	}
	// Nor does it know whether a quarantine is on, and none in its report is no release.
	if r.Phase != v1alpha1.PhaseHalted {
		s.Quarantine = r.Quarantine.DeepCopy()
	}
}

const healthUnknown = "Unknown"

// effective shows what the defaults made of the spec, for the template that is applied; while the spec is refused, what was effective before.
func effective(o *observed, p *plan, before *v1alpha1.EffectiveStatus) *v1alpha1.EffectiveStatus {
	if o.Wanted == nil || p.Template == nil || p.Template.Digest != o.Wanted.Template.Digest {
		return before
	}
	c := o.Wanted.Config
	e := &v1alpha1.EffectiveStatus{Image: p.Template.Image, MaxPositionQuantity: c.Risk.MaxPositionQty.String()}
	for _, source := range c.Oracle.Sources {
		e.Sources = append(e.Sources, fmt.Sprintf("%s (%s, %s)", source.Name, source.Kind(), source.MaxAge))
	}
	return e
}

// setCondition replaces the condition of that type; its transition time changes only with its status. The list is kept sorted by type, so that
// equal conditions are equal lists.
func setCondition(s *v1alpha1.TauDaemonStatus, c metav1.Condition, now time.Time) {
	const longest = 32 * 1024 // the schema's limit of a message
	c.Message = clip(c.Message, longest)
	c.LastTransitionTime = metav1.NewTime(now.Truncate(time.Second))
	meta.SetStatusCondition(&s.Conditions, c)
	sort.Slice(s.Conditions, func(i, j int) bool { return s.Conditions[i].Type < s.Conditions[j].Type })
}

// clip shortens a text to so many bytes without cutting a character.
func clip(text string, bytes int) string {
	return strings.ToValidUTF8(text[:min(bytes, len(text))], "")
}

// state is the agent's state in one word: the gravest first.
func state(v view, s *v1alpha1.TauDaemonStatus) v1alpha1.State {
	ready := meta.FindStatusCondition(s.Conditions, v1alpha1.ConditionReady)
	stalled := meta.IsStatusConditionTrue(s.Conditions, v1alpha1.ConditionStalled)
	switch {
	case !v.o.TauDaemon.DeletionTimestamp.IsZero():
		return v1alpha1.StateDeleting
	case stalled:
		return v1alpha1.StateStalled
	case ready.Reason == v1alpha1.ReasonHalted, v.o.Witnessing.Refused != nil && ready.Reason == v.o.Witnessing.Refused.Reason:
		return v1alpha1.StateHalted
	case v.o.TauDaemon.Spec.Suspend:
		return v1alpha1.StateSuspended
	case ready.Status == metav1.ConditionUnknown:
		return v1alpha1.StateUnknown
	case ready.Reason == v1alpha1.ReasonQuarantined:
		return v1alpha1.StateQuarantined
	case ready.Status == metav1.ConditionTrue:
		return v1alpha1.StateRunning
	}
	return v1alpha1.StatePending
}

// writeStatus sends the status if it differs from what the resource has: nothing otherwise. The optimistic lock keeps it from a resource of the
// same name that took this one's place meanwhile.
func (r *Reconciler) writeStatus(ctx context.Context, td *v1alpha1.TauDaemon, status *v1alpha1.TauDaemonStatus) error {
	if equality.Semantic.DeepEqual(&td.Status, status) {
		return nil
	}
	after := td.DeepCopy()
	after.Status = *status
	if err := r.Client.Status().Patch(ctx, after, client.MergeFromWithOptions(td, client.MergeFromWithOptimisticLock{}), client.FieldOwner(FieldOwner)); client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("write status of TauDaemon %s/%s: %w", td.Namespace, td.Name, err)
	}
	return nil
}

// podTrouble is one true sentence about a pod that does not run; "" for one that does.
func podTrouble(pod *corev1.Pod) string {
	if pod == nil {
		return "the pod is not created yet"
	}
	for _, c := range pod.Status.ContainerStatuses {
		switch {
		case c.State.Running != nil:
			return ""
		case c.State.Waiting != nil:
			return fmt.Sprintf("pod %s: container %s is waiting: %s %s", pod.Name, c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)
		case c.State.Terminated != nil:
			return fmt.Sprintf("pod %s: container %s ended with exit code %d: %s", pod.Name, c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Reason)
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return fmt.Sprintf("pod %s is not scheduled: %s", pod.Name, c.Message)
		}
	}
	return fmt.Sprintf("pod %s is %s", pod.Name, pod.Status.Phase)
}
