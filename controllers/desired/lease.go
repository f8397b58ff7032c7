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
func EncodeCommands(c v1alpha1.Commands) (string, error) { return encodeUnlessZero("commands", c) }

// EncodeWitnessed is the value of the annotation that says what was witnessed: "" when there is nothing to say.
func EncodeWitnessed(w v1alpha1.Witnessed) (string, error) { return encodeUnlessZero("witnessed", w) }

func encodeUnlessZero[T comparable](what string, v T) (string, error) {
	var zero T
	if v == zero {
		return "", nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("encode %s: %w", what, err)
	}
	return string(b), nil
}

// BuildLeaseOrders sets, or where a value is empty removes, the operator's annotations on the Lease of that UID: all that it applies there. The
// UID keeps the apply from creating a Lease without an epoch when the Lease is gone meanwhile.
func BuildLeaseOrders(td *v1alpha1.TauDaemon, lease types.UID, commands, witnessed string) *applycoordination.LeaseApplyConfiguration {
	ac := applycoordination.Lease(ChildName(td.Name), td.Namespace).WithUID(lease)
	for annotation, value := range map[string]string{v1alpha1.AnnotationCommands: commands, v1alpha1.AnnotationWitnessed: witnessed} {
		if value != "" {
			ac.WithAnnotations(map[string]string{annotation: value})
		}
	}
	return ac
}
