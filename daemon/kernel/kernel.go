package kernel

import (
	"fmt"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// Inputs are the bits that the kernel reads at a tick.
type Inputs struct {
	// PriceHigh: the price is high (while flat: not below the band; while holding: above target, or the risk guard wants out).
	PriceHigh bool
	// VolumeFresh: prices are fresh, and volume is high or a position is held. It is what lets the kernel stay in.
	VolumeFresh bool
	// TrendUp: the trend is up and nothing blocks an entry. It matters for entry only.
	TrendUp bool
	// ProfitGuard: selling now would realise a profit with all costs in, on fresh prices and without a failure echo.
	ProfitGuard bool
	// FailureEcho: an anomaly is recent, or a quarantine is on.
	FailureEcho bool
	// HoldExpired: the position's time is up. Only v35_long_hold reads it.
	HoldExpired bool
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

// inputs and outputs are the kernel's streams by file name, in the order in which Bits packs them.
var (
	inputs = []struct {
		port tau.Port
		get  func(*Inputs) *bool
	}{
		{tau.Port{File: "price.in"}, func(i *Inputs) *bool { return &i.PriceHigh }},
		{tau.Port{File: "volume.in"}, func(i *Inputs) *bool { return &i.VolumeFresh }},
		{tau.Port{File: "trend.in"}, func(i *Inputs) *bool { return &i.TrendUp }},
		{tau.Port{File: "profit_guard.in"}, func(i *Inputs) *bool { return &i.ProfitGuard }},
		{tau.Port{File: "failure_echo.in"}, func(i *Inputs) *bool { return &i.FailureEcho }},
		{tau.Port{File: "hold_expired.in", Optional: true}, func(i *Inputs) *bool { return &i.HoldExpired }},
	}
	outputs = []struct {
		port tau.Port
		get  func(*Outputs) *bool
	}{
		{tau.Port{File: "state.out"}, func(o *Outputs) *bool { return &o.State }},
		{tau.Port{File: "buy_signal.out"}, func(o *Outputs) *bool { return &o.Buy }},
		{tau.Port{File: "sell_signal.out"}, func(o *Outputs) *bool { return &o.Sell }},
		{tau.Port{File: "holding.out"}, func(o *Outputs) *bool { return &o.Holding }},
		{tau.Port{File: "lock.out"}, func(o *Outputs) *bool { return &o.Lock }},
		{tau.Port{File: "oracle_fresh.out"}, func(o *Outputs) *bool { return &o.OracleFresh }},
		{tau.Port{File: "timer_b0.out"}, func(o *Outputs) *bool { return &o.TimerB0 }},
		{tau.Port{File: "timer_b1.out"}, func(o *Outputs) *bool { return &o.TimerB1 }},
		{tau.Port{File: "nonce.out"}, func(o *Outputs) *bool { return &o.Nonce }},
		{tau.Port{File: "entry_price.out"}, func(o *Outputs) *bool { return &o.EntryPrice }},
		{tau.Port{File: "profit.out"}, func(o *Outputs) *bool { return &o.Profit }},
		{tau.Port{File: "burn_event.out"}, func(o *Outputs) *bool { return &o.Burn }},
		{tau.Port{File: "has_burned.out"}, func(o *Outputs) *bool { return &o.HasBurned }},
		{tau.Port{File: "progress_flag.out"}, func(o *Outputs) *bool { return &o.Progress }},
		{tau.Port{File: "obs_action_excl.out"}, func(o *Outputs) *bool { return &o.ObsActionExcl }},
		{tau.Port{File: "obs_fresh_exec.out"}, func(o *Outputs) *bool { return &o.ObsFreshExec }},
		{tau.Port{File: "obs_burn_profit.out"}, func(o *Outputs) *bool { return &o.ObsBurnProfit }},
		{tau.Port{File: "obs_nonce_effect.out"}, func(o *Outputs) *bool { return &o.ObsNonceEffect }},
	}
)

// longHold is the place of the input that only v35_long_hold has.
const longHold = 5

// Binding maps the kernel's streams to the places that a spec declares them in. It holds buffers, so it serves one caller at a time.
type Binding struct {
	wiring  *tau.Wiring
	in, out []uint64
}

// Bind finds the kernel's streams among those that a spec declares; see tau.Wire for what it refuses. The input hold_expired.in may be
// missing: then it is a kernel that times its position itself.
func Bind(info tau.Info) (*Binding, error) {
	var in, out []tau.Port
	for _, i := range inputs {
		in = append(in, i.port)
	}
	for _, o := range outputs {
		out = append(out, o.port)
	}
	w, err := tau.Wire(info, in, out)
	if err != nil {
		return nil, err
	}
	return &Binding{wiring: w, in: make([]uint64, len(in)), out: make([]uint64, len(out))}, nil
}

// LongHold says that the kernel is told from outside when a position's time is up.
func (b *Binding) LongHold() bool { return b.wiring.Has(longHold) }

// Encode writes in as the spec's input values into dst, which has one place an input.
func (b *Binding) Encode(in Inputs, dst []uint64) {
	for k := range inputs {
		b.in[k] = bit(*inputs[k].get(&in))
	}
	b.wiring.Encode(b.in, dst)
}

// Decode reads the spec's output values. A value of a kernel stream that is neither 0 nor 1, or a wrong number of values, is an error that
// names the stream.
func (b *Binding) Decode(src []uint64) (Outputs, error) {
	if err := b.wiring.Decode(src, b.out); err != nil {
		return Outputs{}, err
	}
	var o Outputs
	for k := range outputs {
		*outputs[k].get(&o) = b.out[k] == 1
	}
	return o, nil
}

func bit(v bool) uint64 {
	if v {
		return 1
	}
	return 0
}

// Bits is the inputs as a string of 0 and 1, in the order price, volume, trend, profit guard, failure echo, hold expired: the form of a ledger record.
func (i Inputs) Bits() string {
	s := make([]byte, len(inputs))
	for k := range inputs {
		s[k] = '0' + byte(bit(*inputs[k].get(&i)))
	}
	return string(s)
}

// Bits is the outputs as a string of 0 and 1, in the order of the fields of Outputs: the form of a ledger record.
func (o Outputs) Bits() string {
	s := make([]byte, len(outputs))
	for k := range outputs {
		s[k] = '0' + byte(bit(*outputs[k].get(&o)))
	}
	return string(s)
}

// ParseOutputs reads what Outputs.Bits wrote.
func ParseOutputs(s string) (Outputs, error) {
	var o Outputs
	if len(s) != len(outputs) {
		return o, fmt.Errorf("kernel outputs: expected %d bits, found %q", len(outputs), s)
	}
	for k := range outputs {
		if s[k] != '0' && s[k] != '1' {
			return Outputs{}, fmt.Errorf("kernel outputs: expected 0 or 1 at place %d, found %q", k+1, s)
		}
		*outputs[k].get(&o) = s[k] == '1'
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
