// Command taud is the tick daemon and the tools around its ledger.
//
//	taud run       tick until SIGTERM or an order to halt
//	taud check     read the configuration and the specs, start nothing
//	taud halt      end the ticking of the daemon on this machine, and keep it from starting again
//	taud release   end such a halt, and release a quarantine's incident
//	taud approve   let a Uniswap V2 router take the account's tokens, before the first trade there
//	taud backtest  run a recording through the loop, print what came of it
//	taud replay    run core and specs again from a ledger's records, compare every byte
//	taud ledger    verify, show, prove, verify-proof, export, backup, restore, repair, rotate-key
//	taud spec      check, run and prove specs
//	taud version
//
// What reads a configuration takes --config FILE, taud.toml by default; each command's --help says the rest.
//
// Exit codes: 0 good, 1 found wrong (tampered, diverged, refuted, an order that changed nothing), 2 could not tell (usage, unreadable, bad
// configuration, no answer). In a pod (POD_UID set), run does not exit on what a restart cannot mend: it halts, goes on answering, and reports
// why. Outside one, a run that a person halts ends with 0, and a start against that halt with 2.
//
// # Credentials
//
// They come from files that the configuration names, and are read by the venue or source that needs them. Log, records, reports and the status
// page go through a redactor that knows them too: what an exchange or a node says of us may repeat what it was sent.
package main
