package config

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

func read(t testing.TB, name string) []byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return src
}

func TestTheMissionsFileLoadsUnchanged(t *testing.T) {
	c, err := Parse("/srv/agent/taud.toml", read(t, "mission.toml"))
	if err != nil {
		t.Fatal(err)
	}
	expect := func(what string, found, want any) {
		t.Helper()
		if !reflect.DeepEqual(found, want) {
			t.Errorf("%s: expected %+v, found %+v", what, want, found)
		}
	}
	expect("name", c.Name, "taud")
	expect("mode", c.Mode, ModePaper)
	expect("tick", c.Tick, Tick{Interval: 250 * time.Millisecond, Deadline: time.Second, FailHoldTicks: 2})
	expect("quarantine", c.Quarantine, Quarantine{ClearTicks: 10, Release: ReleaseAuto})
	expect("engine", c.Engine, Engine{Type: EngineAuto, StartDeadline: 10 * time.Second})
	expect("paths", c.Paths, Paths{
		TauBin: "/usr/local/bin/tau", KernelSpec: "/srv/agent/specs/kernel/v35_integrated.tau", KernelInputs: "/srv/agent/run/inputs",
		KernelOutputs: "/srv/agent/run/outputs", SpecsRoot: "/srv/agent/specs", DataDir: "/srv/agent/data", LedgerDir: "/srv/agent/data/ledger",
	})
	walk := &SimulatedSource{Start: fixed.MustParse("100"), StepBps: 20}
	age := 1500 * time.Millisecond
	expect("oracle", c.Oracle, Oracle{MinQuorum: 3, ToleranceBps: 50, Sources: []Source{
		{Name: "simulated-1", MaxAge: age, Simulated: walk}, {Name: "simulated-2", MaxAge: age, Simulated: walk}, {Name: "simulated-3", MaxAge: age, Simulated: walk},
	}})
	expect("economics", c.Economics, Economics{FeeBpsBuy: 30, FeeBpsSell: 30, SlippageBpsLimit: 10, TradeQty: fixed.MustParse("10"), BurnShareBps: 1000})
	expect("signal", c.Signal, Signal{BandWindow: 20, BandBps: 50, TargetBps: 100, TrendWindow: 1, VolumeWindow: 1})
	expect("cooldown", c.Cooldown, Cooldown{Enabled: true, Ticks: 8})
	expect("risk", c.Risk, Risk{MaxPositionTicks: 12, MaxPositionQty: fixed.MustParse("10"), MaxDrawdownBps: 200, EmergencySlippageBps: 200})
	expect("venue", c.Venue, Venue{Paper: PaperVenue{QuoteBalance: fixed.MustParse("100000")}})
	expect("ledger", c.Ledger, Ledger{SnapshotTicks: 1000, SegmentBytes: 4 << 20})
	expect("report", c.Report, Report{Interval: 10 * time.Second, LeaseDuration: 30 * time.Second, OnLeaseRisk: LeaseRiskExit, Listen: "127.0.0.1:8080"})
	expect("log", c.Log, Log{Level: "info"})
	if len(c.Warnings) != 1 || !strings.Contains(c.Warnings[0], "simulated sources") {
		t.Errorf("expected a warning on the simulated sources, found %q", c.Warnings)
	}
	if len(c.Digest) != 64 {
		t.Errorf("expected a SHA-256, found %q", c.Digest)
	}
}

func TestEveryKeyIsReadAndAmountsAreConvertedFromTheirScale(t *testing.T) {
	eight := int64(8)
	c, err := Parse("/etc/taud/taud.toml", read(t, "full.toml"))
	if err != nil {
		t.Fatal(err)
	}
	want := Config{
		Name: "shop/eth-usd", Mode: ModePaper,
		Tick:       Tick{Interval: 2 * time.Second, Deadline: 900 * time.Millisecond, FailHoldTicks: 5},
		Quarantine: Quarantine{ClearTicks: 7, Release: ReleaseManual},
		Engine:     Engine{Type: EngineEmbedded, StartDeadline: 10 * time.Second},
		Paths: Paths{
			KernelSpec: "/etc/taud/v35_integrated.tau", KernelInputs: "/etc/taud/run/inputs", KernelOutputs: "/etc/taud/run/outputs",
			SpecsRoot: "/etc/taud/specs", DataDir: "/etc/taud/data", LedgerDir: "/var/lib/taud/ledger",
		},
		Oracle: Oracle{MinQuorum: 2, ToleranceBps: 40, MaxMoveBps: 500, MaxSkew: 2 * time.Second, Sources: []Source{
			{Name: "kraken", MaxAge: 5 * time.Second, HTTP: &HTTPSource{
				URL: "https://api.example/0/public/Ticker?pair=XETHZUSD", Price: "$.result.XETHZUSD.c[0]", Time: "$['server time']"}},
			{Name: "pyth", MaxAge: 3 * time.Second, Pyth: &PythSource{URL: "https://hermes.example", Feed: ethUSD, MaxConfidenceBps: 20, TokenFile: "/etc/taud/credentials/pyth", Stream: true}},
			{Name: "chainlink", MaxAge: 3 * time.Second, Chainlink: &ChainlinkSource{
				RPCURLFile: "/etc/taud/credentials/rpc-url", ChainID: 1, Feed: "0x5f4eC3Df9cbd43714FE2740f5E3616155c5b8419", Decimals: &eight}},
			{Name: "pool", MaxAge: 3 * time.Second, UniswapV2: &UniswapV2Source{
				RPCURL: "https://node.example", ChainID: 1, Pair: "0x1111111111111111111111111111111111111111",
				Base: "0x2222222222222222222222222222222222222222", MinReserve: fixed.MustParse("1000")}},
			{Name: "history", MaxAge: 3 * time.Second, Replay: &ReplaySource{Series: "sp500-daily", Offset: 250}},
			{Name: "recording", MaxAge: 3 * time.Second, Replay: &ReplaySource{File: "/etc/taud/recordings/eth.csv", Recorded: true, BeginMS: 1_785_000_000_000}},
			{Name: "walk", MaxAge: 3 * time.Second, Simulated: &SimulatedSource{Seed: 7, Start: fixed.MustParse("2500"), StepBps: 15}},
		}},
		Economics: Economics{
			FeeBpsBuy: 26, FeeBpsSell: 25, SlippageBpsLimit: 15, GasUnitCost: fixed.MustParse("0.05"), TradeQty: fixed.MustParse("1.5"), MinProfit: fixed.MustParse("-0.25"),
		},
		Signal:   Signal{BandWindow: 30, BandBps: -10, TargetBps: 80, VolumeWindow: 4, MinVolume: fixed.MustParse("1")},
		Cooldown: Cooldown{},
		Risk:     Risk{MaxPositionTicks: 3, MaxPositionQty: fixed.MustParse("4.5"), MaxDrawdownBps: 500, EmergencySlippageBps: 300},
		Venue:    Venue{Paper: PaperVenue{QuoteBalance: fixed.MustParse("1000"), SlippageBps: 2, Seed: 11, Latency: 40 * time.Millisecond, PartialBps: 1000, RejectBps: 200, AmbiguousBps: 100}},
		Ledger:   Ledger{SnapshotTicks: 100, SegmentBytes: 1 << 20, Retention: 720 * time.Hour, Anchor: "/etc/taud/witnessed/checkpoint"},
		Report:   Report{Interval: 5 * time.Second, LeaseDuration: 20 * time.Second, OnLeaseRisk: LeaseRiskHold, Listen: ":8080"},
		Log:      Log{Level: "debug"},
	}
	want.Digest, want.Written, want.file, want.lines, want.given = c.Digest, c.Written, c.file, c.lines, c.given
	if !reflect.DeepEqual(*c, want) {
		t.Errorf("expected\n%+v\nfound\n%+v", want, *c)
	}
	kinds := map[string]bool{}
	for _, s := range c.Oracle.Sources {
		kinds[s.Kind()] = true
	}
	if found := slices.Sorted(maps.Keys(kinds)); !slices.Equal(found, SourceKinds()) {
		t.Errorf("kinds: expected a source of each, %s, found %s", SourceKinds(), found)
	}
}

func TestTheShortestFileHasOnlyTheTradedQuantity(t *testing.T) {
	c, err := Parse("taud.toml", []byte("economics.trade_qty = 1"))
	if err != nil || c.Economics.TradeQty != 1 {
		t.Errorf("found %+v, %v", c, err)
	}
	want := DefaultFile()
	want.Economics.TradeQty = 1
	if !reflect.DeepEqual(c.Written, want) {
		t.Errorf("expected the defaults\n%+v\nfound\n%+v", want, c.Written)
	}
}

func TestWhatMarshalWritesParseReads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := DefaultFile()
		f.Daemon.Name = rapid.StringMatching(`[a-z][a-z0-9/-]{0,30}[a-z0-9]`).Draw(t, "name")
		f.Economics.TradeQty = Scaled(rapid.Int64Min(1).Draw(t, "trade_qty"))
		f.Economics.MinProfit = Scaled(rapid.Int64().Draw(t, "min_profit"))
		f.Economics.FeeBpsBuy = rapid.Int64Range(0, 5000).Draw(t, "fee_bps_buy")
		f.Cooldown.Enabled = rapid.Bool().Draw(t, "cooldown")
		f.Paths.KernelSpec = rapid.StringMatching(`[ -~]{1,20}`).Draw(t, "kernel_spec")
		if rapid.Bool().Draw(t, "limited") {
			limit := Scaled(rapid.Int64Min(1).Draw(t, "max_position_qty"))
			f.Risk.MaxPositionQty = &limit
		}
		f.Oracle.MinQuorum = 1
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z0-9]{1,8}`), 1, 4, rapid.ID).Draw(t, "sources") {
			s := SourceTable{Name: name}
			switch rapid.IntRange(0, 4).Draw(t, "kind") {
			case 0:
				s.HTTP = &HTTPTable{URL: "https://api.example/price?pair=" + name, Price: "$['" + name + "'].c[0]"}
			case 1:
				s.Replay = &ReplayTable{Series: "sp500-daily", Times: "stepped", Offset: rapid.Int64Range(0, 1000).Draw(t, "offset")}
			case 2:
				age := rapid.Int64Range(1, 1000).Draw(t, "max_age_ms")
				s.MaxAgeMS, s.Simulated = &age, &SimulatedTable{Seed: 3, Start: 5, StepBps: 0}
			case 3:
				s.Replay = &ReplayTable{File: "a.jsonl", Times: "recorded", BeginMS: rapid.Int64Range(0, 1e14).Draw(t, "begin_ms")}
			case 4:
				s.Pyth = &PythTable{URL: "https://hermes.example", Feed: "0x" + ethUSD, MaxConfidenceBps: rapid.Int64Range(1, 5000).Draw(t, "confidence"), Updates: "stream"}
			}
			f.Oracle.Sources = append(f.Oracle.Sources, s)
		}
		src, err := Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		c, err := Parse("taud.toml", src)
		if err != nil {
			t.Fatalf("%v\n%s", err, src)
		}
		if !reflect.DeepEqual(c.Written, f) {
			t.Fatalf("expected\n%+v\nfound\n%+v\n%s", f, c.Written, src)
		}
		again, err := Marshal(c.Written)
		if err != nil || string(again) != string(src) {
			t.Fatalf("the same File gave other bytes: %v", err)
		}
	})
}

func TestLoadNamesTheFileAndCheckFilesTheKey(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taud.toml")
	if _, err := Load(path); err == nil || err.Error() != path+": expected a configuration file, found none: no such file or directory" || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: found %v", err)
	}
	if _, err := Load(dir); err == nil || err.Error() != dir+": expected a configuration file, found a folder" {
		t.Errorf("a folder: found %v", err)
	}
	write(t, path, "[paths]\nkernel_spec = 'kernel.tau'\nspecs_root = 'specs'\n[economics]\ntrade_qty = 1\n[[oracle.sources]]\nname = 'a'\nreplay = { file = 'a.csv' }\n[[oracle.sources]]\nname = 'b'\nsimulated = {}\n[[oracle.sources]]\nname = 'c'\nreplay.file = '.'\n")
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	want := path + ":2: paths.kernel_spec: expected a readable file at " + dir + "/kernel.tau, found none\n" +
		path + ":3: paths.specs_root: expected a folder at " + dir + "/specs, found none\n" +
		path + ":8: oracle.sources[0].replay.file: expected a readable file at " + dir + "/a.csv, found none\n" +
		path + ":14: oracle.sources[2].replay.file: expected a readable file at " + dir + ", found a folder"
	if err := c.CheckFiles(); err == nil || err.Error() != want {
		t.Errorf("expected\n%s\nfound\n%v", want, err)
	}
	write(t, filepath.Join(dir, "kernel.tau"), "")
	write(t, filepath.Join(dir, "a.csv"), "")
	c.Oracle.Sources[2].Replay.File = filepath.Join(dir, "a.csv")
	if err := os.Mkdir(filepath.Join(dir, "specs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := c.CheckFiles(); err != nil {
		t.Errorf("all there: found %v", err)
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// FuzzParse: whatever is accepted is within bounds (by a second reading of what Marshal writes), and every error is one line with the
// file's name first.
func FuzzParse(f *testing.F) {
	f.Add(read(f, "mission.toml"))
	f.Add(read(f, "full.toml"))
	for _, c := range badFiles {
		f.Add([]byte(c.src))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, err := Parse("taud.toml", src)
		if err != nil {
			for line := range strings.SplitSeq(err.Error(), "\n") {
				if !strings.HasPrefix(line, "taud.toml:") || !strings.Contains(line, ": expected ") || !strings.Contains(line, ", found ") {
					t.Fatalf("%q: not a line with file, expected and found: %q", src, line)
				}
			}
			return
		}
		again, err := Marshal(c.Written)
		if err != nil {
			t.Fatal(err)
		}
		second, err := Parse("taud.toml", again)
		if err != nil {
			t.Fatalf("%q was accepted, and what it says is refused: %v\n%s", src, err, again)
		}
		if !reflect.DeepEqual(second.Oracle, c.Oracle) || second.Economics != c.Economics || second.Risk != c.Risk {
			t.Fatalf("%q is read otherwise after a round trip", src)
		}
	})
}
