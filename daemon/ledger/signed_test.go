package ledger

import (
	"bytes"
	"crypto/ed25519"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/sys/unix"
)

func testKey(seed byte) signingKey {
	return signingKey{ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, 32))}
}

func verifierKey(t testing.TB, k signingKey, origin string) string {
	t.Helper()
	key, err := k.verifierKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// What is signed here is what sumdb's own signer would sign under the same name: any reader of notes checks it.
func TestASignatureIsTheOneOfSumdb(t *testing.T) {
	origin := Origin(Hash{1})
	k := testKey(1)
	verifier, err := note.NewVerifier(verifierKey(t, k, origin))
	if err != nil {
		t.Fatal(err)
	}
	if got := k.signer(origin).KeyHash(); got != verifier.KeyHash() {
		t.Errorf("key hash: expected %08x, found %08x", verifier.KeyHash(), got)
	}
	c := Checkpoint{Origin: origin, Size: 7, Root: Hash{2}}
	signed, err := c.sign(k)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseCheckpoint(signed, verifierKey(t, k, origin)); err != nil || got != c {
		t.Errorf("%+v, %v", got, err)
	}
	for name, key := range map[string]string{
		"another key": verifierKey(t, testKey(2), origin), "another origin": verifierKey(t, k, Origin(Hash{3})), "no key": "", "half a key": origin,
	} {
		var bad *SignatureError
		if _, err := ParseCheckpoint(signed, key); !errors.As(err, &bad) || bad.Expected == "" || bad.Found == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	back, err := parseSigningKey(k.text())
	if err != nil || !back.private.Equal(k.private) {
		t.Error(err)
	}
}

// FuzzCheckpoint: what is accepted has the signed text's one spelling.
func FuzzCheckpoint(f *testing.F) {
	origin := Origin(Hash{1})
	k := testKey(1)
	key := verifierKey(f, k, origin)
	c := Checkpoint{Origin: origin, Size: 7, Root: Hash{2}}
	signed, err := c.sign(k)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed, c.text())
	f.Add([]byte("a\n1\n\n"), "a\n01\nAAAA\n")
	f.Fuzz(func(t *testing.T, signed []byte, text string) {
		if got, err := ParseCheckpoint(signed, key); err == nil && got != c {
			t.Fatalf("a checkpoint that nobody signed: %+v", got)
		}
		if got, err := parseCheckpointText(text); err == nil && got.text() != text {
			t.Fatalf("%q is read as %+v, which is written otherwise", text, got)
		}
	})
}

// FuzzProof: what parses is written as it was, and only a proof of the record verifies.
func FuzzProof(f *testing.F) {
	dir := f.TempDir()
	buildSealed(f, dir, 45, 2000)
	key, err := FolderKey(dir)
	if err != nil {
		f.Fatal(err)
	}
	lines := map[uint64]string{}
	for _, r := range records(f, dir, 0) {
		lines[r.Seq] = string(r.Line)
	}
	for _, seq := range []uint64{0, 17, 44} {
		p, err := Prove(dir, seq)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(p.Marshal())
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProof(text)
		if err != nil {
			return
		}
		if !bytes.Equal(p.Marshal(), text) {
			t.Fatalf("%q is written as %q", text, p.Marshal())
		}
		if r, _, err := p.Verify(key); err == nil && lines[r.Seq] != string(r.Line) {
			t.Fatalf("a proof of what is not in the ledger: %s", r.Line)
		}
	})
}

// FuzzManifest: what is accepted has one spelling.
func FuzzManifest(f *testing.F) {
	dir := f.TempDir()
	buildSealed(f, dir, 45, 2000)
	found, err := openFolder(dir)
	if err != nil {
		f.Fatal(err)
	}
	origin := found.checkpoint.Origin
	f.Add(manifestText(origin, found.entries))
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseManifestText(text, origin)
		if err == nil && manifestText(origin, entries) != text {
			t.Fatalf("%q is read as %q", text, manifestText(origin, entries))
		}
	})
}

// FuzzPacked: damage of a packed segment is an error, never a panic or another record.
func FuzzPacked(f *testing.F) {
	dir := f.TempDir()
	buildSealed(f, dir, 45, 2000)
	b, err := os.ReadFile(filepath.Join(dir, mustList(f, dir).packed[0].name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	path := filepath.Join(f.TempDir(), packedName(0))
	f.Fuzz(func(t *testing.T, b []byte) {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		in, err := openPacked(path, nil)
		if err != nil {
			return
		}
		defer in.Close()
		var last Hash
		c := chain{}
		lines, release := newLineReader(in)
		defer release()
		_, _, _ = readSegment(lines, "packed", &c, func(r *Record) error {
			if r.Prev != last || r.Leaf != leafHash(r.Line) {
				t.Fatalf("a record that does not follow: %s", r.Line)
			}
			last = r.Leaf
			return nil
		})
	})
}

// On a disk that is full, a ledger goes on with its reserve for one more segment, and says stop.
func TestAFullDiskIsMetWithTheReserve(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=6m"); err != nil {
		t.Skip("no file system of our own can be mounted here: ", err)
	}
	t.Cleanup(func() {
		if err := unix.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	const segment = 256 << 10
	l, _ := open(t, filepath.Join(dir, "ledger"), Options{SegmentBytes: segment, sealing: sealNever, Space: SpaceOptions{Warn: 3 << 20, Stop: 2 << 20}})
	t.Cleanup(func() { l.Close() })
	commit(t, l, KindBoot, 1, ``)
	body := `{"pad":"` + strings.Repeat("x", 4000) + `"}`
	var warned, stopped uint64
	for {
		s, err := l.Space()
		if err != nil {
			t.Fatal(err)
		}
		if s.Warn && warned == 0 {
			warned = l.Head().Size
		}
		if s.Stop && stopped == 0 {
			stopped = l.Head().Size
		}
		if _, err := l.Commit(KindTick, testMs, 1, []byte(body)); err != nil {
			if !errors.Is(err, unix.ENOSPC) {
				t.Fatal(err)
			}
			break
		}
	}
	end := l.Head().Size
	if warned == 0 || stopped <= warned || end < stopped+100 {
		t.Errorf("warned at %d, stopped at %d, full at %d records: expected them in this order, and room for 100 records after the stop", warned, stopped, end)
	}
	if s, err := l.Space(); err != nil || s.Reserve != 0 || !s.Stop {
		t.Errorf("at the end: %+v, %v", s, err)
	}
	l.Close()
	if result, err := Verify(filepath.Join(dir, "ledger"), VerifyOptions{}); err != nil || result.Head.Size != end {
		t.Errorf("%+v, %v", result, err)
	}
	t.Logf("warned at %d, stopped at %d, full at %d records", warned, stopped, end)
}
