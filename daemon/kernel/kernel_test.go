package kernel_test

import (
	"encoding/json"
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/kernel"
	"github.com/taudaemon/taudaemon/daemon/tau"
	"github.com/taudaemon/taudaemon/specs"
)

// v35 is what the bundled kernel declares.
func v35(t testing.TB) tau.Info { return load(t, specs.KernelV35) }

func load(t testing.TB, spec string) tau.Info {
	t.Helper()
	src, err := specs.FS.ReadFile(spec)
	if err != nil {
		t.Fatal(err)
	}
	e, err := tau.NewEmbedded(path.Base(spec), src)
	if err != nil {
		t.Fatal(err)
	}
	return e.Info()
}

func bind(t testing.TB, i tau.Info) *kernel.Binding {
	t.Helper()
	b, err := kernel.Bind(i)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestBindRefuses(t *testing.T) {
	without := func(s []tau.Stream, file string) []tau.Stream {
		return slices.DeleteFunc(slices.Clone(s), func(s tau.Stream) bool { return s.Path == file })
	}
	wide := func(s []tau.Stream, file string) []tau.Stream {
		s = slices.Clone(s)
		for i := range s {
			if s[i].Path == file {
				s[i].Bits = 8
			}
		}
		return s
	}
	for _, c := range []struct {
		name   string
		change func(*tau.Info)
		want   []string
	}{
		{"a missing input", func(i *tau.Info) { i.Inputs = without(i.Inputs, "failure_echo.in") }, []string{"no input stream reads failure_echo.in"}},
		{"a missing output", func(i *tau.Info) { i.Outputs = without(i.Outputs, "nonce.out") }, []string{"no output stream writes nonce.out"}},
		{"an input declared twice", func(i *tau.Info) {
			i.Inputs = append(slices.Clone(i.Inputs), tau.Stream{Name: "again", Path: "price.in"})
		},
			[]string{"input file price.in is declared twice"}},
		{"an output declared twice", func(i *tau.Info) {
			i.Outputs = append(slices.Clone(i.Outputs), tau.Stream{Name: "again", Path: "elsewhere/state.out"})
		}, []string{"output file state.out is declared twice"}},
		{"an input that is a number", func(i *tau.Info) { i.Inputs = wide(i.Inputs, "trend.in") }, []string{"(trend.in): expected sbf, found bv[8]"}},
		{"an output that is a number", func(i *tau.Info) { i.Outputs = wide(i.Outputs, "sell_signal.out") }, []string{"(sell_signal.out): expected sbf, found bv[8]"}},
		{"an input that nobody would write", func(i *tau.Info) {
			i.Inputs = append(slices.Clone(i.Inputs), tau.Stream{Name: "imoon", Path: "moon.in"})
		},
			[]string{`input imoon reads "moon.in", expected one of price.in, volume.in`}},
		{"a kernel input read from the console", func(i *tau.Info) {
			i.Inputs = append(without(i.Inputs, "price.in"), tau.Stream{Name: "iprice"})
		}, []string{`input iprice reads "", expected one of price.in, volume.in`, "no input stream reads price.in"}},
		{"another spec altogether, with everything that is wrong", func(i *tau.Info) { i.Inputs, i.Outputs = nil, nil },
			[]string{"no input stream reads price.in", "no input stream reads failure_echo.in", "no output stream writes state.out", "no output stream writes obs_nonce_effect.out"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			info := v35(t)
			c.change(&info)
			b, err := kernel.Bind(info)
			if err == nil || b != nil {
				t.Fatalf("expected a refusal, found %+v", b)
			}
			for _, want := range append(c.want, "spec v35_integrated.tau has not the streams that it must have") {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("expected %q in\n%v", want, err)
				}
			}
		})
	}
}

func TestOnlyTheLongHoldKernelIsToldWhenItsTimeIsUp(t *testing.T) {
	if bind(t, v35(t)).LongHold() {
		t.Error("V35 has no sixth input")
	}
	info := load(t, specs.KernelLongHold)
	b := bind(t, info)
	in := make([]uint64, len(info.Inputs))
	b.Encode(kernel.Inputs{HoldExpired: true}, in)
	if want := []uint64{0, 0, 0, 0, 0, 1}; !b.LongHold() || !slices.Equal(in, want) {
		t.Errorf("expected %v, found %v, long hold %t", want, in, b.LongHold())
	}
}

func TestStreamsAreBoundByFileInWhateverOrderAndPlace(t *testing.T) {
	info := v35(t)
	slices.Reverse(info.Inputs)
	slices.Reverse(info.Outputs)
	for i := range info.Inputs {
		info.Inputs[i].Name, info.Inputs[i].Path = "x", "some/where/"+info.Inputs[i].Path
	}
	b := bind(t, info)
	in := make([]uint64, 5)
	b.Encode(kernel.Inputs{PriceHigh: true, TrendUp: true}, in)
	if want := []uint64{0, 0, 1, 0, 1}; !slices.Equal(in, want) { // echo, guard, trend, volume, price
		t.Fatalf("expected %v, found %v", want, in)
	}
	values := make([]uint64, len(info.Outputs))
	values[len(values)-1] = 1 // state.out, the first one before
	o, err := b.Decode(values)
	if err != nil || o != (kernel.Outputs{State: true}) {
		t.Fatalf("expected the state alone, found %+v, %v", o, err)
	}
}

func TestMirrorsAreReadAndIgnored(t *testing.T) {
	info := v35(t)
	info.Outputs = append([]tau.Stream{{Name: "mprice", Path: "price.mirror"}, {Name: "mwide", Bits: 64, Path: ""}}, info.Outputs...)
	b := bind(t, info)
	values := make([]uint64, len(info.Outputs))
	values[0], values[1], values[3] = 1, 1<<63, 1
	o, err := b.Decode(values)
	if err != nil || o != (kernel.Outputs{Buy: true}) {
		t.Fatalf("expected buy alone, found %+v, %v", o, err)
	}
}

func TestDecodeRefusesWhatIsNoBitAndNamesTheStream(t *testing.T) {
	info := v35(t)
	b := bind(t, info)
	for i, s := range info.Outputs {
		for _, v := range []uint64{2, 1<<64 - 1} {
			values := make([]uint64, len(info.Outputs))
			for k := range values {
				values[k] = 1
			}
			values[i] = v
			o, err := b.Decode(values)
			if err == nil || !strings.Contains(err.Error(), s.Name+" ("+s.Path+"): expected at most 1") || o != (kernel.Outputs{}) {
				t.Errorf("%s = %d: expected an error that names it and no outputs, found %+v, %v", s.Path, v, o, err)
			}
		}
	}
}

func TestDecodeRefusesAMissingOrExtraValue(t *testing.T) {
	b := bind(t, v35(t))
	for _, n := range []int{0, 17, 19} {
		if o, err := b.Decode(make([]uint64, n)); err == nil || o != (kernel.Outputs{}) {
			t.Errorf("%d values: expected an error, found %+v", n, o)
		}
	}
}

func TestBitsAreInTheDocumentedOrder(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{kernel.Inputs{PriceHigh: true}.Bits(), "100000"},
		{kernel.Inputs{VolumeFresh: true}.Bits(), "010000"},
		{kernel.Inputs{TrendUp: true}.Bits(), "001000"},
		{kernel.Inputs{ProfitGuard: true}.Bits(), "000100"},
		{kernel.Inputs{FailureEcho: true}.Bits(), "000010"},
		{kernel.Inputs{HoldExpired: true}.Bits(), "000001"},
		{kernel.Outputs{State: true}.Bits(), "100000000000000000"},
		{kernel.Outputs{Sell: true}.Bits(), "001000000000000000"},
		{kernel.Outputs{Progress: true}.Bits(), "000000000000010000"},
		{kernel.Outputs{ObsNonceEffect: true}.Bits(), "000000000000000001"},
	} {
		if c.got != c.want {
			t.Errorf("expected %s, found %s", c.want, c.got)
		}
	}
}

func TestTheTimerExpiresAtThree(t *testing.T) {
	for _, c := range []struct{ b1, b0, want bool }{{false, false, false}, {false, true, false}, {true, false, false}, {true, true, true}} {
		if o := (kernel.Outputs{TimerB0: c.b0, TimerB1: c.b1}); o.Expired() != c.want {
			t.Errorf("%t %t: expected %t", c.b1, c.b0, c.want)
		}
	}
}

func TestParseOutputsRefuses(t *testing.T) {
	zeros := strings.Repeat("0", 18)
	for _, s := range []string{"", zeros[1:], zeros + "0", zeros[1:] + "2", " " + zeros[1:], zeros[2:] + "é"} {
		if o, err := kernel.ParseOutputs(s); err == nil || o != (kernel.Outputs{}) {
			t.Errorf("%q: expected an error and no outputs, found %+v, %v", s, o, err)
		}
	}
}

// TestEveryPatternOfOutputsSurvivesTextAndEngineValues takes all 18 bits through the record's form, JSON and a binding.
func TestEveryPatternOfOutputsSurvivesTextAndEngineValues(t *testing.T) {
	b := bind(t, v35(t)) // declares its outputs in the order of Bits
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching("[01]{18}").Draw(t, "pattern")
		o, err := kernel.ParseOutputs(pattern)
		if err != nil || o.Bits() != pattern {
			t.Fatalf("expected %s, found %s, %v", pattern, o.Bits(), err)
		}
		text, err := json.Marshal(o)
		if err != nil || string(text) != `"`+pattern+`"` {
			t.Fatalf("found %s, %v", text, err)
		}
		var back kernel.Outputs
		if err := json.Unmarshal(text, &back); err != nil || back != o {
			t.Fatalf("expected %+v, found %+v, %v", o, back, err)
		}
		values := make([]uint64, len(pattern))
		for i := range pattern {
			values[i] = uint64(pattern[i] - '0')
		}
		if decoded, err := b.Decode(values); err != nil || decoded != o {
			t.Fatalf("expected %+v, found %+v, %v", o, decoded, err)
		}
	})
}

func FuzzParseOutputs(f *testing.F) {
	f.Add("000000000000000000")
	f.Add("101010101010101012")
	f.Add("")
	f.Fuzz(func(t *testing.T, s string) {
		if o, err := kernel.ParseOutputs(s); err == nil && o.Bits() != s {
			t.Fatalf("%q was read as %s", s, o.Bits())
		}
	})
}
