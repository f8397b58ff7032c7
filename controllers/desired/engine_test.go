package desired_test

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/yaml"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/config"
)

// withBinary is the sample with the Tau binary from an image.
func withBinary() *v1alpha1.TauDaemon {
	td := sample()
	td.Spec.Engine = v1alpha1.EngineSpec{Type: v1alpha1.EngineBoth, Tau: &v1alpha1.TauBinarySpec{
		Image: "registry.test/tau:1", Path: "/usr/bin/tau", Protocol: v1alpha1.ProtocolSession, Runs: v1alpha1.RunsAll,
	}}
	return td
}

func TestPodOfTheBinaryIsThatOfTheGoldenFile(t *testing.T) {
	encoded, err := yaml.Marshal(render(t, withBinary()).Template.Apply)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "template-tau.yaml", encoded)
}

func TestDaemonIsToldWhereTheBinaryIsAndHowToUseIt(t *testing.T) {
	td := withBinary()
	c := render(t, td).Config
	if c.Engine.Type != config.EngineBoth || c.Engine.FileProtocol || c.Engine.KernelOnly || c.Paths.TauBin != "/opt/tau/usr/bin/tau" {
		t.Errorf("found %+v %s", c.Engine, c.Paths.TauBin)
	}
	td.Spec.Engine = v1alpha1.EngineSpec{Type: v1alpha1.EngineTau, Tau: &v1alpha1.TauBinarySpec{
		ClaimName: "tau", Path: "/tau", Protocol: v1alpha1.ProtocolFile, Runs: v1alpha1.RunsKernel,
	}}
	c = render(t, td).Config
	if c.Engine.Type != config.EngineTau || !c.Engine.FileProtocol || !c.Engine.KernelOnly || c.Paths.TauBin != "/opt/tau/tau" {
		t.Errorf("found %+v %s", c.Engine, c.Paths.TauBin)
	}
	if c := render(t, sample()).Config; c.Engine.Type != config.EngineEmbedded || c.Paths.TauBin != "" {
		t.Errorf("found %+v %s", c.Engine, c.Paths.TauBin)
	}
}

func TestBinaryOfAClaimIsMountedReadOnly(t *testing.T) {
	td := withBinary()
	td.Spec.Engine.Tau.Image, td.Spec.Engine.Tau.ClaimName = "", "tau"
	pod := render(t, td).Template.Apply.Spec
	found := false
	for _, v := range pod.Volumes {
		if c := v.PersistentVolumeClaim; c != nil && *c.ClaimName == "tau" {
			found = c.ReadOnly != nil && *c.ReadOnly
		}
		if v.Image != nil {
			t.Errorf("expected no image volume, found %+v", v.Image)
		}
	}
	if !found {
		t.Errorf("expected claim tau as a read-only volume, found %+v", pod.Volumes)
	}
}

func TestMemoryGrowsWithTheBinarysProcessesUnlessTheSpecNamesResources(t *testing.T) {
	for name, test := range map[string]struct {
		change          func(*v1alpha1.TauDaemonSpec)
		request, atMost string
	}{
		"embedded":        {func(s *v1alpha1.TauDaemonSpec) { s.Engine = v1alpha1.EngineSpec{Type: v1alpha1.EngineEmbedded} }, "32Mi", "128Mi"},
		"the kernel only": {func(s *v1alpha1.TauDaemonSpec) { s.Engine.Tau.Runs = v1alpha1.RunsKernel }, "144Mi", "320Mi"},
		"all nine":        {func(*v1alpha1.TauDaemonSpec) {}, "1040Mi", "1568Mi"},
		"named": {func(s *v1alpha1.TauDaemonSpec) {
			s.Pod.Resources.Requests = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("1Gi")}
		}, "1Gi", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			td := withBinary()
			test.change(&td.Spec)
			r := render(t, td).Template.Apply.Spec.Containers[0].Resources
			request, atMost := memory(r.Requests), memory(r.Limits)
			if request != test.request || atMost != test.atMost {
				t.Errorf("expected a request of %s and a limit of %s, found %s and %s", test.request, test.atMost, request, atMost)
			}
		})
	}
}

func memory(list *corev1.ResourceList) string {
	if list == nil {
		return "0"
	}
	return list.Memory().String()
}

func TestWhatTheEngineDependsOnChangesTheTemplate(t *testing.T) {
	before := render(t, withBinary())
	for name, change := range map[string]func(*v1alpha1.EngineSpec){
		"type":     func(e *v1alpha1.EngineSpec) { e.Type = v1alpha1.EngineTau },
		"image":    func(e *v1alpha1.EngineSpec) { e.Tau.Image = "registry.test/tau:2" },
		"claim":    func(e *v1alpha1.EngineSpec) { e.Tau.Image, e.Tau.ClaimName = "", "tau" },
		"path":     func(e *v1alpha1.EngineSpec) { e.Tau.Path = "/tau" },
		"protocol": func(e *v1alpha1.EngineSpec) { e.Tau.Protocol = v1alpha1.ProtocolFile },
		"runs":     func(e *v1alpha1.EngineSpec) { e.Tau.Runs = v1alpha1.RunsKernel },
		"embedded": func(e *v1alpha1.EngineSpec) { *e = v1alpha1.EngineSpec{Type: v1alpha1.EngineEmbedded} },
	} {
		t.Run(name, func(t *testing.T) {
			td := withBinary()
			change(&td.Spec.Engine)
			if render(t, td).Template.Digest == before.Template.Digest {
				t.Error("expected another template, found the same")
			}
		})
	}
}
