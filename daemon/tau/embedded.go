package tau

import (
	"context"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// EmbeddedVersion is the version of the embedded engine's language and evaluation. It changes when a spec could give
// another result than before, so that records of different meaning can be told apart.
const EmbeddedVersion = "tau-subset/1"

// Embedded runs a spec in this process. A Step takes well under a microsecond, allocates nothing and can fail only
// because of its arguments.
type Embedded struct {
	info    Info
	program *lang.Program
	machine *lang.Machine
}

var _ Engine = (*Embedded)(nil)

// NewEmbedded compiles the spec. name is used in messages and in Info; an error holds all findings, each with its
// place (see lang.Findings).
func NewEmbedded(name string, src []byte) (*Embedded, error) {
	p, err := lang.Load(name, src)
	if err != nil {
		return nil, err
	}
	i := p.Info()
	return &Embedded{
		program: p,
		machine: p.NewMachine(),
		info: Info{
			Engine: "embedded", Version: EmbeddedVersion, SpecName: name, SpecDigest: Digest(src),
			Lookback: i.Lookback, Inputs: i.Inputs, Outputs: i.Outputs, State: i.State,
		},
	}, nil
}

// Info implements Engine.
func (e *Embedded) Info() Info { return e.info }

// InitialRows returns the k rows before the first input line, for those who print a whole run.
func (e *Embedded) InitialRows() [][]uint64 { return e.program.InitialRows() }

// Step implements Engine. A done context is an error here as in an engine that waits, so that a caller whose deadline
// has passed gets no verdict from either.
func (e *Embedded) Step(ctx context.Context, in, out []uint64) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s: no verdict: %w", e.info.SpecName, err)
	}
	if err := e.machine.Step(in, out); err != nil {
		return fmt.Errorf("%s: no verdict: %w", e.info.SpecName, err)
	}
	return nil
}

// Snapshot implements Engine.
func (e *Embedded) Snapshot() []uint64 {
	if len(e.info.State) == 0 {
		return nil // as records have it
	}
	return e.AppendSnapshot(make([]uint64, 0, len(e.info.State)))
}

// AppendSnapshot appends what Snapshot gives to dst.
func (e *Embedded) AppendSnapshot(dst []uint64) []uint64 { return e.machine.Snapshot(dst) }

// Restore implements Engine.
func (e *Embedded) Restore(state []uint64) error {
	if err := e.machine.Restore(state); err != nil {
		return fmt.Errorf("%s: restore: %w", e.info.SpecName, err)
	}
	return nil
}

// Close implements Engine; there is nothing to release.
func (e *Embedded) Close() error { return nil }
