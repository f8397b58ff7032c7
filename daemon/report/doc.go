// Package report is what the daemon shows of itself: /livez, /readyz, /statusz and /metrics over HTTP, and, when it refuses to tick, the halted
// state. What it tells the operator goes out through package lease, in the same write that renews the Lease.
//
// # How the daemon uses it
//
//	srv, err := report.Listen(report.Options{Listen: cfg.Report.Listen, Interval: cfg.Tick.Interval, Version: version, Log: log})
//	go srv.Serve(ctx)                       // from the first moment: recovery may take long, and /livez must answer
//	srv.Waiting("recovering the ledger")    // shown by /readyz until the first Set
//
//	api, podUID, err := lease.FromEnv(os.Getenv) // an error is a halt, never a reason to act unfenced; a nil api: lease.NewUnfenced(ledgerEpoch + 1)
//	tenure, err := lease.Acquire(ctx, lease.Options{
//		API: api, PodUID: podUID, BootID: lease.NewBootID(), LedgerLocked: true, AtLeast: ledgerEpoch,
//		Duration: cfg.Report.LeaseDuration, ReportInterval: cfg.Report.Interval, Log: log, Waiting: srv.Waiting,
//	})
//	srv.SetFence(tenure)
//
//	for tick := range ticks {
//		if tenure.Err() != nil { return }   // lost: end the process; the next boot takes a new epoch
//		// ... decide; act only while tenure.Margin() covers the action's own deadline; commit ...
//		srv.Metrics().Tick(took)
//		srv.Set(report.Snapshot{Report: r, Equity: equity, Sources: sources, Detail: facts})
//		tenure.Publish(r)                   // also the sign of life that lets the Lease be renewed
//	}
//	err = tenure.Release(ctx, last)         // last.Phase is v1alpha1.PhaseStopped
//
// Where the daemon finds that it must not tick (a damaged ledger, a failed commit, an engine that cannot start), it calls Halt instead of the loop,
// with the tenure if it has one, or with a way to get one.
//
// # What it promises
//
// Set takes no lock and does no I/O: a slow reader of /statusz cannot hold up a tick. /livez fails only where a restart would help: the process runs
// but no tick has ended for ten intervals, at least a minute. Quarantine and halt are no such cases. /readyz says in one line why it is not 200;
// quarantine does not make it fail, since the daemon is then doing its work. Figures in /metrics are floats for people and alerts; nothing reads
// them back into a decision.
//
// # Where that ends
//
// The server has no authentication and shows the position: who may reach it is for the network to say.
package report
