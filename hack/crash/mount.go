package crash

import (
	"sort"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// fileSystem serves a Disk. Nothing is cached by the kernel: every call of the process is one of these.
type fileSystem struct {
	fuse.RawFileSystem
	disk *Disk
}

// MountAt serves the disk at a folder until the server is unmounted.
func MountAt(d *Disk, dir string) (*fuse.Server, error) {
	fs := &fileSystem{fuse.NewDefaultRawFileSystem(), d}
	server, err := fuse.NewServer(fs, dir, &fuse.MountOptions{FsName: "losspower", Name: "losspower", DirectMount: true, DisableReadDirPlus: true, MaxWrite: 1 << 20})
	if err != nil {
		return nil, err
	}
	go server.Serve()
	return server, server.WaitMount()
}

// in locks the disk and finds a node.
func (fs *fileSystem) in(id uint64) (*node, func(), fuse.Status) {
	fs.disk.mu.Lock()
	n := fs.disk.nodes[id]
	if n == nil {
		fs.disk.mu.Unlock()
		return nil, nil, fuse.ENOENT
	}
	return n, fs.disk.mu.Unlock, fuse.OK
}

func (n *node) attributes(a *fuse.Attr) {
	a.Ino, a.Mode, a.Nlink, a.Size, a.Blksize = n.id, n.mode, 1, uint64(len(n.content)), 4096
}

func (n *node) entry(out *fuse.EntryOut) {
	out.NodeId = n.id
	n.attributes(&out.Attr)
}

func (fs *fileSystem) Lookup(_ <-chan struct{}, h *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	n, unlock, status := fs.in(h.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	child := n.names[name]
	if child == nil {
		return fuse.ENOENT
	}
	child.entry(out)
	return fuse.OK
}

func (fs *fileSystem) GetAttr(_ <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	n.attributes(&out.Attr)
	return fuse.OK
}

func (fs *fileSystem) SetAttr(_ <-chan struct{}, in *fuse.SetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	if size, ok := in.GetSize(); ok {
		if errno := fs.disk.truncate(n, int(size)); errno != 0 {
			return fuse.Status(errno)
		}
	}
	n.attributes(&out.Attr)
	return fuse.OK
}

func (fs *fileSystem) Create(_ <-chan struct{}, in *fuse.CreateIn, name string, out *fuse.CreateOut) fuse.Status {
	folder, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	n, errno := fs.disk.create(folder, name, in.Mode)
	if errno != 0 {
		return fuse.Status(errno)
	}
	n.entry(&out.EntryOut)
	out.OpenFlags = fuse.FOPEN_DIRECT_IO
	return fuse.OK
}

func (fs *fileSystem) Unlink(_ <-chan struct{}, h *fuse.InHeader, name string) fuse.Status {
	folder, unlock, status := fs.in(h.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	return fuse.Status(fs.disk.unlink(folder, name))
}

func (fs *fileSystem) Rename(_ <-chan struct{}, in *fuse.RenameIn, from, to string) fuse.Status {
	folder, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	if in.Newdir != in.NodeId || in.Flags != 0 {
		return fuse.Status(syscall.ENOTSUP)
	}
	return fuse.Status(fs.disk.rename(folder, from, to))
}

func (fs *fileSystem) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	_, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	unlock()
	out.OpenFlags = fuse.FOPEN_DIRECT_IO
	return fuse.OK
}

func (fs *fileSystem) Read(_ <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return nil, status
	}
	defer unlock()
	at := min(int(in.Offset), len(n.content))
	return fuse.ReadResultData(buf[:copy(buf, n.content[at:])]), fuse.OK
}

func (fs *fileSystem) Write(_ <-chan struct{}, in *fuse.WriteIn, data []byte) (uint32, fuse.Status) {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return 0, status
	}
	defer unlock()
	at := int(in.Offset)
	if in.Flags&syscall.O_APPEND != 0 {
		at = len(n.content)
	}
	return uint32(len(data)), fuse.Status(fs.disk.write(n, at, data))
}

func (fs *fileSystem) Fallocate(_ <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	return fuse.Status(fs.disk.allocate(n))
}

func (fs *fileSystem) Fsync(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	return fuse.Status(fs.disk.sync(n))
}

func (fs *fileSystem) FsyncDir(_ <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	return fuse.Status(fs.disk.syncFolder(n))
}

// Flush is what a close asks for; it brings nothing to the disk.
func (fs *fileSystem) Flush(<-chan struct{}, *fuse.FlushIn) fuse.Status { return fuse.OK }

func (fs *fileSystem) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, _ *fuse.OpenOut) fuse.Status {
	_, unlock, status := fs.in(in.NodeId)
	if status == fuse.OK {
		unlock()
	}
	return status
}

func (fs *fileSystem) ReadDir(_ <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	n, unlock, status := fs.in(in.NodeId)
	if status != fuse.OK {
		return status
	}
	defer unlock()
	names := make([]string, 0, len(n.names))
	for name := range n.names {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names[min(int(in.Offset), len(names)):] {
		child := n.names[name]
		if !out.AddDirEntry(fuse.DirEntry{Name: name, Mode: child.mode, Ino: child.id}) {
			break
		}
	}
	return fuse.OK
}

func (fs *fileSystem) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	out.Bsize, out.Frsize, out.Blocks, out.Bfree, out.Bavail, out.NameLen = 4096, 4096, 1<<20, 1<<20, 1<<20, 255
	return fuse.OK
}
