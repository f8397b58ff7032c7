// Package shadow runs a spec in two engines on the same inputs and lets none of their disagreements pass.
//
// The first engine decides (the real binary), the second shadows it (the embedded one). A tick has a verdict only if both
// give the same value on every output; then the two states are the same as well, since a state is made of outputs.
//
// A disagreement is a [*DisagreementError] and no verdict: both engines are put back to the state before the tick, so that they
// are asked the next one from the same state. Which of the two is right cannot be told from here. It is evidence
// that an engine, or the claim that they are alike, is broken, and the daemon stays in quarantine until a person has
// looked (DESIGN section 3: EngineDisagreement, release Manual).
//
// What it does not promise: that a verdict on which both agree is right. The engines share the spec, and the renderer that
// hands it to the binary.
package shadow
