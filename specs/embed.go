package specs

import (
	"embed"
	"path"
)

// FS holds every spec at its path in this folder.
//
//go:embed *.tau kernel/*.tau
var FS embed.FS

// Paths of the specs within FS. A tick steps the witnesses 01, 02, 03 and 06 and the adapters 07 and 08, then a kernel,
// then the monitors 04 and 05, which read the kernel's outputs.
const (
	KernelV35        = "kernel/v35_integrated.tau"
	KernelLongHold   = "kernel/v35_long_hold.tau"
	ProfitWitness    = "01_profit_witness.tau"
	FreshnessWitness = "02_freshness_witness.tau"
	FailureEcho      = "03_failure_echo_kill_switch.tau"
	InvariantPack    = "04_invariant_monitor_pack.tau"
	LivenessMonitor  = "05_liveness_monitor.tau"
	CooldownLimiter  = "06_rate_limiter_cooldown.tau"
	EntryAdapter     = "07_entry_adapter.tau"
	ExitAdapter      = "08_exit_adapter.tau"
)

// What the counters of the specs can hold, in ticks.
const (
	MaxHoldTicks     = 63   // the hold of 03
	MaxLivenessTicks = 1023 // the limit of 05
	MaxCooldownTicks = 1023 // the cooldown of 06
	KernelHoldTicks  = 3    // how long the V35 kernel holds a position; the next tick sells
)

// Supporting lists the eight supporting specs in their fixed order.
var Supporting = []string{
	ProfitWitness, FreshnessWitness, FailureEcho, InvariantPack,
	LivenessMonitor, CooldownLimiter, EntryAdapter, ExitAdapter,
}

// Bundled is every spec that an agent runs unless it brings its own: the V35 kernel and the supporting ones, by file name.
func Bundled() map[string]string {
	set := map[string]string{}
	for _, name := range append([]string{KernelV35}, Supporting...) {
		text, err := FS.ReadFile(name)
		if err != nil {
			panic(err) // they are part of the program
		}
		set[path.Base(name)] = string(text)
	}
	return set
}
