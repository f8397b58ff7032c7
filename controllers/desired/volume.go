package desired

import (
	corev1 "k8s.io/api/core/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// BuildVolumeClaim is the claim for the ledger's volume. live is the claim that exists, or nil: its size is the lower bound, because a claim
// never shrinks. Only with retain: Delete does it carry an owner reference; otherwise it outlives the resource, and a resource of the same name
// finds its ledger again.
func BuildVolumeClaim(td *v1alpha1.TauDaemon, live *corev1.PersistentVolumeClaim) *applycore.PersistentVolumeClaimApplyConfiguration {
	v := td.Spec.Ledger.Volume
	size := v.Size
	if live != nil {
		// A claim that is not bound yet refuses every change; it grows when it is.
		if has := live.Spec.Resources.Requests[corev1.ResourceStorage]; has.Cmp(size) > 0 || live.Status.Phase != corev1.ClaimBound {
			size = has
		}
	}
	spec := applycore.PersistentVolumeClaimSpec().
		WithAccessModes(v.AccessMode).
		WithResources(applycore.VolumeResourceRequirements().
			WithRequests(corev1.ResourceList{corev1.ResourceStorage: size}))
	if v.StorageClassName != nil {
		spec.WithStorageClassName(*v.StorageClassName)
	}
	ac := applycore.PersistentVolumeClaim(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithSpec(spec)
	if v.Retain == v1alpha1.VolumeDelete {
		ac.WithOwnerReferences(owner(td))
	}
	return ac
}
