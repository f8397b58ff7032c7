// Package controllers is the operator: it turns each TauDaemon into one pod that runs taud, and is the only writer of the resource's status.
//
// A pass reads as its phases, a file each: load, finalize, observe (reads only), decide (pure), apply (server-side apply, only where the live
// object differs), status (pure, written once a pass and only if it changed), events (from one status to the next). A pass over an unchanged
// resource sends no write request at all; a pass that only the daemon's Lease caused looks at no child.
//
// What it promises: a child that the resource does not control is never written to; the pod template changes only after daemon/config accepted
// the configuration and updatePolicy allows it; a rollout deletes the old pod once, gracefully, and never runs two; a stale or foreign report
// never shows as Ready=True; status.ledger never goes back, and has only what the pinned key signed and what is proven to continue all that was there
// before (package witness). What is not is in status.refusedHead, and a halt is ordered.
//
// That costs no write of its own in the usual course: a report is proven from the report that it replaces on the Lease, which the operator has
// witnessed. Where it has not (it was away, or a report was replaced before it looked), it writes to the Lease what it wants to be proven from, and
// every report that is stored after that answers, since the daemon reads the question from the very Lease that it replaces. The volume claim's anchor is
// written at a first head, another key, another origin and an orderly stop, else every ten minutes.
//
// A user's specs (spec.engine.specs) are copied by content into the agent's own ConfigMap, so that an edit is a new template under updatePolicy
// and a pod never sees its specs change. Their ConfigMap is not watched but read live: when the resource changes, each minute, and every ten
// seconds while it is missing or refused. So an edit takes up to a minute to be seen.
//
// A venue account is one resource's: a second Live resource of the same account, in any namespace, is Stalled (AccountInUse) before anything is
// made for it, until the older one and its pod are gone.
//
// Where that ends: but for the ledger's head, a report of the current pod is believed as it is; a resource that is deleted and made anew knows the
// ledger as of the claim's anchor; a request that a daemon has already sent to a venue is beyond its reach; Kraken accounts are told apart by the
// Secret's name alone, since the operator cannot read it.
package controllers
