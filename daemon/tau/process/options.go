package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path"
	"strings"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// Protocol says how the binary is spoken to.
type Protocol string

// The protocols.
const (
	ProtocolSession Protocol = "Session" // one process a spec, named pipes; any tick
	ProtocolFile    Protocol = "File"    // one process a tick, files; about half a second a tick for the kernel
)

// Options says how to run the binary.
type Options struct {
	Binary        string        // path of the Tau binary
	Protocol      Protocol      // "" is ProtocolSession
	RunDir        string        // existing folder for the folders of processes; "" is the system's temporary folder
	StepDeadline  time.Duration // for a tick, from the first input to the last output; 0 is 1 s
	StartDeadline time.Duration // for a process to start and show its initial rows, and, at least 5 s, for --version; 0 is 10 s
	Tries         int           // starts in a row before giving up; 0 is 3
	Log           *slog.Logger  // starts, deaths, failures; nil is silence
}

func (o Options) withDefaults() (Options, error) {
	if o.Binary == "" {
		return o, errors.New("binary: expected the path of a Tau binary, found none")
	}
	if o.Protocol == "" {
		o.Protocol = ProtocolSession
	}
	if o.Protocol != ProtocolSession && o.Protocol != ProtocolFile {
		return o, fmt.Errorf("protocol: expected %s or %s, found %q", ProtocolSession, ProtocolFile, o.Protocol)
	}
	if o.RunDir == "" {
		o.RunDir = os.TempDir()
	}
	if o.StepDeadline < 0 || o.StartDeadline < 0 || o.Tries < 0 {
		return o, fmt.Errorf("step deadline, start deadline and tries: expected none below 0, found %v, %v and %d", o.StepDeadline, o.StartDeadline, o.Tries)
	}
	if o.StepDeadline == 0 {
		o.StepDeadline = time.Second
	}
	if o.StartDeadline == 0 {
		o.StartDeadline = 10 * time.Second
	}
	if o.Tries == 0 {
		o.Tries = 3
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o, nil
}

// New starts the binary on a spec and returns when it has shown that it runs: the initial rows were read and are the
// ones asked for (Session), or a first tick was answered (File; and Session for a spec without look-back, which has no
// initial rows). That tick has all inputs 0 and leaves no trace in the state.
//
// A spec that package lang refuses is refused here with the same findings.
func New(ctx context.Context, name string, src []byte, o Options) (tau.Engine, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	e, err := newEngine(ctx, name, src, o)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	// Never a nil *File or *Session as the interface: it would not compare as nil, and whoever closes what was started would call it.
	if o.Protocol == ProtocolFile {
		f, err := newFile(ctx, e)
		if err != nil {
			return nil, err
		}
		return f, nil
	}
	s, err := newSession(ctx, e)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// engine is what both protocols share: the spec, the state and the identity of the binary.
type engine struct {
	Options
	info   tau.Info
	spec   *lang.Spec
	binary binary
	state  []uint64 // by slot of info.State
	slots  []int    // by slot: the index of its output
}

func newEngine(ctx context.Context, name string, src []byte, o Options) (*engine, error) {
	spec, err := lang.Parse(name, src)
	if err != nil {
		return nil, err
	}
	p, err := lang.Compile(spec)
	if err != nil {
		return nil, err
	}
	b, err := identify(o.Binary)
	if err != nil {
		return nil, err
	}
	version, err := Version(ctx, o.Binary, max(o.StartDeadline, versionDeadline))
	if err != nil {
		return nil, err
	}
	i := p.Info()
	at := make(map[string]int, len(i.Outputs))
	for n, s := range i.Outputs {
		at[s.Name] = n
	}
	var slots []int
	for _, slot := range i.State {
		slots = append(slots, at[slot.Output])
	}
	return &engine{
		slots:   slots,
		Options: o,
		spec:    spec,
		binary:  b,
		state:   p.NewMachine().Snapshot(nil),
		info: tau.Info{
			Engine: "tau", Version: version, BinaryDigest: b.digest, SpecName: name, SpecDigest: tau.Digest(src),
			Lookback: i.Lookback, Inputs: i.Inputs, Outputs: i.Outputs, State: i.State,
		},
	}, nil
}

// Info implements tau.Engine.
func (e *engine) Info() tau.Info { return e.info }

// Snapshot implements tau.Engine.
func (e *engine) Snapshot() []uint64 { return append([]uint64(nil), e.state...) }

// checkArguments refuses what must never be written: the binary would take some of it for symbols, and end the run at
// the rest.
func (e *engine) checkArguments(in, out []uint64) error {
	if len(in) != len(e.info.Inputs) {
		return &lang.ShapeError{What: "inputs", Want: len(e.info.Inputs), Found: len(in)}
	}
	if len(out) != len(e.info.Outputs) {
		return &lang.ShapeError{What: "outputs", Want: len(e.info.Outputs), Found: len(out)}
	}
	for i, s := range e.info.Inputs {
		if in[i] > s.Max() {
			return &lang.ValueError{Stream: s, Value: in[i]}
		}
	}
	return nil
}

func (e *engine) checkState(state []uint64) error {
	if len(state) != len(e.info.State) {
		return &lang.ShapeError{What: "snapshot values", Want: len(e.info.State), Found: len(state)}
	}
	for i, slot := range e.info.State {
		if s := e.info.Outputs[e.slots[i]]; state[i] > s.Max() {
			return fmt.Errorf("snapshot value %d, %s of %d ticks ago: expected 0 to %d, found %d", i, s.Name, slot.Back, s.Max(), state[i])
		}
	}
	return nil
}

// advance makes the outputs of a tick part of the state. The slots of an output are neighbours, the oldest first.
func (e *engine) advance(out []uint64) {
	for i, slot := range e.info.State {
		if slot.Back > 1 {
			e.state[i] = e.state[i+1]
		} else {
			e.state[i] = out[e.slots[i]]
		}
	}
}

func (e *engine) noVerdict(err error) error {
	return fmt.Errorf("%s: no verdict: %w", e.info.SpecName, err)
}

// folderName is the pattern for a process's folder: recognisable, and without what a spec's name may hold.
func (e *engine) folderName() string {
	keep := func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}
	base := strings.Map(keep, strings.TrimSuffix(path.Base(e.info.SpecName), ".tau"))
	return "tau-" + base[:min(len(base), 40)] + "-*"
}
