package crash

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

const (
	segmentBytes = 1500
	records      = 14 // committed in each life
	unixMilli    = 1767225600000
)

// childMount names, in a child's environment, the mounted disk; its arguments are numbers of lives and volumes to live them on. The child is a process of its own, so that
// it is not the one that serves its own disk.
const childMount = "CRASH_CHILD_MOUNT"

func TestMain(m *testing.M) {
	mount := os.Getenv(childMount)
	if mount == "" {
		os.Exit(m.Run())
	}
	acks, err := os.OpenFile(filepath.Join(mount, acksName), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		panic(err)
	}
	for _, arg := range os.Args[1:] {
		var lives int
		var volume string
		if _, err := fmt.Sscanf(arg, "%d:%s", &lives, &volume); err != nil {
			panic(err)
		}
		say := func(format string, args ...any) {
			if _, err := fmt.Fprintf(acks, volume+" "+format+"\n", args...); err != nil {
				panic(err)
			}
		}
		// Of the first life any step may fail, and of those that follow none: it is another process on the same machine.
		err := live(filepath.Join(mount, volume), say)
		for range lives - 1 {
			say("again %v", err)
			if err = live(filepath.Join(mount, volume), say); err != nil {
				say("failed %v", err)
				break
			}
		}
		say("again %v", err)
	}
	os.Exit(0)
}

// live is one life of a ledger: it opens, commits over several segments with snapshots and checkpoints, prunes what the last life left, and
// closes. Full segments are sealed beside it.
func live(dir string, say func(format string, args ...any)) (err error) {
	l, recovery, err := ledger.Open(dir, ledger.Options{SegmentBytes: segmentBytes})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	anchor, err := l.Checkpoint()
	if err != nil {
		return err
	}
	if anchor != nil {
		say("open %d %s", recovery.Head.Size, recovery.Head.Root)
		kept := ledger.Checkpoint{Origin: recovery.Origin, Size: recovery.Head.Size, Root: recovery.Head.Root}
		if _, err := l.Prune(context.Background(), ledger.PruneOptions{BeforeMS: unixMilli + 1, Anchor: kept}); err != nil {
			return err
		}
	}
	for n := range records {
		kind := ledger.KindTick
		switch n {
		case 0:
			kind = ledger.KindBoot
		case 6, 11:
			kind = ledger.KindSnapshot
		}
		// What a record says is said once: its epoch and number.
		body := fmt.Sprintf(`{"what":"%d.%d","pad":"%s"}`, recovery.HighestEpoch+1, n, strings.Repeat("x", n*67%300))
		say("commit")
		r, err := l.Commit(kind, unixMilli, recovery.HighestEpoch+1, []byte(body))
		if err != nil {
			return err
		}
		say("ack %d %s", r.Seq, r.Leaf)
	}
	return nil
}

// owed is what a ledger owes to who was told of it.
type owed struct {
	leaves   []ledger.Hash // of the acknowledged records, by sequence number; zero where none was
	head     ledger.Head   // known outside: what an opened ledger said of itself
	inFlight bool          // a Commit has begun and not returned
	mayFail  bool          // the first life may end with an error
}

// told takes up an acknowledgement.
func (o *owed) told(ack string) error {
	word, rest, _ := strings.Cut(ack, " ")
	switch word {
	case "commit":
		o.inFlight = true
	case "again":
		if rest != "<nil>" && !o.mayFail {
			return errors.New(ack)
		}
	case "ack", "open":
		var n uint64
		var text string
		if _, err := fmt.Sscan(rest, &n, &text); err != nil {
			return fmt.Errorf("%q: %w", ack, err)
		}
		h, err := ledger.ParseHash(text)
		if err != nil {
			return err
		}
		o.inFlight = false
		if word == "open" {
			// What was in flight is now reported, and so as good as acknowledged.
			if n < uint64(len(o.leaves)) {
				return fmt.Errorf("opened with %d records of %d", n, len(o.leaves))
			}
			o.head = ledger.Head{Size: n, Root: h}
			o.leaves = append(o.leaves, make([]ledger.Hash, n-uint64(len(o.leaves)))...)
			return nil
		}
		if n > uint64(len(o.leaves)) {
			return fmt.Errorf("record %d was acknowledged after %d", n, len(o.leaves))
		}
		if n == uint64(len(o.leaves)) {
			o.leaves = append(o.leaves, ledger.Hash{})
		}
		if !o.leaves[n].IsZero() {
			return fmt.Errorf("record %d was acknowledged twice", n)
		}
		o.leaves[n] = h
	case "failed":
		return errors.New(ack)
	}
	return nil
}

func (o *owed) clone() owed {
	c := *o
	c.leaves = append([]ledger.Hash(nil), o.leaves...)
	return c
}

// check opens the image of a ledger: everything acknowledged is there, at most one record more, none twice, chain and signatures hold, and it
// goes on.
func (o *owed) check(image Image) error {
	dir, err := os.MkdirTemp("/dev/shm", "image")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	for name, content := range image {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	l, recovery, err := ledger.Open(dir, ledger.Options{SegmentBytes: segmentBytes, Known: o.head})
	if err != nil {
		return err
	}
	defer l.Close()
	size, least := recovery.Head.Size, uint64(len(o.leaves))
	if size < least {
		return fmt.Errorf("%d records acknowledged, %d found", least, size)
	}
	most := least
	if o.inFlight {
		most++
	}
	if size > most {
		return fmt.Errorf("%d records acknowledged, in flight %v, %d found", least, o.inFlight, size)
	}
	if err := o.read(l, dir, recovery.Head); err != nil {
		return err
	}
	kind := ledger.KindTick
	if size == 0 {
		kind = ledger.KindBoot
	}
	if _, err := l.Commit(kind, unixMilli, recovery.HighestEpoch, nil); err != nil {
		return fmt.Errorf("going on: %w", err)
	}
	if err := errors.Join(l.Close(), l.SealError()); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	if result, err := ledger.Verify(dir, ledger.VerifyOptions{Known: l.Head()}); err != nil || result.Head != l.Head() {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// read holds every record against what was acknowledged; of those that were pruned, the tree.
func (o *owed) read(l *ledger.Ledger, dir string, head ledger.Head) error {
	said := map[string]uint64{}
	for from := uint64(0); from < head.Size; {
		for r, err := range ledger.Scan(dir, from) {
			var pruned *ledger.PrunedError
			if errors.As(err, &pruned) {
				if err := o.prove(l, head, pruned.From, pruned.To); err != nil {
					return err
				}
				from = pruned.To
				break
			}
			if err != nil {
				return err
			}
			if r.Seq < uint64(len(o.leaves)) && !o.leaves[r.Seq].IsZero() && o.leaves[r.Seq] != r.Leaf {
				return fmt.Errorf("record %d was acknowledged as %s and is %s", r.Seq, o.leaves[r.Seq], r.Leaf)
			}
			what, _, _ := strings.Cut(string(r.Body()), ",")
			if first, twice := said[what]; twice {
				return fmt.Errorf("records %d and %d both say %s", first, r.Seq, what)
			}
			said[what], from = r.Seq, r.Seq+1
		}
	}
	return nil
}

// prove shows that the acknowledged records of a pruned part are in the tree.
func (o *owed) prove(l *ledger.Ledger, head ledger.Head, from, to uint64) error {
	for seq := from; seq < min(to, uint64(len(o.leaves))); seq++ {
		if o.leaves[seq].IsZero() {
			continue
		}
		proof, err := l.ProveInclusion(seq, head.Size)
		if err == nil {
			err = ledger.CheckInclusion(proof, head.Size, head.Root, seq, o.leaves[seq])
		}
		if err != nil {
			return fmt.Errorf("record %d was acknowledged and is not in the tree: %w", seq, err)
		}
	}
	return nil
}

// checks runs checks of images beside the run that makes them.
type checks struct {
	t       *testing.T
	jobs    chan func() error
	workers sync.WaitGroup
	mu      sync.Mutex
	images  int
	failed  int
}

func newChecks(t *testing.T) *checks {
	c := &checks{t: t, jobs: make(chan func() error, 1<<16)}
	for range runtime.GOMAXPROCS(0) {
		c.workers.Go(func() {
			for job := range c.jobs {
				if err := job(); err != nil {
					c.mu.Lock()
					if c.failed++; c.failed <= 10 {
						t.Error(err)
					}
					c.mu.Unlock()
				}
			}
		})
	}
	return c
}

func (c *checks) add(when string, image Image, o owed) {
	c.mu.Lock()
	c.images++
	c.mu.Unlock()
	c.jobs <- func() error {
		if err := o.check(image); err != nil {
			names := []string{}
			for name, content := range image {
				names = append(names, fmt.Sprintf("%s (%d bytes)", name, len(content)))
			}
			return fmt.Errorf("%s: %w\nwith %d acknowledged, in flight %v, files %v", when, err, len(o.leaves), o.inFlight, names)
		}
		return nil
	}
}

func (c *checks) wait() {
	close(c.jobs)
	c.workers.Wait()
}

// mounted serves a disk, and skips where that cannot be done.
func mounted(t *testing.T) (*Disk, string) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("not root: a file system that loses power cannot be mounted here")
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		t.Skip("this machine has no FUSE: ", err)
	}
	d, dir := NewDisk(), t.TempDir()
	server, err := MountAt(d, dir)
	if err != nil {
		t.Skip("FUSE cannot be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := server.Unmount(); err != nil {
			t.Error(err)
		}
	})
	return d, dir
}

// runChild lives on the volumes, one after the other.
func runChild(t *testing.T, mount string, lives int, volumes ...*Volume) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.Command(self)
	for _, v := range volumes {
		child.Args = append(child.Args, fmt.Sprintf("%d:%s", lives, v.Name))
	}
	child.Env = append(os.Environ(), childMount+"="+mount)
	if out, err := child.CombinedOutput(); err != nil {
		t.Fatalf("the child: %v\n%s", err, out)
	}
}

// watched is a volume whose every operation is a moment at which the power can go.
func watched(t *testing.T, c *checks, name string, o owed, took func(Image, owed)) *Volume {
	seen := map[string]bool{}
	v := &Volume{Name: name}
	v.After = func(v *Volume) {
		for _, image := range v.images() {
			// Two losses that leave the same and owe the same are one.
			key := fmt.Sprint(image.key(), len(o.leaves), o.inFlight, o.head.Size)
			if seen[key] {
				continue
			}
			seen[key] = true
			c.add(fmt.Sprintf("power loss in %s after step %d", name, v.Steps), image, o.clone())
			if took != nil {
				took(image, o.clone())
			}
		}
	}
	v.Acked = func(_ *Volume, ack string) {
		if err := o.told(ack); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	return v
}

func TestAPowerLossAtAnyOperationLosesNothing(t *testing.T) {
	d, mount := mounted(t)
	c := newChecks(t)
	type start struct {
		image Image
		owed  owed
	}
	var starts []start
	first := watched(t, c, "new", owed{}, func(i Image, o owed) { starts = append(starts, start{i, o}) })
	d.Mount(first, nil)
	runChild(t, mount, 3, first)

	// What a power loss left is opened, and the power goes again while that is being mended.
	const again = 12
	var volumes []*Volume
	for n := range again {
		s := starts[n*len(starts)/again]
		v := watched(t, c, fmt.Sprintf("again-%d", n), s.owed, nil)
		d.Mount(v, s.image)
		volumes = append(volumes, v)
	}
	runChild(t, mount, 1, volumes...)
	c.wait()
	steps := first.Steps
	for _, v := range volumes {
		steps += v.Steps
	}
	if t.Failed() {
		return
	}
	t.Logf("%d operations on %d volumes, %d distinct states that a power loss leaves; 0 acknowledged records lost, 0 doubled", steps, 1+again, c.images)
}

func TestAFailedOperationAndAPowerLossLoseNothing(t *testing.T) {
	d, mount := mounted(t)
	probe := &Volume{Name: "probe"}
	d.Mount(probe, nil)
	runChild(t, mount, 1, probe)
	steps := probe.Steps

	c := newChecks(t)
	var volumes []*Volume
	failed := map[string]int{}
	for at := 1; at <= steps; at++ {
		o := owed{mayFail: true}
		v := &Volume{Name: fmt.Sprintf("fail-%d", at), FailAt: at}
		v.Acked = func(v *Volume, ack string) {
			if err := o.told(ack); err != nil {
				t.Errorf("%s failed at step %d: %v", v.Failed, at, err)
			}
			// The next life has opened what the failure left: what it says of it must survive a power loss right after.
			if strings.HasPrefix(ack, "open") || strings.HasPrefix(ack, "again") {
				for _, image := range v.images() {
					c.add(fmt.Sprintf("%q failed at step %d, then %s, then a power loss", v.Failed, at, ack), image, o.clone())
				}
			}
		}
		d.Mount(v, nil)
		volumes = append(volumes, v)
	}
	runChild(t, mount, 2, volumes...)
	c.wait()
	for _, v := range volumes {
		failed[v.Failed]++
	}
	delete(failed, "") // the sealer runs beside: a run can have a step less
	if t.Failed() {
		return
	}
	t.Logf("%d operations failed, a run each: %v; %d states of a power loss after that; 0 acknowledged records lost, 0 doubled", sum(failed), failed, c.images)
	if sum(failed) < steps*9/10 {
		t.Errorf("expected about %d failures, found %d", steps, sum(failed))
	}
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}
