package process

import (
	"fmt"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// rendering is what the binary is fed for one spec in one state.
type rendering struct {
	decls   []string
	formula string // "always ...", one line, with its dot
	inputs  []lang.Stream
	outputs []output // the spec's own first, in their order; then the added ones
	words   bool     // has bit-vectors
	k       int
}

// output is one output of a rendered spec.
type output struct {
	lang.Stream
	mirrors int // the input that it repeats, or -1
}

// render writes the spec so that its first row after the initial ones continues from state. Paths are relative to the
// process's working directory: in/NAME and out/NAME.
func render(spec *lang.Spec, info tau.Info, state []uint64) (*rendering, error) {
	// An initial value on a group of outputs that looks back less far than the spec would start that group too early.
	// The checker knows; then the values that are not 0 anyway are given to outputs that are made to look back as far.
	r := newRendering(spec, info)
	text := r.with(initialValues(info, state, false))
	if _, err := lang.Validate("", []byte(text)); err == nil {
		return r, nil
	}
	r = newRendering(spec, info)
	r.hold(info, state)
	text = r.with(initialValues(info, state, true))
	if _, err := lang.Validate("rendered.tau", []byte(text)); err != nil {
		return nil, fmt.Errorf("state cannot be given to the binary: %w", err)
	}
	return r, nil
}

func newRendering(spec *lang.Spec, info tau.Info) *rendering {
	r := &rendering{inputs: info.Inputs, k: info.Lookback}
	var clauses []string
	mirrored := map[string]string{} // output to input
	for _, c := range spec.Clauses() {
		if c.Op == lang.OpEq && c.A.Row {
			continue // initial values come from the state
		}
		if c.Op == lang.OpEq && c.B.Op == lang.OpRef && c.B.At == 0 {
			mirrored[c.A.Name] = c.B.Name
		}
		clauses = append(clauses, "("+c.String()+")")
	}
	r.formula = "always " + strings.Join(clauses, " && ")
	index := map[string]int{}
	for i, s := range info.Inputs {
		index[s.Name] = i
		r.declare(s, lang.In)
	}
	has := map[int]bool{}
	for _, s := range info.Outputs {
		o := output{s, -1}
		if i, ok := index[mirrored[s.Name]]; ok {
			o.mirrors, has[i] = i, true
		}
		r.declare(s, lang.Out)
		r.outputs = append(r.outputs, o)
	}
	for i, s := range info.Inputs {
		if !has[i] {
			r.add("om_"+s.Name, s.Bits, i, s.Name+"[t]")
		}
	}
	return r
}

func (r *rendering) declare(s lang.Stream, dir lang.Dir) {
	s.Path = "out/" + s.Name
	if dir == lang.In {
		s.Path = "in/" + s.Name
	}
	r.decls = append(r.decls, lang.Decl{Stream: s, Dir: dir}.String())
	r.words = r.words || s.Bits > 0
}

// add gives the spec one more output, under a name that it does not have yet.
func (r *rendering) add(name string, bits, mirrors int, term string) {
	for r.taken(name) {
		name += "_"
	}
	s := lang.Stream{Name: name, Bits: bits}
	r.declare(s, lang.Out)
	r.outputs = append(r.outputs, output{s, mirrors})
	r.formula += fmt.Sprintf(" && (%s[t] = %s)", name, term)
}

func (r *rendering) taken(name string) bool {
	for _, o := range r.outputs {
		if o.Name == name {
			return true
		}
	}
	return false
}

// hold adds, for each output that has a value other than 0 to keep and looks back less far than the spec, an output
// that looks back at it as far as the spec does: its whole group then starts with the others.
func (r *rendering) hold(info tau.Info, state []uint64) {
	depth, keeps := map[string]int{}, map[string]bool{}
	for i, slot := range info.State {
		depth[slot.Output] = max(depth[slot.Output], slot.Back)
		keeps[slot.Output] = keeps[slot.Output] || state[i] != 0
	}
	for _, s := range info.Outputs {
		if s.Bits == 0 && keeps[s.Name] && depth[s.Name] < r.k { // a bit-vector in such a group has no initial value, so no spec has one
			r.add("oh_"+s.Name, s.Bits, -1, fmt.Sprintf("%s[t-%d]", s.Name, r.k))
		}
	}
}

// initialValues writes o[k-back] = value for each slot of the state. sparse leaves out bits that are 0, which is what
// they are without an initial value, where the output has no other; a bit-vector always needs its own.
func initialValues(info tau.Info, state []uint64, sparse bool) (clauses []string) {
	bits, keeps := map[string]int{}, map[string]bool{}
	for _, s := range info.Outputs {
		bits[s.Name] = s.Bits
	}
	for i, slot := range info.State {
		keeps[slot.Output] = keeps[slot.Output] || state[i] != 0
	}
	for i, slot := range info.State {
		n := bits[slot.Output]
		if sparse && n == 0 && !keeps[slot.Output] {
			continue
		}
		value := lang.Node{Op: lang.OpConst, Value: state[i], Bits: n}
		clauses = append(clauses, fmt.Sprintf("(%s[%d] = %s)", slot.Output, info.Lookback-slot.Back, value.String()))
	}
	return clauses
}

// with completes the formula and returns the whole text.
func (r *rendering) with(initial []string) string {
	r.formula = strings.Join(append([]string{r.formula}, initial...), " && ") + "."
	r.words = r.words || strings.Contains(r.formula, ":bv[") // a comparison of constants
	return r.file()
}

// file is the spec-file form.
func (r *rendering) file() string { return strings.Join(r.decls, "\n") + "\n" + r.formula + "\n" }

// commands is the interactive form. The declarations must be there before the formula, which must be on one line.
func (r *rendering) commands() string {
	return strings.Join(r.decls, "\n") + "\nrun " + r.formula + "\n"
}

// args are the binary's arguments. The spec file comes first: options before it make the binary start the interactive
// form, and leave the spec unread.
func (r *rendering) args() []string {
	if r.words {
		return []string{"-c", "false", "-s", "false", "-S", "error", "-B", "false", "-b", "false"}
	}
	return []string{specFile, "-q", "-S", "error", "-b", "false"}
}

const specFile = "spec.tau"
