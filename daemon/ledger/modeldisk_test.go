package ledger

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"testing"
)

var errInjected = errors.New("injected")

// modelDisk does what osDisk does, without the syncs, and keeps beside it a model of what a power loss would leave: content is
// durable up to the last sync of its file, a name up to the last syncDir. One step can be made to fail.
type modelDisk struct {
	real    osDisk
	names   map[string]*inode // as the running system sees them
	durable map[string]*inode // as they are after a power loss
	steps   int
	failAt  int    // the step that fails, counted from 1; 0 means none
	failed  string // the name of the step that failed
	after   func() // called after each step
}

type inode struct {
	content []byte // as the running system reads it
	durable []byte
	lost    bool // a sync has failed: the pages count as clean since, no later sync writes them
}

// newModelDisk starts with a folder whose present content is durable.
func newModelDisk(t testing.TB, dir string) *modelDisk {
	d := &modelDisk{names: map[string]*inode{}}
	for name, content := range contents(t, dir) {
		d.names[filepath.Join(dir, name)] = &inode{content: []byte(content), durable: []byte(content)}
	}
	d.durable = maps.Clone(d.names)
	return d
}

// step runs one step, or fails in its place.
func (d *modelDisk) step(name string, do func() error, onFail func()) error {
	d.steps++
	if d.steps == d.failAt {
		d.failed = name
		if onFail != nil {
			onFail()
		}
		return errInjected
	}
	err := do()
	if err == nil && d.after != nil {
		d.after()
	}
	return err
}

func (d *modelDisk) create(path string, perm fs.FileMode) (f file, err error) {
	err = d.step("create", func() error {
		f, err = d.real.create(path, perm)
		if err != nil {
			return err
		}
		node := &inode{}
		d.names[path] = node
		f = &modelFile{f.(osFile), d, node}
		return nil
	}, nil)
	return f, err
}

func (d *modelDisk) rename(from, to string) error {
	return d.step("rename", func() error {
		d.names[to] = d.names[from]
		delete(d.names, from)
		return d.real.rename(from, to)
	}, nil)
}

func (d *modelDisk) remove(path string) error {
	if _, there := d.names[path]; !there {
		return fs.ErrNotExist
	}
	return d.step("remove", func() error {
		delete(d.names, path)
		return d.real.remove(path)
	}, nil)
}

func (d *modelDisk) syncDir(string) error {
	return d.step("syncDir", func() error {
		d.durable = maps.Clone(d.names)
		return nil
	}, nil)
}

type modelFile struct {
	osFile
	disk *modelDisk
	node *inode
}

func (f *modelFile) Write(b []byte) (n int, err error) {
	write := func(b []byte) error {
		n, err = f.osFile.Write(b)
		f.node.content = append(f.node.content, b[:n]...)
		return err
	}
	err = f.disk.step("write", func() error { return write(b) }, func() { _ = write(b[:len(b)/2]) })
	return n, err
}

// ReadFrom hides the one of os.File, which io.Copy would prefer to Write.
func (f *modelFile) ReadFrom(r io.Reader) (int64, error) {
	all, err := io.ReadAll(r)
	if err != nil {
		return 0, err
	}
	n, err := f.Write(all)
	return int64(n), err
}

func (f *modelFile) flush(name string) error {
	return f.disk.step(name, func() error {
		if !f.node.lost {
			f.node.durable = bytes.Clone(f.node.content)
		}
		return nil
	}, func() { f.node.lost = true })
}

func (f *modelFile) allocate(int64) error {
	return f.disk.step("allocate", func() error { return nil }, nil)
}

func (f *modelFile) sync() error     { return f.flush("sync") }
func (f *modelFile) datasync() error { return f.flush("datasync") }

// powerLoss returns the files that are left. tear, 0 to 1, is the share of each file's unsynced bytes that
// reached the disk all the same; newNames says whether unsynced names did.
func (d *modelDisk) powerLoss(tear float64, newNames bool) map[string]string {
	names := d.durable
	if newNames {
		names = d.names
	}
	files := map[string]string{}
	for path, node := range names {
		extra := node.content[len(node.durable):]
		files[filepath.Base(path)] = string(node.durable) + string(extra[:int(tear*float64(len(extra)))])
	}
	return files
}

func TestTheModelDiskForgetsWhatIsNotSynced(t *testing.T) {
	dir := fastDir(t)
	d := newModelDisk(t, dir)
	f, err := d.create(filepath.Join(dir, "a"), filePerm)
	if err != nil {
		t.Fatal(err)
	}
	write := func(s string) {
		if _, err := f.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
	}
	write("one")
	if got := d.powerLoss(0, false); len(got) != 0 {
		t.Errorf("a name without syncDir is there: %v", got)
	}
	if err := errors.Join(f.datasync(), d.syncDir(dir)); err != nil {
		t.Fatal(err)
	}
	write("four")
	if got := d.powerLoss(0.5, false); got["a"] != "onefo" {
		t.Errorf("expected a torn file, found %v", got)
	}
	if got, _ := os.ReadFile(filepath.Join(dir, "a")); string(got) != "onefour" {
		t.Errorf("the running system reads %q", got)
	}
	d.failAt = d.steps + 1
	if err := f.datasync(); !errors.Is(err, errInjected) {
		t.Errorf("expected the injected error, found %v", err)
	}
	if err := f.datasync(); err != nil {
		t.Error(err)
	}
	if got := d.powerLoss(0, false); got["a"] != "one" {
		t.Errorf("a sync after a failed one brought back %v", got)
	}
	f.Close()
}
