package controllers

import (
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/controllers/desired"
)

func TestCreatedResourceHasAllItsChildrenAndWaitsForItsPod(t *testing.T) {
	w := newWorld(t)
	w.create(nil)
	w.settle()
	td, set := w.resource(), w.set()
	name := desired.ChildName(agentName)
	for _, obj := range []client.Object{
		&corev1.ServiceAccount{}, &rbacv1.Role{}, &rbacv1.RoleBinding{}, &corev1.Service{}, w.lease(), set,
	} {
		w.must(w.c.Get(w.ctx, w.key(name), obj))
		if !metav1.IsControlledBy(obj, td) {
			t.Errorf("%s: expected the resource as controller, found %v", kindOf(obj), obj.GetOwnerReferences())
		}
	}
	claim := &corev1.PersistentVolumeClaim{}
	w.must(w.c.Get(w.ctx, w.key(name), claim))
	if len(claim.OwnerReferences) != 0 {
		t.Errorf("claim: expected no owner with retain Retain, found %v", claim.OwnerReferences)
	}
	config := &corev1.ConfigMap{}
	w.must(w.c.Get(w.ctx, w.key(td.Status.ConfigMapName), config))
	if !ptr.Deref(config.Immutable, false) || !strings.Contains(config.Data["taud.toml"], "trade_qty = 10000000000") {
		t.Errorf("ConfigMap: expected it immutable and with the spec's economics, found %v", config)
	}
	if *set.Spec.Replicas != 1 || set.Spec.UpdateStrategy.Type != "OnDelete" || len(set.Spec.VolumeClaimTemplates) != 0 {
		t.Errorf("StatefulSet: expected 1 replica, OnDelete, no claim templates; found %+v", set.Spec)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonWaitingForPod)
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonWaitingForPod)
	if td.Status.State != v1alpha1.StatePending || len(td.Finalizers) != 0 {
		t.Errorf("expected state Pending and no finalizer, found %s and %v", td.Status.State, td.Finalizers)
	}
}

func TestPodIsAdmittedWherePodSecurityIsRestricted(t *testing.T) {
	w := newWorld(t)
	ns := &corev1.Namespace{}
	w.must(w.c.Get(w.ctx, client.ObjectKey{Name: w.ns}, ns))
	ns.Labels["pod-security.kubernetes.io/enforce"] = "restricted"
	w.must(w.c.Update(w.ctx, ns))
	w.create(nil)
	w.settle()
	w.startPod()
}

func TestPassesOverAnUnchangedResourceSendNoWrite(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	for range 2 {
		if wrote := w.pass(); len(wrote) != 0 {
			t.Errorf("expected no write, found %v", wrote)
		}
	}
	w.restartOperator()
	for range 2 {
		if wrote := w.pass(); len(wrote) != 0 {
			t.Errorf("after a restart of the operator: expected no write, found %v", wrote)
		}
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
}

func TestReportIsMirroredByOneStatusWriteAndNothingElse(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	report := w.goodReport(pod)
	report.Tick, report.Ledger.Size = 8, 10
	w.report(report)
	if wrote := w.pass(); !slices.Equal(wrote, []string{"patch status TauDaemon"}) {
		t.Errorf("expected one status write, found %v", wrote)
	}
	s := w.resource().Status
	if s.Tick != 8 || s.Ledger.Size != 10 || s.Ledger.ShortHead != "abababababab" || s.Holding != "0" || s.Health != "Healthy" || s.Epoch != 1 ||
		s.State != v1alpha1.StateRunning || s.PodName != pod.Name || s.ReportTime == nil || s.Effective.Image != testImage {
		t.Errorf("expected the report in status, found %+v", s)
	}
}

func TestEditOfStatusByAnotherNeitherRollsThePodNorStays(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	td := w.resource()
	td.Status.Engine, td.Status.Tick = "wishful", 1_000_000
	w.must(w.c.Status().Update(w.ctx, td))
	if wrote := w.pass(); !slices.Equal(wrote, []string{"patch status TauDaemon"}) {
		t.Errorf("expected one status write, found %v", wrote)
	}
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
		t.Error("expected the same pod, found it rolled")
	}
	if s := w.resource().Status; s.Engine != "embedded" || s.Tick != 7 {
		t.Errorf("expected engine and tick as reported, found %s and %d", s.Engine, s.Tick)
	}
}

func TestDriftOfAChildIsUndone(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	role := &rbacv1.Role{}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), role))
	role.Rules = append(role.Rules, rbacv1.PolicyRule{APIGroups: []string{""}, Resources: []string{"configmaps"}, Verbs: []string{"get"}})
	w.must(w.c.Update(w.ctx, role))
	if wrote := w.pass(); !slices.Equal(wrote, []string{"apply Role"}) {
		t.Errorf("expected the Role to be applied, found %v", wrote)
	}
	w.must(w.c.Get(w.ctx, w.key(role.Name), role))
	if len(role.Rules) != 1 {
		t.Errorf("expected one rule, found %v", role.Rules)
	}
	w.settle()
}

func TestChildThatIsNotOursIsNeverWrittenTo(t *testing.T) {
	for name, obj := range map[string]client.Object{
		"Service":               &corev1.Service{Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}},
		"ServiceAccount":        &corev1.ServiceAccount{},
		"PersistentVolumeClaim": foreignClaim(),
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			obj.SetName(desired.ChildName(agentName))
			obj.SetNamespace(w.ns)
			w.must(w.c.Create(w.ctx, obj))
			w.create(nil)
			if wrote := w.pass(); !slices.Equal(wrote, []string{"patch status TauDaemon"}) {
				t.Errorf("expected a status write only, found %v", wrote)
			}
			w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonNameTaken)
			if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, name+" "+desired.ChildName(agentName)) {
				t.Errorf("expected a message that names the %s, found %q", name, m)
			}
			w.must(w.c.Delete(w.ctx, obj))
			if name == "PersistentVolumeClaim" {
				return // its protection finalizer needs a controller-manager
			}
			w.settle()
			w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
		})
	}
}

func foreignClaim() *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{Spec: corev1.PersistentVolumeClaimSpec{
		AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOncePod},
		Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{"storage": resource.MustParse("1Gi")}},
	}}
}

func TestRetainedClaimOfAnEarlierResourceIsAdopted(t *testing.T) {
	w := newWorld(t)
	claim := foreignClaim()
	claim.Name, claim.Namespace = desired.ChildName(agentName), w.ns
	claim.Labels = map[string]string{desired.LabelName: agentName}
	claim.Spec.Resources.Requests["storage"] = resource.MustParse("64Gi")
	w.must(w.c.Create(w.ctx, claim))
	uid := claim.UID
	w.create(nil)
	w.settle()
	w.must(w.c.Get(w.ctx, w.key(claim.Name), claim))
	if size := claim.Spec.Resources.Requests["storage"]; claim.UID != uid || size.String() != "64Gi" {
		t.Errorf("expected the same claim of 64Gi, found %s of %s", claim.UID, size.String())
	}
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
}

func TestRetainDeleteMakesTheClaimTheResources(t *testing.T) {
	w := newWorld(t)
	w.running(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeDelete })
	claim := &corev1.PersistentVolumeClaim{}
	get := func() { w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), claim)) }
	if get(); !metav1.IsControlledBy(claim, w.resource()) {
		t.Errorf("Delete: expected the resource as controller, found %v", claim.OwnerReferences)
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeRetain })
	w.settle()
	if get(); len(claim.OwnerReferences) != 0 {
		t.Errorf("Retain again: expected no owner, found %v", claim.OwnerReferences)
	}
}

func TestClaimGrowsWhereItsClassAllows(t *testing.T) {
	for name, test := range map[string]struct {
		expandable bool
		wantSize   string
		stalled    metav1.ConditionStatus
	}{
		"class that allows it":  {true, "20Gi", metav1.ConditionFalse},
		"class that refuses it": {false, "10Gi", metav1.ConditionTrue},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			class := &storagev1.StorageClass{Provisioner: "test", AllowVolumeExpansion: &test.expandable}
			class.GenerateName = "class-"
			w.must(w.c.Create(w.ctx, class))
			pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.StorageClassName = &class.Name })
			claim := &corev1.PersistentVolumeClaim{}
			w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), claim))
			claim.Spec.VolumeName = "volume-1"
			w.must(w.c.Update(w.ctx, claim))
			claim.Status.Phase = corev1.ClaimBound
			claim.Status.Capacity = claim.Spec.Resources.Requests
			w.must(w.c.Status().Update(w.ctx, claim))

			w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Size = resource.MustParse("20Gi") })
			if _, err := w.tryPass(); (err != nil) == test.expandable {
				t.Errorf("expected an error: %v, found %v", !test.expandable, err)
			}
			w.must(w.c.Get(w.ctx, w.key(claim.Name), claim))
			if size := claim.Spec.Resources.Requests["storage"]; size.String() != test.wantSize {
				t.Errorf("expected %s, found %s", test.wantSize, size.String())
			}
			if c := w.condition(v1alpha1.ConditionStalled); c.Status != test.stalled {
				t.Errorf("Stalled: expected %s, found %s: %s", test.stalled, c.Status, c.Message)
			}
			if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
				t.Error("expected the same pod, found it rolled")
			}
			w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
			_, _ = w.tryPass()
			if got := *w.set().Spec.Replicas; got != 0 {
				t.Errorf("suspended: expected 0 replicas, found %d", got)
			}
		})
	}
}

func TestSuspendScalesToZeroAndKeepsTheRest(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	if wrote := w.pass(); !slices.Equal(wrote, []string{"apply StatefulSet", "patch status TauDaemon"}) {
		t.Errorf("expected the StatefulSet and the status, found %v", wrote)
	}
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("expected 0 replicas, found %d", got)
	}
	w.endPod()
	w.settle()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonSuspended)
	w.expectCondition(v1alpha1.ConditionHealthy, metav1.ConditionUnknown, v1alpha1.ReasonSuspended)
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionFalse, v1alpha1.ReasonUpToDate)
	if s := w.resource().Status; s.State != v1alpha1.StateSuspended || s.Ledger == nil || s.Ledger.Size != 9 {
		t.Errorf("expected state Suspended and the last ledger head, found %s and %v", s.State, s.Ledger)
	}
	w.must(w.c.Get(w.ctx, w.key(desired.ChildName(agentName)), &corev1.PersistentVolumeClaim{}))

	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = false })
	w.settle()
	if got := *w.set().Spec.Replicas; got != 1 {
		t.Errorf("resumed: expected 1 replica, found %d", got)
	}
}

func TestChangedEconomicsRollThePodExactlyOnce(t *testing.T) {
	w := newWorld(t)
	old := w.running(nil)
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Economics.FeeBpsBuy = ptr.To(int32(0)) })
	var deletes int
	for range 4 {
		for _, wrote := range w.pass() {
			if wrote == "delete Pod" {
				deletes++
			}
		}
	}
	// Without a kubelet the pod stays, terminating.
	if pod := w.pod(); deletes != 1 || pod.DeletionTimestamp == nil || *pod.DeletionGracePeriodSeconds != 30 {
		t.Errorf("expected one graceful delete, found %d and deletion %v", deletes, pod.DeletionTimestamp)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonRolling)

	w.endPod()
	w.settle()
	pod := w.startPod()
	if pod.UID == old.UID || pod.Annotations[desired.AnnotationTemplateDigest] == old.Annotations[desired.AnnotationTemplateDigest] {
		t.Error("expected a new pod of a new template, found the old")
	}
	report := w.goodReport(pod)
	report.Epoch = 2
	w.report(report)
	w.settle()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
		t.Error("expected the new pod to stay, found it rolled again")
	}
	var configs corev1.ConfigMapList
	w.must(w.c.List(w.ctx, &configs, client.InNamespace(w.ns), client.MatchingLabels{desired.LabelName: agentName}))
	if len(configs.Items) != 1 || configs.Items[0].Name != w.resource().Status.ConfigMapName {
		t.Errorf("expected the old ConfigMap to be pruned, found %d", len(configs.Items))
	}
	if got := strings.Count(strings.Join(w.events(), "\n"), "Rolled"); got != 1 {
		t.Errorf("expected one Event Rolled, found %d", got)
	}
}

func TestWhatNeverRollsDoesNot(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*v1alpha1.TauDaemonSpec)
		want   []string
	}{
		"acknowledge":  {func(s *v1alpha1.TauDaemonSpec) { s.Quarantine.Acknowledge = "i-1" }, []string{"apply Lease", "patch status TauDaemon"}},
		"onStop":       {func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten }, []string{"patch TauDaemon", "patch status TauDaemon"}},
		"updatePolicy": {func(s *v1alpha1.TauDaemonSpec) { s.UpdatePolicy = v1alpha1.UpdateManual }, []string{"patch status TauDaemon"}},
		"retain":       {func(s *v1alpha1.TauDaemonSpec) { s.Ledger.Volume.Retain = v1alpha1.VolumeDelete }, []string{"apply PersistentVolumeClaim", "patch status TauDaemon"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			pod := w.running(nil)
			w.edit(test.change)
			if wrote := w.pass(); !slices.Equal(wrote, test.want) {
				t.Errorf("expected %v, found %v", test.want, wrote)
			}
			w.settle()
			if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil {
				t.Error("expected the same pod, found it rolled")
			}
		})
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
	for _, kind := range []string{v1alpha1.ConditionReady, v1alpha1.ConditionHealthy, v1alpha1.ConditionQuarantined, v1alpha1.ConditionLeaseHeld, v1alpha1.ConditionOracleFresh} {
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

func TestInvalidConfigurationKeepsTheApprovedPodAndStillObeysSuspend(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	// The schema's pattern takes a URL without a host, daemon/config does not.
	w.edit(func(s *v1alpha1.TauDaemonSpec) {
		s.Oracle.Sources[0] = v1alpha1.OracleSource{Name: "feed", HTTP: &v1alpha1.HTTPSource{URL: "http:///price", Price: "$.price"}}
	})
	w.settle()
	w.expectCondition(v1alpha1.ConditionStalled, metav1.ConditionTrue, v1alpha1.ReasonInvalidConfig)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, v1alpha1.ReasonInvalidConfig)
	if m := w.condition(v1alpha1.ConditionStalled).Message; !strings.Contains(m, "url") {
		t.Errorf("expected a message that names the key, found %q", m)
	}
	if got := w.pod(); got.UID != pod.UID || got.DeletionTimestamp != nil || w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest] != before {
		t.Error("expected the approved pod and template, found them changed")
	}
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("suspended: expected 0 replicas, found %d", got)
	}
}

func TestLedgerInStatusNeverGoesBack(t *testing.T) {
	w := newWorld(t)
	pod := w.running(nil)
	report := w.goodReport(pod)
	report.Tick, report.Ledger.Size = 9, 8
	w.report(report)
	w.pass()
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, ReasonLedgerRollback)
	if s := w.resource().Status; s.Ledger.Size != 9 || s.State != v1alpha1.StateHalted {
		t.Errorf("expected size 9 and state Halted, found %d and %s", s.Ledger.Size, s.State)
	}
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

func TestSuspendWithFlattenWaitsUntilThePositionIsSold(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	holding := w.goodReport(pod)
	holding.Position.Quantity = "10"
	w.report(holding)
	w.settle()
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	if got := w.lease().Annotations[v1alpha1.AnnotationCommands]; got != `{"flatten":true}` || *w.set().Spec.Replicas != 1 {
		t.Errorf("expected the command and 1 replica, found %q and %d", got, *w.set().Spec.Replicas)
	}
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionFalse, ReasonFlattening)
	sold := w.goodReport(pod)
	sold.Draining = true
	w.report(sold)
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("sold: expected 0 replicas, found %d", got)
	}
	w.endPod()
	w.settle()
	if got, found := w.lease().Annotations[v1alpha1.AnnotationCommands]; found {
		t.Errorf("stopped: expected no commands, found %q", got)
	}
}

func TestSuspendWithFlattenGoesOnAfterItsTime(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Suspend = true })
	w.settle()
	w.clock.SetTime(w.clock.Now().Add(flattenLimit))
	holding := w.goodReport(pod)
	holding.Position.Quantity, holding.Draining = "10", true
	w.report(holding)
	w.settle()
	if got := *w.set().Spec.Replicas; got != 0 {
		t.Errorf("expected 0 replicas, found %d", got)
	}
	if got := strings.Count(strings.Join(w.events(), "\n"), "FlattenGaveUp"); got != 1 {
		t.Errorf("expected one Event FlattenGaveUp, found %d", got)
	}
}

func TestDeletionWithFlattenIsHeldUntilThePositionIsSold(t *testing.T) {
	w := newWorld(t)
	pod := w.running(func(s *v1alpha1.TauDaemonSpec) { s.OnStop = v1alpha1.StopFlatten })
	td := w.resource()
	if !slices.Contains(td.Finalizers, Finalizer) {
		t.Fatalf("expected finalizer %s, found %v", Finalizer, td.Finalizers)
	}
	w.must(w.c.Delete(w.ctx, td))
	w.settle()
	if s := w.resource().Status; s.State != v1alpha1.StateDeleting {
		t.Errorf("expected state Deleting, found %s", s.State)
	}
	sold := w.goodReport(pod)
	sold.Draining = true
	w.report(sold)
	w.pass()
	if err := w.c.Get(w.ctx, w.key(agentName), td); !apierrors.IsNotFound(err) {
		t.Errorf("expected the resource to be gone, found %v, finalizers %v", err, td.Finalizers)
	}
	if wrote := w.pass(); len(wrote) != 0 {
		t.Errorf("gone: expected no write, found %v", wrote)
	}
}

func TestDeletionWithoutFlattenNeedsNoOperator(t *testing.T) {
	w := newWorld(t)
	w.running(nil)
	w.must(w.c.Delete(w.ctx, w.resource()))
	if err := w.c.Get(w.ctx, w.key(agentName), &v1alpha1.TauDaemon{}); !apierrors.IsNotFound(err) {
		t.Errorf("expected the resource to be gone, found %v", err)
	}
}

func TestManualUpdateIsTakenByThePodThatComesAfterADelete(t *testing.T) {
	w := newWorld(t)
	w.running(func(s *v1alpha1.TauDaemonSpec) { s.UpdatePolicy = v1alpha1.UpdateManual })
	before := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]
	w.edit(func(s *v1alpha1.TauDaemonSpec) { s.Economics.FeeBpsBuy = ptr.To(int32(1)) })
	w.settle()
	w.expectCondition(v1alpha1.ConditionReconciling, metav1.ConditionTrue, v1alpha1.ReasonUpdateHeld)
	w.expectCondition(v1alpha1.ConditionReady, metav1.ConditionTrue, v1alpha1.ReasonReady)
	if got := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]; got != before {
		t.Error("expected the approved template, found the new one")
	}
	w.must(w.c.Delete(w.ctx, w.pod()))
	w.settle()
	if got := w.set().Spec.Template.Annotations[desired.AnnotationTemplateDigest]; got == before {
		t.Error("while the pod terminates: expected the new template, found the approved one")
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
