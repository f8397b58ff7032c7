package ledger

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// disk is every way in which the ledger changes the file system, one name for each step
// that durability hangs on, so that a test can make each of them fail or forget.
type disk interface {
	// create makes a new file to append to; it fails when the name is taken. Neither file nor name is durable yet.
	create(path string, perm fs.FileMode) (file, error)
	// rename moves from over to, atomically. The new name is durable after syncDir.
	rename(from, to string) error
	remove(path string) error
	// syncDir makes the names in a folder durable.
	syncDir(dir string) error
}

type file interface {
	io.Writer
	sync() error     // fsync: content and all metadata
	datasync() error // fdatasync: content and the size needed to read it back
	// allocate makes room for a content of n bytes without changing the length. A file system that can't is let be.
	allocate(n int64) error
	io.Closer
}

type osDisk struct{}

func (osDisk) create(path string, perm fs.FileMode) (file, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, perm)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) rename(from, to string) error { return os.Rename(from, to) }
func (osDisk) remove(path string) error     { return os.Remove(path) }

func (osDisk) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

type osFile struct{ *os.File }

func (f osFile) sync() error { return f.Sync() }

func (f osFile) datasync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err == nil {
			return nil
		}
		if !errors.Is(err, unix.EINTR) {
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

func (f osFile) allocate(n int64) error {
	if n <= 0 {
		return nil
	}
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, n)
		switch {
		case err == nil, errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return nil
		case !errors.Is(err, unix.EINTR):
			return &fs.PathError{Op: "fallocate", Path: f.Name(), Err: err}
		}
	}
}

const (
	filePerm   fs.FileMode = 0o640
	sealedPerm fs.FileMode = 0o440 // nobody writes there again, not even we
	keyPerm    fs.FileMode = 0o600
)

// replace writes a whole file, atomically: after a crash there is the old content or the new one, and after it returned the new one.
func replace(d disk, dir, name string, content []byte, perm fs.FileMode) error {
	path := filepath.Join(dir, name)
	if err := writeTemp(d, path, content, perm); err != nil {
		return err
	}
	if err := d.rename(path+tempSuffix, path); err != nil {
		return err
	}
	return d.syncDir(dir)
}

// writeTemp writes the temporary file of path, durable except for its name. Of a failed attempt nothing is left, if possible.
func writeTemp(d disk, path string, content []byte, perm fs.FileMode) error {
	f, err := createTemp(d, path, perm)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = f.sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		_ = d.remove(path + tempSuffix) // it would take room; the error is told already
	}
	return err
}

// createTemp makes the temporary file of path anew. One may be there: a failed attempt could not remove its own.
func createTemp(d disk, path string, perm fs.FileMode) (file, error) {
	f, err := d.create(path+tempSuffix, perm)
	if !errors.Is(err, fs.ErrExist) {
		return f, err
	}
	if err := d.remove(path + tempSuffix); err != nil {
		return nil, err
	}
	return d.create(path+tempSuffix, perm)
}

// makeFolder creates dir and what is missing above it, each name durable before the next.
func makeFolder(d disk, dir string) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return &fs.PathError{Op: "ledger folder", Path: dir, Err: unix.ENOTDIR}
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(dir)
	if err := makeFolder(d, parent); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o750); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.syncDir(parent)
}

// lockFolder takes the writer's lock. It lasts until the file is closed, or the process ends.
func lockFolder(dir string) (*os.File, error) {
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, &LockedError{Path: path}
		}
		return nil, &fs.PathError{Op: "flock", Path: path, Err: err}
	}
	return f, nil
}
