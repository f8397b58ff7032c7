package controllers

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

const (
	normal  = corev1.EventTypeNormal
	warning = corev1.EventTypeWarning
)

// note is an Event to be written.
type note struct{ Type, Reason, Action, Message string }

// transitions says which Events lead from one status to the next: none if nothing of consequence changed, however often a pass runs.
func transitions(before, after *v1alpha1.TauDaemonStatus) []note {
	var notes []note
	became := func(kind string, status metav1.ConditionStatus) (*metav1.Condition, bool) {
		was, is := meta.FindStatusCondition(before.Conditions, kind), meta.FindStatusCondition(after.Conditions, kind)
		return is, is != nil && is.Status == status && (was == nil || was.Status != status)
	}
	add := func(eventType, reason, action, message string) {
		notes = append(notes, note{eventType, reason, action, message})
	}

	if c, yes := became(v1alpha1.ConditionStalled, metav1.ConditionTrue); yes {
		add(warning, c.Reason, "Stall", c.Message)
	}
	if c, yes := became(v1alpha1.ConditionQuarantined, metav1.ConditionTrue); yes {
		add(warning, "Quarantined", "Quarantine", c.Message)
	}
	if c, yes := became(v1alpha1.ConditionLedgerConsistent, metav1.ConditionFalse); yes {
		add(warning, c.Reason, "Refuse", c.Message)
	}
	if before.RefusedHead != nil && after.RefusedHead == nil {
		add(normal, "LedgerAccepted", "Witness", fmt.Sprintf("the ledger is believed again, after %s", refusalText(before.RefusedHead)))
	}
	// Released only by a report: a quarantine that became Unknown has not ended.
	if before.Quarantine != nil && before.Quarantine.Active && after.Quarantine != nil && !after.Quarantine.Active {
		add(normal, "Released", "Release", fmt.Sprintf("quarantine %s (%s) has ended", before.Quarantine.Incident, before.Quarantine.Reason))
	}
	if c, yes := became(v1alpha1.ConditionReady, metav1.ConditionUnknown); yes {
		add(warning, c.Reason, "Observe", c.Message)
	}
	if after.Epoch > before.Epoch {
		add(normal, "Booted", "Boot", fmt.Sprintf("the daemon booted with epoch %d", after.Epoch))
	}
	if before.State == after.State {
		return notes
	}
	ready := meta.FindStatusCondition(after.Conditions, v1alpha1.ConditionReady)
	switch after.State {
	case v1alpha1.StateHalted:
		if after.RefusedHead == nil { // else the refusal is the Event
			add(warning, ready.Reason, "Halt", ready.Message)
		}
	case v1alpha1.StateSuspended:
		add(normal, "Suspended", "Suspend", ready.Message)
	case v1alpha1.StateRunning:
		add(normal, "Running", "Run", ready.Message)
	}
	return notes
}

// announce writes the Events.
func (r *Reconciler) announce(td *v1alpha1.TauDaemon, lists ...[]note) {
	const longest = 1024 // the API's limit of an Event's note
	for _, list := range lists {
		for _, n := range list {
			r.Recorder.Eventf(td, nil, n.Type, n.Reason, n.Action, "%s", clip(n.Message, longest))
		}
	}
}
