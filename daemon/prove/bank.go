package prove

import (
	"errors"
	"fmt"
	"path"
	"slices"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

// SpecCount is the number of specs: 01 to 08, then the kernel. kernelAt is its place among them.
const (
	SpecCount = int(monitor.Count) + 1
	kernelAt  = int(monitor.Count)
)

// ids are the states of the nine specs: each a number that its automaton gave it.
type ids [SpecCount]uint16

// bank answers for the nine specs, each an automaton. It implements core.Specs for a tick that begins in the states `at`.
type bank struct {
	specs    [SpecCount]*automaton
	monitors [monitor.Count]*monitor.Binding
	kernel   *kernel.Binding
	at, next ids
	// fail is the error of the tick's last step, for a tick without a verdict.
	fail error
	// asked are the rows of bits that the supporting specs were asked.
	asked [monitor.Count]uint32
	// burned is the place of has_burned in the kernel's words if it may be left out of the state, else -1; see burnedIsWriteOnly.
	burned int
	// keeps says of the last kernel step that has_burned, if it was set, stayed so, and that a burn event set it.
	keeps bool
}

// lastAsked is the spec that core asks last. A tick whose last verdict is missing leaves the most behind that must not be used.
const lastAsked = monitor.Liveness

// newBank compiles and binds the specs. whole: has_burned is never left out of the state.
func newBank(set [SpecCount]core.Spec, whole bool) (*bank, error) {
	b := &bank{burned: -1}
	var errs []error
	for i, spec := range set {
		e, err := tau.NewEmbedded(spec.Name, []byte(spec.Text))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		if i == kernelAt {
			b.kernel, err = kernel.Bind(e.Info())
		} else {
			b.monitors[i], err = monitor.ID(i).Bind(e.Info())
		}
		errs = append(errs, err)
		b.specs[i], err = newAutomaton(e)
		errs = append(errs, err)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if whole {
		return b, nil
	}
	slot, err := b.burnedIsWriteOnly()
	b.burned = slot
	return b, err
}

// Monitor implements core.Specs.
func (b *bank) Monitor(id monitor.ID, in []uint64) (monitor.Bits, error) {
	a := b.specs[id]
	if a.bits <= maxNarrow {
		b.asked[id] = rowOf(in)
	}
	s, err := a.step(b.at[id], in, func() (stepped, error) { return b.ask(id, in, b.at[id]) })
	b.next[id] = s.next
	if id == lastAsked && b.fail != nil {
		err = b.fail
	}
	return monitor.Bits(s.out), err
}

func (b *bank) ask(id monitor.ID, in []uint64, state uint16) (stepped, error) {
	a := b.specs[id]
	b.monitors[id].Encode(in, a.in)
	words, err := a.run(a.words[state])
	if err != nil {
		return stepped{}, err
	}
	out, err := b.monitors[id].Decode(a.out)
	if err != nil {
		return stepped{}, err
	}
	next, err := a.intern(words)
	return stepped{out: uint32(out), next: next}, err
}

// peek is what a spec of bits answers to a row in a state.
func (b *bank) peek(id monitor.ID, state uint16, row uint32) (stepped, error) {
	a := b.specs[id]
	if at := *a.at(state, row); at != 0 {
		return a.steps[at], nil
	}
	in := make([]uint64, a.bits)
	for i := range in {
		in[i] = uint64(row >> i & 1)
	}
	return a.step(state, in, func() (stepped, error) { return b.ask(id, in, state) })
}

// Kernel implements core.Specs.
func (b *bank) Kernel(in kernel.Inputs) (kernel.Outputs, error) {
	a, state := b.specs[kernelAt], b.at[kernelAt]
	row := kernelRow(in)
	s, err := a.step(state, row[:min(len(row), a.bits)], func() (stepped, error) { return b.askKernel(in, a.words[state]) })
	if err != nil {
		return kernel.Outputs{}, err
	}
	b.next[kernelAt], b.keeps = s.next, s.keeps
	return a.outputs[s.out], nil
}

// kernelRow is the kernel's inputs in the contract's order, the optional one last.
func kernelRow(in kernel.Inputs) (row [6]uint64) {
	for i, on := range [...]bool{in.PriceHigh, in.VolumeFresh, in.TrendUp, in.ProfitGuard, in.FailureEcho, in.HoldExpired} {
		if on {
			row[i] = 1
		}
	}
	return row
}

// askKernel steps the kernel. Where has_burned is left out of the state, the outputs are those while it is clear, and a second step with it set
// shows whether it stays so.
func (b *bank) askKernel(in kernel.Inputs, words []uint64) (stepped, error) {
	a := b.specs[kernelAt]
	b.kernel.Encode(in, a.in)
	after, err := a.run(words)
	if err != nil {
		return stepped{}, err
	}
	out, err := b.kernel.Decode(a.out)
	if err != nil {
		return stepped{}, err
	}
	s := stepped{keeps: !out.Burn || out.HasBurned}
	if b.burned >= 0 {
		after[b.burned], out.HasBurned = 0, false
		set := slices.Clone(words)
		set[b.burned] = 1
		if _, err := a.run(set); err != nil {
			return stepped{}, err
		}
		with, err := b.kernel.Decode(a.out)
		if err != nil {
			return stepped{}, err
		}
		s.keeps = s.keeps && with.HasBurned
	}
	s.out = a.keep(out)
	s.next, err = a.intern(after)
	return s, err
}

// LongHold implements core.Specs.
func (b *bank) LongHold() bool { return b.kernel.LongHold() }

// Words implements core.Specs.
func (b *bank) Words() core.Words { return b.words(b.next) }

func (b *bank) words(at ids) (w core.Words) {
	for i, a := range b.specs {
		w[i] = a.words[at[i]]
	}
	return w
}

// find is the inverse of words. An empty entry is the initial state, as it is for the loop.
func (b *bank) find(w *core.Words) (at ids, err error) {
	for i, a := range b.specs {
		if len(w[i]) == 0 {
			continue
		}
		switch &w[i][0] {
		case &a.words[b.next[i]][0]:
			at[i] = b.next[i] // the state that a step just gave
		case &a.words[b.at[i]][0]:
			at[i] = b.at[i] // the one before: there was no verdict
		default:
			if at[i], err = a.intern(w[i]); err != nil {
				return at, err
			}
		}
	}
	return at, nil
}

// burnedIsWriteOnly returns the place of has_burned in the kernel's words, if in the kernel's whole state space, under all inputs, that bit
// changes nothing but itself: then states that differ only in it need not be told apart. Else it returns -1.
func (b *bank) burnedIsWriteOnly() (int, error) {
	a := b.specs[kernelAt]
	info := a.engine.Info()
	slot := -1
	for i, s := range info.State {
		for _, o := range info.Outputs {
			if o.Name == s.Output && path.Base(o.Path) == "has_burned.out" {
				if slot >= 0 {
					return -1, nil // it looks back further than one tick
				}
				slot = i
			}
		}
	}
	if slot < 0 || a.words[0][slot] != 0 {
		return -1, nil
	}
	seen, queue := map[string]bool{}, [][]uint64{a.words[0]}
	for len(queue) > 0 {
		words := queue[0]
		queue = queue[1:]
		if len(seen) > maxSpecStates {
			return -1, fmt.Errorf("%w: kernel %s has more than %d", ErrTooLarge, info.SpecName, maxSpecStates)
		}
		for row := range uint64(1) << len(info.Inputs) {
			for i := range a.in {
				a.in[i] = row >> i & 1
			}
			clear, set := slices.Clone(words), slices.Clone(words)
			clear[slot], set[slot] = 0, 1
			after, out, err := b.withoutBurned(clear, slot)
			if err != nil {
				return -1, err
			}
			other, otherOut, err := b.withoutBurned(set, slot)
			if err != nil {
				return -1, err
			}
			if out != otherOut || !slices.Equal(after, other) {
				return -1, nil
			}
			if k := fmt.Sprint(after); !seen[k] {
				seen[k] = true
				queue = append(queue, after)
			}
		}
	}
	return slot, nil
}

// withoutBurned steps the kernel from words and returns the next words and the outputs, both without has_burned.
func (b *bank) withoutBurned(words []uint64, slot int) ([]uint64, kernel.Outputs, error) {
	a := b.specs[kernelAt]
	after, err := a.run(words)
	if err != nil {
		return nil, kernel.Outputs{}, err
	}
	out, err := b.kernel.Decode(a.out)
	after[slot], out.HasBurned = 0, false
	return after, out, err
}
