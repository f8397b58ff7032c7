package tau

import (
	"errors"
	"fmt"
	"path"
	"slices"
)

// Port is a stream that a caller knows by its file's name, the fixed contract with the outside; the names of the streams inside a spec are
// its author's.
type Port struct {
	// File is the last element of the stream's path, such as "price.in".
	File string
	// Bits is 0 for sbf, else the width of the bit-vector.
	Bits int
	// Optional: a spec may do without this input.
	Optional bool
}

// Wiring maps a caller's ports, in the caller's order, to the streams that a spec declares, in the spec's.
type Wiring struct {
	spec    string
	in, out []int // by stream of the spec: the port, or -1 for an output that the caller does not know (a mirror)
	ports   []Port
	names   []string
	has     []bool // by input port
}

// Wire finds the ports among the streams that a spec declares. Extra outputs are left alone; an extra input, a missing or doubled stream, and
// one of another type are errors, all of which are returned, so that a spec can only ever be fed and read completely.
func Wire(info Info, inputs, outputs []Port) (*Wiring, error) {
	w := &Wiring{spec: info.SpecName, ports: outputs, has: make([]bool, len(inputs))}
	hasOut := make([]bool, len(outputs))
	var errs []error
	for _, s := range info.Inputs {
		w.in = append(w.in, wire(s, "input", inputs, w.has, &errs))
		if w.in[len(w.in)-1] < 0 {
			errs = append(errs, fmt.Errorf("input %s reads %q, expected one of %s", s.Name, s.Path, files(inputs)))
		}
	}
	for _, s := range info.Outputs {
		w.out = append(w.out, wire(s, "output", outputs, hasOut, &errs))
		w.names = append(w.names, s.Name)
	}
	for i, p := range inputs {
		if !w.has[i] && !p.Optional {
			errs = append(errs, fmt.Errorf("no input stream reads %s", p.File))
		}
	}
	for i, p := range outputs {
		if !hasOut[i] {
			errs = append(errs, fmt.Errorf("no output stream writes %s", p.File))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("spec %s has not the streams that it must have: %w", info.SpecName, err)
	}
	return w, nil
}

func wire(s Stream, kind string, ports []Port, has []bool, errs *[]error) int {
	i := slices.IndexFunc(ports, func(p Port) bool { return p.File == path.Base(s.Path) })
	switch {
	case i < 0:
	case ports[i].Bits != s.Bits:
		*errs = append(*errs, fmt.Errorf("%s %s (%s): expected %s, found %s", kind, s.Name, s.Path, typeName(ports[i].Bits), typeName(s.Bits)))
	case has[i]:
		*errs = append(*errs, fmt.Errorf("%s file %s is declared twice", kind, ports[i].File))
	}
	if i >= 0 {
		has[i] = true
	}
	return i
}

func typeName(bits int) string {
	if bits == 0 {
		return "sbf"
	}
	return fmt.Sprintf("bv[%d]", bits)
}

func files(ports []Port) string {
	s := ""
	for i, p := range ports {
		if i > 0 {
			s += ", "
		}
		s += p.File
	}
	return s
}

// Has says that the spec declares input port i.
func (w *Wiring) Has(i int) bool { return w.has[i] }

// Encode puts the values of the input ports where the spec has their streams.
func (w *Wiring) Encode(ports, streams []uint64) {
	for i, p := range w.in {
		streams[i] = ports[p]
	}
}

// Decode takes the values of the output ports from where the spec has their streams. A wrong number of values, or one that does not fit its
// type, is an error that names the stream.
func (w *Wiring) Decode(streams, ports []uint64) error {
	if len(streams) != len(w.out) {
		return fmt.Errorf("%s: expected %d output values, found %d", w.spec, len(w.out), len(streams))
	}
	for i, p := range w.out {
		if p < 0 {
			continue
		}
		if highest := uint64(1)<<max(w.ports[p].Bits, 1) - 1; streams[i] > highest {
			return fmt.Errorf("%s: output %s (%s): expected at most %d, found %d", w.spec, w.names[i], w.ports[p].File, highest, streams[i])
		}
		ports[p] = streams[i]
	}
	return nil
}
