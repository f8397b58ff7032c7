// Package double stands in for the Tau binary in tests: a program that behaves as the real one was measured to, its
// traps included, and that can be told to fail in every way that package process has to survive.
//
// A test binary becomes the double by starting itself again:
//
//	func TestMain(m *testing.M) {
//		if double.Asked() {
//			os.Exit(double.Main(os.Args[1:]))
//		}
//		os.Exit(m.Run())
//	}
//
// and giving os.Args[0] (see [Path]) as the path of the binary, with TAU_DOUBLE=1 in the environment. The program in
// hack/taudouble is the double as a binary of its own.
//
// It understands the two forms of the real binary, on files and on named pipes: SPEC.tau OPTIONS, and the interactive form that
// reads declarations and "run always ..." from standard input. It evaluates by package lang, or answers what was
// recorded. What it copies of the real one:
//
//   - options after the spec; before it they start the interactive form
//   - exit code 0 for what goes wrong after the first row, with an "(Error)" text; 1 for what goes wrong before it in a
//     spec file, 0 in the interactive form
//   - rows 0..k-1 read no input; bit-vectors without initial value are arbitrary there
//   - an input whose value cannot matter in the present state is not read, unless something (a mirror) reads it
//   - the end of an input, or an empty line, ends the run with exit code 0
//   - a spec file with conditionals over bit-vectors never starts
//   - a formula over several lines is no formula in the interactive form
//
// What it does not: symbols as values (an input such as "yes" is an error here), and specs that package lang refuses.
//
// The environment chooses the rest:
//
//	TAU_DOUBLE=1             be the double (for Asked)
//	TAU_DOUBLE_VERSION=TEXT  what --version prints
//	TAU_DOUBLE_FAULT=KIND[@TICK][=DURATION]  what goes wrong (see Fault), in a process's tick TICK, from 0
//	TAU_DOUBLE_ONCE=FILE     only if FILE is absent; it is made then, so that the next process is sound
//	TAU_DOUBLE_START=DURATION, TAU_DOUBLE_STEP=DURATION  time taken before the first row, and in each tick
//	TAU_DOUBLE_REPLAY=DIR    answer the recorded rows of DIR/inputs.csv and DIR/outputs.csv
//	TAU_DOUBLE_TIMES=FILE    append the nanoseconds of each tick, from its last input line to its last output line
package double
