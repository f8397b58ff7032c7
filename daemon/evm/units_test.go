package evm_test

import (
	"errors"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"github.com/taudaemon/taudaemon/daemon/evm"
	"github.com/taudaemon/taudaemon/daemon/fixed"
)

func units(s string) *big.Int {
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		panic(s)
	}
	return n
}

func TestAmountsOfTokensAsValuesAndBack(t *testing.T) {
	for _, c := range []struct {
		name     string
		value    string
		decimals uint8
		rounding fixed.Rounding
		units    string
		back     string // the units as a Value, rounded the same way
	}{
		{"a token of 18 decimals shows every Value", "1.000000001", 18, fixed.Floor, "1000000001000000000", "1.000000001"},
		{"a token of 9 decimals is a Value", "12.5", 9, fixed.Ceil, "12500000000", "12.5"},
		{"a token of 6 decimals drops the rest, down", "1.0000019", 6, fixed.Floor, "1000001", "1.000001"},
		{"and up", "1.0000011", 6, fixed.Ceil, "1000002", "1.000002"},
		{"a token without decimals", "3.999999999", 0, fixed.Floor, "3", "3"},
		{"nothing is nothing", "0", 18, fixed.Ceil, "0", "0"},
		{"the largest Value", "9223372036.854775807", 18, fixed.Floor, "9223372036854775807000000000", "9223372036.854775807"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := evm.ToUnits(fixed.MustParse(c.value), c.decimals, c.rounding)
			if err != nil || n.Cmp(units(c.units)) != 0 {
				t.Fatalf("expected %s, found %s %v", c.units, n, err)
			}
			v, err := evm.FromUnits(n, c.decimals, c.rounding)
			if err != nil || v != fixed.MustParse(c.back) {
				t.Fatalf("expected %s back, found %s %v", c.back, v, err)
			}
		})
	}
}

func TestDustOfATokenIsRoundedAsAsked(t *testing.T) {
	for want, r := range map[string]fixed.Rounding{"0.000000001": fixed.Floor, "0.000000002": fixed.Ceil} {
		if v, err := evm.FromUnits(units("1000000001"), 18, r); err != nil || v != fixed.MustParse(want) {
			t.Errorf("expected %s, found %s %v", want, v, err)
		}
	}
}

func TestWhatIsNoAmountIsAnError(t *testing.T) {
	if _, err := evm.ToUnits(-1, 18, fixed.Floor); err == nil {
		t.Error("below 0: expected an error")
	}
	if _, err := evm.ToUnits(1, evm.MaxDecimals+1, fixed.Floor); err == nil {
		t.Error("too many decimals: expected an error")
	}
	if _, err := evm.FromUnits(units("-1"), 18, fixed.Floor); err == nil {
		t.Error("below 0: expected an error")
	}
	if _, err := evm.FromUnits(units("9223372036854775807000000001"), 18, fixed.Ceil); !errors.Is(err, evm.ErrTooLarge) {
		t.Errorf("more than a Value: found %v", err)
	}
}

func TestNoConversionIsOffByMoreThanAUnit(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := fixed.Value(rapid.Int64Min(0).Draw(t, "value"))
		decimals := uint8(rapid.IntRange(0, evm.MaxDecimals).Draw(t, "decimals"))
		down, err := evm.ToUnits(v, decimals, fixed.Floor)
		if err != nil {
			t.Fatal(err)
		}
		up, err := evm.ToUnits(v, decimals, fixed.Ceil)
		if err != nil {
			t.Fatal(err)
		}
		if d := new(big.Int).Sub(up, down); d.Sign() < 0 || d.Cmp(big.NewInt(1)) > 0 || decimals >= fixed.Digits && d.Sign() != 0 {
			t.Fatalf("down %s, up %s", down, up)
		}
		back, err := evm.FromUnits(down, decimals, fixed.Floor)
		if err != nil || back > v || decimals >= fixed.Digits && back != v {
			t.Fatalf("%s came back as %s %v", v, back, err)
		}
	})
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct {
		text string
		good bool
	}{
		{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", true}, // from EIP-55
		{"0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed", true},
		{"0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED", true},
		{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed", false}, // one letter's case
		{"5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", false},
		{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeA", false},
		{"0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeg", false},
		{"", false},
	} {
		if a, err := evm.ParseAddress(c.text); (err == nil) != c.good || c.good && a.Hex() != "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed" {
			t.Errorf("%q: found %s %v", c.text, a, err)
		}
	}
}
