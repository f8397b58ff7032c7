package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// maxFileBytes bounds what Load and Parse read: a real file has a few KiB, and a ConfigMap holds at most 1 MiB.
const maxFileBytes = 1 << 20

// Load reads and parses the file at path. Relative paths in it start at its folder. It does not look whether the files that it names are
// there: CheckFiles does.
func Load(path string) (*Config, error) {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("%s: expected a configuration file: %w", path, err)
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("%s: expected a configuration file, found none: %w", path, errors.Unwrap(err))
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: expected a configuration file, found %s", path, kindOf(info))
	}
	src, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%s: expected a readable configuration file: %w", path, errors.Unwrap(err))
	}
	return parse(path, filepath.Dir(absolute), src)
}

// Parse reads src, which came from a file of that name; the name is used in errors, and its folder is where relative paths start. The error
// joins one *Error for everything that is wrong.
func Parse(filename string, src []byte) (*Config, error) {
	return parse(filename, filepath.Dir(filename), src)
}

func parse(name, dir string, src []byte) (*Config, error) {
	if len(src) > maxFileBytes {
		return nil, &Error{File: name, Expected: fmt.Sprintf("at most %d bytes", maxFileBytes), Found: strconv.Itoa(len(src))}
	}
	document := map[string]any{}
	if err := toml.Unmarshal(src, &document); err != nil {
		return nil, syntaxError(name, err)
	}
	r := newReader(name, indexLines(src), document)
	var f File
	r.table(reflect.ValueOf(&f).Elem(), "", document)
	r.paperVenue(&f)
	r.checkEach(&f)
	r.checkVenue(&f)
	r.checkTogether(&f)
	r.checkMode(&f)
	r.checkRetention(&f, dir)
	if err := joinErrors(r.problems); err != nil {
		return nil, err
	}
	digest := sha256.Sum256(src)
	c := resolve(f, dir)
	c.Digest = hex.EncodeToString(digest[:])
	c.file, c.lines, c.given = name, r.lines, r.given
	return c, nil
}

// syntaxError turns the decoder's error into ours. Its message is kept: it says what was expected in TOML's own words.
func syntaxError(name string, err error) error {
	e := &Error{File: name, Expected: "TOML", Found: err.Error()}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		line, column := decode.Position()
		e.Line = line
		for _, part := range decode.Key() {
			e.Key = join(e.Key, part)
		}
		e.Found = fmt.Sprintf("an error at column %d (%s)", column, decode.Error())
	}
	return e
}

// checkEach checks single keys beyond what their tags say.
func (r *reader) checkEach(f *File) {
	if r.good("economics.scale") && !powerOfTen(f.Economics.Scale) {
		r.problem("economics.scale", "a power of ten from 1 to 1000000000", strconv.FormatInt(f.Economics.Scale, 10), "")
	}
	names := map[string]string{}
	for i, s := range f.Oracle.Sources {
		at := element("oracle.sources", i)
		if first, taken := names[s.Name]; taken && r.good(join(at, "name")) {
			r.problem(join(at, "name"), "a name of its own", show(s.Name), "it is the name of "+first)
		} else if !taken {
			names[s.Name] = at
		}
		if kinds := s.kinds(); len(kinds) != 1 {
			r.problem(at, "exactly one of "+strings.Join(SourceKinds(), ", "), foundKinds(kinds), "")
		}
		if s.Replay != nil {
			r.checkReplay(join(at, "replay"), s.Replay)
		}
		if c := s.Chainlink; c != nil {
			r.checkNode(join(at, "chainlink"), c.RPCURL, c.RPCURLFile)
		}
		if u := s.UniswapV2; u != nil {
			r.checkNode(join(at, "uniswap_v2"), u.RPCURL, u.RPCURLFile)
		}
		if s.Pyth != nil && s.Pyth.TokenFile != "" && r.good(at+".pyth.url") && !keepsSecrets(s.Pyth.URL) {
			r.problem(at+".pyth.url", "an https URL (http on this machine only)", showURL(s.Pyth.URL), "the token of token_file travels with every request")
		}
	}
}

// kinds of source that the table names; one, if it is good.
func (s SourceTable) kinds() (names []string) {
	table := reflect.ValueOf(s)
	for i := range table.NumField() {
		field := table.Type().Field(i)
		if isKind(field) && !table.Field(i).IsNil() {
			names = append(names, keyOf(field))
		}
	}
	return names
}

// SourceKinds are the kinds of source that there are, by their keys in the file.
func SourceKinds() (names []string) {
	table := reflect.TypeFor[SourceTable]()
	for i := range table.NumField() {
		if field := table.Field(i); isKind(field) {
			names = append(names, keyOf(field))
		}
	}
	return names
}

// isKind says that the field of SourceTable is a kind of source: a table of its own.
func isKind(field reflect.StructField) bool {
	return field.Type.Kind() == reflect.Pointer && field.Type.Elem().Kind() == reflect.Struct
}

func keyOf(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("toml"), ",")
	return name
}

func foundKinds(kinds []string) string {
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, " and ")
}

func (r *reader) checkReplay(at string, t *ReplayTable) {
	if r.good(join(at, "series"), join(at, "file")) {
		if kinds := count(t.Series != "", t.File != ""); kinds != 1 {
			r.problem(at, "exactly one of series, file", strconv.Itoa(kinds), "")
		}
	}
	if !r.good(join(at, "times"), join(at, "offset"), join(at, "begin_ms")) {
		return
	}
	if t.Times == timesRecorded && t.Offset != 0 {
		r.problem(join(at, "offset"), "0", strconv.FormatInt(t.Offset, 10), "it counts ticks, and times is "+t.Times+": begin_ms says when the first row is due")
	}
	if t.Times != timesRecorded && t.BeginMS != 0 {
		r.problem(join(at, "begin_ms"), "0", strconv.FormatInt(t.BeginMS, 10), "it is a time, and times is "+t.Times+": offset says which row comes first")
	}
}

// timesRecorded is the choice of replay.times that plays by the clock.
const timesRecorded = "recorded"

func count(conditions ...bool) (n int) {
	for _, c := range conditions {
		if c {
			n++
		}
	}
	return n
}

// checkTogether checks keys against each other, where each of them is good.
func (r *reader) checkTogether(f *File) {
	if sources := int64(len(f.Oracle.Sources)); r.good("oracle.min_quorum", "oracle.sources") {
		found := strconv.FormatInt(f.Oracle.MinQuorum, 10)
		switch {
		case sources == 0 && f.Oracle.MinQuorum > standIns:
			r.problem("oracle.min_quorum", fmt.Sprintf("at most %d, the number of simulated sources that stand in for oracle.sources", standIns), found, "")
		case sources > 0 && f.Oracle.MinQuorum > sources:
			r.problem("oracle.min_quorum", fmt.Sprintf("at most %d, the number of oracle.sources", sources), found, r.unlessGiven("oracle.min_quorum"))
		}
	}
	if r.good("report.interval_ms", "report.lease_duration_ms") && 2*f.Report.IntervalMS > f.Report.LeaseDurationMS {
		r.problem("report.interval_ms", fmt.Sprintf("at most %d, half of report.lease_duration_ms", f.Report.LeaseDurationMS/2),
			strconv.FormatInt(f.Report.IntervalMS, 10), r.unlessGiven("report.interval_ms"))
	}
	if binary := f.Engine.Type == string(EngineTau) || f.Engine.Type == string(EngineBoth); binary && r.good("paths.tau_bin") && f.Paths.TauBin == "" {
		r.problem("paths.tau_bin", "the path of the Tau binary", "none", "engine.type is "+f.Engine.Type)
	}
	if r.good("daemon.tick_period_ms", "report.lease_duration_ms") && 4*f.Daemon.TickPeriodMS > f.Report.LeaseDurationMS {
		r.problem("report.lease_duration_ms", fmt.Sprintf("at least %d, four of daemon.tick_period_ms", 4*f.Daemon.TickPeriodMS),
			strconv.FormatInt(f.Report.LeaseDurationMS, 10), "two tries of an exit must fit into half of it")
	}
}

// checkRetention: nothing may be deleted that is not witnessed elsewhere.
func (r *reader) checkRetention(f *File, dir string) {
	if !r.good("ledger.retention_hours", "ledger.anchor", "paths.ledger_dir") {
		return
	}
	l := &f.Ledger
	switch {
	case l.RetentionHours > 0 && l.Anchor == "":
		r.problem("ledger.anchor", "a file with a checkpoint of this ledger, kept elsewhere", "none", "ledger.retention_hours deletes only what it covers")
	case l.RetentionHours == 0 && l.Anchor != "":
		r.problem("ledger.anchor", "ledger.retention_hours of at least 1 beside it", "none", "")
	case l.Anchor != "" && inside(absolute(dir, f.Paths.LedgerDir), absolute(dir, l.Anchor)):
		r.problem("ledger.anchor", "a file outside paths.ledger_dir", show(l.Anchor), "whoever rewrites the ledger would rewrite it too")
	}
}

func absolute(dir, path string) string {
	if filepath.IsAbs(path) {
		return filepath.Clean(path)
	}
	return filepath.Join(dir, path)
}

// inside says that file lies in dir or below it, by their names.
func inside(dir, file string) bool {
	rel, err := filepath.Rel(dir, file)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, "../")
}

func (r *reader) unlessGiven(key string) string {
	if r.given[key] {
		return ""
	}
	return "that is its default"
}

// standIns is the number of simulated sources that stand in where none is configured.
const standIns = 3

func resolve(f File, dir string) *Config {
	units := f.Economics.units
	path := func(p string) string {
		if p == "" || filepath.IsAbs(p) {
			return p
		}
		return filepath.Join(dir, p)
	}
	c := &Config{
		Name:       f.Daemon.Name,
		Mode:       Mode(f.Daemon.Mode),
		Tick:       Tick{Interval: ms(f.Tick.IntervalMS), Deadline: ms(f.Daemon.TickPeriodMS), FailHoldTicks: f.Tick.FailHoldTicks},
		Quarantine: Quarantine{ClearTicks: f.Daemon.QuarantineClearTicks, Release: Release(f.Quarantine.Release)},
		Engine: Engine{
			Type: EngineType(f.Engine.Type), FileProtocol: f.Engine.Protocol == "file", KernelOnly: f.Engine.Specs == "kernel",
			StartDeadline: ms(f.Engine.StartDeadlineMS),
		},
		Paths: Paths{
			TauBin: path(f.Paths.TauBin), KernelSpec: path(f.Paths.KernelSpec),
			KernelInputs: path(f.Paths.KernelInputs), KernelOutputs: path(f.Paths.KernelOutputs),
			SpecsRoot: path(f.Paths.SpecsRoot), DataDir: path(f.Paths.DataDir), LedgerDir: path(f.Paths.LedgerDir),
		},
		Oracle: Oracle{
			MinQuorum: f.Oracle.MinQuorum, ToleranceBps: f.Oracle.ToleranceBps, MaxMoveBps: f.Oracle.MaxMoveBps, MaxSkew: ms(f.Oracle.MaxSkewMS),
		},
		Economics: Economics{
			FeeBpsBuy: f.Economics.FeeBpsBuy, FeeBpsSell: f.Economics.FeeBpsSell, SlippageBpsLimit: f.Economics.SlippageBpsLimit,
			GasUnitCost: units(f.Economics.GasUnitCost), TradeQty: units(f.Economics.TradeQty),
			MinProfit: units(f.Economics.MinProfit), BurnShareBps: f.Economics.BurnShareBps,
		},
		Signal: Signal{
			BandWindow: f.Signal.BandWindow, BandBps: f.Signal.BandBps, TargetBps: f.Signal.TargetBps,
			TrendWindow: f.Signal.TrendWindow, VolumeWindow: f.Signal.VolumeWindow, MinVolume: units(f.Signal.MinVolume),
		},
		Cooldown: Cooldown(f.Cooldown),
		Risk: Risk{
			MaxPositionTicks: f.Risk.MaxPositionTicks, MaxPositionQty: units(f.Economics.TradeQty),
			MaxDrawdownBps: f.Risk.MaxDrawdownBps, EmergencySlippageBps: f.Risk.EmergencySlippageBps,
		},
		Venue: resolveVenue(&f, path),
		Ledger: Ledger{
			SnapshotTicks: f.Ledger.SnapshotTicks, SegmentBytes: f.Ledger.SegmentBytes,
			Retention: time.Duration(f.Ledger.RetentionHours) * time.Hour, Anchor: path(f.Ledger.Anchor),
		},
		Report: Report{
			Interval: ms(f.Report.IntervalMS), LeaseDuration: ms(f.Report.LeaseDurationMS),
			OnLeaseRisk: LeaseRisk(f.Report.OnLeaseRisk), Listen: f.Report.Listen,
		},
		Log:     Log(f.Log),
		Written: f,
	}
	if f.Risk.MaxPositionQty != nil {
		c.Risk.MaxPositionQty = units(*f.Risk.MaxPositionQty)
	}
	for _, s := range f.Oracle.Sources {
		c.Oracle.Sources = append(c.Oracle.Sources, resolveSource(s, f.Oracle.MaxAgeMS, units, path))
	}
	if len(f.Oracle.Sources) == 0 {
		c.Oracle.Sources = standInSources(ms(f.Oracle.MaxAgeMS))
		c.Warnings = append(c.Warnings, fmt.Sprintf("oracle.sources is empty: %d simulated sources (seed 0) stand in for a market, on the paper venue only", standIns))
	}
	return c
}

func resolveSource(s SourceTable, maxAgeMS int64, units func(Scaled) fixed.Value, path func(string) string) Source {
	out := Source{Name: s.Name, MaxAge: ms(maxAgeMS)}
	if s.MaxAgeMS != nil {
		out.MaxAge = ms(*s.MaxAgeMS)
	}
	switch {
	case s.HTTP != nil:
		out.HTTP = &HTTPSource{URL: s.HTTP.URL, Price: s.HTTP.Price, Time: s.HTTP.Time, Volume: s.HTTP.Volume}
	case s.Pyth != nil:
		feed := strings.ToLower(strings.TrimPrefix(s.Pyth.Feed, "0x"))
		out.Pyth = &PythSource{
			URL: s.Pyth.URL, Feed: feed, MaxConfidenceBps: s.Pyth.MaxConfidenceBps, TokenFile: path(s.Pyth.TokenFile), Stream: s.Pyth.Updates == "stream",
		}
	case s.Chainlink != nil:
		c := s.Chainlink
		out.Chainlink = &ChainlinkSource{RPCURL: c.RPCURL, RPCURLFile: path(c.RPCURLFile), ChainID: c.ChainID, Feed: c.Feed, Decimals: c.Decimals}
	case s.UniswapV2 != nil:
		u := s.UniswapV2
		out.UniswapV2 = &UniswapV2Source{
			RPCURL: u.RPCURL, RPCURLFile: path(u.RPCURLFile), ChainID: u.ChainID, Pair: u.Pair, Base: u.Base, MinReserve: units(u.MinReserve),
		}
	case s.Replay != nil:
		out.Replay = &ReplaySource{
			Series: s.Replay.Series, File: path(s.Replay.File), Recorded: s.Replay.Times == timesRecorded, Offset: s.Replay.Offset, BeginMS: s.Replay.BeginMS,
		}
	case s.Simulated != nil:
		out.Simulated = &SimulatedSource{Seed: s.Simulated.Seed, Start: units(s.Simulated.Start), StepBps: s.Simulated.StepBps}
	}
	return out
}

func standInSources(maxAge time.Duration) []Source {
	var sources []Source
	for i := range standIns {
		var walk SimulatedTable
		newReader("", nil, nil).table(reflect.ValueOf(&walk).Elem(), "", nil)
		sources = append(sources, Source{
			Name: "simulated-" + strconv.Itoa(i+1), MaxAge: maxAge,
			Simulated: &SimulatedSource{Seed: walk.Seed, Start: fixed.Value(walk.Start), StepBps: walk.StepBps},
		})
	}
	return sources
}

func ms(n int64) time.Duration { return time.Duration(n) * time.Millisecond }
