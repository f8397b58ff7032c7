package fixed

import (
	"encoding/json"
	"errors"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTextIsReadExactlyOrRefused(t *testing.T) {
	type result struct {
		value Value
		err   error
	}
	good := func(units int64) result { return result{value: Value(units)} }
	bad := func(err error) result { return result{err: err} }
	for _, c := range []struct {
		name, text                  string
		parse, jsonNumber, truncate result
	}{
		{"zero", "0", good(0), good(0), good(0)},
		{"minus zero", "-0", good(0), good(0), good(0)},
		{"a price", "1455.22", good(1455_220_000_000), good(1455_220_000_000), good(1455_220_000_000)},
		{"the smallest unit", "-0.000000001", good(-1), good(-1), good(-1)},
		{"the largest", "9223372036.854775807", good(int64(Max)), good(int64(Max)), good(int64(Max))},
		{"the smallest", "-9223372036.854775808", good(int64(Min)), good(int64(Min)), good(int64(Min))},
		{"one unit beyond the largest", "9223372036.854775808", bad(ErrOverflow), bad(ErrOverflow), bad(ErrOverflow)},
		{"one unit below the smallest", "-9223372036.854775809", bad(ErrOverflow), bad(ErrOverflow), bad(ErrOverflow)},
		{"twenty digits", "99999999999.999999999", bad(ErrOverflow), bad(ErrOverflow), bad(ErrOverflow)},
		{"a number of more than 64 bits", "18446744073709551617", bad(ErrOverflow), bad(ErrOverflow), bad(ErrOverflow)},
		{"leading zeros", "007.5", good(7_500_000_000), bad(ErrSyntax), bad(ErrSyntax)},
		{"a tenth digit", "1.0000000019", bad(ErrPrecision), bad(ErrPrecision), good(1_000_000_001)},
		{"a tenth digit of a negative", "-1.0000000019", bad(ErrPrecision), bad(ErrPrecision), good(-1_000_000_001)},
		{"a tenth digit that is zero", "1.0000000010", bad(ErrPrecision), good(1_000_000_001), good(1_000_000_001)},
		{"an exponent", "1.4552200e+3", bad(ErrSyntax), good(1455_220_000_000), good(1455_220_000_000)},
		{"a capital exponent", "25E-1", bad(ErrSyntax), good(2_500_000_000), good(2_500_000_000)},
		{"an exponent below the smallest unit", "15e-10", bad(ErrSyntax), bad(ErrPrecision), good(1)},
		{"an exponent of zero units", "1e-10", bad(ErrSyntax), bad(ErrPrecision), good(0)},
		{"an exponent beyond the range", "1e10", bad(ErrSyntax), bad(ErrOverflow), bad(ErrOverflow)},
		{"an absurd exponent", "1e99999999999999999999", bad(ErrSyntax), bad(ErrOverflow), bad(ErrOverflow)},
		{"an absurd negative exponent", "1e-99999999999999999999", bad(ErrSyntax), bad(ErrPrecision), good(0)},
		{"zero with an absurd exponent", "0.00e99999999999999999999", bad(ErrSyntax), good(0), good(0)},
		{"zeros and an exponent that cancel", "1" + strings.Repeat("0", 40) + "e-40", bad(ErrSyntax), good(1_000_000_000), good(1_000_000_000)},
		{"nothing", "", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a minus sign", "-", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"two minus signs", "--1", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a plus sign", "+1", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"no digit before the point", ".5", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"no digit after the point", "5.", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"two points", "1.2.3", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a comma", "1,5", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"an underscore", "1_000", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a space before", " 1", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a space after", "1 ", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"a line feed", "1\n", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"an exponent without digits", "1e", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"an exponent with two signs", "1e+-1", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"not a number", "NaN", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"infinity", "Inf", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"hexadecimal", "0x10", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
		{"digits of another script", "١", bad(ErrSyntax), bad(ErrSyntax), bad(ErrSyntax)},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, f := range []struct {
				name  string
				parse func(string) (Value, error)
				want  result
			}{{"Parse", Parse, c.parse}, {"ParseJSONNumber", ParseJSONNumber, c.jsonNumber}, {"ParseTruncate", ParseTruncate, c.truncate}} {
				got, err := f.parse(c.text)
				if got != f.want.value || !errors.Is(err, f.want.err) {
					t.Errorf("%s(%q): expected %d, %v, found %d, %v", f.name, c.text, f.want.value, f.want.err, got, err)
				}
			}
		})
	}
}

func TestAnErrorNamesTheTextAndStaysShort(t *testing.T) {
	_, err := Parse("1.5 USD")
	if want := `expected a decimal number with at most 9 digits after the point, found "1.5 USD": not a decimal number`; err == nil || err.Error() != want {
		t.Errorf("expected %q, found %v", want, err)
	}
	if _, err := Parse(strings.Repeat("x", 100_000)); err == nil || len(err.Error()) > 250 {
		t.Errorf("expected a short error, found %d bytes", len(err.Error()))
	}
}

func TestPrintedTextIsTheShortestAndReadsBackAsTheSameValue(t *testing.T) {
	for text, units := range map[string]Value{"0": 0, "1": One, "-0.5": -One / 2, "0.000000001": 1, "9223372036.854775807": Max, "-9223372036.854775808": Min, "10.01": 10_010_000_000} {
		if units.String() != text {
			t.Errorf("expected %s, found %s", text, units)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue().Draw(t, "v")
		text := v.String()
		for _, parse := range []func(string) (Value, error){Parse, ParseJSONNumber, ParseTruncate} {
			if back, err := parse(text); err != nil || back != v {
				t.Fatalf("%d is printed as %s and read as %d, %v", v, text, back, err)
			}
		}
		exact := new(big.Rat).SetFrac64(int64(v), Scale)
		if printed, ok := new(big.Rat).SetString(text); !ok || printed.Cmp(exact) != 0 {
			t.Fatalf("%d is printed as %s", v, text)
		}
		if strings.Contains(text, ".") && strings.HasSuffix(text, "0") {
			t.Fatalf("%s is not the shortest text", text)
		}
	})
}

func TestInJSONAValueIsAString(t *testing.T) {
	type order struct {
		Price Value `json:"price"`
		Fee   Value `json:"fee,omitzero"`
	}
	encoded, err := json.Marshal(order{Price: MustParse("1455.22")})
	if err != nil || string(encoded) != `{"price":"1455.22"}` {
		t.Fatalf("found %s, %v", encoded, err)
	}
	var back order
	if err := json.Unmarshal(encoded, &back); err != nil || back.Price != MustParse("1455.22") {
		t.Fatalf("found %v, %v", back, err)
	}
	for _, bad := range []string{`{"price":1455.22}`, `{"price":"1e3"}`, `{"price":""}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s: expected an error", bad)
		}
	}
	if text, err := One.AppendText([]byte("x=")); err != nil || string(text) != "x=1" {
		t.Errorf("AppendText: found %s, %v", text, err)
	}
}

// FuzzParse holds the three parsers against math/big: what they accept, they read as the exact number (or its truncation).
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0", "-1.5", "1e9", "0.1234567891", "9223372036.854775808", "1E-30", "00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, parse := range []func(string) (Value, error){Parse, ParseJSONNumber, ParseTruncate} {
			v, err := parse(text)
			if err != nil {
				continue
			}
			if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > 4 {
				continue // math/big would build the power.
			}
			exact, ok := new(big.Rat).SetString(text)
			if !ok {
				t.Fatalf("%q was read as %v and is no number", text, v)
			}
			rest := exact.Mul(exact, big.NewRat(Scale, 1)).Sub(exact, new(big.Rat).SetInt64(int64(v)))
			if rest.Sign() != 0 && (rest.Cmp(big.NewRat(1, 1)) >= 0 || rest.Cmp(big.NewRat(-1, 1)) <= 0) {
				t.Fatalf("%q was read as %v, off by %v units", text, v, rest)
			}
		}
		if v, err := Parse(text); err == nil {
			exact, _ := new(big.Rat).SetString(text)
			if exact.Cmp(new(big.Rat).SetFrac64(int64(v), Scale)) != 0 {
				t.Fatalf("Parse(%q) = %v is not exact", text, v)
			}
		}
	})
}
