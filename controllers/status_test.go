package controllers

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
)

func ctrlKey(td *v1alpha1.TauDaemon) types.NamespacedName { return client.ObjectKeyFromObject(td) }

func TestStatusSaysWhatIs(t *testing.T) {
	quarantine := v1alpha1.QuarantineReport{Active: true, Incident: "i-1", Reason: "OracleStale", SinceTick: 5, Release: v1alpha1.ReleaseManual}
	for name, test := range map[string]struct {
		given       func(*scene)
		done        outcome
		state       v1alpha1.State
		ready       string // status and reason
		reconciling string
		stalled     string
		quarantined string
	}{
		"ticking": {func(*scene) {}, outcome{}, v1alpha1.StateRunning, "True Ready", "False UpToDate", "False UpToDate", "False AsReported"},
		"quarantined": {func(s *scene) { s.report.Quarantine = quarantine; s.report.Healthy = false }, outcome{},
			v1alpha1.StateQuarantined, "False Quarantined", "False UpToDate", "False UpToDate", "True OracleStale"},
		"quarantine for a reason that is no condition reason": {func(s *scene) { s.report.Quarantine = quarantine; s.report.Quarantine.Reason = "oracle: stale!" }, outcome{},
			v1alpha1.StateQuarantined, "False Quarantined", "False UpToDate", "False UpToDate", "True Quarantined"},
		"halted": {func(s *scene) {
			s.report.Phase, s.report.Reason, s.report.Message = v1alpha1.PhaseHalted, "LedgerDamaged", "segment 3"
		}, outcome{},
			v1alpha1.StateHalted, "False Halted", "False UpToDate", "False UpToDate", "Unknown Halted"},
		"shut down in order": {func(s *scene) { s.report.Phase = v1alpha1.PhaseStopped }, outcome{},
			v1alpha1.StatePending, "False Stopped", "False UpToDate", "False UpToDate", "Unknown Stopped"},
		"stale": {func(s *scene) { s.now = s.now.Add(35 * time.Second) }, outcome{},
			v1alpha1.StateUnknown, "Unknown StaleReport", "False UpToDate", "False UpToDate", "Unknown StaleReport"},
		"undecodable": {func(s *scene) { s.encoded = "{" }, outcome{},
			v1alpha1.StateUnknown, "Unknown UndecodableReport", "True UndecodableReport", "False UpToDate", "Unknown UndecodableReport"},
		"no report": {func(s *scene) { s.report = nil }, outcome{},
			v1alpha1.StatePending, "False NoReport", "True NoReport", "False UpToDate", "Unknown NoReport"},
		"report of another pod": {func(s *scene) { s.report.PodUID = "before" }, outcome{},
			v1alpha1.StatePending, "False NoReport", "True NoReport", "False UpToDate", "Unknown NoReport"},
		"report of an epoch that has ended": {func(s *scene) { s.report.Epoch = 3 }, outcome{},
			v1alpha1.StatePending, "False NoReport", "True NoReport", "False UpToDate", "Unknown NoReport"},
		"lease held by another": {func(s *scene) { s.holder = "other/boot" }, outcome{},
			v1alpha1.StatePending, "False LeaseNotHeld", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger grown": {func(s *scene) { s.shows(ledgerBook(), 20) }, outcome{},
			v1alpha1.StateRunning, "True Ready", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger grown, but not proven": {func(s *scene) { s.shows(ledgerBook(), 20); s.report.Proof = nil }, outcome{},
			v1alpha1.StateRunning, "True Ready", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger shorter than before": {func(s *scene) { s.shows(ledgerBook(), 8) }, outcome{},
			v1alpha1.StateHalted, "False LedgerRollback", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger with a second head": {func(s *scene) { s.shows(forged(), 9) }, outcome{},
			v1alpha1.StateHalted, "False LedgerForked", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger with another past": {func(s *scene) { s.shows(forged(), 20) }, outcome{},
			v1alpha1.StateHalted, "False LedgerProofInvalid", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger of a new origin": {func(s *scene) { s.shows(witnesstest.New("p").Grow(9), 1) }, outcome{},
			v1alpha1.StateHalted, "False LedgerNewOrigin", "False UpToDate", "False UpToDate", "False AsReported"},
		"ledger of a new origin that is accepted": {func(s *scene) {
			s.shows(witnesstest.New("p").Grow(9), 1)
			s.td.Spec.Ledger.AcceptOrigin = s.report.Ledger.Origin
		}, outcome{},
			v1alpha1.StateRunning, "True Ready", "False UpToDate", "False UpToDate", "False AsReported"},
		"halted, as a refusal ordered": {func(s *scene) {
			s.td.Status.RefusedHead = &v1alpha1.RefusedHead{Origin: "o", Size: 3, Epoch: 4, Reason: "LedgerRollback", Expected: "9", Found: "3"}
			s.report.Phase, s.report.Reason = v1alpha1.PhaseHalted, "HaltOrdered"
		}, outcome{},
			v1alpha1.StateHalted, "False LedgerRollback", "False UpToDate", "False UpToDate", "Unknown Halted"},
		"suspended after a refusal": {func(s *scene) {
			s.td.Status.RefusedHead = &v1alpha1.RefusedHead{Origin: "o", Size: 3, Epoch: 4, Reason: "LedgerRollback", Expected: "9", Found: "3"}
			s.td.Spec.Suspend = true
		}, outcome{},
			v1alpha1.StateSuspended, "False Suspended", "False UpToDate", "False UpToDate", "Unknown Suspended"},
		"pod not there": {func(s *scene) { s.noPod = true }, outcome{},
			v1alpha1.StatePending, "False WaitingForPod", "True WaitingForPod", "False UpToDate", "Unknown WaitingForPod"},
		"container restarting": {func(s *scene) {
			s.pod.Status.ContainerStatuses[0].State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}
		}, outcome{}, v1alpha1.StatePending, "False WaitingForPod", "True WaitingForPod", "False UpToDate", "Unknown WaitingForPod"},
		"rolling": {func(s *scene) { s.changeEconomics() }, outcome{},
			v1alpha1.StatePending, "False Rolling", "True Rolling", "False UpToDate", "False AsReported"},
		"update held": {func(s *scene) { s.policy(v1alpha1.UpdateManual) }, outcome{},
			v1alpha1.StateRunning, "True Ready", "True UpdateHeld", "False UpToDate", "False AsReported"},
		"invalid configuration": {func(s *scene) { s.td.Spec.Economics.TradeQuantity = "0" }, outcome{},
			v1alpha1.StateStalled, "False InvalidConfig", "False InvalidConfig", "True InvalidConfig", "False AsReported"},
		"name taken": {func(s *scene) { s.taken = []string{"Service x"} }, outcome{},
			v1alpha1.StateStalled, "False NameTaken", "False NameTaken", "True NameTaken", "False AsReported"},
		"apply refused": {func(*scene) {}, outcome{Refused: &problem{ReasonApplyRefused, "too big"}, Err: errors.New("too big")},
			v1alpha1.StateStalled, "False ApplyRefused", "False ApplyRefused", "True ApplyRefused", "False AsReported"},
		"apply failed for now": {func(*scene) {}, outcome{Err: errors.New("timeout")},
			v1alpha1.StateRunning, "True Ready", "True ApplyFailed", "False UpToDate", "False AsReported"},
		"suspended, pod stopping": {func(s *scene) { s.td.Spec.Suspend = true }, outcome{},
			v1alpha1.StateSuspended, "False Suspended", "False UpToDate", "False UpToDate", "Unknown Suspended"},
		"suspended, selling": {func(s *scene) { s.td.Spec.Suspend, s.td.Spec.OnStop = true, v1alpha1.StopFlatten }, outcome{},
			v1alpha1.StateSuspended, "False Flattening", "True Flattening", "False UpToDate", "False AsReported"},
		"being deleted": {func(s *scene) { s.td.DeletionTimestamp = &metav1.Time{Time: s.now} }, outcome{},
			v1alpha1.StateDeleting, "False Deleting", "True Deleting", "False UpToDate", "False AsReported"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			test.given(s)
			o := s.observed()
			status := computeStatus(o, decide(o), test.done)
			if status.State != test.state {
				t.Errorf("state: expected %s, found %s", test.state, status.State)
			}
			for kind, want := range map[string]string{
				v1alpha1.ConditionReady: test.ready, v1alpha1.ConditionReconciling: test.reconciling,
				v1alpha1.ConditionStalled: test.stalled, v1alpha1.ConditionQuarantined: test.quarantined,
			} {
				c := meta.FindStatusCondition(status.Conditions, kind)
				if got := string(c.Status) + " " + c.Reason; got != want {
					t.Errorf("%s: expected %s, found %s (%s)", kind, want, got, c.Message)
				}
				if c.ObservedGeneration != s.td.Generation || !reasonForm.MatchString(c.Reason) {
					t.Errorf("%s: expected generation %d and a valid reason, found %+v", kind, s.td.Generation, c)
				}
			}
			if status.Ledger == nil || status.Ledger.Origin == ledgerBook().Origin && status.Ledger.Size < 9 {
				t.Errorf("ledger: expected it never to go back, found %+v", status.Ledger)
			}
		})
	}
}

func TestNoConditionIsTrueOfWhatAStaleReportSaid(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		s := newScene(t)
		s.report.Healthy = rapid.Bool().Draw(rt, "healthy")
		s.report.OracleFresh = rapid.Bool().Draw(rt, "fresh")
		s.report.Quarantine.Active = rapid.Bool().Draw(rt, "quarantine")
		s.report.OpenIntent = rapid.Bool().Draw(rt, "intent")
		s.report.Phase = rapid.SampledFrom([]v1alpha1.Phase{v1alpha1.PhaseRunning, v1alpha1.PhaseHalted, v1alpha1.PhaseStopped}).Draw(rt, "phase")
		switch rapid.IntRange(0, 2).Draw(rt, "why") {
		case 0:
			s.now = s.now.Add(reportLimit(s.td) + time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(rt, "late")))
		case 1:
			s.report.PodUID = "before"
		case 2:
			s.encoded = rapid.SampledFrom([]string{"{", "null", `{"version":2}`, `{"version":1,"phase":"Dreaming"}`}).Draw(rt, "garbage")
		}
		o := s.observed()
		status := computeStatus(o, decide(o), outcome{})
		for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionHealthy, v1alpha1.ConditionQuarantined, v1alpha1.ConditionLeaseHeld,
			v1alpha1.ConditionLedgerConsistent, v1alpha1.ConditionOracleFresh} {
			if meta.IsStatusConditionTrue(status.Conditions, kind) {
				rt.Errorf("%s: expected Unknown or False, found True", kind)
			}
		}
	})
}

func TestStatusOfTheSameObservationIsTheSame(t *testing.T) {
	s := newScene(t)
	o := s.observed()
	first := computeStatus(o, decide(o), outcome{})
	s.td.Status = *first
	s.now = s.now.Add(20 * time.Second)
	o = s.observed()
	second := computeStatus(o, decide(o), outcome{})
	if !equality.Semantic.DeepEqual(first, second) {
		t.Errorf("expected no difference 20 s later, found\n%+v\n%+v", first, second)
	}
	if notes := transitions(first, second); len(notes) != 0 {
		t.Errorf("expected no Event, found %v", notes)
	}
}

func TestFactsStayAsLastReportedWhileNoReportMayBeBelieved(t *testing.T) {
	s := newScene(t)
	s.report.Position = v1alpha1.PositionReport{Quantity: "2.5"}
	o := s.observed()
	s.td.Status = *computeStatus(o, decide(o), outcome{})
	s.report = nil
	o = s.observed()
	got := computeStatus(o, decide(o), outcome{})
	if got.Holding != "2.5" || got.Tick != 7 || got.Epoch != 4 || got.Ledger.Size != 9 || got.Health != healthUnknown {
		t.Errorf("expected the last facts and health Unknown, found %+v", got)
	}
}

func TestReportThatTheSchemaOfStatusWouldRefuseIsUndecodable(t *testing.T) {
	for name, encoded := range map[string]string{
		"no JSON":         `tick 7`,
		"other version":   `{"version":2,"phase":"Running"}`,
		"unknown phase":   `{"version":1,"phase":"Dreaming"}`,
		"unknown release": `{"version":1,"phase":"Running","quarantine":{"release":"Maybe"}}`,
		"negative size":   `{"version":1,"phase":"Running","ledger":{"origin":"o","size":-1,"head":""}}`,
		"endless key":     `{"version":1,"phase":"Running","ledger":{"origin":"o","size":1,"head":"","key":"` + strings.Repeat("a", 513) + `"}}`,
		"endless head":    `{"version":1,"phase":"Running","ledger":{"origin":"o","size":1,"head":"` + strings.Repeat("a", 129) + `"}}`,
		"too long":        `{"version":1,"phase":"Running","message":"` + strings.Repeat("a", v1alpha1.MaxReportBytes) + `"}`,
	} {
		if r, err := decodeReport(encoded); err == nil {
			t.Errorf("%s: expected an error, found %+v", name, r)
		}
	}
}

func FuzzDecodeReport(f *testing.F) {
	f.Add(`{"version":1,"podUID":"p","bootID":"b","epoch":1,"ms":1,"phase":"Running","tick":1,"healthy":true,"oracleFresh":true}`)
	f.Add(`{"version":1,"phase":"Halted","ledger":{"origin":"o","size":1,"head":"é"}}`)
	f.Fuzz(func(t *testing.T, encoded string) {
		r, err := decodeReport(encoded)
		if err != nil {
			return
		}
		s := newScene(t)
		r.PodUID, r.Epoch = "pod", 4
		s.report = r
		o := s.observed()
		if o.Heard.Verdict == reportUndecodable {
			return // our own encoding of it may be longer than the limit
		}
		for _, c := range computeStatus(o, decide(o), outcome{}).Conditions {
			if !reasonForm.MatchString(c.Reason) {
				t.Errorf("%s: expected a valid reason, found %q", c.Type, c.Reason)
			}
		}
	})
}

func TestAgeOfAReportIsMeasuredOnTheOperatorsClock(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, test := range map[string]struct {
		start    memory
		encoded  string
		reported time.Time
		want     time.Time
	}{
		"after a restart the daemon's word counts":    {memory{}, "a", now.Add(-time.Minute), now.Add(-time.Minute)},
		"but not from the future":                     {memory{}, "a", now.Add(time.Hour), now},
		"none after a restart":                        {memory{}, "", time.Time{}, now},
		"a changed report is new, whatever its clock": {seenBefore("a", now.Add(-time.Hour)), "b", now.Add(-24 * time.Hour), now},
		"an unchanged report grows old":               {seenBefore("a", now.Add(-time.Hour)), "a", now, now.Add(-time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			m := test.start
			m.sees(test.encoded, test.reported, now)
			if !m.reportSeen.Equal(test.want) {
				t.Errorf("expected %s, found %s", test.want, m.reportSeen)
			}
		})
	}
}

func seenBefore(encoded string, at time.Time) memory {
	m := memory{}
	m.sees(encoded, time.Time{}, at)
	return m
}

func TestTransitionsAreWhatChangedOfConsequence(t *testing.T) {
	status := func(change func(*scene)) *v1alpha1.TauDaemonStatus {
		s := newScene(t)
		change(s)
		o := s.observed()
		return computeStatus(o, decide(o), outcome{})
	}
	good := status(func(*scene) {})
	quarantined := status(func(s *scene) {
		s.report.Quarantine = v1alpha1.QuarantineReport{Active: true, Incident: "i-1", Reason: "OracleStale"}
	})
	stale := status(func(s *scene) { s.now = s.now.Add(time.Hour) })
	for name, test := range map[string]struct {
		before, after *v1alpha1.TauDaemonStatus
		want          []string
	}{
		"another tick":                         {good, status(func(s *scene) { s.report.Tick = 99 }), nil},
		"quarantine begins":                    {good, quarantined, []string{"Quarantined"}},
		"halt while quarantined is no release": {quarantined, afterHalt(t, quarantined), []string{"Halted"}},
		"quarantine ends":                      {quarantined, good, []string{"Released", "Running"}},
		"report grows old":                     {good, stale, []string{"StaleReport"}},
		"halted":                               {good, status(func(s *scene) { s.report.Phase = v1alpha1.PhaseHalted }), []string{"Halted"}},
		"new boot":                             {good, status(func(s *scene) { s.report.Epoch = 5 }), []string{"Booted"}},
		"suspended":                            {good, status(func(s *scene) { s.td.Spec.Suspend = true }), []string{"Suspended"}},
		"another head is refused":              {good, status(func(s *scene) { s.shows(forged(), 20) }), []string{"LedgerProofInvalid"}},
		"the same refusal goes on":             {refusedFor(t, "halting"), refusedFor(t, "halted"), nil},
		"a refused ledger is believed again":   {refusedFor(t, "halted"), good, []string{"LedgerAccepted", "Running"}},
		"stalled":                              {good, status(func(s *scene) { s.taken = []string{"Service x"} }), []string{"NameTaken"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, n := range transitions(test.before, test.after) {
				got = append(got, n.Reason)
			}
			if !reflect.DeepEqual(got, test.want) {
				t.Errorf("expected %v, found %v", test.want, got)
			}
		})
	}
}

// refusedFor is a status with a refusal in force, while the daemon still reports as before, or is halted by its order.
func refusedFor(t *testing.T, then string) *v1alpha1.TauDaemonStatus {
	t.Helper()
	s := newScene(t)
	s.td.Status.RefusedHead = &v1alpha1.RefusedHead{Origin: "o", Size: 3, Epoch: 4, Reason: "LedgerRollback", Expected: "9", Found: "3"}
	if then == "halted" {
		s.report.Phase, s.report.Reason = v1alpha1.PhaseHalted, "HaltOrdered"
	}
	o := s.observed()
	return computeStatus(o, decide(o), outcome{})
}

// afterHalt is the status after the daemon of that status booted into Halted, knowing nothing of its ledger.
func afterHalt(t *testing.T, before *v1alpha1.TauDaemonStatus) *v1alpha1.TauDaemonStatus {
	t.Helper()
	s := newScene(t)
	s.td.Status = *before.DeepCopy()
	s.report = &v1alpha1.Report{Version: 1, PodUID: "pod", BootID: "boot", Epoch: 4, Phase: v1alpha1.PhaseHalted, Reason: "LedgerDamaged", Message: "segment 1"}
	o := s.observed()
	after := computeStatus(o, decide(o), outcome{})
	if after.Holding != before.Holding || after.Tick != before.Tick || after.Ledger.Size != before.Ledger.Size || !after.Quarantine.Active {
		t.Errorf("halted: expected the last known facts, found %+v", after)
	}
	return after
}

func TestLiveObjectCoversWhatIsWantedOfIt(t *testing.T) {
	type m = map[string]any
	type l = []any
	for name, test := range map[string]struct {
		live, want m
		covers     bool
	}{
		"defaults of the server's":               {m{"a": 1, "default": true}, m{"a": 1}, true},
		"another value":                          {m{"a": 2}, m{"a": 1}, false},
		"missing":                                {m{}, m{"a": 1}, false},
		"zero left out by the server":            {m{}, m{"a": 0, "b": false, "c": ""}, true},
		"missing map":                            {m{}, m{"a": m{"b": 1}}, false},
		"another's container beside ours":        {m{"containers": l{m{"name": "x"}, m{"name": "taud"}}}, m{"containers": l{m{"name": "taud"}}}, true},
		"our container gone":                     {m{"containers": l{m{"name": "x"}}}, m{"containers": l{m{"name": "taud"}}}, false},
		"a rule too many in a list that is ours": {m{"rules": l{1, 2}}, m{"rules": l{1}}, false},
		"a rule changed":                         {m{"rules": l{1}}, m{"rules": l{2}}, false},
	} {
		got, err := covers(test.live, test.want)
		if err != nil || got != test.covers {
			t.Errorf("%s: expected %v, found %v, %v", name, test.covers, got, err)
		}
	}
}
