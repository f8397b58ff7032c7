package loop

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"

	"github.com/taudaemon/taudaemon/daemon/command"
	"github.com/taudaemon/taudaemon/daemon/config"
	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/ledger"
	"github.com/taudaemon/taudaemon/daemon/report"
	"github.com/taudaemon/taudaemon/daemon/report/lease"
	"github.com/taudaemon/taudaemon/daemon/venue"
	"github.com/taudaemon/taudaemon/daemon/venue/paper"
	"github.com/taudaemon/taudaemon/specs"
)

const testConfig = `
[daemon]
quarantine_clear_ticks = 3
[oracle]
min_quorum = 2
[economics]
fee_bps_buy = 10
fee_bps_sell = 10
trade_qty = 1_000_000_000
[signal]
band_window = 2
band_bps = -5000
trend_window = 0
[cooldown]
enabled = false
[risk]
max_drawdown_bps = 9000
[ledger]
snapshot_ticks = 10
`

// rig is a loop over scripted prices, on a clock that only the test moves, in a folder that outlives it.
type rig struct {
	t      testing.TB
	dir    string
	config string // taud.toml
	// durability of the ledger: AtSeal unless a test is about what the disk keeps, which is otherwise the ledger's own test.
	durability ledger.Durability
	// sources are asked instead of the script, if they are set.
	sources func(ctx context.Context, tick uint64, ms int64) []guard.Quote
	now     time.Duration
	price   func(tick uint64) string // "" is no price at all
	tenure  lease.Tenure
	space   ledger.SpaceOptions
	// segmentBytes of the ledger, where the default is too many.
	segmentBytes int64
	venue        func(v venue.Venue) venue.Venue // wraps the paper venue
	real         bool                            // deadlines pass by themselves
	// market, if set, is the venue, and outlives the process.
	market *market
	// breaks, if set, breaks the ledger of the next begin.
	breaks *breaks
	// engines runs the specs; the embedded engine unless a test says otherwise.
	engines func(*config.Config, [specCount]core.Spec) (*Specs, error)
	inbox   *command.Inbox
	redact  func(string) string
	loop    *Loop
	ledger  *ledger.Ledger
}

func newRig(t testing.TB) *rig {
	return &rig{
		t: t, dir: t.TempDir(), config: testConfig, durability: ledger.AtSeal, price: func(uint64) string { return "100" }, venue: func(v venue.Venue) venue.Venue { return v },
		engines: func(_ *config.Config, set [specCount]core.Spec) (*Specs, error) { return Embedded(set) },
	}
}

// begin opens the ledger and recovers, as main does.
func (r *rig) begin() error {
	r.t.Helper()
	cfg, err := config.Parse("taud.toml", []byte(r.config))
	if err != nil {
		r.t.Fatal(err)
	}
	set := bundled(r.t)
	nine, err := r.engines(cfg, set)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { r.must(nine.Close()) })
	led, found, err := ledger.Open(r.dir, ledger.Options{Durability: r.durability, Space: r.space, SegmentBytes: r.segmentBytes})
	if err != nil {
		return err
	}
	r.ledger = led
	recovered, err := Recover(r.dir, found)
	if err != nil {
		return errors.Join(err, led.Close())
	}
	server, err := report.Listen(report.Options{Listen: "127.0.0.1:0", Interval: time.Second})
	if err != nil {
		r.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	r.t.Cleanup(stop)
	go server.Serve(ctx) // only its port is wanted
	tenure := r.tenure
	if tenure == nil {
		tenure = lease.NewUnfenced(int64(found.HighestEpoch) + 1)
	}
	var broken Ledger = led
	if r.breaks != nil {
		r.breaks.Ledger, broken = led, r.breaks
	}
	boot := core.Boot{Version: "test", Name: "test", BootID: fmt.Sprint("boot", found.HighestEpoch+1), Mode: "paper", Specs: set}
	if found.TornTail != nil {
		boot.Torn = found.TornTail.Bytes
	}
	r.loop, err = New(context.Background(), Parts{
		Config: cfg, Specs: nine, Gather: r.gather, Ledger: broken, Local: r.inbox, Redact: r.redact, Tenure: tenure, Server: server, Log: logr.Discard(), Clock: r.clock(),
		NewVenue: func(s *core.State, first bool) (venue.Venue, error) {
			cash := s.Cash
			if first {
				cash = fixed.MustParse("1000")
			}
			if r.market != nil {
				return r.market, nil
			}
			return r.venue(paper.New(paper.Config{FeeBpsBuy: 10, FeeBpsSell: 10}, s.Position.Qty, cash)), nil
		},
		Boot: boot,
	}, recovered)
	return err
}

// bundled are the specs that the project ships.
func bundled(t testing.TB) [specCount]core.Spec {
	t.Helper()
	set, err := ReadSpecs(specs.FS.ReadFile, specs.FS.ReadFile, specs.KernelV35)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func (r *rig) clock() Clock {
	c := Clock{
		Wall: func() time.Time { return time.UnixMilli(1_700_000_000_000).Add(r.now) },
		Boot: func() time.Duration { return r.now },
	}
	if !r.real {
		c.Within = func(ctx context.Context, _ time.Duration) (context.Context, context.CancelFunc) {
			return ctx, func() {}
		}
	}
	return c
}

func (r *rig) gather(ctx context.Context, tick uint64, ms int64) []guard.Quote {
	if r.sources != nil {
		return r.sources(ctx, tick, ms)
	}
	quotes := make([]guard.Quote, 3)
	for i := range quotes {
		quotes[i] = guard.Quote{Source: fmt.Sprint("s", i), Published: ms, Received: ms, Err: "scripted"}
		if p := r.price(tick); p != "" {
			quotes[i].Price, quotes[i].Err = fixed.MustParse(p), ""
		}
	}
	return quotes
}

func (r *rig) ticks(n int) error {
	for range n {
		r.now += time.Second
		if err := r.loop.once(context.Background()); err != nil {
			return err
		}
	}
	return nil
}

func (r *rig) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// crash drops everything that is not in the folder.
func (r *rig) crash() { r.must(r.ledger.Close()) }

func (r *rig) records() (recs []*ledger.Record) {
	r.t.Helper()
	for rec, err := range ledger.Scan(r.dir, 0) {
		r.must(err)
		recs = append(recs, rec)
	}
	return recs
}

func (r *rig) bytes() string {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "*.log"))
	r.must(err)
	var all strings.Builder
	for _, n := range names {
		b, err := os.ReadFile(n)
		r.must(err)
		all.Write(b)
	}
	return all.String()
}

// wave is a market that trades: up, down, and dead for three ticks of every forty.
func wave(tick uint64) string {
	if tick%40 > 36 {
		return ""
	}
	return []string{"100", "101", "103", "99.5", "98", "100.25"}[tick%6]
}

// replayed takes the ledger up from its records alone, and holds the result to the loop's own state.
func (r *rig) replayed() {
	r.t.Helper()
	var replay Replayer
	for _, rec := range r.records() {
		r.must(replay.Apply(rec))
	}
	if !reflect.DeepEqual(replay.State, r.loop.state) {
		r.t.Fatalf("replay gives\n%+v\nthe loop had\n%+v", replay.State, r.loop.state)
	}
}

// market is a paper venue that outlives the process, on the rig's clock, with a balance that is not ours. It fails the test when an order is sent
// twice, or when what is not ours is sold. An authorised exit may leave again under its id if the venue never got it and would no longer take it.
type market struct {
	*paper.Venue
	t       testing.TB
	foreign fixed.Value
	now     func() time.Time
	sent    []venue.Order
}

// foreign is the base that the account has beside ours.
const foreign = 5 * fixed.Value(fixed.Scale)

func (r *rig) withMarket(c paper.Config) *market {
	c.Now = func() time.Time { return r.clock().Wall() }
	r.market = &market{Venue: paper.New(c, foreign, fixed.MustParse("1000")), t: r.t, foreign: foreign, now: c.Now}
	return r.market
}

func (m *market) Do(ctx context.Context, o venue.Order) venue.Answer {
	for _, before := range m.sent {
		again := o.Reason == "the ledger failed" && before.Expires < m.now().UnixMilli() && m.Query(ctx, before).Result == core.NotFound
		if before.ID == o.ID && !again {
			m.t.Fatalf("order %s was sent twice", o.ID)
		}
	}
	m.sent = append(m.sent, o)
	a := m.Venue.Do(ctx, o)
	m.ours()
	return a
}

// ours is what the venue holds for us, in base units.
func (m *market) ours() fixed.Value {
	m.t.Helper()
	own := m.Account(context.Background()).Base - m.foreign
	if own < 0 {
		m.t.Fatalf("%s of what is not ours was sold", -own)
	}
	return own
}

// settled holds the ledger's books to the venue's own, once nothing is open.
func (r *rig) settled() {
	r.t.Helper()
	s, a := &r.loop.state, r.market.Account(context.Background())
	if s.Open != nil || s.Position.Qty != r.market.ours() || s.Cash != a.Quote {
		r.t.Fatalf("open %+v; the ledger says %s and %s of cash, the venue %s and %s", s.Open, s.Position.Qty, s.Cash, r.market.ours(), a.Quote)
	}
}

// breaks is a ledger that fails at the at-th commit from now on, counted from 1, and at all later ones. With kept, the record is on the disk
// nevertheless.
type breaks struct {
	Ledger
	at, count int
	kept      bool
}

func (b *breaks) Commit(kind ledger.Kind, ms int64, epoch uint64, body []byte) (ledger.Receipt, error) {
	if b.count++; b.count < b.at {
		return b.Ledger.Commit(kind, ms, epoch, body)
	}
	if b.kept && b.count == b.at {
		if _, err := b.Ledger.Commit(kind, ms, epoch, body); err != nil {
			return ledger.Receipt{}, err
		}
	}
	return ledger.Receipt{}, fmt.Errorf("%w: injected", ledger.ErrPoisoned)
}

// tear leaves the beginning of a record at the end of the ledger, as a crash in the midst of a write does.
func (r *rig) tear() {
	r.t.Helper()
	names, err := filepath.Glob(filepath.Join(r.dir, "*.log"))
	r.must(err)
	f, err := os.OpenFile(names[len(names)-1], os.O_APPEND|os.O_WRONLY, 0)
	r.must(err)
	_, err = f.WriteString(`{"v":1,"seq":7,"prev":"`)
	r.must(errors.Join(err, f.Close()))
}
