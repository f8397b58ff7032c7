package fixed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

var (
	// ErrSyntax says that a text is not a number of the form that was asked for.
	ErrSyntax = errors.New("not a decimal number")
	// ErrPrecision says that a number is not a whole count of 1e-9 units.
	ErrPrecision = errors.New("more than 9 digits after the point")
)

// ParseError says why a text is not a Value. It wraps ErrSyntax, ErrPrecision or ErrOverflow.
type ParseError struct {
	// Input is the refused text, shortened to what a line of a log bears.
	Input string
	// Err is ErrSyntax, ErrPrecision or ErrOverflow.
	Err error
}

// Error names the text and the reason.
func (e *ParseError) Error() string {
	return fmt.Sprintf("expected a decimal number with at most 9 digits after the point, found %q: %v", e.Input, e.Err)
}

// Unwrap returns the reason.
func (e *ParseError) Unwrap() error { return e.Err }

func refuse(text string, reason error) (Value, error) {
	const longest = 64
	if len(text) > longest {
		text = text[:longest] + "..."
	}
	return 0, &ParseError{Input: text, Err: reason}
}

// Parse reads an exact decimal: an optional minus sign, at least one digit, and optionally a point and one to nine digits. Everything else
// is a *ParseError: a plus sign, spaces, an exponent, more digits after the point (zeros too), a number out of range.
func Parse(text string) (Value, error) {
	n, ok := split(text)
	if !ok || n.hasExponent {
		return refuse(text, ErrSyntax)
	}
	if len(n.fraction) > Digits {
		return refuse(text, ErrPrecision)
	}
	v, err := n.value(false)
	if err != nil {
		return refuse(text, err)
	}
	return v, nil
}

// MustParse is Parse for constants in the source; it panics on an error.
func MustParse(text string) Value {
	v, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return v
}

// ParseJSONNumber reads a number as JSON writes it, exponent included, and exactly: 1.5e-9 is ErrPrecision, 15e-9 and 1.50e3 are Values.
// Digits beyond the ninth after the point must be zeros.
func ParseJSONNumber(text string) (Value, error) {
	return parseJSON(text, false)
}

// ParseTruncate is ParseJSONNumber, but digits beyond the ninth after the point are dropped, toward zero, instead of refused: for the
// prices of venues that print more digits than a Value has. It never rounds away from zero, so a positive price never reads too high.
func ParseTruncate(text string) (Value, error) {
	return parseJSON(text, true)
}

func parseJSON(text string, truncate bool) (Value, error) {
	n, ok := split(text)
	if !ok || (len(n.whole) > 1 && n.whole[0] == '0') {
		return refuse(text, ErrSyntax)
	}
	v, err := n.value(truncate)
	if err != nil {
		return refuse(text, err)
	}
	return v, nil
}

// number is a decimal number taken apart: (-)whole.fraction * 10^exponent.
type number struct {
	negative        bool
	whole, fraction string
	hasExponent     bool
	exponent        int
}

// farExponent stands for every exponent whose magnitude is beyond it: the longest text in memory cannot bring such a number into range.
const farExponent = 1 << 40

func split(text string) (n number, ok bool) {
	rest, negative := strings.CutPrefix(text, "-")
	n.negative = negative
	if n.whole, rest = digits(rest); n.whole == "" {
		return n, false
	}
	if after, point := strings.CutPrefix(rest, "."); point {
		if n.fraction, rest = digits(after); n.fraction == "" {
			return n, false
		}
	}
	if rest == "" {
		return n, true
	}
	if rest[0] != 'e' && rest[0] != 'E' {
		return n, false
	}
	n.hasExponent = true
	sign, rest := 1, rest[1:]
	if after, minus := strings.CutPrefix(rest, "-"); minus {
		sign, rest = -1, after
	} else {
		rest = strings.TrimPrefix(rest, "+")
	}
	exponent, rest := digits(rest)
	if exponent == "" || rest != "" {
		return n, false
	}
	magnitude, err := strconv.ParseInt(exponent, 10, 64)
	if err != nil || magnitude > farExponent {
		magnitude = farExponent
	}
	n.exponent = sign * int(magnitude)
	return n, true
}

// digits cuts the leading ASCII digits off.
func digits(text string) (leading, rest string) {
	i := 0
	for i < len(text) && '0' <= text[i] && text[i] <= '9' {
		i++
	}
	return text[:i], text[i:]
}

// value returns ErrPrecision (unless truncate) or ErrOverflow where the number is no Value.
func (n number) value(truncate bool) (Value, error) {
	mantissa := strings.TrimLeft(n.whole+n.fraction, "0")
	// In units of 1e-9 the number is mantissa * 10^shift.
	shift := Digits + n.exponent - len(n.fraction)
	if shift < 0 {
		kept := max(0, len(mantissa)+shift)
		if !truncate && strings.Trim(mantissa[kept:], "0") != "" {
			return 0, ErrPrecision
		}
		mantissa, shift = mantissa[:kept], 0
	}
	if mantissa == "" {
		return 0, nil
	}
	const mostDigits = 19
	if len(mantissa)+shift > mostDigits {
		return 0, ErrOverflow
	}
	// 19 digits are below 10^19 and so fit 64 unsigned bits.
	units, err := strconv.ParseUint(mantissa, 10, 64)
	if err != nil {
		return 0, ErrOverflow
	}
	for range shift {
		units *= 10
	}
	return withSign(units, n.negative)
}

// String returns the shortest exact decimal: no point without digits after it, no trailing zeros there, "0" for zero.
func (v Value) String() string {
	var buffer [24]byte
	return string(v.append(buffer[:0]))
}

// AppendText appends what String returns; the error is always nil.
func (v Value) AppendText(b []byte) ([]byte, error) {
	return v.append(b), nil
}

// MarshalText returns what String returns, and so makes a Value a string in JSON; the error is always nil.
func (v Value) MarshalText() ([]byte, error) {
	return v.append(make([]byte, 0, 24)), nil // the longest has 22 bytes
}

// UnmarshalText reads what Parse reads.
func (v *Value) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*v = parsed
	return nil
}

func (v Value) append(b []byte) []byte {
	if v < 0 {
		b = append(b, '-')
	}
	units := magnitude(v)
	b = strconv.AppendUint(b, units/Scale, 10)
	fraction := units % Scale
	if fraction == 0 {
		return b
	}
	b = append(b, '.')
	for place := uint64(Scale / 10); fraction != 0; place /= 10 {
		b = append(b, byte('0'+fraction/place))
		fraction %= place
	}
	return b
}
