package specs_test

import "github.com/taudaemon/taudaemon/specs"

// A model is a spec's meaning in Go: its step is written from the description in the spec's head, with branches and
// numbers, not from its equations. Inputs and outputs are in the order of the names.
type model[S comparable] struct {
	spec    string
	inputs  string
	outputs string
	step    func(s S, in []uint64) (next S, out []uint64)
	under   func() [][]uint64 // the inputs to explore every reachable state with
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// bitsOf gives n bits of v, the lowest first.
func bitsOf(v uint64, n int) []uint64 {
	list := make([]uint64, n)
	for i := range list {
		list[i] = v >> i & 1
	}
	return list
}

func number(bits []uint64) (v uint64) {
	for i, b := range bits {
		v |= b << i
	}
	return v
}

// allBits gives every combination of n bits.
func allBits(n int) func() [][]uint64 {
	return func() (list [][]uint64) {
		for v := range uint64(1) << n {
			list = append(list, bitsOf(v, n))
		}
		return list
	}
}

// flags reads bits as booleans.
func flags(in []uint64) []bool {
	list := make([]bool, len(in))
	for i, v := range in {
		list[i] = v == 1
	}
	return list
}

type kernelState struct {
	state, sell, holding, lock, nonce, entry, burned bool
	timer                                            int
}

const (
	kernelInputs  = "iprice ivolume itrend iprofit_guard ifailure_echo"
	kernelOutputs = "ostate obuy_signal osell_signal oholding olock ooracle_fresh otimer_b0 otimer_b1 ononce oentry_price " +
		"oprofit oburn_event ohas_burned oprogress_flag oobs_action_excl oobs_fresh_exec oobs_burn_profit oobs_nonce_effect"
)

var kernelV35 = model[kernelState]{
	spec: specs.KernelV35, inputs: kernelInputs, outputs: kernelOutputs, under: allBits(5),
	step: func(s kernelState, in []uint64) (kernelState, []uint64) {
		return kernelStep(s, in, s.timer == 3, func(state bool) (timer int, atEnd bool) {
			if state {
				timer = (s.timer + 1) % 4
			}
			return timer, timer == 3
		})
	},
}

var kernelLongHold = model[kernelState]{
	spec: specs.KernelLongHold, inputs: kernelInputs + " ihold_expired", outputs: kernelOutputs, under: allBits(6),
	step: func(s kernelState, in []uint64) (kernelState, []uint64) {
		expired := in[5] == 1
		return kernelStep(s, in, expired, func(state bool) (timer int, atEnd bool) {
			if state {
				timer = min(s.timer+1, 3)
			}
			return timer, expired
		})
	},
}

// kernelStep is what both kernels have in common: expired says that the time was up before this tick, count gives the
// timer after it and whether that counts as progress.
func kernelStep(s kernelState, in []uint64, expired bool, count func(state bool) (int, bool)) (kernelState, []uint64) {
	f := flags(in)
	price, volume, trend, guard, echo := f[0], f[1], f[2], f[3], f[4]
	var o kernelState
	switch {
	case echo || !volume || expired:
		o.state = false
	case s.state:
		o.state = !s.holding || !price
	default:
		o.state = !price && trend && !s.holding && !s.lock && !s.sell && !s.nonce
	}
	buy := o.state && !s.state && !s.holding
	o.sell = s.state && !o.state && s.holding
	o.holding = buy || s.holding && !o.sell
	o.lock = o.state
	timer, atEnd := count(o.state)
	o.timer = timer
	o.nonce = buy || s.state && s.nonce
	switch {
	case buy:
		o.entry = price
	case s.state && !o.sell:
		o.entry = s.entry
	}
	burn := o.sell && price && !s.entry && guard
	o.burned = s.burned || burn
	progress := buy || o.sell || atEnd || o.state && !s.state
	seen := func(ok bool) uint64 { return one(!progress || ok) }
	return o, []uint64{
		one(o.state), one(buy), one(o.sell), one(o.holding), one(o.lock), one(volume), uint64(timer & 1), uint64(timer >> 1),
		one(o.nonce), one(o.entry), one(burn), one(burn), one(o.burned), one(progress),
		seen(!buy || !o.sell), seen(!o.state || volume), seen(true), seen(!buy || !s.nonce),
	}
}

type none struct{}

// edges are numbers around which comparisons change.
var edges = []uint64{0, 1, 2, 1000, 1<<63 - 1, 1 << 63, 1<<63 + 1, 1<<64 - 2, 1<<64 - 1}

var profitWitness = model[none]{
	spec: specs.ProfitWitness, inputs: "iprofit iminimum", outputs: "oprofit_ok",
	under: func() (list [][]uint64) {
		for _, a := range edges {
			for _, b := range edges {
				list = append(list, []uint64{a, b})
			}
		}
		return list
	},
	step: func(_ none, in []uint64) (none, []uint64) { return none{}, []uint64{one(int64(in[0]) > int64(in[1]))} },
}

var freshnessWitness = model[none]{
	spec: specs.FreshnessWitness, inputs: "iquorum imin_quorum iage imax_age", outputs: "ofresh",
	under: func() (list [][]uint64) {
		for _, a := range edges {
			for _, b := range edges {
				for _, c := range edges {
					for _, d := range edges {
						list = append(list, []uint64{a, b, c, d})
					}
				}
			}
		}
		return list
	},
	step: func(_ none, in []uint64) (none, []uint64) {
		enough, young := in[0] >= in[1], in[2] <= in[3]
		return none{}, []uint64{one(enough && young)}
	},
}

type echoState struct {
	left uint64
	now  bool
}

var failureEcho = model[echoState]{
	spec: specs.FailureEcho, under: allBits(8),
	inputs:  "ianomaly_now ianomaly_late ihold_b0 ihold_b1 ihold_b2 ihold_b3 ihold_b4 ihold_b5",
	outputs: "oecho oleft_b0 oleft_b1 oleft_b2 oleft_b3 oleft_b4 oleft_b5 om_now",
	step: func(s echoState, in []uint64) (echoState, []uint64) {
		now, late, hold := in[0] == 1, in[1] == 1, number(in[2:])
		next := echoState{now: now}
		switch {
		case late || s.now: // the tick after the anomaly
			next.left = hold
		case s.left > 0:
			next.left = s.left - 1
		}
		out := []uint64{one(now || next.left > 0)}
		return next, append(append(out, bitsOf(next.left, 6)...), one(now))
	},
}

type packState struct {
	held, nonce bool
	age         int
}

var invariantPack = model[packState]{
	spec: specs.InvariantPack, under: allBits(11),
	inputs:  "ibuy isell istate inonce iprofit iburn ifresh iguard iecho ilong_hold ihold_expired",
	outputs: "oexclusive ofresh_exec oburn_profit ononce_ok otimeout_exit ofresh_exit oecho_exit oall oheld oage_b0 oage_b1 om_nonce",
	step: func(s packState, in []uint64) (packState, []uint64) {
		f := flags(in)
		buy, sell, state, nonce, profit, burn, fresh, guard, echo, long, expired := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8], f[9], f[10]
		left := sell && !state // the exit is ordered
		up := s.age == 3
		if long {
			up = expired
		}
		var ok []bool
		ok = append(ok, (!buy || !sell) && (!sell || s.held))
		ok = append(ok, fresh || !state && !buy)
		ok = append(ok, !burn || sell && profit && guard && fresh && !echo)
		ok = append(ok, !buy || nonce && !s.nonce && !s.held)
		ok = append(ok, !up || !state && (!s.held || sell))
		ok = append(ok, !s.held || fresh || left)
		ok = append(ok, !echo || !buy && (!s.held || left))
		next := packState{held: s.held, nonce: nonce}
		if sell {
			next.held = false
		}
		if buy {
			next.held = true
		}
		switch {
		case !next.held:
		case buy:
			next.age = 1
		default:
			next.age = min(s.age+1, 3)
		}
		var out []uint64
		all := true
		for _, b := range ok {
			out = append(out, one(b))
			all = all && b
		}
		return next, append(out, one(all), one(next.held), uint64(next.age&1), uint64(next.age>>1), one(nonce))
	},
}

type livenessState struct {
	counting bool
	left     uint64
}

// tenBits names the bits of a ten-bit number; % stands for its name.
const tenBits = "_b0 %_b1 %_b2 %_b3 %_b4 %_b5 %_b6 %_b7 %_b8 %_b9"

var livenessMonitor = model[livenessState]{
	spec:    specs.LivenessMonitor,
	inputs:  "iheld iprogress iowed " + ten("ilimit"),
	outputs: "ostalled ocounting " + ten("oleft"),
	under: func() (list [][]uint64) {
		for _, limit := range []uint64{0, 1, 2, 3, 7, 8, 100, 511, 512, 1022, 1023} {
			for v := range uint64(8) {
				list = append(list, append(bitsOf(v, 3), bitsOf(limit, 10)...))
			}
		}
		return list
	},
	step: func(s livenessState, in []uint64) (livenessState, []uint64) {
		held, progress, owed, limit := in[0] == 1, in[1] == 1, in[2] == 1, number(in[3:])
		var next livenessState
		if held && (!progress || owed) {
			next.counting = true
			switch {
			case !s.counting:
				next.left = limit
			case s.left > 0:
				next.left = s.left - 1
			}
		}
		stalled := next.counting && next.left <= 1
		return next, append([]uint64{one(stalled), one(next.counting)}, bitsOf(next.left, 10)...)
	},
}

var cooldownLimiter = model[uint64]{
	spec:    specs.CooldownLimiter,
	inputs:  "isold " + ten("iticks"),
	outputs: "oallow " + ten("oleft"),
	under: func() (list [][]uint64) {
		for _, ticks := range []uint64{0, 1, 2, 3, 7, 8, 100, 341, 511, 512, 682, 1022, 1023} { // 1023 leads through all states
			list = append(list, append([]uint64{1}, bitsOf(ticks, 10)...))
		}
		return append(list, append([]uint64{0}, bitsOf(0, 10)...), append([]uint64{0}, bitsOf(1023, 10)...))
	},
	step: func(left uint64, in []uint64) (uint64, []uint64) {
		sold, ticks := in[0] == 1, number(in[1:])
		switch {
		case sold:
			left = ticks
		case left > 0:
			left--
		}
		return left, append([]uint64{one(left == 0)}, bitsOf(left, 10)...)
	},
}

var entryAdapter = model[none]{
	spec: specs.EntryAdapter, under: allBits(9),
	inputs:  "ifresh ivolume_high iholding itrend_up ibelow_band icooldown_ok irisk_ok iquarantined iopen_intent",
	outputs: "ovolume otrend oentry_price",
	step: func(_ none, in []uint64) (none, []uint64) {
		f := flags(in)
		fresh, volumeHigh, holding, up, below, cooldown, risk, quarantined, open := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]
		blocked := !cooldown || !risk || quarantined || open
		return none{}, []uint64{one(fresh && (volumeHigh || holding)), one(up && !blocked), one(!holding && !below)}
	},
}

var exitAdapter = model[none]{
	spec: specs.ExitAdapter, under: allBits(9),
	inputs:  "iholding iabove_target irisk_breached ientry_price iprofit_ok ifresh iposition iecho iquarantined",
	outputs: "oprice oprofit_guard ofailure_echo",
	step: func(_ none, in []uint64) (none, []uint64) {
		f := flags(in)
		holding, above, breached, entry, profit, fresh, position, echo, quarantined := f[0], f[1], f[2], f[3], f[4], f[5], f[6], f[7], f[8]
		price := entry
		if holding {
			price = above || breached
		}
		failure := echo || quarantined
		return none{}, []uint64{one(price), one(profit && fresh && position && !failure), one(failure)}
	},
}
