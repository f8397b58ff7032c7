package controllers

// Reasons of conditions, besides those of package v1alpha1.
const (
	// ReasonVolumeMismatch: the claim of an earlier resource differs where a claim cannot be changed.
	ReasonVolumeMismatch = "VolumeMismatch"
	// ReasonApplyRefused: the API server refuses a child.
	ReasonApplyRefused = "ApplyRefused"
	// ReasonWaitingForDeletion: children of an earlier resource of the name are still being deleted.
	ReasonWaitingForDeletion = "WaitingForDeletion"
	// ReasonFlattening: a stop waits for the position to be sold.
	ReasonFlattening = "Flattening"
	// ReasonStopping: the pod is on its way down.
	ReasonStopping = "Stopping"
	// ReasonStopped: the daemon has shut down in order.
	ReasonStopped = "Stopped"
	// ReasonWitnessed: the reported head is signed and continues what was witnessed.
	ReasonWitnessed = "Witnessed"
	// ReasonLeaseNotHeld: the daemon that reports does not hold the Lease.
	ReasonLeaseNotHeld = "LeaseNotHeld"
	// ReasonApplyFailed: the last apply failed and is tried again.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonAsReported: the condition says what the daemon's last report says.
	ReasonAsReported = "AsReported"
)
