package envtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// assetsVariable names the folder of kube-apiserver, etcd and kubectl. It is the one that controller-runtime reads.
const assetsVariable = "KUBEBUILDER_ASSETS"

// startTimeout is long because a loaded machine of two cores needs longer than controller-runtime's 20 s to start an apiserver.
const startTimeout = 2 * time.Minute

// plane is the one control plane of a test binary.
var plane struct {
	once sync.Once
	env  *envtest.Environment
	err  error
}

// Run runs the tests and then stops the control plane, if a test started it. It returns the exit code for os.Exit.
func Run(m *testing.M) int {
	code := m.Run()
	if plane.env == nil {
		return code
	}
	if err := plane.env.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, "envtest: stopping the control plane:", err)
		return max(code, 1)
	}
	return code
}

// Config is an administrator's access to the control plane, which it starts at the first call. It skips the test under -short and fails it
// where the binaries are not known.
func Config(t testing.TB) *rest.Config {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a kube-apiserver: skipped because of -short")
	}
	if os.Getenv(assetsVariable) == "" {
		t.Fatalf("needs a kube-apiserver: expected %s to name the folder of kube-apiserver and etcd, found it unset; run: make test", assetsVariable)
	}
	plane.once.Do(start)
	if plane.err != nil {
		t.Fatalf("starting the control plane from %s: %v", os.Getenv(assetsVariable), plane.err)
	}
	return rest.CopyConfig(plane.env.Config)
}

func start() {
	root, err := Root()
	if err != nil {
		plane.err = err
		return
	}
	env := &envtest.Environment{
		CRDDirectoryPaths:        []string{filepath.Join(root, "config", "crd", "bases")},
		ErrorIfCRDPathMissing:    true,
		ControlPlaneStartTimeout: startTimeout,
		ControlPlaneStopTimeout:  startTimeout,
	}
	if _, err := env.Start(); err != nil {
		plane.err = errors.Join(err, env.Stop())
		return
	}
	plane.env = env
}

// Scheme knows Kubernetes' own types and the project's.
func Scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(s); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// Client is an uncached administrator's client with Scheme.
func Client(t testing.TB) client.WithWatch {
	t.Helper()
	c, err := client.NewWithWatch(Config(t), client.Options{Scheme: Scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Namespace makes a namespace for this test alone and returns its name. It is never removed: without a controller-manager it could not be
// emptied, and the control plane ends with the test binary.
func Namespace(t testing.TB) string {
	t.Helper()
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}
	if err := Client(t).Create(context.Background(), ns); err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// Kubectl runs kubectl as an administrator, from the project's folder, and returns what it printed: standard output and standard error, and the
// error of a run that failed.
func Kubectl(t testing.TB, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	Config(t)
	root, err := Root()
	if err != nil {
		t.Fatal(err)
	}
	kubeconfig := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(kubeconfig, plane.env.KubeConfig, 0o600); err != nil {
		t.Fatal(err)
	}
	var out, problems strings.Builder
	cmd := exec.CommandContext(t.Context(), filepath.Join(os.Getenv(assetsVariable), "kubectl"), append([]string{"--kubeconfig", kubeconfig}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = root, &out, &problems
	err = cmd.Run()
	return out.String(), problems.String(), err
}

// ManagerConfig is the access of the operator's ServiceAccount, with the rights that config/rbac gives it and no others: a test that runs the
// operator with it finds a verb that the markers forget.
func ManagerConfig(t testing.TB) *rest.Config {
	t.Helper()
	if _, stderr, err := Kubectl(t, "apply", "--server-side", "-k", "config/default"); err != nil {
		t.Fatalf("install config/default: %v: %s", err, stderr)
	}
	c := Config(t)
	c.Impersonate = rest.ImpersonationConfig{
		UserName: "system:serviceaccount:taudaemon-system:taudaemon-manager",
		Groups:   []string{"system:serviceaccounts", "system:serviceaccounts:taudaemon-system", "system:authenticated"},
	}
	return c
}

// Root is the project's folder: the nearest one above the working directory that holds go.mod. The source path cannot tell it, since
// -trimpath removes it from the binary.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("expected go.mod in a folder at or above %s, found none", start)
		}
	}
}
