package prove

import (
	"context"
	"errors"
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/tau"
)

// ErrTooLarge is wrapped by the error of an exploration that would not end in a reasonable time and memory.
var ErrTooLarge = errors.New("too many states")

// maxSpecStates bounds the states of one spec.
const maxSpecStates = 1 << 16

// automaton is a spec as a table of what the embedded engine answered: asked once for each pair of a state and a row of inputs, and remembered
// from then on.
type automaton struct {
	engine  *tau.Embedded
	in, out []uint64 // the engine's
	// words of each state, by its number; 0 is the initial state.
	words [][]uint64
	index map[string]uint16
	// bits is the number of inputs if all are bits and few, else it is above maxNarrow. narrow has for each state a place for each row of bits,
	// wide is for specs that read numbers.
	bits   int
	narrow [][]uint32
	wide   map[wideRow]uint32
	// steps are the different answers; places point to them, from 1 on.
	steps []stepped
	seen  map[stepped]uint32
	// outputs by stepped.out, for the kernel's automaton.
	outputs []kernel.Outputs
	known   map[kernel.Outputs]uint32
}

// stepped is the answer to a step: the outputs (monitor.Bits, or a place in automaton.outputs) and the next state.
type stepped struct {
	out  uint32
	next uint16
	// keeps: of the kernel, see bank.keeps.
	keeps bool
}

// wideRow is a row of numbers in a state. No contract has more than four.
type wideRow struct {
	state uint16
	in    [4]uint64
}

// maxNarrow is the widest row of input bits that gets a table: 05 reads so many.
const maxNarrow = 13

func newAutomaton(e *tau.Embedded) (*automaton, error) {
	info := e.Info()
	a := &automaton{
		engine: e, in: make([]uint64, len(info.Inputs)), out: make([]uint64, len(info.Outputs)), index: map[string]uint16{}, bits: len(info.Inputs),
		wide: map[wideRow]uint32{}, steps: make([]stepped, 1), seen: map[stepped]uint32{}, known: map[kernel.Outputs]uint32{},
	}
	for _, s := range info.Inputs {
		if s.Bits > 0 {
			a.bits = maxNarrow + 1
		}
	}
	_, err := a.intern(e.Snapshot())
	return a, err
}

// intern gives a state its number.
func (a *automaton) intern(words []uint64) (uint16, error) {
	k := fmt.Sprint(words)
	if id, ok := a.index[k]; ok {
		return id, nil
	}
	if len(a.words) == maxSpecStates {
		return 0, fmt.Errorf("%w: spec %s has more than %d", ErrTooLarge, a.engine.Info().SpecName, maxSpecStates)
	}
	id := uint16(len(a.words))
	a.index[k] = id
	a.words = append(a.words, words)
	a.narrow = append(a.narrow, nil)
	return id, nil
}

// at is the place of the answer to a row of bits in a state.
func (a *automaton) at(state uint16, row uint32) *uint32 {
	if a.narrow[state] == nil {
		a.narrow[state] = make([]uint32, 1<<a.bits)
	}
	return &a.narrow[state][row]
}

// step answers a row of inputs in the contract's order; ask asks the engine.
func (a *automaton) step(state uint16, in []uint64, ask func() (stepped, error)) (stepped, error) {
	if a.bits > maxNarrow {
		k := wideRow{state: state}
		copy(k.in[:], in)
		place := a.wide[k]
		s, err := a.answer(&place, ask)
		a.wide[k] = place
		return s, err
	}
	return a.answer(a.at(state, rowOf(in)), ask)
}

// answer is what the place points to, after it was filled.
func (a *automaton) answer(place *uint32, ask func() (stepped, error)) (stepped, error) {
	if *place != 0 {
		return a.steps[*place], nil
	}
	s, err := ask()
	if err != nil {
		return s, err
	}
	at, ok := a.seen[s]
	if !ok {
		at = uint32(len(a.steps))
		a.steps, a.seen[s] = append(a.steps, s), at
	}
	*place = at
	return s, nil
}

// run steps the engine from words on what stands in a.in, and returns the next words.
func (a *automaton) run(words []uint64) ([]uint64, error) {
	if err := a.engine.Restore(words); err != nil {
		return nil, err
	}
	if err := a.engine.Step(context.Background(), a.in, a.out); err != nil {
		return nil, err
	}
	return a.engine.Snapshot(), nil
}

// keep gives the kernel's outputs their number.
func (a *automaton) keep(out kernel.Outputs) uint32 {
	at, ok := a.known[out]
	if !ok {
		at = uint32(len(a.outputs))
		a.outputs, a.known[out] = append(a.outputs, out), at
	}
	return at
}

// rowOf is a row of bits as a number, the first one lowest.
func rowOf(in []uint64) (row uint32) {
	for i, v := range in {
		row |= uint32(v&1) << i
	}
	return row
}
