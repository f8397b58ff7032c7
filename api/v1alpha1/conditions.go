package v1alpha1

// The types of a TauDaemon's conditions. Ready, Reconciling and Stalled follow kstatus.
const (
	// ConditionReady: the daemon ticks, holds its Lease, is not quarantined, and its report is no older than it may be.
	ConditionReady = "Ready"
	// ConditionReconciling: the operator is bringing the cluster to what the spec says.
	ConditionReconciling = "Reconciling"
	// ConditionStalled: the operator cannot go on without a change by a person.
	ConditionStalled = "Stalled"
	// ConditionHealthy: the last reported tick had all invariants, no stall and no anomaly.
	ConditionHealthy = "Healthy"
	// ConditionQuarantined: the daemon takes on no risk.
	ConditionQuarantined = "Quarantined"
	// ConditionLeaseHeld: the daemon holds its Lease, so it may act.
	ConditionLeaseHeld = "LeaseHeld"
	// ConditionLedgerConsistent: the reported ledger head is signed by the pinned key and proven to continue the head last witnessed.
	ConditionLedgerConsistent = "LedgerConsistent"
	// ConditionOracleFresh: the last reported tick had a quorum of fresh sources.
	ConditionOracleFresh = "OracleFresh"
)

// Reasons of conditions that others may wait for.
const (
	// ReasonReady: all is well.
	ReasonReady = "Ready"
	// ReasonQuarantined: the daemon takes on no risk.
	ReasonQuarantined = "Quarantined"
	// ReasonHalted: the daemon refuses to tick.
	ReasonHalted = "Halted"
	// ReasonSuspended: scaled to zero on request.
	ReasonSuspended = "Suspended"
	// ReasonNoReport: the pod has not reported yet.
	ReasonNoReport = "NoReport"
	// ReasonStaleReport: the last report is older than it may be.
	ReasonStaleReport = "StaleReport"
	// ReasonUndecodableReport: the report on the Lease cannot be read.
	ReasonUndecodableReport = "UndecodableReport"
	// ReasonNameTaken: an object of a child's name exists that the resource does not control.
	ReasonNameTaken = "NameTaken"
	// ReasonAccountInUse: another Live resource trades on the same venue account.
	ReasonAccountInUse = "AccountInUse"
	// ReasonInvalidConfig: the configuration made from the spec was refused by daemon/config.
	ReasonInvalidConfig = "InvalidConfig"
	// ReasonRolling: the pod is being replaced.
	ReasonRolling = "Rolling"
	// ReasonWaitingForPod: the pod is not running yet.
	ReasonWaitingForPod = "WaitingForPod"
	// ReasonUpdateHeld: a new template waits for what updatePolicy asks.
	ReasonUpdateHeld = "UpdateHeld"
	// ReasonUpToDate: nothing is left to do.
	ReasonUpToDate = "UpToDate"
	// ReasonDeleting: the resource is being deleted.
	ReasonDeleting = "Deleting"
)

// Annotations on the Lease NAME-taud, the one object that operator and daemon share.
const (
	// AnnotationReport holds the daemon's Report, as JSON. The daemon writes it, the operator reads it.
	AnnotationReport = "taudaemon.io/report"
	// AnnotationCommands holds the operator's Commands, as JSON. The operator writes it, the daemon reads it.
	AnnotationCommands = "taudaemon.io/commands"
	// AnnotationWitnessed holds what the operator Witnessed, as JSON. The operator writes it, the daemon reads it.
	AnnotationWitnessed = "taudaemon.io/witnessed"
)
