package kernel

import (
	"errors"
	"fmt"
	"path"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// Inputs are the five bits that the kernel reads at a tick.
type Inputs struct {
	// PriceHigh: the price is high (while flat: not below the band; while holding: above target, or the risk guard wants out).
	PriceHigh bool
	// VolumeFresh: prices are fresh, and volume is high or a position is held. It is what lets the kernel stay in.
	VolumeFresh bool
	// TrendUp: the trend is up and nothing blocks an entry. It matters for entry only.
	TrendUp bool
	// ProfitGuard: selling now would realise a profit with all costs in, on fresh prices and without a failure echo.
	ProfitGuard bool
	// FailureEcho: an anomaly is recent.
	FailureEcho bool
}

// Outputs are the kernel's raw output bits of a tick.
type Outputs struct {
	State, Buy, Sell, Holding, Lock, OracleFresh               bool
	TimerB0, TimerB1, Nonce, EntryPrice                        bool
	Profit, Burn, HasBurned, Progress                          bool
	ObsActionExcl, ObsFreshExec, ObsBurnProfit, ObsNonceEffect bool
}

// Expired says that the two-bit timer ran out: the kernel leaves at the next tick.
func (o *Outputs) Expired() bool { return o.TimerB0 && o.TimerB1 }

// inputFiles and outputFiles are the kernel's streams by file name, in the order in which Bits packs them.
var (
	inputFiles = []struct {
		file string
		get  func(*Inputs) *bool
	}{
		{"price.in", func(i *Inputs) *bool { return &i.PriceHigh }},
		{"volume.in", func(i *Inputs) *bool { return &i.VolumeFresh }},
		{"trend.in", func(i *Inputs) *bool { return &i.TrendUp }},
		{"profit_guard.in", func(i *Inputs) *bool { return &i.ProfitGuard }},
		{"failure_echo.in", func(i *Inputs) *bool { return &i.FailureEcho }},
	}
	outputFiles = []struct {
		file string
		get  func(*Outputs) *bool
	}{
		{"state.out", func(o *Outputs) *bool { return &o.State }},
		{"buy_signal.out", func(o *Outputs) *bool { return &o.Buy }},
		{"sell_signal.out", func(o *Outputs) *bool { return &o.Sell }},
		{"holding.out", func(o *Outputs) *bool { return &o.Holding }},
		{"lock.out", func(o *Outputs) *bool { return &o.Lock }},
		{"oracle_fresh.out", func(o *Outputs) *bool { return &o.OracleFresh }},
		{"timer_b0.out", func(o *Outputs) *bool { return &o.TimerB0 }},
		{"timer_b1.out", func(o *Outputs) *bool { return &o.TimerB1 }},
		{"nonce.out", func(o *Outputs) *bool { return &o.Nonce }},
		{"entry_price.out", func(o *Outputs) *bool { return &o.EntryPrice }},
		{"profit.out", func(o *Outputs) *bool { return &o.Profit }},
		{"burn_event.out", func(o *Outputs) *bool { return &o.Burn }},
		{"has_burned.out", func(o *Outputs) *bool { return &o.HasBurned }},
		{"progress_flag.out", func(o *Outputs) *bool { return &o.Progress }},
		{"obs_action_excl.out", func(o *Outputs) *bool { return &o.ObsActionExcl }},
		{"obs_fresh_exec.out", func(o *Outputs) *bool { return &o.ObsFreshExec }},
		{"obs_burn_profit.out", func(o *Outputs) *bool { return &o.ObsBurnProfit }},
		{"obs_nonce_effect.out", func(o *Outputs) *bool { return &o.ObsNonceEffect }},
	}
)

// Binding maps the kernel's streams to the places that a spec declares them in.
type Binding struct {
	in      []int // index into inputFiles, by the spec's input order
	out     []int // index into outputFiles by the spec's output order, -1 for a mirror or another extra output
	outName []string
}

// Bind finds the kernel's streams among those that a spec declares. Extra outputs (mirrors) are read and ignored; an extra input, a missing
// stream, a doubled one, or one that is not a bit is an error.
func Bind(info tau.Info) (*Binding, error) {
	b := &Binding{in: make([]int, len(info.Inputs)), out: make([]int, len(info.Outputs)), outName: make([]string, len(info.Outputs))}
	var errs []error
	seenIn, seenOut := make([]bool, len(inputFiles)), make([]bool, len(outputFiles))
	for i, s := range info.Inputs {
		k := indexOf(len(inputFiles), func(k int) bool { return inputFiles[k].file == path.Base(s.Path) })
		switch {
		case k < 0:
			errs = append(errs, fmt.Errorf("input %s reads %q, which is none of the kernel's five inputs", s.Name, s.Path))
		case s.Bits != 0:
			errs = append(errs, fmt.Errorf("input %s (%s) is bv[%d], expected sbf", s.Name, s.Path, s.Bits))
		case seenIn[k]:
			errs = append(errs, fmt.Errorf("input file %s is declared twice", inputFiles[k].file))
		default:
			seenIn[k] = true
		}
		b.in[i] = k
	}
	for i, s := range info.Outputs {
		k := indexOf(len(outputFiles), func(k int) bool { return outputFiles[k].file == path.Base(s.Path) })
		b.out[i], b.outName[i] = k, s.Name
		switch {
		case k < 0:
		case s.Bits != 0:
			errs = append(errs, fmt.Errorf("output %s (%s) is bv[%d], expected sbf", s.Name, s.Path, s.Bits))
		case seenOut[k]:
			errs = append(errs, fmt.Errorf("output file %s is declared twice", outputFiles[k].file))
		default:
			seenOut[k] = true
		}
	}
	for k, seen := range seenIn {
		if !seen {
			errs = append(errs, fmt.Errorf("no input stream reads %s", inputFiles[k].file))
		}
	}
	for k, seen := range seenOut {
		if !seen {
			errs = append(errs, fmt.Errorf("no output stream writes %s", outputFiles[k].file))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("spec %s is no V35 kernel: %w", info.SpecName, err)
	}
	return b, nil
}

func indexOf(n int, is func(int) bool) int {
	for k := range n {
		if is(k) {
			return k
		}
	}
	return -1
}

// Encode writes in as the spec's input values into dst, which has one place an input.
func (b *Binding) Encode(in Inputs, dst []uint64) {
	for i, k := range b.in {
		dst[i] = bit(*inputFiles[k].get(&in))
	}
}

// Decode reads the spec's output values. A value of a kernel stream that is neither 0 nor 1, or a wrong number of values, is an error that
// names the stream.
func (b *Binding) Decode(src []uint64) (Outputs, error) {
	var o Outputs
	if len(src) != len(b.out) {
		return o, fmt.Errorf("expected %d output values, found %d", len(b.out), len(src))
	}
	for i, k := range b.out {
		if k < 0 {
			continue
		}
		if src[i] > 1 {
			return Outputs{}, fmt.Errorf("output %s (%s): expected 0 or 1, found %d", b.outName[i], outputFiles[k].file, src[i])
		}
		*outputFiles[k].get(&o) = src[i] == 1
	}
	return o, nil
}

func bit(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// Bits is the inputs as a string of 0 and 1, in the order price, volume, trend, profit guard, failure echo: the form of a ledger record.
func (i Inputs) Bits() string {
	s := make([]byte, len(inputFiles))
	for k := range inputFiles {
		s[k] = '0' + byte(bit(*inputFiles[k].get(&i)))
	}
	return string(s)
}

// Bits is the outputs as a string of 0 and 1, in the order of the fields of Outputs: the form of a ledger record.
func (o Outputs) Bits() string {
	s := make([]byte, len(outputFiles))
	for k := range outputFiles {
		s[k] = '0' + byte(bit(*outputFiles[k].get(&o)))
	}
	return string(s)
}

// ParseOutputs reads what Outputs.Bits wrote.
func ParseOutputs(s string) (Outputs, error) {
	var o Outputs
	if len(s) != len(outputFiles) {
		return o, fmt.Errorf("kernel outputs: expected %d bits, found %q", len(outputFiles), s)
	}
	for k := range outputFiles {
		if s[k] != '0' && s[k] != '1' {
			return Outputs{}, fmt.Errorf("kernel outputs: expected 0 or 1 at place %d, found %q", k+1, s)
		}
		*outputFiles[k].get(&o) = s[k] == '1'
	}
	return o, nil
}

// MarshalText is Bits, so that outputs are a short string in JSON.
func (o Outputs) MarshalText() ([]byte, error) { return []byte(o.Bits()), nil }

// UnmarshalText is ParseOutputs.
func (o *Outputs) UnmarshalText(b []byte) (err error) {
	*o, err = ParseOutputs(string(b))
	return err
}
