package lang_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/taudaemon/taudaemon/daemon/tau/lang"
)

func mustLoad(t testing.TB, src string) *lang.Program {
	t.Helper()
	p, err := lang.Load("test.tau", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const twoDepths = `
ion : sbf := in file("on.in").
iby : bv[4] := in file("by.in").
osum : bv[4] := out file("sum.out").
om : sbf := out file("m.out").
oold : sbf := out file("old.out").
always ((om[t-2] = 1) ? (osum[t] = osum[t-1] + iby[t]) : (osum[t] = osum[t-1])) &&
    (om[t] = ion[t]) && (oold[t] = om[t-2]) && osum[0] = 0 && osum[1] = {3}:bv[4] && om[1] = 1.
`

func TestInfoNamesStreamsTimeAndState(t *testing.T) {
	i := mustLoad(t, twoDepths).Info()
	if i.Lookback != 2 {
		t.Errorf("look-back: expected 2, found %d", i.Lookback)
	}
	if want := []lang.Stream{{Name: "ion", Path: "on.in"}, {Name: "iby", Bits: 4, Path: "by.in"}}; !slices.Equal(i.Inputs, want) {
		t.Errorf("inputs: expected %v, found %v", want, i.Inputs)
	}
	if want := []lang.Slot{{Output: "osum", Back: 1}, {Output: "om", Back: 2}, {Output: "om", Back: 1}}; !slices.Equal(i.State, want) {
		t.Errorf("state: expected %v, found %v", want, i.State)
	}
}

func TestSnapshotHoldsTheLookedBackValuesOldestFirst(t *testing.T) {
	p := mustLoad(t, twoDepths)
	m := p.NewMachine()
	if got, want := m.Snapshot(nil), []uint64{3, 0, 1}; !slices.Equal(got, want) {
		t.Errorf("at the start: expected %v, found %v", want, got)
	}
	out := make([]uint64, 3)
	for _, step := range []struct{ in, out, state []uint64 }{
		{[]uint64{1, 5}, []uint64{3, 1, 0}, []uint64{3, 1, 1}},
		{[]uint64{0, 5}, []uint64{8, 0, 1}, []uint64{8, 1, 0}},
		{[]uint64{0, 9}, []uint64{1, 0, 1}, []uint64{1, 0, 0}}, // 8 + 9 wraps at 16
	} {
		if err := m.Step(step.in, out); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(out, step.out) {
			t.Errorf("outputs: expected %v, found %v", step.out, out)
		}
		if got := m.Snapshot(nil); !slices.Equal(got, step.state) {
			t.Errorf("state: expected %v, found %v", step.state, got)
		}
	}
}

func TestAStepThatFailsChangesNothing(t *testing.T) {
	m := mustLoad(t, twoDepths).NewMachine()
	before := m.Snapshot(nil)
	for _, c := range []struct {
		name string
		in   []uint64
		outs int
		want string
	}{
		{"a bit above 1", []uint64{2, 0}, 3, "input ion: expected 0 to 1 (sbf), found 2"},
		{"a word above its width", []uint64{1, 16}, 3, "input iby: expected 0 to 15 (bv[4]), found 16"},
		{"too few inputs", []uint64{1}, 3, "expected 2 inputs, found 1"},
		{"too many inputs", []uint64{1, 1, 1}, 3, "expected 2 inputs, found 3"},
		{"too few outputs", []uint64{1, 1}, 2, "expected 3 outputs, found 2"},
	} {
		out := slices.Repeat([]uint64{99}, c.outs)
		err := m.Step(c.in, out)
		if err == nil || err.Error() != c.want {
			t.Errorf("%s: expected %q, found %v", c.name, c.want, err)
		}
		if got := m.Snapshot(nil); !slices.Equal(got, before) {
			t.Errorf("%s: expected the state %v, found %v", c.name, before, got)
		}
		if slices.ContainsFunc(out, func(v uint64) bool { return v != 99 }) {
			t.Errorf("%s: expected out to be untouched, found %v", c.name, out)
		}
	}
	var value *lang.ValueError
	if err := m.Step([]uint64{2, 0}, make([]uint64, 3)); !errors.As(err, &value) || value.Stream.Name != "ion" {
		t.Errorf("expected a ValueError for ion, found %v", err)
	}
}

func TestRestoreRefusesWhatIsNotASnapshot(t *testing.T) {
	m := mustLoad(t, twoDepths).NewMachine()
	before := m.Snapshot(nil)
	for want, state := range map[string][]uint64{
		"expected 3 snapshot values, found 2":                               {1, 1},
		"expected 3 snapshot values, found 4":                               {1, 1, 1, 1},
		"snapshot value 0, osum of 1 ticks ago: expected 0 to 15, found 16": {16, 0, 0},
		"snapshot value 2, om of 1 ticks ago: expected 0 to 1, found 2":     {0, 0, 2},
	} {
		if err := m.Restore(state); err == nil || err.Error() != want {
			t.Errorf("expected %q, found %v", want, err)
		}
		if got := m.Snapshot(nil); !slices.Equal(got, before) {
			t.Errorf("expected the state %v, found %v", before, got)
		}
	}
}

func TestAStepAllocatesNothing(t *testing.T) {
	m := mustLoad(t, twoDepths).NewMachine()
	in, out, snap := []uint64{1, 5}, make([]uint64, 3), make([]uint64, 0, 3)
	if n := testing.AllocsPerRun(1000, func() {
		if m.Step(in, out) != nil || m.Restore(m.Snapshot(snap)) != nil {
			t.Error("step failed")
		}
	}); n != 0 {
		t.Errorf("expected no allocation, found %v", n)
	}
}

func TestMachinesOfOneProgramRunBesideEachOther(t *testing.T) {
	p := mustLoad(t, twoDepths)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			m, out := p.NewMachine(), make([]uint64, 3)
			for i := range uint64(1000) {
				if err := m.Step([]uint64{1, i % 16}, out); err != nil {
					t.Error(err)
					return
				}
			}
			if want := uint64(3+1000/16*120+28) % 16; out[0] != want { // 62 rounds of 0..15 and then 0..7
				t.Errorf("expected %d, found %d", want, out[0])
			}
		})
	}
	wg.Wait()
}

func TestOutputsThatSwapTheirPastsDoNotSeeEachOthersNewValue(t *testing.T) {
	m := mustLoad(t, swap).NewMachine()
	out := make([]uint64, 2)
	for n, want := range [][]uint64{{0, 1}, {1, 0}, {0, 1}} {
		if err := m.Step([]uint64{0}, out); err != nil || !slices.Equal(out, want) {
			t.Errorf("tick %d: expected %v, found %v (%v)", n, want, out, err)
		}
	}
}

const swap = `
ix : sbf := in console.
oa : sbf := out console.
ob : sbf := out console.
always oa[t] = ob[t-1] && ob[t] = oa[t-1] && oa[0] = 1.
`

func TestDeepAndLargeSpecsEndInTime(t *testing.T) {
	decls := "i1 : sbf := in console.\no1 : sbf := out console.\n"
	for name, src := range map[string]string{
		"a long chain":                  decls + "always o1[t] = i1[t]" + strings.Repeat(" ^ i1[t]", 20_000) + ".",
		"brackets as deep as allowed":   decls + "always o1[t] = " + strings.Repeat("(", 400) + "i1[t]" + strings.Repeat(")", 400) + ".",
		"a look-back as far as allowed": decls + "always o1[t] = o1[t-4096] ^ i1[t].",
	} {
		if _, err := lang.Load(name, []byte(src)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := lang.Load("large.tau", make([]byte, lang.MaxSource+1)); err == nil || !strings.Contains(err.Error(), "at most 262144 bytes") {
		t.Errorf("expected a refusal that names the limit, found %v", err)
	}
	if _, err := lang.Load("bytes.tau", []byte("# caf\xe9\n")); err == nil || !strings.Contains(err.Error(), "bytes.tau:1:1: expected UTF-8") {
		t.Errorf("expected a refusal of other encodings, found %v", err)
	}
}

func TestFindingsAreFoundInWrappedErrors(t *testing.T) {
	_, err := lang.Validate("x.tau", []byte("i1 : sbf := in console.\no1 : sbf := out console.\nalways o1[t] = i2[t] && o3[t] = 1.\n"))
	found := lang.Findings(errors.Join(errors.New("outer"), err))
	if len(found) != 2 || found[0].Pos != (lang.Pos{Line: 3, Col: 16}) || found[1].Pos != (lang.Pos{Line: 3, Col: 25}) {
		t.Errorf("expected two findings in order, found %v", found)
	}
	if lang.Findings(errors.New("other")) != nil {
		t.Error("expected no finding in another error")
	}
}
