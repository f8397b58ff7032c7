// Package loop is the shell around package core: it gathers, asks the engine, makes durable, and acts. tick (in tick.go) reads as the nine
// steps; everything that decides is in core, and what is here decides nothing.
//
//	recovered, err := loop.Recover(dir, recovery)   // replay.go: the ledger's own records, through core, byte by byte
//	l, err := loop.New(ctx, parts, recovered)       // run.go: the boot record, and the venue's word on what is open
//	err = l.Run(ctx)                                // or Drive, on a clock that the caller moves: a backtest
//
// # What it promises
//
// The record that states an intent is durable before the action leaves the process, and what became of it is a record of its own. Nothing
// leaves once the fence's margin is gone. Every tick leaves a record, also an idle, refused or failed one. Start and crash recovery are
// one path: replay the ledger's own records through core, compare every byte, ask the venue for open intents, then tick. A ledger that
// does not replay to itself is not continued.
//
// An order is sent once. An answer that does not say what became of it leaves the intent open; the venue is asked at every tick (ask.go), and
// nothing else of ours leaves until it says.
//
// A ledger that can't be written ends the ticking. If something is held then, the one exit leaves that the last outcome authorised while the ledger
// still worked (exit.go), and nothing else; the next process asks the venue for that exit before anything leaves.
//
// Commands are records before they are carried out (commands.go). The operator's halt is the last record, with nothing asked or settled: it does not
// believe the ledger. A person's halt ends in order, keeps the position, and stands until a person's release, over any restart: a start against it
// writes nothing and asks nobody. An order of a person is answered when its effect is durable; a crash before that gives it again.
//
// The same configuration, data and clock give the same bytes, with any number of processors: sources and venue are asked beside each other, and
// their answers are joined in a fixed order.
//
// # Where it ends
//
// A request that is on its way when the process dies cannot be called back; its intent is open in the ledger, and blocks all new risk until
// the venue says what became of it. What a venue says in the end is believed; what each promises is in docs/venues.md.
package loop
