package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"

	"golang.org/x/mod/sumdb/tlog"
)

// Durability says when a committed record is on the disk.
type Durability int

const (
	// Always: when Commit returns. For everything that trades.
	Always Durability = iota
	// AtSeal: when its segment is full, and at Close. For backtests and replays, whose ledgers can be made again.
	AtSeal
)

// DefaultSegmentBytes is the segment size when Options name none.
const DefaultSegmentBytes = 4 << 20

// Options of a ledger opened for writing. The zero value is good.
type Options struct {
	// SegmentBytes is the size that a segment is not let grow over, in bytes; a record larger
	// than that gets a segment of its own. 0 means DefaultSegmentBytes.
	SegmentBytes int64
	// Durability is Always unless said otherwise.
	Durability Durability
	// Plain leaves full segments as text, for a ledger that is made to be read at once: packing them takes as long as a backtest itself. Who opens
	// it without Plain packs them. With AtSeal, records are written many at a time.
	Plain bool
	// Known is the highest head known outside the folder, from a Lease or a checkpoint. A ledger that is shorter, or was
	// another at that size, is refused. A zero Leaf or Root is not compared; a zero Size knows nothing.
	Known Head
	// Space says when the disk counts as full. The zero value is good.
	Space SpaceOptions

	disk    disk     // nil means the real one
	sealing sealMode // for tests
}

// sealMode says when full segments are compressed.
type sealMode int

const (
	sealBeside sealMode = iota // by a goroutine of its own, beside Commit
	sealInLine                 // within the Commit that began the next segment: one step after the other, for fault tests
	sealNever                  // not at all
)

// Ledger is a ledger opened for writing. Its methods may be called from several goroutines.
type Ledger struct {
	dir          string
	disk         disk
	lock         *os.File
	segmentBytes int64
	durability   Durability
	gathers      bool
	gathered     []byte

	key      signingKey
	rotation string // the old key's signature for this one, "" where there was none
	sealer   sealer
	space    space

	commit sync.Mutex // held through a whole commit
	out    file       // the unsealed segment
	first  uint64     // its first record
	size   int64      // its bytes
	buf    []byte
	failed error // what every later Commit returns; nil while all is well

	state   sync.Mutex // held only to read or replace what follows, never during I/O: Head does not wait for the disk
	tally   tally
	synced  Head        // with AtSeal, what is durable
	entries []entry     // of the sealed segments
	hashes  []tlog.Hash // the tree's stored hashes of the records after these
	waiting []segment   // full segments to be sealed, in order

	pruning sync.Mutex // held while a segment is sealed or pruned: both replace the manifest

	sign   sync.Mutex // held while a checkpoint is written
	signed Checkpoint // the newest one written
}

// Receipt names a committed record.
type Receipt struct {
	Seq  uint64 // its position in the ledger
	Leaf Hash   // its leaf hash
}

// Commit appends a record and returns when it is durable (see Options.Durability).
//
// ms is Unix time in milliseconds, 0 to 2^53-1; epoch is at least the last record's. body is a JSON object without insignificant
// whitespace, such as encoding/json makes from a struct, or empty; its top-level names are unique, plain ASCII, and none of
// v, seq, prev, kind, ms, epoch. The first record is a KindBoot. The line is at most MaxRecord bytes.
//
// A *[RecordError] means that the record was not acceptable and nothing was written. Any other error is an
// [ErrPoisoned] or [ErrClosed] and stays: whether this record is on disk is then unknown until the ledger is opened again.
func (l *Ledger) Commit(kind Kind, ms int64, epoch uint64, body []byte) (Receipt, error) {
	l.commit.Lock()
	defer l.commit.Unlock()
	if l.failed != nil {
		return Receipt{}, l.failed
	}
	// Only Commit changes tally, and commit is held: reading it needs no second lock.
	seq := l.tally.tree.size
	if epoch < l.tally.epoch {
		return Receipt{}, &RecordError{"epoch", "at least " + strconv.FormatUint(l.tally.epoch, 10), strconv.FormatUint(epoch, 10)}
	}
	if seq == 0 && kind != KindBoot {
		return Receipt{}, &RecordError{"kind", "boot, as every ledger begins", strconv.Quote(string(kind))}
	}
	if kind == KindCommand && bytes.HasPrefix(bytes.TrimPrefix(body, []byte("{")), []byte(restoreMember)) {
		return Receipt{}, &RecordError{"body", "a command other than restore, which only taud ledger restore gives", quote(body)}
	}
	return l.append(seq, kind, ms, epoch, body)
}

func (l *Ledger) append(seq uint64, kind Kind, ms int64, epoch uint64, body []byte) (Receipt, error) {
	line, err := appendRecord(l.buf[:0], seq, l.tally.leaf, kind, ms, epoch, body)
	if err != nil {
		return Receipt{}, err
	}
	l.buf = append(line, '\n')
	if err := l.write(seq); err != nil {
		l.failed = fmt.Errorf("%w at record %d: %w", ErrPoisoned, seq, err)
		return Receipt{}, l.failed
	}
	r := Record{Seq: seq, Kind: kind, Epoch: epoch, Line: line, Leaf: leafHash(line), body: len(line) - max(len(body), 2) + 1}
	l.state.Lock()
	l.take(&r)
	l.state.Unlock()
	if kind == KindSnapshot && l.durability == Always {
		if err := l.makeRoom(func() error { return l.writeCheckpoint(0) }); err != nil {
			l.failed = fmt.Errorf("%w: checkpoint at record %d: %w", ErrPoisoned, seq, err)
			return Receipt{}, l.failed
		}
	}
	return Receipt{seq, r.Leaf}, nil
}

// take takes a record into the tree.
func (l *Ledger) take(r *Record) {
	if len(l.hashes) == cap(l.hashes) { // a plain ledger keeps them all: by a quarter at a time they would be copied five times over
		l.hashes = slices.Grow(l.hashes, len(l.hashes)+2)
	}
	l.hashes = append(l.hashes, tlog.Hash(r.Leaf))
	l.tally.push(r, func(n node, _ uint64) { l.hashes = append(l.hashes, n.hash) })
}

// write brings l.buf to the disk, in a new segment when the current one is full.
func (l *Ledger) write(seq uint64) error {
	if l.size > 0 && l.size+int64(len(l.buf)) > l.segmentBytes {
		if err := l.rotate(seq); err != nil {
			return err
		}
	}
	l.size += int64(len(l.buf))
	if l.gathers {
		if l.gathered = append(l.gathered, l.buf...); len(l.gathered) < gatherBytes {
			return nil
		}
		return l.flush()
	}
	if _, err := l.out.Write(l.buf); err != nil {
		return err
	}
	if l.durability == AtSeal {
		return nil
	}
	return l.out.datasync()
}

// gatherBytes are written at once where nothing needs to be on the disk before the segment is full, and nobody reads it while it is written.
const gatherBytes = 256 << 10

// flush writes what was gathered.
func (l *Ledger) flush() error {
	if len(l.gathered) == 0 {
		return nil
	}
	_, err := l.out.Write(l.gathered)
	l.gathered = l.gathered[:0]
	return err
}

// rotate ends the current segment and begins the next. The old one is durable before the new name exists:
// a reader that finds a second segment may take the first for whole. Room for the next is made before anything is changed.
func (l *Ledger) rotate(first uint64) error {
	var next file
	err := l.makeRoom(func() (err error) {
		next, err = l.prepareSegment(first)
		return err
	})
	if err != nil {
		return err
	}
	if err := l.flush(); err != nil {
		return errors.Join(err, next.Close())
	}
	full := l.out
	l.out = next
	if err := errors.Join(full.sync(), full.Close()); err != nil {
		return err
	}
	path := filepath.Join(l.dir, segmentName(first))
	if err := errors.Join(l.disk.rename(path+tempSuffix, path), l.disk.syncDir(l.dir)); err != nil {
		return err
	}
	l.state.Lock()
	l.waiting = append(l.waiting, segment{name: segmentName(l.first), first: l.first, size: l.size})
	if l.durability == AtSeal {
		l.synced = l.tally.head()
	}
	l.state.Unlock()
	l.first, l.size = first, 0
	l.sealer.wake(l)
	return nil
}

// prepareSegment makes an empty segment under its temporary name, with room for all that it will hold: a full disk is met
// here, where nothing is lost by it.
func (l *Ledger) prepareSegment(first uint64) (file, error) {
	path := filepath.Join(l.dir, segmentName(first))
	out, err := createTemp(l.disk, path, filePerm)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(out.allocate(l.segmentBytes), out.sync()); err != nil {
		err = errors.Join(err, out.Close())
		_ = l.disk.remove(path + tempSuffix) // it would take room; the error is told already
		return nil, err
	}
	return out, nil
}

// createSegment makes an empty segment that is there after a power loss.
func (l *Ledger) createSegment(first uint64) (file, error) {
	out, err := l.prepareSegment(first)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(l.dir, segmentName(first))
	if err := errors.Join(l.disk.rename(path+tempSuffix, path), l.disk.syncDir(l.dir)); err != nil {
		return nil, errors.Join(err, out.Close())
	}
	return out, nil
}

// Head returns the state after the last committed record. It does not wait for a running Commit.
func (l *Ledger) Head() Head {
	l.state.Lock()
	defer l.state.Unlock()
	return l.tally.head()
}

// Origin returns the ledger's name for life (see [Origin]), "" while it has no record.
func (l *Ledger) Origin() string {
	l.state.Lock()
	defer l.state.Unlock()
	if l.tally.tree.size == 0 {
		return ""
	}
	return Origin(l.tally.founder)
}

// Close seals what is full, makes durable what is not yet, unless the ledger is poisoned, writes a checkpoint and gives up the lock. It writes no
// record: a shutdown record is the caller's. A second Close does nothing.
func (l *Ledger) Close() error {
	l.commit.Lock()
	defer l.commit.Unlock()
	if errors.Is(l.failed, ErrClosed) {
		return nil
	}
	l.sealer.stop(l)
	var err error
	if l.failed == nil {
		err = l.sync()
	}
	if l.out != nil {
		err = errors.Join(err, l.out.Close())
	}
	l.failed = ErrClosed
	return errors.Join(err, l.lock.Close())
}

// sync makes all records durable and writes a checkpoint of them.
func (l *Ledger) sync() error {
	if err := errors.Join(l.flush(), l.out.sync()); err != nil {
		return err
	}
	l.state.Lock()
	l.synced = l.tally.head()
	l.state.Unlock()
	return l.makeRoom(func() error { return l.writeCheckpoint(0) })
}
