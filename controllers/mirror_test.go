package controllers

import (
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

func TestReportIsMirroredByOneStatusWriteAndNothingElse(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	report := w.goodReport(pod)
	report.Tick, report.Ledger, report.SpecDigest, report.Engine = 8, w.book.Grow(10).Head(10), "sha256:ab", "tau+embedded"
	w.report(report)
	if wrote := w.pass(); !slices.Equal(wrote, []string{"patch status TauDaemon"}) {
		t.Errorf("expected one status write, found %v", wrote)
	}
	s := w.resource().Status
	if s.Tick != 8 || s.Ledger.Size != 10 || s.Ledger.ShortHead != report.Ledger.Head[:12] || s.Ledger.Key == "" || s.Ledger.Signature == "" || s.Holding != "0" || s.Health != "Healthy" || s.Epoch != 1 ||
		s.SpecDigest != "sha256:ab" || s.Engine != "tau+embedded" ||
		s.State != v1alpha1.StateRunning || s.PodName != pod.Name || s.ReportTime == nil || s.Effective.Image != testImage {
		t.Errorf("expected the report in status, found %+v", s)
	}
}

func TestAcknowledgeReachesTheLeaseAndLeavesTheDaemonsPartAlone(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	before := w.lease()
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "i-1" })
	w.settle()
	after := w.lease()
	if got := after.Annotations[v1alpha1.AnnotationCommands]; got != `{"acknowledge":"i-1"}` {
		t.Errorf("expected the acknowledgement, found %q", got)
	}
	if after.Annotations[v1alpha1.AnnotationReport] != before.Annotations[v1alpha1.AnnotationReport] || *after.Spec.HolderIdentity != *before.Spec.HolderIdentity {
		t.Error("expected report and holder to stay, found them changed")
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "" })
	w.settle()
	if got, found := w.lease().Annotations[v1alpha1.AnnotationCommands]; found {
		t.Errorf("expected no commands, found %q", got)
	}
}

func TestStaleReportTurnsReadyToUnknownWithoutAnEvent(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	result, err := w.r.Reconcile(w.ctx, ctrlRequest(w))
	w.must(err)
	if want := 35 * time.Second; result.RequeueAfter != want {
		t.Errorf("expected another pass after %s, found %s", want, result.RequeueAfter)
	}
	w.clock.SetTime(w.clock.Now().Add(34 * time.Second))
	w.pass()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	w.clock.SetTime(w.clock.Now().Add(time.Second))
	w.pass()
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionHealthy, v1alpha1.ConditionQuarantined, v1alpha1.ConditionLeaseHeld,
		v1alpha1.ConditionLedgerConsistent, v1alpha1.ConditionOracleFresh} {
		w.expectCondition(kind, metav1.ConditionUnknown, v1alpha1.ReasonStaleReport)
	}
	if s := w.resource().Status; s.State != v1alpha1.StateUnknown || s.Health != "Unknown" || s.Ledger.Size != 9 {
		t.Errorf("expected state and health Unknown and the last head, found %s, %s, %v", s.State, s.Health, s.Ledger)
	}
	// The operator restarts: the same old report must not look young again.
	w.restartOperator()
	if wrote := w.pass(); len(wrote) != 0 {
		t.Errorf("after a restart: expected no write, found %v", wrote)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionUnknown, v1alpha1.ReasonStaleReport)
	report := w.goodReport(w.pod())
	report.Tick = 100
	w.report(report)
	w.pass()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
}

func TestDeletedLeaseComesBackWithTheEpochInStatus(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	report := w.goodReport(pod)
	report.Epoch = 5
	w.report(report)
	w.settle()
	w.must(w.c.Delete(w.ctx, w.lease()))
	w.settle()
	if got := *w.lease().Spec.LeaseTransitions; got != 5 {
		t.Errorf("expected 5, found %d", got)
	}
}

func TestEventsAreWrittenAtTransitionsOnly(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	w.events()
	bad := w.goodReport(pod)
	bad.Healthy = false
	bad.Quarantine = v1alpha1.QuarantineReport{Active: true, Incident: "i-1", Reason: "OracleStale", SinceTick: 8, Release: v1alpha1.ReleaseAuto}
	for tick := range int64(3) {
		bad.Tick = 8 + tick
		w.report(bad)
		w.pass()
	}
	if got := w.events(); len(got) != 1 || !strings.Contains(got[0], "Quarantined") {
		t.Errorf("expected one Event Quarantined, found %v", got)
	}
	w.expectCondition(v1alpha1.ConditionQuarantined, metav1.ConditionTrue, "OracleStale")
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonQuarantined)
	good := w.goodReport(pod)
	good.Tick = 20
	w.report(good)
	w.pass()
	if got := w.events(); len(got) != 2 || !strings.Contains(got[0], "Released") || !strings.Contains(got[1], "Running") {
		t.Errorf("expected Events Released and Running, found %v", got)
	}
}
