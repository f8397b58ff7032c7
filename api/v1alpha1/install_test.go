package v1alpha1_test

import (
	"context"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/hack/envtest"
)

// TestConfigDefaultInstalls applies config/default as README says, and looks at what a cluster would refuse only later: the pod.
func TestConfigDefaultInstalls(t *testing.T) {
	stdout, stderr, err := envtest.Kubectl(t, "apply", "-k", "config/default")
	if err != nil {
		t.Fatalf("%v: %s%s", err, stdout, stderr)
	}
	// Pod Security warns about a Deployment whose pods it would refuse.
	if strings.Contains(stderr, "PodSecurity") {
		t.Errorf("expected no warning, found %s", stderr)
	}
	c := envtest.Client(t)
	var deployment appsv1.Deployment
	if err := c.Get(context.Background(), client.ObjectKey{Namespace: "taudaemon-system", Name: "taudaemon-manager"}, &deployment); err != nil {
		t.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: deployment.Namespace, GenerateName: "manager-"}, Spec: deployment.Spec.Template.Spec}
	if err := c.Create(context.Background(), pod, client.DryRunAll); err != nil {
		t.Errorf("the manager's pod in its namespace, which enforces restricted: %v", err)
	}
	container := deployment.Spec.Template.Spec.Containers[0]
	if env := container.Env[0]; env.Name != "TAUD_IMAGE" || env.Value != container.Image {
		t.Errorf("expected TAUD_IMAGE to be the manager's own image %s, found %s=%s", container.Image, env.Name, env.Value)
	}
}

// TestManagerRights: the operator reaches what it needs and nothing that DESIGN denies it.
func TestManagerRights(t *testing.T) {
	c, err := client.New(envtest.ManagerConfig(t), client.Options{Scheme: envtest.Scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.List(context.Background(), &v1alpha1.TauDaemonList{}); err != nil {
		t.Error(err)
	}
	for name, list := range map[string]client.ObjectList{"secrets": &corev1.SecretList{}, "nodes": &corev1.NodeList{}} {
		refused(t, c.List(context.Background(), list), `cannot list resource "`+name+`"`)
	}
}
