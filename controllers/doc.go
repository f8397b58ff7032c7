// Package controllers is the operator: it turns each TauDaemon into one pod that runs taud, and is the only writer of the resource's status.
//
// A pass reads as its phases, a file each: load, finalize, observe (reads only), decide (pure), apply (server-side apply, only where the live
// object differs), status (pure, written once a pass and only if it changed), events (from one status to the next). A pass over an unchanged
// resource sends no write request at all; a pass that only the daemon's Lease caused looks at no child.
//
// What it promises: a child that the resource does not control is never written to; the pod template changes only after daemon/config accepted
// the configuration and updatePolicy allows it; a rollout deletes the old pod once, gracefully, and never runs two; a stale or foreign report
// never shows as Ready=True; status.ledger never goes back.
//
// A user's specs (spec.engine.specs) are copied by content into the agent's own ConfigMap, so that an edit is a new template under updatePolicy
// and a pod never sees its specs change. Their ConfigMap is not watched but read live: when the resource changes, each minute, and every ten
// seconds while it is missing or refused. So an edit takes up to a minute to be seen.
//
// A venue account is one resource's: a second Live resource of the same account, in any namespace, is Stalled (AccountInUse) before anything is
// made for it, until the older one and its pod are gone.
//
// Where that ends: the operator believes what a report of the current pod says about its ledger's content (it only refuses a size that falls or
// a second head at one size); a request that a daemon has already sent to a venue is beyond its reach; Kraken accounts are told apart by the
// Secret's name alone, since the operator cannot read it.
package controllers
