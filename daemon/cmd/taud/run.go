package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	orders "github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/logging"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/oracle"
	"github.com/taudaemon/taudaemon/daemon/report"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/solver"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/specs"
)

// defaultListen is where a daemon in a pod answers when its configuration could not be read.
const defaultListen = ":8080"

func runCommand() *cobra.Command {
	var file, level string
	c := &cobra.Command{
		Use: "run", Short: "Tick until SIGTERM", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			err := run(c.Context(), file, level)
			if errors.Is(err, errAgain) {
				// With nothing of the halted process left but its id: the container must not end, since with it would whoever ordered the release in it.
				err = unix.Exec("/proc/self/exe", os.Args, os.Environ())
			}
			return err
		},
	}
	configFlag(c, &file)
	c.Flags().StringVar(&level, "log-level", "", "debug, info, warn or error; before TAUD_LOG and [log] level")
	return c
}

func configFlag(c *cobra.Command, file *string) {
	c.Flags().StringVar(file, "config", "taud.toml", "the configuration file")
}

func checkCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "check", Short: "Read the configuration and the specs, start nothing", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := load(file)
			if err != nil {
				return err
			}
			for _, w := range s.config.Warnings {
				fmt.Fprintln(c.ErrOrStderr(), "warning:", w)
			}
			costs, warning, err := roundTrip(s.config)
			if err != nil {
				return err
			}
			if warning != "" {
				fmt.Fprintln(c.ErrOrStderr(), "warning:", warning)
			}
			info := s.specs.Info()
			_, err = fmt.Fprintf(c.OutOrStdout(), "%s is good: %s venue, %d sources (quorum %d), a tick every %v\nkernel %s, %s, engine %s\n%s\n", file,
				s.config.Venue.Kind(), len(s.config.Oracle.Sources), s.config.Oracle.MinQuorum, s.config.Tick.Interval, info.SpecName, info.SpecDigest, s.config.Engine.Type,
				costs)
			return err
		},
	}
	configFlag(c, &file)
	return c
}

// roundTrip says what a buy and a sell at one price cost, and warns of a target that does not earn it back: the profit guard does not hold there.
func roundTrip(c *config.Config) (costs, warning string, err error) {
	p := loop.Params(c)
	rise, err := solver.RoundTrip(p.Costs)
	if err != nil {
		return "", "", err
	}
	costs = fmt.Sprintf("a round trip costs %s bps of the price: fees %d and %d, slippage up to %d at either end", loop.Hundredths(rise),
		p.Costs.FeeBpsBuy, p.Costs.FeeBpsSell, p.Costs.SlippageBps)
	if p.Costs.Gas > 0 {
		costs += fmt.Sprintf("; and gas of %s an order", p.Costs.Gas)
	}
	if 100*p.Signal.TargetBps < rise {
		warning = fmt.Sprintf("signal.target_bps: a target of %d bps lies below what a round trip costs, %s bps: the profit guard does not hold there",
			p.Signal.TargetBps, loop.Hundredths(rise))
	}
	return costs, warning, nil
}

// setup is what is read before anything is started or written.
type setup struct {
	config  *config.Config
	set     [monitor.Count + 1]core.Spec
	specs   *loop.Specs
	sources []oracle.Source
}

func load(file string) (*setup, error) {
	c, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	if err := c.CheckFiles(); err != nil {
		return nil, err
	}
	set, err := readSpecs(c)
	if err != nil {
		return nil, err
	}
	// Whatever engine is asked for, what the embedded one refuses is refused here, before a process is started.
	nine, err := loop.Embedded(set)
	if err != nil {
		return nil, err
	}
	params := loop.Params(c)
	if err := params.Watched(nine.LongHold()); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	sources, err := oracle.New(c.Oracle.Sources)
	if err != nil {
		return nil, err
	}
	return &setup{config: c, set: set, specs: nine, sources: sources}, nil
}

// start puts the specs into the configured engines.
func (s *setup) start(ctx context.Context, log *slog.Logger) (err error) {
	s.specs, err = loop.Engines(ctx, s.config, s.set, runDir(s.config), log)
	return err
}

// runDir is where the binary's folders are made, and nothing else: in a pod on the small file system in memory that TMPDIR names, else in the
// data folder. It is emptied at every start.
func runDir(c *config.Config) string {
	if dir := os.Getenv("TMPDIR"); dir != "" && os.Getenv(lease.EnvPodUID) != "" {
		return filepath.Join(dir, "taud-run")
	}
	return filepath.Join(c.Paths.DataDir, "taud-run")
}

// readSpecs reads the kernel, and the supporting specs from specs_root if it holds any of them; then it must hold all. Else they are the
// bundled ones.
func readSpecs(c *config.Config) (set [monitor.Count + 1]core.Spec, err error) {
	read := specs.FS.ReadFile
	for id := range monitor.Count {
		if _, err := os.Stat(filepath.Join(c.Paths.SpecsRoot, id.File())); err == nil {
			read = func(name string) ([]byte, error) { return os.ReadFile(filepath.Join(c.Paths.SpecsRoot, name)) }
		}
	}
	return loop.ReadSpecs(read, os.ReadFile, c.Paths.KernelSpec)
}

// daemon is a run: what it has got so far decides how it can say what went wrong.
type daemon struct {
	*setup
	log    logr.Logger
	level  *slog.LevelVar
	server *report.Server
	bootID string
	podUID string
	tenure lease.Tenure
	// api is the pod's Lease; nil outside Kubernetes.
	api   lease.API
	inbox *orders.Inbox
	// hides takes the configuration's credentials out of texts; nil before it is read.
	hides  atomic.Pointer[redactor]
	ledger *ledger.Ledger
	known  remembered
}

func run(ctx context.Context, file, levelFlag string) error {
	d := &daemon{level: new(slog.LevelVar), bootID: lease.NewBootID(), podUID: os.Getenv(lease.EnvPodUID)}
	d.log = logging.New(&redacting{os.Stdout, d.hides.Load}, d.level)
	logging.SetDefault(d.log)
	api, _, err := lease.FromEnv(os.Getenv)
	if err != nil {
		return d.refuse(ctx, "NoLease", err)
	}
	d.api = api

	s, err := load(file)
	if err == nil {
		d.setup = s
		d.hides.Store(newRedactor(s.config))
		var l slog.Level
		if l, err = logging.Choose(levelFlag, os.Getenv(logging.EnvLevel), s.config.Log.Level); err == nil {
			d.level.Set(l)
		}
	}
	if err != nil {
		return d.refuse(ctx, "InvalidConfig", err)
	}
	for _, w := range s.config.Warnings {
		d.log.Info("warning: " + w)
	}
	if costs, warning, err := roundTrip(s.config); err == nil {
		if d.log.Info(costs); warning != "" {
			d.log.Info("warning: " + warning)
		}
	}
	if err := d.listen(ctx, s.config.Report.Listen, s.config.Tick.Interval); err != nil {
		return err
	}
	l, err := d.start(ctx)
	if err == nil {
		d.log.Info("ticking", "version", fullVersion(), "every", s.config.Tick.Interval, "epoch", d.tenure.Epoch(), "ledger", d.ledger.Origin(),
			"records", d.ledger.Head().Size, "kernel", s.specs.Info().SpecDigest, "venue", l.Venue.Name())
		if err = l.Run(ctx); d.asked(err) {
			d.log.Info("halted by a person: taud release ends it, and the next start goes on", "why", err.Error())
			err = nil
		}
	}
	return d.end(ctx, l, err)
}

func (d *daemon) listen(ctx context.Context, addr string, interval time.Duration) (err error) {
	d.server, err = report.Listen(report.Options{Listen: addr, Interval: interval, Version: fullVersion(), Log: d.log.WithName("http")}) //nolint:contextcheck // it outlives the signal
	if err != nil {
		return err
	}
	go func() {
		if err := d.server.Serve(context.WithoutCancel(ctx)); err != nil {
			d.log.Error(err, "the HTTP server ended")
		}
	}()
	return nil
}

// start is start and crash recovery in one: lock, verify, replay, take the Lease, write the boot record, ask for open intents.
func (d *daemon) start(ctx context.Context) (_ *loop.Loop, err error) {
	c := d.config
	d.server.Waiting("reading what the Lease knows of the ledger")
	if err := d.remember(ctx); err != nil {
		return nil, err
	}
	d.server.Waiting("opening the ledger")
	if err := os.MkdirAll(c.Paths.LedgerDir, 0o750); err != nil {
		return nil, &loop.HaltError{Reason: "LedgerUnreadable", Err: err}
	}
	if d.inbox, err = orders.Open(c.Paths.DataDir); err != nil {
		return nil, &loop.HaltError{Reason: "CommandsUnreadable", Err: err}
	}
	recovery, err := d.openLedger()
	if err != nil {
		return nil, err
	}
	d.server.Waiting("replaying the ledger")
	recovered, err := loop.Recover(c.Paths.LedgerDir, recovery) //nolint:contextcheck // it is whole or nothing
	if err != nil {
		return nil, &loop.HaltError{Reason: ledgerReason(err), Err: err}
	}
	if err := d.acquire(ctx, int64(recovery.HighestEpoch)); err != nil {
		return nil, err
	}
	// Before anything is written: a halt that stands is not started against.
	if why := d.tenure.Commands().Halt; why != "" {
		return nil, &loop.HaltError{Reason: loop.ReasonHaltOrdered, Err: errors.New(why)}
	}
	d.server.Waiting("starting the engine")
	if err := d.setup.start(ctx, slog.New(logr.ToSlogHandler(d.log.WithName("tau")))); err != nil {
		return nil, &loop.HaltError{Reason: "EngineFailed", Err: err}
	}
	boot := core.Boot{Version: fullVersion(), Name: c.Name, PodUID: d.podUID, BootID: d.bootID, Mode: string(c.Mode), Market: c.Venue.Market(), Specs: d.set}
	if t := recovery.TornTail; t != nil {
		boot.Torn, boot.Kept = t.Bytes, t.Kept
		d.log.Info("a torn tail was cut from the ledger", "segment", t.Segment, "offset", t.Offset, "bytes", t.Bytes, "kept", t.Kept)
	}
	return loop.New(ctx, loop.Parts{
		Config: c, Specs: d.specs, Ledger: d.ledger, Tenure: d.tenure, Server: d.server, Clock: loop.SystemClock(), Log: d.log, Boot: boot, Local: d.inbox, Redact: d.clean,
		Gather: d.gather,
		NewVenue: func(s *core.State, first bool) (venue.Venue, error) {
			v, err := newVenue(c, s, first)
			return v, d.hides.Load().error(err)
		},
	}, recovered)
}

// clean takes credentials out of what others say.
func (d *daemon) clean(text string) string { return d.hides.Load().Redact(text) }

func (d *daemon) gather(ctx context.Context, tick uint64, ms int64) []guard.Quote {
	return oracle.Gather(ctx, d.sources, tick, ms)
}

// marks of a small disk lie lower than the ledger's own: a share of it, so that a fresh volume is not below them.
func marks(c *config.Config) (o ledger.SpaceOptions) {
	var fs unix.Statfs_t
	if err := unix.Statfs(c.Paths.LedgerDir, &fs); err != nil || fs.Bsize <= 0 {
		return o // the ledger's own, which are the stricter ones
	}
	total := int64(min(fs.Blocks*uint64(fs.Bsize), 1<<62))
	o.Warn = min(16*c.Ledger.SegmentBytes, total/8)
	o.Stop = min(4*c.Ledger.SegmentBytes, total/32)
	return o
}

func ledgerReason(err error) string {
	switch {
	case errors.As(err, new(*ledger.CorruptionError)):
		return "LedgerDamaged"
	case errors.As(err, new(*ledger.LockedError)):
		return "LedgerLocked"
	case errors.As(err, new(*loop.DivergedError)):
		return "ReplayDiverged"
	}
	return "LedgerUnreadable"
}

// acquire takes the Lease, or outside Kubernetes the next epoch of the ledger, whose lock is the right to act there.
func (d *daemon) acquire(ctx context.Context, ledgerEpoch int64) error {
	if d.api == nil {
		d.tenure = lease.NewUnfenced(ledgerEpoch + 1)
		d.server.SetFence(d.tenure)
		return nil
	}
	r := d.config.Report
	held, err := lease.Acquire(ctx, lease.Options{
		API: d.api, PodUID: d.podUID, BootID: d.bootID, LedgerLocked: d.ledger != nil, AtLeast: ledgerEpoch,
		Duration: r.LeaseDuration, ReportInterval: r.Interval, Attest: d.attest, Log: d.log.WithName("lease"), Waiting: d.server.Waiting,
	})
	if err != nil {
		return err
	}
	d.tenure = held
	d.server.SetFence(held)
	return nil
}
