package monitor

import (
	"fmt"
	"math/bits"
	"strconv"

	"github.com/taudaemon/taudaemon/daemon/tau"
)

// ID is a supporting spec.
type ID int

// The supporting specs, in the fixed order in which they are recorded.
const (
	// Profit is 01: is the profit above the minimum?
	Profit ID = iota
	// Freshness is 02: do enough sources agree, and are they young enough?
	Freshness
	// Echo is 03: is an anomaly recent?
	Echo
	// Invariants is 04: what must hold in every tick.
	Invariants
	// Liveness is 05: does a held position move?
	Liveness
	// Cooldown is 06: is an entry allowed after the last sell?
	Cooldown
	// Entry is 07: the entry half of the kernel's inputs.
	Entry
	// Exit is 08: the other half.
	Exit
	// Count of the supporting specs.
	Count
)

// The widths of the numbers that specs read bit by bit.
const (
	holdBits  = 6
	limitBits = 10
)

// contract is what a spec reads and writes.
type contract struct {
	file            string
	inputs, outputs []tau.Port
}

var contracts = [Count]contract{
	Profit:    {"01_profit_witness.tau", numbers("profit.in", "minimum.in"), ports("profit_ok.out")},
	Freshness: {"02_freshness_witness.tau", numbers("quorum.in", "min_quorum.in", "age.in", "max_age.in"), ports("fresh.out")},
	Echo:      {"03_failure_echo_kill_switch.tau", append(ports("anomaly_now.in", "anomaly_late.in"), binary("hold", holdBits)...), ports("echo.out")},
	Invariants: {
		"04_invariant_monitor_pack.tau",
		ports("buy.in", "sell.in", "state.in", "nonce.in", "profit.in", "burn.in", "fresh.in", "guard.in", "echo.in", "long_hold.in", "hold_expired.in"),
		ports("exclusive.out", "fresh_exec.out", "burn_profit.out", "nonce_ok.out", "timeout_exit.out", "fresh_exit.out", "echo_exit.out", "all.out"),
	},
	Liveness: {"05_liveness_monitor.tau", append(ports("held.in", "progress.in", "owed.in"), binary("limit", limitBits)...), ports("stalled.out")},
	Cooldown: {"06_rate_limiter_cooldown.tau", append(ports("sold.in"), binary("ticks", limitBits)...), ports("allow.out")},
	Entry: {
		"07_entry_adapter.tau",
		ports("fresh.in", "volume_high.in", "holding.in", "trend_up.in", "below_band.in", "cooldown_ok.in", "risk_ok.in", "quarantined.in", "open_intent.in"),
		ports("volume.out", "trend.out", "entry_price.out"),
	},
	Exit: {
		"08_exit_adapter.tau",
		ports("holding.in", "above_target.in", "risk_breached.in", "entry_price.in", "profit_ok.in", "fresh.in", "position.in", "echo.in", "quarantined.in"),
		ports("price.out", "profit_guard.out", "failure_echo.out"),
	},
}

func ports(files ...string) []tau.Port {
	var p []tau.Port
	for _, f := range files {
		p = append(p, tau.Port{File: f})
	}
	return p
}

func numbers(files ...string) []tau.Port {
	p := ports(files...)
	for i := range p {
		p[i].Bits = 64
	}
	return p
}

// binary is a number as bits, the lowest first.
func binary(name string, width int) []tau.Port {
	var p []tau.Port
	for i := range width {
		p = append(p, tau.Port{File: name + "_b" + strconv.Itoa(i) + ".in"})
	}
	return p
}

// File is the spec's file name.
func (id ID) File() string { return contracts[id].file }

// String is the spec's number, 01 to 08.
func (id ID) String() string { return contracts[id].file[:2] }

// Width is the number of a spec's outputs.
func (id ID) Width() int { return len(contracts[id].outputs) }

// Output is the name of one of a spec's outputs, such as "fresh_exit".
func (id ID) Output(i int) string {
	f := contracts[id].outputs[i].File
	return f[:len(f)-len(".out")]
}

// Bits are a spec's outputs, the first one lowest.
type Bits uint16

// Has says that output i is 1.
func (b Bits) Has(i int) bool { return b>>i&1 == 1 }

// Text is the outputs as a string of 0 and 1, in the contract's order: the form of a ledger record.
func (id ID) Text(b Bits) string { return texts[id][b&(1<<id.Width()-1)] }

// texts are those of all outputs that there can be, of a spec at most 256: each tick's record needs one of each.
var texts = func() (all [Count][]string) {
	for id := range all {
		width := len(contracts[id].outputs)
		for b := range 1 << width {
			s := make([]byte, width)
			for i := range s {
				s[i] = '0' + byte(b>>i&1)
			}
			all[id] = append(all[id], string(s))
		}
	}
	return all
}()

// ParseBits reads what Text wrote.
func (id ID) ParseBits(s string) (Bits, error) {
	if len(s) != id.Width() {
		return 0, fmt.Errorf("spec %s: expected %d output bits, found %q", id, id.Width(), s)
	}
	var b Bits
	for i := range s {
		switch s[i] {
		case '0':
		case '1':
			b |= 1 << i
		default:
			return 0, fmt.Errorf("spec %s: expected 0 or 1 at place %d, found %q", id, i+1, s)
		}
	}
	return b, nil
}

// Binding maps a spec's streams to its contract. It holds buffers, so it serves one caller at a time.
type Binding struct {
	wiring *tau.Wiring
	out    []uint64
}

// Bind finds the contract's streams among those that a spec declares; see tau.Wire for what it refuses.
func (id ID) Bind(info tau.Info) (*Binding, error) {
	w, err := tau.Wire(info, contracts[id].inputs, contracts[id].outputs)
	if err != nil {
		return nil, err
	}
	return &Binding{wiring: w, out: make([]uint64, id.Width())}, nil
}

// Encode puts values in the contract's order where the spec has its inputs.
func (b *Binding) Encode(in, dst []uint64) { b.wiring.Encode(in, dst) }

// Decode reads the spec's outputs; see tau.Wiring.Decode for its errors.
func (b *Binding) Decode(src []uint64) (Bits, error) {
	if err := b.wiring.Decode(src, b.out); err != nil {
		return 0, err
	}
	var out Bits
	for i, v := range b.out {
		out |= Bits(v) << i
	}
	return out, nil
}

// The inputs of the specs, each in the order of its contract, appended to dst.

// ProfitIn are 01's: both in units of 1e-9.
func ProfitIn(dst []uint64, profit, minimum int64) []uint64 {
	return append(dst, uint64(profit), uint64(minimum))
}

// FreshnessIn are 02's: counts of sources, and milliseconds.
func FreshnessIn(dst []uint64, quorum, minQuorum, ageMS, maxAgeMS uint64) []uint64 {
	return append(dst, quorum, minQuorum, ageMS, maxAgeMS)
}

// EchoIn are 03's: anomalies known now before the kernel, those found late at the tick before, and the hold of 2 to 63 ticks.
func EchoIn(dst []uint64, now, late bool, hold uint64) []uint64 {
	return digits(flags(dst, now, late), hold, holdBits)
}

// InvariantsIn are 04's.
func InvariantsIn(dst []uint64, buy, sell, state, nonce, profit, burn, fresh, guard, echo, longHold, expired bool) []uint64 {
	return flags(dst, buy, sell, state, nonce, profit, burn, fresh, guard, echo, longHold, expired)
}

// LivenessIn are 05's; limit in ticks, 1 to 1023.
func LivenessIn(dst []uint64, held, progress, owed bool, limit uint64) []uint64 {
	return digits(flags(dst, held, progress, owed), limit, limitBits)
}

// CooldownIn are 06's; ticks 0 to 1023.
func CooldownIn(dst []uint64, sold bool, ticks uint64) []uint64 {
	return digits(flags(dst, sold), ticks, limitBits)
}

// EntryIn are 07's.
func EntryIn(dst []uint64, fresh, volumeHigh, holding, trendUp, belowBand, cooldownOK, riskOK, quarantined, openIntent bool) []uint64 {
	return flags(dst, fresh, volumeHigh, holding, trendUp, belowBand, cooldownOK, riskOK, quarantined, openIntent)
}

// ExitIn are 08's.
func ExitIn(dst []uint64, holding, aboveTarget, riskBreached, entryPrice, profitOK, fresh, position, echo, quarantined bool) []uint64 {
	return flags(dst, holding, aboveTarget, riskBreached, entryPrice, profitOK, fresh, position, echo, quarantined)
}

// flags appends the bits.
func flags(dst []uint64, on ...bool) []uint64 {
	for _, bit := range on {
		v := uint64(0)
		if bit {
			v = 1
		}
		dst = append(dst, v)
	}
	return dst
}

// digits appends those of n, the lowest first; a number that does not fit has all ones, the longest there is.
func digits(v []uint64, n uint64, width int) []uint64 {
	if bits.Len64(n) > width {
		n = 1<<width - 1
	}
	for i := range width {
		v = append(v, n>>i&1)
	}
	return v
}
