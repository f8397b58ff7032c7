package desired

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Labels and annotations of the children.
const (
	// LabelName holds the TauDaemon's name on every child. The operator's cache holds labelled objects only, and a volume claim that carries
	// the resource's name here is the resource's own, also when an earlier resource of the same name made it.
	LabelName = "taudaemon.io/name"
	// LabelAccount, on the pod of a Live resource, holds a digest of the venue account that it trades on.
	LabelAccount = "taudaemon.io/account"
	// AnnotationTemplate, on the StatefulSet, holds the approved pod template as JSON: what is applied again while a newer one has to wait.
	AnnotationTemplate = "taudaemon.io/approved-template"
	// AnnotationTemplateDigest, on the pod template and so on each pod, tells which template the pod was made from.
	AnnotationTemplateDigest = "taudaemon.io/template-digest"
	// AnnotationApplied, on every applied child, is a digest of what was applied: it shows that a field is to be taken away again, which a
	// comparison of the fields that are still wanted cannot.
	AnnotationApplied = "taudaemon.io/applied-digest"
)

// ContainerName is the name of the pod's one container.
const ContainerName = "taud"

const managedBy = "taudaemon-operator"

// ChildName is the name of every child but the ConfigMaps: NAME-taud.
func ChildName(name string) string { return name + "-taud" }

// PodName is the name of the one pod: that of the StatefulSet's ordinal 0.
func PodName(name string) string { return ChildName(name) + "-0" }

// Labels of every child, the pod included.
func Labels(name string) map[string]string {
	return map[string]string{
		"app.kubernetes.io/name":       "taudaemon",
		"app.kubernetes.io/instance":   name,
		"app.kubernetes.io/managed-by": managedBy,
		LabelName:                      name,
	}
}

// Digest of v's JSON, in hex. It fails only for a value that has no JSON form.
func Digest(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("digest of %T: %w", v, err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// owner is the reference that lets the garbage collector delete a child with its resource, and that marks it as ours.
func owner(td *v1alpha1.TauDaemon) *applymeta.OwnerReferenceApplyConfiguration {
	return applymeta.OwnerReference().
		WithAPIVersion(v1alpha1.GroupVersion.String()).
		WithKind("TauDaemon").
		WithName(td.Name).
		WithUID(td.UID).
		WithController(true).
		WithBlockOwnerDeletion(true)
}

func ownerReference(td *v1alpha1.TauDaemon) metav1.OwnerReference {
	return *metav1.NewControllerRef(td, v1alpha1.GroupVersion.WithKind("TauDaemon"))
}
