package loop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

// DivergedError says that a record is not what its predecessors lead to: the ledger was not written by this logic, or not honestly.
type DivergedError struct {
	Seq             uint64
	What            string
	Expected, Found string
}

// Error names the record, what differs, and both sides.
func (e *DivergedError) Error() string {
	return fmt.Sprintf("record %d does not follow from the records before it: %s: expected %s, found %s", e.Seq, e.What, e.Expected, e.Found)
}

// Replayer runs core and kernel again from the records alone, and compares what they give with what is recorded, byte by byte.
type Replayer struct {
	State core.State
	// BootSeq and Boot are the boot record in force; Boot is nil before the first.
	BootSeq uint64
	Boot    *core.Boot
	// Last is the last tick record, nil before the first. Stopped: the last record is a shutdown.
	Last    *core.Tick
	Stopped bool

	kernel *Kernel
}

// Apply takes up the next record.
func (r *Replayer) Apply(rec *ledger.Record) error {
	r.Stopped = false
	if r.Boot == nil && rec.Kind != ledger.KindBoot {
		return &DivergedError{rec.Seq, "kind", "boot", string(rec.Kind)}
	}
	switch rec.Kind {
	case ledger.KindBoot:
		return r.boot(rec)
	case ledger.KindTick:
		return r.tick(rec)
	case ledger.KindOutcome:
		var out core.Outcome
		if err := decode(rec, &out); err != nil {
			return err
		}
		next, err := core.ApplyOutcome(&r.Boot.Params, r.State, &out)
		if err != nil {
			return &DivergedError{rec.Seq, "outcome", "one of the open intent", err.Error()}
		}
		r.State = next
	case ledger.KindSnapshot:
		return same(rec, core.Snapshot{Boot: r.BootSeq, State: r.State})
	case ledger.KindShutdown:
		r.Stopped = true
	case ledger.KindCommand:
		// What a command does is in the observation of the next tick.
	}
	return nil
}

func (r *Replayer) boot(rec *ledger.Record) error {
	boot, err := r.under(rec)
	if err != nil {
		return err
	}
	r.State = core.ApplyBoot(r.State, boot)
	return r.kernel.Restore(r.State.Kernel.Words)
}

// under puts a boot record in force, without a change of the state.
func (r *Replayer) under(rec *ledger.Record) (*core.Boot, error) {
	var boot core.Boot
	if err := decode(rec, &boot); err != nil {
		return nil, err
	}
	k, err := NewKernel(boot.SpecName, []byte(boot.SpecText))
	if err != nil {
		return nil, &DivergedError{rec.Seq, "spec_text", "a kernel that compiles", err.Error()}
	}
	if got := k.Info().SpecDigest; got != boot.Spec {
		return nil, &DivergedError{rec.Seq, "spec", got, boot.Spec}
	}
	r.BootSeq, r.Boot, r.kernel = rec.Seq, &boot, k
	return &boot, nil
}

func (r *Replayer) tick(rec *ledger.Record) error {
	var t core.Tick
	if err := decode(rec, &t); err != nil {
		return err
	}
	if t.Obs == nil {
		return &DivergedError{rec.Seq, "obs", "an observation", "none"}
	}
	if got, want := len(t.Obs.Quotes), len(r.Boot.Params.Freshness.MaxAgeMS); got != want {
		return &DivergedError{rec.Seq, "obs.quotes", fmt.Sprintf("%d quotes", want), fmt.Sprint(got)}
	}
	t.Obs.MS = rec.UnixMilli
	recorded, err := t.Verdict()
	if err != nil {
		return &DivergedError{rec.Seq, "out", "the kernel's output bits", err.Error()}
	}
	verdict := recorded
	if recorded.Err == "" {
		facts := core.Assess(&r.Boot.Params, &r.State, t.Obs)
		verdict = r.kernel.Run(context.Background(), facts.In)
		if verdict.Err != "" || verdict.Out != recorded.Out {
			return &DivergedError{rec.Seq, "the kernel's verdict", verdict.Out.Bits() + verdict.Err, t.Out}
		}
	}
	next, decision := core.Step(&r.Boot.Params, r.State, t.Obs, &verdict)
	if err := same(rec, core.NewTick(t.Obs, &verdict, &next, &decision)); err != nil {
		return err
	}
	r.State, r.Last = next.Named(rec.Seq, ClientID(rec.Leaf)), &t
	return nil
}

// ClientID is the client order id of the intent in a record: the first 16 bytes of its leaf hash in hex. It contains epoch and sequence
// number by way of the hash, so it is never used twice.
func ClientID(leaf ledger.Hash) string { return leaf.String()[:32] }

// same compares a record's body with what it should be.
func same(rec *ledger.Record, want any) error {
	b, err := core.Encode(want)
	if err != nil {
		return err
	}
	if got := rec.Body(); !bytes.Equal(b, got) {
		i := 0
		for i < len(b) && i < len(got) && b[i] == got[i] {
			i++
		}
		return &DivergedError{rec.Seq, fmt.Sprintf("body, byte %d", i+1), excerpt(b, i), excerpt(got, i)}
	}
	return nil
}

func excerpt(b []byte, at int) string {
	return fmt.Sprintf("%q", b[max(0, at-40):min(len(b), at+40)])
}

func decode(rec *ledger.Record, into any) error {
	if err := json.Unmarshal(rec.Body(), into); err != nil {
		return fmt.Errorf("record %d: %s: %w", rec.Seq, rec.Kind, err)
	}
	return nil
}

// Recover brings a Replayer to the ledger's head: from the newest snapshot, and the boot it ran under, through all later records.
func Recover(dir string, found *ledger.Recovery) (*Replayer, error) {
	r := &Replayer{}
	if found.Last == nil {
		return r, nil
	}
	from := uint64(0)
	if found.Snapshot != nil {
		var snap core.Snapshot
		if err := decode(found.Snapshot, &snap); err != nil {
			return nil, err
		}
		if err := r.restore(dir, found.Snapshot.Seq, &snap); err != nil {
			return nil, err
		}
		from = found.Snapshot.Seq + 1
	}
	for rec, err := range ledger.Scan(dir, from) {
		if err != nil {
			return nil, err
		}
		if err := r.Apply(rec); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// restore takes a snapshot as the state, under the boot record that it names.
func (r *Replayer) restore(dir string, seq uint64, snap *core.Snapshot) error {
	for rec, err := range ledger.Scan(dir, snap.Boot) {
		if err != nil {
			return err
		}
		if rec.Kind != ledger.KindBoot || rec.Seq >= seq {
			return &DivergedError{seq, "boot", "the sequence number of an earlier boot record", fmt.Sprintf("%d (%s)", rec.Seq, rec.Kind)}
		}
		if _, err := r.under(rec); err != nil {
			return err
		}
		r.State = snap.State
		return r.kernel.Restore(r.State.Kernel.Words)
	}
	return &DivergedError{seq, "boot", "the sequence number of an earlier boot record", fmt.Sprint(snap.Boot)}
}

// Kernel is the kernel's spec in the embedded engine, with its typed inputs and outputs.
type Kernel struct {
	tau.Engine
	initial []uint64
	binding *kernel.Binding
	in, out []uint64
}

// NewKernel compiles the spec and binds it to the kernel's streams.
func NewKernel(name string, src []byte) (*Kernel, error) {
	e, err := tau.NewEmbedded(name, src)
	if err != nil {
		return nil, err
	}
	info := e.Info()
	b, err := kernel.Bind(info)
	if err != nil {
		return nil, err
	}
	return &Kernel{Engine: e, initial: e.Snapshot(), binding: b, in: make([]uint64, len(info.Inputs)), out: make([]uint64, len(info.Outputs))}, nil
}

// Restore sets the engine's state; no words mean the spec's initial one.
func (k *Kernel) Restore(words []uint64) error {
	if len(words) == 0 {
		words = k.initial
	}
	return k.Engine.Restore(words)
}

// Run steps the engine and reads its outputs; whatever goes wrong is "no verdict", and leaves the engine's state as it was.
func (k *Kernel) Run(ctx context.Context, in kernel.Inputs) core.Verdict {
	k.binding.Encode(in, k.in)
	before := k.Snapshot()
	if err := k.Step(ctx, k.in, k.out); err != nil {
		return core.Verdict{Err: err.Error()}
	}
	out, err := k.binding.Decode(k.out)
	if err != nil {
		if back := k.Engine.Restore(before); back != nil {
			err = fmt.Errorf("%w; and the state before could not be restored: %w", err, back)
		}
		return core.Verdict{Err: err.Error()}
	}
	return core.Verdict{Out: out, Words: k.Snapshot()}
}
