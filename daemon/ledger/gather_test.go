package ledger

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAGatheredLedgerHasTheBytesOfAnyOther: a plain one that is durable at its seals writes many records at once; segments, their ends and what a Close
// in between leaves are the same as those of one that writes each.
func TestAGatheredLedgerHasTheBytesOfAnyOther(t *testing.T) {
	segments := func(dir string) (all string) {
		names, err := filepath.Glob(filepath.Join(dir, "*"+segmentSuffix))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all += filepath.Base(name) + "\n" + strings.TrimRight(string(b), "\x00")
		}
		return all
	}
	var first string
	for _, o := range []Options{{Durability: AtSeal, sealing: sealNever}, {Durability: AtSeal, Plain: true}} {
		o.SegmentBytes = 300_000 // above gatherBytes, so that a segment is written in two pieces
		dir := t.TempDir()
		for life := range 3 {
			l, recovery := open(t, dir, o)
			for n := range 700 {
				kind := KindTick
				if n == 0 {
					kind = KindBoot
				}
				if _, err := l.Commit(kind, testMs, recovery.HighestEpoch+1, fmt.Appendf(nil, `{"life":%d,"n":%d,"pad":"%s"}`, life, n, strings.Repeat("x", 700))); err != nil {
					t.Fatal(err)
				}
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if r, err := Verify(dir, VerifyOptions{}); err != nil || r.Head.Size != uint64(700*(life+1)) {
				t.Fatalf("plain %t: %d records, %v", o.Plain, r.Head.Size, err)
			}
		}
		if all := segments(dir); first == "" {
			first = all
		} else if all != first {
			t.Fatalf("expected the same segments, found %d and %d bytes", len(first), len(all))
		}
	}
	if strings.Count(first, segmentSuffix+"\n") < 5 {
		t.Fatal("too few segments: the test shows nothing")
	}
}
