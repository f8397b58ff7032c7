// Package core is the tick's pure step: state, observation and the engine's verdict go in; the next state and a decision come out.
//
//	facts := core.Assess(params, state, observation)                      // step 2: guards, market bits
//	verdicts := core.Consult(params, state, observation, facts, specs)      // steps 3 to 6: what the nine specs are asked, and in which order
//	state, decision := core.Step(params, state, observation, verdicts)      // steps 7 and 8: health, and what to do
//	state, err := core.ApplyOutcome(state, outcome)                         // step 9, and what recovery replays
//	state = core.ApplyBoot(state, boot)                                     // a process begins
//	state = core.ApplyCommand(state, command)                               // the operator or a person orders
//
// Everything random, timed or remote enters as an observation, verdicts or an outcome. There is no clock, file, network, randomness,
// goroutine, map iteration or float in here or below, so the same ledger replayed gives the same bytes; a test reads the source for that.
// Values are never changed in place: a State may be kept, copied and stepped again, which replay and proof rely on.
//
// # What it promises
//
// A buy leaves only if every verdict says yes: the kernel bought, no anomaly is known, no quarantine is on, and the shield's own re-check
// agrees. A sell needs the Lease, a position and no other live order, and nothing else: neither staleness nor quarantine nor a missing
// verdict ever traps a position, nor a kernel that breaks an invariant: what is held under one is owed a sell. A sell that was not executed in full
// stays owed and is tried at every tick until the position is flat.
//
// The specs decide: 07 and 08 make the kernel's inputs, the kernel buys and sells, 04 and 05 judge its streams, and 01, 02, 03 and 06 derive
// the guards' bits again. A tick without all nine verdicts is one that no spec saw: their states stay as they were, so they stay in step with
// each other and with the guards.
//
// Anomalies found before the kernel runs set the failure echo at their own tick; those found after it refuse the tick's buy and set it from
// the next. It is then held for FailHoldTicks more. Any anomaly means quarantine; a quarantine never freezes a position, because the
// kernel goes on with the echo set and leaves. It ends after clean ticks, or where a person must look (Code.AlwaysManual) with the acknowledgement of
// its incident.
//
// A burn is armed by the kernel's sell and executed when that is final, for a share of what the round trip realised; of nothing, it is cancelled,
// by a record. Each outcome that leaves a position authorises one exit in advance (Spare), for a ledger that fails.
//
// # Where it ends
//
// The position is the net of the ledger's own fills. What the venue did with an order that was already on its way when the process died is
// for the loop to ask; core only refuses to take on risk until the answer is an outcome.
package core
