package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ReleasePolicy says how a quarantine ends.
//
// +kubebuilder:validation:Enum=Auto;Manual
type ReleasePolicy string

const (
	// ReleaseAuto ends a quarantine after clearTicks clean ticks in a row, unless its reason is one that is always Manual.
	ReleaseAuto ReleasePolicy = "Auto"
	// ReleaseManual ends a quarantine when its incident is acknowledged.
	ReleaseManual ReleasePolicy = "Manual"
)

// TickSpec is the beat of the daemon.
type TickSpec struct {
	// interval between the starts of two ticks. The V35 kernel holds a position for at most three ticks, and a round trip has to earn its
	// fees in them: minutes to hours are usual, 250ms is for latency tests.
	// The Tau binary (engine.tau) takes its own time of each: tens of milliseconds in a session, half a second a spec on files.
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('50ms') && duration(self) <= duration('24h')",message="must be a duration from 50ms to 24h in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// deadline of one tick, gather to commit. A tick past it is an anomaly.
	// +kubebuilder:default="1s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('10ms') && duration(self) <= duration('10m')",message="must be a duration from 10ms to 10m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Deadline metav1.Duration `json:"deadline,omitzero"`

	// failHoldTicks: for how many ticks after an anomaly the failure echo is held.
	// +kubebuilder:default=2
	// +kubebuilder:validation:Minimum=2
	// +kubebuilder:validation:Maximum=63
	// +optional
	FailHoldTicks int32 `json:"failHoldTicks,omitempty"`
}

// QuarantineSpec says how a quarantine ends.
type QuarantineSpec struct {
	// clearTicks: clean ticks in a row that end an Auto quarantine.
	// +kubebuilder:default=10
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=100000
	// +optional
	ClearTicks int32 `json:"clearTicks,omitempty"`

	// release: Auto or Manual. Ledger damage, engine disagreement, an ambiguous order, a broken invariant and a drawdown breach are always Manual.
	// +kubebuilder:default=Auto
	// +optional
	Release ReleasePolicy `json:"release,omitempty"`

	// acknowledge names the incident (status.quarantine.incident) that a person has looked at and releases. It never rolls the pod.
	// +kubebuilder:validation:MaxLength=64
	// +optional
	Acknowledge string `json:"acknowledge,omitempty"`
}

// LedgerSpec keeps the record of every tick.
type LedgerSpec struct {
	// snapshotTicks between two snapshots.
	// +kubebuilder:default=1000
	// +kubebuilder:validation:Minimum=10
	// +kubebuilder:validation:Maximum=1000000
	// +optional
	SnapshotTicks int32 `json:"snapshotTicks,omitempty"`

	// acceptOrigin names the one ledger that may take the place of the witnessed one without continuing it: one that taud ledger restore made, or a new
	// one on a new volume. The operator refuses it otherwise, and its origin is then in status.refusedHead. It permits nothing within one origin.
	// +kubebuilder:validation:Pattern=`^(taudaemon[.]io/ledger/[0-9a-f]{64})?$`
	// +kubebuilder:validation:MaxLength=84
	// +optional
	AcceptOrigin string `json:"acceptOrigin,omitempty"`

	// retention: how long the records of the ledger are kept, by the daemon's clock; without it all of them are, for good. Sealed segments whose records are
	// all older are deleted, as far as the head that the operator has witnessed and keeps on the volume claim covers them, and never what a start needs: the
	// newest snapshot and what came after it. The hashes of what was deleted are kept, so the ledger still verifies and proves the rest. What is deleted is
	// not to be had again: take a backup before. It is an order to the running daemon and never rolls the pod.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,5}(s|m|h))+$') && duration(self) >= duration('1h') && duration(self) <= duration('87600h')",message="must be a duration from 1h to 87600h (ten years) in hours, minutes and seconds, such as 720h"
	// +optional
	Retention metav1.Duration `json:"retention,omitzero"`

	// volume that holds the ledger.
	// +kubebuilder:default={}
	// +optional
	Volume VolumeSpec `json:"volume,omitzero"`
}

// RetainPolicy says what happens to the ledger's volume when the resource is deleted.
//
// +kubebuilder:validation:Enum=Retain;Delete
type RetainPolicy string

const (
	// VolumeRetain keeps the PersistentVolumeClaim when the resource is deleted.
	VolumeRetain RetainPolicy = "Retain"
	// VolumeDelete deletes it with the resource.
	VolumeDelete RetainPolicy = "Delete"
)

// VolumeSpec is the volume that holds the ledger.
//
// +kubebuilder:validation:XValidation:rule="has(self.storageClassName) == has(oldSelf.storageClassName) && (!has(self.storageClassName) || self.storageClassName == oldSelf.storageClassName)",fieldPath=".storageClassName",message="is immutable, also its absence: the volume was made with the old one"
type VolumeSpec struct {
	// size requested; it may grow, never shrink.
	// +kubebuilder:validation:XValidation:rule="quantity(string(self)).isGreaterThan(quantity('0'))",message="must be above 0"
	// +kubebuilder:validation:XValidation:rule="!quantity(string(self)).isLessThan(quantity(string(oldSelf)))",message="must not shrink: a volume can only grow"
	// +kubebuilder:default="10Gi"
	// +optional
	Size resource.Quantity `json:"size,omitzero"`

	// storageClassName of the volume; the cluster's default if absent. Immutable.
	// +kubebuilder:validation:MaxLength=253
	// +optional
	StorageClassName *string `json:"storageClassName,omitempty"`

	// accessMode of the volume. Immutable.
	// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="is immutable: the volume was made with the old one"
	// +kubebuilder:validation:Enum=ReadWriteOncePod;ReadWriteOnce
	// +kubebuilder:default=ReadWriteOncePod
	// +optional
	AccessMode corev1.PersistentVolumeAccessMode `json:"accessMode,omitempty"`

	// retain: whether the volume outlives the resource.
	// +kubebuilder:default=Retain
	// +optional
	Retain RetainPolicy `json:"retain,omitempty"`
}

// LeaseRiskPolicy says what the daemon does while its Lease's margin is thin.
//
// +kubebuilder:validation:Enum=Exit;Hold
type LeaseRiskPolicy string

const (
	// LeaseRiskExit sells while the Lease still holds.
	LeaseRiskExit LeaseRiskPolicy = "Exit"
	// LeaseRiskHold keeps the position and takes on nothing new.
	LeaseRiskHold LeaseRiskPolicy = "Hold"
)

// ReportSpec says how the daemon reports, and how it holds its Lease.
type ReportSpec struct {
	// interval between two reports; changes of health and quarantine are reported at once.
	// +kubebuilder:default="10s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('5m')",message="must be a duration from 1s to 5m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	Interval metav1.Duration `json:"interval,omitzero"`

	// leaseDuration: past it, counted from the send time of the last renewal, nothing leaves the daemon.
	// +kubebuilder:default="30s"
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]{1,9}ms|[0-9]{1,5}([.][0-9]{1,3})?(s|m|h))+$') && duration(self) >= duration('5s') && duration(self) <= duration('10m')",message="must be a duration from 5s to 10m in whole milliseconds, such as 250ms, 1.5s or 2h"
	// +optional
	LeaseDuration metav1.Duration `json:"leaseDuration,omitzero"`

	// onLeaseRisk: what the daemon does with a position while the Lease's margin is thin.
	// +kubebuilder:default=Exit
	// +optional
	OnLeaseRisk LeaseRiskPolicy `json:"onLeaseRisk,omitempty"`
}

// LogSpec is the daemon's log.
type LogSpec struct {
	// level: debug shows each tick's facts.
	// +kubebuilder:validation:Enum=debug;info;warn;error
	// +kubebuilder:default=info
	// +optional
	Level string `json:"level,omitempty"`
}

// PodSpec shapes the daemon's pod. What it does not name, the operator sets: non-root, read-only root, no capabilities, seccomp.
type PodSpec struct {
	// image of the daemon, instead of the operator's default.
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:Pattern=`^\S*$`
	// +optional
	Image string `json:"image,omitempty"`

	// resources of the daemon's container.
	// +optional
	Resources corev1.ResourceRequirements `json:"resources,omitzero"`

	// nodeSelector of the pod.
	// +optional
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`

	// tolerations of the pod.
	// +kubebuilder:validation:MaxItems=32
	// +listType=atomic
	// +optional
	Tolerations []corev1.Toleration `json:"tolerations,omitempty"`

	// annotations of the pod.
	// +kubebuilder:validation:MaxProperties=32
	// +optional
	Annotations map[string]string `json:"annotations,omitempty"`
}
