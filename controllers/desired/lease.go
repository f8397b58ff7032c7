package desired

import (
	"encoding/json"
	"fmt"
	"math"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycoordination "k8s.io/client-go/applyconfigurations/coordination/v1"
	"k8s.io/utils/ptr"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// BuildLease is the Lease as the operator creates it. It is created, never applied: from then on its spec is the daemon's. It is seeded with
// the last epoch in status, so that the epochs of a resource whose Lease was deleted go on instead of beginning anew.
func BuildLease(td *v1alpha1.TauDaemon) *coordinationv1.Lease {
	epoch := min(max(td.Status.Epoch, 0), math.MaxInt32)
	return &coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{
			Name:            ChildName(td.Name),
			Namespace:       td.Namespace,
			Labels:          Labels(td.Name),
			OwnerReferences: []metav1.OwnerReference{ownerReference(td)},
		},
		Spec: coordinationv1.LeaseSpec{LeaseTransitions: ptr.To(int32(epoch))},
	}
}

// EncodeCommands is the value of the annotation that carries the commands: "" when there is none.
func EncodeCommands(c v1alpha1.Commands) (string, error) {
	if c == (v1alpha1.Commands{}) {
		return "", nil
	}
	b, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("encode commands: %w", err)
	}
	return string(b), nil
}

// BuildLeaseCommands sets, or with an empty value removes, the commands on the Lease of that UID: all that the operator applies there. The
// UID keeps the apply from creating a Lease without an epoch when the Lease is gone meanwhile.
func BuildLeaseCommands(td *v1alpha1.TauDaemon, lease types.UID, encoded string) *applycoordination.LeaseApplyConfiguration {
	ac := applycoordination.Lease(ChildName(td.Name), td.Namespace).WithUID(lease)
	if encoded != "" {
		ac.WithAnnotations(map[string]string{v1alpha1.AnnotationCommands: encoded})
	}
	return ac
}
