package controllers

import (
	"fmt"
	"regexp"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// view is what the conditions are functions of.
type view struct {
	o    *observed
	p    *plan
	done outcome
}

// rule is one reason for a condition not to be True. violated is false where the rule has nothing to say.
type rule func(view) (reason, message string, violated bool)

// readiness is the chain of what Ready takes, in order: the first violated rule is the reason. A rule whose reason is in unknowable makes Ready
// Unknown instead of False.
var readiness = []rule{
	deleting,      // nothing else matters any more
	stalled,       // what runs, if anything, is not what the spec asks for
	suspended,     // nothing is meant to run
	flattening,    // what runs sells and stops
	podMissing,    // nothing runs yet
	podLeaving,    // what runs is on its way out
	ledgerRefused, // the daemon shows a ledger that cannot be believed
	noReport,      // nothing is known of the current pod
	halted,        // the daemon refuses to tick
	stopped,       // the daemon has shut down
	leaseNotHeld,  // the daemon may not act
	quarantined,   // the daemon takes on no risk
}

// stall is the chain of what a person has to deal with.
var stall = []rule{planStalled, applyRefused}

// reconciling is the chain of what the operator is still at.
var reconciling = []rule{deleting, flattening, waitingForDeletion, applyFailed, updateHeld, rolling, podMissing, podStopping, firstReport}

// unknowable are the reasons of which nothing follows for what the condition is about.
var unknowable = map[string]bool{
	v1alpha1.ReasonStaleReport:       true,
	v1alpha1.ReasonUndecodableReport: true,
}

func conditions(v view) []metav1.Condition {
	return []metav1.Condition{
		negative(v, v1alpha1.ConditionReady, readiness, metav1.Condition{Reason: v1alpha1.ReasonReady, Message: "ticking, fenced by its Lease, free to trade"}),
		reconcilingCondition(v),
		positive(v, v1alpha1.ConditionStalled, stall),
		reported(v, v1alpha1.ConditionHealthy, func(r *v1alpha1.Report) (bool, string, string) {
			if r.Healthy {
				return true, ReasonAsReported, "all invariants hold, no anomaly"
			}
			return false, ReasonAsReported, "the last reported tick had an anomaly, a stall or a broken invariant"
		}),
		reported(v, v1alpha1.ConditionQuarantined, func(r *v1alpha1.Report) (bool, string, string) {
			if r.Quarantine.Active {
				return true, asReason(r.Quarantine.Reason, v1alpha1.ReasonQuarantined), quarantineMessage(r.Quarantine)
			}
			return false, ReasonAsReported, "no quarantine"
		}),
		reported(v, v1alpha1.ConditionLeaseHeld, func(*v1alpha1.Report) (bool, string, string) {
			if v.o.Heard.LeaseHeld {
				return true, ReasonAsReported, "the reporting daemon holds the Lease"
			}
			return false, ReasonLeaseNotHeld, "the Lease is held by another, or by none"
		}),
		ledgerConsistent(v),
		reported(v, v1alpha1.ConditionOracleFresh, func(r *v1alpha1.Report) (bool, string, string) {
			if r.OracleFresh {
				return true, ReasonAsReported, "a quorum of sources is fresh"
			}
			return false, ReasonAsReported, "no quorum of sources is fresh"
		}),
	}
}

// first is the first violated rule of the chain.
func first(v view, chain []rule) (reason, message string, violated bool) {
	for _, rule := range chain {
		if reason, message, violated = rule(v); violated {
			return reason, message, true
		}
	}
	return "", "", false
}

// negative is a condition that is True unless a rule of the chain is violated.
func negative(v view, kind string, chain []rule, good metav1.Condition) metav1.Condition {
	reason, message, violated := first(v, chain)
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message}
	switch {
	case !violated:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, good.Reason, good.Message
	case unknowable[reason]:
		c.Status = metav1.ConditionUnknown
	}
	return c
}

// positive is a condition that is True if a rule of the chain is violated.
func positive(v view, kind string, chain []rule) metav1.Condition {
	if reason, message, violated := first(v, chain); violated {
		return metav1.Condition{Type: kind, Status: metav1.ConditionTrue, Reason: reason, Message: message}
	}
	return metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: v1alpha1.ReasonUpToDate, Message: "nothing is left to do"}
}

// reconcilingCondition is False while a person has to act: kstatus reads the two as opposites.
func reconcilingCondition(v view) metav1.Condition {
	if reason, _, is := stalled(v); is && v.o.TauDaemon.DeletionTimestamp.IsZero() {
		return metav1.Condition{Type: v1alpha1.ConditionReconciling, Status: metav1.ConditionFalse, Reason: reason, Message: "stalled: see the condition Stalled"}
	}
	return positive(v, v1alpha1.ConditionReconciling, reconciling)
}

// reported is a condition about what only a running daemon can tell: Unknown without a report that may be believed.
func reported(v view, kind string, of func(*v1alpha1.Report) (holds bool, reason, message string)) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionUnknown}
	var violated bool
	for _, rule := range []rule{suspended, podMissing, noReport, halted, stopped} {
		if c.Reason, c.Message, violated = rule(v); violated {
			// Whether a halted or stopping daemon holds its Lease is known.
			if kind == v1alpha1.ConditionLeaseHeld && v.o.Heard.current() != nil {
				break
			}
			return c
		}
	}
	holds, reason, message := of(v.o.Heard.current())
	c.Status, c.Reason, c.Message = metav1.ConditionFalse, reason, message
	if holds {
		c.Status = metav1.ConditionTrue
	}
	return c
}

func deleting(v view) (string, string, bool) {
	if v.o.TauDaemon.DeletionTimestamp.IsZero() {
		return "", "", false
	}
	return v1alpha1.ReasonDeleting, "the resource is being deleted; its volume claim is kept unless spec.ledger.volume.retain is Delete", true
}

func stalled(v view) (string, string, bool) { return first(v, stall) }

func planStalled(v view) (string, string, bool) {
	if v.p.Stalled == nil {
		return "", "", false
	}
	return v.p.Stalled.Reason, v.p.Stalled.Message, true
}

func applyRefused(v view) (string, string, bool) {
	if v.done.Refused == nil {
		return "", "", false
	}
	return v.done.Refused.Reason, v.done.Refused.Message, true
}

func suspended(v view) (string, string, bool) {
	if !v.o.TauDaemon.Spec.Suspend || v.p.Flattening {
		return "", "", false
	}
	if v.o.Pod != nil {
		return v1alpha1.ReasonSuspended, "suspended; the pod is stopping", true
	}
	return v1alpha1.ReasonSuspended, "suspended; the volume is kept", true
}

func podMissing(v view) (string, string, bool) {
	if v.p.Replicas == 0 && v.o.Pod == nil {
		return "", "", false
	}
	if trouble := podTrouble(v.o.Pod); trouble != "" {
		return v1alpha1.ReasonWaitingForPod, trouble, true
	}
	return "", "", false
}

func podLeaving(v view) (string, string, bool) {
	if reason, message, is := rolling(v); is {
		return reason, message, true
	}
	return podStopping(v)
}

// rolling: the pod that is there is not of the template that is applied.
func rolling(v view) (string, string, bool) {
	if v.o.Pod == nil || v.p.Template == nil || v.p.Held != "" || v.p.Replicas == 0 || v.o.podDigest() == v.p.Template.Digest {
		return "", "", false
	}
	return v1alpha1.ReasonRolling, fmt.Sprintf("pod %s is being replaced to run configuration %s", v.o.Pod.Name, v.p.Template.ConfigMap), true
}

func podStopping(v view) (string, string, bool) {
	if v.o.Pod == nil || v.o.Pod.DeletionTimestamp.IsZero() {
		return "", "", false
	}
	return ReasonStopping, fmt.Sprintf("pod %s is terminating", v.o.Pod.Name), true
}

func noReport(v view) (string, string, bool) {
	switch v.o.Heard.Verdict {
	case reportCurrent:
		return "", "", false
	case reportStale:
		return v1alpha1.ReasonStaleReport, v.o.Heard.Detail, true
	case reportUndecodable:
		return v1alpha1.ReasonUndecodableReport, v.o.Heard.Detail, true
	}
	return v1alpha1.ReasonNoReport, v.o.Heard.Detail, true
}

func halted(v view) (string, string, bool) {
	r := v.o.Heard.current()
	if r == nil || r.Phase != v1alpha1.PhaseHalted {
		return "", "", false
	}
	return v1alpha1.ReasonHalted, strings.TrimPrefix(r.Reason+": "+r.Message, ": "), true
}

func stopped(v view) (string, string, bool) {
	r := v.o.Heard.current()
	if r == nil || r.Phase != v1alpha1.PhaseStopped {
		return "", "", false
	}
	return ReasonStopped, "the daemon has shut down in order", true
}

func ledgerRefused(v view) (string, string, bool) {
	r := v.o.Witnessing.Refused
	if r == nil {
		return "", "", false
	}
	return r.Reason, fmt.Sprintf("the reported ledger is not believed, and a halt is ordered: expected %s, found %s; see status.refusedHead", r.Expected, r.Found), true
}

// ledgerConsistent says what the reported head is worth. A refusal outlives the report that it is of; nothing else does.
func ledgerConsistent(v view) metav1.Condition {
	c := metav1.Condition{Type: v1alpha1.ConditionLedgerConsistent, Status: metav1.ConditionFalse}
	var violated bool
	if c.Reason, c.Message, violated = ledgerRefused(v); violated {
		return c
	}
	c.Status = metav1.ConditionUnknown
	for _, rule := range []rule{suspended, podMissing, noReport} {
		if c.Reason, c.Message, violated = rule(v); violated {
			return c
		}
	}
	w := &v.o.Witnessing
	switch {
	case w.Head == nil:
		c.Reason, c.Message = v1alpha1.ReasonNoReport, "the daemon reports no ledger"
	case w.pending():
		c.Reason, c.Message = w.Verdict.Reason, fmt.Sprintf("the reported head is not proven yet: %s; the head before it stands", w.Verdict.Message())
	default:
		c.Status, c.Reason, c.Message = metav1.ConditionTrue, ReasonWitnessed, "signed by the pinned key, and begins with all that was witnessed before"
	}
	return c
}

func leaseNotHeld(v view) (string, string, bool) {
	if v.o.Heard.LeaseHeld {
		return "", "", false
	}
	return ReasonLeaseNotHeld, "the daemon that reports does not hold the Lease, so it may not act", true
}

func quarantined(v view) (string, string, bool) {
	r := v.o.Heard.current()
	if r == nil || !r.Quarantine.Active {
		return "", "", false
	}
	return v1alpha1.ReasonQuarantined, quarantineMessage(r.Quarantine), true
}

func quarantineMessage(q v1alpha1.QuarantineReport) string {
	text := fmt.Sprintf("%s since tick %d, incident %s", orElse(q.Reason, "no reason given"), q.SinceTick, q.Incident)
	if q.Release == v1alpha1.ReleaseManual {
		return text + "; it ends when spec.quarantine.acknowledge names the incident"
	}
	return text
}

func flattening(v view) (string, string, bool) {
	if !v.p.Flattening {
		return "", "", false
	}
	return ReasonFlattening, fmt.Sprintf("waiting for the position to be sold, for at most %s", flattenLimit), true
}

func waitingForDeletion(v view) (string, string, bool) {
	return ReasonWaitingForDeletion, v.p.Waiting, v.p.Waiting != ""
}

// applyFailed: what the API server refuses for good is a stall, not a try to come.
func applyFailed(v view) (string, string, bool) {
	if v.done.Err == nil || v.done.Refused != nil {
		return "", "", false
	}
	return ReasonApplyFailed, v.done.Err.Error(), true
}

func updateHeld(v view) (string, string, bool) {
	return v1alpha1.ReasonUpdateHeld, v.p.Held, v.p.Held != ""
}

// firstReport: a pod is up to date only when its daemon says that it runs.
func firstReport(v view) (string, string, bool) {
	if v.p.Replicas == 0 || v.p.Stalled != nil || v.o.Heard.Verdict == reportCurrent || v.o.Heard.Verdict == reportStale {
		return "", "", false
	}
	return noReport(v)
}

var reasonForm = regexp.MustCompile(`^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$`)

// asReason is a reason of the daemon's, if the API server takes it for one.
func asReason(s, otherwise string) string {
	if !reasonForm.MatchString(s) {
		return otherwise
	}
	return s
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
