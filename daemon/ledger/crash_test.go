package ledger

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// crashDir names, in a child's environment, the ledger that the child writes until it is killed.
const crashDir = "LEDGER_CRASH_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		crashChild(dir)
	}
	if dir := os.Getenv(syscallDir); dir != "" {
		syscallChild(dir)
	}
	os.Exit(m.Run())
}

// crashChild commits records of many sizes and acknowledges each on its standard output. It never returns.
func crashChild(dir string) {
	l, recovery, err := Open(dir, Options{SegmentBytes: 20_000})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	epoch := recovery.HighestEpoch + 1
	kind := KindBoot
	for n := 0; ; n++ {
		body := fmt.Sprintf(`{"pad":"%s"}`, strings.Repeat("x", n*997%3000))
		r, err := l.Commit(kind, testMs, epoch, []byte(body))
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		fmt.Println(r.Seq, r.Leaf)
		kind = KindTick
	}
}

func TestAKilledWriterLosesNothingItAcknowledged(t *testing.T) {
	withoutRace(t)
	const rounds = 50
	dir := fastDir(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	acked := map[uint64]Hash{}
	torn := 0
	for round := range rounds {
		child := exec.Command(self)
		child.Env = append(os.Environ(), crashDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		// The kill comes at a random record and, since the child does not wait for us, at any point of the next ones.
		lines := bufio.NewReader(out)
		for left := rand.IntN(30); ; left-- {
			line, err := lines.ReadString('\n')
			if errors.Is(err, io.EOF) {
				break // what it wrote before the kill is read to the end
			}
			var seq uint64
			var leaf string
			if _, err := fmt.Sscan(line, &seq, &leaf); err != nil {
				child.Process.Kill()
				t.Fatalf("round %d: the child said %q", round, line)
			}
			if _, twice := acked[seq]; twice {
				t.Fatalf("round %d: record %d acknowledged twice", round, seq)
			}
			if acked[seq], err = ParseHash(leaf); err != nil {
				t.Fatal(err)
			}
			if left == 0 {
				child.Process.Kill()
			}
		}
		child.Wait()

		found := map[uint64]Hash{}
		for r, err := range Scan(dir, 0) {
			if err != nil {
				t.Fatalf("round %d: %v", round, err)
			}
			found[r.Seq] = r.Leaf
		}
		for seq, leaf := range acked {
			if found[seq] != leaf {
				t.Fatalf("round %d: acknowledged record %d is lost or another", round, seq)
			}
		}
		if result, err := Verify(dir, VerifyOptions{}); err != nil {
			t.Fatalf("round %d: %v", round, err)
		} else if result.TornTail != nil {
			torn++
		}
	}
	l, recovery := open(t, dir, Options{})
	l.Close()
	if recovery.HighestEpoch != rounds {
		t.Errorf("expected %d epochs, found %d", rounds, recovery.HighestEpoch)
	}
	t.Logf("%d rounds, %d records acknowledged, %d in the ledger, %d torn tails, %d segments",
		rounds, len(acked), recovery.Head.Size, torn, recovery.Segments)
}

// The real disk's errors reach Commit: here, a descriptor that is closed under the ledger.
func TestAnErrorOfTheRealDiskPoisons(t *testing.T) {
	for _, durability := range []Durability{Always, AtSeal} {
		l, _ := open(t, t.TempDir(), Options{Durability: durability})
		commit(t, l, KindBoot, 1, ``)
		head := l.Head()
		l.out.Close()
		if _, err := l.Commit(KindTick, testMs, 1, nil); !errors.Is(err, ErrPoisoned) || !errors.Is(err, os.ErrClosed) {
			t.Errorf("durability %d: %v", durability, err)
		}
		if l.Head() != head {
			t.Errorf("durability %d: the head moved", durability)
		}
	}
	f, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	if err := (osFile{f}).datasync(); err == nil {
		t.Errorf("datasync of a closed file succeeded")
	}
}
