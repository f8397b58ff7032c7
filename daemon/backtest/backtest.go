package backtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/loop"
	"github.com/taudaemon/taudaemon/daemon/monitor"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
)

// Options of a run. All are required but Watch.
type Options struct {
	Config *config.Config
	Data   *Data
	// Dir is the ledger's folder: empty, or not there yet.
	Dir string
	// Version of the program, for the boot record.
	Version string
	// Specs are 01 to 08, then the kernel.
	Specs [monitor.Count + 1]core.Spec
	// Watch, if set, is told of every tick, for a report.
	Watch *Picture
}

// NotEmptyError says that there is something in the ledger's folder already.
type NotEmptyError struct {
	Dir   string
	Found int
}

// Error says what was expected.
func (e *NotEmptyError) Error() string {
	return fmt.Sprintf("%s: expected an empty folder or none, for a ledger of its own, found %d entries", e.Dir, e.Found)
}

// Run runs the recording through the daemon's loop and returns what came of it. If ctx ends first, the ledger is closed in order and the
// error is the context's.
func Run(ctx context.Context, o Options) (_ *Summary, err error) {
	begun := time.Now()
	if err := makeEmpty(o.Dir); err != nil {
		return nil, err
	}
	specs, err := loop.Embedded(o.Specs)
	if err != nil {
		return nil, err
	}
	led, recovery, err := ledger.Open(o.Dir, ledger.Options{SegmentBytes: o.Config.Ledger.SegmentBytes, Durability: ledger.AtSeal, Plain: true})
	if err != nil {
		return nil, err
	}
	closed := false
	defer func() {
		if !closed {
			err = errors.Join(err, led.Close())
		}
	}()
	recovered, err := loop.Recover(o.Dir, recovery)
	if err != nil {
		return nil, err
	}

	c := asBacktest(o.Config)
	f := newFeed(o.Data, len(c.Oracle.Sources), c.Tick.Interval)
	book := newBook(c, o.Watch)
	if o.Watch != nil {
		o.Watch.begin(f)
	}
	l, err := loop.New(ctx, loop.Parts{
		Config: c, Specs: specs, Gather: f.gather, Ledger: led, Tenure: lease.NewUnfenced(1), Clock: f.clock(), Log: logr.Discard(), Told: book.tick,
		NewVenue: func(*core.State, bool) (venue.Venue, error) { return book.over(paperVenue(c, f.clock().Wall)), nil },
		Boot:     core.Boot{Version: o.Version, Name: c.Name, BootID: "backtest", Mode: string(c.Mode), Specs: o.Specs},
	}, recovered)
	if err != nil {
		return nil, err
	}
	// The recording's digest stands in the last record, not in the first: so no record depends on what was not known at its time.
	if err := l.Drive(ctx, f.beat, func() string { return "end of the recording " + o.Data.Digest }); err != nil {
		return nil, err
	}
	head, origin := led.Head(), led.Origin()
	closed = true
	if err := led.Close(); err != nil {
		return nil, err
	}
	s, err := book.summary(o.Data)
	if err != nil {
		return nil, err
	}
	s.Ledger = LedgerSummary{Origin: origin, Records: head.Size, Head: head.Leaf.String(), Root: head.Root.String()}
	s.Notes = notes(o.Config, o.Data)
	if o.Watch != nil {
		o.Watch.shares()
	}
	s.Took = time.Since(begun)
	return s, nil
}

func makeEmpty(dir string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	found, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return &NotEmptyError{Dir: dir, Found: len(found)}
	}
	return nil
}

// asBacktest is the configuration with the recording in the place of its sources.
func asBacktest(c *config.Config) *config.Config {
	b := *c
	b.Oracle.Sources = make([]config.Source, c.Oracle.MinQuorum)
	for i := range b.Oracle.Sources {
		b.Oracle.Sources[i].MaxAge = maxAge(c)
	}
	return &b
}

func maxAge(c *config.Config) time.Duration {
	return time.Duration(c.Written.Oracle.MaxAgeMS) * time.Millisecond
}

// paperVenue is the paper venue of a configuration, on the recording's clock.
func paperVenue(c *config.Config, now func() time.Time) venue.Venue {
	return paper.New(paper.Configured(c, now), 0, c.Venue.Paper.QuoteBalance)
}

// notes are what a reader of the result must know.
func notes(c *config.Config, d *Data) []string {
	n := []string{fmt.Sprintf("one recording stands for %d equal sources: this proves nothing about a quorum", c.Oracle.MinQuorum)}
	if d.Kind == Candles && d.SpacingMS > maxAge(c).Milliseconds() {
		n = append(n, fmt.Sprintf("candles are %d ms apart and prices older than oracle.max_age_ms = %d are stale: most ticks have no fresh price",
			d.SpacingMS, maxAge(c).Milliseconds()))
	}
	return append(n, "the paper venue fills every order in full: the market's depth and our own effect on it are not in the data")
}
