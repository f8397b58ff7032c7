package double

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// Fault is something that the double does wrong.
type Fault string

// The faults. Those of a tick come when its inputs were read.
const (
	NeverStart   Fault = "never-start"   // no row, no end
	Unsat        Fault = "unsat"         // "(Error) Tau specification is unsat" before the first row
	Crash        Fault = "crash"         // abort before the first row
	WrongInitial Fault = "wrong-initial" // another initial row than asked for
	NoInitial    Fault = "no-initial"    // one initial row too few
	NoVersion    Fault = "no-version"    // --version hangs

	ErrorText    Fault = "error"      // "(Error) ..." instead of the row, exit code 0
	Exit         Fault = "exit"       // exit code 0 instead of the row, silently
	Die          Fault = "die"        // killed after half of the outputs
	Hang         Fault = "hang"       // no output, no end
	HalfHang     Fault = "half-hang"  // all outputs but the last, no end
	Late         Fault = "late"       // the row after DURATION
	Symbol       Fault = "symbol"     // "e s' y" on the first output
	Garbage      Fault = "garbage"    // bytes on the first output
	Endless      Fault = "endless"    // a line without end on the first output
	Range        Fault = "range"      // a value above the first output's largest
	EmptyLine    Fault = "empty-line" // nothing but a line end on the first output
	LeadingZero  Fault = "leading-zero"
	Twice        Fault = "twice"        // two lines on the last output
	ExtraLater   Fault = "extra-later"  // a second line on the last output, 20 ms after the row
	Missing      Fault = "missing"      // no line on the first output, all others
	WrongMirror  Fault = "wrong-mirror" // the last mirror shows another value
	WrongAnswer  Fault = "wrong-answer" // the first output that is no mirror shows another value
	ExitAfter    Fault = "exit-after"   // the row, then exit code 0
	OrphanedKill Fault = "orphan"       // starts a process that would outlive it, then hangs
	Chatter      Fault = "chatter"      // a megabyte of text on standard output, then the row
	ErrorAfter   Fault = "error-after"  // the row, then an "(Error)" text, and hangs
	CutLine      Fault = "cut-line"     // half a line on the last output, then exit code 0
)

// Faults of a start and of a tick, for tests that try them all. WrongAnswer and Chatter are not among them: package
// process cannot see the one, and must bear the other.
var (
	StartFaults = []Fault{NeverStart, Unsat, Crash, WrongInitial, NoInitial}
	TickFaults  = []Fault{
		ErrorText, Exit, Die, Hang, HalfHang, Late, Symbol, Garbage, Endless, Range, EmptyLine, LeadingZero, Twice,
		Missing, WrongMirror, OrphanedKill, CutLine,
	}
)

// plan is what the environment orders.
type plan struct {
	fault Fault
	tick  int
	arg   time.Duration
	once  string

	start, step   time.Duration
	replay, times string
}

func readPlan() (p plan, err error) {
	p = plan{once: os.Getenv("TAU_DOUBLE_ONCE"), replay: os.Getenv("TAU_DOUBLE_REPLAY"), times: os.Getenv("TAU_DOUBLE_TIMES")}
	if p.start, err = duration("TAU_DOUBLE_START", os.Getenv("TAU_DOUBLE_START")); err != nil {
		return p, err
	}
	if p.step, err = duration("TAU_DOUBLE_STEP", os.Getenv("TAU_DOUBLE_STEP")); err != nil {
		return p, err
	}
	order, arg, _ := strings.Cut(os.Getenv("TAU_DOUBLE_FAULT"), "=")
	if p.arg, err = duration("TAU_DOUBLE_FAULT", arg); err != nil {
		return p, err
	}
	kind, tick, ok := strings.Cut(order, "@")
	p.fault = Fault(kind)
	if ok {
		if p.tick, err = strconv.Atoi(tick); err != nil {
			return p, fmt.Errorf("TAU_DOUBLE_FAULT: expected a tick's number after @, found %q", tick)
		}
	}
	return p, nil
}

func duration(name, s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// fires says whether the fault is due, and uses it up if it comes only once.
func (p *plan) fires(f Fault) bool {
	if p.fault != f {
		return false
	}
	if p.once == "" {
		return true
	}
	file, err := os.OpenFile(p.once, os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return false
	}
	return file.Close() == nil
}

// firesAt is fires for the faults of a tick.
func (p *plan) firesAt(f Fault, tick int) bool { return p.tick == tick && p.fires(f) }

// hang never returns.
func hang() {
	for {
		time.Sleep(time.Hour)
	}
}
