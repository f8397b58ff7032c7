package fixed

import (
	"errors"
	"math/big"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// reference computes a*b/c with math/big, which shares no code with MulDiv.
func reference(a, b, c Value, r Rounding) (Value, error) {
	if c == 0 {
		return 0, ErrDivideByZero
	}
	product := new(big.Int).Mul(big.NewInt(int64(a)), big.NewInt(int64(b)))
	quotient, rest := new(big.Int).QuoRem(product, big.NewInt(int64(c)), new(big.Int))
	if rest.Sign() != 0 {
		negative := rest.Sign()*big.NewInt(int64(c)).Sign() < 0
		switch {
		case negative && (r == Floor || r == AwayFromZero):
			quotient.Sub(quotient, big.NewInt(1))
		case !negative && (r == Ceil || r == AwayFromZero):
			quotient.Add(quotient, big.NewInt(1))
		}
	}
	if !quotient.IsInt64() {
		return 0, ErrOverflow
	}
	return Value(quotient.Int64()), nil
}

var roundings = []Rounding{Floor, Ceil, TowardZero, AwayFromZero}

// edgy draws the numbers at which money code breaks more often than chance would.
func edgy(random *rand.Rand) Value {
	edges := [...]Value{0, 1, -1, 2, -2, 3, -3, One, -One, One - 1, One + 1, BpsScale, Max, Max - 1, Min, Min + 1, 1 << 32, 1<<32 - 1}
	switch random.IntN(4) {
	case 0:
		return edges[random.IntN(len(edges))]
	case 1:
		return Value(random.Int64N(1_000_000)) - 500_000
	}
	return Value(random.Uint64()) >> random.IntN(64)
}

func compareWithReference(t testing.TB, cases int) {
	random := rand.New(rand.NewPCG(1, 2))
	overflows := 0
	for range cases {
		a, b, c, r := edgy(random), edgy(random), edgy(random), roundings[random.IntN(len(roundings))]
		got, gotErr := MulDiv(a, b, c, r)
		want, wantErr := reference(a, b, c, r)
		if got != want || !errors.Is(gotErr, wantErr) {
			t.Fatalf("MulDiv(%d, %d, %d, %d): expected %d, %v, found %d, %v", a, b, c, r, want, wantErr, got, gotErr)
		}
		if errors.Is(gotErr, ErrOverflow) {
			overflows++
		}
	}
	if overflows == 0 || overflows > cases*3/4 {
		t.Errorf("%d of %d cases overflow: the cases no longer cover both sides", overflows, cases)
	}
}

func TestMulDivAgreesWithArbitraryPrecision(t *testing.T) {
	cases := 1_000_000
	if testing.Short() {
		cases = 100_000
	}
	compareWithReference(t, cases)
}

// BenchmarkTenMillion compares ten million cases with math/big, once an iteration: go test -bench=TenMillion -benchtime=1x.
func BenchmarkTenMillion(b *testing.B) {
	for b.Loop() {
		compareWithReference(b, 10_000_000)
	}
}

func BenchmarkMulDiv(b *testing.B) {
	price, quantity := MustParse("1455.22"), MustParse("10.5")
	for b.Loop() {
		if _, err := price.Mul(quantity, Floor); err != nil {
			b.Fatal(err)
		}
	}
}

func TestRoundingIsTheOneThatTheCallNames(t *testing.T) {
	for _, c := range []struct {
		name                                  string
		a, b, c                               Value
		floor, ceil, towardZero, awayFromZero Value
	}{
		{"a positive half", 1, 1, 2, 0, 1, 0, 1},
		{"a negative half", -1, 1, 2, -1, 0, 0, -1},
		{"a negative divisor", 1, 1, -2, -1, 0, 0, -1},
		{"two negatives", -1, -1, 2, 0, 1, 0, 1},
		{"an exact quotient", 6, -7, 21, -2, -2, -2, -2},
		{"a third", 10, 1, 3, 3, 4, 3, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			for r, want := range map[Rounding]Value{Floor: c.floor, Ceil: c.ceil, TowardZero: c.towardZero, AwayFromZero: c.awayFromZero} {
				if got, err := MulDiv(c.a, c.b, c.c, r); err != nil || got != want {
					t.Errorf("rounding %d: expected %d, found %d, %v", r, want, got, err)
				}
			}
		})
	}
}

func TestOverflowIsAnErrorNeverAWrap(t *testing.T) {
	for _, c := range []struct {
		name string
		do   func() (Value, error)
		want error
	}{
		{"the largest plus one", func() (Value, error) { return Max.Add(1) }, ErrOverflow},
		{"the smallest minus one", func() (Value, error) { return Min.Sub(1) }, ErrOverflow},
		{"zero minus the smallest", func() (Value, error) { return Value(0).Sub(Min) }, ErrOverflow},
		{"the negated smallest", Min.Neg, ErrOverflow},
		{"the magnitude of the smallest", Min.Abs, ErrOverflow},
		{"the square of the largest", func() (Value, error) { return Max.Mul(Max, Floor) }, ErrOverflow},
		{"the smallest times minus one", func() (Value, error) { return Min.Mul(-One, Floor) }, ErrOverflow},
		{"the largest rounded up", func() (Value, error) { return MulDiv(Max, 3, 2, Ceil) }, ErrOverflow},
		{"a quotient by a tiny divisor", func() (Value, error) { return Max.Div(1, Floor) }, ErrOverflow},
		{"a quotient by zero", func() (Value, error) { return One.Div(0, Floor) }, ErrDivideByZero},
		{"a share in bps beyond the range", func() (Value, error) { return Max.MulBps(BpsScale+1, Floor) }, ErrOverflow},
		{"a whole number beyond the range", func() (Value, error) { return FromInt(9_223_372_037) }, ErrOverflow},
	} {
		t.Run(c.name, func(t *testing.T) {
			if v, err := c.do(); !errors.Is(err, c.want) || v != 0 {
				t.Errorf("expected 0 and %v, found %v and %v", c.want, v, err)
			}
		})
	}
}

func TestArithmeticOfATrade(t *testing.T) {
	price, quantity := MustParse("1455.22"), MustParse("10")
	notional, err := price.Mul(quantity, Floor)
	if err != nil || notional != MustParse("14552.2") {
		t.Fatalf("notional: expected 14552.2, found %v, %v", notional, err)
	}
	fee, err := notional.MulBps(30, Ceil)
	if err != nil || fee != MustParse("43.6566") {
		t.Errorf("fee: expected 43.6566, found %v, %v", fee, err)
	}
	if back, err := notional.Div(quantity, Floor); err != nil || back != price {
		t.Errorf("price again: expected %v, found %v, %v", price, back, err)
	}
	if v, err := FromInt(-7); err != nil || v != MustParse("-7") {
		t.Errorf("FromInt(-7): found %v, %v", v, err)
	}
}

func anyValue() *rapid.Generator[Value] {
	return rapid.Map(rapid.Int64(), func(n int64) Value { return Value(n) })
}

func TestSumsAgreeWithArbitraryPrecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := anyValue().Draw(t, "a"), anyValue().Draw(t, "b")
		check := func(name string, got Value, err error, want *big.Int) {
			if !want.IsInt64() {
				if !errors.Is(err, ErrOverflow) {
					t.Fatalf("%s: expected ErrOverflow, found %v, %v", name, got, err)
				}
				return
			}
			if err != nil || int64(got) != want.Int64() {
				t.Fatalf("%s: expected %v, found %d, %v", name, want, got, err)
			}
		}
		x, y := big.NewInt(int64(a)), big.NewInt(int64(b))
		sum, err := a.Add(b)
		check("sum", sum, err, new(big.Int).Add(x, y))
		difference, err := a.Sub(b)
		check("difference", difference, err, new(big.Int).Sub(x, y))
		negative, err := a.Neg()
		check("negative", negative, err, new(big.Int).Neg(x))
		magnitude, err := a.Abs()
		check("magnitude", magnitude, err, new(big.Int).Abs(x))
		if a.Cmp(b) != x.Cmp(y) || a.Sign() != x.Sign() {
			t.Fatalf("order of %d and %d", a, b)
		}
	})
}
