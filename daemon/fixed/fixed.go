package fixed

import (
	"errors"
	"math"
	"math/bits"
)

const (
	// Digits is the number of decimal digits after the point.
	Digits = 9
	// Scale is the number of Value's units in one: 1e9.
	Scale = 1_000_000_000
	// BpsScale is the number of basis points in one.
	BpsScale = 10_000
)

const (
	// One is the number 1.
	One Value = Scale
	// Max is the largest Value, 9223372036.854775807.
	Max Value = math.MaxInt64
	// Min is the smallest Value, -9223372036.854775808.
	Min Value = math.MinInt64
)

var (
	// ErrOverflow says that a result lies outside Min to Max.
	ErrOverflow = errors.New("fixed: outside -9223372036.854775808 to 9223372036.854775807")
	// ErrDivideByZero says that a divisor is zero.
	ErrDivideByZero = errors.New("fixed: division by zero")
)

// Value is a number in units of 1e-9. The zero Value is the number 0. Values compare with the operators of Go; sums and products do
// not: use the methods, which report an overflow.
type Value int64

// Rounding says which neighbour is taken when a product or quotient is not a whole number of 1e-9 units.
type Rounding uint8

const (
	// Floor rounds toward minus infinity: for proceeds.
	Floor Rounding = iota
	// Ceil rounds toward plus infinity: for costs.
	Ceil
	// TowardZero drops what does not fit.
	TowardZero
	// AwayFromZero grows the magnitude.
	AwayFromZero
)

// FromInt returns n as a Value, or ErrOverflow.
func FromInt(n int64) (Value, error) {
	return MulDiv(Value(n), One, 1, Floor)
}

// Add returns v + w, or ErrOverflow.
func (v Value) Add(w Value) (Value, error) {
	sum := v + w
	// The sum wrapped exactly if both operands have the sign that it has not.
	if (v^sum)&(w^sum) < 0 {
		return 0, ErrOverflow
	}
	return sum, nil
}

// Sub returns v - w, or ErrOverflow.
func (v Value) Sub(w Value) (Value, error) {
	difference := v - w
	if (v^w)&(v^difference) < 0 {
		return 0, ErrOverflow
	}
	return difference, nil
}

// Neg returns -v, or ErrOverflow for Min.
func (v Value) Neg() (Value, error) {
	if v == Min {
		return 0, ErrOverflow
	}
	return -v, nil
}

// Abs returns the magnitude of v, or ErrOverflow for Min.
func (v Value) Abs() (Value, error) {
	if v < 0 {
		return v.Neg()
	}
	return v, nil
}

// Cmp returns -1, 0 or 1 as v is below, equal to or above w.
func (v Value) Cmp(w Value) int {
	switch {
	case v < w:
		return -1
	case v > w:
		return 1
	}
	return 0
}

// Sign returns -1, 0 or 1 as v is below, equal to or above zero.
func (v Value) Sign() int {
	return v.Cmp(0)
}

// Mul returns v * w, or ErrOverflow.
func (v Value) Mul(w Value, r Rounding) (Value, error) {
	return MulDiv(v, w, One, r)
}

// Div returns v / w, ErrDivideByZero or ErrOverflow.
func (v Value) Div(w Value, r Rounding) (Value, error) {
	return MulDiv(v, One, w, r)
}

// MulBps returns v * bps / 10000, or ErrOverflow. bps is a plain count of basis points: 30 is 0.3 %.
func (v Value) MulBps(bps int64, r Rounding) (Value, error) {
	return MulDiv(v, Value(bps), BpsScale, r)
}

// MulDiv returns a * b / c as integers, through a 128-bit product: ErrDivideByZero if c is zero, ErrOverflow if the rounded quotient does
// not fit. Where two of the three have the scale of a Value (the usual case: a price times a ratio of two others), so has the result.
func MulDiv(a, b, c Value, r Rounding) (Value, error) {
	if c == 0 {
		return 0, ErrDivideByZero
	}
	negative := (a < 0) != (b < 0) != (c < 0)
	high, low := bits.Mul64(magnitude(a), magnitude(b))
	divisor := magnitude(c)
	if high >= divisor {
		return 0, ErrOverflow
	}
	quotient, rest := bits.Div64(high, low, divisor)
	if rest != 0 && growsMagnitude(r, negative) {
		quotient++
		if quotient == 0 {
			return 0, ErrOverflow
		}
	}
	return withSign(quotient, negative)
}

// growsMagnitude tells whether an inexact quotient of that sign is rounded to the neighbour of larger magnitude.
func growsMagnitude(r Rounding, negative bool) bool {
	switch r {
	case Ceil:
		return !negative
	case TowardZero:
		return false
	case AwayFromZero:
		return true
	case Floor:
	}
	return negative
}

// magnitude is exact for Min too, whose magnitude only fits the unsigned type.
func magnitude(v Value) uint64 {
	if v < 0 {
		return -uint64(v)
	}
	return uint64(v)
}

func withSign(magnitude uint64, negative bool) (Value, error) {
	switch {
	case negative && magnitude <= 1<<63:
		return Value(-magnitude), nil
	case !negative && magnitude <= math.MaxInt64:
		return Value(magnitude), nil
	}
	return 0, ErrOverflow
}
