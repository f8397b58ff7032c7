//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
)

// records reads the agent's ledger from its volume, whole.
func records(t *testing.T, name string) []*ledger.Record {
	t.Helper()
	var all []*ledger.Record
	for rec, err := range ledger.Scan(volume(t, name), 0) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rec)
	}
	return all
}

func body[T any](t *testing.T, rec *ledger.Record) T {
	t.Helper()
	var v T
	if err := json.Unmarshal(rec.Body(), &v); err != nil {
		t.Fatalf("record %d: %v", rec.Seq, err)
	}
	return v
}

// noOrderTwice fails if a client order id stands behind two intents, or an outcome behind none.
func noOrderTwice(t *testing.T, recs []*ledger.Record) (intents int) {
	t.Helper()
	ids := map[string]uint64{}
	for _, rec := range recs {
		switch rec.Kind {
		case ledger.KindTick:
			if body[core.Tick](t, rec).Act == nil {
				continue
			}
			id := loop.ClientID(rec.Leaf)
			if first, twice := ids[id]; twice {
				t.Fatalf("order id %s in records %d and %d", id, first, rec.Seq)
			}
			ids[id] = rec.Seq
		case ledger.KindOutcome:
			out := body[core.Outcome](t, rec)
			if seq, ok := ids[out.ID]; !ok || seq != out.Intent {
				t.Fatalf("record %d is an outcome of %s (record %d), which no earlier record states", rec.Seq, out.ID, out.Intent)
			}
		}
	}
	return len(ids)
}

// verified runs taud on the volume and returns the ledger's head at a size (0: all of it).
func verified(t *testing.T, name string, size int64) ledger.Head {
	t.Helper()
	out, code := taud(t, "ledger", "verify", volume(t, name), "--json", "--size", fmt.Sprint(size))
	if code != 0 {
		t.Fatalf("taud ledger verify: exit %d: %s", code, out)
	}
	var r ledger.VerifyResult
	if err := json.Unmarshal([]byte(out[strings.Index(out, "{"):]), &r); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return r.Head
}

// replayed runs taud replay on the volume.
func replayed(t *testing.T, name string) {
	t.Helper()
	if out, code := taud(t, "replay", volume(t, name)); code != 0 {
		t.Fatalf("taud replay: exit %d: %s", code, out)
	}
}
