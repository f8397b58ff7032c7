package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/prove"
	"github.com/taudaemon/taudaemon/specs"
)

// proof is what prove prints as JSON.
type proof struct {
	*prove.Report
	// Seconds that passed, and those of them, over all cores, in which the process ran.
	Seconds    float64 `json:"seconds"`
	CPUSeconds float64 `json:"cpu_seconds"`
}

func specProveCommand() *cobra.Command {
	var (
		kernel, file string
		asJSON       bool
		exact        bool
		limits       = defaultLimits()
		set          prove.Limits
	)
	c := &cobra.Command{
		Use: "prove SPECS_DIR", Short: "Explore every reachable state of kernel, monitors and coordinator, and prove the disciplines or refute them", Args: cobra.ExactArgs(1),
		Long: "Explore every reachable state of the kernel with 01 to 08 and the daemon's own coordinator, against a venue that may answer anything, crashes\n" +
			"after any durable record, and every input; positions are none, a part or the whole. Each discipline is proven, or refuted with the shortest\n" +
			"trace. The limits are the configuration's; without --config they are its defaults.\n\n" +
			"Exit code 0: all proven. 1: something is refuted. 2: it could not be told.",
		RunE: func(c *cobra.Command, args []string) error {
			nine, err := specsIn(args[0], kernel)
			if err != nil {
				return err
			}
			if file != "" {
				cfg, err := config.Load(file)
				if err != nil {
					return err
				}
				limits = prove.LimitsOf(loop.Params(cfg))
			}
			for name, value := range map[string][2]*uint64{
				"fail-hold-ticks": {&limits.FailHoldTicks, &set.FailHoldTicks}, "clear-ticks": {&limits.ClearTicks, &set.ClearTicks},
				"cooldown-ticks": {&limits.CooldownTicks, &set.CooldownTicks}, "max-position-ticks": {&limits.MaxPositionTicks, &set.MaxPositionTicks},
			} {
				if c.Flags().Changed(name) {
					*value[0] = *value[1]
				}
			}
			begun, used := time.Now(), cpuTime()
			report, err := prove.Prove(c.Context(), nine, limits, prove.Options{Audit: prove.DefaultAudit, Exact: exact})
			if err != nil {
				return err
			}
			if err := printProof(c.OutOrStdout(), proof{report, time.Since(begun).Seconds(), (cpuTime() - used).Seconds()}, asJSON); err != nil {
				return err
			}
			if refuted := report.Refuted(); len(refuted) > 0 {
				return wrongError{fmt.Errorf("refuted: %s", strings.Join(refuted, ", "))}
			}
			return nil
		},
	}
	f := c.Flags()
	f.StringVar(&kernel, "kernel", "", "the kernel's file; without it kernel/v35_integrated.tau in SPECS_DIR")
	f.StringVar(&file, "config", "", "the configuration file whose limits are meant")
	f.Uint64Var(&set.FailHoldTicks, "fail-hold-ticks", limits.FailHoldTicks, "before tick.fail_hold_ticks")
	f.Uint64Var(&set.ClearTicks, "clear-ticks", limits.ClearTicks, "before daemon.quarantine_clear_ticks")
	f.Uint64Var(&set.CooldownTicks, "cooldown-ticks", limits.CooldownTicks, "before cooldown.ticks; 0 for none")
	f.Uint64Var(&set.MaxPositionTicks, "max-position-ticks", limits.MaxPositionTicks, "before risk.max_position_ticks")
	f.BoolVar(&exact, "exact", false, "explore these limits as they are, not shorter ones that stand for them")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

// cpuTime is how long this process ran, over all cores; 0 where that is not known.
func cpuTime() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// defaultLimits are those of a configuration that says nothing of them.
func defaultLimits() prove.Limits {
	f := config.DefaultFile()
	return prove.Limits{
		FailHoldTicks: uint64(f.Tick.FailHoldTicks), ClearTicks: uint64(f.Daemon.QuarantineClearTicks), CooldownTicks: uint64(f.Cooldown.Ticks),
		MaxPositionTicks: uint64(f.Risk.MaxPositionTicks),
	}
}

// specsIn reads the nine specs of a folder. The kernel is a file of its own if one is named.
func specsIn(dir, kernel string) (set [prove.SpecCount]core.Spec, err error) {
	if kernel == "" {
		kernel = filepath.Join(dir, specs.KernelV35)
	}
	return loop.ReadSpecs(func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, name)) }, os.ReadFile, kernel)
}

func printProof(w io.Writer, p proof, asJSON bool) error {
	if asJSON {
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		return e.Encode(p)
	}
	o := &printer{w: w}
	l := p.Limits
	release, risk := "auto", "exit"
	if l.ManualRelease {
		release = "manual"
	}
	if l.HoldOnLeaseRisk {
		risk = "hold"
	}
	o.line("kernel    %s %s", p.Kernel, p.Digests[len(p.Digests)-1])
	o.line("limits    fail hold %d, clear %d, cooldown %d, position %d ticks; release %s; on Lease risk %s",
		l.FailHoldTicks, l.ClearTicks, l.CooldownTicks, l.MaxPositionTicks, release, risk)
	o.line("explored  %d states, %d transitions in %.1f s (%.1f s of CPU); the coordinator ran %d ticks, %d of them to audit\n",
		p.States, p.Transitions, p.Seconds, p.CPUSeconds, p.Ticks, p.Audited)
	for i := range p.Verdicts {
		v := &p.Verdicts[i]
		if v.Proven {
			bound := ""
			if v.Bound > 0 {
				bound = fmt.Sprintf(" (found: %d ticks at most)", v.Bound)
			}
			o.line("proven    %-21s %s%s", v.Discipline, v.Statement, bound)
			continue
		}
		o.line("REFUTED   %-21s %s\n          %s; the shortest trace:", v.Discipline, v.Statement, v.Why)
		for n, s := range v.Trace.Steps {
			mark := " "
			if v.Trace.Loop > 0 && n >= v.Trace.Loop {
				mark = "|" // this part goes round for ever
			}
			o.line("          %s%3d  %s", mark, n+1, s.Text)
		}
	}
	return o.err
}
