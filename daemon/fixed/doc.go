// Package fixed is the money of the daemon: signed 64-bit counts of 1e-9 units.
//
// Every price, quantity, fee and balance between an oracle's answer and a ledger record is a [Value]. The package promises that
//
//   - text is read and printed exactly: no float is on the way, and Parse(v.String()) == v for every v;
//   - products and quotients go through a 128-bit intermediate, so only a result that does not fit is an error, never a step on the way;
//   - whatever is not exact is rounded the way the caller named ([Floor], [Ceil], [TowardZero], [AwayFromZero]);
//   - a result outside the range is [ErrOverflow], never a wrapped number.
//
// Its range is -9223372036.854775808 to 9223372036.854775807. It ends there: there is no arbitrary precision, and no unit or currency is
// attached to a Value.
package fixed
