package loop

import (
	"context"
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

// specCount is the number of specs that run in a tick: 01 to 08, then the kernel.
const specCount = int(monitor.Count) + 1

// kernelAt is the kernel's place among them.
const kernelAt = int(monitor.Count)

// Specs are the nine specs in their engines, wired to what core calls their streams. They serve one caller at a time.
type Specs struct {
	engines  [specCount]tau.Engine
	initial  core.Words
	monitors [monitor.Count]*monitor.Binding
	kernel   *kernel.Binding
	in, out  [specCount][]uint64
	stepped  [specCount]bool
	ctx      context.Context
}

// NewSpecs wires engines to core: those of 01 to 08, then the kernel's. An engine whose spec lacks a stream is refused. The engines are the
// Specs' own from then on, also after an error.
func NewSpecs(engines [specCount]tau.Engine) (*Specs, error) {
	s := &Specs{engines: engines}
	var errs []error
	for i, e := range engines {
		info := e.Info()
		var err error
		if i == kernelAt {
			s.kernel, err = kernel.Bind(info)
		} else {
			s.monitors[i], err = monitor.ID(i).Bind(info)
		}
		errs = append(errs, err)
		s.initial[i] = e.Snapshot()
		s.in[i], s.out[i] = make([]uint64, len(info.Inputs)), make([]uint64, len(info.Outputs))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Embedded puts every spec into the embedded engine.
func Embedded(set [specCount]core.Spec) (*Specs, error) {
	var engines [specCount]tau.Engine
	var errs []error
	for i, spec := range set {
		e, err := tau.NewEmbedded(spec.Name, []byte(spec.Text))
		errs = append(errs, err)
		engines[i] = e
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return NewSpecs(engines)
}

// Info describes the kernel's engine.
func (s *Specs) Info() tau.Info { return s.engines[kernelAt].Info() }

// Close ends the engines.
func (s *Specs) Close() error {
	var errs []error
	for _, e := range s.engines {
		errs = append(errs, e.Close())
	}
	return errors.Join(errs...)
}

// Restore sets the engines to a state's words; a spec without words there starts from its initial state.
func (s *Specs) Restore(words core.Words) error {
	var errs []error
	for i := range s.engines {
		errs = append(errs, s.restore(i, words))
	}
	return errors.Join(errs...)
}

func (s *Specs) restore(i int, words core.Words) error {
	w := words[i]
	if len(w) == 0 {
		w = s.initial[i]
	}
	return s.engines[i].Restore(w)
}

// Consult asks the specs about a tick under the context's deadline. If a verdict is missing, those engines that took the step are set back:
// a tick without all its verdicts is one that no spec saw.
func (s *Specs) Consult(ctx context.Context, p *core.Params, st *core.State, o *core.Observation, f *core.Facts) core.Verdicts {
	s.ctx, s.stepped = ctx, [specCount]bool{}
	v := core.Consult(p, st, o, f, s)
	if v.Err == "" {
		return v
	}
	for i, stepped := range s.stepped {
		if !stepped {
			continue
		}
		if err := s.restore(i, st.Words); err != nil {
			v.Err += fmt.Sprintf("; and %s could not be set back: %v", s.engines[i].Info().SpecName, err)
		}
	}
	return v
}

// Monitor implements core.Specs.
func (s *Specs) Monitor(id monitor.ID, in []uint64) (monitor.Bits, error) {
	s.monitors[id].Encode(in, s.in[id])
	if err := s.step(int(id)); err != nil {
		return 0, err
	}
	return s.monitors[id].Decode(s.out[id])
}

// Kernel implements core.Specs.
func (s *Specs) Kernel(in kernel.Inputs) (kernel.Outputs, error) {
	s.kernel.Encode(in, s.in[kernelAt])
	if err := s.step(kernelAt); err != nil {
		return kernel.Outputs{}, err
	}
	return s.kernel.Decode(s.out[kernelAt])
}

func (s *Specs) step(i int) error {
	err := s.engines[i].Step(s.ctx, s.in[i], s.out[i])
	s.stepped[i] = err == nil
	return err
}

// LongHold implements core.Specs.
func (s *Specs) LongHold() bool { return s.kernel.LongHold() }

// Words implements core.Specs.
func (s *Specs) Words() (w core.Words) {
	for i, e := range s.engines {
		w[i] = e.Snapshot()
	}
	return w
}
