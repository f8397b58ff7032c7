package loop

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/taudaemon/taudaemon/daemon/core"
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

// Replayer runs core and specs again from the records alone, and compares what they give with what is recorded, byte by byte.
type Replayer struct {
	State core.State
	// BootSeq and Boot are the boot record in force; Boot is nil before the first.
	BootSeq uint64
	Boot    *core.Boot
	// Last is the last tick record, nil before the first. Stopped: the last record is a shutdown.
	Last    *core.Tick
	Stopped bool

	specs *Specs
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
		next, err := core.ApplyOutcome(r.State, &out)
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
	return r.specs.Restore(r.State.Words)
}

// under puts a boot record in force, without a change of the state.
func (r *Replayer) under(rec *ledger.Record) (*core.Boot, error) {
	var boot core.Boot
	if err := decode(rec, &boot); err != nil {
		return nil, err
	}
	for i, spec := range boot.Specs {
		if got := tau.Digest([]byte(spec.Text)); got != spec.Digest {
			return nil, &DivergedError{rec.Seq, fmt.Sprintf("specs[%d].digest", i), got, spec.Digest}
		}
	}
	specs, err := Embedded(boot.Specs)
	if err != nil {
		return nil, &DivergedError{rec.Seq, "specs", "specs that compile", err.Error()}
	}
	r.BootSeq, r.Boot, r.specs = rec.Seq, &boot, specs
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
		return &DivergedError{rec.Seq, "obs.quotes", strconv.Itoa(want), strconv.Itoa(got)}
	}
	t.Obs.MS = rec.UnixMilli
	verdicts := core.Verdicts{Err: t.NoVerdict, Disagreement: t.Disagreement}
	if t.NoVerdict == "" {
		facts := core.Assess(&r.Boot.Params, &r.State, t.Obs)
		verdicts = r.specs.Consult(context.Background(), &r.Boot.Params, &r.State, t.Obs, &facts)
		if verdicts.Err != "" {
			return &DivergedError{rec.Seq, "the specs' verdicts", verdicts.Err, t.Out}
		}
	}
	next, decision := core.Step(&r.Boot.Params, r.State, t.Obs, &verdicts)
	if err := same(rec, core.NewTick(t.Obs, &verdicts, &next, &decision)); err != nil {
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
		return r.specs.Restore(r.State.Words)
	}
	return &DivergedError{seq, "boot", "the sequence number of an earlier boot record", strconv.FormatUint(snap.Boot, 10)}
}
