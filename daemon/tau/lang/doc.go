// Package lang is the embedded engine's language: a parser, checker, compiler and evaluator for the subset of Tau
// that both engines run alike.
//
//	spec   = { decl "." } "always" clause { "&&" clause } [ "." ]
//	decl   = name ":" type ":=" ("in"|"out") ( "file" "(" '"' path '"' ")" | "console" )
//	type   = "sbf" | "bv" "[" N "]"                                       1 <= N <= 64
//	clause = assign | init | cond ? body : body                           any of them in parentheses
//	body   = clause { "&&" clause }                                       every output in both branches, no init
//	assign = oname "[t]" "=" term
//	init   = oname "[" Q "]" "=" const                                    0 <= Q < look-back
//	cond   = term ("="|"!="|"<"|"<="|">"|">=") term, joined by && and ||  unsigned
//	term   = 0 | 1 | {5}:bv[8] | ref | term' | term (& ^ | + -) term
//	ref    = name "[t]" | oname "[t-" J "]"                               1 <= J <= MaxLookback
//
// Precedence, tightest first: ' & ^ | (+ -) (= != < <= > >=) && || ?:. A # starts a comment that ends with its line.
// The three parts of a conditional stand in parentheses each.
//
// # Time
//
// Let k be the largest look-back that can matter. Rows 0..k-1 read no input and obey no equation: an output has its
// initial value there, or 0. Row k is the first that reads an input line. A [Machine] starts at row k, so its first
// Step is the first input line; Program.InitialRows gives the rows before it.
//
// # What is promised
//
// A spec that Check accepts gives the same rows in the real binary (Tau 0.7.0-alpha, with a mirror output for every
// input) and here, bit for bit; the recorded runs of the binary are the evidence. Check therefore refuses what the
// binary gets wrong or leaves to chance, with the reason: undefined outputs, look-backs at inputs, a looked-back
// bit-vector without initial value, a variable twice in a sum, arithmetic mixed with bitwise operators, same-tick
// cycles, a bare 1 as a bit-vector, initial values on a group of outputs that looks back less far than the spec, and
// a look-back that cancels where it would move the first row.
//
// Evaluation is a pure function of state and inputs: no clock, no randomness, no allocation, no failure after the
// inputs were found to fit their types.
//
// # Where it ends
//
// The binary accepts more (implications, quantifiers, other types); this package does not. A few accepted specs the
// binary calls unsatisfiable or never starts; nothing here predicts that. Whether a look-back cancels is decided
// exactly for bits; a comparison or sum of bit-vectors counts as one opaque value.
package lang
