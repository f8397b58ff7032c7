package desired

import (
	"encoding/json"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	applyapps "k8s.io/client-go/applyconfigurations/apps/v1"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"
	applymeta "k8s.io/client-go/applyconfigurations/meta/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Template is a pod template together with what identifies it.
type Template struct {
	// Apply is the template itself.
	Apply *applycore.PodTemplateSpecApplyConfiguration
	// Digest of everything in it.
	Digest string
	// ConfigMap that it mounts, and Image that it runs.
	ConfigMap, Image string
}

// BuildStatefulSet runs the template in replicas (0 or 1) pods. OnDelete: only the operator decides when a pod may be replaced. Parallel: a pod
// that never becomes ready must not keep the StatefulSet from scaling to zero.
func BuildStatefulSet(td *v1alpha1.TauDaemon, t *Template, replicas int32) (*applyapps.StatefulSetApplyConfiguration, error) {
	encoded, err := json.Marshal(t.Apply)
	if err != nil {
		return nil, fmt.Errorf("encode pod template: %w", err)
	}
	return applyapps.StatefulSet(ChildName(td.Name), td.Namespace).
		WithLabels(Labels(td.Name)).
		WithAnnotations(map[string]string{AnnotationTemplate: string(encoded)}).
		WithOwnerReferences(owner(td)).
		WithSpec(applyapps.StatefulSetSpec().
			WithReplicas(replicas).
			WithServiceName(ChildName(td.Name)).
			WithPodManagementPolicy(appsv1.ParallelPodManagement).
			WithRevisionHistoryLimit(2).
			WithUpdateStrategy(applyapps.StatefulSetUpdateStrategy().WithType(appsv1.OnDeleteStatefulSetStrategyType)).
			WithSelector(applymeta.LabelSelector().WithMatchLabels(map[string]string{LabelName: td.Name})).
			WithTemplate(t.Apply)), nil
}

// ApprovedTemplate reads the template that was approved last from the StatefulSet that runs it.
func ApprovedTemplate(live *appsv1.StatefulSet) (*Template, error) {
	encoded, found := live.Annotations[AnnotationTemplate]
	if !found {
		return nil, fmt.Errorf("StatefulSet %s: annotation %s is missing", live.Name, AnnotationTemplate)
	}
	ac := &applycore.PodTemplateSpecApplyConfiguration{}
	if err := json.Unmarshal([]byte(encoded), ac); err != nil {
		return nil, fmt.Errorf("StatefulSet %s: annotation %s: %w", live.Name, AnnotationTemplate, err)
	}
	if ac.Spec == nil || len(ac.Spec.Containers) != 1 || ac.ObjectMetaApplyConfiguration == nil {
		return nil, fmt.Errorf("StatefulSet %s: annotation %s: expected a pod template with one container", live.Name, AnnotationTemplate)
	}
	t := &Template{Apply: ac, Digest: ac.Annotations[AnnotationTemplateDigest]}
	if image := ac.Spec.Containers[0].Image; image != nil {
		t.Image = *image
	}
	for _, v := range ac.Spec.Volumes {
		if v.ConfigMap != nil && v.ConfigMap.Name != nil {
			t.ConfigMap = *v.ConfigMap.Name
		}
	}
	return t, nil
}
