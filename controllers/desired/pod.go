package desired

import (
	"maps"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/intstr"
	applycore "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
)

// Where things are in the pod.
const (
	// ConfigDir holds taud.toml and the specs.
	ConfigDir = "/etc/taud"
	// DataDir is where the volume is mounted; LedgerDir is the ledger's folder on it.
	DataDir   = "/var/lib/taud"
	LedgerDir = DataDir + "/ledger"

	configFile = "taud.toml"
	tokenDir   = "/var/run/secrets/kubernetes.io/serviceaccount"
)

// nonRoot is the user and group of the image; fsGroup makes the volume writable for it.
const nonRoot = int64(65532)

// stopSeconds is what the daemon has to settle open intents and write its shutdown record. The kubelet kills it afterwards: recovery then
// finishes from the ledger.
const stopSeconds = 30

// tokenSeconds is the lifetime of the projected token; the kubelet renews it in time.
const tokenSeconds = 3600

// BuildTemplate is the pod that runs the daemon: restricted by Pod Security's rules, its token and configuration read-only, the volume its
// only writable place, but for a small one in memory where the Tau binary runs.
func BuildTemplate(td *v1alpha1.TauDaemon, defaultImage, configMap string) (*Template, error) {
	image := td.Spec.Pod.Image
	if image == "" {
		image = defaultImage
	}
	spec := applycore.PodSpec().
		WithServiceAccountName(ChildName(td.Name)).
		WithAutomountServiceAccountToken(false).
		WithEnableServiceLinks(false).
		WithTerminationGracePeriodSeconds(stopSeconds).
		WithSecurityContext(applycore.PodSecurityContext().
			WithRunAsNonRoot(true).
			WithRunAsUser(nonRoot).
			WithRunAsGroup(nonRoot).
			WithFSGroup(nonRoot).
			WithFSGroupChangePolicy(corev1.FSGroupChangeOnRootMismatch).
			WithSeccompProfile(applycore.SeccompProfile().WithType(corev1.SeccompProfileTypeRuntimeDefault))).
		WithContainers(container(td, image)).
		WithVolumes(volumes(td, configMap)...)
	if len(td.Spec.Pod.NodeSelector) > 0 {
		spec.WithNodeSelector(td.Spec.Pod.NodeSelector)
	}
	for _, t := range td.Spec.Pod.Tolerations {
		spec.WithTolerations(toleration(t))
	}

	annotations := map[string]string{}
	maps.Copy(annotations, td.Spec.Pod.Annotations)
	delete(annotations, AnnotationTemplateDigest)
	ac := applycore.PodTemplateSpec().WithLabels(Labels(td.Name)).WithAnnotations(annotations).WithSpec(spec)
	if account := AccountDigest(td); account != "" {
		ac.WithLabels(map[string]string{LabelAccount: account})
	}
	digest, err := Digest(ac)
	if err != nil {
		return nil, err
	}
	ac.WithAnnotations(map[string]string{AnnotationTemplateDigest: digest})
	return &Template{Apply: ac, Digest: digest, ConfigMap: configMap, Image: image}, nil
}

func container(td *v1alpha1.TauDaemon, image string) *applycore.ContainerApplyConfiguration {
	ac := applycore.Container().
		WithName(ContainerName).
		WithImage(image).
		WithCommand("/taud").
		WithArgs("run", "--config", ConfigDir+"/"+configFile).
		WithEnv(
			fieldEnv("POD_UID", "metadata.uid"),
			fieldEnv("POD_NAME", "metadata.name"),
			fieldEnv("POD_NAMESPACE", "metadata.namespace"),
			fieldEnv("NODE_NAME", "spec.nodeName"),
			applycore.EnvVar().WithName("LEASE_NAME").WithValue(ChildName(td.Name))).
		WithPorts(applycore.ContainerPort().WithName(portName).WithContainerPort(HTTPPort).WithProtocol(corev1.ProtocolTCP)).
		WithResources(resources(&td.Spec)).
		WithSecurityContext(applycore.SecurityContext().
			WithAllowPrivilegeEscalation(false).
			WithReadOnlyRootFilesystem(true).
			WithCapabilities(applycore.Capabilities().WithDrop("ALL"))).
		// /livez answers while a long ledger is being verified and in Halted, so these probes only find a process that is wedged.
		WithStartupProbe(probe("/livez", 1, 120)).
		WithLivenessProbe(probe("/livez", 10, 6)).
		WithReadinessProbe(probe("/readyz", 2, 2)).
		WithVolumeMounts(
			applycore.VolumeMount().WithName("config").WithMountPath(ConfigDir).WithReadOnly(true),
			applycore.VolumeMount().WithName("data").WithMountPath(DataDir),
			applycore.VolumeMount().WithName("token").WithMountPath(tokenDir).WithReadOnly(true))
	if td.Spec.Engine.Tau != nil {
		mountBinary(ac)
	}
	mountCredentials(ac, &td.Spec.Venue)
	mountSourceCredentials(ac, &td.Spec.Oracle)
	return ac
}

func volumes(td *v1alpha1.TauDaemon, configMap string) []*applycore.VolumeApplyConfiguration {
	token := applycore.ProjectedVolumeSource().WithDefaultMode(0o440).WithSources(
		applycore.VolumeProjection().WithServiceAccountToken(applycore.ServiceAccountTokenProjection().
			WithPath("token").WithExpirationSeconds(tokenSeconds)),
		applycore.VolumeProjection().WithConfigMap(applycore.ConfigMapProjection().
			WithName("kube-root-ca.crt").
			WithItems(applycore.KeyToPath().WithKey("ca.crt").WithPath("ca.crt"))),
		applycore.VolumeProjection().WithDownwardAPI(applycore.DownwardAPIProjection().
			WithItems(applycore.DownwardAPIVolumeFile().WithPath("namespace").
				WithFieldRef(applycore.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath("metadata.namespace")))))
	all := []*applycore.VolumeApplyConfiguration{
		applycore.Volume().WithName("config").WithConfigMap(applycore.ConfigMapVolumeSource().WithName(configMap).WithDefaultMode(0o444)),
		applycore.Volume().WithName("data").WithPersistentVolumeClaim(
			applycore.PersistentVolumeClaimVolumeSource().WithClaimName(ChildName(td.Name))),
		applycore.Volume().WithName("token").WithProjected(token),
	}
	if t := td.Spec.Engine.Tau; t != nil {
		all = append(all, binaryVolumes(t)...)
	}
	all = append(all, credentialsVolumes(&td.Spec.Venue)...)
	return append(all, sourceCredentialsVolumes(&td.Spec.Oracle)...)
}

func fieldEnv(name, path string) *applycore.EnvVarApplyConfiguration {
	return applycore.EnvVar().WithName(name).WithValueFrom(applycore.EnvVarSource().
		WithFieldRef(applycore.ObjectFieldSelector().WithAPIVersion("v1").WithFieldPath(path)))
}

func probe(path string, period, failures int32) *applycore.ProbeApplyConfiguration {
	return applycore.Probe().
		WithHTTPGet(applycore.HTTPGetAction().WithPath(path).WithPort(intstr.FromString(portName)).WithScheme(corev1.URISchemeHTTP)).
		WithPeriodSeconds(period).
		WithTimeoutSeconds(2).
		WithFailureThreshold(failures)
}

// What the daemon's own container asks for and may use at most, where the spec names nothing.
const (
	ownCPU          = "20m"
	ownMemory       = 32 << 20
	ownMemoryAtMost = 128 << 20
)

// resources are the spec's, or small ones when it names none, with room for the Tau binary where it runs. No CPU limit: throttling would stretch
// a tick past its deadline.
func resources(s *v1alpha1.TauDaemonSpec) *applycore.ResourceRequirementsApplyConfiguration {
	r := s.Pod.Resources
	if len(r.Requests) == 0 && len(r.Limits) == 0 {
		request, limit := binaryMemory(s.Engine.Tau)
		r.Requests = corev1.ResourceList{
			corev1.ResourceCPU:    resource.MustParse(ownCPU),
			corev1.ResourceMemory: *resource.NewQuantity(ownMemory+request, resource.BinarySI),
		}
		r.Limits = corev1.ResourceList{corev1.ResourceMemory: *resource.NewQuantity(ownMemoryAtMost+limit, resource.BinarySI)}
	}
	ac := applycore.ResourceRequirements()
	if len(r.Requests) > 0 {
		ac.WithRequests(r.Requests)
	}
	if len(r.Limits) > 0 {
		ac.WithLimits(r.Limits)
	}
	return ac
}

func toleration(t corev1.Toleration) *applycore.TolerationApplyConfiguration {
	ac := applycore.Toleration()
	if t.Key != "" {
		ac.WithKey(t.Key)
	}
	if t.Operator != "" {
		ac.WithOperator(t.Operator)
	}
	if t.Value != "" {
		ac.WithValue(t.Value)
	}
	if t.Effect != "" {
		ac.WithEffect(t.Effect)
	}
	if t.TolerationSeconds != nil {
		ac.WithTolerationSeconds(*t.TolerationSeconds)
	}
	return ac
}
