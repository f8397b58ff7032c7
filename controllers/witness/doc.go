// Package witness judges the ledger head that a daemon reports against the head that was witnessed before. It is pure: no client, no clock, no state.
//
// # What a head has to show
//
// A signature, by the pinned key, of the C2SP checkpoint of its origin, size and root, with its leaf hash in an extension line:
//
//	taudaemon.io/ledger/<64 hex digits>
//	<size, decimal>
//	<root, base64>
//	leaf <head, 64 hex digits>
//
// signed as in C2SP signed-note with Ed25519. And an RFC 6962 consistency proof from the size last witnessed, checked by golang.org/x/mod/sumdb/tlog:
// the ledger begins with exactly the records that were witnessed. So within one origin nothing that was witnessed can be taken back, by anyone,
// the holder of the key included. A first head needs only its signature, and its key is pinned.
//
// A proof from another size, and a head without signature or proof, are Pending: the head is not believed, and the one before stands. The daemon is
// then told what to prove from (v1alpha1.Witnessed); a proof that still does not come is refused after MaxPending reports.
//
// # Another key
//
// Within one origin, the key changes only by the word of the key before: a rotation, which is its signature, as in C2SP signed-note, of
//
//	taudaemon.io/ledger/<64 hex digits>
//	ledger key rotation v1
//	<the new key, as a note verifier key>
//
// The operator must have seen each key: a rotation leads from the pinned key to the next and no further.
//
// # Another origin
//
// A ledger that was restored from a backup has a new origin and a new key, which the old key, of which no backup has a copy, cannot have signed. That
// it begins with the witnessed records does not make it their continuation: so would a second restore of the same backup, and whoever can read a
// backup can make one. So it is refused, whatever it proves, until a person names that very origin (spec.ledger.acceptOrigin); the refusal says
// whether it has the witnessed records, and so what would be lost. From then on it is the one that is witnessed, and the ledger before it is refused as
// any other. So two copies can never both pass as the original.
//
// # Where it ends
//
// One who holds the signing key and was never witnessed can show a first head of anything. The rest of a report (tick, position, health) is not
// signed. A fork that is shown to nobody but this operator is found here only if it is shown here: cosignatures of independent C2SP witnesses can be
// collected for the same text and carried beside the signature, whose form is theirs.
package witness
