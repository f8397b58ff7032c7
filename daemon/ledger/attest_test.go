package ledger

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

// opened checks an attestation's signature as any reader of notes would, and returns its text.
func opened(t testing.TB, origin, key, text, signature string) string {
	t.Helper()
	verifier, err := note.NewVerifier(key)
	if err != nil {
		t.Fatal(err)
	}
	n, err := note.Open([]byte(text+"\n— "+origin+" "+signature+"\n"), note.VerifierList(verifier))
	if err != nil {
		t.Fatalf("not signed by %s: %v", key, err)
	}
	return n.Text
}

func TestAnAttestationIsOfAnyDurableSizeAndProvesItFromAnyBefore(t *testing.T) {
	dir := t.TempDir()
	buildSealed(t, dir, 60, 2000) // some in tree files
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	fill(t, l, 70) // some in memory
	recs := records(t, dir, 0)
	for size := uint64(1); size <= 70; size += 13 {
		for from := uint64(0); from <= size; from += 1 + from/5 {
			a, err := l.Attest(size, from)
			if err != nil {
				t.Fatal(err)
			}
			if a.Size != size || a.Origin != l.Origin() || a.Leaf != recs[size-1].Leaf || a.Rotation != "" {
				t.Fatalf("at %d: %+v", size, a)
			}
			opened(t, a.Origin, a.Key, a.Text(), a.Signature)
			before, err := l.Attest(max(from, 1), 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := CheckConsistency(a.Proof, from, before.Root, size, a.Root); err != nil {
				t.Fatalf("from %d to %d: %v", from, size, err)
			}
		}
	}
	for name, c := range map[string]struct{ size, from uint64 }{"nothing": {0, 0}, "more than there is": {71, 0}, "from a greater size": {10, 11}} {
		var bad *RecordError
		if a, err := l.Attest(c.size, c.from); !errors.As(err, &bad) {
			t.Errorf("%s: expected a RecordError, found %+v, %v", name, a, err)
		}
	}
}

func TestNothingIsAttestedThatAPowerLossCouldTakeAway(t *testing.T) {
	l, _ := open(t, t.TempDir(), Options{Durability: AtSeal})
	commit(t, l, KindBoot, 1, ``)
	if a, err := l.Attest(1, 0); err == nil {
		t.Errorf("expected an error, found %+v", a)
	}
}

func TestAKeyIsRotatedByTheWordOfTheOldOne(t *testing.T) {
	dir := t.TempDir()
	buildSealed(t, dir, 60, 2000)
	before, after, err := RotateKey(dir)
	if err != nil {
		t.Fatal(err)
	}
	if key, err := FolderKey(dir); err != nil || key != after || before == after {
		t.Fatalf("expected the new key %s published, found %s, %v", after, key, err)
	}
	l, _ := open(t, dir, Options{SegmentBytes: 2000, sealing: sealInLine})
	fill(t, l, 90)
	a, err := l.Attest(90, 60)
	if err != nil {
		t.Fatal(err)
	}
	if a.Key != after {
		t.Errorf("expected a signature by %s, found %s", after, a.Key)
	}
	opened(t, a.Origin, after, a.Text(), a.Signature)
	if text := opened(t, a.Origin, before, rotationText(a.Origin, after), a.Rotation); !strings.Contains(text, after) {
		t.Errorf("the rotation does not name the new key: %s", text)
	}
	l.Close()
	if _, err := Verify(dir, VerifyOptions{Key: after}); err != nil {
		t.Error(err)
	}
	if _, err := Verify(dir, VerifyOptions{Key: before}); err == nil {
		t.Error("the ledger verifies under the old key still")
	}
	if _, _, err := RotateKey(dir); err != nil {
		t.Fatal(err)
	}
	l, _ = open(t, dir, Options{})
	if b, err := l.Attest(90, 0); err != nil || b.Rotation == a.Rotation || opened(t, b.Origin, after, rotationText(b.Origin, b.Key), b.Rotation) == "" {
		t.Errorf("a second rotation: %+v, %v", b, err)
	}
}

func TestOnlyALedgerThatNobodyHasOpenGetsAnotherKey(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{})
	var locked *LockedError
	if _, _, err := RotateKey(dir); !errors.As(err, &locked) {
		t.Errorf("expected a LockedError, found %v", err)
	}
	l.Close()
	if _, _, err := RotateKey(dir); err == nil {
		t.Error("a ledger without a record: expected an error, found none")
	}
}

// TestARotationThatIsCutShortIsEndedByTheNext fails each step in turn, takes the power, and looks at what the disk has.
func TestARotationThatIsCutShortIsEndedByTheNext(t *testing.T) {
	whole := t.TempDir()
	buildSealed(t, whole, 20, 2000)
	old, err := FolderKey(whole)
	if err != nil {
		t.Fatal(err)
	}
	steps, halfway := 0, 0
	for failAt := 1; ; failAt++ {
		dir := place(t, contents(t, whole))
		d := newModelDisk(t, dir)
		d.failAt = failAt
		if _, _, err := rotateKey(dir, d); err == nil {
			break
		}
		steps++
		for _, newNames := range []bool{false, true} {
			left := place(t, d.powerLoss(1, newNames))
			l, _, err := Open(left, Options{})
			if err == nil {
				l.Close()
			} else if halfway++; !strings.Contains(err.Error(), "rotate-key ends it") {
				t.Fatalf("step %d (%s): %v", failAt, d.failed, err)
			}
			before, after, err := RotateKey(left)
			if err != nil {
				t.Fatalf("step %d (%s): %v", failAt, d.failed, err)
			}
			l, _ = open(t, left, Options{})
			a, err := l.Attest(20, 0)
			if err != nil || a.Key != after || opened(t, a.Origin, before, rotationText(a.Origin, after), a.Rotation) == "" {
				t.Fatalf("step %d (%s): %+v, %v", failAt, d.failed, a, err)
			}
			// The old key's word is there unless the rotation had come to its end, of which only the name was not durable yet.
			if before != old && d.failed != "syncDir" {
				t.Fatalf("step %d (%s): expected the rotation to lead from %s, found %s", failAt, d.failed, old, before)
			}
		}
	}
	if steps < 20 || halfway == 0 {
		t.Errorf("%d steps, %d left halfway: the test shows nothing", steps, halfway)
	}
	t.Logf("%d steps failed, %d of %d left a key to be brought back", steps, halfway, 2*steps)
}
