package crash

import (
	"bytes"
	"fmt"
	"maps"
	"sort"
	"strings"
	"sync"
	"syscall"
)

// Disk is what a file system holds, twice: as the running machine sees it, and as it is after a power loss. Content is durable up to the last sync
// of its file, a name up to the last sync of its folder. It has volumes, the folders under its root, each with faults of its own.
type Disk struct {
	mu    sync.Mutex
	nodes map[uint64]*node
	root  *node
	acks  *node
}

// Volume is one folder under the root.
type Volume struct {
	Name string
	// FailAt is the operation that fails, counted from 1; 0 means none.
	FailAt int
	// After is called after every operation that changed the volume, with the disk locked.
	After func(v *Volume)
	// Acked is called for each acknowledgement, with the disk locked.
	Acked func(v *Volume, ack string)

	Steps  int    // operations so far
	Failed string // the operation that failed, "" while none did
	folder *node
}

type node struct {
	id     uint64
	mode   uint32
	volume *Volume

	content  []byte // of a file, as the running machine reads it
	durable  []byte
	unsynced []write // what content has over durable, in order
	lost     bool    // a sync has failed: the pages count as clean since, no later sync writes them

	names   map[string]*node // of a folder, as the running machine sees it
	kept    map[string]*node
	renamed []naming // what names has over kept, in order
}

// write is one write of a file; with nil bytes a change of its length to at.
type write struct {
	at    int
	bytes []byte
}

// naming is one change of a folder: to names what from named, or what is new; with to "" the name from is gone.
type naming struct {
	from, to string
	node     *node
}

// acksName is a file in the root: what is written there is an acknowledgement, "VOLUME TEXT". It has its place in the order of operations.
const acksName = "acks"

// NewDisk makes an empty disk.
func NewDisk() *Disk {
	d := &Disk{nodes: map[uint64]*node{}}
	d.root = d.add(syscall.S_IFDIR|0o755, nil)
	d.acks = d.add(syscall.S_IFREG|0o644, nil)
	d.root.names[acksName] = d.acks
	return d
}

// Mount adds a volume with files, all durable.
func (d *Disk) Mount(v *Volume, files map[string][]byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	v.folder = d.add(syscall.S_IFDIR|0o755, v)
	d.root.names[v.Name] = v.folder
	for name, content := range files {
		n := d.add(syscall.S_IFREG|0o644, v)
		n.content, n.durable = bytes.Clone(content), bytes.Clone(content)
		v.folder.names[name], v.folder.kept[name] = n, n
	}
}

func (d *Disk) add(mode uint32, v *Volume) *node {
	n := &node{id: uint64(len(d.nodes) + 1), mode: mode, volume: v} // FUSE calls the root 1
	if mode&syscall.S_IFDIR != 0 {
		n.names, n.kept = map[string]*node{}, map[string]*node{}
	}
	d.nodes[n.id] = n
	return n
}

// step runs an operation that changes a volume, or lets it fail. half is what it leaves when it fails.
func (d *Disk) step(n *node, name string, do, half func()) syscall.Errno {
	v := n.volume
	if v == nil {
		return syscall.EPERM
	}
	v.Steps++
	if v.Steps == v.FailAt {
		v.Failed = name
		if half != nil {
			half()
		}
		return syscall.EIO
	}
	do()
	if v.After != nil {
		v.After(v)
	}
	return 0
}

func (d *Disk) create(folder *node, name string, mode uint32) (n *node, errno syscall.Errno) {
	if folder.names[name] != nil {
		return nil, syscall.EEXIST
	}
	errno = d.step(folder, "create", func() {
		n = d.add(syscall.S_IFREG|mode&0o777, folder.volume)
		folder.names[name] = n
		folder.renamed = append(folder.renamed, naming{to: name, node: n})
	}, nil)
	return n, errno
}

func (d *Disk) rename(folder *node, from, to string) syscall.Errno {
	n := folder.names[from]
	if n == nil {
		return syscall.ENOENT
	}
	return d.step(folder, "rename", func() {
		delete(folder.names, from)
		folder.names[to] = n
		folder.renamed = append(folder.renamed, naming{from, to, n})
	}, nil)
}

func (d *Disk) unlink(folder *node, name string) syscall.Errno {
	if folder.names[name] == nil {
		return syscall.ENOENT
	}
	return d.step(folder, "unlink", func() {
		delete(folder.names, name)
		folder.renamed = append(folder.renamed, naming{from: name})
	}, nil)
}

func (d *Disk) write(n *node, at int, b []byte) syscall.Errno {
	if n == d.acks {
		volume, text, _ := strings.Cut(strings.TrimSpace(string(b)), " ")
		if folder := d.root.names[volume]; folder != nil && folder.volume.Acked != nil {
			folder.volume.Acked(folder.volume, text)
		}
		return 0
	}
	put := func(b []byte) {
		w := write{at, bytes.Clone(b)}
		n.content, n.unsynced = w.apply(n.content), append(n.unsynced, w)
	}
	return d.step(n, "write", func() { put(b) }, func() { put(b[:len(b)/2]) })
}

func (d *Disk) truncate(n *node, size int) syscall.Errno {
	return d.step(n, "truncate", func() {
		w := write{at: size}
		n.content, n.unsynced = w.apply(n.content), append(n.unsynced, w)
	}, nil)
}

func (d *Disk) sync(n *node) syscall.Errno {
	return d.step(n, "fsync", func() {
		if !n.lost {
			n.durable, n.unsynced = bytes.Clone(n.content), nil
		}
	}, func() { n.lost = true })
}

func (d *Disk) syncFolder(n *node) syscall.Errno {
	if n == d.root {
		return 0
	}
	return d.step(n, "fsync of the folder", func() { n.kept, n.renamed = maps.Clone(n.names), nil }, nil)
}

// allocate changes nothing that can be read.
func (d *Disk) allocate(n *node) syscall.Errno {
	return d.step(n, "fallocate", func() {}, nil)
}

func (w write) apply(content []byte) []byte {
	end := w.at + len(w.bytes)
	if w.bytes == nil {
		content = content[:min(len(content), end):min(len(content), end)]
	}
	if grow := end - len(content); grow > 0 {
		content = append(content, make([]byte, grow)...)
	}
	copy(content[w.at:], w.bytes)
	return content
}

// loss says what of the unsynced reaches the disk all the same.
type loss struct {
	names []naming // of the folder's changes
	share float64  // of each file's unsynced bytes, 0 to 1; the rest is cut off
	zeros bool     // the rest is not cut off: the length is there, the bytes are zeros
}

// Image is the files of a volume after a power loss.
type Image map[string][]byte

// key is equal for equal images.
func (i Image) key() string {
	var b strings.Builder
	names := make([]string, 0, len(i))
	for name := range i {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintf(&b, "%s %d %s\n", name, len(i[name]), i[name])
	}
	return b.String()
}

// images are the distinct states in which a power loss at this moment can leave the volume. The disk is locked.
func (v *Volume) images() []Image {
	var all []Image
	seen := map[string]bool{}
	for _, names := range v.folder.survivors() {
		for _, l := range []loss{{names, 0, false}, {names, 0.5, false}, {names, 0.999, false}, {names, 1, false}, {names, 0, true}, {names, 0.5, true}} {
			image := v.image(l)
			if key := image.key(); !seen[key] {
				seen[key] = true
				all = append(all, image)
			}
		}
	}
	return all
}

// survivors are the sets of unsynced changes that reach the disk: the oldest so many, as a journal has them, and each by itself, as a file system
// without one may.
func (n *node) survivors() (sets [][]naming) {
	for i := range len(n.renamed) + 1 {
		sets = append(sets, n.renamed[:i])
	}
	for i := 1; i < len(n.renamed); i++ {
		sets = append(sets, n.renamed[i:i+1])
	}
	return sets
}

func (v *Volume) image(l loss) Image {
	names := maps.Clone(v.folder.kept)
	for _, change := range l.names {
		delete(names, change.from)
		if change.to != "" {
			names[change.to] = change.node
		}
	}
	files := Image{}
	for name, n := range names {
		files[name] = n.after(l)
	}
	return files
}

// after is a file's content after a power loss.
func (n *node) after(l loss) []byte {
	total := 0
	for _, w := range n.unsynced {
		total += len(w.bytes)
	}
	content, left := bytes.Clone(n.durable), int(l.share*float64(total))
	for _, w := range n.unsynced {
		torn := write{w.at, w.bytes[:min(left, len(w.bytes)):min(left, len(w.bytes))]}
		left -= len(torn.bytes)
		switch {
		case w.bytes == nil:
			torn.bytes = nil
		case l.zeros:
			torn.bytes = append(torn.bytes, make([]byte, len(w.bytes)-len(torn.bytes))...)
		case len(torn.bytes) == 0:
			return content
		}
		content = torn.apply(content)
	}
	return content
}
