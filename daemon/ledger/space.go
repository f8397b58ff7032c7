package ledger

import (
	"errors"
	"io/fs"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// SpaceOptions say when the disk counts as full. Zero fields have defaults.
type SpaceOptions struct {
	// Warn is the free space in bytes below which Space.Warn is set. Default: 16 segments.
	Warn int64
	// Stop is the free space in bytes below which Space.Stop is set: no new risk. Default: 4 segments.
	Stop int64
	// NoReserve leaves out the reserve file: for ledgers that can be made again.
	NoReserve bool
}

// Space is how much room the ledger has.
type Space struct {
	Free    uint64 `json:"free"`    // bytes free on the file system
	Reserve int64  `json:"reserve"` // bytes held back by the reserve file; 0 once it was needed
	Warn    bool   `json:"warn"`    // free space is below the warning mark
	Stop    bool   `json:"stop"`    // free space is below the stop mark, or the reserve is in use: no new risk
}

// space is the reserve: a file that takes the room of one more segment, and is given up when there is no other. So the exit and the
// shutdown record have a place on a disk that is full.
type space struct {
	mu      sync.Mutex
	options SpaceOptions
	reserve int64 // bytes held back
	used    bool  // it was given up
}

// start makes the reserve, if there is room for it.
func (s *space) start(l *Ledger, o SpaceOptions) error {
	s.options = o
	if s.options.Warn == 0 {
		s.options.Warn = 16 * l.segmentBytes
	}
	if s.options.Stop == 0 {
		s.options.Stop = 4 * l.segmentBytes
	}
	path := filepath.Join(l.dir, reserveName)
	if err := removeIfThere(l.disk, path); err != nil || o.NoReserve || l.durability == AtSeal {
		return err
	}
	f, err := l.disk.create(path, keyPerm)
	if err == nil {
		err = errors.Join(f.allocate(l.segmentBytes+smallFiles), f.Close())
	}
	switch {
	case err == nil:
		s.reserve = l.segmentBytes + smallFiles
		return nil
	case errors.Is(err, unix.ENOSPC):
		s.used = true
		return removeIfThere(l.disk, path)
	}
	return err
}

// smallFiles is room for checkpoint and manifest beside the segment.
const smallFiles = 1 << 20

// Space tells how much room is left. A caller takes on no new risk while Stop is set.
func (l *Ledger) Space() (Space, error) {
	var at unix.Statfs_t
	if err := unix.Statfs(l.dir, &at); err != nil {
		return Space{}, &fs.PathError{Op: "statfs", Path: l.dir, Err: err}
	}
	s := &l.space
	s.mu.Lock()
	defer s.mu.Unlock()
	out := Space{Free: at.Bavail * uint64(at.Bsize), Reserve: s.reserve}
	out.Warn = out.Free < uint64(s.options.Warn) || s.used
	out.Stop = out.Free < uint64(s.options.Stop) || s.used
	return out, nil
}

// makeRoom runs a step that leaves nothing behind when it fails, and once more with the reserve given up when the disk was full.
func (l *Ledger) makeRoom(step func() error) error {
	err := step()
	if !errors.Is(err, unix.ENOSPC) && !errors.Is(err, unix.EDQUOT) {
		return err
	}
	s := &l.space
	s.mu.Lock()
	had := s.reserve > 0
	s.reserve, s.used = 0, true
	s.mu.Unlock()
	if !had {
		return err
	}
	if err := removeIfThere(l.disk, filepath.Join(l.dir, reserveName)); err != nil {
		return err
	}
	return step()
}
