package core_test

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/core"
	"github.com/taudaemon/taudaemon/daemon/fixed"
	"github.com/taudaemon/taudaemon/daemon/guard"
	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/signal"
)

// sameBytes encodes, decodes and encodes again: a record that was read says exactly what the one that was written said.
func sameBytes[T any](t *rapid.T, body T) {
	t.Helper()
	first, err := core.Encode(body)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	d := json.NewDecoder(strings.NewReader(string(first)))
	d.DisallowUnknownFields()
	if err := d.Decode(&back); err != nil {
		t.Fatalf("%v\n%s", err, first)
	}
	second, err := core.Encode(back)
	if err != nil {
		t.Fatal(err)
	}
	if string(first) != string(second) {
		t.Fatalf("written  %s\nread     %s", first, second)
	}
}

func TestRecordsAreReadAsTheyWereWritten(t *testing.T) {
	t.Run("boot", rapid.MakeCheck(func(t *rapid.T) { sameBytes(t, anyBoot.Draw(t, "boot")) }))
	t.Run("tick", rapid.MakeCheck(func(t *rapid.T) { sameBytes(t, anyTick.Draw(t, "tick")) }))
	t.Run("outcome", rapid.MakeCheck(func(t *rapid.T) { sameBytes(t, anyOutcome.Draw(t, "outcome")) }))
	t.Run("snapshot", rapid.MakeCheck(func(t *rapid.T) {
		sameBytes(t, core.Snapshot{Boot: rapid.Uint64().Draw(t, "boot"), State: anyState.Draw(t, "state")})
	}))
	t.Run("command", rapid.MakeCheck(func(t *rapid.T) {
		sameBytes(t, core.Command{Acknowledge: text.Draw(t, "ack"), Flatten: rapid.Bool().Draw(t, "flatten"), Halt: text.Draw(t, "halt"), Release: flag.Draw(t, "release"), Local: flag.Draw(t, "local")})
	}))
	t.Run("shutdown", rapid.MakeCheck(func(t *rapid.T) {
		sameBytes(t, core.Shutdown{Reason: text.Draw(t, "reason"), Position: amount.Draw(t, "position"), Asking: text.Draw(t, "asking")})
	}))
}

// TestATickIsEncodedByHandAsByReflection: within another struct, a tick's members are written by encoding/json itself.
func TestATickIsEncodedByHandAsByReflection(t *testing.T) {
	same := func(t *rapid.T, tick core.Tick) {
		hand, err := core.Encode(tick)
		if err != nil {
			t.Fatal(err)
		}
		reflected, err := core.Encode(struct{ core.Tick }{tick})
		if err != nil {
			t.Fatal(err)
		}
		if string(hand) != string(reflected) {
			t.Fatalf("by hand       %s\nby reflection %s", hand, reflected)
		}
	}
	t.Run("any tick", rapid.MakeCheck(func(t *rapid.T) { same(t, anyTick.Draw(t, "tick")) }))
	t.Run("nothing in it", rapid.MakeCheck(func(t *rapid.T) {
		same(t, core.Tick{})
		same(t, core.Tick{Obs: &core.Observation{}, Facts: &core.Facts{}})
		same(t, core.Tick{Obs: &core.Observation{Quotes: []guard.Quote{}}, Act: &core.Action{}})
	}))
}

func TestBytesThatAreNoUTF8AreReplacedOnceAndForAll(t *testing.T) {
	for reason, want := range map[string]string{
		"plain":         `"plain"`,
		"\xff":          "\"\uFFFD\"",
		"a\xffb\xfe":    "\"a\uFFFDb\uFFFD\"",
		`\ufffd`:        `"\\ufffd"`, // those six letters, which are no escape
		"\\\xff":        "\"\\\\\uFFFD\"",
		"\uFFFD":        "\"\uFFFD\"",
		"\\ufffd\xff\\": "\"\\\\ufffd\uFFFD\\\\\"",
	} {
		if got, err := core.Encode(reason); err != nil || string(got) != want {
			t.Errorf("%q: expected %s, found %s, %v", reason, want, got, err)
		}
	}
}

// TestASnapshotIsTheState: what is read back is not only written alike, it is the same state; the next tick from it gives the same record.
func TestASnapshotIsTheState(t *testing.T) {
	w := newWorld(t, testParams())
	w.enter()
	w.tick(w.observe("110")) // a position, an owed exit, an open intent, and full windows
	body, err := core.Encode(core.Snapshot{State: w.state})
	if err != nil {
		t.Fatal(err)
	}
	var back core.Snapshot
	if err := json.Unmarshal(body, &back); err != nil {
		t.Fatal(err)
	}
	o := w.observe("")
	record := func(s core.State) string {
		p := testParams()
		v := core.Verdicts{Err: "none"}
		next, d := core.Step(&p, s, &o, &v)
		b, err := core.Encode([]any{core.NewTick(&o, &v, &next, &d), next})
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	if a, b := record(w.state), record(back.State); a != b {
		t.Fatalf("from the state    %s\nfrom the snapshot %s", a, b)
	}
}

func TestATickRecordGivesTheKernelsOutputsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := core.Verdicts{Out: anyOutputs.Draw(t, "out")}
		record := core.NewTick(&core.Observation{}, &v, &core.State{}, &core.Decision{})
		if got, err := record.Outputs(); err != nil || got != v.Out {
			t.Fatalf("expected %+v, found %+v, %v", v.Out, got, err)
		}
	})
}

func TestATickRecordWithoutAnyVerdictIsRefused(t *testing.T) {
	for _, tick := range []core.Tick{{}, {Out: "01"}, {Out: "000000000000000002"}, {NoVerdict: "deadline", Out: "000000000000000000"}} {
		if v, err := tick.Outputs(); err == nil {
			t.Errorf("%+v was read as %+v", tick, v)
		}
	}
}

// TestTheGeneratorsLeaveNoFieldOut: a field that is not read back shows only if it was set, so one that is new must be drawn too.
func TestTheGeneratorsLeaveNoFieldOut(t *testing.T) {
	set := map[string]bool{}
	var look func(path string, v reflect.Value)
	look = func(path string, v reflect.Value) {
		set[path] = set[path] || !v.IsZero()
		switch v.Kind() {
		case reflect.Pointer:
			if !v.IsNil() {
				look(path, v.Elem())
			}
		case reflect.Slice:
			for i := range v.Len() {
				look(path+"[]", v.Index(i))
			}
		case reflect.Struct:
			for i := range v.NumField() {
				if f := v.Type().Field(i); f.IsExported() && f.Tag.Get("json") != "-" {
					look(path+"."+f.Name, v.Field(i))
				}
			}
		}
	}
	for seed := range 100 {
		for name, body := range map[string]any{
			"Boot": anyBoot.Example(seed), "Tick": anyTick.Example(seed), "Outcome": anyOutcome.Example(seed), "State": anyState.Example(seed),
		} {
			look(name, reflect.ValueOf(body))
		}
	}
	for path, ok := range set {
		if !ok {
			t.Errorf("%s is never set", path)
		}
	}
}

// The generators reach the edges of the numbers, which draws of whole structs by rapid.Make seldom would.
var (
	text = rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<&> \u2028 \x00", "\xff\xfe", `\ufffd`, "\\\xff", `"\`}))
	// amount is any Value, its ends and zero often.
	amount = rapid.Custom(func(t *rapid.T) fixed.Value {
		return rapid.OneOf(rapid.SampledFrom([]fixed.Value{0, 1, -1, fixed.Max, fixed.Min}),
			rapid.Map(rapid.Int64(), func(n int64) fixed.Value { return fixed.Value(n) })).Draw(t, "v")
	})
	whole  = rapid.Int64Range(math.MinInt64, math.MaxInt64)
	counts = rapid.Uint64()
	flag   = rapid.Bool()

	anyOutputs = rapid.Custom(func(t *rapid.T) kernel.Outputs {
		o, err := kernel.ParseOutputs(rapid.StringMatching("[01]{18}").Draw(t, "bits"))
		if err != nil {
			t.Fatal(err)
		}
		return o
	})
	anyAnomaly = rapid.Custom(func(t *rapid.T) core.Anomaly {
		return core.Anomaly{Code: core.Code(text.Draw(t, "code")), Detail: text.Draw(t, "detail")}
	})
	anyAccount = rapid.Custom(func(t *rapid.T) core.Account {
		return core.Account{
			Base: amount.Draw(t, "base"), Quote: amount.Draw(t, "quote"), Ticket: text.Draw(t, "ticket"), Err: text.Draw(t, "err"),
			Server: whole.Draw(t, "server"), Asked: whole.Draw(t, "asked"), Received: whole.Draw(t, "received"),
		}
	})
	anyQuote = rapid.Custom(func(t *rapid.T) guard.Quote {
		return guard.Quote{
			Source: text.Draw(t, "source"), Price: amount.Draw(t, "price"), Confidence: amount.Draw(t, "confidence"), Volume: amount.Draw(t, "volume"),
			Server: whole.Draw(t, "server"), Asked: whole.Draw(t, "asked"),
			Published: whole.Draw(t, "published"), Received: whole.Draw(t, "received"), Err: text.Draw(t, "err"),
		}
	})
	anyAction = rapid.Custom(func(t *rapid.T) core.Action {
		return core.Action{
			Side: core.Side(text.Draw(t, "side")), Qty: amount.Draw(t, "qty"), Limit: amount.Draw(t, "limit"), Reference: amount.Draw(t, "ref"),
			Forced: flag.Draw(t, "forced"), Expires: whole.Draw(t, "expires"), Ticket: text.Draw(t, "ticket"), Reason: text.Draw(t, "reason"),
		}
	})
	anyQuarantine = rapid.Custom(func(t *rapid.T) core.Quarantine {
		return core.Quarantine{
			Active: flag.Draw(t, "active"), Incident: text.Draw(t, "incident"), Reason: core.Code(text.Draw(t, "reason")),
			Since: counts.Draw(t, "since"), Clean: counts.Draw(t, "clean"), Manual: flag.Draw(t, "manual"), RiskHalted: flag.Draw(t, "halted"),
		}
	})
	anyOutcome = rapid.Custom(func(t *rapid.T) core.Outcome {
		fill := rapid.Custom(func(t *rapid.T) core.Fill {
			return core.Fill{Qty: amount.Draw(t, "qty"), Price: amount.Draw(t, "price"), Fee: amount.Draw(t, "fee")}
		})
		return core.Outcome{
			Intent: counts.Draw(t, "intent"), ID: text.Draw(t, "id"), Side: core.Side(text.Draw(t, "side")), Result: core.Result(text.Draw(t, "result")),
			Fills: rapid.SliceOfN(fill, 0, 3).Draw(t, "fills"), Gas: amount.Draw(t, "gas"), Reason: text.Draw(t, "reason"),
			Replay: flag.Draw(t, "replay"), Spare: rapid.Ptr(anySpare, true).Draw(t, "spare"),
		}
	})
	anySpare = rapid.Custom(func(t *rapid.T) core.Spare {
		return core.Spare{Seq: counts.Draw(t, "seq"), ID: text.Draw(t, "id"), Qty: amount.Draw(t, "qty"), Limit: amount.Draw(t, "limit"),
			Reference: amount.Draw(t, "ref"), Ticket: text.Draw(t, "ticket")}
	})
	anyParams = rapid.Custom(func(t *rapid.T) core.Params {
		return core.Params{
			FailHoldTicks: counts.Draw(t, "hold"), ClearTicks: counts.Draw(t, "clear"), ManualRelease: flag.Draw(t, "manual"),
			Freshness: guard.FreshnessLimits{MinQuorum: rapid.Int().Draw(t, "quorum"), ToleranceBps: whole.Draw(t, "tolerance"),
				MaxAgeMS: rapid.SliceOfN(whole, 0, 4).Draw(t, "ages"), MaxSkewMS: whole.Draw(t, "skew")},
			MaxMoveBps: whole.Draw(t, "move"),
			Costs:      guard.Costs{FeeBpsBuy: whole.Draw(t, "buy"), FeeBpsSell: whole.Draw(t, "sell"), SlippageBps: whole.Draw(t, "slip"), Gas: amount.Draw(t, "gas")},
			TradeQty:   amount.Draw(t, "trade"), MinProfit: amount.Draw(t, "min"), BurnShareBps: whole.Draw(t, "share"),
			EmergencySlippageBps: whole.Draw(t, "emergency"), CooldownTicks: counts.Draw(t, "cooldown"),
			Risk: guard.RiskLimits{MaxPositionTicks: counts.Draw(t, "ticks"), MaxPositionQty: amount.Draw(t, "max"), MaxDrawdownBps: whole.Draw(t, "dd")},
			Signal: signal.Params{BandWindow: rapid.Int().Draw(t, "bw"), BandBps: whole.Draw(t, "band"), TargetBps: whole.Draw(t, "target"),
				TrendWindow: rapid.Int().Draw(t, "tw"), VolumeWindow: rapid.Int().Draw(t, "vw"), MinVolume: amount.Draw(t, "mv")},
			ExitOnLeaseRisk: flag.Draw(t, "exit"),
		}
	})
	anySpecs = rapid.Custom(func(t *rapid.T) (set [9]core.Spec) {
		set[rapid.IntRange(0, 8).Draw(t, "which")] = core.Spec{Name: text.Draw(t, "name"), Digest: text.Draw(t, "digest"), Text: text.Draw(t, "text")}
		return set
	})
	anyBoot = rapid.Custom(func(t *rapid.T) core.Boot {
		return core.Boot{
			Version: text.Draw(t, "version"), Name: text.Draw(t, "name"), PodUID: text.Draw(t, "pod"), BootID: text.Draw(t, "boot"), Mode: text.Draw(t, "mode"), Market: text.Draw(t, "market"),
			Config: text.Draw(t, "config"), Params: anyParams.Draw(t, "params"), Engine: text.Draw(t, "engine"), Binary: text.Draw(t, "binary"), Specs: anySpecs.Draw(t, "specs"), Baseline: anyAccount.Draw(t, "baseline"),
			Torn: whole.Draw(t, "torn"), Kept: text.Draw(t, "kept"),
		}
	})
	anyState = rapid.Custom(func(t *rapid.T) core.State {
		s := core.State{
			Tick: counts.Draw(t, "tick"), Kernel: anyOutputs.Draw(t, "out"), Words: core.Words{1: rapid.SliceOfN(counts, 0, 3).Draw(t, "words"), 8: {counts.Draw(t, "word")}},
			EverFresh: flag.Draw(t, "fresh"), LastPrice: amount.Draw(t, "price"), LastMedian: amount.Draw(t, "median"), Echo: guard.Echo{Left: counts.Draw(t, "echo")},
			Cooldown: guard.Cooldown{Left: counts.Draw(t, "cooldown")}, LateAnomaly: flag.Draw(t, "late"), Quarantine: anyQuarantine.Draw(t, "quarantine"),
			Position: core.Position{Qty: amount.Draw(t, "qty"), Cost: amount.Draw(t, "cost"), Entry: amount.Draw(t, "entry"), EntryTick: counts.Draw(t, "entry tick")},
			Exit:     text.Draw(t, "exit"), BurnArmed: flag.Draw(t, "armed"), TripProfit: amount.Draw(t, "trip"), Realised: amount.Draw(t, "realised"),
			Burned: amount.Draw(t, "burned"), Cash: amount.Draw(t, "cash"), Peak: amount.Draw(t, "peak"),
			Signal:  signal.State{Prices: rapid.SliceOfN(amount, 0, 3).Draw(t, "prices"), Volumes: rapid.SliceOfN(amount, 0, 3).Draw(t, "volumes")},
			Pending: rapid.SliceOfN(anyAnomaly, 0, 2).Draw(t, "pending"), Acknowledged: text.Draw(t, "ack"), Halted: text.Draw(t, "halted"), Spare: rapid.Ptr(anySpare, true).Draw(t, "spare"), Config: text.Draw(t, "config"), Specs: [9]string{3: text.Draw(t, "spec")},
		}
		if flag.Draw(t, "open") {
			s.Open = &core.Intent{Action: anyAction.Draw(t, "action"), Seq: counts.Draw(t, "seq"), ID: text.Draw(t, "id"), Tick: counts.Draw(t, "at"), Ambiguous: flag.Draw(t, "ambiguous"),
				Told: core.Told{Qty: amount.Draw(t, "told"), Notional: amount.Draw(t, "notional"), Fee: amount.Draw(t, "fee")}}
		}
		return s
	})
	anyTick = rapid.Custom(func(t *rapid.T) core.Tick {
		facts := core.Facts{
			Fresh: guard.FreshnessResult{OK: flag.Draw(t, "fresh"), Median: amount.Draw(t, "median"), Fresh: rapid.Int().Draw(t, "n"), Quorum: rapid.Int().Draw(t, "q"),
				Volume: amount.Draw(t, "vol"), Reason: text.Draw(t, "fresh why")},
			Move: guard.MoveResult{OK: flag.Draw(t, "move ok"), Bps: whole.Draw(t, "move"), Reason: text.Draw(t, "move why")},
			Skew: guard.SkewResult{OK: flag.Draw(t, "skew ok"), WorstMS: whole.Draw(t, "skew"), Known: rapid.Int().Draw(t, "known"), Beyond: rapid.Int().Draw(t, "beyond"),
				Reason: text.Draw(t, "skew why")},
			Profit: guard.ProfitResult{OK: flag.Draw(t, "profit ok"), Profit: amount.Draw(t, "profit"), Reason: text.Draw(t, "profit why")},
			Risk: guard.RiskResult{OK: flag.Draw(t, "risk ok"), DrawdownBps: whole.Draw(t, "dd"), Drawdown: flag.Draw(t, "breach"), Excess: amount.Draw(t, "excess"),
				Reason: text.Draw(t, "risk why")},
			Market: signal.Bits{Warm: flag.Draw(t, "warm"), BelowBand: flag.Draw(t, "low"), AboveTarget: flag.Draw(t, "target"), VolumeHigh: flag.Draw(t, "high"),
				TrendUp: flag.Draw(t, "up")},
			Cooldown: flag.Draw(t, "cooldown"), CooldownLeft: counts.Draw(t, "cooldown left"), CooldownWhy: text.Draw(t, "cooldown why"),
			Echo: flag.Draw(t, "echo"), EchoLeft: counts.Draw(t, "echo left"), EchoWhy: text.Draw(t, "echo why"), Affordable: flag.Draw(t, "affordable"),
			Price: amount.Draw(t, "price"), Equity: amount.Draw(t, "equity"), TicksHeld: counts.Draw(t, "ticks held"), Foreign: amount.Draw(t, "foreign"),
		}
		tick := core.Tick{
			Tick: counts.Draw(t, "tick"), Facts: &facts, In: rapid.StringMatching("[01]{6}").Draw(t, "in"), Monitors: rapid.SliceOfN(text, 0, 8).Draw(t, "monitors"), Disagreement: flag.Draw(t, "disagreement"), Out: anyOutputs.Draw(t, "out").Bits(),
			Obs: &core.Observation{Quotes: rapid.SliceOfN(anyQuote, 0, 3).Draw(t, "quotes"), Account: anyAccount.Draw(t, "account"),
				Lease: core.LeaseState(text.Draw(t, "lease")), Expires: whole.Draw(t, "expires"), Asking: text.Draw(t, "asking"), Acknowledge: text.Draw(t, "ack"), Flatten: flag.Draw(t, "flatten"),
				Events: rapid.SliceOfN(anyAnomaly, 0, 2).Draw(t, "events")},
			NoVerdict: text.Draw(t, "no verdict"), Healthy: flag.Draw(t, "healthy"), Anomalies: rapid.SliceOfN(anyAnomaly, 0, 2).Draw(t, "anomalies"),
			Quarantine: anyQuarantine.Draw(t, "quarantine"), Position: amount.Draw(t, "position"), Exit: text.Draw(t, "exit"),
			Cancel: text.Draw(t, "cancel"), Refused: text.Draw(t, "refused"),
		}
		if flag.Draw(t, "act") {
			a := anyAction.Draw(t, "action")
			tick.Act = &a
		}
		return tick
	})
)
