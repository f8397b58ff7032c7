// Package kernel gives the streams of the V35 kernel their names and types: the five input bits, the output bits, and the binding of both
// to whatever spec and engine are in use.
//
// A spec is bound by the file names of its streams (price.in, state.out, ...), which are the fixed contract with the outside; the names of
// the streams inside a spec are its author's. Bind refuses a spec that lacks a stream or has one of another type, so that a kernel can
// only ever be read completely: a missing or malformed output is "no verdict", never "yes".
//
// The package decides nothing. What the bits mean for money is in package core.
package kernel
