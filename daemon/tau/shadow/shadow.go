package shadow

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// Engine is two engines, one shadowing the other. It implements tau.Engine.
type Engine struct {
	real, shadow tau.Engine
	info         tau.Info
	tick         uint64
	row          []uint64
}

var _ tau.Engine = (*Engine)(nil)

// New makes an engine of two that run the same spec; it owns them from then on, and closes them if it returns an error.
// The shadow takes over the deciding engine's state.
func New(deciding, shadow tau.Engine) (*Engine, error) {
	a, b := deciding.Info(), shadow.Info()
	err := sameSpec(a, b)
	if err == nil {
		err = shadow.Restore(deciding.Snapshot())
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("shadow of %s: %w", a.SpecName, err), deciding.Close(), shadow.Close())
	}
	info := a
	info.Engine = a.Engine + "+" + b.Engine
	info.Version = a.Version + " + " + b.Version
	return &Engine{real: deciding, shadow: shadow, info: info, row: make([]uint64, len(a.Outputs))}, nil
}

func sameSpec(a, b tau.Info) error {
	switch {
	case a.SpecDigest != b.SpecDigest:
		return fmt.Errorf("expected both engines to run the spec %s, found %s in %s", a.SpecDigest, b.SpecDigest, b.Engine)
	case a.Lookback != b.Lookback || !slices.Equal(a.Inputs, b.Inputs) || !slices.Equal(a.Outputs, b.Outputs) || !slices.Equal(a.State, b.State):
		return fmt.Errorf("expected both engines to read the same streams and state in the spec, found others in %s", b.Engine)
	}
	return nil
}

// DisagreementError says that the two engines gave different outputs for the same state and inputs.
type DisagreementError struct {
	Spec     string // file name
	Tick     uint64 // Steps of this engine, from 1; a caller that counts its own ticks knows which one that is
	Stream   string // the first output, in the order of the declarations, that differs
	Decided  uint64 // its value in the deciding engine
	Shadowed uint64 // and in the shadow
	Engines  [2]string
	Streams  int // how many outputs differ
}

func (e *DisagreementError) Error() string {
	more := ""
	if e.Streams > 1 {
		more = fmt.Sprintf(" (and %d more outputs)", e.Streams-1)
	}
	return fmt.Sprintf("%s: no verdict: engines disagree in step %d on output %s: %s found %d, %s found %d%s",
		e.Spec, e.Tick, e.Stream, e.Engines[0], e.Decided, e.Engines[1], e.Shadowed, more)
}

// Info implements tau.Engine.
func (e *Engine) Info() tau.Info { return e.info }

// Step implements tau.Engine. If the deciding engine has no verdict its error is returned and the shadow is not asked.
// After any error both engines stand at the state before the tick; if that cannot be had the error says so, and so does
// every later one, because the engines then disagree.
func (e *Engine) Step(ctx context.Context, in, out []uint64) error {
	e.tick++
	before := e.shadow.Snapshot()
	if err := e.real.Step(ctx, in, out); err != nil {
		return err
	}
	// The answer is there: a context that ends now must not leave the two engines at different states.
	if err := e.shadow.Step(context.WithoutCancel(ctx), in, e.row); err != nil {
		return errors.Join(fmt.Errorf("shadow: %w", err), e.real.Restore(before))
	}
	if err := e.compare(out); err != nil {
		return errors.Join(err, e.real.Restore(before), e.shadow.Restore(before))
	}
	return nil
}

// compare looks at every output.
func (e *Engine) compare(out []uint64) error {
	var found *DisagreementError
	for i, s := range e.info.Outputs {
		switch {
		case out[i] == e.row[i]:
		case found != nil:
			found.Streams++
		default:
			found = &DisagreementError{
				Spec: e.info.SpecName, Tick: e.tick, Stream: s.Name, Decided: out[i], Shadowed: e.row[i],
				Engines: [2]string{e.real.Info().Engine, e.shadow.Info().Engine}, Streams: 1,
			}
		}
	}
	if found == nil { // a nil *DisagreementError would be an error that is not nil
		return nil
	}
	return found
}

// Snapshot implements tau.Engine.
func (e *Engine) Snapshot() []uint64 { return e.shadow.Snapshot() }

// Restore implements tau.Engine.
func (e *Engine) Restore(state []uint64) error {
	before := e.shadow.Snapshot()
	if err := e.shadow.Restore(state); err != nil {
		return err
	}
	if err := e.real.Restore(state); err != nil {
		return errors.Join(err, e.shadow.Restore(before))
	}
	return nil
}

// Close implements tau.Engine.
func (e *Engine) Close() error { return errors.Join(e.real.Close(), e.shadow.Close()) }
