package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// State is the agent's state in one word.
type State string

// The states, from the ones that need a person to the good one.
const (
	// StateStalled: the operator cannot go on; the condition Stalled says why.
	StateStalled State = "Stalled"
	// StateHalted: the daemon refuses to tick; the condition Ready says why.
	StateHalted State = "Halted"
	// StateUnknown: no report, or a stale one.
	StateUnknown State = "Unknown"
	// StateDeleting: the resource is being deleted.
	StateDeleting State = "Deleting"
	// StateSuspended: scaled to zero on request.
	StateSuspended State = "Suspended"
	// StatePending: no pod has reported yet.
	StatePending State = "Pending"
	// StateQuarantined: ticking, without taking on risk.
	StateQuarantined State = "Quarantined"
	// StateRunning: ticking, and free to trade.
	StateRunning State = "Running"
)

// TauDaemonStatus is what the operator observed. Only the operator writes it.
type TauDaemonStatus struct {
	// observedGeneration is the generation of the spec that this status is about.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// state in one word.
	// +optional
	State State `json:"state,omitempty"`

	// conditions: Ready, Reconciling, Stalled, Healthy, Quarantined, LeaseHeld, LedgerConsistent, OracleFresh.
	// +listType=map
	// +listMapKey=type
	// +optional
	Conditions []metav1.Condition `json:"conditions,omitempty"`

	// health of the last reported tick: Healthy or Unhealthy.
	// +optional
	Health string `json:"health,omitempty"`

	// tick last reported.
	// +optional
	Tick int64 `json:"tick,omitempty"`

	// holding: the position last reported, in base units.
	// +optional
	Holding string `json:"holding,omitempty"`

	// position last reported.
	// +optional
	Position *PositionReport `json:"position,omitempty"`

	// quarantine last reported.
	// +optional
	Quarantine *QuarantineReport `json:"quarantine,omitempty"`

	// ledger head last witnessed: signed by the pinned key, and proven to continue every head that was here before.
	// +optional
	Ledger *LedgerReport `json:"ledger,omitempty"`

	// refusedHead was reported and is not believed. It stays until a daemon that booted later reports a head that is.
	// +optional
	RefusedHead *RefusedHead `json:"refusedHead,omitempty"`

	// epoch of the daemon that reported: it grows by one with every boot.
	// +optional
	Epoch int64 `json:"epoch,omitempty"`

	// engine that runs the specs, as reported.
	// +optional
	Engine string `json:"engine,omitempty"`

	// reportTime: when the daemon made its last report, on its clock.
	// +optional
	ReportTime *metav1.Time `json:"reportTime,omitempty"`

	// podName: name of the pod that reported.
	// +optional
	PodName string `json:"podName,omitempty"`

	// nodeName: node of the pod that reported.
	// +optional
	NodeName string `json:"nodeName,omitempty"`

	// configDigest of the configuration that the reporting pod runs.
	// +optional
	ConfigDigest string `json:"configDigest,omitempty"`

	// specDigest of the kernel that the reporting pod runs.
	// +optional
	SpecDigest string `json:"specDigest,omitempty"`

	// configMapName holds the configuration that the pod's template names.
	// +optional
	ConfigMapName string `json:"configMapName,omitempty"`

	// effective: what the defaults made of the lists in the spec.
	// +optional
	Effective *EffectiveStatus `json:"effective,omitempty"`
}

// EffectiveStatus is what the defaults made of what the spec leaves open.
type EffectiveStatus struct {
	// image that the pod's template names.
	// +optional
	Image string `json:"image,omitempty"`
	// sources of the oracle, as "name (kind, max age)".
	// +listType=atomic
	// +optional
	Sources []string `json:"sources,omitempty"`
	// maxPositionQuantity in base units.
	// +optional
	MaxPositionQuantity string `json:"maxPositionQuantity,omitempty"`
}
