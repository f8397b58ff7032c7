package loop

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/api/v1alpha1"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
)

// commanded is a tenure whose commands may change at any time.
type commanded struct {
	*lease.Unfenced
	commands atomic.Pointer[v1alpha1.Commands]
}

func (c *commanded) Commands() v1alpha1.Commands { return *c.commands.Load() }

func (c *commanded) order(r v1alpha1.RetentionCommand) {
	c.commands.Store(&v1alpha1.Commands{Retention: r})
}

// anchored is what the operator orders when it has witnessed the rig's ledger as it is now.
func (r *rig) anchored(keep time.Duration) v1alpha1.RetentionCommand {
	head := r.ledger.Head()
	return v1alpha1.RetentionCommand{KeepMillis: keep.Milliseconds(), Origin: r.ledger.Origin(), Size: int64(head.Size), Root: head.Root.String()}
}

// aged is a rig whose ledger has many sealed segments that are three hours old, and a day of nothing since.
func aged(t *testing.T) (*rig, *commanded) {
	r, c := newRig(t), &commanded{Unfenced: lease.NewUnfenced(1)}
	c.order(v1alpha1.RetentionCommand{})
	r.tenure, r.price, r.segmentBytes, r.durability = c, wave, 20_000, ledger.Always
	if dir, err := os.MkdirTemp("/dev/shm", "taud"); err == nil {
		t.Cleanup(func() { _ = os.RemoveAll(dir) })
		r.dir = dir
	}
	r.must(r.begin())
	r.must(r.ticks(300))
	r.crash() // all that is full is sealed
	r.now += 3 * time.Hour
	r.must(r.begin())
	return r, c
}

func (r *rig) verified() ledger.VerifyResult {
	r.t.Helper()
	v, err := ledger.Verify(r.dir, ledger.VerifyOptions{})
	r.must(err)
	return v
}

// prunedAtLast ticks on until the ledger is pruned by who keeps house beside the ticks.
func (r *rig) prunedAtLast() {
	r.t.Helper()
	for begun := time.Now(); r.verified().Pruned == 0; {
		if time.Since(begun) > time.Minute {
			r.t.Fatal("nothing was pruned in a minute")
		}
		r.must(r.ticks(10)) // a snapshot
	}
}

func TestOldSegmentsArePrunedBesideTheTicksAndTheLedgerGoesOn(t *testing.T) {
	r, c := aged(t)
	o := &operator{}
	o.accepts(r, "before")
	c.order(r.anchored(time.Hour))
	stop := r.loop.keepHouse(t.Context())
	r.prunedAtLast()
	stop()
	before := r.verified()
	o.accepts(r, "a proof that leads over what is pruned")

	// What is kept is proven, scrubbed, replayed and continued.
	kept := 0
	for seq := range r.ledger.Head().Size {
		p, err := ledger.Prove(r.dir, seq)
		if errors.As(err, new(*ledger.PrunedError)) || seq >= before.Checkpoint.Size {
			continue
		}
		r.must(err)
		if _, _, err := p.Verify(o.known.Key); err != nil {
			t.Fatalf("proof of record %d: %v", seq, err)
		}
		kept++
	}
	if kept < 20 {
		t.Errorf("only %d records have a proof", kept)
	}
	r.must(r.ledger.Scrub(t.Context(), 1<<40))
	for range 2 {
		r.crash()
		r.must(r.begin())
		r.must(r.ticks(25))
		o.accepts(r, "after another boot")
	}
	found, err := Replay(r.dir, nil)
	r.must(err)
	head := r.ledger.Head().Size
	if found.Pruned != r.verified().Pruned || found.Records+found.Pruned+found.Passed != head || len(found.Trusted) == 0 || found.Ticks == 0 {
		t.Errorf("replay of %d records: %+v", head, found)
	}
	if a := r.loop.last.record.Anomalies; len(a) > 0 {
		t.Errorf("expected no anomaly of it, found %+v", a)
	}
	// What was kept for a start before may go now; after that nothing is left that is old.
	c.order(r.anchored(time.Hour))
	_, err = r.loop.prune(t.Context(), r.clock().Wall().UnixMilli())
	r.must(err)
	if done, err := r.loop.prune(t.Context(), r.clock().Wall().UnixMilli()); err != nil || done != (ledger.Pruned{}) {
		t.Errorf("expected nothing more to prune, found %+v, %v", done, err)
	}
	r.crash()
}

func TestReplayGoesThroughAWholeLedgerAndStopsAtALie(t *testing.T) {
	r := newRig(t)
	r.price = wave
	r.must(r.begin())
	r.must(r.ticks(50))
	r.crash()
	size := uint64(len(r.records()))
	if found, err := Replay(r.dir, nil); err != nil || found.Records != size || found.Ticks != 50 || found.Pruned+found.Passed != 0 || found.Trusted != nil {
		t.Fatalf("%d records: %+v, %v", size, found, err)
	}
	r.must(r.begin())
	rec := r.records()[2]
	_, err := r.ledger.Commit(ledger.KindTick, rec.UnixMilli+500_000, 2, []byte(strings.Replace(string(rec.Body()), `"tick":2`, `"tick":51`, 1)))
	r.must(err)
	r.crash()
	if _, err := Replay(r.dir, nil); !errors.As(err, new(*DivergedError)) {
		t.Fatalf("expected a DivergedError, found %v", err)
	}
}

func TestNothingIsPrunedOnAnOrderThatCannotBeRight(t *testing.T) {
	r, c := aged(t)
	good := r.anchored(time.Hour)
	for name, x := range map[string]struct {
		change func(*v1alpha1.RetentionCommand)
		want   string
	}{
		"less than an hour":     {func(o *v1alpha1.RetentionCommand) { o.KeepMillis = 3_599_999 }, "at least 3600000 ms, found one for 3599999"},
		"less than nothing":     {func(o *v1alpha1.RetentionCommand) { o.KeepMillis = -1 }, "found one for -1"},
		"no root":               {func(o *v1alpha1.RetentionCommand) { o.Root = "" }, "the root of the witnessed head"},
		"another root":          {func(o *v1alpha1.RetentionCommand) { o.Root = strings.Repeat("0", 64) }, "anchor: expected the root"},
		"another ledger":        {func(o *v1alpha1.RetentionCommand) { o.Origin = "taudaemon.io/ledger/x" }, "anchor: expected the origin"},
		"more than the ledger":  {func(o *v1alpha1.RetentionCommand) { o.Size += 1000 }, "at most the ledger's"},
		"a witness of nothing":  {func(o *v1alpha1.RetentionCommand) { o.Size = -1 }, "anchor: expected the root"},
		"longer than there are": {func(o *v1alpha1.RetentionCommand) { o.KeepMillis = 1 << 62 }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			bad := good
			x.change(&bad)
			c.order(bad)
			done, err := r.loop.prune(t.Context(), r.clock().Wall().UnixMilli())
			if (err == nil) != (x.want == "") || err != nil && !strings.Contains(err.Error(), x.want) || done != (ledger.Pruned{}) {
				t.Errorf("expected %q and nothing pruned, found %v, %+v", x.want, err, done)
			}
		})
	}
	if v := r.verified(); v.Pruned != 0 {
		t.Fatalf("%d records are gone", v.Pruned)
	}
	c.order(good)
	if done, err := r.loop.prune(t.Context(), r.clock().Wall().UnixMilli()); err != nil || done.Segments == 0 {
		t.Errorf("the good one: %+v, %v", done, err)
	}
	r.crash()
}

func TestOutsideAPodTheAnchorIsAFileThatIsKeptElsewhere(t *testing.T) {
	r, _ := aged(t)
	r.crash()
	anchor := filepath.Join(t.TempDir(), "checkpoint")
	r.config = strings.Replace(testConfig, "[ledger]", "[ledger]\nretention_hours = 1\nanchor = '"+anchor+"'", 1)
	r.must(r.begin())
	now := func() int64 { return r.clock().Wall().UnixMilli() }
	if done, err := r.loop.prune(t.Context(), now()); !errors.Is(err, os.ErrNotExist) || done != (ledger.Pruned{}) {
		t.Fatalf("without the file: %+v, %v", done, err)
	}
	checkpoint, err := r.ledger.Checkpoint()
	r.must(err)
	r.must(os.WriteFile(anchor, []byte(strings.Replace(string(checkpoint), "\n", "0\n", 2)), 0o600))
	var bad *ledger.SignatureError
	if done, err := r.loop.prune(t.Context(), now()); !errors.As(err, &bad) || done != (ledger.Pruned{}) {
		t.Fatalf("with one that nobody signed: %+v, %v", done, err)
	}
	r.must(os.WriteFile(anchor, checkpoint, 0o600))
	stop := r.loop.keepHouse(t.Context())
	r.prunedAtLast()
	stop()
	r.crash()
	r.must(r.begin())
	r.crash()
}

func TestADamagedSegmentIsNotPrunedButAnIncident(t *testing.T) {
	r, c := aged(t)
	names, err := filepath.Glob(filepath.Join(r.dir, "*.zst"))
	r.must(err)
	slices.Sort(names)
	content, err := os.ReadFile(names[1])
	r.must(err)
	content[len(content)/2] ^= 1
	r.must(errors.Join(os.Remove(names[1]), os.WriteFile(names[1], content, 0o600)))
	c.order(r.anchored(time.Hour))
	r.must(r.ticks(10))
	// Of the two that keep house only this one: the scrubber would find it too.
	r.loop.retain(t.Context())
	r.must(r.ticks(2))
	if q := r.loop.state.Quarantine; q.Reason != core.LedgerDamaged || !q.Manual {
		t.Fatalf("%+v", q)
	}
	if now, err := os.ReadFile(names[1]); err != nil || string(now) != string(content) {
		t.Fatalf("the evidence: %v", err)
	}
	r.crash()
}
