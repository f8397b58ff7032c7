package ledger

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// syscallDir names, in a child's environment, the ledger that the child writes while strace breaks one of its system calls.
const syscallDir = "LEDGER_SYSCALL_DIR"

// syscallsAll in the environment makes the test try every call, not a sample.
const syscallsAll = "LEDGER_SYSCALLS"

// syscallChild opens the ledger, commits over several segments, with snapshots and sealing, and closes it. Everything is done
// by one thread, because strace counts calls by thread.
func syscallChild(dir string) {
	runtime.LockOSThread()
	l, recovery, err := Open(dir, Options{SegmentBytes: 2500, sealing: sealInLine})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(3)
	}
	epoch := recovery.HighestEpoch + 1
	for n := range 40 {
		kind := KindTick
		if n == 0 {
			kind = KindBoot
		} else if n%10 == 0 {
			kind = KindSnapshot
		}
		r, err := l.Commit(kind, testMs, epoch, fmt.Appendf(nil, `{"n":%d,"pad":"%s"}`, n, strings.Repeat("x", n*37%200)))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(3)
		}
		fmt.Println("ack", r.Seq, r.Leaf)
	}
	if err := l.Close(); err != nil {
		fmt.Println("error", err)
		os.Exit(3)
	}
	os.Exit(0)
}

// faults are what is done to each call of a kind.
var faults = []struct {
	call string
	does []string
}{
	{"openat", []string{"error=EIO", "error=ENOSPC", "signal=SIGKILL"}},
	{"write", []string{"error=EIO", "error=ENOSPC", "signal=SIGKILL"}},
	{"fsync", []string{"error=EIO", "signal=SIGKILL"}},
	{"fdatasync", []string{"error=EIO", "signal=SIGKILL"}},
	{"renameat", []string{"error=EIO", "error=ENOSPC", "signal=SIGKILL"}},
	{"unlinkat", []string{"error=EIO", "signal=SIGKILL"}},
	{"fallocate", []string{"error=ENOSPC", "error=EIO", "signal=SIGKILL"}},
}

// runBroken runs the child on dir, one system call broken, and returns what it acknowledged. inject is strace's expression, or "" for none.
func runBroken(t *testing.T, strace, dir, inject, log string) (acked map[uint64]Hash, out string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"-f", "-qq", "-o", log, "-e", "trace=openat,write,fsync,fdatasync,renameat,unlinkat,fallocate"}
	if inject != "" {
		args = append(args, "-e", "inject="+inject)
	}
	cmd := exec.Command(strace, append(args, self)...)
	cmd.Env = append(os.Environ(), syscallDir+"="+dir)
	var stdout bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stdout
	if err := cmd.Run(); cmd.ProcessState == nil {
		t.Fatal(err)
	}
	acked = map[uint64]Hash{}
	for line := range strings.Lines(stdout.String()) {
		var seq uint64
		var leaf string
		if n, _ := fmt.Sscanf(line, "ack %d %s\n", &seq, &leaf); n != 2 || len(leaf) != 64 {
			continue
		}
		if _, twice := acked[seq]; twice {
			t.Fatalf("%s: record %d acknowledged twice", inject, seq)
		}
		if acked[seq], err = ParseHash(leaf); err != nil {
			t.Fatal(err)
		}
	}
	return acked, stdout.String()
}

// checkBroken opens the ledger after the fault: every acknowledged record is there, the chain and the signatures hold, and it goes on.
func checkBroken(t *testing.T, dir, when string, acked map[uint64]Hash, out string) {
	t.Helper()
	l, recovery, err := Open(dir, Options{SegmentBytes: 2500, sealing: sealInLine})
	if err != nil {
		t.Fatalf("%s: %v\nthe child said: %s", when, err, out)
	}
	leaves := map[uint64]Hash{}
	for r, err := range Scan(dir, 0) {
		if err != nil {
			t.Fatalf("%s: %v", when, err)
		}
		leaves[r.Seq] = r.Leaf
	}
	for seq, leaf := range acked {
		if leaves[seq] != leaf {
			t.Fatalf("%s: acknowledged record %d is lost or another", when, seq)
		}
	}
	kind := KindTick
	if recovery.Head.Size == 0 {
		kind = KindBoot
	}
	if _, err := l.Commit(kind, testMs, recovery.HighestEpoch, nil); err != nil {
		t.Fatalf("%s: going on: %v", when, err)
	}
	if err := l.Close(); err != nil {
		t.Fatalf("%s: %v", when, err)
	}
	if result, err := Verify(dir, VerifyOptions{Known: l.Head()}); err != nil || result.Head != l.Head() {
		t.Fatalf("%s: %v", when, err)
	}
}

func TestAFaultAtAnySystemCallLosesNothing(t *testing.T) {
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not installed: system calls are not broken here")
	}
	log := filepath.Join(t.TempDir(), "strace.log")
	base := filepath.Join(t.TempDir(), "ledger")
	acked, out := runBroken(t, strace, base, "", log)
	if len(acked) != 40 {
		t.Skipf("strace does not work here: %s", out)
	}
	checkBroken(t, base, "without a fault", acked, out)
	trace, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	points, broken, records := 0, 0, 0
	counts := map[string]int{}
	for _, fault := range faults {
		calls := bytes.Count(trace, []byte(" "+fault.call+"("))
		if calls == 0 {
			t.Fatalf("the run makes no call of %s", fault.call)
		}
		stride := max(calls/4, 1)
		if os.Getenv(syscallsAll) == "all" {
			stride = 1
		}
		for _, does := range fault.does {
			for at := 1; at <= calls; at += stride {
				dir := filepath.Join(t.TempDir(), "ledger")
				inject := fmt.Sprintf("%s:%s:when=%d", fault.call, does, at)
				acked, out := runBroken(t, strace, dir, inject, log)
				checkBroken(t, dir, inject, acked, out)
				// A call of the runtime's own may be the one, or one of sealing, which is tried again. Of a commit's sync neither is so.
				if len(acked) < 40 {
					broken++
				} else if fault.call == "fdatasync" {
					t.Fatalf("%s: the run went on as if nothing were", inject)
				}
				points++
				records += len(acked)
				counts[fault.call]++
				os.RemoveAll(dir)
			}
		}
	}
	t.Logf("%d faults injected %v, %d of them ended the run, %d records acknowledged, none lost", points, counts, broken, records)
}
