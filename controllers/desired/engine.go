package desired

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/monitor"
)

// Where the Tau binary is in the pod, and where its processes' pipes and files are. taud makes their folders in TMPDIR.
const (
	binaryDir    = "/opt/tau"
	binaryVolume = "tau"
	runDir       = "/run/taud"
	runVolume    = "run"
	runDirAtMost = 64 << 20
)

// The memory that the binary's processes are given, in bytes. Measured on Tau 0.7.0-alpha (docs/engines.md): the kernel's process takes 71 to 110 MB,
// all nine together about 920, the largest 241. The request names that in full, which keeps the pod, and its position, from being the first that a
// node short of memory evicts. The limits add headroom; what the binary needs at most was not measured, so pod.resources may have to say more.
const (
	processMemory     = 112 << 20
	onlyProcessAtMost = 192 << 20
	eachOfNineAtMost  = 160 << 20
	allSpecs          = int64(monitor.Count) + 1 // and the kernel
)

// binaryMemory is what the binary's processes are to be given at least and at most, in bytes; 0 without a binary.
func binaryMemory(t *v1alpha1.TauBinarySpec) (request, limit int64) {
	switch {
	case t == nil:
		return 0, 0
	case t.Runs == v1alpha1.RunsKernel:
		return processMemory, onlyProcessAtMost
	}
	return allSpecs * processMemory, allSpecs * eachOfNineAtMost
}

// binaryVolumes are the binary, from its image or claim, and the folder of its pipes: in memory, since pipes need no disk and a tick on files must
// not wait for one.
func binaryVolumes(t *v1alpha1.TauBinarySpec) []*applycore.VolumeApplyConfiguration {
	binary := applycore.Volume().WithName(binaryVolume)
	if t.Image != "" {
		binary.WithImage(applycore.ImageVolumeSource().WithReference(t.Image).WithPullPolicy(corev1.PullIfNotPresent))
	} else {
		binary.WithPersistentVolumeClaim(applycore.PersistentVolumeClaimVolumeSource().WithClaimName(t.ClaimName).WithReadOnly(true))
	}
	return []*applycore.VolumeApplyConfiguration{
		binary,
		applycore.Volume().WithName(runVolume).WithEmptyDir(applycore.EmptyDirVolumeSource().
			WithMedium(corev1.StorageMediumMemory).
			WithSizeLimit(*resource.NewQuantity(runDirAtMost, resource.BinarySI))),
	}
}

func mountBinary(c *applycore.ContainerApplyConfiguration) {
	c.WithEnv(applycore.EnvVar().WithName("TMPDIR").WithValue(runDir)).
		WithVolumeMounts(
			applycore.VolumeMount().WithName(binaryVolume).WithMountPath(binaryDir).WithReadOnly(true),
			applycore.VolumeMount().WithName(runVolume).WithMountPath(runDir))
}
