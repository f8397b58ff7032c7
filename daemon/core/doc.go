// Package core is the tick's pure step: state, observation and the engine's verdict go in; the next state and a decision come out.
//
//	facts := core.Assess(params, state, observation)      // steps 2 and 3: guards, market bits, the kernel's inputs
//	verdict := ... the engine's answer to facts.In ...    // steps 4 and 5
//	state, decision := core.Step(params, state, observation, verdict)  // steps 6 to 8: monitors, health, what to do
//	state, err := core.ApplyOutcome(params, state, outcome)            // step 9, and what recovery replays
//
// Everything random, timed or remote enters as an observation, a verdict or an outcome. There is no clock, file, network, randomness,
// goroutine, map iteration or float in here or below, so the same ledger replayed gives the same bytes; a test holds the imports to that.
// Values are never changed in place: a State may be kept, copied and stepped again, which replay and proof rely on.
//
// # What it promises
//
// A buy leaves only if every verdict says yes: the kernel bought, no anomaly is known, no quarantine is on, and the shield's own re-check
// agrees. A sell needs the Lease, a position and no other live order, and nothing else: neither staleness nor quarantine nor a missing
// verdict ever traps a position. A sell that was not executed in full stays owed and is tried at every tick until the position is flat.
//
// Anomalies found before the kernel runs set the failure echo at their own tick; those found after it refuse the tick's buy and set it from
// the next. It is then held for FailHoldTicks more. Any anomaly means quarantine; a quarantine never freezes a position, because the
// kernel goes on with the echo set and leaves.
//
// # Where it ends
//
// The position is the net of the ledger's own fills. What the venue did with an order that was already on its way when the process died is
// for the loop to ask; core only refuses to take on risk until the answer is an outcome.
package core
