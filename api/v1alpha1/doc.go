// Package v1alpha1 is the API of taudaemon.io: the TauDaemon resource, the names of its conditions and reasons, and the Report that a
// daemon writes onto its Lease.
//
// A TauDaemon declares one trading agent. The operator (package controllers) turns it into one pod that runs taud, and is the only writer
// of its status; taud is the only writer of the Report. What the schema can check, it checks (CEL, no webhook); the rest is checked by
// daemon/config before a pod is touched, and shown in the condition Stalled.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +kubebuilder:ac:output:package=applyconfiguration
// +groupName=taudaemon.io
package v1alpha1
