// Package loop is the shell around package core: it gathers, asks the engine, makes durable, and acts. tick (in tick.go) reads as the nine
// steps; everything that decides is in core, and what is here decides nothing.
//
// # What it promises
//
// The record that states an intent is durable before the action leaves the process, and what became of it is a record of its own. Nothing
// leaves once the fence's margin is gone. Every tick leaves a record, also an idle, refused or failed one. Start and crash recovery are
// one path: replay the ledger's own records through core, compare every byte, ask the venue for open intents, then tick. A ledger that
// does not replay to itself is not continued.
//
// # Where it ends
//
// A request that is on its way when the process dies cannot be called back; its intent is open in the ledger, and blocks all new risk until
// the venue says what became of it.
package loop
