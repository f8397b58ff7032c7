// Package signal turns the stream of prices and volumes into the market bits that the kernel trades on: whether the price is below its
// band, above the target of the held position, whether volume is high, and whether the trend is up.
//
// All is integer arithmetic over windows of past ticks, and pure: State is a value, Next returns a new one and never changes the old. While
// a window is filling the signal is not warm, and nothing may be entered. Ticks without freshness leave the windows as they are.
package signal
