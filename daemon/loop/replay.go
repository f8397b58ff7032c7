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
	// Last is the last tick record, nil before the first. Stopped: the last record is a shutdown, with nothing left to ask the venue.
	Last    *core.Tick
	Stopped bool

	specs *Specs
	// ids are the client order ids since the last outcome, itself included, which was recorded at settledMS; torn says that a torn tail was cut since.
	ids       []string
	settledMS int64
	torn      bool
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
		return r.outcome(rec)
	case ledger.KindSnapshot:
		return same(rec, core.Snapshot{Boot: r.BootSeq, State: r.State})
	case ledger.KindShutdown:
		var end core.Shutdown
		if err := decode(rec, &end); err != nil {
			return err
		}
		r.Stopped = end.Asking == ""
		r.torn = r.torn && !r.Stopped
	case ledger.KindCommand:
		var c core.Command
		if err := decode(rec, &c); err != nil {
			return err
		}
		r.State = core.ApplyCommand(r.State, &c)
	}
	return nil
}

// outcome takes up what became of an order. The exit that it authorises follows from the state that it leads to; an outcome of an earlier version
// authorises none.
func (r *Replayer) outcome(rec *ledger.Record) error {
	var out core.Outcome
	if err := decode(rec, &out); err != nil {
		return err
	}
	next, err := core.ApplyOutcome(r.State, &out)
	if err != nil {
		return &DivergedError{rec.Seq, "outcome", "one of the open intent", err.Error()}
	}
	if r.ids = append(r.ids[:0], out.ID); out.Spare != nil {
		if out.Spare, err = core.NewSpare(&r.Boot.Params, &next, exitAfter(&r.State, &out), out.Spare.Ticket); err != nil {
			return &DivergedError{rec.Seq, "outcome", "a spare exit", err.Error()}
		}
		if err := same(rec, out); err != nil {
			return err
		}
		r.ids = append(r.ids, out.Spare.ID)
	}
	r.State, r.settledMS = next.Authorised(rec.Seq), rec.UnixMilli
	return nil
}

func (r *Replayer) boot(rec *ledger.Record) error {
	boot, err := r.under(rec)
	if err != nil {
		return err
	}
	r.State = core.ApplyBoot(r.State, boot)
	r.torn = r.torn || boot.Torn > 0
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
	if r.Boot == nil || r.Boot.Specs != boot.Specs { // else they are compiled already
		specs, err := Embedded(boot.Specs)
		if err != nil {
			return nil, &DivergedError{rec.Seq, "specs", "specs that compile", err.Error()}
		}
		r.specs = specs
	}
	r.BootSeq, r.Boot = rec.Seq, &boot
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
	if r.State, r.Last = next.Named(rec.Seq, ClientID(rec.Leaf)), &t; t.Act != nil {
		r.ids = append(r.ids, r.State.Open.ID)
	}
	return nil
}

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
		if err := r.restore(dir, found.Snapshot, &snap); err != nil {
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
func (r *Replayer) restore(dir string, at *ledger.Record, snap *core.Snapshot) error {
	seq := at.Seq
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
		r.State, r.settledMS = snap.State, at.UnixMilli
		if open := r.State.Open; open != nil {
			r.ids = append(r.ids, open.ID)
		}
		if spare := r.State.Spare; spare != nil {
			r.ids = append(r.ids, spare.ID)
		}
		return r.specs.Restore(r.State.Words)
	}
	return &DivergedError{seq, "boot", "the sequence number of an earlier boot record", strconv.FormatUint(snap.Boot, 10)}
}
