package lang_test

import (
	"slices"
	"testing"
)

// TestSpecsAtTheEdgeOfWhatIsRefusedGiveTheRowsOfTheRule: worked out by hand from the rules that were recorded of the
// binary. The input lines are 0, 1, 1, 0 for bits and 1, 0, 1 for words.
func TestSpecsAtTheEdgeOfWhatIsRefusedGiveTheRowsOfTheRule(t *testing.T) {
	bits, words := []uint64{0, 1, 1, 0}, []uint64{1, 0, 1}
	const one, two = "i1 : sbf := in console.\no1 : sbf := out console.\n", "i1 : sbf := in console.\no1 : sbf := out console.\no2 : sbf := out console.\n"
	for _, c := range []struct {
		name, spec string
		in         []uint64
		want       []uint64 // of the first output
	}{
		{"bits start at 0 without initial value", one + "always o1[t] = o1[t-1]'.", bits, []uint64{0, 1, 0, 1, 0}},
		{"one of two initial rows is given", one + "always o1[t] = o1[t-2]' && o1[0] = 1.", bits, []uint64{1, 0, 0, 1, 1, 0}},
		{"the later of two initial rows is given", one + "always o1[t] = o1[t-2] ^ i1[t] && o1[1] = 1.", bits, []uint64{0, 1, 0, 0, 1, 0}},
		{"white space in a look-back, no final dot", one + "always o1[t] = o1[ t - 1 ] ' && o1[0] = 0", bits, []uint64{0, 1, 0, 1, 0}},
		{"a same-tick reference joins a group, so its initial value is one of the whole group",
			two + "always o1[t] = o1[t-1] ^ i1[t] && o2[t] = o2[t-2]' & o1[t] && o1[0] = 1.", bits, []uint64{1, 0, 0, 1, 0, 0}},
		{"a look-back joins a group", two + "always o1[t] = o1[t-1] ^ i1[t] && o2[t] = o2[t-2]' & o1[t-1] && o1[0] = 1.", bits, []uint64{1, 0, 0, 1, 0, 0}},
		{"an initial value on an output that nothing looks back at", two + "always o1[t] = o2[t-1] & i1[t] && o2[t] = o2[t-1]' && o1[0] = 1 && o2[0] = 0.", bits, []uint64{1, 0, 1, 0, 0}},
		{"bits compare like numbers", one + "always ((i1[t] < 1) ? (o1[t] = 1) : (o1[t] = 0)).", bits, []uint64{1, 0, 0, 1}},
		{"a look-back that cancels beside one that is as long", one + "always o1[t] = o1[t-1] ^ i1[t] | o1[t-1] & 0.", bits, []uint64{0, 0, 1, 0, 0}},
		{"a word needs an initial value only in the rows that are looked back at",
			"i1 : bv[8] := in console.\no1 : bv[8] := out console.\no2 : sbf := out console.\nalways o1[t] = o1[t-1] + i1[t] && ((o1[t] > 0) ? (o2[t] = o2[t-2]') : (o2[t] = 0)) && o1[1] = {7}:bv[8].",
			words, []uint64{0, 7, 8, 8, 9}},
		{"the inner difference is subtracted", "i1 : bv[8] := in console.\no1 : bv[8] := out console.\nalways o1[t] = {9}:bv[8] - (i1[t] - {3}:bv[8]).", words, []uint64{11, 12, 11}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := mustLoad(t, c.spec)
			var got []uint64
			for _, row := range p.InitialRows() {
				got = append(got, row[0])
			}
			m, out := p.NewMachine(), make([]uint64, len(p.Info().Outputs))
			for _, v := range c.in {
				if err := m.Step([]uint64{v}, out); err != nil {
					t.Fatal(err)
				}
				got = append(got, out[0])
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("expected %v, found %v", c.want, got)
			}
		})
	}
}
