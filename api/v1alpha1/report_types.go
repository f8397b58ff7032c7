package v1alpha1

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// MaxReportBytes bounds the encoded Report.
const MaxReportBytes = 4096

// Phase is what the daemon is doing.
type Phase string

const (
	// PhaseRunning: ticking.
	PhaseRunning Phase = "Running"
	// PhaseHalted: refuses to tick; Reason and Message say why. No ledger write, no venue call.
	PhaseHalted Phase = "Halted"
	// PhaseStopped: shut down in order, with a shutdown record; the Lease is released.
	PhaseStopped Phase = "Stopped"
)

// Report is what a daemon says of itself, as JSON in the annotation AnnotationReport of its Lease: the wire between daemon and operator.
// At most MaxReportBytes.
type Report struct {
	// version of this form: 1.
	Version int `json:"version"`
	// podUID and bootID of the daemon; together they are the Lease's holder.
	PodUID string `json:"podUID,omitempty"`
	BootID string `json:"bootID"`
	// epoch that the daemon took with the Lease: one more than any before.
	Epoch int64 `json:"epoch"`
	// time of the report in Unix milliseconds, on the daemon's clock.
	UnixMilli int64 `json:"ms"`
	// phase, and for PhaseHalted why.
	Phase   Phase  `json:"phase"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
	// configDigest of the TOML's bytes, specDigest of the kernel's: "sha256:<hex>".
	ConfigDigest string `json:"configDigest,omitempty"`
	SpecDigest   string `json:"specDigest,omitempty"`
	// engine that runs the specs, such as "embedded".
	Engine string `json:"engine,omitempty"`
	// tick last committed.
	Tick int64 `json:"tick"`
	// healthy: the last tick had all invariants, no stall, no anomaly.
	Healthy bool `json:"healthy"`
	// oracleFresh: the last tick had a quorum of fresh sources.
	OracleFresh bool `json:"oracleFresh"`
	// quarantine of the last tick.
	Quarantine QuarantineReport `json:"quarantine"`
	// position after the last tick.
	Position PositionReport `json:"position"`
	// ledger head that the report is about.
	Ledger *LedgerReport `json:"ledger,omitempty"`
	// openIntent: an order whose outcome is not known yet.
	OpenIntent bool `json:"openIntent,omitempty"`
	// draining: a Flatten command is being carried out, or is done (then position.quantity is "0").
	Draining bool `json:"draining,omitempty"`
	// acknowledged: the incident that was last released by an acknowledgement.
	Acknowledged string `json:"acknowledged,omitempty"`
}

// QuarantineReport is the state of quarantine.
type QuarantineReport struct {
	// active: no risk is taken on.
	Active bool `json:"active"`
	// incident that the quarantine is about, unique in the ledger: what spec.quarantine.acknowledge names.
	// +optional
	Incident string `json:"incident,omitempty"`
	// reason code of the first anomaly, such as OracleStale.
	// +optional
	Reason string `json:"reason,omitempty"`
	// sinceTick: the tick that began it.
	// +optional
	SinceTick int64 `json:"sinceTick,omitempty"`
	// release: Auto, or Manual where an acknowledgement is needed.
	// +optional
	Release ReleasePolicy `json:"release,omitempty"`
	// cleanTicks counted so far, of those that an Auto release needs.
	// +optional
	CleanTicks int64 `json:"cleanTicks,omitempty"`
}

// PositionReport is the net of the ledger's own fills.
type PositionReport struct {
	// quantity in base units.
	Quantity string `json:"quantity"`
	// cost of what is held, fees and gas included, in quote units.
	// +optional
	Cost string `json:"cost,omitempty"`
	// entryTick: the tick of the buy.
	// +optional
	EntryTick int64 `json:"entryTick,omitempty"`
	// realised profit since the ledger's start, net of all costs, in quote units.
	// +optional
	Realised string `json:"realised,omitempty"`
	// burned since the ledger's start, in quote units.
	// +optional
	Burned string `json:"burned,omitempty"`
	// exitOwed: a sell is tried at every tick until the position is flat.
	// +optional
	ExitOwed bool `json:"exitOwed,omitempty"`
}

// LedgerReport is a head of the ledger. In status it never goes back: what the operator has shown once, a rolled-back ledger cannot make unsaid.
//
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || self.size >= oldSelf.size",fieldPath=".size",message="must not fall within one origin: a ledger only grows"
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || self.size != oldSelf.size || self.head == oldSelf.head",fieldPath=".head",messageExpression="'must stay the same at the same size of one origin: expected ' + oldSelf.head + ', found ' + self.head"
type LedgerReport struct {
	// origin: the identity of this ledger.
	// +kubebuilder:validation:MaxLength=256
	Origin string `json:"origin"`
	// size in records.
	// +kubebuilder:validation:Minimum=0
	Size int64 `json:"size"`
	// head: leaf hash of the last record, hex.
	// +kubebuilder:validation:MaxLength=128
	Head string `json:"head"`
	// shortHead: its first 12 digits.
	// +optional
	ShortHead string `json:"shortHead,omitempty"`
	// root of the RFC 6962 tree over all records, hex.
	// +optional
	Root string `json:"root,omitempty"`
}

// Commands are the operator's orders to a daemon, as JSON in the annotation AnnotationCommands of its Lease. They are a state, not a queue:
// the daemon compares and records what changed. They reach a running pod without rolling it.
type Commands struct {
	// acknowledge: the incident to release.
	Acknowledge string `json:"acknowledge,omitempty"`
	// flatten: sell the position and take on nothing new.
	Flatten bool `json:"flatten,omitempty"`
}

// Time is the report's time.
func (r *Report) Time() metav1.Time { return metav1.NewTime(time.UnixMilli(r.UnixMilli)) }
