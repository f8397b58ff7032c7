package ledger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// buildSealed writes a closed ledger of n records with a snapshot at every tenth, all full segments sealed.
func buildSealed(t testing.TB, dir string, n int, segmentBytes int64) Head {
	t.Helper()
	l, _ := open(t, dir, Options{SegmentBytes: segmentBytes, Durability: AtSeal, sealing: sealInLine})
	fill(t, l, n)
	if err := errors.Join(l.Close(), l.SealError()); err != nil {
		t.Fatal(err)
	}
	return l.Head()
}

// fill commits records until there are n.
func fill(t testing.TB, l *Ledger, n int) {
	t.Helper()
	for i := int(l.Head().Size); i < n; i++ {
		kind, body := KindTick, fmt.Sprintf(`{"tick":%d,"price":"4242.%03d","why":"the profit guard: -12 is below 0"}`, i, i%1000)
		switch {
		case i == 0:
			kind = KindBoot
		case i%10 == 0:
			kind = KindSnapshot
		}
		if _, err := l.Commit(kind, testMs+int64(i), 1, []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSealedSegmentsAreReadVerifiedProvenAndContinued(t *testing.T) {
	dir := t.TempDir()
	head := buildSealed(t, dir, 95, 2000)
	result, err := Verify(dir, VerifyOptions{Known: head})
	if err != nil {
		t.Fatal(err)
	}
	if result.Head != head || result.Sealed < 5 || result.Sealed != result.Segments-1 || result.Checkpoint.Size != 95 {
		t.Fatalf("%+v", result)
	}
	for from := uint64(0); from < 97; from += 4 {
		if got := records(t, dir, from); len(got) != max(95-int(from), 0) {
			t.Fatalf("scan from %d gave %d records", from, len(got))
		}
	}
	for seq := range uint64(95) {
		p, err := Prove(dir, seq)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseProof(p.Marshal())
		if err != nil {
			t.Fatal(err)
		}
		r, c, err := again.Verify(result.Key)
		if err != nil || r.Seq != seq || c.Size != 95 {
			t.Fatalf("proof of %d: %v", seq, err)
		}
	}
	l, recovery := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine, Known: head})
	if recovery.Head != head || recovery.Snapshot.Seq != 90 || recovery.Boot.Seq != 0 || recovery.Last.Seq != 94 {
		t.Fatalf("%+v", recovery)
	}
	fill(t, l, 140)
	if err := l.Scrub(context.Background(), 1<<40); err != nil {
		t.Fatal(err)
	}
	for old := uint64(0); old <= 140; old += 7 {
		proof, err := l.ProveConsistency(old, 140)
		if err != nil {
			t.Fatal(err)
		}
		at, err := Verify(dir, VerifyOptions{Size: max(old, 1)})
		if err != nil {
			t.Fatal(err)
		}
		if err := CheckConsistency(proof, old, at.Head.Root, 140, l.Head().Root); err != nil {
			t.Fatalf("from %d: %v", old, err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	since, err := Verify(dir, VerifyOptions{SinceMS: testMs + 100})
	if err != nil || since.Head != l.Head() || since.From == 0 || since.From > 100 {
		t.Fatalf("since: %+v, %v", since, err)
	}
}

func TestAMissingTreeFileIsMadeAgain(t *testing.T) {
	dir := t.TempDir()
	head := buildSealed(t, dir, 60, 2000)
	want := contents(t, dir)
	for _, s := range mustList(t, dir).trees {
		if err := os.Remove(filepath.Join(dir, s.name)); err != nil {
			t.Fatal(err)
		}
	}
	var damage *CorruptionError
	if _, err := Verify(dir, VerifyOptions{}); !errors.As(err, &damage) || damage.Problem != "file missing" {
		t.Fatalf("verify: %v", err)
	}
	l, _ := open(t, dir, Options{Known: head, sealing: sealNever})
	l.Close()
	for name, content := range contents(t, dir) {
		if want[name] != content && name != reserveName {
			t.Errorf("%s is not what it was", name)
		}
	}
}

func mustList(t testing.TB, dir string) files {
	t.Helper()
	found, err := listFiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	return found
}
