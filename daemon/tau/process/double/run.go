package double

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

// runner is one run of a spec.
type runner struct {
	*plan
	info    lang.Info
	machine *lang.Machine
	initial [][]uint64
	mirrors map[int]int // output to input
	ins     []*reader
	outs    []*os.File
	record  *record
	times   *os.File
}

func run(p *plan, text string) error {
	time.Sleep(p.start)
	switch {
	case p.fires(NeverStart):
		hang()
	case p.fires(Unsat):
		return earlyError{errors.New("Tau specification is unsat")} //nolint:staticcheck // the binary's own words
	case p.fires(Crash):
		abort()
	}
	r, err := newRunner(p, text)
	if err != nil {
		return earlyError{err}
	}
	if err := r.open(); err != nil {
		return err
	}
	if err := r.initialRows(); err != nil {
		return err
	}
	for tick := 0; ; tick++ {
		if err := r.tick(tick); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

func newRunner(p *plan, text string) (*runner, error) {
	spec, err := lang.Parse("spec", []byte(text))
	if err != nil {
		return nil, err
	}
	free := arbitrary(spec)
	if spec, err = lang.Parse("spec", []byte(withInitial(text, free))); err != nil {
		return nil, err
	}
	prog, err := lang.Compile(spec)
	if err != nil {
		return nil, err
	}
	r := &runner{plan: p, info: prog.Info(), machine: prog.NewMachine(), initial: prog.InitialRows(), mirrors: mirrors(spec, prog.Info())}
	given := given(spec)
	for n := range r.initial {
		for o, s := range r.info.Outputs {
			if s.Bits > 0 && !given[fmt.Sprintf("%s[%d]", s.Name, n)] {
				r.initial[n][o] = arbitraryValue & s.Max()
			}
		}
	}
	if p.replay != "" {
		if r.record, err = readRecord(p.replay, r.info); err != nil {
			return nil, err
		}
	}
	return r, nil
}

const arbitraryValue = 0xA5A5A5A5A5A5A5A5

// given lists the initial values in the text, as "name[row]".
func given(spec *lang.Spec) map[string]bool {
	m := map[string]bool{}
	for _, c := range spec.Clauses() {
		if c.Op == lang.OpEq && c.A.Row {
			m[c.A.String()] = true
		}
	}
	return m
}

// arbitrary gives the initial values of looked-back bit-vectors that have none: the binary chooses then.
func arbitrary(spec *lang.Spec) (clauses []string) {
	deepest, has := map[string]int{}, given(spec)
	k := 0
	var walk func(n *lang.Node)
	walk = func(n *lang.Node) {
		if n == nil {
			return
		}
		if n.Op == lang.OpRef && !n.Row && n.At > 0 {
			deepest[n.Name] = max(deepest[n.Name], n.At)
			k = max(k, n.At)
		}
		walk(n.A)
		walk(n.B)
		walk(n.C)
	}
	walk(spec.Formula)
	for _, d := range spec.Decls {
		for row := k - deepest[d.Name]; row < k && d.Dir == lang.Out && d.Bits > 0; row++ {
			if at := fmt.Sprintf("%s[%d]", d.Name, row); !has[at] {
				clauses = append(clauses, fmt.Sprintf("%s = {%d}:bv[%d]", at, arbitraryValue&d.Max(), d.Bits))
			}
		}
	}
	return clauses
}

func withInitial(text string, clauses []string) string {
	if len(clauses) == 0 {
		return text
	}
	body := strings.TrimSuffix(strings.TrimSpace(text), ".")
	return body + " && " + strings.Join(clauses, " && ") + ".\n"
}

func mirrors(spec *lang.Spec, info lang.Info) map[int]int {
	ins, outs, m := map[string]int{}, map[string]int{}, map[int]int{}
	for i, s := range info.Inputs {
		ins[s.Name] = i
	}
	for o, s := range info.Outputs {
		outs[s.Name] = o
	}
	for _, c := range spec.Clauses() {
		if c.Op != lang.OpEq || c.A.Row || c.B.Op != lang.OpRef || c.B.At != 0 {
			continue
		}
		if i, ok := ins[c.B.Name]; ok {
			m[outs[c.A.Name]] = i
		}
	}
	return m
}

func (r *runner) open() error {
	for _, s := range r.info.Inputs {
		fd, err := syscall.Open(s.Path, syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
		if err != nil {
			return fmt.Errorf("Failed to open file: '%s'", s.Path) //nolint:staticcheck // the binary's own words
		}
		r.ins = append(r.ins, &reader{fd: fd})
	}
	for _, s := range r.info.Outputs {
		fd, err := syscall.Open(s.Path, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_TRUNC|syscall.O_CLOEXEC, 0o600)
		if err != nil {
			return fmt.Errorf("Failed to open file: '%s'", s.Path) //nolint:staticcheck // the binary's own words
		}
		r.outs = append(r.outs, os.NewFile(uintptr(fd), s.Path)) // blocking, as the binary's are
	}
	if r.plan.times != "" {
		f, err := os.OpenFile(r.plan.times, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		r.times = f
	}
	return nil
}

func (r *runner) initialRows() error {
	rows := r.initial
	if r.record != nil {
		rows = r.record.initial(rows)
	}
	if len(rows) > 0 && r.fires(NoInitial) {
		rows = rows[1:]
	}
	if len(rows) > 0 && r.fires(WrongInitial) {
		last := rows[len(rows)-1]
		for o, s := range r.info.Outputs {
			last[o] = s.Max() - last[o]
		}
	}
	for _, row := range rows {
		if err := r.write(row); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) tick(tick int) error {
	in, asked, err := r.read()
	if err != nil {
		return err
	}
	read := time.Now()
	out := make([]uint64, len(r.outs))
	if err := r.machine.Step(in, out); err != nil {
		return err
	}
	if r.record != nil {
		if err := r.record.answer(in, out); err != nil {
			return err
		}
	}
	time.Sleep(r.step)
	if done, err := r.faultyRow(tick, out); done || err != nil {
		return err
	}
	if err := r.write(out); err != nil {
		return err
	}
	if r.times != nil {
		if _, err := fmt.Fprintln(r.times, time.Since(read).Nanoseconds()); err != nil {
			return err
		}
	}
	if !asked {
		return io.EOF // the binary waits for a key now, and standard input has none
	}
	return r.after(tick, out)
}

// read reads a line from each input whose value can matter; asked says whether there was any.
func (r *runner) read() (in []uint64, asked bool, err error) {
	in = make([]uint64, len(r.ins))
	for i := range r.ins {
		if !r.matters(i) {
			continue
		}
		asked = true
		line, err := r.ins[i].line()
		if err != nil || line == "" {
			return nil, asked, io.EOF
		}
		if in[i], err = parse(r.info.Inputs[i], strings.TrimSpace(line)); err != nil {
			return nil, asked, err
		}
	}
	return in, asked, nil
}

// matters says whether an input is read in the present state. One with a mirror always is. For others all values of
// all bits are tried, and of bit-vectors a few.
func (r *runner) matters(i int) bool {
	for _, m := range r.mirrors {
		if m == i {
			return true
		}
	}
	state := r.machine.Snapshot(nil)
	defer r.machine.Restore(state) //nolint:errcheck // it is this machine's own
	in := make([]uint64, len(r.ins))
	a, b := make([]uint64, len(r.outs)), make([]uint64, len(r.outs))
	for n := range 1 << min(len(in), 12) {
		for j, s := range r.info.Inputs {
			in[j] = [...]uint64{0, s.Max()}[n>>(j%12)&1]
		}
		for bit := range max(r.info.Inputs[i].Bits, 1) {
			if r.row(state, in, a); r.machine.Restore(state) != nil {
				return true
			}
			in[i] ^= 1 << bit
			r.row(state, in, b)
			in[i] ^= 1 << bit
			for o := range a {
				if a[o] != b[o] {
					return true
				}
			}
		}
	}
	return false
}

func (r *runner) row(state, in, out []uint64) {
	if r.machine.Restore(state) != nil || r.machine.Step(in, out) != nil {
		abort()
	}
}

func (r *runner) write(row []uint64) error {
	for o, v := range row {
		if err := r.put(o, strconv.FormatUint(v, 10)+"\n"); err != nil {
			return err
		}
	}
	return nil
}

func (r *runner) put(o int, text string) error {
	_, err := r.outs[o].WriteString(text)
	return err
}

// parse reads an input line as the binary does, symbols excepted.
func parse(s lang.Stream, text string) (uint64, error) {
	if s.Bits == 0 {
		switch text {
		case "0", "1":
			return uint64(text[0] - '0'), nil
		}
		return 0, fmt.Errorf("[sbf] Syntax Error: Unexpected '%.1s' at 1:1 (1): %s", text, text)
	}
	digits, base := text, 10
	if t, ok := strings.CutPrefix(text, "#x"); ok {
		digits, base = t, 16
	} else if t, ok := strings.CutPrefix(text, "#b"); ok {
		digits, base = t, 2
	}
	v, err := strconv.ParseUint(digits, base, 64)
	switch {
	case errors.Is(err, strconv.ErrRange) || err == nil && v > s.Max():
		return 0, fmt.Errorf("Error creating bitvector constant from string '%s': overflow in bit-vector construction", digits) //nolint:staticcheck // the binary's own words
	case err != nil:
		return 0, fmt.Errorf("[bv] Syntax Error: Unexpected '%.1s' at 1:1 (1): %s", text, text)
	}
	return v, nil
}

// reader reads lines with blocking calls, as the binary does.
type reader struct {
	fd  int
	buf []byte
}

func (r *reader) line() (string, error) {
	for {
		if text, rest, ok := strings.Cut(string(r.buf), "\n"); ok {
			r.buf = []byte(rest)
			return text, nil
		}
		chunk := make([]byte, 256)
		n, err := syscall.Read(r.fd, chunk)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err != nil:
			return "", err
		case n == 0 && len(r.buf) > 0:
			text := string(r.buf)
			r.buf = nil
			return text, nil
		case n == 0:
			return "", io.EOF
		}
		r.buf = append(r.buf, chunk[:n]...)
	}
}

// leaveOrphan starts a process that outlives the double, if nobody ends the group.
func leaveOrphan() {
	cmd := exec.Command("sleep", "600") //nolint:noctx // it is meant to stay
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		fmt.Fprintln(os.Stderr, "(Error) taudouble:", err)
	}
}
