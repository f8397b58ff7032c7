package loop

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/tau/process/double"
)

func TestMain(m *testing.M) {
	if double.Asked() {
		os.Exit(double.Main(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// withDouble runs the rig's specs in the double of the Tau binary, with orders for it in pairs of name and value.
func (r *rig) withDouble(e config.Engine, deadline time.Duration, orders ...string) {
	path, err := double.Path()
	r.must(err)
	r.t.Setenv("TAU_DOUBLE", "1")
	for i := 0; i < len(orders); i += 2 {
		r.t.Setenv(orders[i], orders[i+1])
	}
	e.StartDeadline, r.real = 20*time.Second, true
	r.engines = func(c *config.Config, set [specCount]core.Spec) (*Specs, error) {
		c.Engine, c.Paths.TauBin, c.Tick.Deadline = e, path, deadline
		return Engines(context.Background(), c, set, r.t.TempDir(), slog.New(slog.DiscardHandler))
	}
}

// ticked are the tick records' bodies.
func (r *rig) ticked() (bodies []string) {
	for _, rec := range r.records() {
		if rec.Kind == ledger.KindTick {
			bodies = append(bodies, string(rec.Body()))
		}
	}
	return bodies
}

func TestTheBinaryAndTheEmbeddedEngineGiveTheSameTicks(t *testing.T) {
	want := newRig(t)
	want.price = wave
	want.engines = func(c *config.Config, set [specCount]core.Spec) (*Specs, error) {
		c.Tick.Deadline = time.Minute // as below: it stands in each record, as the time at which an order expires
		return Embedded(set)
	}
	want.must(want.begin())
	want.must(want.ticks(60))
	want.crash()
	for name, c := range map[string]struct {
		engine config.Engine
		ticks  int
	}{
		"all nine over pipes, shadowed":   {config.Engine{Type: config.EngineBoth}, 60},
		"the kernel alone, over pipes":    {config.Engine{Type: config.EngineTau, KernelOnly: true}, 60},
		"the kernel alone, a file a tick": {config.Engine{Type: config.EngineTau, KernelOnly: true, FileProtocol: true}, 15},
		"the binary is there, so auto":    {config.Engine{Type: config.EngineAuto, KernelOnly: true}, 15},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.price = wave
			r.withDouble(c.engine, time.Minute)
			r.must(r.begin())
			if r.loop.boot.Binary == "" || r.loop.boot.Engine == want.loop.boot.Engine {
				t.Fatalf("the boot record does not name the binary: %q %q", r.loop.boot.Engine, r.loop.boot.Binary)
			}
			r.must(r.ticks(c.ticks))
			r.crash()
			for i, body := range r.ticked() {
				if body != want.ticked()[i] {
					t.Fatalf("tick %d: expected\n%s\nfound\n%s", i+1, want.ticked()[i], body)
				}
			}
			// A restart continues in the binary from the ledger's state.
			r.must(r.begin())
			r.must(r.ticks(3))
			r.crash()
		})
	}
}

// TestEveryTrapOfTheBinaryIsNoVerdict: whatever the binary does in a tick at which a position is held, the tick is recorded as one without a
// verdict, the position is sold all the same, the daemon is in quarantine, and it trades again when the binary is back.
func TestEveryTrapOfTheBinaryIsNoVerdict(t *testing.T) {
	for _, fault := range double.TickFaults {
		t.Run(string(fault), func(t *testing.T) {
			r := newRig(t)
			order := string(fault) + "@3"
			if fault == double.Late {
				order += "=3s"
			}
			r.withDouble(config.Engine{Type: config.EngineTau, KernelOnly: true}, 1500*time.Millisecond,
				"TAU_DOUBLE_FAULT", order, "TAU_DOUBLE_ONCE", filepath.Join(t.TempDir(), "once"))
			r.must(r.begin())
			r.must(r.ticks(3))
			if r.loop.state.Position.Qty == 0 {
				t.Fatal("no position to begin with")
			}
			r.must(r.ticks(1))
			var tick core.Tick
			bodies := r.ticked()
			r.must(json.Unmarshal([]byte(bodies[len(bodies)-1]), &tick))
			if tick.NoVerdict == "" || len(tick.Anomalies) == 0 || tick.Anomalies[0].Code != core.NoVerdict || !tick.Quarantine.Active {
				t.Fatalf("expected a tick without verdict, found %+v", tick)
			}
			t.Log(tick.NoVerdict)
			if tick.Act == nil || tick.Act.Side != core.Sell || !tick.Act.Forced || r.loop.state.Position.Qty != 0 {
				t.Fatalf("the position was not sold: %+v %+v", tick.Act, r.loop.state.Position)
			}
			for n := 0; r.loop.state.Position.Qty == 0; n++ {
				if n == 30 {
					t.Fatalf("no trade in 30 ticks after it: %+v", r.loop.last.record)
				}
				r.must(r.ticks(1))
			}
			r.crash()
			var replay Replayer
			for _, rec := range r.records() {
				r.must(replay.Apply(rec))
			}
		})
	}
}

func TestADisagreementOfTheEnginesIsManual(t *testing.T) {
	r := newRig(t)
	r.withDouble(config.Engine{Type: config.EngineBoth, KernelOnly: true}, time.Minute,
		"TAU_DOUBLE_FAULT", string(double.WrongAnswer)+"@3", "TAU_DOUBLE_ONCE", filepath.Join(t.TempDir(), "once"))
	r.must(r.begin())
	r.must(r.ticks(4))
	if q := r.loop.state.Quarantine; q.Reason != core.EngineDisagreement || !q.Manual || r.loop.state.Position.Qty != 0 {
		t.Fatalf("%+v %+v", q, r.loop.last.record.Anomalies)
	}
	t.Log(r.loop.last.record.NoVerdict)
	r.must(r.ticks(20))
	if !r.loop.state.Quarantine.Active {
		t.Fatal("released without an acknowledgement")
	}
	r.crash()
	var replay Replayer
	for _, rec := range r.records() {
		r.must(replay.Apply(rec))
	}
}
