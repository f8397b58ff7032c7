package loop

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/process"
	"github.com/taudaemon/taudaemon/daemon/tau/shadow"
)

// specCount is the number of specs that run in a tick: 01 to 08, then the kernel.
const specCount = int(monitor.Count) + 1

// kernelAt is the kernel's place among them.
const kernelAt = int(monitor.Count)

// Specs are the nine specs in their engines, wired to what core calls their streams. They serve one caller at a time.
type Specs struct {
	engines  [specCount]tau.Engine
	initial  core.Words
	words    int // in all engines' snapshots
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
		s.words += len(s.initial[i])
		s.in[i], s.out[i] = make([]uint64, len(info.Inputs)), make([]uint64, len(info.Outputs))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// ReadSpecs reads the supporting specs by the names of their files, 01 to 08, and the kernel. Errors: a reader's own, with the spec's name.
func ReadSpecs(supporting, kernel func(name string) ([]byte, error), kernelName string) (set [specCount]core.Spec, err error) {
	for i := range set {
		read, path := kernel, kernelName
		if i != kernelAt {
			read, path = supporting, monitor.ID(i).File()
		}
		text, err := read(path)
		if err != nil {
			return set, fmt.Errorf("spec %s: %w", filepath.Base(path), err)
		}
		set[i] = core.Spec{Name: filepath.Base(path), Digest: tau.Digest(text), Text: string(text)}
	}
	return set, nil
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

// Engines puts the specs into the engines that the configuration asks for, and says which it took: with auto the binary where it is there. The
// binary's processes live until Close; their folders are made in runDir, which is emptied first.
func Engines(ctx context.Context, c *config.Config, set [specCount]core.Spec, runDir string, log *slog.Logger) (*Specs, error) {
	kind := c.Engine.Type
	if kind == config.EngineAuto {
		kind = config.EngineEmbedded
		if info, err := os.Stat(c.Paths.TauBin); c.Paths.TauBin != "" && err == nil && info.Mode().IsRegular() {
			kind = config.EngineTau
		}
	}
	if kind == config.EngineEmbedded {
		return Embedded(set)
	}
	// What a daemon that was killed left behind; the ledger's lock says that no other one runs.
	if err := os.RemoveAll(runDir); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(runDir, 0o750); err != nil {
		return nil, err
	}
	b := binary{
		both: kind == config.EngineBoth,
		options: process.Options{
			Binary: c.Paths.TauBin, Protocol: process.ProtocolSession, RunDir: runDir, StepDeadline: c.Tick.Deadline,
			StartDeadline: c.Engine.StartDeadline, Log: log,
		},
	}
	if c.Engine.FileProtocol {
		b.options.Protocol = process.ProtocolFile
	}
	// Processes start beside each other: one start takes about as long as nine.
	var engines [specCount]tau.Engine
	var errs [specCount]error
	var started sync.WaitGroup
	for i, spec := range set {
		started.Go(func() {
			if c.Engine.KernelOnly && i != kernelAt {
				engines[i], errs[i] = tau.NewEmbedded(spec.Name, []byte(spec.Text))
			} else {
				engines[i], errs[i] = b.start(ctx, spec)
			}
		})
	}
	started.Wait()
	if err := errors.Join(errs[:]...); err != nil {
		for _, e := range engines {
			if e != nil {
				err = errors.Join(err, e.Close())
			}
		}
		return nil, err
	}
	return NewSpecs(engines)
}

// binary starts specs in the user's Tau binary.
type binary struct {
	both    bool
	options process.Options
}

func (b binary) start(ctx context.Context, spec core.Spec) (tau.Engine, error) {
	real, err := process.New(ctx, spec.Name, []byte(spec.Text), b.options)
	if err != nil || !b.both {
		return real, err
	}
	embedded, err := tau.NewEmbedded(spec.Name, []byte(spec.Text))
	if err != nil {
		return nil, errors.Join(err, real.Close())
	}
	return shadow.New(real, embedded)
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
	if s.stepped[i] = err == nil; s.stepped[i] {
		return nil
	}
	if errors.As(err, new(*shadow.DisagreementError)) {
		err = fmt.Errorf("%w: %w", core.ErrDisagreement, err)
	}
	return err
}

// LongHold implements core.Specs.
func (s *Specs) LongHold() bool { return s.kernel.LongHold() }

// Words implements core.Specs.
func (s *Specs) Words() (w core.Words) {
	room := make([]uint64, 0, s.words) // one for all that are embedded
	for i, e := range s.engines {
		embedded, ok := e.(*tau.Embedded)
		if !ok {
			w[i] = e.Snapshot()
			continue
		}
		from := len(room)
		if room = embedded.AppendSnapshot(room); len(room) > from { // what has no state has no words, as records have it
			w[i] = room[from:len(room):len(room)]
		}
	}
	return w
}
