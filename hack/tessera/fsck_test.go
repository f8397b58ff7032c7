package tessera

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/transparency-dev/tessera/api"
	"github.com/transparency-dev/tessera/client"
	"github.com/transparency-dev/tessera/fsck"
	"golang.org/x/mod/sumdb/note"

	"github.com/taudaemon/taudaemon/daemon/ledger"
)

// leafHashes reads an entry bundle with Tessera's own parser.
func leafHashes(bundle []byte) ([][]byte, error) {
	var b api.EntryBundle
	if err := b.UnmarshalText(bundle); err != nil {
		return nil, err
	}
	var hashes [][]byte
	for _, entry := range b.Entries {
		h := sha256.Sum256(append([]byte{0}, entry...))
		hashes = append(hashes, h[:])
	}
	return hashes, nil
}

// exported writes a ledger of n records and its export.
func exported(t *testing.T, n int) string {
	t.Helper()
	dir, out := filepath.Join(t.TempDir(), "ledger"), filepath.Join(t.TempDir(), "tiles")
	l, _, err := ledger.Open(dir, ledger.Options{SegmentBytes: 20_000, Durability: ledger.AtSeal})
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		kind := ledger.KindTick
		if i == 0 {
			kind = ledger.KindBoot
		}
		if _, err := l.Commit(kind, int64(i), 1, fmt.Appendf(nil, `{"tick":%d}`, i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := ledger.Export(dir, out, nil); err != nil {
		t.Fatal(err)
	}
	return out
}

func check(t *testing.T, dir string) error {
	t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, "ledger.pub"))
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	if err != nil {
		t.Fatal(err)
	}
	// As many workers as a damaged ledger has tiles: one ends at its first error, and without another Check waits for ever.
	return fsck.New(verifier.Name(), verifier, client.FileFetcher{Root: dir}, leafHashes, fsck.Opts{N: 16}).Check(t.Context())
}

func TestTesserasFsckAcceptsOurExports(t *testing.T) {
	for _, n := range []int{1, 2, 255, 256, 257, 700, 65_536, 66_000} {
		if err := check(t, exported(t, n)); err != nil {
			t.Errorf("%d records: %v", n, err)
		}
	}
}

func TestTesserasFsckRefusesATamperedExport(t *testing.T) {
	dir := exported(t, 700)
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "ledger.pub" {
			return err
		}
		good, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		bad := append([]byte(nil), good...)
		bad[len(bad)/2] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			return err
		}
		if check(t, dir) == nil {
			t.Errorf("a bit flipped in %s: not found", path)
		}
		files++
		return os.WriteFile(path, good, 0o600)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := check(t, dir); err != nil {
		t.Errorf("with all put back: %v", err)
	}
	t.Logf("a bit flipped in each of %d files, each found", files)
}
