package controllers

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	storagev1 "k8s.io/api/storage/v1"
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
