package prove

import (
	"strings"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/specs"
)

// mutant is a spec with a fault, and the discipline that it breaks.
type mutant struct {
	fault    string
	spec     int // the kernel, or a monitor
	from, to string
	breaks   Discipline
}

const (
	timerUp  = "(otimer_b1[t-1] & otimer_b0[t-1])'"
	sellLine = "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1])"
)

var kernelMutants = []mutant{
	{"enters under an echo", kernelAt, "& ononce[t-1]' & ifailure_echo[t]'", "& ononce[t-1]'", Echo},
	{"stays under an echo", kernelAt, "& ivolume[t] & ifailure_echo[t]')", "& ivolume[t])", Echo},
	{"leaves without a sell under an echo", kernelAt, sellLine, "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] & ifailure_echo[t]')", Echo},
	{"enters without looking at the market", kernelAt, "= ostate[t-1]' & iprice[t]' & ivolume[t] & itrend[t]", "= ostate[t-1]'", Freshness},
	{"stays without freshness", kernelAt, "& ivolume[t] & ifailure_echo[t]')", "& ifailure_echo[t]')", Freshness},
	{"stays when the time is up", kernelAt, "(iprice[t] & oholding[t-1])' & " + timerUp, "(iprice[t] & oholding[t-1])'", Timeout},
	{"a timer that starts one tick late", kernelAt, "(otimer_b0[t]     = ostate[t] & otimer_b0[t-1]')", "(otimer_b0[t]     = ostate[t] & ostate[t-1] & otimer_b0[t-1]')", Timeout},
	{"a timer that is not reset", kernelAt, "(otimer_b0[t]     = ostate[t] & otimer_b0[t-1]')", "(otimer_b0[t]     = ostate[t] & otimer_b0[t-1]' | osell_signal[t])", Timeout},
	{"a timer whose high bit is not kept", kernelAt, "ostate[t] & (otimer_b1[t-1] & otimer_b0[t-1]' | otimer_b1[t-1]' & otimer_b0[t-1])", "ostate[t] & otimer_b1[t-1]' & otimer_b0[t-1]", Timeout},
	{"a burn without the profit guard", kernelAt, "oentry_price[t-1]' & iprofit_guard[t])", "oentry_price[t-1]')", Profit},
	{"a burn without a profit", kernelAt, "(oburn_event[t]  = oprofit[t])", "(oburn_event[t]  = iprofit_guard[t])", Profit},
	{"a burn at the buy", kernelAt, "(oburn_event[t]  = oprofit[t])", "(oburn_event[t]  = obuy_signal[t])", Profit},
	{"a burn that is forgotten", kernelAt, "(ohas_burned[t]  = ohas_burned[t-1] | oburn_event[t])", "(ohas_burned[t]  = oburn_event[t])", Burned},
	{"a burn that is not noted", kernelAt, "(ohas_burned[t]  = ohas_burned[t-1] | oburn_event[t])", "(ohas_burned[t]  = ohas_burned[t-1])", Burned},
	{"a burn that the second one clears", kernelAt, "(ohas_burned[t]  = ohas_burned[t-1] | oburn_event[t])", "(ohas_burned[t]  = ohas_burned[t-1] ^ oburn_event[t])", Burned},
	{"buys at every tick that it executes", kernelAt, "(obuy_signal[t]  = ostate[t] & ostate[t-1]' & oholding[t-1]')", "(obuy_signal[t]  = ostate[t])", Nonce},
	{"buys without the nonce", kernelAt, "(ononce[t]        = obuy_signal[t] | ostate[t-1] & ononce[t-1])", "(ononce[t]        = ostate[t-1] & ononce[t-1])", Nonce},
	{"sells what it buys", kernelAt, sellLine, "(osell_signal[t] = ostate[t-1] & ostate[t]' & oholding[t-1] | obuy_signal[t])", Exclusivity},
	{"sells what it did not buy", kernelAt, sellLine, "(osell_signal[t] = ostate[t]' & ifailure_echo[t])", Exclusivity},
	{"does not look at the trend", kernelAt, "iprice[t]' & ivolume[t] & itrend[t] &", "iprice[t]' & ivolume[t] &", Agreement},
	{"believes for ever that it holds", kernelAt, "(oholding[t]     = obuy_signal[t] | osell_signal[t]' & oholding[t-1])", "(oholding[t]     = obuy_signal[t] | oholding[t-1])", Release},
}

var monitorMutants = []mutant{
	{"03 forgets what was found before the kernel ran", int(monitor.Echo), "(oleft_b1[t] = (ianomaly_late[t] | om_now[t-1]) & ihold_b1[t]", "(oleft_b1[t] = ianomaly_late[t] & ihold_b1[t]", Agreement},
	{"03 holds one tick longer", int(monitor.Echo), "(oleft_b0[t] = (ianomaly_late[t] | om_now[t-1]) & ihold_b0[t]", "(oleft_b0[t] = (ianomaly_late[t] | om_now[t-1])", Agreement},
	{"03 echoes only from the next tick on", int(monitor.Echo), "(oecho[t] = ianomaly_now[t] | oleft_b0[t]", "(oecho[t] = oleft_b0[t]", Agreement},
	{"04 lets a buy pass under an echo", int(monitor.Invariants), "iecho[t]' | ibuy[t]' & (oheld[t-1]'", "iecho[t]' | (oheld[t-1]'", Watch},
	{"04 lets a held position go stale", int(monitor.Invariants), "(ofresh_exit[t] = oheld[t-1]' | ifresh[t] |", "(ofresh_exit[t] = oheld[t-1]' | ifresh[t] | oheld[t-1] |", Watch},
	{"04 lets a burn pass without the guard", int(monitor.Invariants), "isell[t] & iprofit[t] & iguard[t] & ifresh[t]", "isell[t] & iprofit[t] & ifresh[t]", Watch},
	{"04 does not look at the nonce before", int(monitor.Invariants), "inonce[t] & om_nonce[t-1]' & oheld[t-1]'", "(inonce[t] | om_nonce[t-1]) & oheld[t-1]'", Watch},
	{"04 leaves freshness out of all", int(monitor.Invariants), "(oall[t] = oexclusive[t] & ofresh_exec[t] &", "(oall[t] = oexclusive[t] &", Watch},
	{"04's time is up one tick late", int(monitor.Invariants), "(oage_b1[t] = oheld[t] & ibuy[t]' & (oage_b0[t-1] | oage_b1[t-1]))", "(oage_b1[t] = oheld[t] & ibuy[t]' & (oage_b0[t-1] & oage_b1[t-1]' & om_nonce[t-1]' | oage_b1[t-1]))", Watch},
	{"04's time is up one tick early", int(monitor.Invariants), "(otimeout_exit[t] = (ilong_hold[t]' & oage_b1[t-1] & oage_b0[t-1]", "(otimeout_exit[t] = (ilong_hold[t]' & oage_b1[t-1]", Agreement},
	{"04 takes buy and sell for each other", int(monitor.Invariants), "(isell[t]' | oheld[t-1])", "(ibuy[t]' | oheld[t-1])", Agreement},
	{"05 counts an idle market", int(monitor.Liveness), "(ocounting[t] = iheld[t] & (iprogress[t]' | iowed[t]))", "(ocounting[t] = iprogress[t]' | iowed[t])", Release},
	{"05 does not count an owed exit", int(monitor.Liveness), "iheld[t] & (iprogress[t]' | iowed[t])", "iheld[t] & iprogress[t]'", Watch},
	{"05 calls a stall too early", int(monitor.Liveness), "(ostalled[t] = ocounting[t] & (oleft_b1[t] | oleft_b2[t]", "(ostalled[t] = ocounting[t] & (oleft_b2[t]", Watch},
	{"06 allows an entry one tick early", int(monitor.Cooldown), "isold[t]' & (oleft_b1[t-1] | oleft_b2[t-1] | oleft_b3[t-1] | oleft_b4[t-1] | oleft_b5[t-1]", "isold[t]' & (oleft_b2[t-1] | oleft_b3[t-1] | oleft_b4[t-1] | oleft_b5[t-1]", Agreement},
	{"06 does not see the sale", int(monitor.Cooldown), "(oleft_b1[t] = isold[t] & iticks_b1[t]", "(oleft_b1[t] = isold[t] & iticks_b2[t]", Agreement},
	{"07 wants a position on stale prices", int(monitor.Entry), "(ovolume[t] = ifresh[t] & (ivolume_high[t] | iholding[t]))", "(ovolume[t] = ivolume_high[t] | iholding[t])", Freshness},
	{"07 lets an entry pass in the cooldown", int(monitor.Entry), "itrend_up[t] & icooldown_ok[t] & irisk_ok[t]", "itrend_up[t] & irisk_ok[t]", Agreement},
	{"07 lets an entry pass beside an open intent", int(monitor.Entry), "& iquarantined[t]' & iopen_intent[t]'", "& iquarantined[t]'", Agreement},
	{"07 lets an entry pass that the risk guard forbids", int(monitor.Entry), "icooldown_ok[t] & irisk_ok[t] &", "icooldown_ok[t] &", Agreement},
	{"08 does not pass the echo on", int(monitor.Exit), "(ofailure_echo[t] = iecho[t] | iquarantined[t])", "(ofailure_echo[t] = iquarantined[t])", Echo},
	{"08 passes a profit on under an echo", int(monitor.Exit), "ifresh[t] & iposition[t] & iecho[t]' & iquarantined[t]'", "ifresh[t] & iposition[t] & iquarantined[t]'", Profit},
	{"08 passes a profit on that the guard denies", int(monitor.Exit), "(oprofit_guard[t] = iprofit_ok[t] & ifresh[t]", "(oprofit_guard[t] = ifresh[t]", Profit},
	{"01 says the opposite", int(monitor.Profit), ">", "<=", Agreement},
	{"02 takes any quorum", int(monitor.Freshness), ">=", "<=", Agreement},
}

// formula is a spec's text from its formula on.
func formula(text string) string { return text[strings.Index(text, "\nalways"):] }

func TestAFaultInTheKernelIsRefuted(t *testing.T) { refuteAll(t, specs.KernelV35, kernelMutants) }

func TestAFaultInAMonitorIsRefuted(t *testing.T) { refuteAll(t, specs.KernelV35, monitorMutants) }

func TestAFaultInTheLongHoldKernelIsRefuted(t *testing.T) {
	refuteAll(t, specs.KernelLongHold, []mutant{
		{"stays when it is told that the time is up", kernelAt, "ostate[t-1] & (iprice[t] & oholding[t-1])' & ihold_expired[t]'", "ostate[t-1]", Timeout},
		{"stays without freshness", kernelAt, "& ivolume[t] & ifailure_echo[t]')", "& ifailure_echo[t]')", Freshness},
	})
}

// limitsFor are small, and tiny for what can only be told from all states.
func limitsFor(d Discipline) Limits {
	if d == Trapped || d == Release {
		return tiny
	}
	return small
}

func refuteAll(t *testing.T, kernel string, list []mutant) {
	t.Parallel()
	for _, m := range list {
		t.Run(m.fault, func(t *testing.T) {
			t.Parallel()
			set := bundled(t, kernel)
			s := &set[m.spec]
			if !strings.Contains(formula(s.Text), m.from) {
				t.Fatalf("%q is not in the spec's formula", m.from)
			}
			head := s.Text[:len(s.Text)-len(formula(s.Text))]
			*s = spec(s.Name, head+strings.Replace(formula(s.Text), m.from, m.to, 1))
			d, l := m.breaks, limitsFor(m.breaks)
			r := prove(t, set, l, Options{Only: &d, Audit: 0.05})
			v := &r.Verdicts[0]
			if v.Proven {
				t.Fatalf("expected %s to be refuted; %d states", d, r.States)
			}
			t.Logf("%d states, %d steps: %s", r.States, len(v.Trace.Steps), v.Why)
			requireReplayed(t, set, l, nil, d, v)
		})
	}
}
