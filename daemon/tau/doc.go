// Package tau is the contract between the tick loop and whatever runs a Tau spec, and the embedded engine that
// fulfils it.
//
// An [Engine] runs one spec, one tick a [Engine.Step]. Every implementation gives the same outputs for the same spec,
// state and inputs, whether it is the embedded evaluator (package lang), the real binary, or both beside each other.
// An error from Step is "no verdict", which is never "yes": the caller treats it as an anomaly.
//
// An engine can be stopped after any tick and resumed from its snapshot, here or in another implementation, because a
// snapshot holds exactly what a spec's equations look back at and nothing of how an engine computes.
//
// What this does not promise: that a spec means what its author wanted. That is for the prover and the test vectors.
package tau
