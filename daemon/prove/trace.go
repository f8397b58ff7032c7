package prove

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// Trace is a way from the first boot to a breach.
type Trace struct {
	Steps []Step `json:"steps"`
	// Loop is the place in Steps from which on they can go round for ever; 0 if the last step is the breach. Places count from 0.
	Loop int `json:"loop,omitempty"`
}

// Step is one move, as the coordinator and the specs took it.
type Step struct {
	// Move is boot, tick, answer, restart, or input for a monitor alone.
	Move string `json:"move"`
	// Text says it in words.
	Text string `json:"text"`
	// Given are the numbers that the market gave a tick or an answer.
	Given *Given `json:"given,omitempty"`
	// Tick is the tick's record, with its observation and all verdicts; Outcome is the answer's.
	Tick    *core.Tick    `json:"tick,omitempty"`
	Outcome *core.Outcome `json:"outcome,omitempty"`
	// Inputs and Outputs are those of a monitor that was run alone.
	Inputs  []uint64 `json:"inputs,omitempty"`
	Outputs string   `json:"outputs,omitempty"`
	// Broken are the disciplines that it broke.
	Broken []Finding `json:"broken,omitempty"`
}

// Given are numbers of the state that prices made, and that no discipline speaks of: they are set before the step.
type Given struct {
	Prices     []fixed.Value `json:"prices,omitempty"`
	Peak       fixed.Value   `json:"peak"`
	Entry      fixed.Value   `json:"entry"`
	Cost       fixed.Value   `json:"cost"`
	TripProfit fixed.Value   `json:"trip_profit"`
	// Tight: the tick's settings have a position limit of half a trade.
	Tight bool `json:"tight,omitempty"`
}

func numbersOf(s *core.State) *Given {
	return &Given{Prices: s.Signal.Prices, Peak: s.Peak, Entry: s.Position.Entry, Cost: s.Position.Cost, TripProfit: s.TripProfit}
}

// Apply sets the numbers.
func (g *Given) Apply(s *core.State) {
	s.Signal.Prices, s.Signal.Volumes = g.Prices, nil
	s.Peak, s.Position.Entry, s.Position.Cost, s.TripProfit = g.Peak, g.Entry, g.Cost, g.TripProfit
}

// runner takes moves from the first boot on, with a state of core that goes on from move to move.
type runner struct {
	x     *explorer
	bank  *bank
	state core.State
	mem   memory
	seq   uint64
	steps []Step
}

// trace takes the moves. from is the place of the step with which the move number loop begins, 0 if that is 0.
func (x *explorer) trace(moves []move, loop int) (steps []Step, from int, err error) {
	whole, err := newBank(x.boot.Specs, true)
	if err != nil {
		return nil, 0, err
	}
	r := runner{x: x, bank: whole, state: x.coordinator.ApplyBoot(core.State{}, &x.boot)}
	r.steps = []Step{{Move: "boot", Text: "the first boot"}}
	for i, m := range moves {
		if i == loop && loop > 0 {
			from = len(r.steps)
		}
		if err := r.take(m); err != nil {
			return nil, 0, fmt.Errorf("step %d of a trace: %w", len(r.steps), err)
		}
	}
	return r.steps, from, nil
}

func (r *runner) take(m move) error {
	r.seq++
	var step Step
	var err error
	switch m.kind() {
	case moveTick:
		step, err = r.tick(m)
	case moveAnswer:
		step, err = r.answer(&answers[m>>2], false)
	case moveSpare:
		if step, err = r.restart(); err == nil {
			r.steps = append(r.steps, step)
			r.seq++
			step, err = r.answer(&answers[m>>2], true)
		}
	default:
		step, err = r.restart()
	}
	r.steps = append(r.steps, step)
	return err
}

func (r *runner) tick(m move) (Step, error) {
	x := r.x
	o, k := m.tick()
	p, obs := x.meant.world.meet(&r.state, o, k)
	seen := *obs
	seen.Quotes, seen.Events = slices.Clone(obs.Quotes), slices.Clone(obs.Events)
	before := r.state
	step := Step{Move: "tick", Given: numbersOf(&before)}
	step.Given.Tight = o.risk == excess

	at, err := r.bank.find(&before.Words)
	if err != nil {
		return step, err
	}
	r.bank.at, r.bank.next, r.bank.fail = at, at, x.failures[o.verdict]
	f := x.coordinator.Assess(p, &before, &seen)
	v := x.coordinator.Consult(p, &before, &seen, &f, r.bank)
	after, d := x.coordinator.Decide(p, before, &seen, f, &v)
	r.state = after.Named(r.seq, "id"+strconv.FormatUint(r.seq, 10))

	e := evidence{p, &before, &r.state, &seen, &v, &d, r.bank.LongHold(), r.bank.keeps}
	j := judgement{explain: true}
	j.judge(r.mem, &e)
	r.mem = r.mem.next(&e)
	record := core.NewTick(&seen, &v, &r.state, &d)
	step.Tick, step.Broken = &record, j.why
	step.Text = fmt.Sprintf("tick %d: %s: %s", r.state.Tick, describe(o, k), became(&before, &e))
	return step, nil
}

func (r *runner) answer(a *answer, spare bool) (Step, error) {
	step, what := Step{Move: "answer"}, "exit that was authorised in advance"
	if !spare && r.state.Open == nil || spare && r.state.Spare == nil {
		return step, fmt.Errorf("%w: there is no open intent", errAbstraction)
	}
	s := r.state
	step.Outcome = a.outcome(&s, spare)
	step.Given = numbersOf(&s)
	after, err := settle(r.x.coordinator, &r.x.meant.world.params, s, step.Outcome, r.seq)
	if err != nil {
		return step, err
	}
	r.state = after
	if !spare {
		what = string(step.Outcome.Side)
	}
	step.Text = fmt.Sprintf("the venue says of the %s: %s", what, a)
	if a.fill != none {
		step.Text += fmt.Sprintf("; the position is %s", after.Position.Qty)
	}
	return step, nil
}

// String says the answer in words.
func (a *answer) String() string {
	s := string(a.result)
	switch a.fill {
	case part:
		s += ", a part filled"
	case all:
		s += ", all filled"
	}
	if a.slip {
		s += ", beyond its limit"
	}
	if a.fill != none && !a.gain {
		s += ", at a loss"
	}
	return s
}

func (r *runner) restart() (Step, error) {
	b, err := core.Encode(core.Snapshot{State: r.state})
	if err != nil {
		return Step{}, err
	}
	var back core.Snapshot
	if err := json.Unmarshal(b, &back); err != nil {
		return Step{}, err
	}
	r.state = r.x.coordinator.ApplyBoot(back.State, &r.x.boot)
	return Step{Move: "restart", Text: "the process dies, and comes back with what is durable"}, nil
}

// describe says the choices of a tick in words.
func describe(o outside, m market) string {
	var words []string
	add := func(on bool, w string) {
		if on {
			words = append(words, w)
		}
	}
	switch m.fresh {
	case deaf:
		add(true, "no source answers")
	case lonely:
		add(true, "one source too few")
	default:
		add(true, "fresh")
	}
	add(m.below, "price low")
	add(m.above, "above target")
	add(m.up, "trend up")
	add(m.vol, "volume high")
	add(m.profit, "in profit")
	add(o.event == mild, "an anomaly from outside")
	add(o.event == grave, "a grave anomaly from outside")
	add(o.risk == drawdown, "drawdown")
	add(o.risk == excess, "position above its limit")
	add(o.balance == half, "half of the balance")
	add(o.balance == empty, "no balance")
	add(o.balance == unknown, "balance unknown")
	add(o.lease == leaseThin, "Lease thin")
	add(o.lease == leaseLost, "Lease lost")
	add(o.verdict == missing, "a verdict is missing")
	add(o.verdict == disagreeing, "engines disagree")
	add(o.flatten, "flatten ordered")
	add(o.ack, "quarantine acknowledged")
	add(o.poor, "no funds")
	add(o.asking, "not known yet what was sent before")
	add(o.lapsed, "the open sell has lapsed")
	return strings.Join(words, ", ")
}

// became says in words what a tick decided.
func became(before *core.State, e *evidence) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	if v := e.verdicts; v.Err == "" {
		on := "idle"
		switch {
		case v.Out.Buy && v.Out.Sell:
			on = "buys and sells"
		case v.Out.Buy:
			on = "buys"
		case v.Out.Sell:
			on = "sells"
		case v.Out.Holding:
			on = "holds"
		}
		add("the kernel %s", on)
		if v.Out.Burn {
			add("and orders a burn")
		}
	}
	for i := range e.decision.Anomalies {
		add("%s", e.decision.Anomalies[i].Code)
	}
	if q := &e.after.Quarantine; q.Active {
		kind := "Auto"
		if q.Manual {
			kind = "Manual"
		}
		add("%s quarantine", kind)
	} else if before.Quarantine.Active {
		add("the quarantine ends")
	}
	if e.after.Exit != "" {
		add("exit owed (%s)", e.after.Exit)
	}
	if a := e.decision.Action; a != nil {
		add("a %s of %s leaves", a.Side, a.Qty)
	}
	if e.decision.Cancel != "" {
		add("the open order is cancelled")
	}
	if e.decision.Refused != "" {
		add("refused: %s", e.decision.Refused)
	}
	return strings.Join(words, ", ")
}
