package ledger

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"sync"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/mod/sumdb/tlog"
)

// maxWaiting is how many full segments may wait with AtSeal before Commit waits for the sealer: their hashes take memory.
const maxWaiting = 4

// sealer compresses full segments beside Commit. A segment that it could not seal stays as it is, whole and readable, and is
// tried again with the next one: sealing saves room, nothing else hangs on it.
type sealer struct {
	mode  sealMode
	mu    sync.Mutex
	cond  *sync.Cond
	done  bool
	ended chan struct{}
	err   error // of the last try
}

func (s *sealer) start(l *Ledger, mode sealMode) {
	s.mode = mode
	s.cond = sync.NewCond(&s.mu)
	if mode != sealBeside {
		s.wake(l)
		return
	}
	s.ended = make(chan struct{})
	go s.run(l)
}

// wake tells that a segment waits.
func (s *sealer) wake(l *Ledger) {
	switch s.mode {
	case sealNever:
	case sealInLine:
		s.failed(l.sealWaiting())
	case sealBeside:
		s.mu.Lock()
		s.cond.Broadcast()
		for l.durability == AtSeal && s.err == nil && l.waitingCount() > maxWaiting && !s.done {
			s.cond.Wait()
		}
		s.mu.Unlock()
	}
}

func (s *sealer) run(l *Ledger) {
	defer close(s.ended)
	tried := -1
	for {
		s.mu.Lock()
		for !s.done && (l.waitingCount() == 0 || l.waitingCount() == tried) {
			s.cond.Wait()
		}
		end := s.done
		s.mu.Unlock()
		s.failed(l.sealWaiting())
		tried = l.waitingCount() // those that failed wait for the next one
		if end {
			return
		}
	}
}

func (s *sealer) failed(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	s.cond.Broadcast()
}

// stop waits until all that is full was tried once more.
func (s *sealer) stop(*Ledger) {
	if s.ended == nil {
		return
	}
	s.mu.Lock()
	s.done = true
	s.cond.Broadcast()
	s.mu.Unlock()
	<-s.ended
	s.ended = nil
}

// SealError is why full segments stay uncompressed, nil when they don't. The records in them are safe.
func (l *Ledger) SealError() error {
	l.sealer.mu.Lock()
	defer l.sealer.mu.Unlock()
	return l.sealer.err
}

func (l *Ledger) waitingCount() int {
	l.state.Lock()
	defer l.state.Unlock()
	return len(l.waiting)
}

// sealWaiting seals what waits, oldest first.
func (l *Ledger) sealWaiting() error {
	for {
		l.state.Lock()
		if len(l.waiting) == 0 {
			l.state.Unlock()
			return nil
		}
		s := l.waiting[0]
		l.state.Unlock()
		if err := l.seal(s); err != nil {
			return err
		}
		l.sealer.mu.Lock()
		l.sealer.cond.Broadcast()
		l.sealer.mu.Unlock()
	}
}

// seal compresses a full segment and writes its part of the tree: first the two files, then the manifest that names them, and
// only then the plain segment goes. After a crash at any point between, one of the two counts.
func (l *Ledger) seal(s segment) error {
	lines, err := os.ReadFile(filepath.Join(l.dir, s.name))
	if err != nil {
		return err
	}
	e, err := l.examine(s, lines)
	if err != nil {
		return err
	}
	packed, err := pack(lines)
	if err != nil {
		return err
	}
	if err := unpacksTo(packed, lines); err != nil {
		return err
	}
	e.Packed, e.SHA256 = int64(len(packed)), sha256.Sum256(packed)
	if err := l.writeCheckpoint(e.next()); err != nil {
		return err
	}
	if err := replace(l.disk, l.dir, treeName(s.first), l.treeBytes(&e), sealedPerm); err != nil {
		return err
	}
	if err := replace(l.disk, l.dir, packedName(s.first), packed, sealedPerm); err != nil {
		return err
	}
	l.pruning.Lock()
	defer l.pruning.Unlock()
	l.state.Lock()
	entries := append(l.entries[:len(l.entries):len(l.entries)], e)
	l.state.Unlock()
	if err := l.writeManifest(entries); err != nil {
		return err
	}
	l.state.Lock()
	l.entries = entries
	l.hashes = append([]tlog.Hash(nil), l.hashes[storedIndex(e.next())-storedIndex(e.First):]...)
	l.waiting = l.waiting[1:]
	l.state.Unlock()
	return l.disk.remove(filepath.Join(l.dir, s.name))
}

// examine reads the segment back and holds it against the hashes in memory, so that what the disk lost or altered since is not sealed.
func (l *Ledger) examine(s segment, lines []byte) (entry, error) {
	l.state.Lock()
	hashes := l.hashes
	l.state.Unlock()
	var e entry
	c := chain{next: s.first, free: true}
	in, release := newLineReader(bytes.NewReader(lines))
	defer release()
	at := 0
	whole, rest, err := readSegment(in, s.name, &c, func(r *Record) error {
		if at >= len(hashes) || hashes[at] != tlog.Hash(r.Leaf) {
			return &CorruptionError{Segment: s.name, Seq: r.Seq, Problem: "the disk does not hold what was written",
				Expected: "the leaf hash in memory", Found: r.Leaf.String()}
		}
		at += 1 + bits.TrailingZeros64(^r.Seq)
		e.note(r)
		return nil
	})
	if err == nil && rest > 0 {
		err = unended(s.name, whole, rest, c.next)
	}
	return e, err
}

// treeBytes is the content of the tree file of the first segment after the sealed ones.
func (l *Ledger) treeBytes(e *entry) []byte {
	l.state.Lock()
	defer l.state.Unlock()
	return hashBytes(l.hashes[:storedIndex(e.next())-storedIndex(e.First)])
}

func hashBytes(hashes []tlog.Hash) []byte {
	out := make([]byte, 0, len(hashes)*tlog.HashSize)
	for _, h := range hashes {
		out = append(out, h[:]...)
	}
	return out
}

func (l *Ledger) writeManifest(entries []entry) error {
	signed, err := signManifest(l.Origin(), entries, l.key)
	if err != nil {
		return err
	}
	return replace(l.disk, l.dir, manifestName, signed, filePerm)
}

// unpacksTo checks a compressed segment before the plain one goes.
func unpacksTo(packed, lines []byte) error {
	decoder, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(unpackWindow), zstd.WithDecoderLowmem(true))
	if err != nil {
		return err
	}
	defer decoder.Close()
	back, err := decoder.DecodeAll(packed, make([]byte, 0, len(lines)))
	if err != nil {
		return err
	}
	if !bytes.Equal(back, lines) {
		return errors.New("zstd: expected what was compressed to come back, found something else")
	}
	return nil
}

// removeIfThere removes a file that may be gone already.
func removeIfThere(d disk, path string) error {
	if err := d.remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
