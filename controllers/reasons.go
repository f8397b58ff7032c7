package controllers

import "github.com/taudaemon/taudaemon/api/v1alpha1"

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
	// ReasonLedgerRollback: the reported ledger is shorter than the one in status, within one origin.
	ReasonLedgerRollback = "LedgerRollback"
	// ReasonLedgerForked: the reported ledger has another head than the one in status, at the same size.
	ReasonLedgerForked = "LedgerForked"
	// ReasonLeaseNotHeld: the daemon that reports does not hold the Lease.
	ReasonLeaseNotHeld = "LeaseNotHeld"
	// ReasonApplyFailed: the last apply failed and is tried again.
	ReasonApplyFailed = "ApplyFailed"
	// ReasonAsReported: the condition says what the daemon's last report says.
	ReasonAsReported = "AsReported"
)

const annotationCommands = v1alpha1.AnnotationCommands
