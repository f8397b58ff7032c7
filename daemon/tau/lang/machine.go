package lang

import "fmt"

// Machine runs a program. It is not safe for concurrent use.
type Machine struct {
	p    *Program
	regs []uint64
}

// NewMachine returns a machine that stands at row k: its first Step is the first input line.
func (p *Program) NewMachine() *Machine {
	m := &Machine{p: p, regs: make([]uint64, p.regs)}
	copy(m.regs, p.consts)
	for _, h := range p.state {
		for back := 1; back <= h.depth; back++ {
			m.regs[h.first+back-1] = p.initial[p.info.Lookback-back][h.output]
		}
	}
	return m
}

// ValueError says that an input value does not fit its stream.
type ValueError struct {
	Stream Stream
	Value  uint64
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("input %s: expected 0 to %d (%s), found %d", e.Stream.Name, e.Stream.Max(), typeName(e.Stream.Bits), e.Value)
}

// ShapeError says that a slice has not one value for each stream or slot.
type ShapeError struct {
	What        string // "inputs", "outputs" or "snapshot values"
	Want, Found int
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("expected %d %s, found %d", e.Want, e.What, e.Found)
}

// Step runs one tick: in holds one value for each input, out receives one for each output, both in the order of
// Info. On an error (*ShapeError, *ValueError) neither the state nor out has changed. It allocates nothing.
func (m *Machine) Step(in, out []uint64) error {
	p, r := m.p, m.regs
	if len(in) != len(p.max) || len(out) != len(p.outs) {
		return m.shape(in, out)
	}
	for i, v := range in {
		if v > p.max[i] {
			return &ValueError{Stream: p.info.Inputs[i], Value: v}
		}
	}
	copy(r[p.inputs:], in)
	for i := range p.code {
		p.code[i].execute(r)
	}
	for o, reg := range p.outs {
		out[o] = r[reg]
	}
	for i := range p.state {
		h := &p.state[i]
		for s := h.first + h.depth - 1; s > h.first; s-- {
			r[s] = r[s-1]
		}
		r[h.first] = out[h.output] // from out: another output's value may be a register that was just shifted
	}
	return nil
}

// execute runs the instructions one after the other; a later one may use what an earlier one computed.
func (c *run) execute(r []uint64) {
	switch c.op {
	case opAnd:
		for _, i := range c.code {
			r[i.dst] = r[i.a] & r[i.b]
		}
	case opAndNot:
		for _, i := range c.code {
			r[i.dst] = r[i.a] &^ r[i.b]
		}
	case opOr:
		for _, i := range c.code {
			r[i.dst] = r[i.a] | r[i.b]
		}
	case opXor:
		for _, i := range c.code {
			r[i.dst] = r[i.a] ^ r[i.b]
		}
	case opAdd:
		for _, i := range c.code {
			r[i.dst] = r[i.a] + r[i.b]
		}
	case opSub:
		for _, i := range c.code {
			r[i.dst] = r[i.a] - r[i.b]
		}
	case opEq:
		for _, i := range c.code {
			r[i.dst] = bit(r[i.a] == r[i.b])
		}
	case opNe:
		for _, i := range c.code {
			r[i.dst] = bit(r[i.a] != r[i.b])
		}
	case opLt:
		for _, i := range c.code {
			r[i.dst] = bit(r[i.a] < r[i.b])
		}
	case opLe:
		for _, i := range c.code {
			r[i.dst] = bit(r[i.a] <= r[i.b])
		}
	default: // opSelect
		for _, i := range c.code {
			mask := -r[i.c] // all ones or none: no branch to mispredict
			r[i.dst] = r[i.a]&mask | r[i.b]&^mask
		}
	}
}

func (m *Machine) shape(in, out []uint64) error {
	if len(in) != len(m.p.max) {
		return &ShapeError{"inputs", len(m.p.max), len(in)}
	}
	return &ShapeError{"outputs", len(m.p.outs), len(out)}
}

// Snapshot appends the state to dst: the values that Info.State names, in its order. They are all that a later Step
// depends on.
func (m *Machine) Snapshot(dst []uint64) []uint64 {
	for _, h := range m.p.state {
		for back := h.depth; back >= 1; back-- {
			dst = append(dst, m.regs[h.first+back-1])
		}
	}
	return dst
}

// Restore sets the state that Snapshot gave. It refuses a wrong number of values (*ShapeError) and a value that does
// not fit its output; the state is then unchanged.
func (m *Machine) Restore(state []uint64) error {
	if len(state) != len(m.p.info.State) {
		return &ShapeError{"snapshot values", len(m.p.info.State), len(state)}
	}
	at := 0
	for _, h := range m.p.state {
		s := m.p.info.Outputs[h.output]
		for back := h.depth; back >= 1; back-- {
			if state[at] > s.Max() {
				return fmt.Errorf("snapshot value %d, %s of %d ticks ago: expected 0 to %d, found %d", at, s.Name, back, s.Max(), state[at])
			}
			at++
		}
	}
	at = 0
	for _, h := range m.p.state {
		for back := h.depth; back >= 1; back-- {
			m.regs[h.first+back-1] = state[at]
			at++
		}
	}
	return nil
}
