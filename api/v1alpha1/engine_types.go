package v1alpha1

// EngineType says what runs the specs.
//
// +kubebuilder:validation:Enum=Embedded;Tau;Both
type EngineType string

const (
	// EngineEmbedded runs the specs in the daemon's own evaluator of the Tau language's subset.
	EngineEmbedded EngineType = "Embedded"
	// EngineTau runs them in the user's own Tau binary.
	EngineTau EngineType = "Tau"
	// EngineBoth runs them in the binary, which decides, and in the embedded engine beside it: a disagreement quarantines, release Manual.
	EngineBoth EngineType = "Both"
)

// EngineSpec says what runs the specs.
//
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type == 'Embedded' || has(self.tau)",fieldPath=".tau",messageExpression="'is needed with engine.type ' + self.type + ': the image or the claim that holds the Tau binary, which this project may not ship'"
// +kubebuilder:validation:XValidation:rule="!has(self.type) || self.type != 'Embedded' || !has(self.tau)",fieldPath=".tau",message="has no use with engine.type Embedded: expected type Tau or Both, or no tau"
type EngineSpec struct {
	// type of the engine. Embedded needs next to nothing: a tick's nine specs take microseconds. Tau and Both need the user's own Tau binary; what
	// that costs is at tau.
	// +kubebuilder:default=Embedded
	// +optional
	Type EngineType `json:"type,omitempty"`

	// tau: the user's own Tau binary, with type Tau or Both. Measured on Tau 0.7.0-alpha on two quiet cores: the kernel's process takes 0.4 s to
	// start, 71 to 75 MB, and 10 to 12 ms a tick in a session (at most 91); on files 0.41 to 0.50 s a tick. The other specs cost more together than
	// the kernel: on a busy machine where it took 61 ms a tick, they took 11 to 275 ms each, and 36 to 241 MB. See docs/engines.md.
	// +optional
	Tau *TauBinarySpec `json:"tau,omitempty"`

	// specs of the user's own, instead of the bundled V35 set.
	// +optional
	Specs *SpecsSource `json:"specs,omitempty"`
}

// TauProtocol says how the Tau binary is spoken to.
//
// +kubebuilder:validation:Enum=Session;File
type TauProtocol string

const (
	// ProtocolSession keeps one process a spec and speaks to it over named pipes, a line a stream a tick.
	ProtocolSession TauProtocol = "Session"
	// ProtocolFile starts one process a spec a tick, on files.
	ProtocolFile TauProtocol = "File"
)

// TauRuns says which specs the binary runs.
//
// +kubebuilder:validation:Enum=All;Kernel
type TauRuns string

const (
	// RunsAll has the binary run the kernel and the eight supporting specs.
	RunsAll TauRuns = "All"
	// RunsKernel has it run the kernel alone; the embedded engine runs the others.
	RunsKernel TauRuns = "Kernel"
)

// TauBinarySpec says where the user's Tau binary is, and how it is used. It must be self-contained, since the pod has no other libraries than
// the binary brings along (statically linked, or with its loader and libraries found relative to itself), and executable for every user.
//
// +kubebuilder:validation:XValidation:rule="has(self.image) != has(self.claimName)",message="expected exactly one of image and claimName"
type TauBinarySpec struct {
	// image that holds the binary, mounted read-only as an image volume: Kubernetes 1.35 or later, and a container runtime that can. It is pulled
	// if the node has it not; best named by digest, so that the binary cannot change beneath a ledger.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^\S*$`
	// +optional
	Image string `json:"image,omitempty"`

	// claimName of a PersistentVolumeClaim in the resource's namespace that holds the binary, mounted read-only.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	// +optional
	ClaimName string `json:"claimName,omitempty"`

	// path of the binary in the image or volume, absolute.
	// +kubebuilder:default="/usr/bin/tau"
	// +kubebuilder:validation:MaxLength=256
	// +kubebuilder:validation:XValidation:rule="self.matches('^(/[^/[:cntrl:]]+)+$') && !self.split('/').exists(part, part == '.' || part == '..')",message="must be an absolute path of a file, such as /usr/bin/tau, without . and .."
	// +optional
	Path string `json:"path,omitempty"`

	// protocol: Session serves any tick. File takes about 0.45 s a spec a tick, so it needs tick.deadline and tick.interval of at least 1s with
	// runs Kernel and 5s with runs All.
	// +kubebuilder:default=Session
	// +optional
	Protocol TauProtocol `json:"protocol,omitempty"`

	// runs: All, or the Kernel alone, which takes one process instead of nine. Where pod.resources names none, the memory limit allows for them.
	// +kubebuilder:default=All
	// +optional
	Runs TauRuns `json:"runs,omitempty"`
}

// SpecsSource says where the user's own specs are.
type SpecsSource struct {
	// configMapRef names a ConfigMap in the resource's namespace. Its keys are file names: kernel.tau replaces the kernel; the supporting specs
	// 01_profit_witness.tau to 08_exit_adapter.tau are replaced all eight or none, since they are proven together. Another key is refused. The
	// operator copies the content into the agent's own immutable ConfigMap, within a minute of a change; that is a change of the pod's template as
	// any other, under updatePolicy. A spec that either engine could not run, or that lacks a stream, never reaches a pod: Stalled, InvalidConfig.
	ConfigMapRef ConfigMapReference `json:"configMapRef"`
}

// ConfigMapReference names a ConfigMap in the resource's namespace.
type ConfigMapReference struct {
	// name of the ConfigMap.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$`
	Name string `json:"name"`
}
