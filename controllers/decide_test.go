package controllers

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
	"github.com/taudaemon/taudaemon/controllers/witness/witnesstest"
)

// scene is what a pass may find, for tests without an apiserver. It begins with a daemon that ticks, and to which nothing is left to do.
type scene struct {
	t  *testing.T
	td *v1alpha1.TauDaemon
	// running is the spec that the StatefulSet and the pod were made from.
	running *v1alpha1.TauDaemonSpec
	noPod   bool
	noSet   bool
	// replicas of the live StatefulSet, and whether its controller has not seen its spec yet.
	replicas int32
	unseen   bool
	// oldPod: the pod is of a template before the StatefulSet's.
	oldPod bool
	pod    *corev1.Pod
	claim  *corev1.PersistentVolumeClaim
	report *v1alpha1.Report
	// encoded replaces the report's JSON where it is not "".
	encoded string
	holder  string
	now     time.Time
	// reported is when the operator first saw the report; flattenSince when a flatten was first ordered.
	reported, flattenSince time.Time
	taken, leaving         []string
}

func newScene(t *testing.T) *scene {
	seconds := func(n int) metav1.Duration { return metav1.Duration{Duration: time.Duration(n) * time.Second} }
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	td := &v1alpha1.TauDaemon{
		ObjectMeta: metav1.ObjectMeta{Name: agentName, Namespace: "trading", UID: "td", Generation: 3},
		Spec: v1alpha1.TauDaemonSpec{
			Mode: v1alpha1.ModePaper, OnStop: v1alpha1.StopKeep, UpdatePolicy: v1alpha1.UpdateAutomatic,
			Tick:       v1alpha1.TickSpec{Interval: seconds(1), Deadline: seconds(1), FailHoldTicks: 2},
			Quarantine: v1alpha1.QuarantineSpec{ClearTicks: 10, Release: v1alpha1.ReleaseAuto},
			Engine:     v1alpha1.EngineSpec{Type: v1alpha1.EngineEmbedded},
			Oracle: v1alpha1.OracleSpec{MaxAge: seconds(2), MinQuorum: 1, ToleranceBps: 50,
				Sources: []v1alpha1.OracleSource{{Name: "walk", Simulated: &v1alpha1.SimulatedSource{}}}},
			Economics: v1alpha1.EconomicsSpec{TradeQuantity: "10"},
			Signal:    v1alpha1.SignalSpec{BandWindow: 20, VolumeWindow: 1},
			Risk:      v1alpha1.RiskSpec{MaxPositionTicks: 12, MaxDrawdownBps: 200},
			Venue:     v1alpha1.VenueSpec{Paper: &v1alpha1.PaperVenue{}},
			Ledger: v1alpha1.LedgerSpec{SnapshotTicks: 1000, Volume: v1alpha1.VolumeSpec{
				Size: resource.MustParse("10Gi"), AccessMode: corev1.ReadWriteOncePod, Retain: v1alpha1.VolumeRetain}},
			Report: v1alpha1.ReportSpec{Interval: seconds(10), LeaseDuration: seconds(30), OnLeaseRisk: v1alpha1.LeaseRiskExit},
			Log:    v1alpha1.LogSpec{Level: "info"},
		},
		Status: v1alpha1.TauDaemonStatus{Epoch: 4, Ledger: ledgerBook().Head(9)},
	}
	return &scene{
		t: t, td: td, running: td.Spec.DeepCopy(), replicas: 1, now: now, reported: now, holder: "pod/boot",
		report: &v1alpha1.Report{
			Version: 1, PodUID: "pod", BootID: "boot", Epoch: 4, UnixMilli: now.UnixMilli(), Phase: v1alpha1.PhaseRunning,
			Tick: 7, Healthy: true, OracleFresh: true, Position: v1alpha1.PositionReport{Quantity: "0"},
			Ledger: ledgerBook().Head(9),
		},
		pod: &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: desired.PodName(agentName), UID: "pod", Annotations: map[string]string{}},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
				{Name: desired.ContainerName, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}},
		},
	}
}

// observed is what observe would have made of the scene.
func (s *scene) observed() *observed {
	s.t.Helper()
	o := &observed{TauDaemon: s.td, Now: s.now, Claim: s.claim, Taken: s.taken, Leaving: s.leaving}
	o.Wanted, o.WantedErr = desired.Render(s.td, testImage, nil)
	old := s.td.DeepCopy()
	old.Spec = *s.running
	agent, err := desired.Render(old, testImage, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	o.ConfigMaps = []corev1.ConfigMap{{ObjectMeta: metav1.ObjectMeta{Name: agent.Template.ConfigMap}}}
	if !s.noSet {
		set, err := desired.BuildStatefulSet(old, agent.Template, s.replicas)
		if err != nil {
			s.t.Fatal(err)
		}
		o.StatefulSet = &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Annotations: set.Annotations}, Spec: appsv1.StatefulSetSpec{Replicas: &s.replicas}}
		o.StatefulSet.Generation, o.StatefulSet.Status.ObservedGeneration = 2, 2
		if s.unseen {
			o.StatefulSet.Status.ObservedGeneration = 1
		}
	}
	if !s.noPod {
		s.pod.Annotations[desired.AnnotationTemplateDigest] = agent.Template.Digest
		if s.oldPod {
			s.pod.Annotations[desired.AnnotationTemplateDigest] = "before"
		}
		o.Pod = s.pod
	}
	encoded := s.encoded
	if encoded == "" && s.report != nil {
		b, err := json.Marshal(s.report)
		if err != nil {
			s.t.Fatal(err)
		}
		encoded = string(b)
	}
	o.Lease = &coordinationv1.Lease{Spec: coordinationv1.LeaseSpec{HolderIdentity: &s.holder}}
	if encoded != "" {
		o.Lease.Annotations = map[string]string{v1alpha1.AnnotationReport: encoded}
	}
	o.memory = memory{uid: s.td.UID, flattenSince: s.flattenSince}
	o.Heard = hear(s.td, o.Lease, o.Pod, s.reported, s.now)
	o.witness(true)
	return o
}

// ledgerBook is the ledger of a scene.
func ledgerBook() *witnesstest.Book { return witnesstest.New("o").Grow(20) }

// shows has the daemon report another head, with the proof that a true daemon gives.
func (s *scene) shows(b *witnesstest.Book, size int64) {
	s.report.Ledger, s.report.Proof = b.Head(size), b.Prove(s.td.Status.Ledger.Size, size)
}

// forged is a ledger of the scene's own origin and key with another past from record 5 on.
func forged() *witnesstest.Book {
	b := ledgerBook().Cut(5)
	for b.Size() < 20 {
		b.Append(fmt.Sprintf("forged %d", b.Size()))
	}
	return b
}

func (s *scene) changeEconomics() { s.td.Spec.Economics.FeeBpsBuy = ptr.To(int32(1)) }
func (s *scene) policy(p v1alpha1.UpdatePolicy) {
	s.td.Spec.UpdatePolicy, s.running.UpdatePolicy = p, p
	s.changeEconomics()
}

// applied: the new template is in the StatefulSet, and the pod is of the one before.
func (s *scene) applied(p v1alpha1.UpdatePolicy) {
	s.policy(p)
	s.running, s.oldPod = s.td.Spec.DeepCopy(), true
}
func (s *scene) terminating() { s.pod.DeletionTimestamp = &metav1.Time{Time: s.now} }

func TestTemplateChangesOnlyWhenUpdatePolicyAllows(t *testing.T) {
	const (
		wanted   = "wanted"
		approved = "approved"
		none     = "none"
	)
	for name, test := range map[string]struct {
		given    func(*scene)
		template string
		deletes  bool
		held     string
	}{
		"nothing changed: the same, no delete":                 {func(*scene) {}, wanted, false, ""},
		"first template: at once":                              {func(s *scene) { s.noSet, s.noPod = true, true; s.policy(v1alpha1.UpdateManual) }, wanted, false, ""},
		"Automatic: at once, and the pod stays for now":        {func(s *scene) { s.policy(v1alpha1.UpdateAutomatic) }, wanted, false, ""},
		"Automatic, template not seen by its controller":       {func(s *scene) { s.applied(v1alpha1.UpdateAutomatic); s.unseen = true }, wanted, false, ""},
		"Automatic, template seen: the pod goes":               {func(s *scene) { s.applied(v1alpha1.UpdateAutomatic) }, wanted, true, ""},
		"Automatic, pod terminating already: no second delete": {func(s *scene) { s.applied(v1alpha1.UpdateAutomatic); s.terminating() }, wanted, false, ""},
		"Automatic, suspended: the StatefulSet ends the pod":   {func(s *scene) { s.applied(v1alpha1.UpdateAutomatic); s.td.Spec.Suspend = true }, wanted, false, ""},
		"Automatic, flattening before a stop: no delete": {func(s *scene) {
			s.applied(v1alpha1.UpdateAutomatic)
			s.td.Spec.Suspend, s.td.Spec.OnStop = true, v1alpha1.StopFlatten
		}, wanted, false, ""},
		"OnQuiet, quiet":       {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet) }, wanted, false, ""},
		"OnQuiet, still quiet": {func(s *scene) { s.applied(v1alpha1.UpdateOnQuiet) }, wanted, true, ""},
		"OnQuiet, no longer quiet, or the operator was away": {func(s *scene) { s.applied(v1alpha1.UpdateOnQuiet); s.report.Position.Quantity = "1" }, approved, false, "position of 1"},
		"OnQuiet, position held":                             {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.report.Position.Quantity = "0.5" }, approved, false, "position of 0.5"},
		"OnQuiet, intent open":                               {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.report.OpenIntent = true }, approved, false, "outcome of an order"},
		"OnQuiet, quarantine":                                {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.report.Quarantine.Active = true }, approved, false, "quarantine"},
		"OnQuiet, no report of a pod that has a ledger":      {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.report = nil }, approved, false, "report"},
		"OnQuiet, stale report":                              {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.now = s.now.Add(time.Hour) }, approved, false, "report"},
		"OnQuiet, pod that never had a ledger": {func(s *scene) {
			s.policy(v1alpha1.UpdateOnQuiet)
			s.report, s.td.Status.Ledger = nil, nil
		}, wanted, false, ""},
		"OnQuiet, suspended and gone": {func(s *scene) {
			s.policy(v1alpha1.UpdateOnQuiet)
			s.td.Spec.Suspend, s.noPod, s.replicas = true, true, 0
		}, wanted, false, ""},
		"OnQuiet, pod gone with its node": {func(s *scene) { s.policy(v1alpha1.UpdateOnQuiet); s.noPod = true }, approved, false, "report"},
		"Manual, pod runs":                {func(s *scene) { s.policy(v1alpha1.UpdateManual) }, approved, false, "delete pod"},
		"Manual, pod deleted by hand":     {func(s *scene) { s.policy(v1alpha1.UpdateManual); s.terminating() }, wanted, false, ""},
		"Manual, pod evicted": {func(s *scene) {
			s.policy(v1alpha1.UpdateManual)
			s.terminating()
			s.pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.DisruptionTarget, Status: corev1.ConditionTrue}}
		}, approved, false, "delete pod"},
		"Manual, pod gone unseen":                 {func(s *scene) { s.policy(v1alpha1.UpdateManual); s.noPod = true }, approved, false, "delete pod"},
		"invalid configuration: the approved one": {func(s *scene) { s.td.Spec.Economics.TradeQuantity = "0" }, approved, false, ""},
		"invalid configuration, nothing approved": {func(s *scene) {
			s.td.Spec.Economics.TradeQuantity = "0"
			s.noSet, s.noPod = true, true
		}, none, false, ""},
		"earlier resource still leaving, no StatefulSet": {func(s *scene) { s.noSet, s.noPod = true, true; s.leaving = []string{"StatefulSet x"} }, none, false, ""},
		"name taken: hands off":                          {func(s *scene) { s.policy(v1alpha1.UpdateAutomatic); s.taken = []string{"Service x"} }, none, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			test.given(s)
			o := s.observed()
			p := decide(o)
			got := none
			switch {
			case p.Template == nil:
			case o.Wanted != nil && p.Template == o.Wanted.Template:
				got = wanted
			default:
				got = approved
			}
			if got != test.template {
				t.Errorf("template: expected %s, found %s", test.template, got)
			}
			if (p.DeletePod != "") != test.deletes {
				t.Errorf("delete of the pod: expected %v, found %q", test.deletes, p.DeletePod)
			}
			if (p.Held != "") != (test.held != "") || !strings.Contains(p.Held, test.held) {
				t.Errorf("held: expected %q, found %q", test.held, p.Held)
			}
		})
	}
}

func TestStopSellsFirstOnlyWithFlattenAndOnlyForSoLong(t *testing.T) {
	suspend := func(s *scene) { s.td.Spec.Suspend, s.td.Spec.OnStop = true, v1alpha1.StopFlatten }
	deletion := func(s *scene) {
		s.td.DeletionTimestamp, s.td.Spec.OnStop = &metav1.Time{Time: s.now}, v1alpha1.StopFlatten
		s.td.Finalizers = []string{Finalizer}
	}
	for name, test := range map[string]struct {
		given      func(*scene)
		replicas   int32
		flatten    bool
		flattening bool
		gaveUp     bool
		release    bool
	}{
		"running":                       {func(*scene) {}, 1, false, false, false, false},
		"suspend with Keep":             {func(s *scene) { s.td.Spec.Suspend = true }, 0, false, false, false, false},
		"suspend with Flatten":          {suspend, 1, true, true, false, false},
		"flat, but the order not heard": {func(s *scene) { suspend(s); s.report.Draining = false }, 1, true, true, false, false},
		"heard, position left":          {func(s *scene) { suspend(s); s.report.Draining = true; s.report.Position.Quantity = "1" }, 1, true, true, false, false},
		"heard, outcome open":           {func(s *scene) { suspend(s); s.report.Draining = true; s.report.OpenIntent = true }, 1, true, true, false, false},
		"heard and flat":                {func(s *scene) { suspend(s); s.report.Draining = true }, 0, true, false, false, false},
		"stale report":                  {func(s *scene) { suspend(s); s.report.Draining = true; s.now = s.now.Add(time.Hour) }, 1, true, true, false, false},
		"time is over":                  {func(s *scene) { suspend(s); s.flattenSince = s.now.Add(-flattenLimit) }, 0, true, false, true, false},
		"halted daemon":                 {func(s *scene) { suspend(s); s.report.Phase = v1alpha1.PhaseHalted }, 0, true, false, true, false},
		"pod gone":                      {func(s *scene) { suspend(s); s.noPod = true }, 0, false, false, false, false},
		"scaled to zero, pod going":     {func(s *scene) { suspend(s); s.replicas = 0 }, 0, true, false, false, false},
		"deletion with Flatten":         {deletion, 1, true, true, false, false},
		"deletion, sold":                {func(s *scene) { deletion(s); s.report.Draining = true }, 0, true, false, false, true},
		"deletion, time is over":        {func(s *scene) { deletion(s); s.flattenSince = s.now.Add(-flattenLimit) }, 0, true, false, true, true},
		"deletion of a suspended one":   {func(s *scene) { deletion(s); s.noPod, s.replicas = true, 0 }, 0, false, false, false, true},
		"deletion with Keep":            {func(s *scene) { deletion(s); s.td.Spec.OnStop = v1alpha1.StopKeep }, 0, false, false, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			test.given(s)
			p := decide(s.observed())
			if p.Replicas != test.replicas || p.Commands.Flatten != test.flatten || p.Flattening != test.flattening ||
				(p.GaveUp != "") != test.gaveUp || p.ReleaseFinalizer != test.release {
				t.Errorf("expected %+v, found replicas %d, flatten %v, flattening %v, gave up %q, release %v",
					test, p.Replicas, p.Commands.Flatten, p.Flattening, p.GaveUp, p.ReleaseFinalizer)
			}
		})
	}
}

func TestAdoptedClaimThatCannotBeWhatTheSpecAsksStalls(t *testing.T) {
	for name, test := range map[string]struct {
		given func(*scene)
		want  string
	}{
		"as asked":          {func(*scene) {}, ""},
		"other class":       {func(s *scene) { s.td.Spec.Ledger.Volume.StorageClassName = ptr.To("fast") }, "storageClassName"},
		"other access mode": {func(s *scene) { s.td.Spec.Ledger.Volume.AccessMode = corev1.ReadWriteOnce }, "accessModes"},
		"class left open":   {func(s *scene) { s.claim.Spec.StorageClassName = ptr.To("any") }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			s.claim = &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
				AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod}, StorageClassName: ptr.To("slow")}}
			test.given(s)
			p := decide(s.observed())
			if (p.Stalled != nil) != (test.want != "") || p.Stalled != nil && (p.Stalled.Reason != ReasonVolumeMismatch || !strings.Contains(p.Stalled.Message, test.want)) {
				t.Errorf("expected a stall about %q, found %+v", test.want, p.Stalled)
			}
		})
	}
}

func TestSettledPassDecidesAnewAsSoonAsAnythingButTheReportChanges(t *testing.T) {
	s := newScene(t)
	o := s.observed()
	r := &Reconciler{}
	p := decide(o)
	r.remember(o, p, outcome{})
	recall := func() *observed {
		next := s.observed()
		next.memory = r.memories.get(ctrlKey(s.td), s.td.UID)
		return next
	}
	s.report.Tick = 8
	if next := recall(); !next.unchanged() || decide(next) != next.memory.settled {
		t.Error("new report: expected the settled plan, found another")
	}
	for name, change := range map[string]func(*observed){
		"generation": func(o *observed) { o.TauDaemon = o.TauDaemon.DeepCopy(); o.TauDaemon.Generation++ },
		"deletion": func(o *observed) {
			o.TauDaemon = o.TauDaemon.DeepCopy()
			o.TauDaemon.DeletionTimestamp = &metav1.Time{Time: s.now}
		},
		"pod":             func(o *observed) { o.Pod = o.Pod.DeepCopy(); o.Pod.ResourceVersion = "2" },
		"pod gone":        func(o *observed) { o.Pod = nil },
		"StatefulSet":     func(o *observed) { o.StatefulSet.ResourceVersion = "2" },
		"ConfigMap":       func(o *observed) { o.ConfigMaps[0].ResourceVersion = "2" },
		"Lease recreated": func(o *observed) { o.Lease.UID = "other" },
		"commands":        func(o *observed) { o.Lease.Annotations[v1alpha1.AnnotationCommands] = "{}" },
		"taken":           func(o *observed) { o.Taken = []string{"Service x"} },
		"user's specs": func(o *observed) {
			wanted := *o.Wanted.Template
			wanted.Digest = "another"
			o.Wanted = &desired.Agent{ConfigMap: o.Wanted.ConfigMap, Template: &wanted, Config: o.Wanted.Config}
		},
		"refused specs": func(o *observed) { o.Wanted, o.WantedErr = nil, errors.New("kernel.tau:1") },
	} {
		next := recall()
		if change(next); next.unchanged() {
			t.Errorf("%s: expected a new decision, found the settled plan", name)
		}
	}
}

func TestADaemonOnAnAccountInUseIsStopped(t *testing.T) {
	s := newScene(t)
	o := s.observed()
	o.AccountUser = "TauDaemon other/agent"
	if p := decide(o); p.Replicas != 0 || p.HandsOff || p.Stalled == nil || p.Stalled.Reason != v1alpha1.ReasonAccountInUse {
		t.Errorf("running: expected 0 replicas and AccountInUse, found %d and %+v", p.Replicas, p.Stalled)
	}
	s.noSet, s.noPod = true, true
	o = s.observed()
	o.AccountUser = "TauDaemon other/agent"
	if p := decide(o); !p.HandsOff || p.Template != nil {
		t.Errorf("not running: expected nothing applied, found %+v", p)
	}
}
