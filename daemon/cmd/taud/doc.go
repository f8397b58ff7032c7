// Command taud is the tick daemon and the tools around its ledger.
//
//	taud run      --config taud.toml    tick until SIGTERM
//	taud check    --config taud.toml    read the configuration and the specs, start nothing
//	taud backtest --config --data CSV --ledger DIR   run a recording through the loop, print what came of it
//	taud replay   LEDGER                run core and kernel again from the records, compare every byte
//	taud ledger   verify | show LEDGER  check every byte; print records
//	taud version
//
// Exit codes: 0 good, 1 found wrong (tampered, diverged), 2 could not tell (usage, unreadable, bad configuration). In a pod (POD_UID set),
// run does not exit on what a restart cannot mend: it halts, goes on answering, and reports why.
package main
