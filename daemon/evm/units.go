package evm

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/taudaemon/taudaemon/daemon/fixed"
)

// MaxDecimals that a token or a feed may have; 10 to that power fits 128 bits.
const MaxDecimals = 36

// Amounts are exact integers here: a token's smallest units, of which 10^decimals make one. A fixed.Value has 9 decimals, so a token of 18 has
// units that no Value shows, and one of 6 has Values that no amount shows. Each conversion names what becomes of the rest.

// Pow10 is 10^n.
func Pow10(n uint8) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// ToUnits is v in a token's smallest units. An error if v is below 0 or the token has more than MaxDecimals.
func ToUnits(v fixed.Value, decimals uint8, r fixed.Rounding) (*big.Int, error) {
	if v < 0 || decimals > MaxDecimals {
		return nil, fmt.Errorf("expected an amount of at least 0 and at most %d decimals, found %s and %d", MaxDecimals, v, decimals)
	}
	return MulDiv(r, []*big.Int{big.NewInt(int64(v)), Pow10(decimals)}, []*big.Int{big.NewInt(fixed.Scale)}), nil
}

// FromUnits is an amount of a token's smallest units as a Value: an error if it is below 0 or more than a Value holds.
func FromUnits(n *big.Int, decimals uint8, r fixed.Rounding) (fixed.Value, error) {
	if n.Sign() < 0 || decimals > MaxDecimals {
		return 0, fmt.Errorf("expected an amount of at least 0 and at most %d decimals, found %s and %d", MaxDecimals, n, decimals)
	}
	return ToValue(MulDiv(r, []*big.Int{n, big.NewInt(fixed.Scale)}, []*big.Int{Pow10(decimals)}))
}

// ErrTooLarge says that an amount is more than a Value holds.
var ErrTooLarge = errors.New("more than 9223372036.854775807, the most that is counted here")

// ToValue is a count of 1e-9 units as a Value.
func ToValue(n *big.Int) (fixed.Value, error) {
	if !n.IsInt64() {
		return 0, ErrTooLarge
	}
	return fixed.Value(n.Int64()), nil
}

// MulDiv is the product of over divided by the product of under, all of them at least 0 and those under above it.
func MulDiv(r fixed.Rounding, over, under []*big.Int) *big.Int {
	n, d := product(over), product(under)
	q, rest := new(big.Int).QuoRem(n, d, new(big.Int))
	if rest.Sign() > 0 && (r == fixed.Ceil || r == fixed.AwayFromZero) {
		q.Add(q, big.NewInt(1))
	}
	return q
}

func product(factors []*big.Int) *big.Int {
	p := big.NewInt(1)
	for _, f := range factors {
		p.Mul(p, f)
	}
	return p
}
