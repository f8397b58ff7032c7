package ledger

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// testMs is an arbitrary fixed time: 2026-01-01T00:00:00Z.
const testMs = 1767225600000

// open opens a ledger and closes it at the test's end.
func open(t testing.TB, dir string, o Options) (*Ledger, *Recovery) {
	t.Helper()
	l, recovery, err := Open(dir, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l, recovery
}

func commit(t testing.TB, l *Ledger, kind Kind, epoch uint64, body string) Receipt {
	t.Helper()
	r, err := l.Commit(kind, testMs, epoch, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// build writes a closed ledger: a boot and n-1 ticks in segments of about segmentBytes. It returns the head.
func build(t testing.TB, dir string, n int, segmentBytes int64) Head {
	t.Helper()
	l, _ := open(t, dir, Options{SegmentBytes: segmentBytes, Durability: AtSeal, sealing: sealNever})
	commit(t, l, KindBoot, 1, `{"origin":"test"}`)
	for i := 1; i < n; i++ {
		commit(t, l, KindTick, 1, fmt.Sprintf(`{"tick":%d,"price":"4242.%03d"}`, i, i%1000))
	}
	head := l.Head()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	withoutCheckpoint(t, dir)
	return head
}

// withoutCheckpoint leaves the folder as a crash before the first checkpoint does: its lines are all there is.
func withoutCheckpoint(t testing.TB, dir string) {
	t.Helper()
	for _, name := range []string{checkpointName, publicName} {
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func records(t testing.TB, dir string, from uint64) []*Record {
	t.Helper()
	var all []*Record
	for r, err := range Scan(dir, from) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

func segmentNames(t testing.TB, dir string) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
	if err != nil {
		t.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

func TestCommittedRecordsAreReadBackAndContinued(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a", "ledger")
	l, recovery := open(t, dir, Options{})
	if recovery.Head.Size != 0 || recovery.Origin != "" || recovery.Last != nil || recovery.Boot != nil {
		t.Fatalf("a new ledger recovers something: %+v", recovery)
	}
	boot := commit(t, l, KindBoot, 3, `{"origin":"x","spec":{"a":[1,2,{"b":null}]}}`)
	commit(t, l, KindTick, 3, `{"tick":1}`)
	snap := commit(t, l, KindSnapshot, 3, `{"state":"s"}`)
	tick := commit(t, l, KindTick, 4, ``)
	head := l.Head()
	if head.Size != 4 || head.Leaf != tick.Leaf || head.Epoch != 4 {
		t.Fatalf("head %+v after four records", head)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}

	again, recovery := open(t, dir, Options{Known: head})
	if recovery.Head != head || again.Head() != head {
		t.Fatalf("head: expected %+v, found %+v and %+v", head, recovery.Head, again.Head())
	}
	if recovery.Boot.Leaf != boot.Leaf || recovery.Snapshot.Seq != snap.Seq || recovery.Last.Seq != 3 || recovery.HighestEpoch != 4 || recovery.TornTail != nil {
		t.Fatalf("recovery %+v", recovery)
	}
	if want := Origin(boot.Leaf); recovery.Origin != want || again.Origin() != want {
		t.Fatalf("origin: expected %q, found %q and %q", want, recovery.Origin, again.Origin())
	}
	var state struct{ State string }
	if err := json.Unmarshal(recovery.Snapshot.Body(), &state); err != nil || state.State != "s" {
		t.Fatalf("snapshot body %s: %v", recovery.Snapshot.Body(), err)
	}
	commit(t, again, KindShutdown, 5, `{}`)

	all := records(t, dir, 0)
	if len(all) != 5 {
		t.Fatalf("expected 5 records, found %d", len(all))
	}
	for i, r := range all {
		if r.Seq != uint64(i) || r.UnixMilli != testMs || (i > 0 && r.Prev != all[i-1].Leaf) || !json.Valid(r.Line) {
			t.Errorf("record %d: %+v", i, r)
		}
	}
	if got := string(all[0].Body()); got != `{"origin":"x","spec":{"a":[1,2,{"b":null}]}}` {
		t.Errorf("body %s", got)
	}
	if got := string(all[4].Body()); got != `{}` {
		t.Errorf("empty body %s", got)
	}
	if rest := records(t, dir, 3); len(rest) != 2 || rest[0].Seq != 3 {
		t.Errorf("scan from 3 gave %d records", len(rest))
	}
}

// The format is a contract with auditors and with ledgers that exist: these lines may never
// change. The prev was computed with sha256sum.
func TestTheFormatIsTheOneInTheDocs(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{})
	commit(t, l, KindBoot, 1, `{"origin":"x"}`)
	commit(t, l, KindTick, 1, ``)
	got, err := os.ReadFile(filepath.Join(dir, "00000000000000000000.log"))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"v":1,"seq":0,"prev":"0000000000000000000000000000000000000000000000000000000000000000","kind":"boot","ms":1767225600000,"epoch":1,"origin":"x"}
{"v":1,"seq":1,"prev":"1aa6b232499a663aa6f148d38a43989727243d37986ad3389357ddcdad3b97ea","kind":"tick","ms":1767225600000,"epoch":1}
`
	if string(got) != want {
		t.Errorf("expected\n%sfound\n%s", want, got)
	}
}

func TestSegmentsRotateAndJoin(t *testing.T) {
	dir := t.TempDir()
	head := build(t, dir, 50, 1000)
	if n := len(segmentNames(t, dir)); n < 9 {
		t.Fatalf("expected about 10 segments, found %d", n)
	}
	result, err := Verify(dir, VerifyOptions{Known: head})
	if err != nil {
		t.Fatal(err)
	}
	if result.Head != head || result.Segments != len(segmentNames(t, dir)) || result.ByKind[KindTick] != 49 || result.ByKind[KindBoot] != 1 {
		t.Errorf("%+v", result)
	}
	all := records(t, dir, 0)
	for from := range uint64(52) {
		got := records(t, dir, from)
		if want := max(50-int(from), 0); len(got) != want || (want > 0 && string(got[0].Line) != string(all[from].Line)) {
			t.Fatalf("scan from %d gave %d records, expected %d", from, len(got), want)
		}
	}
}

func TestVerifyAtAnEarlierSizeGivesTheHeadOfThatTime(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{SegmentBytes: 700, Durability: AtSeal, sealing: sealNever})
	var heads []Head
	commit(t, l, KindBoot, 1, ``)
	heads = append(heads, l.Head())
	for i := range 30 {
		commit(t, l, KindTick, uint64(1+i), fmt.Sprintf(`{"tick":%d}`, i+1))
		heads = append(heads, l.Head())
	}
	l.Close()
	for _, head := range heads {
		result, err := Verify(dir, VerifyOptions{Size: head.Size, Known: head})
		if err != nil || result.Head != head {
			t.Errorf("size %d: expected %+v, found %+v, %v", head.Size, head, result.Head, err)
		}
	}
	var damage *CorruptionError
	if _, err := Verify(dir, VerifyOptions{Size: 32}); !errors.As(err, &damage) {
		t.Errorf("a size the ledger does not have: %v", err)
	}
}

func TestCommitRefusesWhatItMust(t *testing.T) {
	big := `{"x":"` + strings.Repeat("y", MaxRecord) + `"}`
	cases := []struct {
		name  string
		kind  Kind
		ms    int64
		epoch uint64
		body  string
		field string
	}{
		{"an unknown kind", "trade", 1, 5, ``, "kind"},
		{"a negative time", KindTick, -1, 5, ``, "ms"},
		{"a time beyond 2^53-1", KindTick, 1 << 53, 5, ``, "ms"},
		{"an epoch beyond 2^53-1", KindTick, 1, 1 << 53, ``, "epoch"},
		{"an epoch that falls", KindTick, 1, 4, ``, "epoch"},
		{"a body that is no object", KindTick, 1, 5, `[1]`, "body"},
		{"a body cut short", KindTick, 1, 5, `{"a":1`, "body"},
		{"something after the body", KindTick, 1, 5, `{"a":1}}`, "body"},
		{"a line break in the body", KindTick, 1, 5, "{\"a\":1\n}", "body"},
		{"whitespace in the body", KindTick, 1, 5, `{"a": 1}`, "body"},
		{"a body name of the header's", KindTick, 1, 5, `{"seq":1}`, "body"},
		{"a body name twice", KindTick, 1, 5, `{"a":1,"b":2,"a":3}`, "body"},
		{"a body name with an escape", KindTick, 1, 5, `{"\u0073eq":1}`, "body"},
		{"invalid UTF-8", KindTick, 1, 5, "{\"a\":\"\xff\"}", "body"},
		{"a control character in a string", KindTick, 1, 5, "{\"a\":\"\x01\"}", "body"},
		{"a number with leading zeros", KindTick, 1, 5, `{"a":01}`, "body"},
		{"nesting without bound", KindTick, 1, 5, `{"a":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`, "body"},
		{"more members than the bound", KindTick, 1, 5, manyMembers(maxMembers + 1), "body"},
		{"a record over 65,535 bytes", KindTick, 1, 5, big, "line"},
	}
	dir := t.TempDir()
	l, _ := open(t, dir, Options{})
	var bad *RecordError
	if _, err := l.Commit(KindTick, 1, 5, nil); !errors.As(err, &bad) || bad.Field != "kind" {
		t.Errorf("a ledger that begins with a tick: %v", err)
	}
	commit(t, l, KindBoot, 5, ``)
	head := l.Head()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := l.Commit(c.kind, c.ms, c.epoch, []byte(c.body))
			if !errors.As(err, &bad) || bad.Field != c.field {
				t.Errorf("expected a RecordError of field %s, found %v", c.field, err)
			}
		})
	}
	if l.Head() != head {
		t.Errorf("a refused record moved the head")
	}
	commit(t, l, KindTick, 5, manyMembers(maxMembers))
	overhead := len(records(t, dir, 1)[0].Line) - len(manyMembers(maxMembers)) + 1
	commit(t, l, KindTick, 5, `{"x":"`+strings.Repeat("y", MaxRecord-overhead-7)+`"}`)
	if got := len(records(t, dir, 2)[0].Line); got != MaxRecord {
		t.Errorf("expected the largest record to be accepted at %d bytes, found %d", MaxRecord, got)
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"m%d":%d`, i, i)
	}
	return "{" + b.String()[1:] + "}"
}

func TestASecondOpenerIsRefusedUntilTheFirstCloses(t *testing.T) {
	dir := t.TempDir()
	l, _ := open(t, dir, Options{})
	var locked *LockedError
	if _, _, err := Open(dir, Options{}); !errors.As(err, &locked) || !strings.Contains(err.Error(), filepath.Join(dir, "LOCK")) {
		t.Fatalf("expected a LockedError that names the lock file, found %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	if _, err := l.Commit(KindBoot, 1, 1, nil); !errors.Is(err, ErrClosed) {
		t.Errorf("Commit after Close: %v", err)
	}
	open(t, dir, Options{})
}

func TestVerifyOfAFolderWithoutALedgerFails(t *testing.T) {
	if _, err := Verify(t.TempDir(), VerifyOptions{}); err == nil || !strings.Contains(err.Error(), "no ledger in") {
		t.Errorf("empty folder: %v", err)
	}
	if _, err := Verify(filepath.Join(t.TempDir(), "none"), VerifyOptions{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
}
