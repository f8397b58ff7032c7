package ledger

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// syscallDir names, in a child's environment, the ledger that the child writes while strace breaks one of its system calls.
const syscallDir = "LEDGER_SYSCALL_DIR"

// strace counts calls by thread: all of the child's are made by the main one.
func init() {
	if os.Getenv(syscallDir) != "" {
		runtime.LockOSThread()
	}
}

const (
	syscallLives    = 2 // how often the child opens the ledger
	syscallRecords  = 9 // that it commits in each life
	syscallSegments = 1000
)

// syscallChild opens the ledger, commits over several segments, with snapshots, checkpoints and sealing, prunes, closes, and begins again; its
// second life begins with a torn tail. It acknowledges on descriptor 3, by a call that the ledger does not make.
func syscallChild(dir string) {
	acks, at := os.NewFile(3, "acks"), int64(0)
	end := func(err error) {
		fmt.Fprintln(os.Stderr, "error", err)
		os.Exit(3)
	}
	for life := range syscallLives {
		l, recovery, err := Open(dir, Options{SegmentBytes: syscallSegments, sealing: sealInLine})
		if err != nil {
			end(err)
		}
		for n := range syscallRecords {
			kind := KindTick
			switch n {
			case 0:
				kind = KindBoot
			case 2:
				kind = KindSnapshot
			}
			body := fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, life*syscallRecords+n, strings.Repeat("x", n*37%200))
			r, err := l.Commit(kind, testMs, recovery.HighestEpoch+1, body)
			if err != nil {
				end(err)
			}
			written, err := acks.WriteAt(fmt.Appendf(nil, "%d %s\n", r.Seq, r.Leaf), at)
			if err != nil {
				end(err)
			}
			at += int64(written)
		}
		_, err = l.Checkpoint()
		if err == nil && life > 0 {
			_, err = l.Prune(context.Background(), PruneOptions{BeforeMS: testMs + 1, Anchor: Checkpoint{Origin: l.Origin(), Size: l.Head().Size, Root: l.Head().Root}})
		}
		if err = errors.Join(err, l.Close()); err != nil {
			end(err)
		}
		if life == 0 {
			tear(dir)
		}
	}
	os.Exit(0)
}

// tear leaves half a record at the ledger's end, as a crash in mid-write does.
func tear(dir string) {
	names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil || len(names) == 0 {
		panic(fmt.Sprint(names, err))
	}
	f, err := os.OpenFile(names[len(names)-1], os.O_WRONLY, 0)
	if err != nil {
		panic(err)
	}
	info, err := f.Stat()
	if err == nil {
		_, err = f.WriteAt([]byte(tornTail), info.Size())
	}
	if err = errors.Join(err, f.Close()); err != nil {
		panic(err)
	}
}

// changing are the system calls by which a process can change what a file system holds. Those with "?" are not there on every machine.
const changing = "?open,openat,?openat2,?creat,write,writev,pwrite64,?pwritev,?pwritev2,?sendfile,?splice,?copy_file_range," +
	"fsync,fdatasync,?sync,?syncfs,?sync_file_range,?msync,?rename,renameat,?renameat2,?link,linkat,?symlink,symlinkat,?unlink,unlinkat,?rmdir," +
	"?mkdir,mkdirat,truncate,ftruncate,fallocate,?chmod,fchmod,fchmodat,?chown,fchown,fchownat,?setxattr,?fsetxattr,?io_uring_setup"

// faults are what is done to each call of a kind; with "+", to all that follow too: a disk that stays full, or gone.
var faults = map[string][]string{
	openToRead:  {"error=EIO"}, // a kill there is one at the next call that changes something
	"openat":    {"error=EIO", "error=ENOSPC", "signal=SIGKILL"},
	"write":     {"error=EIO", "error=ENOSPC", "error=ENOSPC+", "signal=SIGKILL"},
	"fsync":     {"error=EIO", "error=ENOSPC", "signal=SIGKILL"},
	"fdatasync": {"error=EIO", "error=EIO+", "error=ENOSPC", "signal=SIGKILL"},
	"renameat":  {"error=EIO", "error=ENOSPC", "signal=SIGKILL"},
	"unlinkat":  {"error=EIO", "signal=SIGKILL"},
	"fallocate": {"error=ENOSPC", "error=ENOSPC+", "error=EIO", "signal=SIGKILL"},
	"mkdirat":   {"error=EIO", "error=ENOSPC", "signal=SIGKILL"},
}

// openToRead is openat without O_CREAT.
const openToRead = "openat to read"

// broken is a run of the child with one system call broken.
type broken struct {
	acked map[uint64]Hash
	said  string // on standard error
	trace string // strace's log
	hit   bool   // something was injected
}

// runBroken runs the child on dir. inject is strace's expression, or "" for none.
func runBroken(strace, dir, inject string) (b broken, err error) {
	work, err := os.MkdirTemp(filepath.Dir(dir), "run")
	if err != nil {
		return b, err
	}
	defer os.RemoveAll(work)
	acks, err := os.Create(filepath.Join(work, "acks"))
	if err != nil {
		return b, err
	}
	defer acks.Close()
	self, err := os.Executable()
	if err != nil {
		return b, err
	}
	log := filepath.Join(work, "log")
	args := []string{"-f", "-qq", "-o", log, "-e", "signal=none"}
	if call, _, broken := strings.Cut(inject, ":"); broken {
		args = append(args, "-e", "trace="+call, "-e", "inject="+inject)
	} else {
		args = append(args, "-e", "trace="+changing)
	}
	if !strings.Contains(inject, "signal=") {
		args = append(args, "--seccomp-bpf") // four times as fast, and without effect on a signal
	}
	cmd := exec.Command(strace, append(args, self)...)
	// Without what the runtime does beside the ledger: strace stops for each of its calls too.
	cmd.Env = append(os.Environ(), syscallDir+"="+dir, "GOMAXPROCS=1", "GOGC=off", "GODEBUG=asyncpreemptoff=1")
	cmd.ExtraFiles = []*os.File{acks}
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := cmd.Run(); cmd.ProcessState == nil {
		return b, err
	}
	text, err := os.ReadFile(acks.Name())
	if err != nil {
		return b, err
	}
	trace, err := os.ReadFile(log)
	if err != nil {
		return b, err
	}
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus) // strace ends as its child does
	b = broken{
		acked: map[uint64]Hash{}, said: said.String(), trace: string(trace),
		hit: strings.Contains(string(trace), "(INJECTED)") || status.Signaled() && status.Signal() == syscall.SIGKILL,
	}
	for line := range strings.Lines(string(text)) {
		var seq uint64
		var leaf string
		if _, err := fmt.Sscanf(line, "%d %s\n", &seq, &leaf); err != nil {
			return b, fmt.Errorf("acknowledgement %q: %w", line, err)
		}
		if _, twice := b.acked[seq]; twice {
			return b, fmt.Errorf("record %d acknowledged twice", seq)
		}
		if b.acked[seq], err = ParseHash(leaf); err != nil {
			return b, err
		}
	}
	return b, nil
}

// check opens the ledger after the fault: every acknowledged record is there, none twice, the chain and the signatures hold, and it goes on.
func (b *broken) check(dir string) error {
	l, recovery, err := Open(dir, Options{SegmentBytes: syscallSegments, sealing: sealInLine})
	if err != nil {
		return err
	}
	defer l.Close()
	// Those that were pruned are gone with the word of the signed manifest, and their leaf hashes are there.
	tree, err := l.tree(recovery.Head.Size)
	if err != nil {
		return err
	}
	for seq, leaf := range b.acked {
		if seq >= recovery.Head.Size {
			return fmt.Errorf("acknowledged record %d of %d is lost", seq, recovery.Head.Size)
		}
		if got, err := tree.leaf(seq); err != nil || got != leaf {
			return fmt.Errorf("acknowledged record %d is another: %w", seq, err)
		}
	}
	from := uint64(0)
	for i := range l.entries {
		if l.entries[i].Pruned {
			from = l.entries[i].next()
		}
	}
	seen := map[int]uint64{}
	for r, err := range Scan(dir, from) {
		if err != nil {
			return err
		}
		var body struct{ N *int }
		if err := json.Unmarshal(r.Line, &body); err != nil || body.N == nil {
			return fmt.Errorf("record %d: %w, %s", r.Seq, err, r.Line)
		}
		if first, twice := seen[*body.N]; twice {
			return fmt.Errorf("records %d and %d are the same one", first, r.Seq)
		}
		seen[*body.N] = r.Seq
	}
	kind := KindTick
	if recovery.Head.Size == 0 {
		kind = KindBoot
	}
	if _, err := l.Commit(kind, testMs, recovery.HighestEpoch, nil); err != nil {
		return fmt.Errorf("going on: %w", err)
	}
	if err := l.Close(); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	if result, err := Verify(dir, VerifyOptions{Known: l.Head()}); err != nil || result.Head != l.Head() {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// tracedCall is a line of strace's log: thread, call.
var tracedCall = regexp.MustCompile(`^(\d+) +([a-z0-9_]+)\(`)

// callsOf lists, by kind, the places of a trace's calls among all of that system call: those of its first thread, from the first that names
// dir on.
func callsOf(trace, dir string) map[string][]int {
	calls, counts := map[string][]int{}, map[string]int{}
	thread, begun := "", false
	for line := range strings.Lines(trace) {
		m := tracedCall.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		if thread == "" {
			thread = m[1]
		}
		begun = begun || strings.Contains(line, dir)
		if m[1] != thread {
			continue
		}
		counts[m[2]]++
		kind := m[2]
		if kind == "openat" && !strings.Contains(line, "O_CREAT") {
			kind = openToRead
		}
		if begun {
			calls[kind] = append(calls[kind], counts[m[2]])
		}
	}
	return calls
}

func TestAFaultAtAnySystemCallLosesNothing(t *testing.T) {
	withoutRace(t)
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: system calls are not broken here")
	}
	folder := fastDir(t)
	base := filepath.Join(folder, "base")
	whole, err := runBroken(strace, base, "")
	if err != nil || len(whole.acked) != syscallLives*syscallRecords {
		t.Skipf("strace does not work here: %v, %s", err, whole.said)
	}
	if err := whole.check(base); err != nil {
		t.Fatal(err)
	}
	found, err := openFolder(base)
	if err != nil || len(found.entries) < 4 || !found.entries[0].Pruned {
		t.Fatalf("the run seals and prunes too little: %v, %+v", err, found.entries)
	}
	if kept, err := filepath.Glob(filepath.Join(base, "*"+brokenSuffix)); err != nil || len(kept) != 1 {
		t.Fatalf("the run cuts no torn tail: %v, %v", kept, err)
	}

	// What the child does to the disk is what is broken, and nothing is left out but its acknowledgements and the tail that it tears.
	calls := callsOf(whole.trace, base)
	if acks := len(calls["pwrite64"]); acks != len(whole.acked)+1 {
		t.Fatalf("expected %d acknowledgements, found %d", len(whole.acked)+1, acks)
	}
	delete(calls, "pwrite64")
	for kind := range calls {
		if faults[kind] == nil {
			t.Fatalf("the ledger makes a system call that the test does not break: %s, %d times", kind, len(calls[kind]))
		}
	}
	type point struct{ kind, inject string }
	var points []point
	made := map[string]int{}
	for kind, all := range faults {
		if made[kind] = len(calls[kind]); made[kind] == 0 {
			t.Fatalf("the run makes no call of %s", kind)
		}
		call, _, _ := strings.Cut(kind, " ")
		for _, does := range all {
			does, forever := strings.CutSuffix(does, "+")
			for _, at := range calls[kind] {
				when := fmt.Sprint(at)
				if forever {
					when += "+"
				}
				points = append(points, point{kind, fmt.Sprintf("%s:%s:when=%s", call, does, when)})
			}
		}
	}
	var mu sync.Mutex
	hit, ended, records := map[string]int{}, 0, 0
	try := func(i int, p point) error {
		dir := filepath.Join(folder, fmt.Sprint(i))
		defer os.RemoveAll(dir)
		b, err := runBroken(strace, dir, p.inject)
		if err == nil {
			err = b.check(dir)
		}
		if err != nil {
			return fmt.Errorf("%s: %w\nthe child said: %s", p.inject, err, b.said)
		}
		if !b.hit {
			return fmt.Errorf("%s: nothing was injected", p.inject)
		}
		stopped := len(b.acked) < len(whole.acked)
		if !stopped && p.kind == "fdatasync" {
			return fmt.Errorf("%s: the run went on as if nothing were", p.inject)
		}
		mu.Lock()
		defer mu.Unlock()
		hit[p.kind]++
		records += len(b.acked)
		if stopped {
			ended++
		}
		return nil
	}
	jobs := make(chan int)
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := range jobs {
				if err := try(i, points[i]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range points {
		jobs <- i
	}
	close(jobs)
	workers.Wait()
	t.Logf("the run makes these calls, %d in all, and no other that changes a disk (no link, no ftruncate): %v", sum(made), made)
	t.Logf("%d faults, a run each: %v; %d of them ended the run; %d records acknowledged, 0 lost, 0 doubled", sum(hit), hit, ended, records)
}

func sum(counts map[string]int) (n int) {
	for _, c := range counts {
		n += c
	}
	return n
}

// fastDir is a folder in memory where there is one: for tests of which the disk's own speed is no part.
func fastDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "ledger")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}
