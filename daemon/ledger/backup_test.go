package ledger

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

func TestABackupOfARunningLedgerIsWholeAndARestoreIsAnotherLineage(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{SegmentBytes: 10_000})
	fill(t, l, 40)
	// Commits go on while copies are taken.
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for n := 41; ; n++ {
			select {
			case <-stop:
				return
			default:
				fill(t, l, n)
			}
		}
	}()
	var copies []string
	for range 8 {
		least := l.Head()
		out := filepath.Join(t.TempDir(), "copy")
		result, err := Backup(dir, out, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Verify(out, VerifyOptions{Known: least}); err != nil || result.Head.Size < least.Size {
			t.Fatalf("the copy has %d records of %d: %v", result.Head.Size, least.Size, err)
		}
		if exists(filepath.Join(out, keyName)) {
			t.Fatal("the signing key is in the copy")
		}
		copies = append(copies, out)
	}
	close(stop)
	<-ended
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	original, err := Verify(dir, VerifyOptions{})
	if err != nil {
		t.Fatal(err)
	}

	origins := map[string]bool{original.Origin: true}
	for range 2 {
		back := filepath.Join(t.TempDir(), "back")
		founded, head, err := Restore(copies[0], back, testMs, nil)
		if err != nil {
			t.Fatal(err)
		}
		if founded.Origin != original.Origin || head.Size != founded.Size+1 {
			t.Fatalf("%+v, head %+v", founded, head)
		}
		result, err := Verify(back, VerifyOptions{Known: Head{Size: founded.Size, Root: founded.Root, Leaf: founded.Leaf}})
		if err != nil || result.Checkpoint == nil {
			t.Fatalf("%+v, %v", result, err)
		}
		if origins[result.Origin] {
			t.Fatal("two lineages have one origin")
		}
		origins[result.Origin] = true
		if _, err := Verify(back, VerifyOptions{Key: original.Key}); !errors.As(err, new(*SignatureError)) {
			t.Errorf("it passes under the original's key: %v", err)
		}
		if _, err := Verify(back, VerifyOptions{Known: original.Head}); !errors.As(err, new(*CorruptionError)) {
			t.Errorf("it passes as the original: %v", err)
		}
		again, recovery := open(t, back, Options{SegmentBytes: 2000, sealing: sealInLine})
		if recovery.Head != head || recovery.Origin != result.Origin {
			t.Fatalf("%+v", recovery)
		}
		fill(t, again, int(head.Size)+30)
		again.Close()
		if after, err := Verify(back, VerifyOptions{Known: head}); err != nil || after.Origin != result.Origin {
			t.Fatalf("going on: %+v, %v", after, err)
		}
	}
}

func TestRepairMendsWhatItCanProveAndNothingElse(t *testing.T) {
	dir, copied := t.TempDir(), filepath.Join(t.TempDir(), "copy")
	head := buildSealed(t, dir, 95, 2000)
	if _, err := Backup(dir, copied, nil); err != nil {
		t.Fatal(err)
	}
	found := mustList(t, dir)
	flip := func(dir, name string) {
		t.Helper()
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		b[len(b)/2] ^= 4
		if err := errors.Join(os.Remove(path), os.WriteFile(path, b, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	flip(dir, found.trees[1].name)
	flip(dir, found.packed[2].name)
	flip(dir, found.packed[3].name)
	if done, err := Repair(dir, "", nil); !errors.As(err, new(*CorruptionError)) || len(done.Segments) > 0 {
		t.Fatalf("without a backup: %+v, %v", done, err)
	}
	done, err := Repair(dir, copied, nil)
	if err != nil || len(done.Segments) != 2 || done.Head != head {
		t.Fatalf("%+v, %v", done, err)
	}
	if result, err := Verify(dir, VerifyOptions{Known: head}); err != nil || result.Head != head {
		t.Fatal(err)
	}

	flip(dir, found.packed[1].name)
	flip(copied, found.packed[1].name)
	if done, err := Repair(dir, copied, nil); !errors.As(err, new(*CorruptionError)) || len(done.Segments) > 0 {
		t.Fatalf("from a damaged backup: %+v, %v", done, err)
	}
}
