package lang

// Program is a compiled spec: a flat list of instructions over a file of 64-bit registers. It is immutable; any number
// of machines may run it at a time.
type Program struct {
	info    Info
	initial [][]uint64 // rows 0..k-1
	code    []run
	regs    int      // size of the register file
	consts  []uint64 // registers 0..len-1
	inputs  int      // first register of the inputs
	max     []uint64 // by input: largest value
	outs    []uint32 // by output: the register that holds its value after a tick
	state   []history
}

// Info says what a spec's interface and time are.
type Info struct {
	Inputs, Outputs []Stream // in the order of their declarations
	Lookback        int      // k, the number of initial rows
	State           []Slot   // what a snapshot holds
}

// Slot is one value of a snapshot: what Output was Back ticks before the next one. A spec for the real binary is
// resumed with the initial value Output[Lookback-Back] = value for each slot.
type Slot struct {
	Output string
	Back   int
}

// run is a sequence of instructions of one kind. Grouped like this a step branches once a run instead of once an
// instruction, which makes it about twice as fast.
type run struct {
	op   opcode
	code []instr
}

// instr computes regs[dst] from its operands. c is the condition of a selection.
type instr struct{ dst, a, b, c uint32 }

type opcode uint8

const (
	opAnd    opcode = iota
	opAndNot        // a &^ b
	opOr
	opXor
	opAdd
	opSub
	opEq
	opNe
	opLt
	opLe
	opSelect // c is 0 or 1: c == 1 ? a : b
	opCount
)

// history is where an output's past values are: registers first (one tick ago) to first+depth-1.
type history struct {
	output, first, depth int
}

// Load is Parse, Check and Compile.
func Load(file string, src []byte) (*Program, error) {
	s, err := Parse(file, src)
	if err != nil {
		return nil, err
	}
	return Compile(s)
}

// Validate says whether a spec can run and what its interface is, without making anything.
func Validate(file string, src []byte) (Info, error) {
	p, err := Load(file, src)
	if err != nil {
		return Info{}, err
	}
	return p.Info(), nil
}

// Compile checks the spec and translates it.
func Compile(s *Spec) (*Program, error) {
	m, err := s.resolve()
	if err != nil {
		return nil, err
	}
	return m.compile(), nil
}

// Info returns the spec's interface. The slices are shared: do not write to them.
func (p *Program) Info() Info { return p.info }

// InitialRows returns the rows 0..k-1, which come before the first input line. The slices are shared.
func (p *Program) InitialRows() [][]uint64 { return p.initial }

func (m *model) compile() *Program {
	p := &Program{}
	for _, d := range m.inputs {
		p.info.Inputs = append(p.info.Inputs, d.Stream)
		p.max = append(p.max, d.Max())
	}
	for o, d := range m.outputs {
		p.info.Outputs = append(p.info.Outputs, d.Stream)
		for back := m.depth[o]; back >= 1; back-- {
			p.info.State = append(p.info.State, Slot{Output: d.Name, Back: back})
		}
	}
	p.info.Lookback = m.lookback
	for r := range m.lookback {
		values := make([]uint64, len(m.outputs))
		for o := range values {
			values[o] = m.init[row{o, r}]
		}
		p.initial = append(p.initial, values)
	}

	b := newBuilder(m)
	for _, o := range m.order {
		b.output[o] = b.value(o, m.def[o])
	}
	b.emit(p)
	return p
}

// emit lays out the registers (constants, inputs, state, then one for each computed node) and writes the
// instructions.
func (b *builder) emit(p *Program) {
	needed := b.needed()
	reg := make([]uint32, len(b.nodes))
	for _, id := range needed {
		if n := b.nodes[id]; n.kind == constant {
			reg[id] = uint32(len(p.consts))
			p.consts = append(p.consts, n.value)
		}
	}
	p.inputs = len(p.consts)
	next := p.inputs + len(b.model.inputs)
	first := make([]int, len(b.model.outputs))
	for o, depth := range b.model.depth {
		if first[o] = next; depth > 0 {
			p.state = append(p.state, history{o, next, depth})
			next += depth
		}
	}
	var computing []int
	for _, id := range needed {
		switch n := b.nodes[id]; n.kind {
		case input:
			reg[id] = uint32(p.inputs + n.stream)
		case past:
			reg[id] = uint32(first[n.stream] + n.back - 1)
		case computed:
			reg[id] = uint32(next)
			next++
			computing = append(computing, id)
		default: // constants have their registers
		}
	}
	p.regs = next
	for _, id := range b.schedule(computing) {
		n := b.nodes[id]
		if len(p.code) == 0 || p.code[len(p.code)-1].op != n.op {
			p.code = append(p.code, run{op: n.op})
		}
		last := &p.code[len(p.code)-1]
		last.code = append(last.code, instr{dst: reg[id], a: reg[n.a], b: reg[n.b], c: reg[n.c]})
	}
	for _, id := range b.output {
		p.outs = append(p.outs, reg[id])
	}
}
