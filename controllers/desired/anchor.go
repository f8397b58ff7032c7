package desired

import (
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// AnnotationAnchor, on the volume claim, holds the Anchor of the ledger on that volume, as JSON: a resource that is made anew finds it there.
const AnnotationAnchor = "taudaemon.io/ledger-anchor"

// Anchor is a head of the ledger that the operator witnessed, with the key that it pinned.
type Anchor struct {
	v1alpha1.LedgerReport
	// Time at which it was written, on the operator's clock.
	Time metav1.Time `json:"time"`
}

// EncodeAnchor is the value of the annotation.
func EncodeAnchor(a Anchor) (string, error) {
	b, err := json.Marshal(a)
	if err != nil {
		return "", fmt.Errorf("encode anchor: %w", err)
	}
	return string(b), nil
}

// DecodeAnchor reads the annotations of a claim; nil where there is no anchor.
func DecodeAnchor(annotations map[string]string) (*Anchor, error) {
	text, found := annotations[AnnotationAnchor]
	if !found {
		return nil, nil
	}
	a := &Anchor{}
	if err := json.Unmarshal([]byte(text), a); err != nil {
		return nil, fmt.Errorf("annotation %s of the PersistentVolumeClaim: %w", AnnotationAnchor, err)
	}
	return a, nil
}

// BuildClaimAnchor sets the anchor on the claim of that UID, and nothing else: it is applied under an owner of its own, so that the claim and its anchor
// are each changed without the other. The UID keeps the apply from making a claim when that one is gone meanwhile.
func BuildClaimAnchor(td *v1alpha1.TauDaemon, claim types.UID, encoded string) *applycore.PersistentVolumeClaimApplyConfiguration {
	return applycore.PersistentVolumeClaim(ChildName(td.Name), td.Namespace).WithUID(claim).WithAnnotations(map[string]string{AnnotationAnchor: encoded})
}
