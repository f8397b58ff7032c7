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
	// proof that this head continues an earlier one. Left out where the report would be too long with it.
	Proof *ConsistencyProof `json:"proof,omitempty"`
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

// LedgerReport is a head of the ledger, signed by the ledger's own key. In status it never goes back: what the operator has shown once, a rolled-back
// ledger cannot make unsaid.
//
// What is signed is the C2SP checkpoint of that origin, size and root, with one extension line: "leaf " and head. So whoever has a LedgerReport has a
// signed checkpoint, and a C2SP witness can cosign it.
//
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || self.size >= oldSelf.size",fieldPath=".size",message="must not fall within one origin: a ledger only grows"
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || self.size != oldSelf.size || self.head == oldSelf.head",fieldPath=".head",messageExpression="'must stay the same at the same size of one origin: expected ' + oldSelf.head + ', found ' + self.head"
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || !has(oldSelf.root) || (has(self.root) && (self.size != oldSelf.size || self.root == oldSelf.root))",fieldPath=".root",message="must not be dropped within one origin, nor change at the same size: it is what the next head is proven from"
// +kubebuilder:validation:XValidation:rule="self.origin != oldSelf.origin || !has(oldSelf.key) || (has(self.key) && (self.key == oldSelf.key || has(self.rotation)))",fieldPath=".key",message="must not be dropped within one origin, nor change without a rotation signed by the key before: it is pinned"
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
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Root string `json:"root,omitempty"`
	// key that the ledger signs with, as a note verifier key: what taud ledger verify --key takes. The operator pins the first that it sees.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Key string `json:"key,omitempty"`
	// signature of this head by key, base64, as in the signature line of a signed note.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Signature string `json:"signature,omitempty"`
	// rotation: signature by the key before this one, base64, over the origin, the line "ledger key rotation v1" and key.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Rotation string `json:"rotation,omitempty"`
}

// ConsistencyProof is an RFC 6962 consistency proof that the ledger of the report begins with the first From records of what was witnessed.
type ConsistencyProof struct {
	// from: the size that the proof leads from, in records.
	From int64 `json:"from"`
	// hashes of the proof in order, base64; none where from is the reported size.
	Hashes []string `json:"hashes,omitempty"`
}

// RefusedHead is a head that a daemon reported and the operator did not believe, and why.
type RefusedHead struct {
	// origin, size, head, root, key and signature as they were reported.
	// +kubebuilder:validation:MaxLength=256
	Origin string `json:"origin"`
	// size in records.
	Size int64 `json:"size"`
	// head: leaf hash of the last record.
	// +kubebuilder:validation:MaxLength=128
	Head string `json:"head"`
	// root of the tree over all records.
	// +kubebuilder:validation:MaxLength=128
	// +optional
	Root string `json:"root,omitempty"`
	// key that it says it is signed by.
	// +kubebuilder:validation:MaxLength=512
	// +optional
	Key string `json:"key,omitempty"`
	// signature: with it, a fork can be shown to others.
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Signature string `json:"signature,omitempty"`
	// epoch of the daemon that reported it. The refusal stands until a later one reports a head that can be believed.
	Epoch int64 `json:"epoch"`
	// reason in one word, as in the condition LedgerConsistent.
	Reason string `json:"reason"`
	// expected, and found instead.
	// +kubebuilder:validation:MaxLength=1024
	Expected string `json:"expected"`
	// found instead of what was expected.
	// +kubebuilder:validation:MaxLength=1024
	Found string `json:"found"`
}

// Commands are the operator's orders to a daemon, as JSON in the annotation AnnotationCommands of its Lease. They are a state, not a queue:
// the daemon compares and records what changed. They reach a running pod without rolling it.
type Commands struct {
	// acknowledge: the incident to release.
	Acknowledge string `json:"acknowledge,omitempty"`
	// flatten: sell the position and take on nothing new.
	Flatten bool `json:"flatten,omitempty"`
	// halt, with its reason: no further tick, no ledger record after the one of this command, no venue call. It ends when it is taken back: the
	// daemon then starts anew.
	Halt string `json:"halt,omitempty"`
	// retention permits to delete old segments of the ledger; left out, none may be.
	Retention RetentionCommand `json:"retention,omitzero"`
}

// RetentionCommand permits a daemon to delete the sealed segments of its ledger whose records are all older than KeepMillis and below Size. It is
// obeyed only by the ledger of that origin and only while its tree at Size has that root.
type RetentionCommand struct {
	// keepMillis: how long records are kept, in milliseconds, at least an hour: spec.ledger.retention.
	KeepMillis int64 `json:"keepMillis,omitempty"`
	// origin, size and root of the witnessed head that is kept on the volume claim.
	Origin string `json:"origin,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Root   string `json:"root,omitempty"`
}

// Witnessed is what the operator tells a daemon of the heads that it has witnessed, as JSON in the annotation AnnotationWitnessed of its Lease. It is
// there only while the daemon has to know: on a Lease without a report, and while a report is not believed. Otherwise a daemon proves from the head in
// the report that it replaces, and the operator, which has witnessed that one, has nothing to write.
type Witnessed struct {
	// origin, size, head and root of the head last witnessed: what the next report's proof has to lead from, and what a ledger must have the
	// beginning of to be opened. A size of 0 says nothing.
	Origin string `json:"origin,omitempty"`
	Size   int64  `json:"size,omitempty"`
	Head   string `json:"head,omitempty"`
	Root   string `json:"root,omitempty"`
	// acceptOrigin: a ledger of this origin may be opened though it does not continue the one above: spec.ledger.acceptOrigin.
	AcceptOrigin string `json:"acceptOrigin,omitempty"`
}

// Time is the report's time.
func (r *Report) Time() metav1.Time { return metav1.NewTime(time.UnixMilli(r.UnixMilli)) }
