// Package ledger is the daemon's append-only record of everything it decided and did.
//
// It is written so that someone who does not trust us can check it with standard
// tools: docs/verify.py is a whole verifier in one page of Python, made from this text.
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
// record 0's leaf hash.
//
// Beside the segments the folder holds LOCK (see below), torn tails that were cut
// (SEGMENT-OFFSET.broken) and, while a ledger is being opened, SEGMENT.log.tmp. Other names
// that look like segments are refused; names that don't are ignored.
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
// Damage. [Open], [Verify] and [Scan] check every byte they pass. Only an unterminated
// last line is a torn tail, what a crash in mid-write leaves: Open cuts it, keeps it
// and says so. Anything else (a wrong hash, a gap, a line out of order or out of form, a
// missing, doubled or misnamed segment, a ledger shorter than what is known outside) is
// a [CorruptionError] and changes nothing on disk.
//
// One writer. Open takes an exclusive flock on LOCK; a second opener gets a
// [LockedError]. Readers need no lock and may run beside the writer: they see a
// consistent beginning of the ledger, perhaps with a last record whose Commit has not returned yet.
//
// # Where it ends
//
// A chain protects what has a successor. The last record's time, epoch and body can be
// altered, the newest records can be cut off at a line's end, and a whole ledger can be written anew,
// without the folder itself showing it. Against these a head known outside is needed: give it as
// Known to [Open] and [Verify]. Signed checkpoints and an outside witness make such heads.
//
// flock does not reach across machines on every file system; there the epoch and the Lease fence writers.
// fdatasync is believed: a disk that lies about it loses what it lied about.
package ledger
