package v1alpha1_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/hack/envtest"
)

var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// strict refuses unknown fields, as kubectl does.
var strict = client.FieldValidation(metav1.FieldValidationStrict)

// TestBadManifestsAreRefused creates every manifest of testdata/bad. The first lines of each say what the refusal must say, one line a field.
// No other field may be wrong, or a rule that does nothing could hide behind another one.
func TestBadManifestsAreRefused(t *testing.T) {
	c, ns := envtest.Client(t), envtest.Namespace(t)
	for _, path := range manifests(t, "testdata/bad") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			expect := expectations(t, path)
			obj := manifest(t, path)
			obj.SetNamespace(ns)
			err := c.Create(context.Background(), obj, strict)
			if err == nil {
				t.Fatalf("expected a refusal with %q, found it accepted", expect)
			}
			if !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err) {
				t.Fatalf("expected the schema's refusal, found %v", err)
			}
			for _, text := range expect {
				if !strings.Contains(err.Error(), text) {
					t.Errorf("expected a refusal with %q, found %v", text, err)
				}
			}
			if fields := wrongFields(err); len(fields) > len(expect) {
				t.Errorf("expected %d wrong fields, found %q: %v", len(expect), fields, err)
			}
		})
	}
}

// TestGoodManifestsGetTheirDefaults creates every manifest of testdata/good and compares the spec that the apiserver kept with the golden file
// of the same name in testdata/accepted.
func TestGoodManifestsGetTheirDefaults(t *testing.T) {
	c, ns := envtest.Client(t), envtest.Namespace(t)
	for _, path := range manifests(t, "testdata/good") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			obj := manifest(t, path)
			obj.SetNamespace(ns)
			if err := c.Create(context.Background(), obj, strict); err != nil {
				t.Fatal(err)
			}
			found, err := yaml.Marshal(obj.Object["spec"])
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join("testdata", "accepted", filepath.Base(path))
			if *update {
				if err := os.WriteFile(golden, found, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			expect, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if string(found) != string(expect) {
				t.Errorf("%s: expected\n%s\nfound\n%s\nif this is meant: go test -run %s -update", golden, expect, found, "TestGoodManifestsGetTheirDefaults")
			}
		})
	}
}

// TestSamplesAreAccepted dry-runs what README and config/samples offer to a user.
func TestSamplesAreAccepted(t *testing.T) {
	c, ns := envtest.Client(t), envtest.Namespace(t)
	for _, path := range manifests(t, "../../config/samples") {
		if filepath.Base(path) == "kustomization.yaml" {
			continue
		}
		t.Run(filepath.Base(path), func(t *testing.T) {
			obj := manifest(t, path)
			obj.SetNamespace(ns)
			if err := c.Create(context.Background(), obj, strict, client.DryRunAll); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// manifests lists the YAML files of a folder. None at all is a failure: the test that asked would check nothing.
func manifests(t *testing.T, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("expected manifests in %s, found none", dir)
	}
	return paths
}

func manifest(t *testing.T, path string) *unstructured.Unstructured {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	obj := &unstructured.Unstructured{}
	if err := yaml.UnmarshalStrict(data, &obj.Object); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return obj
}

// expectations are the texts after "# expect: " on the first lines.
func expectations(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var expect []string
	for line := range strings.Lines(string(data)) {
		text, ok := strings.CutPrefix(strings.TrimSpace(line), "# expect: ")
		if !ok {
			break
		}
		expect = append(expect, text)
	}
	if len(expect) == 0 {
		t.Fatalf("%s:1: expected `# expect: TEXT`, found none", path)
	}
	return expect
}

// wrongFields are the distinct fields that a refusal names.
func wrongFields(err error) []string {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return nil
	}
	var fields []string
	for _, cause := range status.Status().Details.Causes {
		// The apiserver's remark that rules were not checked because of another cause names no field of ours.
		if cause.Field == "<nil>" || cause.Field == "" {
			continue
		}
		if len(fields) == 0 || fields[len(fields)-1] != cause.Field {
			fields = append(fields, cause.Field)
		}
	}
	return fields
}
