// Package ledger is the daemon's append-only record of everything it decided and did.
//
// It is written so that someone who does not trust us can check it with standard
// tools: docs/verify.py is a whole verifier in a few pages of Python, with its standard library alone, made from this text.
//
// # Format
//
// A ledger is a folder. Its segments are named by the sequence number of their
// first record, 20 decimal digits and ".log": 00000000000000000000.log is the first.
// A segment is UTF-8 text: one record a line, each line ended by a single LF, each a
// JSON object without insignificant whitespace. A record with its LF left off is at
// most 65,535 bytes. The line begins with these members, in this order and this
// exact spelling:
//
//	{"v":1,"seq":7,"prev":"<64 hex digits>","kind":"tick","ms":1767225600000,"epoch":3
//
//	v      format version, 1
//	seq    position in the ledger, from 0, without gaps
//	prev   leaf hash of record seq-1 in lowercase hexadecimal; 64 zeros for record 0
//	kind   boot, tick, outcome, command, snapshot or shutdown; record 0 is a boot
//	ms     Unix time in milliseconds, as the writer's clock had it (it may step back)
//	epoch  the writer's fencing epoch; it never falls from one record to the next
//
// Numbers of the header are decimal, without sign or leading zeros, and at most
// 2^53-1, so that every JSON reader sees them exactly. Then follow the body's members,
// if there are any, and the closing brace. A body's own (top-level) names are unique,
// plain ASCII without escapes, at most 256 and none of the six names above, so that no two readers
// can read one line differently; it nests less than 64 levels deep.
//
// The leaf hash of a record is SHA-256(0x00 || line without LF), as in RFC 6962; it is
// not stored in the record but in the next one, as prev. The root over the first n
// records is the RFC 6962 Merkle tree hash of their leaf hashes. A [Head] names a
// ledger's state: size, last leaf hash, root. The [Origin] of a ledger is made from
// its founding record's leaf hash: "taudaemon.io/ledger/" and 64 hex digits. The founding record is record 0, or in a
// restored ledger the newest command record whose body begins with the member "restore" (see [Restored]).
//
// # Sealed segments
//
// A full segment is sealed: N.log becomes N.log.zst, the same lines as one zstd frame (level 7 or about, window at most 8 MiB,
// with a checksum), and N.tree, the tree's hashes that are stored with its records: 32 bytes each, in the order of golang.org/x/mod/sumdb/tlog
// (the leaf, then each subtree that it completes, smallest first; [tlog.StoredHashIndex] tells the place in the whole tree). The last
// segment is never sealed. While N.log.zst is not in the manifest, N.log counts.
//
// manifest is a signed note (C2SP signed-note) with the text: the origin; "ledger manifest v1"; then for each sealed segment, in order and
// without gaps from record 0, a line of JSON: first, records, leaf (of the last record), epoch (of the last record), from_ms and to_ms (lowest and
// highest time), boot, snapshot and founder (the newest such record, if any), bytes (of the lines), packed and sha256 (of N.log.zst), and
// "pruned":true where retention deleted N.log.zst. N.tree is kept then.
//
// checkpoint is a signed note with the body of C2SP tlog-checkpoint: the origin, the size in decimal, the root in base64. It is
// written after each snapshot record, before a segment is sealed, at Close and on request, always of what is durable. ledger.key is
// the Ed25519 key ("taudaemon ledger key v1 " and the seed in base64), made with the ledger and never copied; ledger.pub the note
// verifier key under the origin's name. Both signed files are replaced as a whole. [RotateKey] puts another key in the place of a key; the old one's word for it,
// a signed note of the lines origin, "ledger key rotation v1" and the new verifier key, is ledger.rotation.
//
// What a daemon reports of its ledger ([Ledger.Attest]) is signed in the same way, with one C2SP extension line after the root: "leaf " and the last
// record's leaf hash.
//
// Beside these the folder holds LOCK (see below), reserve (room for the end on a full disk), torn tails that were cut and files that repair set
// aside (.broken), and what a crash left half-written (.tmp), which the next Open removes. Other names
// that look like segments are refused; names that don't are ignored.
//
// A proof ([Proof]) is a C2SP tlog-proof with the record's line as extra data. An export ([Export]) is C2SP tlog-tiles.
//
// # What is promised
//
// Durability. [Ledger.Commit] returns without error only when the record is on the
// disk (write, fdatasync; for the first record of a segment the segment was created, fsynced and
// its folder fsynced before). When a write or a sync fails the ledger is poisoned: what the disk
// holds is unknown then, so no later Commit is tried on that descriptor. Opening again settles it: the
// unsealed (last) segment is rewritten to a new file, which is fsynced and renamed over it before anything
// in it counts, because after a failed sync the page cache may show bytes that the disk never got.
// With [AtSeal] (backtests) records become durable only when a segment is full and at Close.
//
// Damage. [Verify] checks every byte. [Open] checks the signatures and all records from the newest snapshot on, and that they
// are the end of the tree that the checkpoint signs; [Ledger.Scrub] the sealed segments behind it. Only an unterminated
// last line is a torn tail, what a crash in mid-write leaves: Open cuts it, keeps it
// and says so. Anything else (a wrong hash, a gap, a line out of order or out of form, a
// missing, doubled or misnamed segment, a ledger shorter than what is known outside) is
// a [CorruptionError] and changes nothing on disk.
//
// Retention. [Ledger.Prune] deletes sealed segments that a checkpoint kept outside covers, and never what a start needs. Their leaf hashes and their part of
// the tree stay, so the ledger still leads to the same roots, and every kept record has its proof; what the pruned ones said is gone. That they
// are gone by retention, and not by a thief, is what the signed manifest says.
//
// One writer. Open takes an exclusive flock on LOCK; a second opener gets a
// [LockedError]. Readers need no lock and may run beside the writer: they see a
// consistent beginning of the ledger, perhaps with a last record whose Commit has not returned yet.
//
// # Where it ends
//
// A chain protects what has a successor. The last record's time, epoch and body can be
// altered, and the newest records cut off at a line's end, as far as the checkpoint does not reach. Who holds the signing key, which
// lies in the folder, can write a whole ledger anew, or put an older copy of the volume in its place, and the folder itself does not show it. Against these a head, a
// checkpoint and the verifier key known outside are needed: give them to [Open] and [Verify]. docs/tamper-matrix.md has the cases.
//
// Space. A segment's room is taken before its first record, so a full disk is met between two segments; then the reserve is given up, and
// [Ledger.Space] says stop. When that is used up too, Commit fails.
//
// flock does not reach across machines on every file system; there the epoch and the Lease fence writers.
// fdatasync is believed: a disk that lies about it loses what it lied about.
package ledger
