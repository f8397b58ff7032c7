package ledger

import (
	"errors"
	"fmt"
)

var (
	// ErrPoisoned is what Commit returns once a write or a sync has failed. Whether the record of that moment
	// is on disk is unknown; the ledger must be opened again, by a new process or at least from scratch, to find out.
	ErrPoisoned = errors.New("ledger is poisoned by a failed write")

	// ErrClosed is what Commit returns after Close.
	ErrClosed = errors.New("ledger is closed")
)

// CorruptionError is damage that no crash of ours explains. Nothing was changed on disk.
type CorruptionError struct {
	Segment  string // file name, or "" when it concerns the ledger as a whole
	Offset   int64  // byte offset in the segment, of the line's first byte where a line is meant
	Seq      uint64 // the record that was expected there
	Problem  string
	Expected string
	Found    string
}

// Error says where, what is wrong, expected, found.
func (e *CorruptionError) Error() string {
	where := e.Segment
	if where == "" {
		where = "the folder"
	}
	return fmt.Sprintf("ledger damaged at record %d (%s, offset %d): %s: expected %s, found %s",
		e.Seq, where, e.Offset, e.Problem, e.Expected, e.Found)
}

// LockedError says that another process (or another Ledger of this one) has the ledger open for writing.
type LockedError struct {
	Path string // the lock file
}

// Error names the lock file.
func (e *LockedError) Error() string {
	return fmt.Sprintf("ledger is in use: %s is locked by another writer; end it, or use another ledger_dir", e.Path)
}
