package ledger

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func showLedger(t *testing.T) string {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{SegmentBytes: 500, sealing: sealNever})
	commit(t, l, KindBoot, 1, `{"origin":"x"}`)
	for _, body := range []string{`{"tick":1,"buy":false}`, `{"tick":2,"buy":true}`, `{"tick":3,"why":"` + strings.Repeat("é", 80) + `"}`} {
		commit(t, l, KindTick, 1, body)
		commit(t, l, KindOutcome, 1, strings.Replace(body, "buy", "filled", 1))
	}
	commit(t, l, KindTick, 2, `{"tick":"not a number"}`)
	l.Close()
	return dir
}

func TestShowFilters(t *testing.T) {
	dir := showLedger(t)
	cases := []struct {
		name   string
		filter ShowFilter
		seqs   []uint64
	}{
		{"everything", ShowFilter{}, []uint64{0, 1, 2, 3, 4, 5, 6, 7}},
		{"one kind", ShowFilter{Kinds: []Kind{KindOutcome}}, []uint64{2, 4, 6}},
		{"two kinds", ShowFilter{Kinds: []Kind{KindBoot, KindTick}}, []uint64{0, 1, 3, 5, 7}},
		{"from a tick", ShowFilter{FromTick: 2}, []uint64{3, 4, 5, 6}},
		{"up to a tick", ShowFilter{ToTick: 2}, []uint64{1, 2, 3, 4}},
		{"one tick of one kind", ShowFilter{Kinds: []Kind{KindTick}, FromTick: 2, ToTick: 2}, []uint64{3}},
		{"from a record", ShowFilter{From: 6}, []uint64{6, 7}},
		{"a limit", ShowFilter{From: 2, Limit: 3}, []uint64{2, 3, 4}},
		{"none", ShowFilter{FromTick: 9}, nil},
	}
	lines := linesOf(t, dir)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var want bytes.Buffer
			for _, seq := range c.seqs {
				want.Write(append(lines[seq], '\n'))
			}
			c.filter.JSON = true
			var got bytes.Buffer
			if err := Show(&got, dir, c.filter); err != nil || got.String() != want.String() {
				t.Errorf("%v: expected\n%s\nfound\n%s", err, &want, &got)
			}
		})
	}
}

func TestShowWritesATable(t *testing.T) {
	var got strings.Builder
	if err := Show(&got, showLedger(t), ShowFilter{From: 3, Limit: 3}); err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSuffix(got.String(), "\n"), "\n")
	if len(rows) != 4 || !strings.HasPrefix(rows[0], "     SEQ  TIME") {
		t.Fatalf("expected a title and three rows, found\n%s", got.String())
	}
	if !strings.HasPrefix(rows[1], `       3  2026-01-01T00:00:00.000Z  tick          1         2  `) || !strings.HasSuffix(rows[1], `  {"tick":2,"buy":true}`) {
		t.Errorf("row %q", rows[1])
	}
	if !strings.HasSuffix(rows[3], "é...") {
		t.Errorf("a long body is not cut at a character: %q", rows[3])
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestShowEndsWithWhatWentWrong(t *testing.T) {
	dir := showLedger(t)
	if err := Show(brokenPipe{}, dir, ShowFilter{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed output: %v", err)
	}
	last := segmentNames(t, dir)[1]
	content, err := os.ReadFile(filepath.Join(dir, last))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, last), bytes.Replace(content, []byte("true"), []byte("trux"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	var damage *CorruptionError
	if err := Show(&out, dir, ShowFilter{JSON: true}); !errors.As(err, &damage) || damage.Segment != last || out.Len() == 0 {
		t.Errorf("damage: %v after %d bytes", err, out.Len())
	}
}

// Readers take no lock: beside a writer that rotates, they always see a whole beginning of the ledger.
func TestProgressCountsToTheTotal(t *testing.T) {
	dir := t.TempDir()
	build(t, dir, 30, 900)
	calls, lastRead := 0, int64(0)
	result, err := Verify(dir, VerifyOptions{Progress: func(read, total int64) {
		if read <= lastRead || read > total {
			t.Errorf("read %d of %d after %d", read, total, lastRead)
		}
		calls, lastRead = calls+1, read
	}})
	if err != nil || calls != result.Segments || lastRead != result.Bytes {
		t.Errorf("%d calls to %d bytes, %+v, %v", calls, lastRead, result, err)
	}
}

func TestCopiesAndExportsCountToTheirTotal(t *testing.T) {
	dir, out := t.TempDir(), t.TempDir()
	buildSealed(t, dir, 95, 2000)
	for _, c := range []struct {
		name string
		do   func(Progress) error
	}{
		{"backup", func(p Progress) error { _, err := Backup(dir, filepath.Join(out, "backup"), p); return err }},
		{"restore", func(p Progress) error {
			_, _, err := Restore(filepath.Join(out, "backup"), filepath.Join(out, "restored"), testMs, p)
			return err
		}},
		{"export", func(p Progress) error { _, err := Export(dir, filepath.Join(out, "tiles"), p); return err }},
		{"repair", func(p Progress) error { _, err := Repair(filepath.Join(out, "restored"), "", p); return err }},
	} {
		calls, last, end := 0, int64(0), int64(0)
		err := c.do(func(done, total int64) {
			if done < last || done > total || end != 0 && end != total {
				t.Errorf("%s: %d of %d after %d of %d", c.name, done, total, last, end)
			}
			calls, last, end = calls+1, done, total
		})
		if err != nil || calls == 0 || last != end {
			t.Errorf("%s: %d calls to %d of %d, %v", c.name, calls, last, end, err)
		}
	}
}
